#pragma once

#include "core/ending.h"
#include "core/policy.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dlock::engine {

// What happens to the engine once the job has been forked.
struct ExecWorked {};
struct ExecFailed {
  int error;
};
/// The job's first process could not be made ready for exec: an errno.
struct StartRefused {
  int error;
};
/// The job's first process ended. `alone`: waitpid(2) knows of no other process either.
struct RootEnded {
  int wait_status;
  bool alone;
};
struct RootStopped {};
struct RootContinued {};
/// waitpid(2) said ECHILD: the proof that no process of the job is left.
struct NoChildren {};
/// The front passes a signal on.
struct SignalAsked {
  int number;
  /// The terminal sent it to the job as well: the front did not know yet that there is one.
  bool from_terminal = false;
};
/// Somebody continued the front, which had stopped together with the job: in the stop of that
/// number.
struct ContinueAsked {
  std::int32_t stop;
};
/// The time of the last AwaitContinue is over.
struct ContinueDue {};
/// The front is about to stop together with the job, and asks whether that stop still lasts.
struct StopQuestion {
  std::int32_t stop;
};
/// The user pressed Ctrl-C for the third time.
struct KillAsked {};
struct FrontGone {};
/// The lease ended without a renewal that the store acknowledged.
struct DeadlineHit {};
/// The store said that the lock is not ours.
struct LeaseLost {};
/// The time of the last StartGrace is over.
struct GraceOver {};
/// Renewals have begun to fail: the first that did was sent then.
struct RenewalsFail {
  Instant since;
};
struct RenewalsWork {};
/// The moment of the last AwaitWarning has come.
struct WarningDue {};
/// The job has not reported progress for as long as --heartbeat-timeout lets it.
struct HeartbeatMissed {};
/// The job has run for as long as --max-run lets it.
struct MaxRunOver {};

using Event = std::variant<ExecWorked, ExecFailed, StartRefused, RootEnded, RootStopped,
                           RootContinued, NoChildren, SignalAsked, ContinueAsked, ContinueDue,
                           StopQuestion, KillAsked, FrontGone, DeadlineHit, LeaseLost, GraceOver,
                           RenewalsFail, RenewalsWork, WarningDue, HeartbeatMissed, MaxRunOver>;

// What the engine does about it, in the order given.
struct TellStarted {
  bool operator==(const TellStarted&) const = default;
};
struct TellStopped {
  std::int32_t stop;  // 1 for the job's first stop, and so on

  bool operator==(const TellStopped&) const = default;
};
struct ConfirmStop {
  std::int32_t stop;
  bool operator==(const ConfirmStop&) const = default;
};
struct TellContinued {
  bool operator==(const TellContinued&) const = default;
};
/// Tell ContinueDue a moment from now, and what the job did until then before it.
struct AwaitContinue {
  bool operator==(const AwaitContinue&) const = default;
};
struct SignalRoot {
  int number;
  bool operator==(const SignalRoot&) const = default;
};
/// To the first process and all others.
struct SignalJob {
  int number;
  bool operator==(const SignalJob&) const = default;
};
struct SignalLeftovers {
  int number;
  bool operator==(const SignalLeftovers&) const = default;
};
struct StartGrace {
  Duration length;
  bool operator==(const StartGrace&) const = default;
};
/// Tell WarningDue at that moment, and at no earlier one that was to be awaited.
struct AwaitWarning {
  Instant at;
  bool operator==(const AwaitWarning&) const = default;
};
/// SIGKILL to every process of the job, again and again until NoChildren.
struct KillTree {
  Ending because;

  bool operator==(const KillTree&) const = default;
};
/// The run is over: release the lock unless it is lost, and tell the front.
struct Finish {
  Ending ending;
  std::int32_t detail;
  bool operator==(const Finish&) const = default;
};

using Action =
    std::variant<TellStarted, TellStopped, ConfirmStop, TellContinued, AwaitContinue, SignalRoot,
                 SignalJob, SignalLeftovers, StartGrace, AwaitWarning, KillTree, Finish>;
using Actions = std::vector<Action>;

struct Policy {
  OnSilence on_silence = OnSilence::Kill;
  Orphans orphans = Orphans::Kill;
  StopPolicy stop;
  std::optional<Warning> warning;
  PassSignals pass_signals = PassSignals::Command;
};

/// Decides what the engine does from the fork of the job to its end. Pure: it knows no clock, no
/// process and no store; the loop in supervise/engine.cpp tells it what happened and does what it
/// says.
///
/// The invariant that everything rests on: Finish comes only after NoChildren (or RootEnded alone),
/// and once. The one exception has a name: Orphans::Leave.
class Rules {
 public:
  enum class State { Starting, Running, Draining, Killing, Over };

  explicit Rules(Policy policy) : policy_(policy) {}

  Actions on(const Event& event);
  State state() const { return state_; }

 private:
  Actions handle(const ExecWorked&);
  Actions handle(const ExecFailed&);
  Actions handle(const StartRefused&);
  Actions handle(const RootEnded&);
  Actions handle(const RootStopped&);
  Actions handle(const RootContinued&);
  Actions handle(const NoChildren&);
  Actions handle(const SignalAsked&);
  Actions handle(const ContinueAsked&);
  Actions handle(const ContinueDue&);
  Actions handle(const StopQuestion&);
  Actions handle(const KillAsked&);
  Actions handle(const FrontGone&);
  Actions handle(const DeadlineHit&);
  Actions handle(const LeaseLost&);
  Actions handle(const GraceOver&);
  Actions handle(const RenewalsFail&);
  Actions handle(const RenewalsWork&);
  Actions handle(const WarningDue&);
  Actions handle(const HeartbeatMissed&);
  Actions handle(const MaxRunOver&);

  Actions not_born(Ending because, int error);
  Actions end_job(Ending because);
  Actions end_leftovers(Duration grace);
  void schedule_kill(Duration grace, Actions& actions);
  bool ended_by_us() const;
  Action pass_on(int number) const;
  Actions kill();
  bool is_in_stop(std::int32_t stop) const;
  Actions kill_because(Ending ending);
  Actions finish();

  Policy policy_;
  State state_ = State::Starting;
  bool stopped_ = false;
  std::int32_t stops_ = 0;
  std::int32_t stop_to_continue_ = 0;
  bool renewals_fail_ = false;
  bool kill_is_near_ = false;  // a StartGrace is under way, of which KILL is the end

  // What the run is to end with: the job's own status, unless something worse happened.
  // Should nobody tell that status, it is "killed", never "success".
  Ending ending_ = Ending::JobEnded;
  std::int32_t detail_ = SIGKILL;
};

}  // namespace dlock::engine
