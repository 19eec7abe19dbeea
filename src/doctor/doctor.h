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

/// Examines this machine and the store. Acquires and releases a probe lock, to test rights and
/// scripts; changes nothing else. Takes a few seconds at most, even if the store does not answer.
Diagnosis examine(const Examination& examination);

}  // namespace dlock::doctor
