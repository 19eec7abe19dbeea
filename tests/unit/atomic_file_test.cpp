#include "os/file.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>

using namespace dlock;

namespace {

/// Limits the size of files: a write stores what fits, as on a full disk.
class LargestFile {
 public:
  explicit LargestFile(rlim_t most) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{most, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~LargestFile() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a file that the disk has no room for keeps its old contents, and errno has the reason") {
  char directory[] = "/tmp/dlock-unit-XXXXXX";
  REQUIRE(::mkdtemp(directory) != nullptr);
  const std::string path = std::string{directory} + "/file";
  REQUIRE(write_atomically(path, "old"));
  {
    const LargestFile fifty_bytes{50};
    errno = 0;
    CHECK_FALSE(write_atomically(path, std::string(100, 'n')));
    CHECK(errno == EFBIG);
  }
  std::ifstream file{path};
  CHECK(std::string{std::istreambuf_iterator<char>{file}, {}} == "old");
  const auto files = std::filesystem::directory_iterator{directory};
  CHECK(std::distance(begin(files), end(files)) == 1);
  std::filesystem::remove_all(directory);
}
