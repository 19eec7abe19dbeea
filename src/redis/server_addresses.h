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

/// What is known of where one server is, for all connections to it.
///
/// A name may lead elsewhere at any time, and to several addresses. So it is looked up for each
/// connection, and what the look-up says holds. Until it has said something, and when it fails,
/// what it said last is better than nothing: a name server that is away must not end a job whose
/// Redis is there.
class ServerAddresses {
 public:
  explicit ServerAddresses(const Endpoint& endpoint);

  /// What is known already, without a look-up.
  bool need_no_lookup() const { return numeric_; }
  /// Begins a look-up, or goes on with the last one if that has found nothing yet.
  Lookup& look_up();
  /// Ends the look-up, unless it is wanted still and has found nothing yet: the next connection
  /// goes on with it.
  void rest(bool connected);

  /// That is where it is, and nowhere else.
  void name(std::vector<SocketAddress> addresses);
  /// By the last look-up that found any: first the one that answered last, at the end those that
  /// failed, the latest last.
  std::vector<SocketAddress> in_order() const;
  std::size_t count() const { return addresses_.size(); }

  void note_answer(const SocketAddress& from);
  /// It did not answer, or is not the server that we want.
  void note_failure(const SocketAddress& of);
  bool has_failed(const SocketAddress& address) const;

 private:
  Endpoint endpoint_;
  bool numeric_ = false;
  std::unique_ptr<Lookup> lookup_;
  std::vector<SocketAddress> addresses_;
  std::optional<SocketAddress> answered_;  // the last one that did
  std::vector<SocketAddress> failed_;      // since they last answered; the latest at the end
};

/// The same for all servers that have been named. Not thread-safe.
class AddressBook {
 public:
  std::shared_ptr<ServerAddresses> of(const Endpoint& endpoint);

 private:
  std::map<std::string, std::shared_ptr<ServerAddresses>> known_;
};

}  // namespace dlock::redis
