#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace dlock::test {

/// A real redis-server on a unix socket in its own directory, or a Redis Cluster of one node with
/// all slots. It ends with the object.
class RedisProcess {
 public:
  enum class Kind { Alone, Cluster };
  /// Returns when the server answers, for a Cluster when it serves its slots, which takes two
  /// seconds. Throws after ten seconds.
  explicit RedisProcess(Kind kind = Kind::Alone);
  ~RedisProcess();
  RedisProcess(const RedisProcess&) = delete;
  RedisProcess& operator=(const RedisProcess&) = delete;

  std::string url() const;

  /// Sends a command to the server and returns its reply as text.
  std::string ask(const std::string& command) const;
  /// The same for words that contain blanks; of several replies the first.
  std::string ask(const std::vector<std::string>& words) const;

 private:
  std::string socket() const { return directory_ + "/redis.sock"; }
  bool is_up() const;

  Kind kind_;
  std::string directory_;
  int port_ = 0;  // of a Cluster: its URL cannot name a socket
  pid_t pid_ = -1;
};

}  // namespace dlock::test
