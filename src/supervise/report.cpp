#include "supervise/report.h"

#include "core/fd.h"
#include "core/random.h"
#include "core/text.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock::supervise {
namespace {

/// Never one that a run left behind which was killed: in a container every pid is 1.
std::string temporary_name(const std::string& path) {
  return path + "." + std::to_string(random_number()) + ".tmp";
}

int create(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

}  // namespace

std::string to_json(const Report& report, int conflict_code) {
  const ExitStatus exit = exit_status_of(report.ending, report.detail, conflict_code);
  nlohmann::ordered_json json;
  json["outcome"] = name_of(report.ending);
  json["exit_code"] = exit.as_code();
  if (exit.signal != 0) json["signal"] = exit.signal;
  json["key"] = printable(report.key);
  json["store"] = report.store;
  if (report.token.value != 0) {
    json["owner"] = report.owner.text;
    json["token"] = report.token.value;
    json["acquired_at"] = report.acquired_at;
  }
  json["ended_at"] = report.ended_at;
  if (!report.reason.empty()) json["reason"] = report.reason;
  if (report.ending == Ending::Held) {
    json["holder"] = {{"owner", report.holder.owner.text},  {"host", report.holder.host},
                      {"pid", report.holder.pid},           {"command", report.holder.command},
                      {"note", report.holder.note},         {"trace", report.holder.trace},
                      {"since", report.holder.acquired_at}, {"token", report.holder.token.value}};
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool write_atomically(const std::string& path, const std::string& text) {
  const std::string temporary = temporary_name(path);
  Fd file{create(temporary)};

  if (!file.open()) return false;
  const bool written =
      ::write(file.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  file.close();
  if (written && ::rename(temporary.c_str(), path.c_str()) == 0) return true;
  const int error = errno;
  ::unlink(temporary.c_str());
  errno = error;
  return false;
}

std::string why_not_writable(const std::string& path) {
  struct stat status {};
  // A rename over /dev/null or a directory would be a disaster, or fail when the job has run.
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return "is there already and is no regular file";
  if (path.empty() || path.back() == '/') return "names no file";
  // Tried for real: what rights allow, a file system may still refuse.
  const std::string temporary = temporary_name(path);
  const Fd file{create(temporary)};
  if (!file.open())
    return "cannot be written into its directory: " + std::string{::strerror(errno)};
  ::unlink(temporary.c_str());
  return {};
}

}  // namespace dlock::supervise
