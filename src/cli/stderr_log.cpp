#include "cli/stderr_log.h"

#include "cli/stderr_sink.h"
#include "core/text.h"
#include "core/wall_clock.h"

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

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

/// Whether what we write to stderr reaches the journal of systemd, which tells its stream by device
/// and inode (systemd.exec(5)): somebody may have redirected us since.
bool stderr_is_the_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

/// Its priority, as the journal reads it from the head of a line (sd-daemon(3)).
///
/// Not the journal's own protocol, which has room for more fields: a message that comes by it is
/// counted to a unit only if its sender is still there when it is read, and our last line, which
/// says why a run ended, is followed by our end.
const char* priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::Error:
      return "<3>";
    case LogLevel::Warning:
      return "<4>";
    case LogLevel::Notice:
      return "<5>";
    case LogLevel::Debug:
      return "<7>";
  }
  return "<3>";
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
  Logger() : spdlog("dlock", std::make_shared<PatientSink>()) {
    spdlog.set_formatter(std::make_unique<::spdlog::pattern_formatter>("%v"));
    spdlog.set_level(::spdlog::level::trace);
  }
  bool to_journal = stderr_is_the_journal();
  ::spdlog::logger spdlog;
};

StderrLog::StderrLog() = default;
StderrLog::~StderrLog() = default;

void StderrLog::say(LogLevel level, const std::string& text) {
  if (level > options_.most_detailed) return;
  if (!logger_) logger_ = std::make_unique<Logger>();
  logger_->spdlog.log(level_of(level), "{}{}", logger_->to_journal ? priority_of(level) : "",
                      line_of(level, printable(text)));
}

std::string StderrLog::line_of(LogLevel level, const std::string& text) const {
  // Text goes to cron mails and journals, which have a time stamp of their own.
  if (options_.format == LogFormat::Text) return "dlock: " + text;
  nlohmann::ordered_json line{{"time", iso_now()}, {"level", name_of(level)}, {"message", text}};
  if (!key_.empty()) line["key"] = printable(key_);
  return line.dump();
}

}  // namespace dlock::cli
