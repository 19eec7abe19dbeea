#pragma once

#include "doctor/budget.h"
#include "doctor/doctor.h"
#include "doctor/server_checks.h"
#include "doctor/timing.h"
#include "redis/connection.h"

namespace dlock::doctor {

/// Asks one server that keeps locks, by a connection of its own: what it is, how fast it answers,
/// and how fast its clock runs.
class ServerVisit {
 public:
  ServerVisit(const Endpoint& endpoint, const redis::Access& access)
      : connection_(endpoint, access) {}

  /// To be called in this order, the second one `between_bursts` after the end of the first one.
  void arrive(const Budget& budget);
  void ask_time_again(const Budget& budget) { ask_time(timing_.second, budget); }

  const std::string& name() const { return connection_.name(); }
  bool is_replica() const { return info_.text("role") == "slave"; }
  /// `gave_a_lock`: so whatever it does not answer, a lock can be had.
  Findings findings(const Examination& examination, Deployment deployment, bool gave_a_lock) const;

 private:
  void ask_time(std::vector<TimeSample>& burst, const Budget& budget);
  Finding without_info() const;

  redis::Connection connection_;
  std::optional<StoreFault> fault_;  // it could not be asked at all
  std::string refusal_;              // what it said instead of INFO
  ServerInfo info_;
  ServerSettings settings_;
  Timing timing_;
};

}  // namespace dlock::doctor
