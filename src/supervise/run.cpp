#include "supervise/run.h"

#include "supervise/channel.h"
#include "supervise/engine.h"
#include "supervise/front.h"
#include "supervise/shared_deadline.h"
#include "supervise/terminal.h"

#include <cerrno>
#include <csignal>
#include <exception>
#include <sys/prctl.h>
#include <system_error>
#include <unistd.h>

namespace dlock::supervise {
namespace {

/// The engine's whole life. Whatever goes wrong ends here: the front sees its end and kills.
[[noreturn]] void live_as_engine(const EngineSetting& setting, Channel channel, Log& log) {
  try {
    run_engine(setting, std::move(channel), log);
  } catch (const std::exception& failure) {
    log.error(std::string{"the engine failed: "} + failure.what());
    ::_exit(static_cast<int>(ExitCode::InternalError));
  }
  ::_exit(0);
}

}  // namespace

ExitStatus run(const RunOptions& options, const InheritedSignals& inherited,
               const ArgumentArea& arguments, Log& log) {
  // Before the fork: orphans of the job come to the nearest living subreaper, first the engine and
  // after its death the front.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Terminal terminal = Terminal::find();
  SharedDeadline deadline{leases_expire(options.store.address) ? SharedDeadline::Leases::Expire
                                                               : SharedDeadline::Leases::Last,
                          options.on_silence == OnSilence::Kill
                              ? SharedDeadline::Over::ForGood
                              : SharedDeadline::Over::UntilRenewed,
                          options.terms.ttl()};
  auto [front_end, engine_end] = Channel::make_pair();
  const pid_t front = ::getpid();

  const pid_t engine = ::fork();
  if (engine < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (engine == 0) {
    front_end.close();
    live_as_engine({options, inherited, arguments, deadline, front, terminal.exists()},
                   std::move(engine_end), log);
  }
  engine_end.close();
  let_go_of_inherited_descriptors();  // the engine has them for the job
  return run_front({options, inherited, deadline, terminal, engine}, std::move(front_end), log);
}

void leave(ExitStatus status) {
  if (status.signal != 0) {
    // A core of ours would tell nothing about the job. The limit of its size does not bind a
    // program that the kernel is set to pipe cores to (core(5)); this does.
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
