#include "core/engine_rules.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <random>

using namespace dlock;
using namespace dlock::engine;
using namespace std::chrono_literals;
using State = Rules::State;

namespace {

constexpr int exit_7 = 7 << 8;

/// Brings a new engine into each state.
Rules in(State state, Policy policy = {}) {
  Rules rules{policy};
  if (state == State::Starting) return rules;
  rules.on(ExecWorked{});
  if (state == State::Draining) rules.on(RootEnded{exit_7, false});
  if (state == State::Killing) rules.on(LeaseLost{});
  if (state == State::Over) rules.on(RootEnded{exit_7, true});
  REQUIRE(rules.state() == state);
  return rules;
}

const std::vector<State> all_states{State::Starting, State::Running, State::Draining,
                                    State::Killing, State::Over};

const std::vector<Event> all_events{ExecWorked{},
                                    ExecFailed{ENOENT},
                                    RootEnded{exit_7, false},
                                    RootEnded{exit_7, true},
                                    RootStopped{},
                                    RootContinued{},
                                    NoChildren{},
                                    SignalAsked{SIGTERM},
                                    SignalAsked{SIGUSR1},
                                    ContinueAsked{1},
                                    ContinueDue{},
                                    StopQuestion{1},
                                    KillAsked{},
                                    FrontGone{},
                                    DeadlineHit{},
                                    LeaseLost{},
                                    GraceOver{},
                                    RenewalsFail{},
                                    RenewalsWork{},
                                    WarningDue{},
                                    HeartbeatMissed{},
                                    MaxRunOver{}};

template <class T>
bool has(const Actions& actions) {
  return std::any_of(actions.begin(), actions.end(),
                     [](const Action& action) { return std::holds_alternative<T>(action); });
}

/// True for the events that prove that no process of the job is left.
bool is_proof(const Event& event) {
  const auto* ended = std::get_if<RootEnded>(&event);
  return std::holds_alternative<NoChildren>(event) || (ended != nullptr && ended->alone);
}

/// The actions by which dlock ends a job.
Actions asked_with(int signal, Duration patience) {
  return {SignalJob{signal}, SignalJob{SIGCONT}, StartGrace{patience}};
}

}  // namespace

TEST_CASE(
    "in every state, for every event: the run finishes only with proof that no process is left") {
  for (const State state : all_states) {
    for (std::size_t i = 0; i < all_events.size(); ++i) {
      CAPTURE(static_cast<int>(state));
      CAPTURE(i);
      Rules rules = in(state);
      const Actions actions = rules.on(all_events[i]);
      const bool finishes = state != State::Over && is_proof(all_events[i]);
      CHECK(has<Finish>(actions) == finishes);
      CHECK((rules.state() == State::Over) == (finishes || state == State::Over));
      if (finishes) CHECK(std::holds_alternative<Finish>(actions.back()));
    }
  }
}

TEST_CASE(
    "in every state: a lost lock, a passed deadline, a dead front and a third Ctrl-C kill the "
    "tree") {
  for (const State state : {State::Starting, State::Running, State::Draining}) {
    for (const Event& event :
         {Event{LeaseLost{}}, Event{DeadlineHit{}}, Event{FrontGone{}}, Event{KillAsked{}}}) {
      CAPTURE(static_cast<int>(state));
      Rules rules = in(state);
      CHECK(has<KillTree>(rules.on(event)));
      CHECK(rules.state() == State::Killing);
    }
  }
}

TEST_CASE("a job that is being killed gets no further signal, and nothing happens after the end") {
  for (const Event& event : all_events) {
    if (is_proof(event)) continue;
    Rules killing = in(State::Killing);
    CHECK(killing.on(event).empty());
    Rules over = in(State::Over);
    CHECK(over.on(event).empty());
  }
}

TEST_CASE("the status of the job is the status of the run if nothing went wrong") {
  CHECK(in(State::Running).on(RootEnded{exit_7, true}) ==
        Actions{Finish{Ending::JobEnded, exit_7}});
  CHECK(in(State::Draining).on(NoChildren{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE("a job that exits by itself after the lock was lost still ends the run with LOCK_LOST") {
  Rules rules = in(State::Running);
  rules.on(LeaseLost{});
  CHECK(rules.on(RootEnded{0, true}) == Actions{Finish{Ending::LockLost, 0}});

  Rules draining = in(State::Draining);
  draining.on(LeaseLost{});
  CHECK(draining.on(NoChildren{}) == Actions{Finish{Ending::LockLost, 0}});
}

TEST_CASE(
    "the most severe event decides the ending of the run, in whatever order the events come") {
  const auto ending_after = [](std::vector<Event> events) {
    Rules rules = in(State::Running);
    for (const Event& event : events) rules.on(event);
    return std::get<Finish>(rules.on(NoChildren{}).back()).ending;
  };
  CHECK(ending_after({DeadlineHit{}, LeaseLost{}}) == Ending::LockLost);
  CHECK(ending_after({LeaseLost{}, DeadlineHit{}}) == Ending::LockLost);
  CHECK(ending_after({FrontGone{}, DeadlineHit{}}) == Ending::LockUnconfirmed);
  CHECK(ending_after({KillAsked{}, LeaseLost{}}) == Ending::LockLost);
  CHECK(ending_after({FrontGone{}}) == Ending::SupervisorDied);
}

TEST_CASE("a job whose exit status is unknown is not a success") {
  const Actions actions = in(State::Running).on(NoChildren{});
  CHECK(actions == Actions{Finish{Ending::JobEnded, SIGKILL}});
}

TEST_CASE("a command that cannot be run ends the run with the reason, once its process is gone") {
  Rules rules{Policy{}};
  CHECK(rules.on(ExecFailed{EACCES}).empty());
  CHECK(rules.on(RootEnded{127 << 8, true}) == Actions{Finish{Ending::CannotRun, EACCES}});
}

TEST_CASE("signals are sent unchanged to the first process of the job") {
  for (const int number :
       {SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGALRM, SIGTERM}) {
    CHECK(in(State::Running).on(SignalAsked{number}) == Actions{SignalRoot{number}});
  }
}

TEST_CASE("a signal that the terminal sent to the whole group is not sent to the job again") {
  for (const State state : {State::Starting, State::Running, State::Draining}) {
    CHECK(in(state).on(SignalAsked{SIGINT, true}).empty());
  }
}

TEST_CASE("a stopped job that gets a terminating signal is continued, so that it can handle it") {
  Rules rules = in(State::Running);
  CHECK(rules.on(RootStopped{}) == Actions{TellStopped{1}});
  CHECK(rules.on(SignalAsked{SIGHUP}) == Actions{SignalRoot{SIGHUP}, SignalRoot{SIGCONT}});
  CHECK(rules.on(SignalAsked{SIGUSR1}) == Actions{SignalRoot{SIGUSR1}});
  CHECK(rules.on(RootContinued{}) == Actions{TellContinued{}});
  CHECK(rules.on(SignalAsked{SIGHUP}) == Actions{SignalRoot{SIGHUP}});
}

TEST_CASE("a request to continue ends the stop that it was sent for, and no later one") {
  Rules rules = in(State::Running);
  CHECK(rules.on(ContinueAsked{0}).empty());
  CHECK(rules.on(RootStopped{}) == Actions{TellStopped{1}});
  CHECK(rules.on(ContinueAsked{1}) == Actions{AwaitContinue{}});
  CHECK(rules.on(ContinueDue{}) == Actions{SignalRoot{SIGCONT}});
  rules.on(RootContinued{});
  CHECK(rules.on(ContinueAsked{1}).empty());
  CHECK(rules.on(RootStopped{}) == Actions{TellStopped{2}});
  CHECK(rules.on(ContinueAsked{1}).empty());
}

TEST_CASE("a job that the shell has continued already is not continued a second time") {
  Rules rules = in(State::Running);
  rules.on(RootStopped{});
  CHECK(rules.on(ContinueAsked{1}) == Actions{AwaitContinue{}});
  rules.on(RootContinued{});
  CHECK(rules.on(RootStopped{}) == Actions{TellStopped{2}});
  CHECK(rules.on(ContinueDue{}).empty());
}

TEST_CASE("a stop is confirmed only while the job is in it") {
  Rules rules = in(State::Running);
  CHECK(rules.on(StopQuestion{0}).empty());
  rules.on(RootStopped{});
  CHECK(rules.on(StopQuestion{1}) == Actions{ConfirmStop{1}});
  rules.on(RootContinued{});
  CHECK(rules.on(StopQuestion{1}).empty());
  rules.on(RootStopped{});
  CHECK(rules.on(StopQuestion{1}).empty());
}

TEST_CASE("-s replaces SIGTERM, and -k sets the time until SIGKILL") {
  Policy policy;
  policy.stop.signal = SIGQUIT;
  policy.stop.kill_after = 3s;
  Rules rules = in(State::Running, policy);
  CHECK(rules.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGQUIT}, StartGrace{3s}});
  CHECK(rules.on(SignalAsked{SIGINT}) == Actions{SignalRoot{SIGINT}});
  CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobEnded}});
  CHECK(rules.on(RootEnded{SIGKILL, true}) == Actions{Finish{Ending::JobEnded, SIGKILL}});
}

TEST_CASE("descendants that outlive the command get SIGTERM, and SIGKILL two seconds later") {
  Rules rules = in(State::Running);
  CHECK(rules.on(RootEnded{exit_7, false}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{2s}});
  CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobEnded}});
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE(
    "--orphans=wait keeps the lock until the last descendant has ended or dlock gets SIGTERM") {
  const Policy wait{.orphans = Orphans::Wait};
  Rules rules = in(State::Running, wait);
  CHECK(rules.on(RootEnded{exit_7, false}).empty());
  CHECK(rules.on(SignalAsked{SIGUSR1}).empty());
  CHECK(rules.on(SignalAsked{SIGTERM}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{2s}});
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE("--orphans=leave ends the run when the command ends, but not after a lost lock") {
  const Policy leave{.orphans = Orphans::Leave};
  CHECK(in(State::Running, leave).on(RootEnded{exit_7, false}) ==
        Actions{Finish{Ending::JobEnded, exit_7}});
  // After a lost lock no process must be left.
  Rules rules = in(State::Running, leave);
  rules.on(LeaseLost{});
  CHECK(rules.on(RootEnded{SIGKILL, false}).empty());
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::LockLost, 0}});
}

TEST_CASE(
    "with --on-silence=continue the job outlives the deadline, but not the loss of the lock") {
  const Policy go_on{.on_silence = OnSilence::Continue};
  Rules rules = in(State::Running, go_on);
  CHECK(rules.on(DeadlineHit{}).empty());
  CHECK(rules.state() == State::Running);
  CHECK(rules.on(LeaseLost{}) == Actions{KillTree{Ending::LockLost}});
}

TEST_CASE("the job is warned once renewals have been failing for the time given") {
  constexpr Instant t0{1h};
  const Policy warn{.warning = Warning{SIGUSR1, 2s}};
  for (const State state : {State::Starting, State::Running}) {
    Rules rules = in(state, warn);
    CHECK(rules.on(RenewalsFail{t0}) == Actions{AwaitWarning{t0 + 2s}});
    CHECK(rules.on(WarningDue{}) == Actions{SignalRoot{SIGUSR1}});
    CHECK(rules.state() == state);
  }
}

TEST_CASE("an outage that has ended gives no warning, and a later outage warns again") {
  constexpr Instant t0{1h};
  Rules rules = in(State::Running, {.warning = Warning{SIGUSR1, 2s}});
  rules.on(RenewalsFail{t0});
  rules.on(RenewalsWork{});
  CHECK(rules.on(WarningDue{}).empty());
  CHECK(rules.on(RenewalsFail{t0 + 9s}) == Actions{AwaitWarning{t0 + 11s}});
  CHECK(rules.on(WarningDue{}) == Actions{SignalRoot{SIGUSR1}});
}

TEST_CASE(
    "no warning is sent after the loss of the lock, after the end of the command, or by default") {
  const Policy warn{.warning = Warning{SIGUSR1, 0s}};
  Rules lost = in(State::Running, warn);
  lost.on(RenewalsFail{});
  lost.on(LeaseLost{});
  CHECK(lost.on(WarningDue{}).empty());
  CHECK(lost.on(RenewalsFail{}).empty());

  Rules draining = in(State::Draining, warn);
  draining.on(RenewalsFail{});
  CHECK(draining.on(WarningDue{}).empty());

  Rules unasked = in(State::Running);
  CHECK(unasked.on(RenewalsFail{}).empty());
  CHECK(unasked.on(WarningDue{}).empty());
}

TEST_CASE("a job that exceeds --max-run gets SIGTERM, and its whole tree is killed 10 s later") {
  for (const State state : {State::Starting, State::Running}) {
    Rules rules = in(state);
    CHECK(rules.on(MaxRunOver{}) == asked_with(SIGTERM, 10s));
    CHECK(rules.state() == state);
    CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::MaxRunExceeded}});
    CHECK(rules.on(RootEnded{SIGKILL, false}).empty());
    CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::MaxRunExceeded, 0}});
  }
}

TEST_CASE("a job that exceeds --max-run gets the signal of -s and the time of -k") {
  Rules rules = in(State::Running, {.stop = {.signal = SIGUSR1, .kill_after = 3s}});
  CHECK(rules.on(MaxRunOver{}) == asked_with(SIGUSR1, 3s));
}

TEST_CASE(
    "every process of a job that exceeds --max-run gets the signal, and is continued to handle "
    "it") {
  for (const PassSignals pass : {PassSignals::Command, PassSignals::Job}) {
    Rules rules = in(State::Running, {.pass_signals = pass});
    rules.on(RootStopped{});
    CHECK(rules.on(MaxRunOver{}) ==
          Actions{SignalJob{SIGTERM}, SignalJob{SIGCONT}, StartGrace{10s}});
  }
}

TEST_CASE("a signal is passed on to the command, or to every process with --pass-signals=job") {
  CHECK(in(State::Running).on(SignalAsked{SIGUSR1}) == Actions{SignalRoot{SIGUSR1}});
  Rules all = in(State::Running, {.stop = {.signal = SIGINT}, .pass_signals = PassSignals::Job});
  CHECK(all.on(SignalAsked{SIGUSR1}) == Actions{SignalJob{SIGUSR1}});
  all.on(RootStopped{});
  CHECK(all.on(SignalAsked{SIGTERM}) == Actions{SignalJob{SIGINT}, SignalJob{SIGCONT}});
}

TEST_CASE(
    "a job that exits with 0 after --max-run has expired still ends the run with "
    "MAX_RUN_EXCEEDED") {
  Rules rules = in(State::Running);
  rules.on(MaxRunOver{});
  CHECK(rules.on(RootEnded{0, true}) == Actions{Finish{Ending::MaxRunExceeded, 0}});
}

TEST_CASE("a job whose command ended before --max-run expired does not exceed it") {
  CHECK(in(State::Draining).on(MaxRunOver{}).empty());
  Rules rules = in(State::Draining);
  rules.on(MaxRunOver{});
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE(
    "descendants of a job that exceeded --max-run get no second SIGTERM and no later SIGKILL") {
  for (const Orphans orphans : {Orphans::Kill, Orphans::Wait}) {
    Rules rules = in(State::Running, {.orphans = orphans});
    rules.on(MaxRunOver{});
    CHECK(rules.on(RootEnded{SIGTERM, false}).empty());
    CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::MaxRunExceeded}});
  }
}

TEST_CASE("with --orphans=wait, --max-run also limits the descendants that outlive the command") {
  Rules rules = in(State::Draining, {.orphans = Orphans::Wait});
  CHECK(rules.on(MaxRunOver{}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{10s}});
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::MaxRunExceeded, 0}});
}

TEST_CASE("no later request to stop postpones a SIGKILL that is already scheduled") {
  Rules asked_first = in(State::Running, {.stop = {.kill_after = 3s}});
  CHECK(asked_first.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGTERM}, StartGrace{3s}});
  CHECK(asked_first.on(MaxRunOver{}) == Actions{SignalJob{SIGTERM}, SignalJob{SIGCONT}});

  Rules too_long_first = in(State::Running, {.stop = {.kill_after = 3s}});
  too_long_first.on(MaxRunOver{});
  CHECK(too_long_first.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGTERM}});
}

TEST_CASE("a lost lock or a passed deadline outranks an exceeded --max-run and kills at once") {
  Rules lost = in(State::Running);
  lost.on(MaxRunOver{});
  CHECK(lost.on(LeaseLost{}) == Actions{KillTree{Ending::LockLost}});
  CHECK(lost.on(NoChildren{}) == Actions{Finish{Ending::LockLost, 0}});

  Rules silent = in(State::Running);
  silent.on(MaxRunOver{});
  CHECK(silent.on(DeadlineHit{}) == Actions{KillTree{Ending::LockUnconfirmed}});
}

TEST_CASE(
    "a job that hangs is ended like one that exceeds --max-run, and the first reason counts") {
  for (const State state : {State::Starting, State::Running}) {
    Rules rules = in(state);
    CHECK(rules.on(HeartbeatMissed{}) == asked_with(SIGTERM, 10s));
    CHECK(rules.on(MaxRunOver{}).empty());
    CHECK(rules.on(RootEnded{0, false}).empty());
    CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobHung}});
    CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::JobHung, 0}});
  }
  Rules too_long = in(State::Running);
  too_long.on(MaxRunOver{});
  CHECK(too_long.on(HeartbeatMissed{}).empty());
  CHECK(too_long.on(NoChildren{}) == Actions{Finish{Ending::MaxRunExceeded, 0}});
}

TEST_CASE("a lost lock outranks a job that hangs, and a job that ended by itself did not hang") {
  Rules lost = in(State::Running);
  lost.on(HeartbeatMissed{});
  CHECK(lost.on(LeaseLost{}) == Actions{KillTree{Ending::LockLost}});
  CHECK(in(State::Draining).on(HeartbeatMissed{}).empty());
  CHECK(in(State::Draining, {.orphans = Orphans::Wait}).on(HeartbeatMissed{}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{10s}});
}

TEST_CASE("a command that could not be run did not exceed --max-run") {
  Rules rules{Policy{}};
  rules.on(ExecFailed{EACCES});
  CHECK(rules.on(MaxRunOver{}).empty());
}

TEST_CASE("for any sequence of events the run finishes once, and only with proof") {
  std::mt19937 random{20260131};
  for (int round = 0; round < 20'000; ++round) {
    Rules rules{Policy{}};
    int finished = 0;
    for (int step = 0; step < 12; ++step) {
      const Event& event = all_events[random() % all_events.size()];
      const Actions actions = rules.on(event);
      if (!has<Finish>(actions)) continue;
      ++finished;
      CHECK(is_proof(event));
    }
    CHECK(finished <= 1);
    CHECK((rules.state() == State::Over) == (finished == 1));
  }
}

TEST_CASE("neither a further SIGTERM nor the end of the command postpones the SIGKILL of the job") {
  Rules rules = in(State::Running, {.stop = {.kill_after = 3s}});
  CHECK(rules.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGTERM}, StartGrace{3s}});
  CHECK(rules.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGTERM}});
  CHECK(rules.on(RootEnded{SIGTERM, false}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}});
  CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobEnded}});
}

TEST_CASE("no further SIGTERM postpones the SIGKILL of descendants that outlive the command") {
  Rules rules = in(State::Draining);
  for (int times = 0; times < 3; ++times) CHECK(rules.on(SignalAsked{SIGTERM}).empty());
  CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobEnded}});

  Rules waited_for = in(State::Draining, {.orphans = Orphans::Wait});
  CHECK(waited_for.on(SignalAsked{SIGTERM}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{2s}});
  CHECK(waited_for.on(SignalAsked{SIGTERM}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}});
}

TEST_CASE("a signal other than SIGTERM is passed on and does not start the time of -k") {
  for (const int number : {SIGUSR1, SIGINT, SIGHUP}) {
    Rules rules = in(State::Running, {.stop = {.kill_after = 3s}});
    CHECK(rules.on(SignalAsked{number}) == Actions{SignalRoot{number}});
  }
}

TEST_CASE("a failed exec during a kill does not replace the reason for the kill") {
  Rules rules = in(State::Starting);
  CHECK(rules.on(KillAsked{}) == Actions{KillTree{Ending::JobEnded}});
  CHECK(rules.on(ExecFailed{ENOENT}).empty());
  CHECK(rules.on(RootEnded{SIGKILL, true}) == Actions{Finish{Ending::JobEnded, SIGKILL}});
}

TEST_CASE("the deadline and --max-run also kill descendants that outlive the command") {
  CHECK(has<KillTree>(in(State::Draining).on(DeadlineHit{})));
  CHECK(has<KillTree>(in(State::Draining).on(LeaseLost{})));
  CHECK(has<KillTree>(in(State::Draining).on(GraceOver{})));
}
