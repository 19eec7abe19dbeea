#pragma once

#include "core/identity.h"
#include "doctor/budget.h"
#include "doctor/findings.h"
#include "store/open.h"

namespace dlock::doctor {

/// A key that no other run uses.
LockKey make_probe_key();

/// Acquires the lock with the code of the store, checks that a second run is refused, and renews
/// and releases the lock. The token of the key stays in the store: the caller removes it.
Finding try_lock(const StoreOptions& options, const LeaseTerms& terms, const LockKey& key,
                 const Budget& budget);

/// The finding for a fault, with the exit code that a run would have.
Finding broken_by(const StoreFault& fault, const std::string& check);

}  // namespace dlock::doctor
