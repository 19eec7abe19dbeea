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
    LockFile file;  // open, not locked by us
    Holder holder;
    std::optional<Duration> kept_for;  // it has ended, and --min-hold keeps its place
  };

  /// The names of all files, in order. Nothing to pay when nobody ever was there.
  std::vector<std::string> names() const;
  /// Nothing when that one is dead.
  std::optional<Member> look_at(const std::string& name) const;
  std::vector<Member> all() const;
  void remove(const std::string& name) const;

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
  Result<Turn, StoreFault> turn(const Patience& patience) const;

 private:
  std::string directory_;
};

}  // namespace dlock::local
