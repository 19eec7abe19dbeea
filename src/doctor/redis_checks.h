#pragma once

#include "doctor/doctor.h"

namespace dlock::doctor {

/// All checks of a Redis, in any deployment.
Findings check_redis(const RedisAddress& address, const Examination& examination);

}  // namespace dlock::doctor
