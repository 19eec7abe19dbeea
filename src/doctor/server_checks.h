#pragma once

#include "doctor/finding.h"
#include "doctor/server_info.h"
#include "redis/address.h"

#include <string>

namespace dlock::doctor {

// The rules for what one server is: values in, a finding out.

/// Its kind and version, and whether it is deployed as the URL says.
Finding judge_server(const ServerInfo& info, Deployment deployment);

/// A replica takes no locks, or takes them where nobody else looks.
Finding judge_role(const ServerInfo& info);

/// Whether a failover may lose an acquire, and whether --min-replicas can be met.
Finding judge_replicas(const ServerInfo& info, int least_replicas, Deployment deployment);

/// What to say of something that INFO does not have.
Finding unseen(const std::string& check);

}  // namespace dlock::doctor
