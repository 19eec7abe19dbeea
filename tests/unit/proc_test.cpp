// Finding processes in /proc, for every process name and every kind of list that kernels have.
#include "os/proc.h"

#include "core/time.h"
#include "job/tree.h"
#include "os/clock.h"
#include "unit/child.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <future>
#include <set>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace dlock;

TEST_CASE("a process name with any characters does not change how its stat line is parsed") {
  for (const char* name : {"sh", "a) R 1 1 1 (", ")", "a\nb", ""}) {
    CAPTURE(name);
    const auto info = parse_stat(17, "17 (" + std::string{name} + ") S 4 5 6 0 -1");
    REQUIRE(info);
    CHECK(info->pid == 17);
    CHECK(info->state == 'S');
    CHECK(info->parent == 4);
    CHECK(info->group == 5);
    CHECK(info->session == 6);
  }
  for (const char* text : {"", "17 (sh", "17 (sh) S", "17 (sh) S x 5 6"})
    CHECK_FALSE(parse_stat(17, text).has_value());
}

TEST_CASE("a scan of /proc finds the same children as the lists of the kernel") {
  const pid_t child = test::fork_waiting_child();
  const std::vector<pid_t> only{child};
  const Proc proc;
  const Proc scanned{Listing::Scan};
  CHECK(Children{scanned}.of(::getpid()) == only);
  if (proc.listing() == Listing::ChildrenFiles) CHECK(Children{proc}.of(::getpid()) == only);
  CHECK(proc.descends_from(child, ::getpid()));
  CHECK(proc.descends_from(child, ::getppid()));
  CHECK_FALSE(proc.descends_from(::getpid(), child));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(Children{scanned}.of(::getpid()).empty());
  CHECK_FALSE(proc.descends_from(child, ::getpid()));
}

TEST_CASE("a child that another thread has forked is found") {
  std::promise<pid_t> forked;
  std::promise<void> seen;
  std::thread other{[&] {
    const pid_t child = test::fork_waiting_child();
    forked.set_value(child);
    seen.get_future().wait();
  }};
  const pid_t child = forked.get_future().get();
  for (const Listing listing : {Proc{}.listing(), Listing::Scan}) {
    const Proc proc{listing};
    const std::vector<pid_t> children = Children{proc}.of(::getpid());
    CHECK(std::find(children.begin(), children.end(), child) != children.end());
  }
  seen.set_value();
  other.join();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("a /proc is used only if it numbers this process as the kernel does in this namespace") {
  const auto status = [](const std::string& lines) { return "Name:\tdlock\n" + lines; };
  CHECK(is_proc_of_our_namespace(17, status("Pid:\t17\nNSpid:\t17\nNSpgid:\t4\n")));
  CHECK_FALSE(is_proc_of_our_namespace(17, status("Pid:\t4711\nNSpid:\t4711\t17\n")));
  // The number is the same in both namespaces, by chance.
  CHECK_FALSE(is_proc_of_our_namespace(17, status("Pid:\t17\nNSpid:\t17\t17\n")));
  CHECK_FALSE(is_proc_of_our_namespace(17, status("Pid:\t4711\nNSpid:\t4711\n")));
  // Before Linux 4.1.
  CHECK(is_proc_of_our_namespace(17, status("Pid:\t17\nPPid:\t1\n")));
  CHECK_FALSE(is_proc_of_our_namespace(17, status("Pid:\t4711\nPPid:\t1\n")));
  CHECK_FALSE(is_proc_of_our_namespace(17, ""));
  CHECK(Proc{}.listing() != Listing::None);
}

TEST_CASE("without lists of children a whole tree is found in one pass over /proc") {
  // A pass for each process of the tree would be 600 x 600 files, which takes seconds.
  constexpr int many = 600;
  const pid_t root = test::fork_child();
  if (root == 0) {
    for (int i = 1; i < many; ++i) test::fork_waiting_child();
    for (;;) ::pause();
  }
  const Proc scanned{Listing::Scan};
  const auto until = BootClock::now() + std::chrono::seconds{30};
  const auto size = [&] { return Children{scanned}.of(root).size(); };
  while (size() < many - 1 && BootClock::now() < until) ::usleep(10'000);
  REQUIRE(size() == many - 1);

  Tree tree{scanned, ::getsid(0)};
  // The best of three, because the machine can be busy.
  Duration sweep = Duration::max();
  Duration pass = Duration::max();
  for (int time = 0; time < 3; ++time) {
    const Instant start = BootClock::now();
    tree.signal_all_but({}, SIGCONT);
    const Instant middle = BootClock::now();
    const Children one_pass{scanned};
    sweep = std::min(sweep, Duration{middle - start});
    pass = std::min(pass, Duration{BootClock::now() - middle});
  }
  tree.kill_all();
  ::waitpid(root, nullptr, 0);
  CAPTURE(whole_ms(sweep));
  CAPTURE(whole_ms(pass));
  CHECK(sweep < 20 * pass);
}

namespace {

/// A process that waits to be killed, in its own group unless one is given. It does not outlive its
/// parent.
pid_t fork_waiting(pid_t group = 0) {
  const pid_t pid = test::fork_waiting_child();
  ::setpgid(pid, group);
  return pid;
}

bool ends(pid_t pid) {
  const Instant until = BootClock::now() + std::chrono::seconds{10};
  while (BootClock::now() < until) {
    if (::waitpid(pid, nullptr, WNOHANG) == pid) return true;
    ::usleep(1000);
  }
  return false;
}

}  // namespace

TEST_CASE("a signal to a whole tree reaches the children of children") {
  int told[2];
  REQUIRE(::pipe2(told, O_CLOEXEC) == 0);
  const pid_t child = test::fork_child();
  if (child == 0) {
    const pid_t grandchild = fork_waiting();
    [[maybe_unused]] const auto written = ::write(told[1], &grandchild, sizeof grandchild);
    for (;;) ::pause();
  }
  pid_t grandchild = 0;
  CHECK(::read(told[0], &grandchild, sizeof grandchild) == sizeof grandchild);
  const Proc proc;
  Tree tree{proc, ::getsid(0)};
  std::set<pid_t> reached;
  for (const ProcessInfo& process : tree.signal_all_but({}, 0)) reached.insert(process.pid);
  CHECK(reached.contains(child));
  CHECK(reached.contains(grandchild));
  ::kill(child, SIGKILL);
  CHECK(ends(child));
  ::close(told[0]);
  ::close(told[1]);
}

TEST_CASE("a signal to a whole tree reaches children whose parent dies of it at once") {
  // In a separate process that is a subreaper. Each generation dies of the signal.
  constexpr int generations = 12;
  int told[2];
  REQUIRE(::pipe2(told, O_CLOEXEC) == 0);
  const pid_t supervisor = test::fork_child();
  if (supervisor == 0) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const Proc proc;
    int missed = 0;
    for (int round = 0; round < 20; ++round) {
      int depth = 0;
      // Their parents end first and they must survive that, so fork_child() cannot be used.
      while (depth < generations && ::fork() == 0) ++depth;
      if (depth > 0) {
        ::alarm(60);
        const char here = 'x';
        if (depth == generations) [[maybe_unused]]
          const auto written = ::write(told[1], &here, 1);
        for (;;) ::pause();
      }
      char here = 0;
      [[maybe_unused]] const auto complete = ::read(told[0], &here, 1);
      Tree{proc, ::getsid(0)}.signal_all_but({}, SIGTERM);
      const Instant until = BootClock::now() + std::chrono::seconds{2};
      while (::waitpid(-1, nullptr, WNOHANG) >= 0 && BootClock::now() < until) ::usleep(500);
      if (BootClock::now() >= until) ++missed;
      Tree{proc, ::getsid(0)}.kill_all();
    }
    ::_exit(missed);
  }
  int status = -1;
  CHECK(::waitpid(supervisor, &status, 0) == supervisor);
  CHECK(status == 0);
  ::close(told[0]);
  ::close(told[1]);
}

TEST_CASE("a kill in the session of the front hits only descendants") {
  // As in a shell: the child is in a group with processes that this test did not start.
  int ready[2];
  REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
  const pid_t other = fork_waiting();
  const pid_t supervisor = test::fork_child();
  if (supervisor == 0) {
    const pid_t child = fork_waiting(other);
    const Proc proc;
    Tree tree{proc, ::getsid(0)};
    tree.kill_all();
    const bool killed = ends(child);
    [[maybe_unused]] const auto told = ::write(ready[1], &killed, sizeof killed);
    ::_exit(0);
  }
  bool killed = false;
  CHECK(::read(ready[0], &killed, sizeof killed) == sizeof killed);
  CHECK(killed);
  CHECK(ends(supervisor));
  CHECK(::waitpid(other, nullptr, WNOHANG) == 0);
  ::kill(other, SIGKILL);
  CHECK(ends(other));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a kill hits the whole group if the job has its own session") {
  // A member of the group that is not a descendant shows that the whole group was signalled.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  int pids[2];
  int ready[2];
  REQUIRE(::pipe2(pids, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
  const pid_t supervisor = test::fork_child();
  if (supervisor == 0) {
    const pid_t leader = test::fork_child();
    if (leader == 0) {
      ::setsid();
      const pid_t middle = ::fork();
      if (middle == 0) {
        const pid_t member = ::fork();  // reparented to the test when its parent has ended
        if (member == 0) {
          ::alarm(20);
          for (;;) ::pause();
        }
        [[maybe_unused]] const auto told = ::write(pids[1], &member, sizeof member);
        ::_exit(0);
      }
      ::waitpid(middle, nullptr, 0);
      [[maybe_unused]] const auto told = ::write(ready[1], "", 1);
      for (;;) ::pause();
    }
    char is_ready = 0;
    [[maybe_unused]] const auto heard = ::read(ready[0], &is_ready, 1);
    const Proc proc;
    Tree tree{proc, ::getsid(0)};
    tree.kill_all();
    ::_exit(ends(leader) ? 0 : 1);
  }
  pid_t member = 0;
  REQUIRE(::read(pids[0], &member, sizeof member) == sizeof member);
  CHECK(ends(supervisor));
  CHECK(ends(member));
  for (const int end : {pids[0], pids[1], ready[0], ready[1]}) ::close(end);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}
