#pragma once

#include "core/ending.h"
#include "core/policy.h"
#include "core/time.h"

#include <bitset>
#include <cstdint>
#include <variant>
#include <vector>

namespace dlock::front {

/// Who sent a signal to the front.
enum class Origin {
  Kernel,   // the terminal: Ctrl-C, Ctrl-Z, a hang-up, a new window size
  OurJob,   // a process of the job, usually to its own process group
  Someone,  // any other process
};

// The events of the front.
struct Signalled {
  int number;
  Origin origin;
  Instant at;
};
struct JobStarted {};
struct JobStopped {
  std::int32_t stop;
};
/// The engine checked again: the job is still in that stop.
struct StopConfirmed {
  std::int32_t stop;
};
struct JobContinued {};
/// The engine is killing the job for that reason.
struct JobKilled {
  Ending because;
};
/// The engine has proved that no process of the job is left, and releases the lock next.
struct JobGone {
  Ending ending;
  std::int32_t detail;
};
/// The last message of the engine.
struct EngineFinished {
  Ending ending;
  std::int32_t detail;
};
struct EngineGone {};
struct DeadlineHit {};
/// waitpid(2) of the front returned ECHILD, after the front killed.
struct NoChildren {};

using Event = std::variant<Signalled, JobStarted, JobStopped, StopConfirmed, JobContinued,
                           JobKilled, JobGone, EngineFinished, EngineGone, DeadlineHit, NoChildren>;

// The actions of the front.
struct PassOn {
  int number;
  /// The terminal sent it to the whole group: a job that already ran has got it.
  bool from_terminal = false;

  bool operator==(const PassOn&) const = default;
};
/// Continue the job if it is still in that stop.
struct AskToContinue {
  std::int32_t stop;
  bool operator==(const AskToContinue&) const = default;
};
struct AskToKill {
  bool operator==(const AskToKill&) const = default;
};
/// Prepare to stop, so that a SIGCONT from now on cancels the stop, and ask the engine whether the
/// job is still stopped. A shell continues the whole group, and the message about that can still be
/// on its way: if the front stopped on outdated news, the shell would see a second stop of the job.
struct PrepareStop {
  std::int32_t stop;
  bool operator==(const PrepareStop&) const = default;
};
struct CancelStop {
  bool operator==(const CancelStop&) const = default;
};
struct StopSelf {
  bool operator==(const StopSelf&) const = default;
};
struct SayTerminating {
  bool operator==(const SayTerminating&) const = default;
};
/// SIGKILL to the engine and to every process of the job, repeated until NoChildren.
struct KillAll {
  bool operator==(const KillAll&) const = default;
};
struct Finish {
  Ending ending;
  std::int32_t detail;
  bool operator==(const Finish&) const = default;
};

using Action = std::variant<PassOn, AskToContinue, AskToKill, PrepareStop, CancelStop, StopSelf,
                            SayTerminating, KillAll, Finish>;
using Actions = std::vector<Action>;

using SignalSet = std::bitset<65>;

struct Situation {
  /// With a terminal, the job is in the front's process group, and the terminal signals both.
  bool shares_group = false;
  /// The front is the leader of the session of that terminal.
  bool leads_session = false;
  /// The signal that asks the job to stop (-s).
  int stop_signal = 0;
  /// Signals that the caller of dlock ignored, as nohup does.
  SignalSet ignored;
  OnSilence on_silence = OnSilence::Kill;
};

/// Decides what the front does from the fork of the engine to its own end. Pure, like the rules of
/// the engine; the loop is in supervise/front.cpp.
class Rules {
 public:
  enum class State { Waiting, Running, Settling, Killing, Over };

  explicit Rules(Situation situation) : situation_(situation) {}

  Actions on(const Event& event);
  State state() const { return state_; }

  /// Whether the lease still matters: it does not after the job is gone.
  bool deadline_counts() const { return state_ == State::Waiting || state_ == State::Running; }

 private:
  Actions handle(const Signalled&);
  Actions handle(const JobStarted&);
  Actions handle(const JobStopped&);
  Actions handle(const StopConfirmed&);
  Actions handle(const JobContinued&);
  Actions handle(const JobKilled&);
  Actions handle(const JobGone&);
  Actions handle(const EngineFinished&);
  Actions handle(const EngineGone&);
  Actions handle(const DeadlineHit&);
  Actions handle(const NoChildren&);

  bool ends_a_wait(const Signalled&) const;
  bool job_has_had(const Signalled&) const;
  void count_interrupt(Instant at);
  Actions interrupt_from_terminal(Instant at);
  Actions kill_because(Ending ending);

  Situation situation_;
  State state_ = State::Waiting;
  bool lost_ = false;  // the engine reported the loss before it was gone
  Ending ending_ = Ending::SupervisorDied;
  std::int32_t detail_ = 0;
  std::int32_t stop_ = 0;  // the last known stop of the job
  int interrupts_ = 0;
  Instant last_interrupt_{};
};

}  // namespace dlock::front
