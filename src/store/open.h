#pragma once

#include "store/address.h"
#include "store/inspector.h"
#include "store/store.h"

#include <memory>

namespace dlock {

struct StoreOptions {
  StoreAddress address;
  std::string prefix = {};
  bool trust_restart = false;
  /// A holder whose liveness ran out in an outage keeps a lock that nobody took meanwhile.
  bool revive_lapsed = false;
  TlsOptions tls = {};
  Login sentinel_login = {};
  /// How many replicas must have an acquire or a renewal before it counts.
  int least_replicas = 0;
  Duration replica_timeout{};
};

/// Whether they have a password, or name the key of a certificate, that nobody else is to see.
bool holds_secret(const StoreOptions& options);

/// Whether such a store runs programs beside the job (see helper_sessions).
bool runs_helpers(const StoreOptions& options);

/// Makes the store that the address names. Nothing is opened and nobody asked until the first call.
std::unique_ptr<Store> make_store(const StoreOptions& options);

/// As make_store: for those who look at the store's locks from outside.
std::unique_ptr<Inspector> make_inspector(const StoreOptions& options);

/// What process `pid` of this machine wants from the store, and what it tells there about itself:
/// fit to be read by others, so without control characters and without the secrets of URLs in
/// `command`.
Claim make_claim(const StoreOptions& options, const LockKey& key, const LeaseTerms& terms,
                 pid_t pid, const std::vector<std::string>& command);

/// The process hash in the form that suits the store: in a Redis Cluster the liveness must lie in
/// the slot of the lock.
ProcessHash at_home_in(const StoreOptions& options, const LockKey& key, ProcessHash process);

/// Why that prefix cannot be had with that store; empty if it can.
std::string why_prefix_unfit(const StoreOptions& options);

/// Whether leases of this store end by themselves, so that a deadline must be kept. The embedded
/// store's do not: the kernel holds its locks.
bool leases_expire(const StoreAddress& address);

}  // namespace dlock
