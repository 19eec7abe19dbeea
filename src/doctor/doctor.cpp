#include "doctor/doctor.h"

#include "doctor/local_checks.h"
#include "doctor/machine_checks.h"
#include "doctor/redis_checks.h"

#include <algorithm>

namespace dlock::doctor {

namespace {

std::string name_of(const StoreAddress& address) {
  if (const auto* redis = std::get_if<RedisAddress>(&address)) return redis->name();
  const std::string& directory = std::get<LocalAddress>(address).directory;
  return directory.empty() ? "local" : "local:" + directory;
}

}  // namespace

Diagnosis examine(const Examination& examination) {
  const auto* redis = std::get_if<RedisAddress>(&examination.store.address);
  Diagnosis report{name_of(examination.store.address),
                   redis != nullptr ? check_redis(*redis, examination) : check_local(examination)};
  for (Finding& finding : check_machine()) {
    finding.area = Area::Machine;
    report.findings.push_back(std::move(finding));
  }
  return report;
}

}  // namespace dlock::doctor
