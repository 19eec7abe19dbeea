#pragma once

#include "core/holder.h"
#include "core/result.h"
#include "core/time.h"
#include "os/fd.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock::local {

/// One file of the embedded store: a kernel lock with data inside.
///
/// The kernel keeps a flock(2) as long as any process has the open file, so it ends with the last
/// of them, however they die. Whoever may write the file is its user (see ready_directory); nobody
/// else reads it.
class LockFile {
 public:
  enum class Mode { Shared, Exclusive };

  LockFile() = default;

  /// Opens it, made if it is missing. Not locked yet.
  static Result<LockFile, StoreFault> open(const std::string& path);
  /// Nothing if it is not there. That it cannot be told is a fault: whoever took such a file for
  /// gone would take the lock from its holder.
  static Result<std::optional<LockFile>, StoreFault> open_if_there(const std::string& path);
  /// That which another process of this run opened there.
  static LockFile inherited(const std::string& path, Fd fd) { return {path, std::move(fd)}; }

  /// Takes the kernel lock if it is free; taken already, it is changed to that mode.
  bool try_lock(Mode mode) const;
  void unlock() const;
  /// Whether its path still leads to it: somebody may have removed or replaced the file, and then a
  /// lock on it is one that nobody will ever ask for.
  bool in_place() const;

  std::string read() const;
  /// A reader sees the old text, the new one, or the new one with a tail that makes it no JSON;
  /// never an empty file. False with errno set.
  [[nodiscard]] bool overwrite(const std::string& text) const;
  /// Has room for so many bytes, where the file system can promise that. False with errno set.
  [[nodiscard]] bool reserve(std::size_t bytes) const;
  /// The holder that the file tells of. Whoever got the lock a moment ago writes who it is only
  /// now: that is waited for, but not long.
  Holder holder() const;

  /// False with errno set.
  bool move_to(const std::string& path);
  /// Only if it is in place: by now its name may be that of another.
  void remove() const;
  void close() { fd_.close(); }
  bool is_open() const { return fd_.open(); }
  int number() const { return fd_.number(); }
  const std::string& path() const { return path_; }

 private:
  static Result<LockFile, StoreFault> just_opened(const std::string& path, Fd fd);
  LockFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  Fd fd_;
};

/// Makes the directories of a long key (see lock_file_name) in which that path lies, which go with
/// the last file in them. False if it lies in none, or they cannot be made.
bool make_way_to(const std::string& path);

/// Whether that path leads to what is open as that descriptor.
bool is_at(int fd, const std::string& path);

StoreFault cannot(const char* verb, const std::string& path, int error);

/// The value of a lock that `--min-hold` keeps although nobody holds it any more: until that moment
/// of the machine_now() of this boot. A restart of the machine ends it: who could run before is
/// gone, too.
std::string min_hold_json(const Claim& claim, const Grant& grant, Instant until);

/// How much longer a lock of that value is kept; nothing when it is not.
std::optional<Duration> min_hold_left(std::string_view value);

}  // namespace dlock::local
