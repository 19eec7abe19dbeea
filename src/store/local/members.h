#pragma once

#include "store/local/lock_file.h"

#include <optional>
#include <string>
#include <vector>

namespace dlock::local {

/// A directory beside a lock file in which each member has a file of its own with its own kernel
/// lock: the holders that share the lock, or its waiters. A file that is not locked belongs to a
/// dead member.
class Members {
 public:
  /// The directory need not exist yet.
  explicit Members(std::string directory) : directory_(std::move(directory)) {}

  struct Member {
    LockFile file;  // not locked by this process
    Holder holder;
    std::optional<Duration> min_hold_left;  // its job has ended, and --min-hold keeps its place
  };

  /// What happens to the file of a dead member: a read-only caller changes nothing.
  enum class Dead { Stays, Goes };

  // It can be impossible to find out whether a member is alive, for example without a free
  // descriptor. That is a fault, not an answer.

  /// The names of all files, in order. Cheap if there never was a member.
  Result<std::vector<std::string>, StoreFault> names() const;
  /// Empty if that member has left or is dead. Its file is open.
  Result<std::optional<Member>, StoreFault> inspect(const std::string& name, Dead dead) const;
  /// Their files are not open: there can be more of them than descriptors.
  Result<std::vector<Member>, StoreFault> all(Dead dead) const;

  /// The file of a member, from a copy of its descriptor; not open if it does not exist.
  LockFile inherited(Fd fd) const;

  /// Keeps other runs from entering during its lifetime.
  class Turn {
   public:
    /// Creates a file for this run, locked by it.
    Result<LockFile, StoreFault> enter(const std::string& name, const std::string& value) const;

   private:
    friend class Members;
    Turn(const std::string& path, Fd directory) : path_(path), directory_(std::move(directory)) {}
    const std::string& path_;
    Fd directory_;
  };

  /// Waits for other runs that are entering, each of which takes only a moment.
  Result<Turn, StoreFault> turn(const CallDeadline& deadline) const;

  /// Removes the directory; true also if there is none. False if it has a member or a run is
  /// entering.
  bool dissolve() const;

 private:
  /// The directory, not locked; not open, with errno set, if that fails.
  Fd open_directory() const;

  std::string directory_;
};

}  // namespace dlock::local
