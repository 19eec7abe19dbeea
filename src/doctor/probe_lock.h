#pragma once

#include "core/identity.h"
#include "doctor/budget.h"
#include "doctor/findings.h"
#include "store/open.h"

namespace dlock::doctor {

/// A key that nobody else uses.
LockKey make_probe_key();

/// Takes the lock with the store's own code, sees a second run refused, renews the lock and gives
/// it back. The token of the key stays in the store: the caller removes it.
Finding try_lock(const StoreOptions& options, const LeaseTerms& terms, const LockKey& key,
                 const Budget& budget);

/// What to say of a fault, with the code in which a run would end.
Finding broken_by(const StoreFault& fault, const std::string& check);

}  // namespace dlock::doctor
