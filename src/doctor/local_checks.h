#pragma once

#include "doctor/doctor.h"
#include "store/local/file_system.h"

#include <optional>
#include <string>

namespace dlock::doctor {

/// All checks of the embedded store.
Findings check_local(const Examination& examination);

/// `trusted`: with --trust-file-system.
Finding judge_file_system(const std::string& directory,
                          const std::optional<local::UnsureFileSystem>& unsure, bool trusted);

}  // namespace dlock::doctor
