// The time until which --min-hold keeps a lock of the embedded store, from its file: the input is
// the text after the name of this boot.
#include "fuzz/property.h"
#include "store/local/lock_file.h"

#include <fstream>

using namespace dlock;

namespace {

std::string boot_id() {
  std::string id;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> id;
  return id;
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const std::string this_boot = boot_id();
  const std::string text{fuzz::text_of(data, size)};
  const auto left = local::min_hold_left("{\"keptUntil\":\"" + this_boot + "/" + text + "\"}");
  fuzz::require(!left || *left > Duration::zero(), "the time left is positive");
  const bool is_plain =
      text.find_first_of("\"\\") == text.npos;  // otherwise it is not the whole value
  fuzz::require(!left || !is_plain || text.find_first_not_of("0123456789") == text.npos,
                "a time is a number of milliseconds");
  fuzz::require(!local::min_hold_left("{\"keptUntil\":\"another boot/" + text + "\"}"),
                "a restart ends the minimum hold");
  return 0;
}
