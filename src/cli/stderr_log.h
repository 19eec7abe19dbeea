#pragma once

#include "core/log.h"

#include <memory>
#include <string>

namespace dlock::cli {

enum class LogFormat { Text, Json };

struct LogOptions {
  LogFormat format = LogFormat::Text;
  LogLevel most_detailed = LogLevel::Notice;
};

/// The one logger: a line each to stderr, `dlock: …` or a JSON object. Made at the first line, so
/// that a run without words does not pay for it.
///
/// Never waits long: when nobody reads stderr a line is dropped after 50 ms, and from then on at
/// once until there is room again. Where stderr is the journal of systemd, a message goes there
/// with its priority and key as fields; a line of JSON, which has them in it, and what the journal
/// does not take go to stderr all the same.
class StderrLog final : public Log {
 public:
  StderrLog();
  ~StderrLog() override;

  void configure(const LogOptions& options) { options_ = options; }
  /// Shown in each JSON line and to the journal.
  void set_key(const std::string& key) { key_ = key; }

  void say(LogLevel level, const std::string& text) override;

 private:
  struct Logger;
  std::string line_of(LogLevel level, const std::string& text) const;

  LogOptions options_;
  std::string key_;
  std::unique_ptr<Logger> logger_;
};

}  // namespace dlock::cli
