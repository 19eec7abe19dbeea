#pragma once

#include "core/ending.h"
#include "os/fd.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dlock::redis {

/// The result of one attempt to transfer bytes.
struct Transfer {
  enum class State { Moved, WantsToRead, WantsToWrite, Closed, Broken };
  State state = State::Moved;
  std::size_t count = 0;  // bytes, if Moved
  std::string why;        // if Broken
  /// If Broken: a retry will not help, and dlock exits with this code.
  std::optional<ExitCode> refusal = {};
};

/// Transfers bytes to and from a server over a connected socket, unencrypted or encrypted. No call
/// blocks: WantsToRead and WantsToWrite say what to wait for before the same call is repeated.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Must be called until it returns Moved, before any other call.
  virtual Transfer shake_hands() = 0;
  virtual Transfer send(std::string_view bytes) = 0;
  virtual Transfer receive(std::span<char> into) = 0;
  virtual int fd() const = 0;
};

/// TCP or a unix socket, unencrypted.
class PlainStream final : public Stream {
 public:
  explicit PlainStream(Fd socket) : socket_(std::move(socket)) {}

  Transfer shake_hands() override { return {}; }
  Transfer send(std::string_view bytes) override;
  Transfer receive(std::span<char> into) override;
  int fd() const override { return socket_.number(); }

 private:
  Fd socket_;
};

}  // namespace dlock::redis
