#pragma once

#include <cstdint>

namespace dlock {

/// 64 bits that nobody else draws, to make a name unique. Should the kernel have none, the time
/// since boot must do.
std::uint64_t random_number();

}  // namespace dlock
