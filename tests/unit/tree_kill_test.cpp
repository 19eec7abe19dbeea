// The order of a kill: the cgroup and the tree, repeatedly, and a message when that takes too long.
#include "job/tree_kill.h"

#include "os/clock.h"
#include "unit/child.h"
#include "unit/noting_log.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace dlock;
using namespace std::chrono_literals;

namespace {

/// A child that waits to be killed.
class Child {
 public:
  Child() : pid_(test::fork_waiting_child()) {}
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool ends() {
    for (const Instant until = BootClock::now() + 10s; BootClock::now() < until;) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = 0;
        return true;
      }
      ::usleep(1000);
    }
    return false;
  }

 private:
  pid_t pid_;
};

/// A directory that looks like a cgroup, but contains no process of the job.
class EmptyCgroup {
 public:
  EmptyCgroup() {
    std::string pattern = std::filesystem::temp_directory_path() / "dlock-unit-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    cgroup_ = Cgroup{pattern, {}};
    std::ofstream{pattern + "/cgroup.kill"} << "";
  }
  ~EmptyCgroup() { std::filesystem::remove_all(cgroup_.path()); }
  EmptyCgroup(const EmptyCgroup&) = delete;
  EmptyCgroup& operator=(const EmptyCgroup&) = delete;

  const Cgroup& cgroup() const { return cgroup_; }
  std::string written() const {
    std::string text;
    std::ifstream{cgroup_.path() + "/cgroup.kill"} >> text;
    return text;
  }

 private:
  Cgroup cgroup_;
};

}  // namespace

TEST_CASE("a process outside the cgroup of the job is killed as well, a moment later") {
  test::NotingLog log;
  const Proc proc;
  const EmptyCgroup empty;
  Child child;
  TreeKill kill{Tree{proc, ::getsid(0)}, empty.cgroup(), log};
  CHECK(kill.next() == never);
  const Instant now = BootClock::now();
  kill.begin(now, now);
  CHECK(empty.written() == "1");
  CHECK(kill.next() > now);
  CHECK(kill.next() <= now + 50ms);
  kill.sweep(kill.next());
  CHECK(child.ends());
}

TEST_CASE(
    "a kill is repeated, first after a millisecond, and less often when no new process appears") {
  test::NotingLog log;
  const Proc proc;
  const Cgroup none;
  TreeKill kill{Tree{proc, ::getsid(0)}, none, log};
  Child first;
  Instant now = BootClock::now();
  kill.begin(now, now);
  CHECK(kill.next() == now + 1ms);
  Duration pause{};
  for (int sweep = 0; sweep < 10; ++sweep) {
    now = kill.next();
    kill.sweep(now);
    CHECK(kill.next() - now >= pause);
    pause = kill.next() - now;
  }
  CHECK(pause == 50ms);
  Child second;
  now = kill.next();
  kill.sweep(now);
  CHECK(kill.next() == now + 1ms);
  CHECK(first.ends());
  CHECK(second.ends());
}

TEST_CASE("a job that survives a kill for two seconds is reported, and then once a second") {
  test::NotingLog log;
  const Proc proc;
  const Cgroup none;
  TreeKill kill{Tree{proc, ::getsid(0)}, none, log};
  const Instant began = BootClock::now();
  kill.begin(began, began);
  kill.sweep(began + 1999ms);
  CHECK(log.said.empty());
  kill.sweep(began + 2000ms);
  CHECK(log.said.size() == 1);
  kill.sweep(began + 2999ms);
  CHECK(log.said.size() == 1);
  kill.sweep(began + 3000ms);
  CHECK(log.said.size() == 2);
}
