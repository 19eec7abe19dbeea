#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace dlock::test {

/// A real redis-server on a unix socket in a directory of its own, or as a Redis Cluster of one
/// node, which keeps all slots. Ends with the object.
class RedisProcess {
 public:
  enum class Kind { Alone, Cluster };
  /// Returns when it answers, a Cluster when it serves its slots, which takes two seconds; throws
  /// when it does not within ten.
  explicit RedisProcess(Kind kind = Kind::Alone);
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  std::string url() const;

  /// Asks the server something and gives its reply as text.
  std::string ask(const std::string& command) const;
  /// The same for words that have blanks in them; of several replies the first.
  std::string ask(const std::vector<std::string>& words) const;

 private:
  std::string socket() const { return directory_ + "/redis.sock"; }
  bool is_up() const;

  Kind kind_;
  std::string directory_;
  int port_ = 0;  // of a Cluster, which a URL cannot name by a socket
  pid_t pid_ = -1;
};

}  // namespace dlock::test
