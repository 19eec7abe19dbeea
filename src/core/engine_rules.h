#pragma once

#include "core/ending.h"
#include "core/policy.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dlock::engine {

// The events of the engine after the fork of the job.
struct ExecWorked {};
struct ExecFailed {
  int error;
};
/// The process of the command could not be prepared for exec: an errno.
struct StartRefused {
  int error;
};
/// The command ended. `alone`: waitpid(2) reports no other process either.
struct RootEnded {
  int wait_status;
  bool alone;
};
struct RootStopped {};
struct RootContinued {};
/// waitpid(2) returned ECHILD: the proof that no process of the job is left.
struct NoChildren {};
/// The front passes a signal on.
struct SignalAsked {
  int number;
  /// The terminal sent it to the job as well: the front did not yet know of the job.
  bool from_terminal = false;
};
/// A SIGCONT continued the front, which had stopped together with the job in this stop.
struct ContinueAsked {
  std::int32_t stop;
};
/// The time of the last AwaitContinue is over.
struct ContinueDue {};
/// The front is about to stop together with the job, and asks whether this stop still lasts.
struct StopQuestion {
  std::int32_t stop;
};
/// The user pressed Ctrl-C for the third time.
struct KillAsked {};
struct FrontGone {};
/// The lease ended without a renewal that the store acknowledged.
struct DeadlineHit {};
/// The store said that the run no longer has the lock.
struct LeaseLost {};
/// The time of the last StartGrace is over.
struct GraceOver {};
/// Renewals began to fail; the first failed one was sent at `since`.
struct RenewalsFail {
  Instant since;
};
struct RenewalsWork {};
/// The moment of the last AwaitWarning has come.
struct WarningDue {};
/// The job has not reported progress within --heartbeat-timeout.
struct HeartbeatMissed {};
/// The job has run for --max-run.
struct MaxRunOver {};

using Event = std::variant<ExecWorked, ExecFailed, StartRefused, RootEnded, RootStopped,
                           RootContinued, NoChildren, SignalAsked, ContinueAsked, ContinueDue,
                           StopQuestion, KillAsked, FrontGone, DeadlineHit, LeaseLost, GraceOver,
                           RenewalsFail, RenewalsWork, WarningDue, HeartbeatMissed, MaxRunOver>;

// The actions of the engine, performed in the given order.
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
/// Pass ContinueDue to the rules in a moment, after all events of the job up to then.
struct AwaitContinue {
  bool operator==(const AwaitContinue&) const = default;
};
struct SignalRoot {
  int number;
  bool operator==(const SignalRoot&) const = default;
};
/// To the command and all descendants.
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
/// Pass WarningDue to the rules at that moment. This replaces an earlier AwaitWarning.
struct AwaitWarning {
  Instant at;
  bool operator==(const AwaitWarning&) const = default;
};
/// SIGKILL to every process of the job, repeated until NoChildren.
struct KillTree {
  Ending because;

  bool operator==(const KillTree&) const = default;
};
/// The run is over: release the lock unless it is lost, and send the result to the front.
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

/// Decides what the engine does from the fork of the job to its end. Pure: it uses no clock, no
/// process and no store. The loop in supervise/engine.cpp passes the events in and performs the
/// actions.
///
/// The main invariant: Finish comes only after NoChildren (or RootEnded with `alone`), and only
/// once. The one exception is Orphans::Leave.
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
  bool kill_is_near_ = false;  // a StartGrace that ends with SIGKILL has begun

  // The ending of the run: the status of the command, unless something worse happened. If that
  // status never arrives, the ending is "killed", never "success".
  Ending ending_ = Ending::JobEnded;
  std::int32_t detail_ = SIGKILL;
};

}  // namespace dlock::engine
