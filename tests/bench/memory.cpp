// Resident memory of front and engine while their job sleeps: memory COMMAND...
//
// The command is `dlock run ... -- sleep 60` or another wrapper; the job itself is not counted.
// Prints: RSS kB, PSS kB, private kB.
#include "bench.h"

#include <csignal>
#include <cstdio>
#include <fstream>

static long field(pid_t pid, const std::string& name) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/smaps_rollup"};
  for (std::string word; file >> word;) {
    long kilobytes = 0;
    if (word == name + ":" && file >> kilobytes) return kilobytes;
  }
  bench::die("no " + name + " of process " + std::to_string(pid));
}

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const bench::Command command{argv + 1, argv + argc};
  const bool is_dlock = command[0].ends_with("dlock");
  const pid_t wrapper = bench::spawn(command);
  // After the first renewals, which is the normal state.
  bench::sleep_ms(is_dlock ? 5000 : 500);

  std::vector<pid_t> counted{wrapper};
  if (is_dlock) counted.push_back(bench::engine_of(wrapper));
  long sum[3] = {};
  for (const pid_t pid : counted) {
    sum[0] += field(pid, "Rss");
    sum[1] += field(pid, "Pss");
    sum[2] += field(pid, "Private_Clean") + field(pid, "Private_Dirty");
  }
  std::printf("%ld\t%ld\t%ld\n", sum[0], sum[1], sum[2]);
  kill(wrapper, SIGTERM);
  bench::wait_for(wrapper);
}
