#pragma once

#include "doctor/doctor.h"

namespace dlock::doctor {

/// Everything about a Redis, however it is deployed.
Findings check_redis(const RedisAddress& address, const Examination& examination);

}  // namespace dlock::doctor
