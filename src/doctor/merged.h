#pragma once

#include "doctor/finding.h"

#include <string>
#include <vector>

namespace dlock::doctor {

struct FindingsOf {
  std::string server;
  Findings findings;
};

/// The findings of several servers, check by check: what was found alike on some of them is said
/// once, with their names, and for all of them with their number. Those of a single server as they
/// are.
Findings merged(const std::vector<FindingsOf>& servers);

}  // namespace dlock::doctor
