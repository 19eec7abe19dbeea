#include "redis/connection.h"

#include "os/clock.h"
#include "os/wait.h"
#include "redis/dial.h"
#include "redis/faults.h"

#include <algorithm>
#include <array>
#include <atomic>

namespace dlock::redis {
namespace {

std::string name_of(const Endpoint& endpoint, const Access& access) {
  return RedisAddress{
      .tls = access.tls != nullptr, .endpoints = {endpoint}, .database = access.database}
      .name();
}

/// Whether bytes that should be RESP begin like a TLS alert.
bool is_tls_alert(std::string_view bytes) { return bytes.starts_with("\x15\x03"); }

}  // namespace

Connection::Connection(Endpoint endpoint, Access access, std::string named_by)
    : endpoint_(std::move(endpoint)),
      access_(std::move(access)),
      named_by_(std::move(named_by)),
      name_(name_of(endpoint_, access_)),
      where_(access_.addresses ? access_.addresses->of(endpoint_)
                               : std::make_shared<ServerAddresses>(endpoint_)) {}

void Connection::close() {
  stream_.reset();
  reader_.reset();
}

void Connection::leave() {
  close();
  if (peer_) where_->note_failure(*peer_);
}

std::unique_ptr<Connection> Connection::another() const {
  return std::make_unique<Connection>(endpoint_, access_, named_by_);
}

bool Connection::ended_meanwhile() {
  std::array<char, 512> unasked;
  switch (stream_->receive(unasked).state) {
    case Transfer::State::WantsToRead:
    case Transfer::State::WantsToWrite:
      return false;
    case Transfer::State::Moved:
    case Transfer::State::Closed:
    case Transfer::State::Broken:
      break;
  }
  return true;
}

Result<Done, StoreFault> Connection::ensure_open(const CallDeadline& deadline) {
  if (open() && !ended_meanwhile()) return Done{};
  static std::atomic<std::uint64_t> openings{0};
  number_ = ++openings;
  stream_.reset();
  reader_ = std::make_unique<ReplyReader>();
  heard_ = false;
  auto opened = connect(deadline);
  if (opened) {
    opened = shake_hands(deadline);
    if (opened) opened = log_in(deadline);
    if (!opened) leave();
  }
  if (!opened) {
    close();
    opened.error().not_applied = true;  // the caller's command was not sent
    if (!named_by_.empty() && opened.error().exit_code == ExitCode::StoreUnavailable)
      opened.error().sentence += " (" + named_by_ + " named this address)";
  }
  return opened;
}

Result<Done, StoreFault> Connection::connect(const CallDeadline& deadline) {
  auto line = dial(*where_, deadline);
  if (!line && line.error().cancelled) return cancelled(name_);
  if (!line) return unreachable(name_, line.error().why);
  peer_ = line->peer;
  Fd socket = std::move(line->socket);
  if (access_.tls == nullptr) {
    stream_ = std::make_unique<PlainStream>(std::move(socket));
    return Done{};
  }
  auto stream = access_.tls->wrap(std::move(socket), endpoint_.host);
  if (!stream) return misconfigured(stream.error());
  stream_ = std::move(*stream);
  return Done{};
}

Result<Done, StoreFault> Connection::shake_hands(const CallDeadline& deadline) {
  for (;;) {
    const Transfer transfer = stream_->shake_hands();
    if (transfer.state == Transfer::State::Moved) return Done{};
    if (transfer.state == Transfer::State::Broken)
      return broken(name_, transfer.why, transfer.refusal);
    if (transfer.state == Transfer::State::Closed)
      return connection_broke(name_, "the server closed it during the TLS handshake");
    const short event = transfer.state == Transfer::State::WantsToRead ? POLLIN : POLLOUT;
    switch (wait(stream_->fd(), event, deadline)) {
      case Wait::TimedOut:
        return no_tls_handshake(name_);
      case Wait::Cancelled:
        return cancelled(name_);
      case Wait::Ready:
        break;
    }
  }
}

Access access_to(const Login& login, int database, std::shared_ptr<Tls> tls,
                 std::shared_ptr<AddressBook> addresses) {
  Access access{login, database, std::move(tls), {}, std::move(addresses)};
  if (!login.password.command.empty())
    access.command = std::make_shared<PasswordCommand>(login.password);
  return access;
}

Result<std::string, StoreFault> Connection::password(const CallDeadline& deadline) const {
  const Password& given = access_.login.password;
  if (access_.command) return access_.command->read(deadline);
  if (given.file.empty()) return given.text;
  auto read = password_in_file(given);
  if (!read) return misconfigured(read.error().why);
  return std::move(read->text);
}

Result<Done, StoreFault> Connection::log_in(const CallDeadline& deadline) {
  std::vector<Command> commands;
  std::string secret;
  if (access_.login.password.given()) {
    auto read = password(deadline);
    if (!read) return read.error();
    secret = std::move(*read);
    commands.push_back({"AUTH"});
    if (!access_.login.user.empty()) commands.back().push_back(access_.login.user);
    commands.back().push_back(secret);
  }
  const std::string database = std::to_string(access_.database);
  if (access_.database != 0) commands.push_back({"SELECT", database});
  if (commands.empty()) return Done{};
  auto replies = ask(commands, deadline);
  if (!replies) return replies.error();
  for (const Reply& reply : *replies) {
    if (reply.is_error()) return error_reply(name_, reply.text);
  }
  return Done{};
}

Result<std::vector<Reply>, StoreFault> Connection::ask(const std::vector<Command>& commands,
                                                       const CallDeadline& deadline) {
  std::string bytes;
  for (const Command& command : commands) bytes += encode_command(command);
  auto replies = exchange(bytes, commands.size(), deadline);
  if (replies)
    where_->note_answer(*peer_);
  else
    close();
  return replies;
}

Result<std::vector<Reply>, StoreFault> Connection::exchange(std::string_view unsent,
                                                            std::size_t count,
                                                            const CallDeadline& deadline) {
  const Instant began = BootClock::now();
  std::vector<Reply> replies;
  for (;;) {
    auto pushed = push(unsent);
    if (!pushed) return pushed.error();
    short events = POLLIN;
    if (*pushed == Transfer::State::WantsToWrite) events |= POLLOUT;
    switch (wait(stream_->fd(), events, deadline)) {
      case Wait::TimedOut:
        leave();
        return timed_out(name_, deadline.until - began);
      case Wait::Cancelled:
        return cancelled(name_);
      case Wait::Ready:
        break;
    }
    auto complete = take_replies(replies, count);
    if (!complete) {
      if (replies.empty() || !replies.back().is_error()) return complete.error();
      // The server sent the reason why it closes the connection, and no reply to the other
      // requests.
      StoreFault fault = error_reply(name_, replies.back().text);
      fault.not_applied = false;
      return fault;
    }
    if (*complete) return replies;
  }
}

Result<Transfer::State, StoreFault> Connection::push(std::string_view& unsent) {
  while (!unsent.empty()) {
    const Transfer sent = stream_->send(unsent);
    if (sent.state == Transfer::State::Broken) return broken(name_, sent.why, sent.refusal);
    if (sent.state != Transfer::State::Moved) return sent.state;
    unsent.remove_prefix(sent.count);
  }
  return Transfer::State::Moved;
}

Result<bool, StoreFault> Connection::take_replies(std::vector<Reply>& into, std::size_t count) {
  if (auto received = receive(); !received) return received.error();
  for (;;) {
    auto reply = reader_->next();
    if (!reply) return not_redis(name_);
    if (!*reply) break;
    into.push_back(std::move(**reply));
  }
  // Unexpected bytes would be taken for the answer to the next request.
  if (into.size() > count) return not_redis(name_);
  return into.size() == count;
}

Result<Done, StoreFault> Connection::receive() {
  std::array<char, 16384> buffer;
  const Transfer received = stream_->receive(buffer);
  switch (received.state) {
    case Transfer::State::WantsToRead:
    case Transfer::State::WantsToWrite:
      return Done{};
    case Transfer::State::Broken:
      if (!heard_ && !access_.tls) return closed_without_reply(name_, received.why);
      return broken(name_, received.why, received.refusal);
    case Transfer::State::Closed:
      if (!heard_ && !access_.tls) return closed_without_reply(name_, "the server closed it");
      return connection_broke(name_, "the server closed it");
    case Transfer::State::Moved:
      break;
  }
  const std::string_view bytes{buffer.data(), received.count};
  if (!std::exchange(heard_, true) && is_tls_alert(bytes)) return speaks_tls(name_);
  reader_->feed(bytes.data(), bytes.size());
  return Done{};
}

// --- without a reply ---

Result<Done, StoreFault> Connection::tell(const Command& command, const CallDeadline& deadline) {
  const std::string bytes = encode_command(command);
  const auto fail = [this](StoreFault fault) {
    close();
    return fault;
  };
  for (std::string_view unsent = bytes;;) {
    auto pushed = push(unsent);
    if (!pushed) return fail(std::move(pushed.error()));
    if (unsent.empty()) return Done{};
    if (wait(stream_->fd(), POLLOUT, deadline) != Wait::Ready) return fail(cancelled(name_));
  }
}

Result<std::optional<Reply>, StoreFault> Connection::listen(const CallDeadline& deadline) {
  for (;;) {
    auto reply = reader_->next();
    if (!reply) {
      close();
      return not_redis(name_);
    }
    if (*reply) return std::move(*reply);
    if (wait(stream_->fd(), POLLIN, deadline) != Wait::Ready) return std::optional<Reply>{};
    if (auto received = receive(); !received) {
      close();
      return received.error();
    }
  }
}

CallDeadline share_of(const CallDeadline& deadline, std::size_t parts) {
  const Instant now = BootClock::now();
  return {now + std::max(Duration::zero(), deadline.until - now) / static_cast<long>(parts),
          deadline.cancellation};
}

}  // namespace dlock::redis
