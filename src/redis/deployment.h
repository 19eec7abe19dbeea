#pragma once

#include "redis/address.h"
#include "redis/servers.h"

#include <memory>

namespace dlock::redis {

/// How the servers that keep the locks are reached.
struct ServersSetting {
  RedisAddress address;
  Login sentinel_login;
  std::shared_ptr<Tls> tls;  // if the address has any
  std::shared_ptr<AddressBook> addresses = std::make_shared<AddressBook>();  // of all of them
};

/// To the servers that keep the locks, and to the Sentinels.
Access access_to_servers(const ServersSetting& setting);
Access access_to_sentinels(const ServersSetting& setting);

/// The servers, as they are deployed. None is asked before the first call.
std::unique_ptr<Servers> make_servers(const ServersSetting& setting);

}  // namespace dlock::redis
