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
/// of them, however they die. Only the file's user can read or write it (see ready_directory).
class LockFile {
 public:
  enum class Mode { Shared, Exclusive };

  LockFile() = default;

  /// Opens the file, creating it if missing. Does not lock it.
  static Result<LockFile, StoreFault> open(const std::string& path);
  /// Empty if the file does not exist. An inconclusive result is a fault: treating such a file as
  /// missing would take the lock from its holder.
  static Result<std::optional<LockFile>, StoreFault> open_if_there(const std::string& path);
  /// The file that another process of this run opened at that path.
  static LockFile inherited(const std::string& path, Fd fd) { return {path, std::move(fd)}; }

  /// Takes the kernel lock if it is free. If this file has it already, changes its mode.
  bool try_lock(Mode mode) const;
  void unlock() const;
  /// Whether its path still leads to it. If the file was removed or replaced, no other run will
  /// ever request a lock on it.
  bool in_place() const;

  std::string read() const;
  /// A reader sees the old text, the new one, or the new one with a tail that makes it invalid
  /// JSON; never an empty file. False with errno set.
  [[nodiscard]] bool overwrite(const std::string& text) const;
  /// Reserves that many bytes on the disk, where the file system can guarantee that. False with
  /// errno set.
  [[nodiscard]] bool reserve(std::size_t bytes) const;
  /// The holder in the file. A run that has just acquired the lock has not written its data yet:
  /// this call waits for that, but only briefly.
  Holder holder() const;

  /// False with errno set.
  bool move_to(const std::string& path);
  /// Removes the file only if it is in place: its name may belong to another file by now.
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

/// Creates the directories of a long key (see lock_file_name) that contain that path. They are
/// removed with their last file. False if the path needs none, or if they cannot be created.
bool make_way_to(const std::string& path);

/// Whether that path leads to the file that is open as that descriptor.
bool is_at(int fd, const std::string& path);

StoreFault cannot(const char* verb, const std::string& path, int error);

/// The value of a lock that `--min-hold` keeps after its job has ended: until that time of
/// machine_now() in this boot. A reboot ends it, because it also ends every run from before.
std::string min_hold_json(const Claim& claim, const Grant& grant, Instant until);

/// How much longer --min-hold keeps a lock with that value; empty if it does not.
std::optional<Duration> min_hold_left(std::string_view value);

}  // namespace dlock::local
