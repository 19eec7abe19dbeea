#pragma once

#include <cstdint>
#include <string>

namespace dlock {

/// The name of this machine.
std::string host_name();

/// The user of this process as the environment has it, for people: the password database may be a
/// network away.
std::string user_name();

/// 64 bits that nobody else draws, to make a name unique. Should the kernel have none, the time
/// since boot must do.
std::uint64_t random_number();

}  // namespace dlock
