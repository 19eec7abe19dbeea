#include "core/front_rules.h"

#include "core/signals.h"

#include <csignal>

namespace dlock::front {
namespace {

constexpr Duration double_press = std::chrono::seconds{2};

/// Whether a terminal sends this signal to the whole foreground group.
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
  // The job signalled its own group, which includes the front: the job has got the signal, and it
  // was not meant for dlock (as with sudo).
  if (situation_.shares_group && signal.origin == Origin::OurJob) return {};
  if (situation_.shares_group && signal.number == SIGCONT) return {AskToContinue{stop_}};
  return {PassOn{signal.number}};
}

/// As far as the front knows there is no job yet that a signal could go to. A signal that ends a
/// program by default ends the wait, as it would end a program without a handler. So does the
/// signal that stops the job, as images and units configure it (WINCH for httpd), unless it is a
/// new size of the front's own window.
bool Rules::ends_a_wait(const Signalled& signal) const {
  if (situation_.ignored.test(static_cast<std::size_t>(signal.number))) return false;
  const bool asked = signal.number == situation_.stop_signal && signal.origin != Origin::Kernel;
  return ends_by_default(signal.number) || asked;
}

/// Whether the terminal also sent the signal to the job, which is in the same group. The kernel
/// reports the end of the terminal only to the leader of the session; that is the front in `ssh -t
/// host dlock run` and in a pane of tmux.
bool Rules::job_has_had(const Signalled& signal) const {
  if (!situation_.shares_group || signal.origin != Origin::Kernel) return false;
  if (signal.number == SIGHUP && situation_.leads_session) return false;
  return comes_to_the_group(signal.number);
}

void Rules::count_interrupt(Instant at) {
  interrupts_ = interrupts_ > 0 && at - last_interrupt_ <= double_press ? interrupts_ + 1 : 1;
  last_interrupt_ = at;
}

/// The first Ctrl-C is for the job. A second one soon after means that the user wants the job to
/// end.
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
  // Only with a shared group: there the shell must see the front stop with the job. Elsewhere
  // nothing would continue the front.
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
  // The job is proved gone and only the release is uncertain, so the status of the job stands.
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
  // A lost lock stays lost, whichever supervisor kills.
  ending_ = lost_ ? Ending::LockLost : ending;
  detail_ = 0;
  return {KillAll{}};
}

}  // namespace dlock::front
