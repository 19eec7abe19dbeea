#pragma once

#include "doctor/doctor.h"

namespace dlock::doctor {

/// Everything about the embedded store.
Findings check_local(const Examination& examination);

/// What kind of file system statfs(2) says by its magic number.
Finding judge_file_system(const std::string& directory, unsigned long magic);

}  // namespace dlock::doctor
