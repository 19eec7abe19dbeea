#pragma once

#include "core/lease.h"
#include "doctor/finding.h"
#include "store/open.h"

#include <string>

namespace dlock::doctor {

struct Examination {
  StoreOptions store;
  LeaseTerms terms;
};

struct Report {
  std::string store;  // its name, without secrets
  Findings findings;

  /// Nothing breaks the promise.
  bool ok() const;
};

/// Looks at this machine and at the store. Takes a lock of its own and gives it back, so that
/// rights and scripts are tried for real; changes nothing else. Takes a few seconds at most,
/// however silent the store is.
Report examine(const Examination& examination);

/// For a person: one line for each finding, and two more for each that is not good.
std::string to_lines(const Report& report);

/// One JSON object, whose fields the man page has under DOCTOR.
std::string to_json(const Report& report);

}  // namespace dlock::doctor
