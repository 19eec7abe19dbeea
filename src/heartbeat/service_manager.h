#pragma once

#include "core/lease.h"
#include "heartbeat/notify_relay.h"
#include "job/shared_deadline.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// When the unit is ready: as soon as the job runs, or when the job itself says so.
enum class Ready { Start, Job };

/// A manager of services such as systemd, which hears by sd_notify(3).
struct ManagerSetting {
  std::string address;                    // of its socket; empty: there is none
  bool for_us = false;                    // we are the unit's main process
  std::optional<Duration> watchdog = {};  // how often it must hear of us, or it ends the unit
  Ready ready = Ready::Start;

  bool wants_to_hear() const { return for_us && !address.empty(); }
};

/// Tells the manager what the front knows of the run. Belongs to the front, for by default a
/// manager believes the main process of a unit only.
///
/// No call waits: what the manager does not take now is kept for later, or dropped.
class ServiceManager {
 public:
  ServiceManager(const ManagerSetting& setting, const SharedDeadline& deadline,
                 const LeaseTerms& terms);

  /// No job runs yet: for whom we wait. Empty: for nobody, the lock is ours.
  void waits(const std::string& for_whom);
  void job_runs();
  /// The unit is on its way out. `why`: in a few words, or empty.
  void stops(const std::string& why);
  /// What `systemctl status` shows when we are gone.
  void ended(const std::string& how);

  /// When turn() is to be called next, if fd() cannot be written to before.
  Instant due() const;
  void turn(Instant now);
  /// To be watched for POLLOUT; negative when there is nothing to say.
  int fd() const { return link_.fd(); }

 private:
  enum class Phase { Waits, Runs, Stops };

  void say(std::string_view lines);
  void extend(Duration by);
  void pet(Instant now);

  ManagerSetting setting_;
  const SharedDeadline& deadline_;
  LeaseTerms terms_;
  NotifyRelay link_;
  Phase phase_ = Phase::Waits;
  bool has_waited_ = false;
  Instant extension_due_ = never;
  Instant watchdog_due_ = never;
};

}  // namespace dlock
