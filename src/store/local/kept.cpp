#include "store/local/kept.h"

#include "core/bounded.h"
#include "core/number.h"
#include "store/local/machine_clock.h"
#include "store/lock_json.h"

#include <fstream>

namespace dlock::local {
namespace {

std::string boot_id() {
  std::string id;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> id;
  return id;
}

}  // namespace

std::string kept_json(const Claim& claim, const Grant& grant, Instant until) {
  return kept_lock_json(claim, grant,
                        boot_id() + "/" + std::to_string(whole_ms(until.time_since_epoch())));
}

std::optional<Duration> kept_for(std::string_view value) {
  const std::string until = kept_until_in(value);
  const auto slash = until.find('/');
  if (slash == until.npos || until.substr(0, slash) != boot_id()) return {};
  const auto ms = parse_number<std::int64_t>(std::string_view{until}.substr(slash + 1));
  if (!ms) return {};
  const Duration left = Instant{bounded(std::chrono::milliseconds{*ms})} - machine_now();
  if (left <= Duration::zero()) return {};
  return left;
}

}  // namespace dlock::local
