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

/// How a fresh engine gets into each state.
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

/// What ends a job that dlock itself wants to end.
Actions asked_with(int signal, Duration patience) {
  return {SignalJob{signal}, SignalJob{SIGCONT}, StartGrace{patience}};
}

}  // namespace

TEST_CASE(
    "in every state, for every event: the run is finished by the proof that nothing is left, and "
    "by nothing else") {
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
    "in every state before the end: a lost lock, a passed deadline, a dead front and a third "
    "Ctrl-C kill the tree") {
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

TEST_CASE(
    "nothing is sent to a job that is being killed, and nothing at all happens after the end") {
  for (const Event& event : all_events) {
    if (is_proof(event)) continue;
    Rules killing = in(State::Killing);
    CHECK(killing.on(event).empty());
    Rules over = in(State::Over);
    CHECK(over.on(event).empty());
  }
}

TEST_CASE("the job's own status is the run's when nothing went wrong") {
  CHECK(in(State::Running).on(RootEnded{exit_7, true}) ==
        Actions{Finish{Ending::JobEnded, exit_7}});
  CHECK(in(State::Draining).on(NoChildren{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE("a job that ended by itself after the lock was lost still ends the run with the loss") {
  Rules rules = in(State::Running);
  rules.on(LeaseLost{});
  CHECK(rules.on(RootEnded{0, true}) == Actions{Finish{Ending::LockLost, 0}});

  Rules draining = in(State::Draining);
  draining.on(LeaseLost{});
  CHECK(draining.on(NoChildren{}) == Actions{Finish{Ending::LockLost, 0}});
}

TEST_CASE("the worst that happened gives the run its ending, in whatever order it came") {
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

TEST_CASE("a job whose end nobody saw is not a success") {
  const Actions actions = in(State::Running).on(NoChildren{});
  CHECK(actions == Actions{Finish{Ending::JobEnded, SIGKILL}});
}

TEST_CASE("a command that cannot be run ends the run with the reason, once its process is gone") {
  Rules rules{Policy{}};
  CHECK(rules.on(ExecFailed{EACCES}).empty());
  CHECK(rules.on(RootEnded{127 << 8, true}) == Actions{Finish{Ending::CannotRun, EACCES}});
}

TEST_CASE("signals go to the job's first process, as they came") {
  for (const int number :
       {SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGALRM, SIGTERM}) {
    CHECK(in(State::Running).on(SignalAsked{number}) == Actions{SignalRoot{number}});
  }
}

TEST_CASE("what the terminal sent to the whole group is not sent to the job again") {
  for (const State state : {State::Starting, State::Running, State::Draining}) {
    CHECK(in(state).on(SignalAsked{SIGINT, true}).empty());
  }
}

TEST_CASE("a stopped job that is asked to end is continued, or it would never hear of it") {
  Rules rules = in(State::Running);
  CHECK(rules.on(RootStopped{}) == Actions{TellStopped{1}});
  CHECK(rules.on(SignalAsked{SIGHUP}) == Actions{SignalRoot{SIGHUP}, SignalRoot{SIGCONT}});
  CHECK(rules.on(SignalAsked{SIGUSR1}) == Actions{SignalRoot{SIGUSR1}});
  CHECK(rules.on(RootContinued{}) == Actions{TellContinued{}});
  CHECK(rules.on(SignalAsked{SIGHUP}) == Actions{SignalRoot{SIGHUP}});
}

TEST_CASE("a call to go on ends the stop that it was meant for, and no later one") {
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

TEST_CASE("a shell that continued the group is noticed before the job is continued once more") {
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

TEST_CASE("-s says what SIGTERM becomes, and -k when SIGKILL follows") {
  Policy policy;
  policy.stop.signal = SIGQUIT;
  policy.stop.kill_after = 3s;
  Rules rules = in(State::Running, policy);
  CHECK(rules.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGQUIT}, StartGrace{3s}});
  CHECK(rules.on(SignalAsked{SIGINT}) == Actions{SignalRoot{SIGINT}});
  CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobEnded}});
  CHECK(rules.on(RootEnded{SIGKILL, true}) == Actions{Finish{Ending::JobEnded, SIGKILL}});
}

TEST_CASE("what the job leaves behind gets TERM, two seconds, KILL") {
  Rules rules = in(State::Running);
  CHECK(rules.on(RootEnded{exit_7, false}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{2s}});
  CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobEnded}});
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE(
    "--orphans=wait keeps the lock until the last one has ended by itself, or dlock is asked to "
    "stop") {
  const Policy wait{.orphans = Orphans::Wait};
  Rules rules = in(State::Running, wait);
  CHECK(rules.on(RootEnded{exit_7, false}).empty());
  CHECK(rules.on(SignalAsked{SIGUSR1}).empty());
  CHECK(rules.on(SignalAsked{SIGTERM}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{2s}});
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE("--orphans=leave ends the run with the job's first process, and only then") {
  const Policy leave{.orphans = Orphans::Leave};
  CHECK(in(State::Running, leave).on(RootEnded{exit_7, false}) ==
        Actions{Finish{Ending::JobEnded, exit_7}});
  // A lost lock is another matter: then nothing may be left.
  Rules rules = in(State::Running, leave);
  rules.on(LeaseLost{});
  CHECK(rules.on(RootEnded{SIGKILL, false}).empty());
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::LockLost, 0}});
}

TEST_CASE("--on-silence=continue lets the job outlive the deadline, but not an answer") {
  const Policy go_on{.on_silence = OnSilence::Continue};
  Rules rules = in(State::Running, go_on);
  CHECK(rules.on(DeadlineHit{}).empty());
  CHECK(rules.state() == State::Running);
  CHECK(rules.on(LeaseLost{}) == Actions{KillTree{Ending::LockLost}});
}

TEST_CASE("the job is warned once renewals have been failing for as long as was asked") {
  constexpr Instant t0{1h};
  const Policy warn{.warning = Warning{SIGUSR1, 2s}};
  for (const State state : {State::Starting, State::Running}) {
    Rules rules = in(state, warn);
    CHECK(rules.on(RenewalsFail{t0}) == Actions{AwaitWarning{t0 + 2s}});
    CHECK(rules.on(WarningDue{}) == Actions{SignalRoot{SIGUSR1}});
    CHECK(rules.state() == state);
  }
}

TEST_CASE("an outage that is over warns of nothing, and a later one warns again") {
  constexpr Instant t0{1h};
  Rules rules = in(State::Running, {.warning = Warning{SIGUSR1, 2s}});
  rules.on(RenewalsFail{t0});
  rules.on(RenewalsWork{});
  CHECK(rules.on(WarningDue{}).empty());
  CHECK(rules.on(RenewalsFail{t0 + 9s}) == Actions{AwaitWarning{t0 + 11s}});
  CHECK(rules.on(WarningDue{}) == Actions{SignalRoot{SIGUSR1}});
}

TEST_CASE("nobody is warned of a lock that is lost, after the job, or without being asked to") {
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

TEST_CASE("a job that runs too long is asked to end, and killed with its whole tree 10 s later") {
  for (const State state : {State::Starting, State::Running}) {
    Rules rules = in(state);
    CHECK(rules.on(MaxRunOver{}) == asked_with(SIGTERM, 10s));
    CHECK(rules.state() == state);
    CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::MaxRunExceeded}});
    CHECK(rules.on(RootEnded{SIGKILL, false}).empty());
    CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::MaxRunExceeded, 0}});
  }
}

TEST_CASE("a job that runs too long gets the signal of -s and the time of -k") {
  Rules rules = in(State::Running, {.stop = {.signal = SIGUSR1, .kill_after = 3s}});
  CHECK(rules.on(MaxRunOver{}) == asked_with(SIGUSR1, 3s));
}

TEST_CASE("every process of a job that runs too long is asked, and continued lest it not hear it") {
  for (const PassSignals pass : {PassSignals::Command, PassSignals::Job}) {
    Rules rules = in(State::Running, {.pass_signals = pass});
    rules.on(RootStopped{});
    CHECK(rules.on(MaxRunOver{}) ==
          Actions{SignalJob{SIGTERM}, SignalJob{SIGCONT}, StartGrace{10s}});
  }
}

TEST_CASE(
    "signals that are passed on reach the command, or every process with --pass-signals=job") {
  CHECK(in(State::Running).on(SignalAsked{SIGUSR1}) == Actions{SignalRoot{SIGUSR1}});
  Rules all = in(State::Running, {.stop = {.signal = SIGINT}, .pass_signals = PassSignals::Job});
  CHECK(all.on(SignalAsked{SIGUSR1}) == Actions{SignalJob{SIGUSR1}});
  all.on(RootStopped{});
  CHECK(all.on(SignalAsked{SIGTERM}) == Actions{SignalJob{SIGINT}, SignalJob{SIGCONT}});
}

TEST_CASE("a job that ends well once it was told that it ran too long has run too long still") {
  Rules rules = in(State::Running);
  rules.on(MaxRunOver{});
  CHECK(rules.on(RootEnded{0, true}) == Actions{Finish{Ending::MaxRunExceeded, 0}});
}

TEST_CASE("a job that ended just before its time was over has ended by itself") {
  CHECK(in(State::Draining).on(MaxRunOver{}).empty());
  Rules rules = in(State::Draining);
  rules.on(MaxRunOver{});
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE(
    "what a job leaves behind that ran too long has been asked, and its KILL is not put off") {
  for (const Orphans orphans : {Orphans::Kill, Orphans::Wait}) {
    Rules rules = in(State::Running, {.orphans = orphans});
    rules.on(MaxRunOver{});
    CHECK(rules.on(RootEnded{SIGTERM, false}).empty());
    CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::MaxRunExceeded}});
  }
}

TEST_CASE("with --orphans=wait the processes that are waited for can run too long, too") {
  Rules rules = in(State::Draining, {.orphans = Orphans::Wait});
  CHECK(rules.on(MaxRunOver{}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{10s}});
  CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::MaxRunExceeded, 0}});
}

TEST_CASE("no other wish to end the job puts off the KILL that is under way") {
  Rules asked_first = in(State::Running, {.stop = {.kill_after = 3s}});
  CHECK(asked_first.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGTERM}, StartGrace{3s}});
  CHECK(asked_first.on(MaxRunOver{}) == Actions{SignalJob{SIGTERM}, SignalJob{SIGCONT}});

  Rules too_long_first = in(State::Running, {.stop = {.kill_after = 3s}});
  too_long_first.on(MaxRunOver{});
  CHECK(too_long_first.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGTERM}});
}

TEST_CASE("a lost lock and a silent store outrank a job that ran too long, and wait for nothing") {
  Rules lost = in(State::Running);
  lost.on(MaxRunOver{});
  CHECK(lost.on(LeaseLost{}) == Actions{KillTree{Ending::LockLost}});
  CHECK(lost.on(NoChildren{}) == Actions{Finish{Ending::LockLost, 0}});

  Rules silent = in(State::Running);
  silent.on(MaxRunOver{});
  CHECK(silent.on(DeadlineHit{}) == Actions{KillTree{Ending::LockUnconfirmed}});
}

TEST_CASE("a job that hangs is ended as one that runs too long is, and the first reason counts") {
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

TEST_CASE("a lost lock outranks a job that hangs; a job that ended by itself has not hung") {
  Rules lost = in(State::Running);
  lost.on(HeartbeatMissed{});
  CHECK(lost.on(LeaseLost{}) == Actions{KillTree{Ending::LockLost}});
  CHECK(in(State::Draining).on(HeartbeatMissed{}).empty());
  CHECK(in(State::Draining, {.orphans = Orphans::Wait}).on(HeartbeatMissed{}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{10s}});
}

TEST_CASE("a command that could not be run has not run too long") {
  Rules rules{Policy{}};
  rules.on(ExecFailed{EACCES});
  CHECK(rules.on(MaxRunOver{}).empty());
}

TEST_CASE("whatever comes in whatever order, the run is finished once, and only by proof") {
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

TEST_CASE("no further TERM puts off the KILL of the job, nor does the end of its command") {
  Rules rules = in(State::Running, {.stop = {.kill_after = 3s}});
  CHECK(rules.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGTERM}, StartGrace{3s}});
  CHECK(rules.on(SignalAsked{SIGTERM}) == Actions{SignalRoot{SIGTERM}});
  CHECK(rules.on(RootEnded{SIGTERM, false}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}});
  CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobEnded}});
}

TEST_CASE("no further TERM puts off the KILL of what the job has left behind") {
  Rules rules = in(State::Draining);
  for (int times = 0; times < 3; ++times) CHECK(rules.on(SignalAsked{SIGTERM}).empty());
  CHECK(rules.on(GraceOver{}) == Actions{KillTree{Ending::JobEnded}});

  Rules waited_for = in(State::Draining, {.orphans = Orphans::Wait});
  CHECK(waited_for.on(SignalAsked{SIGTERM}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}, StartGrace{2s}});
  CHECK(waited_for.on(SignalAsked{SIGTERM}) ==
        Actions{SignalLeftovers{SIGTERM}, SignalLeftovers{SIGCONT}});
}

TEST_CASE("a signal other than TERM is passed on, and starts no time of -k") {
  for (const int number : {SIGUSR1, SIGINT, SIGHUP}) {
    Rules rules = in(State::Running, {.stop = {.kill_after = 3s}});
    CHECK(rules.on(SignalAsked{number}) == Actions{SignalRoot{number}});
  }
}

TEST_CASE("a job that is being killed was not one that could not be run") {
  Rules rules = in(State::Starting);
  CHECK(rules.on(KillAsked{}) == Actions{KillTree{Ending::JobEnded}});
  CHECK(rules.on(ExecFailed{ENOENT}).empty());
  CHECK(rules.on(RootEnded{SIGKILL, true}) == Actions{Finish{Ending::JobEnded, SIGKILL}});
}

TEST_CASE("the deadline kills what a job has left behind, too, and so does the end of its time") {
  CHECK(has<KillTree>(in(State::Draining).on(DeadlineHit{})));
  CHECK(has<KillTree>(in(State::Draining).on(LeaseLost{})));
  CHECK(has<KillTree>(in(State::Draining).on(GraceOver{})));
}
