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
  /// A holder whose liveness expired in an outage keeps its lock if no other run has taken it
  /// meanwhile.
  bool revive_lapsed = false;
  TlsOptions tls = {};
  Login sentinel_login = {};
  /// The number of replicas that must confirm an acquire or a renewal before it counts.
  int least_replicas = 0;
  Duration replica_timeout{};
  /// Whether a local store may be on a file system on which its locks may exclude nobody.
  bool trust_file_system = false;
};

/// Whether the options contain a password or name the key file of a certificate.
bool holds_secret(const StoreOptions& options);

/// Whether this store runs helper programs beside the job (see helper_sessions).
bool runs_helpers(const StoreOptions& options);

/// Creates the store that the address names. Opens no connection and no file before the first call.
std::unique_ptr<Store> make_store(const StoreOptions& options);

/// Like make_store, for inspecting and freeing the locks of the store.
std::unique_ptr<Inspector> make_inspector(const StoreOptions& options);

/// The claim of process `pid` of this machine, with the identity that it publishes in the store.
/// Others can read it, so `command` has no control characters and no secrets of URLs.
Claim make_claim(const StoreOptions& options, const LockKey& key, const LeaseTerms& terms,
                 pid_t pid, const std::vector<std::string>& command);

/// Adapts the process hash to the store: in a Redis Cluster the liveness key must lie in the slot
/// of the lock.
ProcessHash at_home_in(const StoreOptions& options, const LockKey& key, ProcessHash process);

/// The reason why the store cannot use that prefix; empty if it can.
std::string why_prefix_unfit(const StoreOptions& options);

/// Whether leases of this store expire by themselves, so that a deadline applies. Those of the
/// embedded store do not: the kernel holds its locks.
bool leases_expire(const StoreAddress& address);

}  // namespace dlock
