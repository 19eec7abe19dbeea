#pragma once

#include "redis/servers.h"
#include "store/redis/scripts.h"

#include <memory>
#include <string>
#include <vector>

namespace dlock::redis {

/// The number of replicas that must confirm a write, and how long the master waits for them.
struct Replication {
  int least = 0;
  Duration timeout{};
};

/// Whether a request waits for the replicas that Replication requires.
enum class Confirmation { ByReplicas, NotNeeded };

/// The reply to one script or command.
struct Answer {
  Reply reply;
  std::string server;
  Instant sent_at;
  std::uint64_t connection = 0;  // see Answers
  int replicas = 0;              // the number that confirmed it, if any were required
};

/// Runs scripts and commands on the lock's servers. Sends a script by its hash, and by its text if
/// the server does not know the hash. If replicas are required, sends WAIT in the same round trip.
class ScriptCaller {
 public:
  ScriptCaller(std::unique_ptr<Servers> servers, Replication replication)
      : servers_(std::move(servers)), replication_(replication) {}

  /// All keys must lie in one slot.
  Result<Answer, StoreFault> call(const Script& script, const std::vector<std::string>& keys,
                                  const std::vector<std::string>& arguments,
                                  const CallDeadline& deadline,
                                  Confirmation confirmation = Confirmation::ByReplicas);
  /// The second word of the command must be its key.
  Result<Answer, StoreFault> call(const Command& command, const CallDeadline& deadline,
                                  Confirmation confirmation = Confirmation::ByReplicas);

  /// Whether too few replicas confirmed the write.
  bool too_few(const Answer& answer) const { return answer.replicas < replication_.least; }
  StoreFault too_few_replicas(const Answer& answer) const;

  /// See Servers.
  std::unique_ptr<Connection> another_connection(std::string_view key) const {
    return servers_->another_connection(key);
  }
  Result<std::vector<std::unique_ptr<Connection>>, StoreFault> connections_to_all(
      const CallDeadline& deadline) {
    return servers_->connections_to_all(deadline);
  }
  const std::string& name() const { return servers_->name(); }

 private:
  Result<Answer, StoreFault> send(const Command& command, std::string_view key,
                                  const CallDeadline& deadline, Confirmation confirmation);

  std::unique_ptr<Servers> servers_;
  Replication replication_;
};

}  // namespace dlock::redis
