#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

// What the measuring programs share. They are tools for scripts/bench: a call that fails ends them.
namespace bench {

[[noreturn]] void die(const std::string& what);
/// Returns `result`, or ends the program when it is the -1 of a failed call.
int check(int result, const char* what);

/// CLOCK_MONOTONIC in nanoseconds: shared by all processes of the machine.
std::int64_t now();
double milliseconds(std::int64_t nanoseconds);
void sleep_ms(int ms);

/// Of the running program: a wrapper's child would read another name from /proc/self/exe.
std::string own_path();

using Command = std::vector<std::string>;

enum class Stderr { Discarded, Kept };
/// Starts a command with stdout discarded; all descriptors that are not close-on-exec reach it.
pid_t spawn(const Command& command, Stderr errors = Stderr::Discarded);

struct Ended {
  int code;       // as a shell would say it
  double cpu_ms;  // user + system time of the process and of the descendants that it reaped
};
Ended wait_for(pid_t pid);

/// The child of `pid` that runs dlock's engine, once there is one.
pid_t engine_of(pid_t front);

double percentile(std::vector<double> values, double share);
inline double median(const std::vector<double>& values) { return percentile(values, 0.5); }

/// Cuts the words of a command line at each ":::".
std::vector<Command> split(char** words);

}  // namespace bench
