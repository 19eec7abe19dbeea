#pragma once

#include "core/text.h"

#include <string>
#include <string_view>

namespace dlock {

enum class LogLevel { Error, Warning, Notice, Debug };

/// The output of dlock: stderr, through the one logger that src/cli makes.
///
/// A line can be dropped rather than wait for a reader: a slow reader must not delay a kill. Called
/// from the main thread of either process only; the liveness thread does not log.
class Log {
 public:
  virtual ~Log() = default;
  virtual void say(LogLevel level, const std::string& text) = 0;

  void error(const std::string& text) { say(LogLevel::Error, text); }
  void warn(const std::string& text) { say(LogLevel::Warning, text); }
  void notice(const std::string& text) { say(LogLevel::Notice, text); }
  void debug(const std::string& text) { say(LogLevel::Debug, text); }
};

/// The log of what concerns one key: each line begins with `key 'k': `. The log that it writes to
/// must outlive it.
class KeyLog final : public Log {
 public:
  KeyLog(Log& log, std::string_view key) : log_(log), prefix_(about(key) + ": ") {}

  void say(LogLevel level, const std::string& text) override { log_.say(level, prefix_ + text); }

 private:
  Log& log_;
  std::string prefix_;
};

}  // namespace dlock
