// Unix datagram sockets, in the file system and in the abstract namespace.
#include "os/datagram.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlock;

TEST_CASE(
    "a datagram socket is bound to a path that only its user can access, or to an abstract name") {
  const std::string name = "dlock-test-" + std::to_string(::getpid());
  const std::string path = std::filesystem::temp_directory_path() / name;
  for (const std::string& address : {path, "@" + name}) {
    CAPTURE(address);
    const Fd bound = bind_datagram_socket(address);
    REQUIRE(bound.open());
    const Fd sender = connect_datagram_socket(address);
    REQUIRE(sender.open());
    CHECK(send_datagram(sender, "READY=1", {}));
    const auto received = receive_datagram(bound);
    REQUIRE(received);
    CHECK(received->text == "READY=1");
    CHECK(received->sender == ::getuid());
  }
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  ::unlink(path.c_str());
}

TEST_CASE("a datagram whose text or descriptors were truncated is dropped") {
  const std::string address = "@dlock-test-cut-" + std::to_string(::getpid());
  const Fd bound = bind_datagram_socket(address);
  const Fd sender = connect_datagram_socket(address);
  REQUIRE(sender.open());
  CHECK(send_datagram(sender, std::string(longest_datagram, 'x'), {}));
  CHECK(send_datagram(sender, "WATCHDOG=1" + std::string(longest_datagram, '\n'), {}));
  CHECK(send_datagram(sender, "STATUS=whole", {}));
  CHECK(receive_datagram(bound)->text.size() == longest_datagram);
  CHECK(receive_datagram(bound)->text.empty());
  CHECK(receive_datagram(bound)->text == "STATUS=whole");
  CHECK_FALSE(receive_datagram(bound).has_value());
}
