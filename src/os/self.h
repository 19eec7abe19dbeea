#pragma once

#include <cstdint>
#include <string>

namespace dlock {

/// The name of this machine.
std::string host_name();

/// The user of this process from the environment, for display: the password database can require
/// the network.
std::string user_name();

/// 64 random bits, to make a name unique. If the kernel has none, the time since boot is used.
std::uint64_t random_number();

}  // namespace dlock
