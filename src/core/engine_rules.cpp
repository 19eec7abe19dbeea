#include "core/engine_rules.h"

#include "core/signals.h"

#include <utility>

namespace dlock::engine {
namespace {

/// A lost lock outranks a silent store, and both what the job did: the exit code must never say
/// that all was well when it was not.
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

/// A shell continues the whole group, and the kernel may have come to the front first: the job's
/// own SIGCONT, and the user's next Ctrl-Z, are then on their way. A SIGCONT of ours at that time
/// would continue the job out of the wrong stop, with nobody left to notice. So we look again
/// later.
Actions Rules::handle(const ContinueAsked& asked) {
  if (!is_in_stop(asked.stop)) return {};
  stop_to_continue_ = asked.stop;
  return {AwaitContinue{}};
}

/// Still the same stop: it was the front alone that somebody continued.
Actions Rules::handle(const ContinueDue&) {
  if (!is_in_stop(stop_to_continue_)) return {};
  return {SignalRoot{SIGCONT}};
}

/// No answer is needed where it is over: the front has been told, or is about to be.
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

/// A warning to a job that is about to be killed anyway, or to one whose first process is gone, is
/// of use to nobody.
Actions Rules::handle(const WarningDue&) {
  const bool hears = state_ == State::Starting || state_ == State::Running;
  if (!renewals_fail_ || !hears || !policy_.warning) return {};
  return {SignalRoot{policy_.warning->signal}};
}

Actions Rules::handle(const HeartbeatMissed&) { return end_job(Ending::JobHung); }

Actions Rules::handle(const MaxRunOver&) { return end_job(Ending::MaxRunExceeded); }

/// Every process of the job is asked, as timeout(1) does it: a shell that waits for a child acts on
/// a trap of its own only when that child has ended. Not without bound; of two reasons the first
/// one counts.
Actions Rules::end_job(Ending because) {
  const bool runs = state_ == State::Starting || state_ == State::Running;
  const bool leftovers_run = state_ == State::Draining && policy_.orphans == Orphans::Wait;
  if (ending_ != Ending::JobEnded || (!runs && !leftovers_run)) return {};
  ending_ = because;
  detail_ = 0;
  const Duration grace = policy_.stop.grace_when_dlock_ends_it();
  if (leftovers_run) return end_leftovers(grace);

  // A stopped process acts on no signal but SIGKILL until it goes on.
  Actions actions{SignalJob{policy_.stop.signal}, SignalJob{SIGCONT}};
  schedule_kill(grace, actions);
  return actions;
}

/// Processes that were asked together with the whole job are not asked twice: some programs take
/// the second TERM for a wish that they end at once.
Actions Rules::end_leftovers(Duration grace) {
  if (ended_by_us() && kill_is_near_) return {};
  Actions actions{SignalLeftovers{policy_.stop.signal}, SignalLeftovers{SIGCONT}};
  schedule_kill(grace, actions);
  return actions;
}

/// A later wish that the job end must not postpone a KILL that is already scheduled.
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
