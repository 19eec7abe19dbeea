#include "core/front_rules.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <random>
#include <sys/wait.h>

using namespace dlock;
using namespace dlock::front;
using namespace std::chrono_literals;
using State = Rules::State;

namespace {

constexpr Instant t0{1h};
constexpr std::int32_t exit_7 = 7 << 8;

Situation with_terminal() { return {.shares_group = true, .ignored = {}}; }

Rules in(State state, Situation situation = {}) {
  Rules rules{situation};
  if (state == State::Waiting) return rules;
  rules.on(JobStarted{});
  if (state == State::Settling) rules.on(JobGone{Ending::JobEnded, exit_7});
  if (state == State::Killing) rules.on(EngineGone{});
  if (state == State::Over) rules.on(EngineFinished{Ending::JobEnded, exit_7});
  REQUIRE(rules.state() == state);
  return rules;
}

const std::vector<State> all_states{State::Waiting, State::Running, State::Settling, State::Killing,
                                    State::Over};

const std::vector<Event> all_events{Signalled{SIGTERM, Origin::Someone, t0},
                                    Signalled{SIGINT, Origin::Kernel, t0},
                                    JobStarted{},
                                    JobStopped{1},
                                    StopConfirmed{1},
                                    JobContinued{},
                                    JobGone{Ending::JobEnded, exit_7},
                                    EngineFinished{Ending::JobEnded, exit_7},
                                    EngineGone{},
                                    DeadlineHit{},
                                    NoChildren{}};

Signalled from(Origin origin, int number, Instant at = t0) { return {number, origin, at}; }

}  // namespace

TEST_CASE(
    "in every state, for every event: the front ends on the report of the engine or on its own "
    "proof") {
  for (const State state : all_states) {
    for (std::size_t i = 0; i < all_events.size(); ++i) {
      CAPTURE(static_cast<int>(state));
      CAPTURE(i);
      const Event& event = all_events[i];
      const bool ends = state != State::Over &&
                        (std::holds_alternative<EngineFinished>(event) ||
                         (std::holds_alternative<NoChildren>(event) && state == State::Killing) ||
                         (std::holds_alternative<EngineGone>(event) && state == State::Settling));
      Rules rules = in(state);
      const Actions actions = rules.on(event);
      CHECK((rules.state() == State::Over) == (ends || state == State::Over));
      CHECK((!actions.empty() && std::holds_alternative<Finish>(actions.back())) == ends);
    }
  }
}

TEST_CASE("the death of the engine kills the job, and the run ends when no process is left") {
  for (const State state : {State::Waiting, State::Running}) {
    Rules rules = in(state);
    CHECK(rules.on(EngineGone{}) == Actions{KillAll{}});
    CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::SupervisorDied, 0}});
  }
}

TEST_CASE("the deadline kills while a lease is active, and no longer once the job is gone") {
  Rules running = in(State::Running);
  CHECK(running.on(DeadlineHit{}) == Actions{KillAll{}});
  CHECK(running.on(NoChildren{}) == Actions{Finish{Ending::LockUnconfirmed, 0}});
  Rules starting =
      in(State::Waiting);  // the engine has the lock, and has not reported the start of the job
  CHECK(starting.deadline_counts());
  CHECK(starting.on(DeadlineHit{}) == Actions{KillAll{}});
  CHECK(in(State::Settling).on(DeadlineHit{}).empty());
  CHECK_FALSE(in(State::Settling).deadline_counts());
  CHECK(in(State::Running, {.on_silence = OnSilence::Continue}).on(DeadlineHit{}).empty());
}

TEST_CASE("a lost lock is still reported as lost when the front has to finish the kill") {
  for (const Event& event : {Event{DeadlineHit{}}, Event{EngineGone{}}}) {
    Rules rules = in(State::Running);
    CHECK(rules.on(JobKilled{Ending::LockLost}).empty());
    CHECK(rules.on(event) == Actions{KillAll{}});
    CHECK(rules.on(NoChildren{}) == Actions{Finish{Ending::LockLost, 0}});
  }
}

TEST_CASE("an engine that dies during the release does not change the status of the job") {
  CHECK(in(State::Settling).on(EngineGone{}) == Actions{Finish{Ending::JobEnded, exit_7}});
}

TEST_CASE("without a terminal every signal is passed on") {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT,
                           SIGTSTP, SIGALRM, SIGURG}) {
    for (const Origin origin : {Origin::Someone, Origin::Kernel, Origin::OurJob}) {
      CHECK(in(State::Running).on(from(origin, number)) == Actions{PassOn{number}});
    }
  }
}

TEST_CASE("a signal that the terminal sent to the whole group is not passed on a second time") {
  for (const int number : {SIGQUIT, SIGTSTP, SIGWINCH, SIGHUP, SIGTTIN, SIGTTOU}) {
    CHECK(in(State::Running, with_terminal()).on(from(Origin::Kernel, number)).empty());
    CHECK(in(State::Running, with_terminal()).on(from(Origin::Someone, number)) ==
          Actions{PassOn{number}});
  }
  CHECK(in(State::Running, with_terminal()).on(from(Origin::Someone, SIGINT)) ==
        Actions{PassOn{SIGINT}});
}

TEST_CASE("with a terminal a job that signals its own group does not get that signal twice") {
  CHECK(in(State::Running, with_terminal()).on(from(Origin::OurJob, SIGTERM)).empty());
}

TEST_CASE("the first Ctrl-C is left to the job, a second within 2 s sends SIGTERM, a third kills") {
  Rules rules = in(State::Running, with_terminal());
  CHECK(rules.on(from(Origin::Kernel, SIGINT, t0)).empty());
  CHECK(rules.on(from(Origin::Kernel, SIGINT, t0 + 2s)) ==
        Actions{SayTerminating{}, PassOn{SIGTERM}});
  CHECK(rules.on(from(Origin::Kernel, SIGINT, t0 + 3s)) == Actions{AskToKill{}});

  Rules slow = in(State::Running, with_terminal());
  CHECK(slow.on(from(Origin::Kernel, SIGINT, t0)).empty());
  CHECK(slow.on(from(Origin::Kernel, SIGINT, t0 + 2001ms)).empty());
}

TEST_CASE("with a terminal a request to continue names the stop that it was sent for") {
  Rules rules = in(State::Running, with_terminal());
  rules.on(JobStopped{3});
  CHECK(rules.on(from(Origin::Someone, SIGCONT)) == Actions{AskToContinue{3}});
}

TEST_CASE("a Ctrl-C before the job runs counts as the first of two") {
  Rules rules{with_terminal()};
  rules.on(from(Origin::Kernel, SIGINT, t0));
  rules.on(JobStarted{});
  CHECK(rules.on(from(Origin::Kernel, SIGINT, t0 + 1s)) ==
        Actions{SayTerminating{}, PassOn{SIGTERM}});
}

TEST_CASE("before the job runs, a terminating signal goes to the engine, also from the terminal") {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
    CHECK(in(State::Waiting, with_terminal()).on(from(Origin::Someone, number)) ==
          Actions{PassOn{number}});
  }
  // The engine knows whether the job has started, and passes the signal on if so.
  for (const int number : {SIGINT, SIGHUP, SIGQUIT}) {
    CHECK(in(State::Waiting, with_terminal()).on(from(Origin::Kernel, number)) ==
          Actions{PassOn{number, true}});
  }
}

TEST_CASE("before the job runs, any terminating signal and that of -s cancel the wait") {
  for (int number = 1; number <= SIGRTMAX; ++number) {
    CAPTURE(number);
    const bool ends = number != SIGCHLD && number != SIGCONT && number != SIGURG &&
                      number != SIGWINCH && number != SIGSTOP && number != SIGTSTP &&
                      number != SIGTTIN && number != SIGTTOU;
    CHECK((in(State::Waiting).on(from(Origin::Someone, number)) == Actions{PassOn{number}}) ==
          ends);
    Situation ignoring;
    ignoring.ignored.set(static_cast<std::size_t>(number));
    ignoring.stop_signal = number;
    CHECK(in(State::Waiting, ignoring).on(from(Origin::Someone, number)).empty());
  }
  // alarm(2), set by the program that executed dlock
  CHECK(in(State::Waiting, with_terminal()).on(from(Origin::Kernel, SIGALRM)) ==
        Actions{PassOn{SIGALRM}});
  Situation stopped_by_winch = with_terminal();
  stopped_by_winch.stop_signal = SIGWINCH;
  CHECK(in(State::Waiting, stopped_by_winch).on(from(Origin::Someone, SIGWINCH)) ==
        Actions{PassOn{SIGWINCH}});
  CHECK(in(State::Waiting, stopped_by_winch).on(from(Origin::Kernel, SIGWINCH)).empty());
}

TEST_CASE("a session leader passes on the hangup of its terminal, which only the leader gets") {
  for (const State state : {State::Waiting, State::Running}) {
    Situation leader = with_terminal();
    leader.leads_session = true;
    CHECK(in(state, leader).on(from(Origin::Kernel, SIGHUP)) == Actions{PassOn{SIGHUP}});
    CHECK(in(state, leader).on(from(Origin::Kernel, SIGCONT)).empty());
    leader.ignored.set(SIGHUP);
    CHECK(in(state, leader).on(from(Origin::Kernel, SIGHUP)).empty());
  }
  CHECK(in(State::Running, with_terminal()).on(from(Origin::Kernel, SIGHUP)).empty());
}

TEST_CASE("a signal that the caller of dlock ignores stays ignored, as under nohup") {
  Situation situation;
  situation.ignored.set(SIGHUP);
  for (const State state : {State::Waiting, State::Running}) {
    CHECK(in(state, situation).on(from(Origin::Someone, SIGHUP)).empty());
    CHECK(in(state, situation).on(from(Origin::Someone, SIGTERM)) == Actions{PassOn{SIGTERM}});
  }
}

TEST_CASE(
    "the front stops with the job when a shell must see it, once the engine has confirmed the "
    "stop") {
  Rules rules = in(State::Running, with_terminal());
  CHECK(rules.on(JobStopped{1}) == Actions{PrepareStop{1}});
  CHECK(rules.on(StopConfirmed{1}) == Actions{StopSelf{}});
  CHECK(in(State::Running).on(JobStopped{1}).empty());
  CHECK(in(State::Settling, with_terminal()).on(JobStopped{1}).empty());
}

TEST_CASE("the front does not stop for a stop that has ended") {
  Rules rules = in(State::Running, with_terminal());
  rules.on(JobStopped{1});
  CHECK(rules.on(JobContinued{}) == Actions{CancelStop{}});
  CHECK(rules.on(JobStopped{2}) == Actions{PrepareStop{2}});
  CHECK(rules.on(StopConfirmed{1}).empty());
}

TEST_CASE("for any sequence of events the front finishes once and kills at most once") {
  std::mt19937 random{20260131};
  for (int round = 0; round < 20'000; ++round) {
    Rules rules{with_terminal()};
    int finished = 0;
    int killed = 0;
    for (int step = 0; step < 12; ++step) {
      for (const Action& action : rules.on(all_events[random() % all_events.size()])) {
        finished += std::holds_alternative<Finish>(action);
        killed += std::holds_alternative<KillAll>(action);
      }
    }
    CHECK(finished <= 1);
    CHECK(killed <= 1);
  }
}

TEST_CASE("each ending has its exit status") {
  CHECK(exit_status_of(Ending::JobEnded, exit_7, 75) == ExitStatus{.code = 7});
  CHECK(exit_status_of(Ending::JobEnded, SIGTERM, 75) == ExitStatus{.signal = SIGTERM});
  CHECK(exit_status_of(Ending::JobEnded, SIGTERM, 75).as_code() == 143);
  CHECK(exit_status_of(Ending::Held, 0, 75) == ExitStatus{.code = 75});
  CHECK(exit_status_of(Ending::Held, 0, 0) == ExitStatus{.code = 0});
  CHECK(exit_status_of(Ending::CannotRun, ENOENT, 75) == ExitStatus{.code = 127});
  CHECK(exit_status_of(Ending::CannotRun, EACCES, 75) == ExitStatus{.code = 126});
  CHECK(exit_status_of(Ending::Interrupted, SIGINT, 75) == ExitStatus{.signal = SIGINT});
  CHECK(exit_status_of(Ending::StoreFailed, 77, 75) == ExitStatus{.code = 77});
  CHECK(exit_status_of(Ending::LockLost, 0, 75) == ExitStatus{.code = 80});
  CHECK(exit_status_of(Ending::LockUnconfirmed, 0, 75) == ExitStatus{.code = 81});
  CHECK(exit_status_of(Ending::SupervisorDied, 0, 75) == ExitStatus{.code = 71});
}
