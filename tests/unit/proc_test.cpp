// How a process is found in /proc, whatever it calls itself and whatever the kernel can list.
#include "supervise/proc.h"

#include "core/time.h"
#include "supervise/tree.h"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dlock;
using namespace dlock::supervise;

TEST_CASE("no name of a process changes what the kernel says of it") {
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

TEST_CASE("a kernel without lists of children shows the same ones, by a look at all processes") {
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  const std::vector<pid_t> only{child};
  const Proc proc;
  const Proc scanned{Listing::Scan};
  CHECK(Children{scanned}.of(::getpid()) == only);
  if (proc.listing() == Listing::ChildrenFiles) CHECK(Children{proc}.of(::getpid()) == only);
  CHECK(proc.descends_from(child, ::getpid()));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(Children{scanned}.of(::getpid()).empty());
  CHECK_FALSE(proc.descends_from(child, ::getpid()));
}

TEST_CASE(
    "a /proc is believed only where it numbers this process as the kernel numbers it for us") {
  const auto status = [](const std::string& lines) { return "Name:\tdlock\n" + lines; };
  CHECK(is_proc_of_our_namespace(17, status("Pid:\t17\nNSpid:\t17\nNSpgid:\t4\n")));
  CHECK_FALSE(is_proc_of_our_namespace(17, status("Pid:\t4711\nNSpid:\t4711\t17\n")));
  // The same number in both, by chance.
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
  const pid_t root = ::fork();
  if (root == 0) {
    for (int i = 1; i<many&& ::fork()> 0;) ++i;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
  }
  const Proc scanned{Listing::Scan};
  const auto until = BootClock::now() + std::chrono::seconds{30};
  const auto size = [&] { return Children{scanned}.of(root).size(); };
  while (size() < many - 1 && BootClock::now() < until) ::usleep(10'000);
  REQUIRE(size() == many - 1);

  Tree tree{scanned, ::getsid(0)};
  const auto start = BootClock::now();
  tree.signal_all(SIGCONT);
  const auto sweep = BootClock::now() - start;
  const auto before = BootClock::now();
  const Children one_pass{scanned};
  const auto pass = BootClock::now() - before;
  tree.kill_all();
  ::waitpid(root, nullptr, 0);
  CAPTURE(whole_ms(sweep));
  CAPTURE(whole_ms(pass));
  CHECK(sweep < 20 * pass);
}
