#pragma once

#include "redis/faults.h"
#include "redis/servers.h"

#include <string>
#include <string_view>

namespace dlock::redis {

/// A server whose replies were recorded, as bytes of the protocol; after them it does not answer.
class RecordedServers final : public Servers {
 public:
  explicit RecordedServers(std::string_view bytes) { reader_.feed(bytes.data(), bytes.size()); }

  Result<Answers, StoreFault> ask(const std::vector<Command>& commands, std::string_view,
                                  const CallDeadline&) override {
    Answers answers{.replies = {}, .server = name_, .sent_at = sent_at};
    while (answers.replies.size() < commands.size()) {
      auto reply = reader_.next();
      if (!reply) return not_redis(name_);
      if (!*reply) return timed_out(name_, std::chrono::seconds{1});
      answers.replies.push_back(std::move(**reply));
    }
    return answers;
  }
  std::unique_ptr<Connection> another_connection(std::string_view) const override { return {}; }
  const std::string& name() const override { return name_; }

  /// When each request was sent.
  static constexpr Instant sent_at = Instant{} + std::chrono::hours{1};

 private:
  std::string name_ = "127.0.0.1:6379";
  ReplyReader reader_;
};

}  // namespace dlock::redis
