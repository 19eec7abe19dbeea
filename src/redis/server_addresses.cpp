#include "redis/server_addresses.h"

#include <algorithm>

namespace dlock::redis {
namespace {

bool contains(const std::vector<SocketAddress>& list, const SocketAddress& address) {
  return std::find(list.begin(), list.end(), address) != list.end();
}

}  // namespace

ServerAddresses::ServerAddresses(const Endpoint& endpoint) : endpoint_(endpoint) {
  if (!endpoint.socket_path.empty())
    addresses_ = {unix_address(endpoint.socket_path)};
  else if (const auto address = numeric_address(endpoint.host, endpoint.port))
    addresses_ = {*address};
  numeric_ = !addresses_.empty();
}

Lookup& ServerAddresses::look_up() {
  if (lookup_ && lookup_->is_stale()) lookup_.reset();
  if (!lookup_) lookup_ = std::make_unique<Lookup>(endpoint_.host, endpoint_.port);
  lookup_->go_on();
  return *lookup_;
}

void ServerAddresses::rest(bool connected) {
  if (lookup_ && (connected || lookup_->finished() || !lookup_->found().empty())) lookup_.reset();
}

void ServerAddresses::name(std::vector<SocketAddress> addresses) {
  addresses_ = std::move(addresses);
  std::erase_if(failed_, [&](const auto& failed) { return !contains(addresses_, failed); });
}

std::vector<SocketAddress> ServerAddresses::in_order() const {
  const auto rank = [&](const SocketAddress& address) {
    const auto failed = std::find(failed_.begin(), failed_.end(), address);
    if (failed != failed_.end()) return 1 + (failed - failed_.begin());
    return answered_ == address ? std::ptrdiff_t{-1} : 0;
  };
  std::vector<SocketAddress> ordered = addresses_;
  std::stable_sort(ordered.begin(), ordered.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return ordered;
}

void ServerAddresses::note_answer(const SocketAddress& from) {
  answered_ = from;
  std::erase(failed_, from);
}

void ServerAddresses::note_failure(const SocketAddress& of) {
  std::erase(failed_, of);
  failed_.push_back(of);
}

bool ServerAddresses::has_failed(const SocketAddress& address) const {
  return contains(failed_, address);
}

std::shared_ptr<ServerAddresses> AddressBook::of(const Endpoint& endpoint) {
  auto& known = known_[endpoint.text()];
  if (!known) known = std::make_shared<ServerAddresses>(endpoint);
  return known;
}

}  // namespace dlock::redis
