// From the time at which a tree of processes must die to the end of its last process:
// tree_kill ROUNDS SIZE TREE SOCKET REDIS-PID TTL-MS NAME DLOCK... ::: NAME DLOCK... ::: ...
//
// DLOCK... is `dlock run ... --`; the job is the program TREE. In each round the same tree is
// killed once by writing to the cgroup.kill of its own cgroup (from the write on: the speed of the
// kernel), and once by each dlock whose Redis stops answering (from the deadline of dlock on).
// Prints: name, median ms, maximum ms. Without a writable cgroup v2 the line "cgroup.kill" is
// missing.
#include "bench.h"

#include <hiredis/hiredis.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Pipe {
  int read_end, write_end;
  static Pipe open() {
    int ends[2];
    bench::check(pipe(ends), "pipe");
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    return {ends[0], ends[1]};
  }
};

/// A tree that is being started or runs, observed through its two pipes.
class Tree {
 public:
  Tree(std::string program, int size) : program_(std::move(program)), size_(size) {}
  bench::Command command() const {
    return {program_, std::to_string(size_), std::to_string(ready_.write_end),
            std::to_string(hold_.write_end)};
  }
  void wait_until_complete() {
    close(ready_.write_end);
    close(hold_.write_end);
    char bytes[4096];
    for (int seen = 0; seen < size_;) {
      const auto count = read(ready_.read_end, bytes, sizeof bytes);
      if (count <= 0) bench::die("the tree ended before it was complete");
      seen += static_cast<int>(count);
    }
    close(ready_.read_end);
  }
  void wait_until_gone() {
    char byte = 0;
    while (read(hold_.read_end, &byte, 1) > 0) {
    }
    close(hold_.read_end);
  }

 private:
  std::string program_;
  int size_;
  Pipe ready_ = Pipe::open();
  Pipe hold_ = Pipe::open();
};

/// A cgroup of this program, or an empty name where the kernel or missing rights prevent it.
std::string make_cgroup() {
  std::string mount, own;
  std::ifstream mounts{"/proc/self/mountinfo"};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields{line};
    std::string word, target;
    for (int i = 0; i < 5; ++i) fields >> target;
    if (line.find(" - cgroup2 ") != line.npos) mount = target;
  }
  std::ifstream groups{"/proc/self/cgroup"};
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) own = line.substr(3);
  }
  if (mount.empty()) return "";
  const auto path = mount + own + "/bench-of-dlock-" + std::to_string(getpid());
  if (mkdir(path.c_str(), 0755) != 0) return "";
  if (access((path + "/cgroup.kill").c_str(), W_OK) == 0) return path;
  rmdir(path.c_str());
  return "";
}

void write_word(const std::string& path, const char* word) {
  const int file = bench::check(open(path.c_str(), O_WRONLY | O_CLOEXEC), path.c_str());
  bench::check(static_cast<int>(write(file, word, 1)), path.c_str());
  close(file);
}

double kill_by_cgroup(Tree tree, const std::string& cgroup) {
  const auto command = tree.command();
  const pid_t root = bench::check(fork(), "fork");
  if (root == 0) {
    write_word(cgroup + "/cgroup.procs", "0");
    execl(command[0].c_str(), "tree", command[1].c_str(), command[2].c_str(), command[3].c_str(),
          nullptr);
    _exit(127);
  }
  tree.wait_until_complete();
  const auto start = bench::now();
  write_word(cgroup + "/cgroup.kill", "1");
  tree.wait_until_gone();
  const auto end = bench::now();
  while (wait(nullptr) >
         0) {  // this program is their subreaper, and a cgroup with processes cannot be removed
  }
  return bench::milliseconds(end - start);
}

/// The remaining lifetime of the one liveness key on the server; negative if there is none.
long long liveness_ttl(redisContext* redis) {
  auto* reply = static_cast<redisReply*>(redisCommand(
      redis, "EVAL %s 0",
      "local k = redis.call('KEYS', '*proc:*')[1]; return k and redis.call('PTTL', k) or -1"));
  if (reply == nullptr || reply->type != REDIS_REPLY_INTEGER) bench::die("Redis: no PTTL");
  const auto ttl = reply->integer;
  freeReplyObject(reply);
  return ttl;
}

/// Waits for a renewal and returns the time when it was sent, at most a millisecond late.
std::int64_t next_renewal(redisContext* redis, long long ttl_ms) {
  for (auto before = liveness_ttl(redis);;) {
    usleep(300);
    const auto after = liveness_ttl(redis);
    if (after > before + 20) return bench::now() - (ttl_ms - after) * 1'000'000;
    before = after;
  }
}

double kill_at_deadline(Tree tree, bench::Command dlock, redisContext* redis, pid_t server,
                        long long ttl_ms) {
  for (const auto& word : tree.command()) dlock.push_back(word);
  const pid_t front = bench::spawn(dlock);
  tree.wait_until_complete();

  const auto sent = next_renewal(redis, ttl_ms);
  kill(server, SIGSTOP);
  const auto deadline =
      sent + (ttl_ms * 99 / 100 - 502) * 1'000'000;  // PROTOCOL.md, "The deadline"
  tree.wait_until_gone();
  const auto gone = bench::now();
  kill(server, SIGCONT);

  const auto ended = bench::wait_for(front);
  if (ended.code != 81) bench::die("dlock ended with " + std::to_string(ended.code) + ", not 81");
  freeReplyObject(redisCommand(redis, "FLUSHALL"));
  return bench::milliseconds(gone - deadline);
}

struct Contender {
  std::string name;
  bench::Command dlock;
  std::vector<double> times;
};

void print(const std::string& name, const std::vector<double>& times) {
  std::printf("%s\t%.1f\t%.1f\n", name.c_str(), bench::median(times), bench::percentile(times, 1));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 9) return 64;
  const int rounds = std::atoi(argv[1]);
  const int size = std::atoi(argv[2]);
  const std::string program = argv[3];
  const pid_t server = std::atoi(argv[5]);
  const long long ttl_ms = std::atoll(argv[6]);
  std::vector<Contender> contenders;
  for (auto& words : bench::split(argv + 7)) {
    contenders.push_back({words.at(0), {words.begin() + 1, words.end()}, {}});
  }

  auto* redis = redisConnectUnix(argv[4]);
  if (redis == nullptr || redis->err != 0) bench::die("cannot connect to Redis");
  fcntl(redis->fd, F_SETFD, FD_CLOEXEC);
  bench::check(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
  const auto cgroup = make_cgroup();

  std::vector<double> plain;
  for (int i = 0; i < rounds; ++i) {
    if (!cgroup.empty()) plain.push_back(kill_by_cgroup({program, size}, cgroup));
    for (auto& contender : contenders) {
      contender.times.push_back(
          kill_at_deadline({program, size}, contender.dlock, redis, server, ttl_ms));
    }
  }
  if (!cgroup.empty()) {
    rmdir(cgroup.c_str());
    print("cgroup.kill", plain);
  }
  for (const auto& contender : contenders) print(contender.name, contender.times);
}
