#pragma once

#include "store/local/lock_file.h"

#include <optional>
#include <string>
#include <vector>

namespace dlock::local {

/// A directory beside a lock file in which each of several has a file of its own, under a kernel
/// lock of its own: those who hold the lock together, or those who wait for it. A file that nobody
/// has locked is that of a dead one.
class Members {
 public:
  /// The directory need not be there yet.
  explicit Members(std::string directory) : directory_(std::move(directory)) {}

  struct Member {
    LockFile file;  // not locked by us
    Holder holder;
    std::optional<Duration> min_hold_left;  // it has ended, and --min-hold keeps its place
  };

  /// What becomes of the file of a dead one: whoever only looks changes nothing.
  enum class Dead { Stays, Goes };

  // Whether somebody lives may be impossible to tell, say without a descriptor to be had. That is a
  // fault, and neither a death nor an answer.

  /// The names of all files, in order. Nothing to pay when nobody ever was there.
  Result<std::vector<std::string>, StoreFault> names() const;
  /// Nothing when that one has gone or is dead. Its file is open.
  Result<std::optional<Member>, StoreFault> inspect(const std::string& name, Dead dead) const;
  /// Their files are not open: there may be more of them than descriptors for us.
  Result<std::vector<Member>, StoreFault> all(Dead dead) const;

  /// The file of one who has entered, from a copy of its descriptor; not open if it is not there.
  LockFile inherited(Fd fd) const;

  /// Keeps others from entering while it lives.
  class Turn {
   public:
    /// A file for us, under our kernel lock.
    Result<LockFile, StoreFault> enter(const std::string& name, const std::string& value) const;

   private:
    friend class Members;
    Turn(const std::string& path, Fd directory) : path_(path), directory_(std::move(directory)) {}
    const std::string& path_;
    Fd directory_;
  };

  /// Waits for others that enter, who need it for a moment only.
  Result<Turn, StoreFault> turn(const CallDeadline& deadline) const;

  /// Removes the directory, or finds none. False when somebody is in it or about to enter.
  bool dissolve() const;

 private:
  /// The directory, not locked; not open, with errno set, if that fails.
  Fd open_directory() const;

  std::string directory_;
};

}  // namespace dlock::local
