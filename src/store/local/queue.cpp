#include "store/local/queue.h"

#include "core/number.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace dlock::local {
namespace {

/// In such a form that their order is that of the names.
std::string ticket_name(std::uint64_t ticket) {
  std::string digits = std::to_string(ticket);
  constexpr std::size_t width = 20;
  return digits.insert(0, width - digits.size(), '0');
}

}  // namespace

std::optional<Holder> Queue::who_is_first() const {
  for (const std::string& name : waiters_.names()) {
    if (!ticket_.empty() && name >= ticket_) return {};
    if (auto waiter = waiters_.look_at(name)) return std::move(waiter->holder);
    waiters_.remove(name);
  }
  return {};
}

Result<Done, StoreFault> Queue::join(const std::string& value, const Patience& patience) {
  // Removed by somebody, our file holds up nobody any more.
  if (ours_.is_open() && !ours_.in_place()) leave();
  if (ours_.is_open()) return Done{};
  auto turn = waiters_.turn(patience);
  if (!turn) return turn.error();
  const std::vector<std::string> names = waiters_.names();
  const auto last = names.empty() ? 0 : parse_number<std::uint64_t>(names.back()).value_or(0);
  const std::string ticket = ticket_name(last + 1);
  auto entered = turn->enter(ticket, value);
  if (!entered) return entered.error();
  ticket_ = ticket;
  ours_ = std::move(*entered);
  return Done{};
}

bool Queue::are_first() {
  in_front_.reset();
  const std::vector<std::string> names = waiters_.names();
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (*name >= ticket_) continue;
    in_front_ = waiters_.look_at(*name);
    if (in_front_) return false;
    waiters_.remove(*name);
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
