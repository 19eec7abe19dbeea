#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

// Shared code of the benchmarks. They are tools for scripts/bench: a failing call ends them.
namespace bench {

[[noreturn]] void die(const std::string& what);
/// Returns `result`, or ends the program when it is the -1 of a failed call.
int check(int result, const char* what);

/// CLOCK_MONOTONIC in nanoseconds: shared by all processes of the machine.
std::int64_t now();
double milliseconds(std::int64_t nanoseconds);
void sleep_ms(int ms);

/// The path of the running program: a child of a wrapper would read another name from
/// /proc/self/exe.
std::string own_path();

using Command = std::vector<std::string>;

enum class Stderr { Discarded, Kept };
/// Starts a command with stdout discarded. It inherits all descriptors that are not close-on-exec.
pid_t spawn(const Command& command, Stderr errors = Stderr::Discarded);

struct Ended {
  int code;       // as in a shell
  double cpu_ms;  // user + system time of the process and of the descendants that it reaped
};
Ended wait_for(pid_t pid);

/// The child of `pid` that runs the engine of dlock, once it exists.
pid_t engine_of(pid_t front);

double percentile(std::vector<double> values, double share);
inline double median(const std::vector<double>& values) { return percentile(values, 0.5); }

/// Splits the words of a command line at each ":::".
std::vector<Command> split(char** words);

}  // namespace bench
