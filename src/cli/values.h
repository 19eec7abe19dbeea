#pragma once

#include "core/time.h"

#include <string>

namespace dlock::cli {

/// What the word after that option says: `1h30m`, `500ms`. Throws Complaint.
Duration duration_of(const char* option, const std::string& word);

}  // namespace dlock::cli
