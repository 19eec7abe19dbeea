#include "core/identity.h"

#include "core/text.h"

#include <algorithm>

namespace dlock {

Result<LockKey, std::string> LockKey::parse(std::string_view text) {
  if (text.empty()) return std::string{"is empty; give the lock a name"};
  if (text.size() > longest) {
    return "is too long: " + std::to_string(text.size()) + " bytes; the maximum is " +
           std::to_string(longest);
  }
  if (text.find('\0') != text.npos) return std::string{"contains a NUL byte; remove it"};
  return LockKey{text};
}

ProcessHash make_process_hash(const std::string& host, int pid, std::uint64_t number) {
  std::string name = printable(host);
  std::replace(name.begin(), name.end(), '/', '-');
  // 63 bits: the expression of the Node library requires digits, and no reader must see a negative
  // number.
  const std::uint64_t positive = number & ~(std::uint64_t{1} << 63);
  return {name + "/" + std::to_string(pid) + "." + std::to_string(positive)};
}

ProcessHash make_group_hash(const ProcessHash& first) { return {first.text + "0"}; }

OwnerHash make_owner_hash(const LockKey& key, const ProcessHash& process, std::uint32_t attempt,
                          const std::string& trace) {
  const std::string suffix = trace.empty() ? "" : "#" + printable(trace);
  return {escaped(key.bytes()) + "@" + process.text + "." + std::to_string(attempt) + suffix};
}

namespace {

/// Removes the leading digits; returns false if there are none.
bool take_digits(std::string_view& text) {
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(end);
  return end > 0;
}

bool take(std::string_view& text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

/// Parses `{host}/{pid}.{number}` followed by `.{attempt}` and perhaps `#{trace}`.
std::optional<ProcessHash> process_in(std::string_view text) {
  std::string_view rest = text.substr(std::min(text.find('/'), text.size()));
  if (rest.data() == text.data() || !take(rest, '/')) return {};
  if (!take_digits(rest) || !take(rest, '.') || !take_digits(rest)) return {};
  const std::string_view process = text.substr(0, text.size() - rest.size());
  if (!take(rest, '.') || !take_digits(rest)) return {};
  if (!rest.empty() && rest.front() != '#') return {};
  return ProcessHash{std::string{process}};
}

}  // namespace

// Matches as the Node library's ^(.+)@([^/]+\/\d+\.\d+)\.\d+(#.*)?$ does: with several @, the last
// one that fits.
std::optional<ParsedOwner> parse_owner_hash(std::string_view text) {
  for (auto at = text.rfind('@'); at != text.npos && at > 0; at = text.rfind('@', at - 1)) {
    if (auto process = process_in(text.substr(at + 1)))
      return ParsedOwner{unescaped(text.substr(0, at)), std::move(*process)};
  }
  return {};
}

}  // namespace dlock
