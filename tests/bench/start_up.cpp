// Whole processes, side by side: start_up ROUNDS NAME COMMAND... ::: NAME COMMAND... ::: ...
//
// Each round runs every command once. The first command changes from round to round, so that
// neither other load nor a warm cache favours one. Prints: name, median ms, p90 ms, median CPU ms.
#include "bench.h"

#include <cstdio>
#include <cstdlib>

struct Contender {
  std::string name;
  bench::Command command;
  std::vector<double> wall;
  std::vector<double> cpu;
};

static void run_once(Contender& contender) {
  const auto start = bench::now();
  const auto ended = bench::wait_for(bench::spawn(contender.command));
  contender.wall.push_back(bench::milliseconds(bench::now() - start));
  contender.cpu.push_back(ended.cpu_ms);
  if (ended.code != 0) {
    bench::wait_for(bench::spawn(contender.command, bench::Stderr::Kept));
    bench::die(contender.name + " ended with " + std::to_string(ended.code));
  }
}

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  const auto rounds = static_cast<std::size_t>(std::atoi(argv[1]));
  std::vector<Contender> contenders;
  for (auto& words : bench::split(argv + 2)) {
    contenders.push_back({words.at(0), {words.begin() + 1, words.end()}, {}, {}});
  }
  for (auto& contender : contenders) {  // warm the page cache, load the scripts
    for (int i = 0; i < 3; ++i) run_once(contender);
    contender.wall.clear();
    contender.cpu.clear();
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      run_once(contenders[(round + i) % contenders.size()]);
    }
  }
  for (const auto& c : contenders) {
    std::printf("%s\t%.3f\t%.3f\t%.3f\n", c.name.c_str(), bench::median(c.wall),
                bench::percentile(c.wall, 0.9), bench::median(c.cpu));
  }
}
