// A connection to a server that gives the same reply to every request.
#include "redis/connection.h"

#include "os/clock.h"
#include "redis/subscription.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace dlock;
using namespace dlock::redis;
using namespace std::chrono_literals;

namespace {

/// Sends that text to its first client, and closes the connection when it is told to end.
class DeafServer {
 public:
  explicit DeafServer(std::string words) : words_(std::move(words)) {
    std::filesystem::remove(endpoint_.socket_path);
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    endpoint_.socket_path.copy(name.sun_path, sizeof name.sun_path - 1);
    REQUIRE(::bind(listener_.number(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    REQUIRE(::listen(listener_.number(), 1) == 0);
    thread_ = std::thread{[this] {
      client_ = Fd{::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC)};
      ::send(client_.number(), words_.data(), words_.size(), MSG_NOSIGNAL);
    }};
  }
  ~DeafServer() {
    if (thread_.joinable()) thread_.join();
    std::filesystem::remove(endpoint_.socket_path);
  }

  Connection connection() const { return {endpoint_, {}}; }
  void hang_up() {
    thread_.join();
    client_.close();
  }

 private:
  std::string words_;
  Endpoint endpoint_{.socket_path = "/tmp/dlock-unit-" + std::to_string(::getpid()) + ".sock"};
  Fd listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  Fd client_;
  std::thread thread_;
};

/// Longer than any reply takes here.
CallDeadline patience() { return {BootClock::now() + 10s}; }

bool says(const StoreFault& fault, const char* what) {
  return fault.sentence.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a server that answers with a TLS alert is reported as speaking TLS") {
  const DeafServer server{"\x15\x03\x03"};
  Connection connection = server.connection();
  REQUIRE(connection.ensure_open(patience()));
  const auto answer = connection.ask({{"PING"}}, patience());
  REQUIRE_FALSE(answer);
  CHECK(says(answer.error(), "speaks TLS; write rediss instead of redis"));
  CHECK_FALSE(connection.open());
}

TEST_CASE("bytes outside the Redis protocol close the connection, even if no reply was expected") {
  const DeafServer server{"HTTP/1.1 400 Bad Request\r\n"};
  Connection connection = server.connection();
  REQUIRE(connection.ensure_open(patience()));
  REQUIRE(connection.tell({"SUBSCRIBE", "wake"}, patience()));
  const auto heard = connection.listen(patience());
  REQUIRE_FALSE(heard);
  CHECK(says(heard.error(), "does not speak the Redis protocol"));
  CHECK_FALSE(connection.open());
}

TEST_CASE("a second reply to one request closes the connection at once") {
  const DeafServer server{"+PONG\r\n+PONG\r\n"};
  Connection connection = server.connection();
  REQUIRE(connection.ensure_open(patience()));
  const auto answer = connection.ask({{"PING"}}, patience());
  REQUIRE_FALSE(answer);
  CHECK(says(answer.error(), "does not speak the Redis protocol"));
  CHECK_FALSE(connection.open());
}

TEST_CASE("no request is sent on a connection that the server has closed") {
  DeafServer server{""};
  Connection connection = server.connection();
  REQUIRE(connection.ensure_open(patience()));
  server.hang_up();
  const auto told = connection.tell({"SUBSCRIBE", "wake"}, patience());
  REQUIRE_FALSE(told);
  CHECK(says(told.error(), "the connection to"));
  CHECK_FALSE(connection.open());
}

TEST_CASE("a connection that the server has closed is opened again before the next request") {
  DeafServer server{""};
  Connection connection = server.connection();
  REQUIRE(connection.ensure_open(patience()));
  const std::uint64_t first = connection.number();
  CHECK(connection.ensure_open(patience()));
  CHECK(connection.number() == first);
  server.hang_up();
  CHECK(connection.ensure_open(patience()));
  CHECK(connection.number() != first);
}

TEST_CASE("a subscription that the server does not confirm ends at its deadline") {
  const DeafServer server{"*3\r\n"};
  const auto bell = Subscription::open(std::make_unique<Connection>(server.connection()), "wake",
                                       {BootClock::now() + 300ms});
  REQUIRE_FALSE(bell);
  CHECK(says(bell.error(), "did not answer within "));
}
