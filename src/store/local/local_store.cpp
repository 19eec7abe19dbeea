#include "store/local/local_store.h"

#include "core/poll.h"
#include "core/text.h"
#include "core/wall_clock.h"
#include "store/local/lock_directory.h"
#include "store/lock_json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

namespace dlock::local {
namespace {

using namespace std::chrono_literals;

StoreFault cannot(const char* deed, const std::string& path, int error) {
  return {.sentence = std::string{"cannot "} + deed + " the lock file '" + printable(path) +
                      "': " + ::strerror(error),
          .not_applied = true};
}

std::string contents(int fd) {
  std::array<char, 16384> buffer;
  const auto count = ::pread(fd, buffer.data(), buffer.size(), 0);
  return count > 0 ? std::string(buffer.data(), static_cast<std::size_t>(count)) : std::string{};
}

/// In one write and then cut to length, so that a reader sees the old value, the new one, or the
/// new one with a tail that makes it no JSON; never an empty file.
bool overwrite(int fd, const std::string& text) {
  return ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
         ::ftruncate(fd, static_cast<off_t>(text.size())) == 0;
}

/// Whoever got the lock a moment ago writes who it is only now: wait for that, but not long.
Holder holder_in(int fd) {
  for (const Instant until = BootClock::now() + 100ms; BootClock::now() < until;) {
    if (auto holder = parse_lock_json(contents(fd))) return *holder;
    wait_for_any({}, std::min(until, BootClock::now() + 1ms));
  }
  return {};
}

FencingToken next_token(FencingToken last) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto microseconds = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
                            static_cast<std::uint64_t>(now.tv_nsec) / 1000;
  return {std::max(last.value + 1, microseconds)};
}

}  // namespace

bool LocalStore::still_in_place() const {
  struct stat ours {};
  struct stat there {};
  return ::fstat(file_.number(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

Result<AcquireAnswer, StoreFault> LocalStore::acquire(const Claim& claim, const Patience&) {
  auto directory = ready_directory(wanted_directory_);
  if (!directory) return directory.error();
  auto path = lock_file_path(*directory, claim.key);
  if (!path) return path.error();
  path_ = *path;

  // Between our open and our lock the file may have been removed, and another have it anew under
  // its name: then we hold a lock that nobody will ever ask for.
  constexpr int most_attempts = 100;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    file_ = Fd{::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)};
    if (!file_.open()) return cannot("open", path_, errno);
    struct stat status {};
    if (::fstat(file_.number(), &status) != 0 || !S_ISREG(status.st_mode))
      return cannot("use", path_, EINVAL);
    if (::flock(file_.number(), LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      if (error != EWOULDBLOCK) return cannot("lock", path_, error);
      Holder holder = holder_in(file_.number());
      file_.close();
      return AcquireAnswer{Held{std::move(holder)}};
    }
    if (still_in_place()) return granted(claim);
  }
  return cannot("keep", path_, ESTALE);
}

Result<AcquireAnswer, StoreFault> LocalStore::granted(const Claim& claim) {
  const OwnerHash owner = make_owner_hash(claim.key, claim.process, 1, claim.trace);
  const std::string now = iso_now();
  token_ = next_token(token_in(contents(file_.number())));
  if (!overwrite(file_.number(), lock_json(claim, owner, now, now, token_))) {
    const int error = errno;
    file_.close();
    return cannot("write", path_, error);
  }
  return AcquireAnswer{Grant{owner, token_, now, never}};
}

Result<RenewAnswer, StoreFault> LocalStore::renew(const Claim&, const Grant&, const Patience&) {
  if (still_in_place()) return RenewAnswer{Extended{never}};
  return RenewAnswer{Lost{"the lock file '" + printable(path_) + "' was removed or replaced"}};
}

Result<ReleaseAnswer, StoreFault> LocalStore::release(const Claim&, const Patience&) {
  if (!file_.open()) return ReleaseAnswer{Released{}};
  const bool ours = still_in_place();
  // Only the token stays: a reader must not take us for the holder still.
  overwrite(file_.number(), "{\"token\":" + std::to_string(token_.value) + "}");
  // The front has the descriptor too; LOCK_UN ends the lock for all copies of it.
  ::flock(file_.number(), LOCK_UN);
  file_.close();
  if (ours) return ReleaseAnswer{Released{}};
  return ReleaseAnswer{Lost{"the lock file '" + printable(path_) + "' was removed or replaced"}};
}

}  // namespace dlock::local
