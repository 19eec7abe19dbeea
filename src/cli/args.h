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

/// The checked options of `dlock run …`.
struct RunCommand {
  supervise::RunOptions options;
  LogOptions log;
  /// Nothing was configured, so the embedded store is used; this is logged once.
  bool store_is_default = false;
  /// Show what would be done, and start nothing.
  bool dry_run = false;
  /// The configuration file or variable that sets the option; empty if the command line does.
  std::string status_file_set_in = {};
  std::string metrics_file_set_in = {};
};

/// The checked options of `dlock doctor …`.
struct DoctorCommand {
  StoreOptions store;
  LeaseTerms terms;
  bool json = false;
};

/// The checked options of `dlock status …` or `dlock list …`.
struct ShowCommand {
  StoreOptions store;
  bool store_is_default = false;  // as in RunCommand
  operate::Query query;
  operate::View view;
  /// Whether the exit code reports the state: scripts use `status` for this.
  bool is_question = false;
  /// `--owner`: show the state of this attempt. The query is then for the key in it, if it has one.
  std::optional<OwnerHash> owner = {};
};

/// The checked options of `dlock unlock …`.
struct UnlockCommand {
  StoreOptions store;
  bool store_is_default = false;  // as in RunCommand
  LockKey key;
  Duration timeout;
  bool force = false;
  bool yes = false;
};

/// The checked options of `dlock heartbeat`.
struct HeartbeatCommand {
  std::string socket;
};

/// The text to print on stdout for `--help` or `--version`.
struct Print {
  std::string text;
};

/// An error in the command line, the environment or the configuration file; nothing was started.
struct BadUsage {
  ExitCode code;
  std::string message;
  LogFormat format = LogFormat::Text;  // if it could be determined
};

using Parsed = std::variant<RunCommand, DoctorCommand, ShowCommand, UnlockCommand, HeartbeatCommand,
                            Print, BadUsage>;

/// Converts words to checked values. Reads the files that they name, and changes nothing.
Parsed parse(const CommandLine& line, const Environment& environment);

/// Checks whether the run can write its status and metrics files: a run whose result could not be
/// recorded is not started. Returns the reason if it cannot, nothing if it can. Makes and removes a
/// file beside each.
std::optional<BadUsage> why_unwritable(const RunCommand& command);

}  // namespace dlock::cli
