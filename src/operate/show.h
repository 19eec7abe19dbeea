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

/// What somebody wants to see of a store's locks.
struct Query {
  /// These locks, in all states; or
  std::vector<LockKey> keys;
  /// all that are not free and whose key matches this pattern of fnmatch(3), in which also a slash
  /// is nothing special.
  std::string pattern = "*";
};

/// How it is to be shown.
struct View {
  enum class Form { Details, Table, Json, KeysOnly };
  Form form = Form::Table;
  std::optional<Duration> watch;  // how often it is shown anew
  /// How long the store may take for an answer.
  Duration timeout = std::chrono::seconds{5};
};

/// What was seen of them.
struct LocksFound {
  std::vector<LockStatus> locks;
  /// Where no key was named: the sentences about what could not be asked, such as a node of a
  /// Cluster, so that locks may be missing; and the code for that.
  std::vector<std::string> missing;
  ExitCode missing_code = ExitCode::StoreUnavailable;
};

Result<LocksFound, StoreFault> find_locks(Inspector& inspector, const Query& query,
                                          const CallDeadline& deadline);

/// What is printed of that.
std::string rendered(const LocksFound& listing, const std::string& store, View::Form form,
                     const Screen& screen);

/// Why some of the locks may be missing, as one sentence. Empty if none is.
std::string what_is_missing(const LocksFound& listing);

/// What a script learns from the exit code of `dlock status`: 0 when all of these locks are free,
/// 75 when one is held or kept, else 1 when one has a dead holder.
int exit_code_of(const std::vector<LockStatus>& locks);

/// Writes to stdout; false if that cannot be done, which it has told.
using Print = std::function<bool(const std::string& text)>;

/// Prints what `find_locks` finds, once or again and again. Returns the exit code of the state that
/// it has shown last, see exit_code_of; that of a system error if it could not print. While it
/// goes on again and again, a silent store is told of and asked again. Also a fault, when it has
/// shown what it could see and locks may be missing.
Result<int, StoreFault> show(Inspector& inspector, const Query& query, const View& view,
                             const Print& print, Log& log);

}  // namespace dlock::operate
