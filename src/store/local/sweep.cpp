#include "store/local/sweep.h"

#include "os/self.h"
#include "store/local/clocks.h"
#include "store/local/lock_file.h"
#include "store/local/lock_place.h"
#include "store/lock_json.h"

#include <chrono>
#include <dirent.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace dlock::local {
namespace {

struct Candidate {
  std::string lock;     // the path of its lock file, whether that exists or not
  std::string written;  // the file that was found
  std::int64_t age;     // of that file, s, from which it is worth inspecting
};

/// Adds some keys that have a file in the directory, or in the directories of long keys below.
void find_some_keys(const std::string& directory, std::vector<Candidate>& found) {
  // A lock file written recently is in use, or will be again; no record of a run is removed before
  // its time (see past_run_life).
  constexpr std::int64_t hour = 3600;
  constexpr std::pair<std::string_view, std::int64_t> kinds[]{{".lock", hour},
                                                              {".done", 720 * hour}};
  constexpr std::size_t most = 1024;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries{::opendir(directory.c_str()), ::closedir};
  if (!entries) return;
  while (const dirent* entry = found.size() < most ? ::readdir(entries.get()) : nullptr) {
    const std::string name{entry->d_name};
    if (name.ends_with('+') && entry->d_type == DT_DIR)
      find_some_keys(directory + "/" + name, found);
    for (const auto& [ending, age] : kinds) {
      if (!name.ends_with(ending)) continue;
      const std::string key = name.substr(0, name.size() - ending.size());
      found.push_back({directory + "/" + key + ".lock", directory + "/" + name, age});
    }
  }
}

bool is_old(const Candidate& candidate) {
  struct stat status {};
  if (::lstat(candidate.written.c_str(), &status) != 0) return false;
  const auto now = static_cast<std::int64_t>(microseconds_now() / 1'000'000);
  return status.st_mtime < now - candidate.age;
}

/// Whether the record in that file is no longer needed. False if that is unknown.
bool is_over(const LockFile& past_run) {
  const auto run = parse_past_run_json(past_run.read());
  return run && run->forget_at.ms != 0 && run->forget_at.ms < store_time().ms;
}

void sweep_key(const LockPlace& place) {
  // While this process has the kernel lock, no run can hold that key or record that it has
  // completed.
  const auto lock = LockFile::open(place.lock);
  if (!lock || !lock->try_lock(LockFile::Mode::Exclusive) || !lock->in_place()) return;
  const std::string value = lock->read();
  if (min_hold_left(value)) return;
  if (const auto past = LockFile::open_if_there(place.past_run); past && *past && is_over(**past))
    (*past)->remove();
  // The files of killed holders and waiters.
  if (!place.holders.all(Members::Dead::Goes) || !place.waiters.all(Members::Dead::Goes)) return;
  if (place.forget(*lock, token_in(value))) return;
  // Some files had to stay: a reader must not take a dead run for the holder.
  if (!lock->overwrite(only_token(token_in(value)))) return;
}

}  // namespace

void sweep(const std::string& directory) {
  constexpr std::size_t most = 4;
  std::vector<Candidate> keys;
  find_some_keys(directory, keys);
  if (keys.empty()) return;
  // Start at a random key each time, because keys that have to stay are found again and again.
  const std::size_t first = random_number() % keys.size();
  for (std::size_t i = 0; i < keys.size() && i < most; ++i) {
    const Candidate& key = keys[(first + i) % keys.size()];
    if (is_old(key)) sweep_key(LockPlace{directory, key.lock});
  }
}

}  // namespace dlock::local
