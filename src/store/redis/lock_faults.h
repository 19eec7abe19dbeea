#pragma once

#include "core/fault.h"

#include <string>

namespace dlock::redis {

/// The value of the lock key was not written by dlock or a peer.
StoreFault not_a_lock(const std::string& server, const std::string& lock_key);

/// It does not tell since when it is up: for good, as its administrator wants it.
StoreFault hides_its_age(const std::string& server, const std::string& error);

}  // namespace dlock::redis
