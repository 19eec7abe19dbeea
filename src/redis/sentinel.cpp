#include "redis/sentinel.h"

#include "core/number.h"
#include "redis/faults.h"

#include <algorithm>

namespace dlock::redis {
namespace {

bool is_replica(const Reply& reply) {
  return reply.is_error() &&
         (reply.text.starts_with("READONLY") || reply.text.starts_with("MASTERDOWN"));
}

}  // namespace

SentinelServers::SentinelServers(const RedisAddress& address, Access master_access,
                                 const Access& sentinel_access)
    : name_(address.name()),
      master_name_(address.master),
      master_access_(std::move(master_access)) {
  for (const Endpoint& endpoint : address.endpoints)
    sentinels_.emplace_back(endpoint, sentinel_access);
}

Result<Answers, StoreFault> SentinelServers::ask(const std::vector<Command>& commands,
                                                 std::string_view, const CallDeadline& deadline) {
  // One retry if the known master is no longer a master: it did not apply the request.
  for (int attempt = 0;; ++attempt) {
    if (!master_ || !master_->open()) {
      if (auto found = find_master(deadline); !found) return found.error();
    }
    auto answers = redis::ask(*master_, commands, deadline);
    if (!answers || !answers->from_wrong_server()) return answers;
    master_->leave();
    master_.reset();
    if (!answers->turned_away()) return answers;
    if (attempt == 1) {
      if (!is_replica(answers->replies.front())) return answers;
      return StoreFault{
          .sentence = answers->server +
                      " is a replica, although the Sentinels report it as the master of '" +
                      master_name_ + "'; a failover may be in progress",
          .not_applied = true,
          .worth_retrying = true};
    }
  }
}

std::unique_ptr<Connection> SentinelServers::another_connection(std::string_view) const {
  if (!master_) return nullptr;
  return master_->another();
}

Result<Done, StoreFault> SentinelServers::find_master(const CallDeadline& deadline) {
  std::optional<StoreFault> first_fault;
  const auto note = [&](StoreFault fault) {
    fault.not_applied = true;
    // An error that a Sentinel reported, or that followed from its answer, is more useful than the
    // news that another one is down.
    const bool outranked = first_fault && (first_fault->worth_retrying || !fault.worth_retrying) &&
                           fault.exit_code == ExitCode::StoreUnavailable;
    if (!outranked) first_fault = std::move(fault);
  };
  for (std::size_t i = 0; i < sentinels_.size(); ++i) {
    const CallDeadline share = share_of(deadline, sentinels_.size() - i);
    auto endpoint = ask_sentinel(sentinels_[i], share);
    // The connection would only become stale: the next request may be days away.
    sentinels_[i].close();
    if (deadline.cancellation != nullptr && deadline.cancellation->requested())
      return cancelled(name_);
    if (!endpoint) {
      StoreFault& fault = endpoint.error();
      fault.worth_retrying = false;
      if (fault.exit_code == ExitCode::StoreUnavailable)
        fault.sentence = "no Sentinel reported the master: " + fault.sentence;
      note(std::move(fault));
      continue;
    }
    auto connected = connect_to(*endpoint, sentinels_[i], share);
    if (connected) {
      std::rotate(sentinels_.begin(), sentinels_.begin() + static_cast<std::ptrdiff_t>(i),
                  sentinels_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      return connected;
    }
    master_.reset();
    // A failover may be in progress, unless the server refused the access.
    connected.error().worth_retrying = connected.error().exit_code == ExitCode::StoreUnavailable;
    note(std::move(connected.error()));
  }
  return *first_fault;
}

Result<Endpoint, StoreFault> SentinelServers::ask_sentinel(Connection& sentinel,
                                                           const CallDeadline& deadline) {
  auto answers =
      redis::ask(sentinel, {{"SENTINEL", "get-master-addr-by-name", master_name_}}, deadline);
  if (!answers) return answers.error();
  const Reply& reply = answers->replies.front();
  if (reply.is_error()) {
    if (reply.text.find("unknown command") != reply.text.npos) return no_sentinel(sentinel.name());
    return error_reply(sentinel.name(), reply.text);
  }
  if (reply.type == Reply::Type::Nil) return unknown_master(sentinel.name(), master_name_);
  const std::string_view host = reply.text_at(0);
  const auto port = parse_number(reply.text_at(1), 1, 65535);
  if (host.empty() || !port) return no_sentinel(sentinel.name());
  return Endpoint{.host = std::string{host}, .port = *port};
}

/// A Sentinel can be outdated: only the server itself knows whether it is the master.
Result<Done, StoreFault> SentinelServers::connect_to(const Endpoint& endpoint,
                                                     const Connection& sentinel,
                                                     const CallDeadline& deadline) {
  master_.emplace(endpoint, master_access_, "the Sentinel " + sentinel.name());
  auto answers = redis::ask(*master_, {{"ROLE"}}, deadline);
  if (!answers) return answers.error();
  const Reply& reply = answers->replies.front();
  if (reply.is_error()) return error_reply(master_->name(), reply.text);
  if (reply.text_at(0) == "master") return Done{};
  master_->leave();
  return StoreFault{.sentence = master_->name() +
                                " is now a replica, although a Sentinel still reports it as the "
                                "master; a failover may be in progress",
                    .not_applied = true,
                    .worth_retrying = true};
}

}  // namespace dlock::redis
