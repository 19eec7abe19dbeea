#include "job/own_cgroup.h"

#include <doctest/doctest.h>

using namespace dlock;
using Directories = std::vector<std::string>;

TEST_CASE("the path of a process in the cgroup v2 hierarchy is read from /proc") {
  CHECK(cgroup_path("0::/user.slice/a b\n") == "/user.slice/a b");
  CHECK(cgroup_path("9:name=systemd:/x\n0::/\n") == "/");
  CHECK(cgroup_path("9:name=systemd:/x\n8:pids:/x\n").empty());
  CHECK(cgroup_path("").empty());
}

TEST_CASE("the directory of a cgroup is derived from the mount table") {
  const std::string other = "22 27 0:21 / /proc rw,relatime - proc proc rw\n";
  const std::string whole =
      other + "30 27 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
  CHECK(cgroup_directories(whole, "/") == Directories{"/sys/fs/cgroup"});
  CHECK(cgroup_directories(whole, "/a/b") == Directories{"/sys/fs/cgroup/a/b"});
  CHECK(cgroup_directories(other, "/a/b").empty());
  CHECK(
      cgroup_directories("30 27 0:26 / /sys/fs/cgroup rw - cgroup cgroup rw,pids\n", "/").empty());

  SUBCASE("a part of it, as in a container") {
    const std::string part = "30 27 0:26 /docker/1 /cg rw - cgroup2 cgroup2 rw\n";
    CHECK(cgroup_directories(part, "/docker/1") == Directories{"/cg"});
    CHECK(cgroup_directories(part, "/docker/1/x") == Directories{"/cg/x"});
    CHECK(cgroup_directories(part, "/docker/12").empty());
    CHECK(cgroup_directories(part, "/docker").empty());
    CHECK(cgroup_directories(part, "/").empty());
  }
  SUBCASE("the newest mount first") {
    CHECK(cgroup_directories(whole + "31 30 0:26 /a /mnt rw - cgroup2 none rw\n", "/a/b") ==
          Directories{"/mnt/b", "/sys/fs/cgroup/a/b"});
  }
  SUBCASE("blanks and backslashes") {
    const std::string odd = "30 27 0:26 /a\\040b /mnt/c\\134d\\011e rw - cgroup2 none rw\n";
    CHECK(cgroup_directories(odd, "/a b/f") == Directories{"/mnt/c\\d\te/f"});
    CHECK(cgroup_directories("30 27 0:26 / /end\\04 rw - cgroup2 none rw\n", "/") ==
          Directories{"/end\\04"});
  }
}
