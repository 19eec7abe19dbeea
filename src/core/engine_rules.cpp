#include "core/engine_rules.h"

#include "core/signals.h"

#include <utility>

namespace dlock::engine {
namespace {

/// A lost lock outranks an unconfirmed one, and both outrank the result of the command: the exit
/// code must never report success for a run whose lock failed.
int rank(Ending ending) {
  switch (ending) {
    case Ending::LockLost:
      return 4;
    case Ending::LockUnconfirmed:
      return 3;
    case Ending::SupervisorDied:
      return 2;
    case Ending::JobHung:
    case Ending::MaxRunExceeded:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

Actions Rules::on(const Event& event) {
  if (state_ == State::Over) return {};
  return std::visit([this](const auto& happened) { return handle(happened); }, event);
}

Actions Rules::handle(const ExecWorked&) {
  if (state_ != State::Starting) return {};
  state_ = State::Running;
  return {TellStarted{}};
}

Actions Rules::handle(const ExecFailed& failed) {
  return not_born(Ending::CannotRun, failed.error);
}

Actions Rules::handle(const StartRefused& refused) {
  return not_born(Ending::SystemFailed, refused.error);
}

/// The child is about to exit; the lock is released when it is gone.
Actions Rules::not_born(Ending because, int error) {
  if (state_ == State::Starting && ending_ == Ending::JobEnded) {
    ending_ = because;
    detail_ = error;
  }
  return {};
}

Actions Rules::handle(const RootEnded& ended) {
  if (ending_ == Ending::JobEnded) detail_ = ended.wait_status;
  if (ended.alone) return finish();
  if (state_ == State::Killing) return {};
  if (state_ == State::Draining) return {};
  state_ = State::Draining;
  switch (policy_.orphans) {
    case Orphans::Leave:
      return finish();
    case Orphans::Wait:
      if (!ended_by_us()) return {};
      break;
    case Orphans::Kill:
      break;
  }
  return end_leftovers(policy_.stop.leftovers_grace);
}

Actions Rules::handle(const RootStopped&) {
  stopped_ = true;
  ++stops_;
  if (state_ == State::Running) return {TellStopped{stops_}};
  return {};
}

Actions Rules::handle(const RootContinued&) {
  stopped_ = false;
  if (state_ == State::Running) return {TellContinued{}};
  return {};
}

Actions Rules::handle(const NoChildren&) { return finish(); }

Actions Rules::handle(const SignalAsked& asked) {
  if (asked.from_terminal) return {};

  switch (state_) {
    case State::Draining:
      if (policy_.orphans != Orphans::Wait || !asks_to_stop(asked.number)) return {};
      return end_leftovers(policy_.stop.leftovers_grace);
    case State::Starting:
    case State::Running:
      break;
    case State::Killing:
    case State::Over:
      return {};
  }

  const bool stop = asked.number == SIGTERM;

  Actions actions{pass_on(stop ? policy_.stop.signal : asked.number)};
  if (stopped_ && asks_to_stop(asked.number)) actions.push_back(pass_on(SIGCONT));
  if (stop && policy_.stop.kill_after) schedule_kill(*policy_.stop.kill_after, actions);
  return actions;
}

Action Rules::pass_on(int number) const {
  if (policy_.pass_signals == PassSignals::Job) return SignalJob{number};
  return SignalRoot{number};
}

/// A shell continues the whole group, and the kernel may have continued the front first: the job's
/// own SIGCONT, and the user's next Ctrl-Z, can still be on their way. A SIGCONT from dlock at that
/// time would continue the job out of the wrong stop, and nothing would correct it. Therefore the
/// engine checks again later.
Actions Rules::handle(const ContinueAsked& asked) {
  if (!is_in_stop(asked.stop)) return {};
  stop_to_continue_ = asked.stop;
  return {AwaitContinue{}};
}

/// The stop is still the same, so the SIGCONT was for the front only.
Actions Rules::handle(const ContinueDue&) {
  if (!is_in_stop(stop_to_continue_)) return {};
  return {SignalRoot{SIGCONT}};
}

/// A stop that is over needs no answer: the front gets, or already has, the message that the job
/// was continued.
Actions Rules::handle(const StopQuestion& question) {
  if (!is_in_stop(question.stop)) return {};
  return {ConfirmStop{question.stop}};
}

bool Rules::is_in_stop(std::int32_t stop) const {
  return state_ == State::Running && stopped_ && stop == stops_;
}

Actions Rules::handle(const KillAsked&) { return kill(); }

Actions Rules::handle(const FrontGone&) { return kill_because(Ending::SupervisorDied); }

Actions Rules::handle(const DeadlineHit&) {
  if (policy_.on_silence == OnSilence::Continue) return {};
  return kill_because(Ending::LockUnconfirmed);
}

Actions Rules::handle(const LeaseLost&) { return kill_because(Ending::LockLost); }

Actions Rules::handle(const GraceOver&) { return kill(); }

Actions Rules::handle(const RenewalsFail& fail) {
  renewals_fail_ = true;
  if (!policy_.warning || state_ == State::Killing) return {};
  return {AwaitWarning{fail.since + policy_.warning->after}};
}

Actions Rules::handle(const RenewalsWork&) {
  renewals_fail_ = false;
  return {};
}

/// A warning is useless to a job that is about to be killed, and to one whose command has ended.
Actions Rules::handle(const WarningDue&) {
  const bool hears = state_ == State::Starting || state_ == State::Running;
  if (!renewals_fail_ || !hears || !policy_.warning) return {};
  return {SignalRoot{policy_.warning->signal}};
}

Actions Rules::handle(const HeartbeatMissed&) { return end_job(Ending::JobHung); }

Actions Rules::handle(const MaxRunOver&) { return end_job(Ending::MaxRunExceeded); }

/// Signals every process of the job, as timeout(1) does: a shell that waits for a child runs its
/// own trap only when that child has ended. The grace is always bounded. The first of two reasons
/// counts.
Actions Rules::end_job(Ending because) {
  const bool runs = state_ == State::Starting || state_ == State::Running;
  const bool leftovers_run = state_ == State::Draining && policy_.orphans == Orphans::Wait;
  if (ending_ != Ending::JobEnded || (!runs && !leftovers_run)) return {};
  ending_ = because;
  detail_ = 0;
  const Duration grace = policy_.stop.grace_when_dlock_ends_it();
  if (leftovers_run) return end_leftovers(grace);

  // A stopped process reacts to no signal but SIGKILL until it is continued.
  Actions actions{SignalJob{policy_.stop.signal}, SignalJob{SIGCONT}};
  schedule_kill(grace, actions);
  return actions;
}

/// Processes that got the stop signal with the whole job do not get it twice: some programs take a
/// second TERM as a request to end at once.
Actions Rules::end_leftovers(Duration grace) {
  if (ended_by_us() && kill_is_near_) return {};
  Actions actions{SignalLeftovers{policy_.stop.signal}, SignalLeftovers{SIGCONT}};
  schedule_kill(grace, actions);
  return actions;
}

/// A later stop request must not postpone the SIGKILL that is already scheduled.
void Rules::schedule_kill(Duration grace, Actions& actions) {
  if (!std::exchange(kill_is_near_, true)) actions.push_back(StartGrace{grace});
}

bool Rules::ended_by_us() const {
  return ending_ == Ending::MaxRunExceeded || ending_ == Ending::JobHung;
}

Actions Rules::kill() {
  if (state_ == State::Killing) return {};
  state_ = State::Killing;
  return {KillTree{ending_}};
}

Actions Rules::kill_because(Ending ending) {
  if (rank(ending) > rank(ending_)) {
    ending_ = ending;
    detail_ = 0;
  }
  return kill();
}

Actions Rules::finish() {
  state_ = State::Over;
  return {Finish{ending_, detail_}};
}

}  // namespace dlock::engine
