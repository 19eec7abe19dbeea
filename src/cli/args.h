#pragma once

#include "cli/command_line.h"
#include "cli/environment.h"
#include "cli/stderr_log.h"
#include "core/ending.h"
#include "operate/show.h"
#include "supervise/run_options.h"

#include <optional>
#include <string>
#include <variant>

namespace dlock::cli {

/// `dlock run …`, checked.
struct RunCommand {
  supervise::RunOptions options;
  LogOptions log;
  /// Nothing was configured, so the embedded store is used: to be said once.
  bool store_is_default = false;
  /// The configuration file that names it; empty if the command line does.
  std::string status_file_set_in = {};
  std::string metrics_file_set_in = {};
};

/// `dlock doctor …`, checked.
struct DoctorCommand {
  StoreOptions store;
  LeaseTerms terms;
  bool json = false;
};

/// `dlock status …` or `dlock list …`, checked.
struct ShowCommand {
  StoreOptions store;
  bool store_is_default = false;  // as in RunCommand
  operate::Query query;
  operate::View view;
  /// Whether the exit code tells the state: `status` is asked by scripts.
  bool is_question = false;
  /// `--owner`: what became of that attempt; then the query is for the key in it, if it has one.
  std::optional<OwnerHash> owner = {};
};

/// `dlock unlock …`, checked.
struct UnlockCommand {
  StoreOptions store;
  bool store_is_default = false;  // as in RunCommand
  LockKey key;
  Duration timeout;
  bool force = false;
  bool yes = false;
};

/// `dlock heartbeat`, checked.
struct HeartbeatCommand {
  std::string socket;
};

/// `--help` or `--version`: what to print on stdout.
struct Print {
  std::string text;
};

/// What is wrong with the command line or the environment; nothing was started.
struct BadUsage {
  ExitCode code;
  std::string message;
  LogFormat format = LogFormat::Text;  // as far as it was understood
};

using Parsed = std::variant<RunCommand, DoctorCommand, ShowCommand, UnlockCommand, HeartbeatCommand,
                            Print, BadUsage>;

/// Turns words into values, each checked. Reads the files that they name, and changes nothing.
Parsed parse(const CommandLine& line, const Environment& environment);

/// Why the files that the run is to write could not be written, for then nothing is started whose
/// result could not be told; nothing if they can. Makes and removes a file beside each.
std::optional<BadUsage> why_unwritable(const RunCommand& command);

}  // namespace dlock::cli
