#include "cli/stderr_log.h"

#include "cli/stderr_sink.h"
#include "core/text.h"
#include "core/wall_clock.h"

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

namespace dlock::cli {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::Error:
      return spdlog::level::err;
    case LogLevel::Warning:
      return spdlog::level::warn;
    case LogLevel::Notice:
      return spdlog::level::info;
    case LogLevel::Debug:
      return spdlog::level::debug;
  }
  return spdlog::level::err;
}

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::Error:
      return "error";
    case LogLevel::Warning:
      return "warning";
    case LogLevel::Notice:
      return "notice";
    case LogLevel::Debug:
      return "debug";
  }
  return "error";
}

/// spdlog's own stderr sinks block; this one does not.
class PatientSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    sink_.write_line({line.data(), line.size()});
  }
  void flush_() override {}

 private:
  StderrSink sink_;
};

}  // namespace

struct StderrLog::Logger {
  Logger(LogFormat format) : spdlog("dlock", std::make_shared<PatientSink>()) {
    // JSON makes its own time stamp; text goes to cron mails and journals, which have one.
    const bool json = format == LogFormat::Json;
    spdlog.set_formatter(std::make_unique<::spdlog::pattern_formatter>(json ? "%v" : "dlock: %v"));
    spdlog.set_level(::spdlog::level::trace);
  }
  ::spdlog::logger spdlog;
};

StderrLog::StderrLog() = default;
StderrLog::~StderrLog() = default;

void StderrLog::say(LogLevel level, const std::string& text) {
  if (level > options_.most_detailed) return;
  if (!logger_) logger_ = std::make_unique<Logger>(options_.format);
  const std::string shown = printable(text);
  if (options_.format == LogFormat::Text) {
    logger_->spdlog.log(level_of(level), "{}", shown);
    return;
  }
  nlohmann::ordered_json line{{"time", iso_now()}, {"level", name_of(level)}, {"message", shown}};
  if (!key_.empty()) line["key"] = printable(key_);
  logger_->spdlog.log(level_of(level), "{}", line.dump());
}

}  // namespace dlock::cli
