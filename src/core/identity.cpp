#include "core/identity.h"

#include "core/text.h"

#include <algorithm>

namespace dlock {

ProcessHash make_process_hash(const std::string& host, int pid, std::uint64_t number) {
  std::string name = printable(host);
  std::replace(name.begin(), name.end(), '/', '-');
  // 63 bits: the Node library's expression wants digits, and no reader may see a negative number.
  const std::uint64_t positive = number & ~(std::uint64_t{1} << 63);
  return {name + "/" + std::to_string(pid) + "." + std::to_string(positive)};
}

ProcessHash make_group_hash(const ProcessHash& first) { return {first.text + "0"}; }

OwnerHash make_owner_hash(const LockKey& key, const ProcessHash& process, std::uint32_t attempt,
                          const std::string& trace) {
  const std::string suffix = trace.empty() ? "" : "#" + printable(trace);
  return {printable(key.bytes()) + "@" + process.text + "." + std::to_string(attempt) + suffix};
}

}  // namespace dlock
