#include "supervise/run.h"

#include "core/text.h"
#include "job/shared_deadline.h"
#include "os/process.h"
#include "os/terminal.h"
#include "supervise/channel.h"
#include "supervise/engine.h"
#include "supervise/front.h"
#include "supervise/supervisor_tools.h"

#include <cerrno>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <optional>
#include <sys/prctl.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace dlock::supervise {
namespace {

/// The body of the engine process. Every failure ends here: the front sees the end of the engine
/// and kills the job.
[[noreturn]] void live_as_engine(const EngineSetting& setting, SupervisorTools tools,
                                 Channel channel, Log& log) {
  try {
    run_engine(setting, std::move(tools), std::move(channel), log);
  } catch (const std::exception& failure) {
    log.error(std::string{"the engine failed: "} + failure.what());
    ::_exit(static_cast<int>(ExitCode::InternalError));
  }
  ::_exit(0);
}

/// Checks that there is room for the descriptors that each supervisor opens at the same time, with
/// some to spare: the job's socket, a cgroup, a name server, the store's servers, and what is
/// needed to find and kill every process of the job.
///
/// The check runs while all descriptors of the caller are still open, so the room remains later: a
/// supervisor without descriptors could not kill. Throws std::system_error.
void make_sure_of_descriptors() {
  constexpr int most_at_once = 32;
  std::vector<Fd> room;
  room.reserve(most_at_once);
  while (room.size() < most_at_once) {
    room.emplace_back(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!room.back().open())
      throw std::system_error(
          errno, std::generic_category(),
          "no room for " + std::to_string(most_at_once) + " more file descriptors (see ulimit -n)");
  }
}

/// What this run asks of the store, and what it records there about itself.
Claim claim_of(const RunOptions& options, pid_t front) {
  Claim claim = make_claim(options.store, options.key, options.terms, front, options.command);
  claim.trace = printable(options.trace);
  claim.note = printable(options.note);
  claim.limit = options.limit;
  claim.waits = options.wait.waits();
  claim.once = options.once;
  return claim;
}

}  // namespace

ExitStatus run(const RunOptions& options, const InheritedSignals& inherited,
               const ArgumentArea& arguments, Log& general_log) {
  KeyLog log{general_log, options.key.bytes()};
  // Set before the fork: orphans of the job are reparented to the nearest living subreaper, first
  // the engine and after its death the front.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (time_namespace_begins_with_children())
    throw std::system_error(
        ENOTSUP, std::generic_category(),
        "a time namespace that begins with the next process (start dlock by unshare --fork)");
  const Terminal terminal = Terminal::find();
  SharedDeadline deadline{leases_expire(options.store.address) ? SharedDeadline::Leases::Expire
                                                               : SharedDeadline::Leases::Last,
                          options.on_silence == OnSilence::Kill
                              ? SharedDeadline::Over::ForGood
                              : SharedDeadline::Over::UntilRenewed,
                          options.terms.ttl()};
  auto [front_end, engine_end] = Channel::make_pair();
  std::optional<SupervisorTools> of_front{std::in_place};
  std::optional<SupervisorTools> of_engine{std::in_place};
  make_sure_of_descriptors();
  const pid_t front = ::getpid();
  // Both have the claim, so either can release what the run acquired.
  const Claim claim = claim_of(options, front);

  const pid_t engine = ::fork();
  if (engine < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (engine == 0) {
    front_end.close();
    of_front.reset();
    live_as_engine({options, claim, inherited, arguments, deadline, front, terminal.exists()},
                   std::move(*of_engine), std::move(engine_end), log);
  }
  engine_end.close();
  of_engine.reset();
  let_go_of_inherited_descriptors();  // the engine keeps them for the job
  return run_front({options, claim, inherited, deadline, terminal, engine}, std::move(*of_front),
                   std::move(front_end), log);
}

void leave(ExitStatus status) {
  if (status.signal != 0) {
    // A core file of dlock would say nothing about the job. The limit of its size does not apply if
    // the kernel pipes cores to a program (core(5)); PR_SET_DUMPABLE does.
    ::prctl(PR_SET_DUMPABLE, 0);
    ::signal(status.signal, SIG_DFL);
    ::raise(status.signal);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, status.signal);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  }
  ::_exit(status.as_code());
}

}  // namespace dlock::supervise
