#pragma once

#include "core/lease.h"
#include "doctor/findings.h"
#include "store/open.h"

#include <string>

namespace dlock::doctor {

struct Examination {
  StoreOptions store;
  LeaseTerms terms;
};

/// Looks at this machine and at the store. Takes a lock of its own and gives it back, so that
/// rights and scripts are tried for real; changes nothing else. Takes a few seconds at most,
/// however silent the store is.
Diagnosis examine(const Examination& examination);

}  // namespace dlock::doctor
