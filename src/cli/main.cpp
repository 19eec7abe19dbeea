#include "cli/args.h"
#include "cli/command_line.h"
#include "cli/dry_run.h"
#include "cli/privilege.h"
#include "cli/stderr_log.h"
#include "cli/variables.h"
#include "doctor/doctor.h"
#include "heartbeat/heartbeat_client.h"
#include "operate/owner.h"
#include "operate/show.h"
#include "operate/unlock.h"
#include "os/clock.h"
#include "os/process.h"
#include "supervise/messages.h"
#include "supervise/run.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <system_error>
#include <unistd.h>

namespace {

using namespace dlock;

/// Returns false, and logs the error, if the text cannot be written. If the reader is gone, dlock
/// ends by SIGPIPE; it raises the signal itself, because SIGPIPE is blocked for servers that hang
/// up.
bool print(const std::string& text, cli::StderrLog& log) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return true;
  if (errno == EPIPE) supervise::leave({.signal = SIGPIPE});
  log.error(std::string{"cannot write to standard output: "} + ::strerror(errno));
  return false;
}

ExitStatus print(const std::string& text, int code, cli::StderrLog& log) {
  return {.code = print(text, log) ? code : static_cast<int>(ExitCode::SystemError)};
}

using Warnings = std::vector<std::string>;

Warnings warnings_of(bool secret_in_arguments, const cli::Environment& environment) {
  Warnings warnings = cli::warnings_of_variables(environment);
  if (secret_in_arguments) {
    warnings.emplace_back(
        "the password in --store was briefly visible in the process list; put the URL into "
        "DLOCK_STORE instead");
  }
  return warnings;
}

void warn(const Warnings& warnings, cli::StderrLog& log) {
  for (const std::string& warning : warnings) log.warn(warning);
}

void tell_of_default_store(const std::string& consequence, cli::StderrLog& log) {
  log.notice("no store is configured, so " + consequence +
             "; give --store or DLOCK_STORE (--store local hides this message)");
}
constexpr const char* uses_this_machine = "only the locks of this machine are used";

ExitStatus fail(const cli::BadUsage& bad, cli::StderrLog& log) {
  log.configure({.format = bad.format});
  log.error(bad.message);
  return {.code = static_cast<int>(bad.code)};
}

/// There is no job that dlock must outlive, so Ctrl-C ends dlock like any other program.
void let_signals_end_us(const InheritedSignals& inherited) {
  sigset_t mask = inherited.mask;
  ::sigaddset(&mask, SIGPIPE);  // a server that hangs up, or the reader of the output
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
}

ExitStatus fail(const StoreFault& fault, cli::StderrLog& log) {
  log.error(fault.sentence + supervise::next_step(fault.exit_code));
  return {.code = static_cast<int>(fault.exit_code)};
}

ExitStatus show_what_would_run(const cli::RunCommand& command, const InheritedSignals& inherited,
                               cli::StderrLog& log) {
  let_signals_end_us(inherited);
  const auto shown = cli::dry_run(command.options, operate::Screen::of_stdout());
  return shown ? print(shown->text, shown->exit_code, log) : fail(shown.error(), log);
}

ExitStatus run(const cli::RunCommand& command, const Warnings& warnings,
               const InheritedSignals& inherited, const ArgumentArea& arguments,
               cli::StderrLog& log) {
  if (const auto bad = cli::why_unwritable(command)) return fail(*bad, log);
  log.configure(command.log);
  log.set_key(command.options.key.bytes());
  warn(warnings, log);
  if (command.store_is_default) tell_of_default_store("the lock covers this machine only", log);
  if (command.options.store.tls.insecure) {
    log.warn(
        "--tls-insecure: the server's certificate is not checked, so an attacker in between can "
        "take and release this lock");
  }
  if (command.dry_run) return show_what_would_run(command, inherited, log);
  return supervise::run(command.options, inherited, arguments, log);
}

ExitStatus examine(const cli::DoctorCommand& command, const Warnings& warnings,
                   const InheritedSignals& inherited, cli::StderrLog& log) {
  warn(warnings, log);
  let_signals_end_us(inherited);
  const doctor::Diagnosis report = doctor::examine({command.store, command.terms});
  constexpr int something_is_broken = 1;
  return print(command.json ? doctor::to_json(report) : doctor::to_lines(report),
               report.ok() ? 0 : something_is_broken, log);
}

ExitStatus tell_of_owner(const cli::ShowCommand& command, Inspector& inspector,
                         cli::StderrLog& log) {
  std::optional<LockStatus> lock;
  if (!command.query.keys.empty()) {
    auto found =
        operate::find_locks(inspector, command.query, {BootClock::now() + command.view.timeout});
    if (!found) return fail(found.error(), log);
    lock = std::move(found->locks.front());
  }
  const operate::OwnerState state = operate::state_of(*command.owner, lock);
  return print(operate::name_of(state) + "\n", operate::exit_code_of(state), log);
}

ExitStatus show(const cli::ShowCommand& command, const Warnings& warnings,
                const InheritedSignals& inherited, cli::StderrLog& log) {
  warn(warnings, log);
  let_signals_end_us(inherited);
  // Not when a shell asks for keys to complete.
  if (command.store_is_default && command.view.form != operate::View::Form::KeysOnly)
    tell_of_default_store(uses_this_machine, log);
  const auto inspector = make_inspector(command.store);
  if (command.owner) return tell_of_owner(command, *inspector, log);
  const auto code = operate::show(
      *inspector, command.query, command.view,
      [&log](const std::string& text) { return print(text, log); }, log);
  if (!code) return fail(code.error(), log);
  const bool failed = *code == static_cast<int>(ExitCode::SystemError);
  return {.code = command.is_question || failed ? *code : 0};
}

bool ask_on_terminal(const std::string& question) {
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::array<char, 16> answer{};
  if (std::fgets(answer.data(), answer.size(), stdin) == nullptr) std::fputc('\n', stderr);
  return answer[0] == 'y' || answer[0] == 'Y';
}

ExitStatus unlock(const cli::UnlockCommand& command, const Warnings& warnings,
                  const InheritedSignals& inherited, cli::StderrLog& log) {
  warn(warnings, log);
  let_signals_end_us(inherited);
  if (command.store_is_default) tell_of_default_store(uses_this_machine, log);
  const auto inspector = make_inspector(command.store);
  operate::Unlocking how{
      .key = command.key, .by = operate::make_unlocker(command.force), .timeout = command.timeout};
  if (!command.yes && ::isatty(STDIN_FILENO) != 0) how.ask = ask_on_terminal;
  const auto unlocked = operate::unlock(*inspector, how, log);
  if (!unlocked) return fail(unlocked.error(), log);
  if (unlocked->exit_code == 0 && print(unlocked->sentence + "\n", log)) return {};
  log.error(unlocked->sentence);
  constexpr int not_printed = static_cast<int>(ExitCode::SystemError);
  return {.code = unlocked->exit_code == 0 ? not_printed : unlocked->exit_code};
}

ExitStatus report_progress(const cli::HeartbeatCommand& command, const InheritedSignals& inherited,
                           cli::StderrLog& log) {
  constexpr auto timeout = std::chrono::seconds{2};
  let_signals_end_us(inherited);
  const auto reported = send_heartbeat(command.socket, BootClock::now() + timeout);
  if (reported) return {};
  log.error(reported.error().sentence);
  return {.code = static_cast<int>(reported.error().code)};
}

ExitStatus dlock_main(int argc, char** argv, const InheritedSignals& inherited,
                      cli::StderrLog& log) {
  // Memory is hidden before it is known whether there are passwords. Short-lived commands keep it
  // hidden.
  const auto access = set_memory_access(MemoryAccess::Hidden);
  const auto arguments = ArgumentArea::of(argc, argv);
  const cli::CommandLine line = cli::split_at_dashes(argc, argv);
  const auto environment = cli::Environment::of_this_process();
  const Warnings warnings = warnings_of(cli::wipe_url_secrets(argc, argv), environment);
  const cli::Parsed parsed = cli::parse(line, environment);
  if (const auto* command = std::get_if<cli::RunCommand>(&parsed)) {
    if (!holds_secret(command->options.store)) set_memory_access(access);
    return run(*command, warnings, inherited, arguments, log);
  }
  if (const auto* command = std::get_if<cli::DoctorCommand>(&parsed)) {
    return examine(*command, warnings, inherited, log);
  }
  if (const auto* command = std::get_if<cli::ShowCommand>(&parsed)) {
    return show(*command, warnings, inherited, log);
  }
  if (const auto* command = std::get_if<cli::UnlockCommand>(&parsed)) {
    return unlock(*command, warnings, inherited, log);
  }
  if (const auto* command = std::get_if<cli::HeartbeatCommand>(&parsed)) {
    return report_progress(*command, inherited, log);
  }
  if (const auto* text = std::get_if<cli::Print>(&parsed)) return print(text->text, 0, log);
  return fail(std::get<cli::BadUsage>(parsed), log);
}

}  // namespace

int main(int argc, char** argv) {
  open_missing_standard_descriptors();
  const InheritedSignals inherited = take_over_signals();
  cli::StderrLog log;
  try {
    if (const std::string why = cli::why_refused(cli::Privilege::of_this_process()); !why.empty()) {
      log.error(why);
      supervise::leave({.code = static_cast<int>(ExitCode::Configuration)});
    }
    supervise::leave(dlock_main(argc, argv, inherited, log));
  } catch (const std::system_error& refusal) {
    log.error(std::string{"system error: "} + refusal.what());
    supervise::leave({.code = static_cast<int>(ExitCode::SystemError)});
  } catch (const std::exception& bug) {
    log.error(std::string{"a bug in dlock: "} + bug.what());
    supervise::leave({.code = static_cast<int>(ExitCode::InternalError)});
  }
}
