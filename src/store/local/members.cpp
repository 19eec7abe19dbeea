#include "store/local/members.h"

#include "core/poll.h"
#include "core/text.h"
#include "store/local/kept.h"
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

std::vector<std::string> Members::names() const {
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  std::vector<std::string> names;
  const std::unique_ptr<DIR, Close> open{::opendir(directory_.c_str())};
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<Members::Member> Members::look_at(const std::string& name) const {
  auto file = LockFile::open_if_there(directory_ + "/" + name);
  if (!file) return {};
  if (!file->try_lock(LockFile::Mode::Shared)) {
    Holder holder = file->holder();
    return Member{std::move(*file), std::move(holder), {}};
  }
  const std::string value = file->read();
  const auto kept = kept_for(value);
  file->unlock();
  if (!kept) return {};
  auto holder = parse_lock_json(value);
  return Member{std::move(*file), holder ? std::move(*holder) : Holder{}, kept};
}

std::vector<Members::Member> Members::all() const {
  std::vector<Member> members;
  for (const std::string& name : names()) {
    if (auto member = look_at(name)) members.push_back(std::move(*member));
  }
  return members;
}

void Members::remove(const std::string& name) const { ::unlink((directory_ + "/" + name).c_str()); }

Result<Members::Turn, StoreFault> Members::turn(const Patience& patience) const {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    return cannot("make a directory beside", directory_, errno);
  for (;;) {
    Fd open{::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!open.open()) return cannot("open", directory_, errno);
    if (::flock(open.number(), LOCK_EX | LOCK_NB) == 0) return Turn{directory_, std::move(open)};
    const bool called_off = patience.interrupt != nullptr && patience.interrupt->requested();
    if (called_off || BootClock::now() >= patience.until) {
      return StoreFault{.sentence = "the directory '" + printable(directory_) +
                                    "' is in use for longer than it should be: is a dlock stopped?",
                        .not_applied = true,
                        .worth_retrying = true};
    }
    wait_for_any({}, BootClock::now() + 1ms);
  }
}

Result<LockFile, StoreFault> Members::Turn::enter(const std::string& name,
                                                  const std::string& value) const {
  // Under a name that nobody looks at until it is locked and written: who looks takes a lock
  // himself for a moment.
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
