#include "core/front_rules.h"

#include "core/signals.h"

#include <csignal>

namespace dlock::front {
namespace {

constexpr Duration double_press = std::chrono::seconds{2};

/// What a terminal sends to the whole foreground group.
bool comes_to_the_group(int signal) {
  switch (signal) {
    case SIGINT:
    case SIGQUIT:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGWINCH:
    case SIGHUP:
    case SIGCONT:
      return true;
    default:
      return false;
  }
}

}  // namespace

Actions Rules::on(const Event& event) {
  if (state_ == State::Over) return {};
  return std::visit([this](const auto& happened) { return handle(happened); }, event);
}

Actions Rules::handle(const Signalled& signal) {
  const auto number = static_cast<std::size_t>(signal.number);
  if (asks_to_stop(signal.number) && situation_.ignored.test(number)) return {};
  switch (state_) {
    case State::Waiting:
      if (!ends_a_wait(signal)) return {};
      if (signal.number == SIGINT) count_interrupt(signal.at);
      return {PassOn{signal.number, job_has_had(signal)}};
    case State::Running:
      break;
    case State::Settling:
    case State::Killing:
    case State::Over:
      return {};
  }
  if (job_has_had(signal))
    return signal.number == SIGINT ? interrupt_from_terminal(signal.at) : Actions{};
  // The job signalled its own group, in which we are: it has had it, and did not mean us (as sudo).
  if (situation_.shares_group && signal.origin == Origin::OurJob) return {};
  if (situation_.shares_group && signal.number == SIGCONT) return {AskToContinue{stop_}};
  return {PassOn{signal.number}};
}

/// There is no job yet, as far as we know, to which a signal could go. One that ends a program by
/// default ends the wait, as it would end a program that does not know it; and so does the one with
/// which the job is to be stopped, as images and units name it (WINCH for httpd), but not a new
/// size of our own window.
bool Rules::ends_a_wait(const Signalled& signal) const {
  if (situation_.ignored.test(static_cast<std::size_t>(signal.number))) return false;
  const bool asked = signal.number == situation_.stop_signal && signal.origin != Origin::Kernel;
  return ends_by_default(signal.number) || asked;
}

/// Whether the terminal sent it to the job as well, which is in our group. Of the end of the
/// terminal the kernel tells the leader of the session alone; that is us in `ssh -t host dlock run`
/// and in a pane of tmux.
bool Rules::job_has_had(const Signalled& signal) const {
  if (!situation_.shares_group || signal.origin != Origin::Kernel) return false;
  if (signal.number == SIGHUP && situation_.leads_session) return false;
  return comes_to_the_group(signal.number);
}

void Rules::count_interrupt(Instant at) {
  interrupts_ = interrupts_ > 0 && at - last_interrupt_ <= double_press ? interrupts_ + 1 : 1;
  last_interrupt_ = at;
}

/// The first Ctrl-C is the job's own business. Who presses it again at once wants it to end.
Actions Rules::interrupt_from_terminal(Instant at) {
  count_interrupt(at);
  if (interrupts_ == 2) return {SayTerminating{}, PassOn{SIGTERM}};
  if (interrupts_ >= 3) return {AskToKill{}};
  return {};
}

Actions Rules::handle(const JobStarted&) {
  if (state_ == State::Waiting) state_ = State::Running;
  return {};
}

Actions Rules::handle(const JobStopped& stopped) {
  stop_ = stopped.stop;
  // Only with a shared group: there the shell must see us stop with the job. Elsewhere nobody
  // would wake us again.
  if (state_ == State::Running && situation_.shares_group) return {PrepareStop{stop_}};
  return {};
}

Actions Rules::handle(const StopConfirmed& confirmed) {
  if (state_ == State::Running && confirmed.stop == stop_) return {StopSelf{}};
  return {};
}

Actions Rules::handle(const JobContinued&) { return {CancelStop{}}; }

Actions Rules::handle(const JobKilled& killed) {
  lost_ = killed.because == Ending::LockLost;
  return {};
}

Actions Rules::handle(const JobGone& gone) {
  if (state_ == State::Killing) return {};
  state_ = State::Settling;
  ending_ = gone.ending;
  detail_ = gone.detail;
  return {};
}

Actions Rules::handle(const EngineFinished& finished) {
  state_ = State::Over;
  return {Finish{finished.ending, finished.detail}};
}

Actions Rules::handle(const EngineGone&) {
  // The job was proved gone, and only the release is uncertain: its status stands.
  if (state_ == State::Settling) {
    state_ = State::Over;
    return {Finish{ending_, detail_}};
  }
  return kill_because(Ending::SupervisorDied);
}

Actions Rules::handle(const DeadlineHit&) {
  if (!deadline_counts() || situation_.on_silence == OnSilence::Continue) return {};
  return kill_because(Ending::LockUnconfirmed);
}

Actions Rules::handle(const NoChildren&) {
  if (state_ != State::Killing) return {};
  state_ = State::Over;
  return {Finish{ending_, detail_}};
}

Actions Rules::kill_because(Ending ending) {
  if (state_ == State::Killing) return {};
  state_ = State::Killing;
  // A lock that was lost stays lost, whoever does the killing.
  ending_ = lost_ ? Ending::LockLost : ending;
  detail_ = 0;
  return {KillAll{}};
}

}  // namespace dlock::front
