// The owner hash of `dlock status --owner` and of each lock, from dlock or from the Node library.
#include "core/identity.h"
#include "core/text.h"
#include "fuzz/property.h"

using namespace dlock;

namespace {

/// The expression of the library, ^(.+)@([^/]+\/\d+\.\d+)\.\d+(#.*)?$, tried at every @ from the
/// end, in the simplest way.
std::string_view digits_off(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  return text.substr(count);
}

bool is_hash_behind_the_at(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos || slash == 0) return false;
  std::string_view rest = text.substr(slash + 1);
  for (int number = 0; number < 3; ++number) {
    const std::string_view behind = digits_off(rest);
    if (behind.size() == rest.size()) return false;
    rest = behind;
    if (number == 2) return rest.empty() || rest.front() == '#';
    if (!rest.starts_with('.')) return false;
    rest.remove_prefix(1);
  }
  return false;
}

/// The end of the key; npos if this is not an owner hash.
std::size_t end_of_key(std::string_view text) {
  for (std::size_t at = text.size(); at-- > 1;) {
    if (text[at] == '@' && is_hash_behind_the_at(text.substr(at + 1))) return at;
  }
  return text.npos;
}

/// For any key, host and trace.
void check_that_ours_is_read(std::string_view parts) {
  const auto key = LockKey::parse(fuzz::take_line(parts));
  if (!key) return;
  const std::string host{fuzz::take_line(parts)};
  const ProcessHash process = make_process_hash(host.empty() ? "host" : host, 17, parts.size());
  const OwnerHash owner = make_owner_hash(*key, process, 1, std::string{parts});
  const auto read = parse_owner_hash(owner.text);
  fuzz::require(read && read->key == key->bytes(), "an owner hash of dlock can be parsed");
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  check_that_ours_is_read(text);
  const auto parsed = parse_owner_hash(text);
  const std::size_t end = end_of_key(text);
  fuzz::require(parsed.has_value() == (end != text.npos),
                "an owner hash is valid if the library accepts it");
  if (!parsed) return 0;
  fuzz::require(parsed->key == unescaped(text.substr(0, end)),
                "its key is the one that the library parses");
  fuzz::require(text.substr(end + 1).starts_with(parsed->process.text + "."),
                "its process hash is the one that the library parses");
  return 0;
}
