#pragma once

#include "store/address.h"
#include "store/store.h"

#include <memory>

namespace dlock {

struct StoreOptions {
  StoreAddress address;
  std::string prefix;
  bool trust_restart = false;
  /// A holder whose liveness ran out in an outage keeps a lock that nobody took meanwhile.
  bool revive_lapsed = false;
};

/// Makes the store that the address names. Nothing is opened and nobody asked until the first call.
std::unique_ptr<Store> make_store(const StoreOptions& options);

/// Whether leases of this store end by themselves, so that a deadline must be kept. The embedded
/// store's do not: the kernel holds its locks.
bool leases_expire(const StoreAddress& address);

}  // namespace dlock
