#pragma once

#include <string>

namespace dlock {

/// The name of this machine.
std::string host_name();

/// The user of this process as the environment has it, for people: the password database may be a
/// network away.
std::string user_name();

}  // namespace dlock
