// Unix datagram sockets, in the file system and abstract ones.
#include "os/datagram.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlock;

TEST_CASE("a datagram socket can be bound to a path, for its user alone, and to an abstract name") {
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
