#pragma once

#include "doctor/budget.h"
#include "doctor/findings.h"
#include "redis/address.h"
#include "redis/server_addresses.h"

#include <vector>

namespace dlock::doctor {

// The rules for the connections to the servers.

/// Whether a third party can read or intercept the connection.
Finding judge_encryption(const RedisAddress& address, const TlsOptions& tls);

/// Whether anyone who can reach the server can change its locks, as far as the login that it
/// accepted shows.
Finding judge_login(const RedisAddress& address, const TlsOptions& tls);

/// The result of looking up the name of one host.
struct NameView {
  std::string host;
  std::size_t addresses = 0;
  Duration took{};         // until they were found
  std::string why = {};    // if none were found
  bool only_half = false;  // the query for the other family had no answer
  int timeouts = 0;        // how many times a query to a name server timed out
};

/// `request_timeout`: the time of a renewal, including a new connection if it needs one.
Finding judge_name(const NameView& view, Duration request_timeout);

/// Looks up each host that requires name servers: addresses and names in /etc/hosts are skipped. A
/// look-up that takes too long is resumed by the connection to that host.
Findings check_names(const std::vector<Endpoint>& endpoints, redis::AddressBook& book,
                     Duration request_timeout, const Budget& budget);

}  // namespace dlock::doctor
