#pragma once

#include "core/lease.h"
#include "heartbeat/notify_relay.h"
#include "job/shared_deadline.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// When the unit is ready: as soon as the job runs, or when the job itself reports it.
enum class Ready { Start, Job };

/// A service manager such as systemd, which receives sd_notify(3) messages.
struct ManagerSetting {
  std::string address;                    // of its socket; empty: there is no manager
  bool for_us = false;                    // dlock is the main process of the unit
  std::optional<Duration> watchdog = {};  // the longest time without WATCHDOG=1 that it accepts
  Ready ready = Ready::Start;

  bool wants_to_hear() const { return for_us && !address.empty(); }
};

/// Reports the state of the run to the manager. Runs in the front, because by default a manager
/// accepts messages only from the main process of a unit.
///
/// No call blocks: a message that the manager does not take now is kept for later, or dropped.
class ServiceManager {
 public:
  ServiceManager(const ManagerSetting& setting, const SharedDeadline& deadline,
                 const LeaseTerms& terms);

  /// No job runs yet. `for_whom`: what the engine waits for; empty: it has the lock.
  void waits(const std::string& for_whom);
  void job_runs();
  /// The unit is about to end. `why`: a few words, or empty.
  void stops(const std::string& why);
  /// The text that `systemctl status` shows after the end.
  void ended(const std::string& how);

  /// When turn() is due, if fd() does not become writable earlier.
  Instant due() const;
  void turn(Instant now);
  /// Watch it for POLLOUT; negative when there is nothing to send.
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
