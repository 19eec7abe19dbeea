#pragma once

#include "redis/address.h"
#include "redis/servers.h"

#include <memory>

namespace dlock::redis {

/// How to reach the servers that store the locks.
struct ServersSetting {
  RedisAddress address;
  Login sentinel_login;
  std::shared_ptr<Tls> tls;  // if the address requires it
  std::shared_ptr<AddressBook> addresses = std::make_shared<AddressBook>();  // of all of them
};

/// The access to the servers that store the locks, and to the Sentinels.
Access access_to_servers(const ServersSetting& setting);
Access access_to_sentinels(const ServersSetting& setting);

/// The servers in their deployment. Sends no request before the first call.
std::unique_ptr<Servers> make_servers(const ServersSetting& setting);

}  // namespace dlock::redis
