#pragma once

#include <string>
#include <sys/types.h>

namespace dlock::test {

/// A real redis-server on a unix socket in a directory of its own. Ends with the object.
class RedisProcess {
 public:
  /// Returns when it answers; throws when it does not within ten seconds.
  RedisProcess();
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  std::string url() const { return "unix://" + directory_ + "/redis.sock"; }

  /// Asks the server something and gives its reply as text.
  std::string ask(const std::string& command) const;

 private:
  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace dlock::test
