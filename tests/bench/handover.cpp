// From `kill -9` of a supervisor to the start of the next holder's job: handover ROUNDS
// front|engine DLOCK...
//
// DLOCK... is `dlock run ... --`, to which the job is added. The next holder is a contender that is
// restarted from the kill on until it gets the lock, so that its own start-up is included.
// Prints: median ms, p90 ms, maximum ms.
#include "bench.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

/// The job: writes the time of its start, then sleeps for the given time.
static int job(int out, int stay_ms) {
  const auto started = bench::now();
  if (write(out, &started, sizeof started) != sizeof started) return 1;
  bench::sleep_ms(stay_ms);
  return 0;
}

static double once(const bench::Command& dlock, bool kills_engine) {
  int ends[2];
  bench::check(pipe(ends), "pipe");
  const auto with_job = [&](const char* stay_ms) {
    bench::Command command = dlock;
    for (const auto& word :
         {bench::own_path(), std::string{"job"}, std::to_string(ends[1]), std::string{stay_ms}}) {
      command.push_back(word);
    }
    return command;
  };
  const auto started = [&] {
    std::int64_t when = 0;
    if (read(ends[0], &when, sizeof when) != sizeof when) bench::die("no start time from a job");
    return when;
  };

  const pid_t front = bench::spawn(with_job("60000"));
  started();
  bench::sleep_ms(50);
  const pid_t victim = kills_engine ? bench::engine_of(front) : front;
  const auto killed = bench::now();
  kill(victim, SIGKILL);
  while (bench::wait_for(bench::spawn(with_job("0"))).code != 0) {
    if (bench::now() - killed > 30'000'000'000) bench::die("the lock was not free after 30 s");
  }
  const auto next = started();
  bench::wait_for(front);
  close(ends[0]);
  close(ends[1]);
  return bench::milliseconds(next - killed);
}

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "job") == 0)
    return job(std::atoi(argv[2]), std::atoi(argv[3]));
  if (argc < 4) return 64;
  const bench::Command dlock{argv + 3, argv + argc};
  const bool kills_engine = std::strcmp(argv[2], "engine") == 0;
  std::vector<double> times;
  for (int i = 0; i < std::atoi(argv[1]); ++i) times.push_back(once(dlock, kills_engine));
  std::printf("%.1f\t%.1f\t%.1f\n", bench::median(times), bench::percentile(times, 0.9),
              bench::percentile(times, 1));
}
