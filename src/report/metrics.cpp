#include "report/metrics.h"

#include "core/text.h"
#include "core/time.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/wait.h"
#include "report/report.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <map>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock {
namespace {

using namespace std::chrono_literals;

struct Metric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
};

constexpr std::array metrics{
    Metric{"dlock_runs_total", "counter", "Runs by outcome."},
    Metric{"dlock_wait_seconds", "summary", "How long runs waited for the lock."},
    Metric{"dlock_hold_seconds", "summary", "How long runs held the lock."},
    Metric{"dlock_renewal_seconds", "summary", "How long the store took to renew a lock."},
    Metric{"dlock_renewal_max_seconds", "gauge",
           "The longest renewal of the last run that held the lock."},
    Metric{"dlock_last_run_timestamp_seconds", "gauge", "When the last run ended."},
    Metric{"dlock_last_success_timestamp_seconds", "gauge", "When the last successful run ended."},
    Metric{"dlock_last_exit_code", "gauge", "The exit code of the last run."}};

/// The samples of a file by their full names, with labels.
using Samples = std::map<std::string, double, std::less<>>;

const Metric* metric_of(std::string_view sample) {
  const std::string_view name = sample.substr(0, sample.find('{'));
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& metric) {
    if (metric.type != "summary") return name == metric.name;
    return name.starts_with(metric.name) && (name.substr(metric.name.size()) == "_sum" ||
                                             name.substr(metric.name.size()) == "_count");
  });
  return found == metrics.end() ? nullptr : &*found;
}

std::optional<Samples> parse(std::string_view text) {
  Samples samples;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto blank = line.rfind(' ');
    if (blank == line.npos || metric_of(line) == nullptr) return {};
    samples[std::string{line.substr(0, blank)}] =
        std::strtod(std::string{line.substr(blank + 1)}.c_str(), nullptr);
  }
  return samples;
}

std::string escaped_label(std::string_view label) {
  std::string out;
  for (const char c : label) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;  // a key has no line feed here: it was made printable
  }
  return out;
}

std::string number(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.10g", value);
  std::string out = text.data();
  // A moment with ms needs more than 10 digits; a counter has no fraction.
  if (value >= 1e9) {
    std::snprintf(text.data(), text.size(), "%.3f", value);
    out = text.data();
  }
  return out;
}

std::string written(const Samples& samples) {
  std::string text;
  for (const Metric& metric : metrics) {
    std::string lines;
    for (const auto& [name, value] : samples) {
      if (metric_of(name) == &metric) lines += name + " " + number(value) + "\n";
    }
    if (lines.empty()) continue;
    const std::string name{metric.name};
    text += "# HELP " + name + " " + std::string{metric.help} + "\n# TYPE " + name + " " +
            std::string{metric.type} + "\n" + lines;
  }
  return text;
}

/// Reads no more than the size that a file of dlock can have, because other programs can write it.
std::string read_all(const Fd& file) {
  constexpr std::size_t most = 64 << 20;
  std::string text;
  read_whole(file.number(), text, most);
  return text;
}

/// Opens the file and takes its kernel lock, and repeats this if the previous owner of the lock has
/// replaced the file meanwhile. Not open, with errno set, on failure.
Fd open_locked(const std::string& path, Cancellation& give_up) {
  for (const Instant until = BootClock::now() + 10s;;) {
    // O_NONBLOCK: a fifo put in its place would block the open.
    Fd file{::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666)};
    if (!file.open()) return file;
    if (::flock(file.number(), LOCK_EX | LOCK_NB) == 0) {
      struct stat ours {};
      struct stat there {};
      if (::fstat(file.number(), &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
          ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) {
        if (S_ISREG(ours.st_mode)) return file;
        file.close();
        errno = EINVAL;
        return file;
      }
    } else if (BootClock::now() >= until || give_up.requested()) {
      file.close();
      errno = EBUSY;
      return file;
    }
    std::array<pollfd, 1> watched{{{give_up.fd(), POLLIN, 0}}};
    wait_for_any(watched, BootClock::now() + 2ms);
  }
}

double seconds(Duration duration) { return std::chrono::duration<double>{duration}.count(); }

const char* const something_else = "it contains something other than metrics of dlock";

}  // namespace

std::optional<std::string> with_run(std::string_view old, const RunReport& run, double now) {
  auto samples = parse(old);
  if (!samples) return {};
  const std::string key = "key=\"" + escaped_label(printable(run.key)) + "\"";
  const auto sample = [&](const std::string& name) -> double& {
    return (*samples)[name + "{" + key + "}"];
  };
  const auto observe = [&](const std::string& name, double sum, long count) {
    sample(name + "_sum") += sum;
    sample(name + "_count") += static_cast<double>(count);
  };
  (*samples)["dlock_runs_total{" + key + ",outcome=\"" + escaped_label(outcome_of(run)) + "\"}"] +=
      1;
  observe("dlock_wait_seconds", seconds(run.waited.value_or(Duration::zero())), 1);
  if (run.held) {
    observe("dlock_hold_seconds", seconds(*run.held), 1);
    observe("dlock_renewal_seconds", seconds(run.renewals.sum), run.renewals.count);
    sample("dlock_renewal_max_seconds") = seconds(run.renewals.longest);
  }
  sample("dlock_last_run_timestamp_seconds") = now;
  if (success_of(run) == Success::Succeeded) sample("dlock_last_success_timestamp_seconds") = now;
  sample("dlock_last_exit_code") = run.exit.as_code();
  return written(*samples);
}

std::string add_to_metrics(const std::string& path, const RunReport& run, Cancellation& give_up) {
  const Fd file = open_locked(path, give_up);
  if (!file.open()) return ::strerror(errno);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto text =
      with_run(read_all(file), run,
               static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9);
  if (!text) return something_else;
  return write_atomically(path, *text) ? "" : ::strerror(errno);
}

std::string why_no_metrics(const std::string& path) {
  if (std::string why = why_not_writable(path); !why.empty()) return why;
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (file.open() && !parse(read_all(file)))
    return "exists and contains something other than metrics of dlock";
  return {};
}

}  // namespace dlock
