#include "bench.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

void die(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::exit(1);
}

int check(int result, const char* what) {
  if (result == -1) die(std::string{what} + ": " + std::strerror(errno));
  return result;
}

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

double milliseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

void sleep_ms(int ms) { usleep(static_cast<useconds_t>(ms) * 1000); }

std::string own_path() {
  char path[4096];
  const auto size =
      check(static_cast<int>(readlink("/proc/self/exe", path, sizeof path)), "readlink");
  return {path, static_cast<std::size_t>(size)};
}

pid_t spawn(const Command& command, Stderr errors) {
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  if (errors == Stderr::Discarded) {
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  }
  pid_t pid = 0;
  const int why = posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (why != 0) die("cannot start " + command[0] + ": " + std::strerror(why));
  return pid;
}

Ended wait_for(pid_t pid) {
  int status = 0;
  rusage used{};
  check(wait4(pid, &status, 0, &used), "wait4");
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          ms(used.ru_utime) + ms(used.ru_stime)};
}

pid_t engine_of(pid_t front) {
  const std::string pid = std::to_string(front);
  std::ifstream children{"/proc/" + pid + "/task/" + pid + "/children"};
  for (pid_t child = 0; children >> child;) {
    std::string name;
    std::getline(std::ifstream{"/proc/" + std::to_string(child) + "/comm"}, name);
    if (name == "dlock-engine") return child;
  }
  die("no dlock-engine below process " + pid);
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

std::vector<Command> split(char** words) {
  std::vector<Command> commands(1);
  for (; *words != nullptr; ++words) {
    if (std::strcmp(*words, ":::") == 0) {
      commands.emplace_back();
    } else {
      commands.back().emplace_back(*words);
    }
  }
  return commands;
}

}  // namespace bench
