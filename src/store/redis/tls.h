#pragma once

#include "core/result.h"
#include "store/redis/stream.h"
#include "store/tls_options.h"

#include <memory>
#include <string>

namespace dlock::redis {

/// Makes encrypted streams. OpenSSL is loaded, and the certificates are read, by the first one.
/// Not thread-safe: one thread at a time.
class Tls {
 public:
  explicit Tls(TlsOptions options);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  /// A stream over a connected socket to that host, whose name its certificate must bear. The error
  /// is a setting that is wrong: what comes after the server's name, with the remedy.
  Result<std::unique_ptr<Stream>, std::string> wrap(Fd socket, const std::string& host);

 private:
  class Context;
  Result<Done, std::string> prepare();

  TlsOptions options_;
  std::unique_ptr<Context> context_;
};

}  // namespace dlock::redis
