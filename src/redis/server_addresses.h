#pragma once

#include "redis/address.h"
#include "redis/lookup.h"
#include "redis/socket_address.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dlock::redis {

/// The known addresses of one server, shared by all connections to it.
///
/// A name can have several addresses, and they can change at any time. So it is looked up for each
/// connection, and the result replaces what was known. Until there is a result, and if the look-up
/// fails, the last result is used: an unreachable name server must not end a job whose Redis is up.
class ServerAddresses {
 public:
  explicit ServerAddresses(const Endpoint& endpoint);

  /// Whether the address is known without a look-up.
  bool need_no_lookup() const { return numeric_; }
  /// Starts a look-up, or resumes the last one if that has found nothing yet.
  Lookup& look_up();
  /// Ends the look-up, unless it is still needed and has found nothing yet: then the next
  /// connection resumes it.
  void rest(bool connected);

  /// Replaces the known addresses with these.
  void name(std::vector<SocketAddress> addresses);
  /// The result of the last successful look-up: first the address that answered last, at the end
  /// those that failed, the most recent failure last.
  std::vector<SocketAddress> in_order() const;
  std::size_t count() const { return addresses_.size(); }

  void note_answer(const SocketAddress& from);
  /// The address did not answer, or is the wrong server.
  void note_failure(const SocketAddress& of);
  bool has_failed(const SocketAddress& address) const;

 private:
  Endpoint endpoint_;
  bool numeric_ = false;
  std::unique_ptr<Lookup> lookup_;
  std::vector<SocketAddress> addresses_;
  std::optional<SocketAddress> answered_;  // the last one that did
  std::vector<SocketAddress> failed_;      // since they last answered; the most recent at the end
};

/// The addresses of all servers in use. Not thread-safe.
class AddressBook {
 public:
  std::shared_ptr<ServerAddresses> of(const Endpoint& endpoint);

 private:
  std::map<std::string, std::shared_ptr<ServerAddresses>> known_;
};

}  // namespace dlock::redis
