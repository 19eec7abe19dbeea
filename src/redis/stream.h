#pragma once

#include "core/ending.h"
#include "os/fd.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dlock::redis {

/// What one attempt to move bytes came to.
struct Transfer {
  enum class State { Moved, WantsToRead, WantsToWrite, Closed, Broken };
  State state = State::Moved;
  std::size_t count = 0;  // bytes, if Moved
  std::string why;        // if Broken
  /// If Broken: trying again will not help, and dlock ends with this code.
  std::optional<ExitCode> refusal = {};
};

/// Bytes to and from a server over a connected socket, in the clear or encrypted. No call waits:
/// WantsToRead and WantsToWrite say for what to wait before the same call is made again.
class Stream {
 public:
  virtual ~Stream() = default;

  /// To be called until Moved, before anything else.
  virtual Transfer shake_hands() = 0;
  virtual Transfer send(std::string_view bytes) = 0;
  virtual Transfer receive(std::span<char> into) = 0;
  virtual int fd() const = 0;
};

/// TCP or a unix socket, as it is.
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
