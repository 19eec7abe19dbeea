#pragma once

#include "core/result.h"
#include "redis/address.h"
#include "redis/stream.h"

#include <memory>
#include <string>

namespace dlock::redis {

/// Creates encrypted streams. The first one loads OpenSSL. The certificates are read again for each
/// stream, because they can have been renewed. Not thread-safe: one thread at a time.
class Tls {
 public:
  explicit Tls(TlsOptions options) : options_(std::move(options)) {}

  /// A stream over a connected socket to that host, whose certificate must match that name. The
  /// error is a wrong setting: the text that follows the server's name, with the remedy.
  Result<std::unique_ptr<Stream>, std::string> wrap(Fd socket, const std::string& host);

 private:
  TlsOptions options_;
};

}  // namespace dlock::redis
