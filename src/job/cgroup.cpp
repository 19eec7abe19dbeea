#include "job/cgroup.h"

#include "core/number.h"
#include "job/own_cgroup.h"
#include "os/claimed_directory.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace dlock {

namespace {

constexpr std::string_view name_prefix = "dlock-";

/// Whether the name has the form `dlock-PID-NUMBER` of a run. Names such as `dlock-jobs` or
/// `dlock-2` do not belong to dlock.
bool is_name_of_a_run(std::string_view name) {
  if (!name.starts_with(name_prefix)) return false;
  name.remove_prefix(name_prefix.size());
  const auto dash = name.find('-');
  return dash != name.npos && parse_number<std::uint32_t>(name.substr(0, dash)) &&
         parse_number<std::uint32_t>(name.substr(dash + 1));
}

}  // namespace

Result<Cgroup, std::string> Cgroup::make() {
  const std::string own = own_cgroup_directory();
  if (own.empty()) return std::string{"dlock's own cgroup v2 is not mounted here"};

  for (int attempt = 0; attempt < 10; ++attempt) {
    // Each run uses a new name that is never used again. A cgroup that is being killed also kills
    // what is started in it meanwhile, and the pid alone is not unique: another pid namespace has
    // the same pids.
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
      return std::string{"cannot generate a random name for it"};
    }
    const std::string path = own + "/" + std::string{name_prefix} + std::to_string(::getpid()) +
                             "-" + std::to_string(number);
    if (::mkdir(path.c_str(), 0755) != 0)
      return "cannot create '" + path + "': " + ::strerror(errno);
    Cgroup cgroup{path, claim_directory(path)};
    if (!cgroup.directory_.open() && errno == ESTALE) continue;  // another run removed it
    if (cgroup.directory_.open() &&
        ::faccessat(cgroup.directory_.number(), "cgroup.kill", W_OK, AT_EACCESS) == 0) {
      return cgroup;
    }
    const int error = errno;
    cgroup.remove();
    return "cannot use '" + path + "/cgroup.kill': " + ::strerror(error);
  }
  return "each one created in '" + own + "' was removed at once";
}

void Cgroup::remove_abandoned_neighbours() const {
  if (!exists()) return;
  // A cgroup that still has processes cannot be removed. A job inside that uses --contain=walk can
  // leave some.
  const std::string own = path_.substr(path_.rfind('/') + 1);
  const auto may_be_ours = [&own](std::string_view name) {
    return name != own && is_name_of_a_run(name);
  };
  sweep_abandoned(path_.substr(0, path_.rfind('/')),
                  {may_be_ours, [](const std::string& path) { ::rmdir(path.c_str()); }});
}

void Cgroup::kill() const {
  if (!exists()) return;
  const Fd file{::open((path_ + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC)};
  if (file.open()) [[maybe_unused]]
    const auto written = ::write(file.number(), "1", 1);
}

void Cgroup::remove() {
  if (!exists()) return;
  directory_.close();
  ::rmdir(path_.c_str());
  path_.clear();
}

}  // namespace dlock
