#include "cli/journal.h"

#include "os/clock.h"
#include "os/wait.h"

#include <chrono>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

namespace dlock::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration longest_wait = 50ms;
constexpr sockaddr_un journal{AF_UNIX, "/run/systemd/journal/socket"};

/// Returns a connected socket, so that unread bytes can be counted. Closed if there is no journal.
Fd connect() {
  Fd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const auto* const where = reinterpret_cast<const sockaddr*>(&journal);
  return ::connect(socket.number(), where, sizeof journal) == 0 ? std::move(socket) : Fd{};
}

/// A value in this form of a field must not contain a line break; the values of dlock come from
/// `printable`.
std::string field(const char* name, const std::string& value) {
  return std::string{name} + "=" + value + "\n";
}

}  // namespace

int priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::Error:
      break;
    case LogLevel::Warning:
      return LOG_WARNING;
    case LogLevel::Notice:
      return LOG_NOTICE;
    case LogLevel::Debug:
      return LOG_DEBUG;
  }
  return LOG_ERR;
}

bool Journal::take(LogLevel level, const std::string& text, const std::string& key) {
  if (!socket_.open() && !out_of_reach_) {
    socket_ = connect();
    out_of_reach_ = !socket_.open();
  }
  if (out_of_reach_) return false;
  const bool stuck = unread();
  std::string message = field("MESSAGE", text) +
                        field("PRIORITY", std::to_string(priority_of(level))) +
                        field("SYSLOG_IDENTIFIER", "dlock");
  if (!key.empty()) message += field("DLOCK_KEY", key);
  if (::send(socket_.number(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    return false;
  if (!stuck) wait_until_read();
  return true;
}

bool Journal::unread() const {
  int bytes = 0;
  return ::ioctl(socket_.number(), SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

void Journal::wait_until_read() {
  const Instant give_up = BootClock::now() + longest_wait;
  for (Instant now = BootClock::now(); unread() && now < give_up; now = BootClock::now())
    wait_for_any({}, now + 200us);
}

}  // namespace dlock::cli
