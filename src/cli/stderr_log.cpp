#include "cli/stderr_log.h"

#include "cli/journal.h"
#include "cli/stderr_sink.h"
#include "core/text.h"
#include "os/clock.h"

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock::cli {
namespace {

/// The level as spdlog and `--log-format json` name it.
struct Named {
  spdlog::level::level_enum spdlog;
  const char* name;
};

Named named(LogLevel level) {
  switch (level) {
    case LogLevel::Error:
      break;
    case LogLevel::Warning:
      return {spdlog::level::warn, "warning"};
    case LogLevel::Notice:
      return {spdlog::level::info, "notice"};
    case LogLevel::Debug:
      return {spdlog::level::debug, "debug"};
  }
  return {spdlog::level::err, "error"};
}

/// Whether stderr goes to the journal of systemd. JOURNAL_STREAM names its stream by device and
/// inode (systemd.exec(5)); stderr may have been redirected since.
bool stderr_is_the_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

/// The stderr sinks of spdlog block; this one does not.
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
  Journal journal;
  ::spdlog::logger spdlog;
};

StderrLog::StderrLog() = default;
StderrLog::~StderrLog() = default;

void StderrLog::say(LogLevel level, const std::string& text) {
  if (level > options_.most_detailed) return;
  if (!logger_) logger_ = std::make_unique<Logger>();
  const std::string shown = printable(text);
  std::string priority;
  if (logger_->to_journal) {
    if (options_.format == LogFormat::Text && logger_->journal.take(level, shown, printable(key_)))
      return;
    priority = fmt::format("<{}>", priority_of(level));  // the journal removes it: sd-daemon(3)
  }
  logger_->spdlog.log(named(level).spdlog, "{}{}", priority, line_of(level, shown));
}

std::string StderrLog::line_of(LogLevel level, const std::string& text) const {
  // Text goes to cron mails and journals, which have their own time stamps.
  if (options_.format == LogFormat::Text) return "dlock: " + text;
  nlohmann::ordered_json line{{"time", iso_now()}, {"level", named(level).name}, {"message", text}};
  if (!key_.empty()) line["key"] = printable(key_);
  return line.dump();
}

}  // namespace dlock::cli
