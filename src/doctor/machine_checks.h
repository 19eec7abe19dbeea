#pragma once

#include "doctor/findings.h"

#include <string>

namespace dlock::doctor {

/// What dlock needs of this machine and of the rights with which it is run. Starts one short-lived
/// process, and makes and removes one cgroup where it may.
Findings check_machine();

/// What the kernel reads its clocks from; empty if that cannot be seen.
Finding judge_clock_source(const std::string& name);

}  // namespace dlock::doctor
