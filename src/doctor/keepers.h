#pragma once

#include "doctor/finding.h"
#include "redis/address.h"

#include <vector>

namespace dlock::doctor {

/// What is to be said of a deployment, and the servers in it that keep locks now.
struct Keepers {
  std::vector<Endpoint> servers;
  Findings findings;
};

}  // namespace dlock::doctor
