#include "store/local/queue.h"

#include "core/number.h"
#include "store/local/clocks.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dlock::local {
namespace {

/// Padded, so that the order of the names is the order of the tickets.
std::string ticket_name(std::uint64_t ticket) {
  std::string digits = std::to_string(ticket);
  constexpr std::size_t width = 20;
  return digits.insert(0, width - digits.size(), '0');
}

}  // namespace

Result<std::optional<Holder>, StoreFault> Queue::who_is_first() const {
  const auto names = waiters_.names();
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!ticket_.empty() && name >= ticket_) break;
    auto waiter = waiters_.inspect(name, Members::Dead::Goes);
    if (!waiter) return waiter.error();
    if (*waiter) return std::optional{std::move((*waiter)->holder)};
  }
  return std::optional<Holder>{};
}

Result<Done, StoreFault> Queue::join(const std::string& value, const CallDeadline& deadline) {
  // If another process removed the file, it no longer holds a place.
  if (ours_.is_open() && !ours_.in_place()) leave();
  if (ours_.is_open()) return Done{};
  auto turn = waiters_.turn(deadline);
  if (!turn) return turn.error();
  const auto names = waiters_.names();
  if (!names) return names.error();
  const auto last = names->empty() ? 0 : parse_number<std::uint64_t>(names->back()).value_or(0);
  // By the clock, so that no ticket is used twice: a run that has found the former owner dead may
  // be about to remove its file.
  const std::string ticket = ticket_name(std::max(last + 1, microseconds_now()));
  auto entered = turn->enter(ticket, value);
  if (!entered) return entered.error();
  ticket_ = ticket;
  ours_ = std::move(*entered);
  return Done{};
}

Result<bool, StoreFault> Queue::are_first() {
  in_front_.reset();
  const auto names = waiters_.names();
  if (!names) return names.error();
  for (auto name = names->rbegin(); name != names->rend(); ++name) {
    if (*name >= ticket_) continue;
    auto waiter = waiters_.inspect(*name, Members::Dead::Goes);
    if (!waiter) return waiter.error();
    in_front_ = std::move(*waiter);
    if (in_front_) return false;
  }
  return true;
}

void Queue::leave() {
  in_front_.reset();
  if (ours_.is_open()) ours_.remove();
  ours_.close();
  ticket_.clear();
}

}  // namespace dlock::local
