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

/// The one logger: writes each line to stderr, as `dlock: …` or as a JSON object. Made at the first
/// line, so that a run without messages does not pay for it.
///
/// Never blocks for long: when stderr is not read, a line is dropped after 50 ms, and later lines
/// at once until there is room again. If stderr is the journal of systemd, a message goes to the
/// journal with its priority and key as fields. JSON lines, which contain these fields, and
/// messages that the journal does not take go to stderr.
class StderrLog final : public Log {
 public:
  StderrLog();
  ~StderrLog() override;

  void configure(const LogOptions& options) { options_ = options; }
  /// Added to each JSON line and to journal messages.
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
