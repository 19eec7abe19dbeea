#pragma once

#include "doctor/doctor.h"

namespace dlock::doctor {

/// All checks of the embedded store.
Findings check_local(const Examination& examination);

/// `magic` is the type of the file system from statfs(2).
Finding judge_file_system(const std::string& directory, unsigned long magic);

}  // namespace dlock::doctor
