#pragma once

#include <string>

namespace dlock::doctor {

/// Starts true(1) in a pid namespace, in the way of --contain=pidns: that namespaces can be made
/// does not yet mean that a user may map itself into one. Empty if it worked, else why it did not.
std::string try_pid_namespace();

}  // namespace dlock::doctor
