#pragma once

#include "core/result.h"
#include "redis/address.h"
#include "redis/stream.h"

#include <memory>
#include <string>

namespace dlock::redis {

/// Makes encrypted streams. OpenSSL is loaded by the first one; the certificates are read anew for
/// each, for they may have been renewed since. Not thread-safe: one thread at a time.
class Tls {
 public:
  explicit Tls(TlsOptions options) : options_(std::move(options)) {}

  /// A stream over a connected socket to that host, whose name its certificate must bear. The error
  /// is a setting that is wrong: what comes after the server's name, with the remedy.
  Result<std::unique_ptr<Stream>, std::string> wrap(Fd socket, const std::string& host);

 private:
  TlsOptions options_;
};

}  // namespace dlock::redis
