#pragma once

#include "doctor/budget.h"
#include "doctor/findings.h"
#include "redis/address.h"
#include "redis/server_addresses.h"

#include <vector>

namespace dlock::doctor {

// The rules for the line between us and the servers.

/// Whether others can read it, or come in between.
Finding judge_encryption(const RedisAddress& address, const TlsOptions& tls);

/// Whether anybody who reaches the server may change its locks, as far as we can see: we were let
/// in with this login.
Finding judge_login(const RedisAddress& address, const TlsOptions& tls);

/// What a look-up of the name of one host came to.
struct NameView {
  std::string host;
  std::size_t addresses = 0;
  Duration took{};         // until they were found
  std::string why = {};    // none were found
  bool only_half = false;  // there was no answer about the other kind of addresses
  int silences = 0;        // how many times a name server was given up
};

/// `request_timeout`: what a renewal has for everything, if it needs a new connection.
Finding judge_name(const NameView& view, Duration request_timeout);

/// Of each host that name servers are asked for: addresses and what is in /etc/hosts are no news.
/// A look-up that takes too long goes on when such a host is connected to.
Findings check_names(const std::vector<Endpoint>& endpoints, redis::AddressBook& book,
                     Duration request_timeout, const Budget& budget);

}  // namespace dlock::doctor
