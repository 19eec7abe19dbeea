// The messages between the two supervisors, up to the last message of one that dies.
#include "supervise/channel.h"

#include "supervise/front_messages.h"

#include <doctest/doctest.h>

#include <csignal>
#include <fcntl.h>
#include <unistd.h>

using namespace dlock;
using namespace dlock::supervise;

TEST_CASE("messages arrive whole and in order, with their descriptors") {
  auto [front, engine] = Channel::make_pair();
  const std::string path(5000, 'x');
  CHECK(engine.send({.kind = MessageKind::Cgroup, .text = path}));
  CHECK(engine.send({.kind = MessageKind::JobGone, .number = 3, .detail = -7}));
  CHECK(
      engine.send({.kind = MessageKind::LockDescriptor, .fd = Fd{::open("/dev/null", O_RDONLY)}}));
  auto first = front.receive();
  REQUIRE(first);
  CHECK(first->kind == MessageKind::Cgroup);
  CHECK(first->text == path);
  CHECK_FALSE(first->fd.open());
  auto second = front.receive();
  REQUIRE(second);
  CHECK(second->number == 3);
  CHECK(second->detail == -7);
  auto third = front.receive();
  REQUIRE(third);
  REQUIRE(third->fd.open());
  CHECK((::fcntl(third->fd.number(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK_FALSE(front.receive());
  CHECK_FALSE(front.peer_gone());
}

TEST_CASE("the last messages of a peer that died are received, even if it left messages unread") {
  auto [front, engine] = Channel::make_pair();
  CHECK(front.send({.kind = MessageKind::Signal, .number = SIGTERM}));
  CHECK(engine.send({.kind = MessageKind::Killing, .text = "why"}));
  engine.close();
  const auto last = front.receive();
  REQUIRE(last);
  CHECK(last->text == "why");
  CHECK_FALSE(front.receive());
  CHECK(front.peer_gone());
}

TEST_CASE(
    "a signal that the front passes on, or the end of the front, cancels the wait of the engine") {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    auto [front, engine] = Channel::make_pair();
    FrontMessages calls{engine};
    CHECK_FALSE(calls.requested());
    CHECK(front.send({.kind = MessageKind::Signal, .number = number}));
    CHECK(calls.requested());
    CHECK(calls.signal() == number);
  }
  auto [front, engine] = Channel::make_pair();
  FrontMessages calls{engine};
  front.close();
  CHECK(calls.requested());
}
