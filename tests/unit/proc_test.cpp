// How a process is found in /proc, whatever it calls itself and whatever the kernel can list.
#include "supervise/proc.h"

#include <doctest/doctest.h>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

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
  CHECK(children_of(::getpid(), Listing::Scan) == only);
  if (probe_listing() == Listing::ChildrenFiles)
    CHECK(children_of(::getpid(), Listing::ChildrenFiles) == only);
  CHECK(descends_from(child, ::getpid()));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(children_of(::getpid(), Listing::Scan).empty());
  CHECK_FALSE(descends_from(child, ::getpid()));
}
