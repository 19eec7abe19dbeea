#include "heartbeat/heartbeat_client.h"

#include "core/text.h"
#include "os/datagram.h"
#include "os/wait.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace dlock {
namespace {

HeartbeatRefusal gone() {
  return {ExitCode::LockLost,
          "the lock is lost: the dlock that ran this job is gone; stop working, because another "
          "run may hold the lock"};
}

HeartbeatRefusal unanswered() {
  return {ExitCode::LockUnconfirmed,
          "the dlock that runs this job does not answer, so the lock is unconfirmed; is its "
          "process dlock-engine stopped?"};
}

/// A missing engine is a definite answer; any other system error is not.
HeartbeatRefusal refused(const std::string& socket, int error) {
  if (error == ENOENT || error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET)
    return gone();
  const std::string where = "DLOCK_SOCKET '" + excerpt(socket, 100) + "' ";
  switch (error) {
    case EACCES:
    case EPERM:
      return {
          ExitCode::SystemError,
          where + "is not accessible to this user; run dlock heartbeat as the user of dlock run"};
    case EINVAL:
    case ENAMETOOLONG:
    case EPROTOTYPE:
    case ENOTDIR:
      return {ExitCode::Usage, where + "is not a socket of dlock; do not set that variable"};
    default:
      return {ExitCode::SystemError, where + "cannot be used: " + ::strerror(error)};
  }
}

Result<Done, HeartbeatRefusal> judge(std::string_view word) {
  const auto answer = heartbeat_answer(word);
  if (answer == HeartbeatAnswer::Held) return Done{};
  if (answer == HeartbeatAnswer::Unconfirmed) {
    return HeartbeatRefusal{
        ExitCode::LockUnconfirmed,
        "the lease has expired and the store does not answer, so another run may hold the lock"};
  }
  return HeartbeatRefusal{ExitCode::LockLost,
                          "the lock is lost, or dlock is killing this job; stop working, because "
                          "another run may hold the lock"};
}

}  // namespace

Result<Done, HeartbeatRefusal> send_heartbeat(const std::string& socket, Instant until) {
  const Fd to_dlock = connect_datagram_socket(socket);
  if (!to_dlock.open()) return refused(socket, errno);
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return refused(socket, errno);
  const Fd ours{ends[0]};
  std::vector<Fd> theirs;
  theirs.emplace_back(ends[1]);

  while (!send_datagram(to_dlock, heartbeat_question, theirs)) {
    if (errno != EAGAIN) return refused(socket, errno);
    // Many other processes report at the same time, or dlock is stopped.
    std::array<pollfd, 1> watched{{{to_dlock.number(), POLLOUT, 0}}};
    if (!wait_for_any(watched, until)) return unanswered();
  }
  theirs.clear();  // now only dlock has that end: its death is an end-of-file
  std::array<pollfd, 1> watched{{{ours.number(), POLLIN, 0}}};
  if (!wait_for_any(watched, until)) return unanswered();
  std::array<char, 64> word{};
  const ssize_t size = ::recv(ours.number(), word.data(), word.size(), MSG_DONTWAIT);
  if (size <= 0) return gone();
  return judge({word.data(), static_cast<std::size_t>(size)});
}

}  // namespace dlock
