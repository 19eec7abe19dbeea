// The reply to a job that queries its lock, and what counts as progress.
#include "heartbeat/job_socket.h"

#include "heartbeat/heartbeat_client.h"
#include "os/clock.h"
#include "os/datagram.h"
#include "os/wait.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

/// The exit code of `dlock heartbeat`.
ExitCode answer_of(const JobSocket& socket) {
  const auto reported = send_heartbeat(socket.directory().socket_path(), BootClock::now() + 10s);
  return reported ? ExitCode::Success : reported.error().code;
}

/// A socket that is closed at the end of the case.
struct Socket {
  explicit Socket(const SharedDeadline& deadline) {
    auto made = JobSocket::make(deadline, JobSocket::Notifications{""});
    REQUIRE(made.ok());
    socket = std::move(*made);
  }
  ~Socket() {
    socket->stop(BootClock::now() + 10s);
    socket->remove_directory();
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  std::unique_ptr<JobSocket> socket;
};

}  // namespace

TEST_CASE("the heartbeat reply says whether the lock is held, unconfirmed or lost") {
  SharedDeadline deadline{SharedDeadline::Leases::Expire, SharedDeadline::Over::UntilRenewed, 1min};
  deadline.move_to(BootClock::now() + 1min);
  const Socket held{deadline};
  CHECK(answer_of(*held.socket) == ExitCode::Success);

  SharedDeadline over{SharedDeadline::Leases::Expire, SharedDeadline::Over::UntilRenewed, 1min};
  over.move_to(BootClock::now() - 1ms);
  const Socket unproved{over};
  CHECK(answer_of(*unproved.socket) == ExitCode::LockUnconfirmed);

  held.socket->tell_of_loss();
  CHECK(answer_of(*held.socket) == ExitCode::LockLost);
}

TEST_CASE("only a query and a line WATCHDOG=1 count as progress") {
  SharedDeadline deadline{SharedDeadline::Leases::Last, SharedDeadline::Over::ForGood, 1min};
  const Socket job{deadline};
  const Fd sender = connect_datagram_socket(job.socket->directory().socket_path());
  REQUIRE(sender.open());
  const auto last_report = [&] { return job.socket->last_report(); };
  const auto handled = [&] {  // all earlier datagrams were read once this one is answered
    const Instant before = last_report();
    CHECK(answer_of(*job.socket) == ExitCode::Success);
    CHECK(last_report() > before);
    return last_report();
  };
  const Instant first = handled();
  CHECK(send_datagram(sender, "READY=1\nSTATUS=WATCHDOG=1", {}));
  CHECK(send_datagram(sender, "DLOCK_HEARTBEAT=1", {}));  // without a reply address
  for (int i = 0; i < 20; ++i) {
    wait_for_any({}, BootClock::now() + 1ms);
    CHECK(last_report() == first);
  }
  CHECK(send_datagram(sender, "STATUS=busy\nWATCHDOG=1\n", {}));
  for (const Instant until = BootClock::now() + 10s;
       last_report() == first && BootClock::now() < until;)
    wait_for_any({}, BootClock::now() + 1ms);
  CHECK(last_report() > first);
}
