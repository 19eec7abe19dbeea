#include "store/local/lock_place.h"

#include "core/number.h"
#include "store/local/lock_file.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>

namespace dlock::local {

namespace {

std::string without_ending(const std::string& path) { return path.substr(0, path.rfind(".lock")); }

// The token is the target of a symbolic link: it is replaced as a whole and read without a lock, so
// that a stopped process blocks no run of another key.
constexpr const char* link_name = "last-token";
constexpr const char* new_link_name = ".last-token";

/// Empty, with errno set, if it cannot be read.
std::optional<FencingToken> read_link(int directory, const char* path) {
  std::array<char, 32> text{};
  const ssize_t size = ::readlinkat(directory, path, text.data(), text.size());
  if (size < 0 && errno == ENOENT) return FencingToken{};
  if (size < 0) return {};
  const std::string_view digits{text.data(), static_cast<std::size_t>(size)};
  return FencingToken{parse_number<std::uint64_t>(digits).value_or(0)};
}

}  // namespace

LockPlace::LockPlace(std::string directory_of_store, std::string path)
    : directory(std::move(directory_of_store)),
      lock(std::move(path)),
      past_run(without_ending(lock) + ".done"),
      holders(without_ending(lock) + ".holders"),
      waiters(without_ending(lock) + ".queue"),
      queue(without_ending(lock) + ".queue") {}

bool LockPlace::forget(const LockFile& file, FencingToken last) const {
  // A new waiter creates another directory from now on, and waits for this kernel lock.
  if (!holders.dissolve() || !waiters.dissolve()) return false;
  if (!raise_token_floor(directory, last)) return false;
  file.remove();
  std::string empty = lock.substr(0, lock.rfind('/'));
  while (empty.size() > directory.size() && ::rmdir(empty.c_str()) == 0)
    empty.resize(empty.rfind('/'));
  return true;
}

Result<FencingToken, StoreFault> token_floor_of(const std::string& directory) {
  const std::string path = directory + "/" + link_name;
  const auto floor = read_link(AT_FDCWD, path.c_str());
  if (!floor) return cannot("read", path, errno);
  return *floor;
}

bool raise_token_floor(const std::string& directory, FencingToken token) {
  const Fd open{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!open.open() || ::flock(open.number(), LOCK_EX | LOCK_NB) != 0) return false;
  const auto floor = read_link(open.number(), link_name);
  if (!floor) return false;
  if (*floor >= token) return true;
  ::unlinkat(open.number(), new_link_name, 0);  // of a run that died here
  return ::symlinkat(std::to_string(token.value).c_str(), open.number(), new_link_name) == 0 &&
         ::renameat(open.number(), new_link_name, open.number(), link_name) == 0;
}

}  // namespace dlock::local
