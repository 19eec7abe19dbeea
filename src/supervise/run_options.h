#pragma once

#include "core/ending.h"
#include "core/holder.h"
#include "core/identity.h"
#include "core/lease.h"
#include "core/once.h"
#include "core/policy.h"
#include "core/waiting.h"
#include "heartbeat/service_manager.h"
#include "report/outlets.h"
#include "store/open.h"

#include <optional>
#include <string>
#include <vector>

namespace dlock::supervise {

/// The checked options of `dlock run`.
struct RunOptions {
  LockKey key;
  StoreOptions store;
  LeaseTerms terms;
  OnSilence on_silence = OnSilence::Kill;
  Orphans orphans = Orphans::Kill;
  Containment containment = Containment::Auto;
  StopPolicy stop;
  PassSignals pass_signals = PassSignals::Command;
  std::optional<Duration> max_run = {};
  std::optional<Duration> heartbeat_timeout = {};
  std::optional<Warning> warning = {};
  WaitLimit wait = {};
  OwnerHash part_of = {};  // owner of the outer run with the same key, if any; else empty
  Limit limit = {};
  /// The minimum time for which the lock stays taken, from the start of the job.
  Duration min_hold{};
  std::optional<OncePer> once = {};
  int done_code = 0;
  int conflict_code = static_cast<int>(ExitCode::SomeoneElseHoldsLock);
  std::string trace;
  std::string note;
  Outlets outlets = {};
  ManagerSetting manager = {};
  std::vector<std::string> command;

  /// Whether a report of the run is sent anywhere besides the exit code.
  bool report_is_wanted() const { return outlets.is_wanted() || manager.wants_to_hear(); }
};

}  // namespace dlock::supervise
