// Feeds the corpus of one target to it without a fuzzer: replay TARGET DIRECTORY
// All targets are linked into this one program, with a different name for the function of each.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define TARGET(name) extern "C" int fuzz_##name(const unsigned char*, std::size_t);
#include "fuzz/targets.h"
#undef TARGET

namespace {

struct Target {
  std::string name;
  int (*run)(const unsigned char*, std::size_t);
};
const std::vector<Target> targets{
#define TARGET(name) {#name, fuzz_##name},
#include "fuzz/targets.h"
#undef TARGET
};

}  // namespace

int main(int argc, char** argv) {
  const auto target = std::find_if(targets.begin(), targets.end(), [&](const Target& known) {
    return argc == 3 && known.name == argv[1];
  });
  if (target == targets.end()) {
    std::fputs("usage: replay TARGET DIRECTORY\n", stderr);
    return 64;
  }
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{argv[2]}) {
    std::ifstream file{entry.path(), std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
    std::printf("%s\n", entry.path().filename().c_str());
    std::fflush(stdout);  // the last name is that of the input that failed
    target->run(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    ++count;
  }
  return count > 0 ? 0 : 1;  // an empty corpus tests nothing
}
