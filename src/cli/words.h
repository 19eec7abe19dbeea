#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::cli {

/// The source of a setting; a later one in this list beats an earlier one.
enum class Source { Default, File, Environment, Flag };

enum class SubCommand { None, Run, Doctor, Heartbeat, Status, List, Unlock, Completion };

/// All options of dlock, as words. CLI11 checks that options are known and have values, and
/// converts none of them, because it takes 010 for eight.
struct Words {
  SubCommand command = SubCommand::None;
  std::string key;
  std::string store;
  std::string config;
  std::string password_file;
  std::string password_command;
  std::string sentinel_user;
  std::string sentinel_password_file;
  std::string tls_ca;
  std::string tls_certificate;
  std::string tls_key;
  std::string tls_server_name;
  std::string least_replicas = "0";
  std::string replica_timeout;
  std::string conflict_code;
  std::string wait;  // empty if given without a value: forever
  std::string limit;
  std::string min_hold;
  std::string once_per;
  std::string done_code;
  std::string ttl = "10s";
  std::string lock_ttl = "5m";
  std::string on_silence = "kill";
  std::string signal = "TERM";
  std::string kill_after;
  std::string max_run;
  std::string warn_signal;
  std::string heartbeat_timeout;
  std::string pass_signals = "command";
  std::string orphans = "kill";
  std::string contain = "auto";
  std::string trace;
  std::string note;
  std::string prefix = "dlock:";
  std::string status_file;
  std::string metrics_file;
  std::string on_skip;
  std::string on_lost;
  std::string on_failure;
  std::string hook_timeout;
  std::string ready = "start";
  std::string log_format = "text";
  std::vector<std::string> keys;  // keys of status and unlock; the pattern of list; a shell
  std::string owner;
  std::string watch;  // empty if given without a value: the default
  std::string timeout = "5s";
  bool keys_only = false;
  bool force = false;
  bool yes = false;
  bool nonblock = false;
  bool shared = false;
  bool exclusive = false;
  bool even_if_failed = false;
  bool trust_restart = false;
  bool trust_file_system = false;
  bool dry_run = false;
  bool tls_insecure = false;
  bool json = false;
  bool verbose = false;
  bool quiet = false;

  /// By long name without dashes; a missing option has its default.
  std::map<std::string, Source, std::less<>> sources;
  std::string config_path;  // of the file that was read, if any

  Source source(std::string_view option) const {
    const auto found = sources.find(option);
    return found == sources.end() ? Source::Default : found->second;
  }
  /// What a message names as the origin of an option: the file or the variable; empty for the
  /// command line.
  std::string origin(std::string_view option) const;
  bool given(std::string_view option) const { return source(option) != Source::Default; }
};

}  // namespace dlock::cli
