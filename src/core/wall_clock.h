#pragma once

#include <string>

namespace dlock {

/// Now by the wall clock: `2026-01-31T02:00:00.123Z`. For people to read: no decision rests on it.
std::string iso_now();

}  // namespace dlock
