#include "heartbeat/service_manager.h"

#include "core/text.h"
#include "os/clock.h"

#include <algorithm>

namespace dlock {
namespace {

using namespace std::chrono_literals;

// A unit that waits for a lock is not late. The manager must get an extension again and again, or
// TimeoutStartSec= ends the unit.
constexpr Duration extension = 30s;
constexpr Duration extend_every = 10s;

/// The time that a job with its own READY=1 gets after a wait, because the start timeout of the
/// unit may have passed long ago: DefaultTimeoutStartSec of systemd.
constexpr Duration time_to_get_ready = 90s;

std::string status(const std::string& text) { return "STATUS=" + excerpt(text, 1000); }

}  // namespace

ServiceManager::ServiceManager(const ManagerSetting& setting, const SharedDeadline& deadline,
                               const LeaseTerms& terms)
    : setting_(setting), deadline_(deadline), terms_(terms), link_(setting.address) {
  if (!setting_.wants_to_hear()) return;
  const Instant now = BootClock::now();
  extension_due_ = now + extend_every;
  if (setting_.watchdog) pet(now);
}

void ServiceManager::say(std::string_view lines) {
  if (setting_.wants_to_hear()) link_.pass_on({.text = std::string{lines}});
}

void ServiceManager::waits(const std::string& for_whom) {
  if (phase_ != Phase::Waits) return;
  if (!for_whom.empty()) {
    has_waited_ = true;
    return say(status("waiting for " + for_whom));
  }
  extension_due_ = never;
  if (!has_waited_) return;
  say("STATUS=");
  if (setting_.ready == Ready::Job) extend(time_to_get_ready);
}

void ServiceManager::job_runs() {
  if (phase_ != Phase::Waits) return;
  phase_ = Phase::Runs;
  extension_due_ = never;
  if (setting_.ready == Ready::Start) say("READY=1");
}

void ServiceManager::stops(const std::string& why) {
  if (phase_ == Phase::Stops) return;
  phase_ = Phase::Stops;
  extension_due_ = watchdog_due_ = never;
  say(why.empty() ? "STOPPING=1" : "STOPPING=1\n" + status(why));
}

void ServiceManager::ended(const std::string& how) { say(status(how)); }

Instant ServiceManager::due() const { return std::min(extension_due_, watchdog_due_); }

void ServiceManager::turn(Instant now) {
  link_.flush();
  if (now >= extension_due_) {
    extend(extension);
    extension_due_ = now + extend_every;
  }
  if (now >= watchdog_due_) pet(now);
}

void ServiceManager::extend(Duration by) {
  using std::chrono::microseconds;
  say("EXTEND_TIMEOUT_USEC=" +
      std::to_string(std::chrono::duration_cast<microseconds>(by).count()));
}

/// The watchdog covers a front that hangs, and also a lease that is no longer renewed.
void ServiceManager::pet(Instant now) {
  watchdog_due_ = now + *setting_.watchdog / 3;
  const Instant lease_ends = deadline_.read();
  const Duration with_one_renewal_missed = terms_.longest_failing() - terms_.renew_every();
  if (lease_ends == never || lease_ends - now > with_one_renewal_missed) say("WATCHDOG=1");
}

}  // namespace dlock
