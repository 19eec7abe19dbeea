#include "store/local/lock_file.h"

#include "core/number.h"
#include "core/text.h"
#include "core/time.h"
#include "os/clock.h"
#include "os/wait.h"
#include "store/local/clocks.h"
#include "store/lock_json.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock::local {

namespace {

using namespace std::chrono_literals;

constexpr int open_flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

StoreFault suspect(const std::string& path, const std::string& what) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = "the lock file '" + printable(path) + "' " + what +
                      "; remove it when no job of that key runs",
          .not_applied = true};
}

std::string boot_id() {
  std::string id;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> id;
  return id;
}

}  // namespace

bool is_at(int fd, const std::string& path) {
  struct stat ours {};
  struct stat there {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

StoreFault cannot(const char* verb, const std::string& path, int error) {
  return {.sentence = std::string{"cannot "} + verb + " the lock file '" + printable(path) +
                      "': " + ::strerror(error),
          .not_applied = true};
}

bool make_way_to(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/'));
  if (!parent.ends_with('+')) return false;
  const auto made = [&] { return ::mkdir(parent.c_str(), 0700) == 0 || errno == EEXIST; };
  return made() || (errno == ENOENT && make_way_to(parent) && made());
}

Result<LockFile, StoreFault> LockFile::open(const std::string& path) {
  const auto create = [&] { return Fd{::open(path.c_str(), open_flags | O_CREAT, 0600)}; };
  Fd fd = create();
  // The last run that leaves removes the directory of a long key.
  for (int attempt = 0; !fd.open() && errno == ENOENT && attempt < 100; ++attempt) {
    if (!make_way_to(path)) return cannot("create a directory for", path, errno);
    fd = create();
  }
  return just_opened(path, std::move(fd));
}

Result<std::optional<LockFile>, StoreFault> LockFile::open_if_there(const std::string& path) {
  Fd fd{::open(path.c_str(), open_flags)};
  if (!fd.open() && errno == ENOENT) return std::optional<LockFile>{};
  auto file = just_opened(path, std::move(fd));
  if (!file) return file.error();
  return std::optional{std::move(*file)};
}

Result<LockFile, StoreFault> LockFile::just_opened(const std::string& path, Fd fd) {
  if (!fd.open()) return cannot("open", path, errno);
  struct stat status {};
  if (::fstat(fd.number(), &status) != 0 || !S_ISREG(status.st_mode))
    return cannot("use", path, EINVAL);
  // Other users cannot create files in this directory now, but may have done so while it was
  // writable.
  if (status.st_uid != ::geteuid()) {
    return suspect(path, "belongs to user id " + std::to_string(status.st_uid) +
                             ", which could keep it locked");
  }
  if (status.st_nlink > 1) return suspect(path, "has another name (a hard link)");
  return LockFile{path, std::move(fd)};
}

bool LockFile::try_lock(Mode mode) const {
  return ::flock(fd_.number(), (mode == Mode::Shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0;
}

void LockFile::unlock() const { ::flock(fd_.number(), LOCK_UN); }

bool LockFile::in_place() const { return is_at(fd_.number(), path_); }

std::string LockFile::read() const {
  // dlock never writes more.
  constexpr std::size_t most = 1 << 20;
  std::string text;
  std::array<char, 16384> buffer;
  for (ssize_t count = 1; count > 0 && text.size() < most;) {
    count = ::pread(fd_.number(), buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

bool LockFile::overwrite(const std::string& text) const {
  const auto written = ::pwrite(fd_.number(), text.data(), text.size(), 0);
  if (written >= 0 && static_cast<std::size_t>(written) < text.size()) errno = ENOSPC;
  return written == static_cast<ssize_t>(text.size()) &&
         ::ftruncate(fd_.number(), static_cast<off_t>(text.size())) == 0;
}

bool LockFile::reserve(std::size_t bytes) const {
  return ::fallocate(fd_.number(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0 ||
         errno == EOPNOTSUPP || errno == ENOSYS;
}

Holder LockFile::holder() const {
  for (const Instant until = BootClock::now() + 100ms; BootClock::now() < until;) {
    if (auto holder = parse_lock_json(read())) return *holder;
    wait_for_any({}, std::min(until, BootClock::now() + 1ms));
  }
  return {};
}

bool LockFile::move_to(const std::string& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) return false;
  path_ = path;
  return true;
}

void LockFile::remove() const {
  if (in_place()) ::unlink(path_.c_str());
}

std::string min_hold_json(const Claim& claim, const Grant& grant, Instant until) {
  return min_hold_lock_json(claim, grant,
                            boot_id() + "/" + std::to_string(whole_ms(until.time_since_epoch())));
}

std::optional<Duration> min_hold_left(std::string_view value) {
  const std::string until = min_hold_until_in(value);
  const auto slash = until.find('/');
  if (slash == until.npos || until.substr(0, slash) != boot_id()) return {};
  const auto ms = parse_number<std::int64_t>(std::string_view{until}.substr(slash + 1));
  if (!ms) return {};
  const Duration left = Instant{bounded(std::chrono::milliseconds{*ms})} - machine_now();
  if (left <= Duration::zero()) return {};
  return left;
}

}  // namespace dlock::local
