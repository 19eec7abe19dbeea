#pragma once

#include "doctor/findings.h"

#include <string>

namespace dlock::doctor {

/// Checks what dlock needs of this machine and of its own rights. Starts short-lived processes, and
/// creates and removes one cgroup where permitted.
Findings check_machine();

/// `name` is the kernel's clock source; empty if it is unknown.
Finding judge_clock_source(const std::string& name);

}  // namespace dlock::doctor
