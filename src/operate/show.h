#pragma once

#include "core/ending.h"
#include "core/identity.h"
#include "core/log.h"
#include "operate/screen.h"
#include "store/inspector.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dlock::operate {

/// Which locks of a store to show.
struct Query {
  /// These locks, in all states; or,
  std::vector<LockKey> keys;
  /// if no key is given, all locks that are not free and whose key matches this pattern of
  /// fnmatch(3), in which a slash is an ordinary character.
  std::string pattern = "*";
};

/// How to show them.
struct View {
  enum class Form { Details, Table, Json, KeysOnly };
  Form form = Form::Table;
  std::optional<Duration> watch;  // the interval between repetitions
  /// How long the store may take for an answer.
  Duration timeout = std::chrono::seconds{5};
};

/// The result of a query.
struct LocksFound {
  std::vector<LockStatus> locks;
  /// If no key was named: one sentence for each thing that could not be queried, such as a node of
  /// a Cluster, so that locks may be missing; and the exit code for that.
  std::vector<std::string> missing;
  ExitCode missing_code = ExitCode::StoreUnavailable;
};

Result<LocksFound, StoreFault> find_locks(Inspector& inspector, const Query& query,
                                          const CallDeadline& deadline);

/// Returns the text to print.
std::string rendered(const LocksFound& listing, const std::string& store, View::Form form,
                     const Screen& screen);

/// The reason why locks may be missing, as one sentence; empty if none is.
std::string what_is_missing(const LocksFound& listing);

/// The exit code of `dlock status`: 0 if all of these locks are free, 75 if one is held or kept,
/// else 1 if one has a dead holder.
int exit_code_of(const std::vector<LockStatus>& locks);

/// Writes to stdout; returns false, after it has logged the error, if that fails.
using Print = std::function<bool(const std::string& text)>;

/// Prints the result of `find_locks`, once or repeatedly. Returns the exit code of the last state
/// shown, see exit_code_of, or that of a system error if it could not print. With repetition, a
/// store that does not answer is reported and queried again. Returns a fault also if it has shown
/// what it could and locks may be missing.
Result<int, StoreFault> show(Inspector& inspector, const Query& query, const View& view,
                             const Print& print, Log& log);

}  // namespace dlock::operate
