#pragma once

#include "doctor/budget.h"
#include "doctor/doctor.h"
#include "doctor/server_checks.h"
#include "doctor/timing.h"
#include "redis/connection.h"

namespace dlock::doctor {

/// Queries one server that stores locks over a connection of its own: its properties, its latency,
/// and the rate of its clock.
class ServerVisit {
 public:
  ServerVisit(const Endpoint& endpoint, const redis::Access& access)
      : connection_(endpoint, access) {}

  /// Call in this order, the second one `between_bursts` after the end of the first one.
  void arrive(const Budget& budget);
  void ask_time_again(const Budget& budget) { ask_time(timing_.second, budget); }

  const std::string& name() const { return connection_.name(); }
  bool is_replica() const { return info_.text("role") == "slave"; }
  /// `granted_lock`: the probe lock was acquired, whatever this server does not answer.
  Findings findings(const Examination& examination, Deployment deployment, bool granted_lock) const;

 private:
  void ask_time(std::vector<TimeSample>& burst, const Budget& budget);
  Finding without_info() const;

  redis::Connection connection_;
  std::optional<StoreFault> fault_;  // no query was possible
  std::string refusal_;              // its error instead of INFO
  ServerInfo info_;
  ServerSettings settings_;
  Timing timing_;
};

}  // namespace dlock::doctor
