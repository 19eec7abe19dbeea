#include "store/local/members.h"

#include "core/text.h"
#include "os/clock.h"
#include "os/wait.h"
#include "store/local/lock_file.h"
#include "store/lock_json.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dlock::local {

using namespace std::chrono_literals;

Result<std::vector<std::string>, StoreFault> Members::names() const {
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  std::vector<std::string> names;
  const std::unique_ptr<DIR, Close> open{::opendir(directory_.c_str())};
  if (!open) {
    if (errno == ENOENT) return names;
    return cannot("open", directory_, errno);
  }
  // Only errno distinguishes the end from an error.
  for (errno = 0; const dirent* entry = ::readdir(open.get()); errno = 0) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  if (errno != 0) return cannot("read", directory_, errno);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::optional<Members::Member>, StoreFault> Members::inspect(const std::string& name,
                                                                    Dead dead) const {
  const std::string path = directory_ + "/" + name;
  auto there = LockFile::open_if_there(path);
  if (!there) return there.error();
  if (!*there) return std::optional<Member>{};
  LockFile file = std::move(**there);
  if (!file.try_lock(LockFile::Mode::Shared)) {
    if (errno != EWOULDBLOCK) return cannot("lock", path, errno);
    Holder holder = file.holder();
    return std::optional{Member{std::move(file), std::move(holder), {}}};
  }
  const std::string value = file.read();
  const auto kept = min_hold_left(value);
  if (!kept && dead == Dead::Goes) file.remove();
  file.unlock();
  if (!kept) return std::optional<Member>{};
  auto holder = parse_lock_json(value);
  return std::optional{Member{std::move(file), holder ? std::move(*holder) : Holder{}, kept}};
}

Result<std::vector<Members::Member>, StoreFault> Members::all(Dead dead) const {
  auto names = this->names();
  if (!names) return names.error();
  std::vector<Member> members;
  for (const std::string& name : *names) {
    auto member = inspect(name, dead);
    if (!member) return member.error();
    if (!*member) continue;
    (*member)->file.close();
    members.push_back(std::move(**member));
  }
  return members;
}

LockFile Members::inherited(Fd fd) const {
  const auto names = this->names();
  if (!names) return {};
  for (const std::string& name : *names) {
    const std::string path = directory_ + "/" + name;
    if (is_at(fd.number(), path)) return LockFile::inherited(path, std::move(fd));
  }
  return {};
}

Fd Members::open_directory() const {
  return Fd{::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
}

Result<Members::Turn, StoreFault> Members::turn(const CallDeadline& deadline) const {
  for (;;) {
    if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST &&
        !(errno == ENOENT && make_way_to(directory_)))
      return cannot("create a directory beside", directory_, errno);
    Fd open = open_directory();
    if (!open.open() && errno != ENOENT) return cannot("open", directory_, errno);
    // If the directory was dissolved meanwhile, it cannot be entered: retry with a new one.
    if (open.open() && ::flock(open.number(), LOCK_EX | LOCK_NB) == 0) {
      if (is_at(open.number(), directory_)) return Turn{directory_, std::move(open)};
      continue;
    }
    const bool is_cancelled =
        deadline.cancellation != nullptr && deadline.cancellation->requested();
    if (is_cancelled || BootClock::now() >= deadline.until) {
      return StoreFault{.sentence = "the directory '" + printable(directory_) +
                                    "' is locked for too long; is a dlock process stopped?",
                        .not_applied = true,
                        .worth_retrying = true};
    }
    wait_for_any({}, BootClock::now() + 1ms);
  }
}

bool Members::dissolve() const {
  const Fd open = open_directory();
  if (!open.open()) return errno == ENOENT;
  return ::flock(open.number(), LOCK_EX | LOCK_NB) == 0 && ::rmdir(directory_.c_str()) == 0;
}

Result<LockFile, StoreFault> Members::Turn::enter(const std::string& name,
                                                  const std::string& value) const {
  // Under a temporary name that readers ignore, until the file is locked and written: a reader
  // takes its lock for a moment.
  const std::string path = path_ + "/" + name;
  auto file = LockFile::open(path_ + "/." + name);
  if (!file) return file;
  if (!file->try_lock(LockFile::Mode::Exclusive) || !file->overwrite(value) ||
      !file->move_to(path)) {
    const int error = errno;
    file->remove();
    return cannot("write", path, error);
  }
  return file;
}

}  // namespace dlock::local
