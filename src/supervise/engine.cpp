#include "supervise/engine.h"

#include "core/duration.h"
#include "core/engine_rules.h"
#include "core/iso_time.h"
#include "core/text.h"
#include "core/time.h"
#include "job/tree.h"
#include "job/tree_kill.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/helper_sessions.h"
#include "os/wait.h"
#include "supervise/launch.h"
#include "supervise/messages.h"
#include "supervise/release.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dlock::supervise {
namespace {

class Engine {
 public:
  Engine(const EngineSetting& setting, SupervisorTools tools, Channel channel, Log& log)
      : setting_(setting),
        options_(setting.options),
        channel_(std::move(channel)),
        log_(log),
        claim_(setting.claim),
        store_(make_store(options_.store)),
        rules_({options_.on_silence, options_.orphans, options_.stop, options_.warning,
                options_.pass_signals}),
        signals_(std::move(tools.signals)),
        timer_(std::move(tools.timer)) {}

  void run() {
    auto launched = launch(setting_, store_, proc_, channel_, log_);
    if (auto* refused = std::get_if<NotLaunched>(&launched)) {
      launched_.cgroup = std::move(refused->cgroup);
      return finish(refused->report, refused->detail);
    }
    launched_ = std::get<Launched>(std::move(launched));
    if (options_.max_run) max_run_ends_.set(launched_.started + *options_.max_run);
    ::setsid();  // only now: a job with a terminal stays in the session of the front
    let_go_of_inherited_descriptors();
    while (rules_.state() != engine::Rules::State::Over) turn();
  }

 private:
  // --- while the job runs ---

  /// Waits for the next event and handles all that are ready. The order is the priority: an expired
  /// lease comes first, and events of the job come before requests of the front.
  void turn() {
    std::array<pollfd, 6> watched{{{channel_open_ ? channel_.fd() : -1, POLLIN, 0},
                                   {signals_.number(), POLLIN, 0},
                                   {timer_.fd(), POLLIN, 0},
                                   {launched_.liveness->fd(), POLLIN, 0},
                                   {launched_.job.exec_fd(), POLLIN, 0},
                                   {launched_.job.report_fd(), POLLIN, 0}}};
    timer_.arm(next_moment());
    wait_for_any(watched, never);

    const Instant now = BootClock::now();
    check_deadline(now);
    if (watched[3].revents != 0) take_news();
    if (watched[4].revents != 0) take_exec_result();
    take_reports();
    if (watched[1].revents != 0) drain_signals();
    reap_again_.rings(now);
    reap();
    if (watched[0].revents != 0) take_messages();
    if (grace_ends_.rings(now)) tell(engine::GraceOver{});
    if (launched_.progress.hung(now)) tell(engine::HeartbeatMissed{});
    if (warning_due_.rings(now)) tell(engine::WarningDue{});
    if (max_run_ends_.rings(now)) tell(engine::MaxRunOver{});
    if (continue_due_.rings(now)) tell(engine::ContinueDue{});
    if (over()) return;
    if (now >= kill_.next()) kill_.sweep(now);
    // This can block on the store, so everything above comes first.
    if (kill_.next() == never) launched_.liveness->turn(now);
  }

  bool over() const { return rules_.state() == engine::Rules::State::Over; }

  Instant next_moment() const {
    const Instant deadline = setting_.deadline.read();
    return std::min({grace_ends_.at(), max_run_ends_.at(), warning_due_.at(), continue_due_.at(),
                     kill_.next(), kill_.next() == never ? launched_.liveness->due() : never,
                     launched_.progress.due(), reap_again_.at(),
                     deadline == told_deadline_ ? never : deadline});
  }

  void check_deadline(Instant now) {
    const Instant deadline = setting_.deadline.read();
    if (now < deadline || deadline == told_deadline_) return;
    told_deadline_ = deadline;
    if (options_.on_silence == OnSilence::Continue) {
      log_.warn(
          "the lease has expired and the store does not answer; the job continues without "
          "a confirmed lock (--on-silence=continue)");
    }
    tell(engine::DeadlineHit{});
  }

  void take_news() {
    const LivenessNews news = launched_.liveness->take_news();
    if (news.lost) {
      news_.loss = news.lost->how;
      lost_to_ = news.lost->to;
      lost_by_force_ = news.lost->by_force;
      tell(engine::LeaseLost{});
    }
    // The event is handled first, because it may kill; the log lines follow. A renewal that fails
    // while the engine kills its children did not cause the kill, so it is not recorded as the
    // reason.
    const bool killing = kill_.next() != never && !news_.renewal_failure.empty();
    if (news.failure && news_.loss.empty() && !killing)
      news_.renewal_failure = news.failure->sentence;
    if (news.failing_since) {
      tell(engine::RenewalsFail{*news.failing_since});
      log_.warn("the lock could not be renewed: " + news.failure->sentence +
                "; retrying until the lease expires");
    }
    if (news.renewed_again) {
      tell(engine::RenewalsWork{});
      news_.renewal_failure.clear();
      log_.notice("the lock is renewed again");
    }
  }

  void take_exec_result() {
    const auto failure = launched_.job.start_failure();
    if (!failure) return tell(engine::ExecWorked{});
    if (failure->step == StartFailure::Step::Exec) {
      news_.exec_error = failure->error;
      return tell(engine::ExecFailed{failure->error});
    }
    news_.start_failure = why_not_started(*failure);
    tell(engine::StartRefused{failure->error});
  }

  void take_reports() {
    while (launched_.job.report_fd() >= 0) {
      const auto report = launched_.job.take_report();
      if (!report) return;
      tell_of_root(report->wait_status, /*alone=*/false);
    }
  }

  void drain_signals() {
    std::array<char, 4096> ignored;
    while (::read(signals_.number(), ignored.data(), ignored.size()) > 0) {
    }
  }

  void reap() {
    while (!over()) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED | __WALL);
      if (pid == 0) return end_helpers_left_alone();
      if (pid < 0 && errno == ECHILD) return tell(engine::NoChildren{});
      if (pid < 0) return cannot_reap(errno);
      const bool is_root =
          pid == launched_.job.child() && options_.containment != Containment::PidNamespace;
      if (is_root) tell_of_root(status, no_children_left());
    }
  }

  /// A password command is a child of the engine, so waitpid does not return ECHILD while it runs.
  void end_helpers_left_alone() {
    if (!root_ended_ || !runs_helpers(options_.store)) return;
    // A helper that was forked while a sweep killed the other processes is in a session that is no
    // longer known, so the sessions seen so far are collected.
    helpers_.merge(helper_sessions());
    if (!helpers_.empty()) tree_.kill_if_alone(helpers_);
    // A renewal can start a helper at any time, and the helper is a child for a moment before its
    // session is known here.
    reap_again_.set(BootClock::now() + std::chrono::milliseconds{helpers_.empty() ? 1000 : 50});
  }

  /// Only ECHILD proves that the job is gone. Any other error, such as one from a filter of system
  /// calls, leaves it open, so the lock is kept.
  void cannot_reap(int error) {
    const Instant now = BootClock::now();
    reap_again_.set(now + std::chrono::milliseconds{100});
    if (now < complain_again_at_) return;
    complain_again_at_ = now + std::chrono::seconds{1};
    log_.error(std::string{"waitpid: "} + ::strerror(error) +
               "; dlock cannot verify that the job is gone, so the lock is not released");
  }

  static bool no_children_left() {
    siginfo_t nobody{};
    return ::waitid(P_ALL, 0, &nobody, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 &&
           errno == ECHILD;
  }

  void tell_of_root(int status, bool alone) {
    launched_.progress.follow_root(status, BootClock::now());
    if (WIFSTOPPED(status)) return tell(engine::RootStopped{});
    if (WIFCONTINUED(status)) return tell(engine::RootContinued{});
    root_ended_ = true;
    tell(engine::RootEnded{status, alone});
  }

  void take_messages() {
    while (!over()) {
      const auto message = channel_.receive();
      if (!message) break;
      if (message->kind == MessageKind::Signal)
        tell(engine::SignalAsked{message->number, message->detail != 0});
      if (message->kind == MessageKind::Continue) tell(engine::ContinueAsked{message->number});
      if (message->kind == MessageKind::StopQuestion) tell(engine::StopQuestion{message->number});
      if (message->kind == MessageKind::Kill) tell(engine::KillAsked{});
    }
    if (channel_.peer_gone() && std::exchange(channel_open_, false)) tell(engine::FrontGone{});
  }

  // --- events and actions of the rules ---

  void tell(const engine::Event& event) {
    for (const engine::Action& action : rules_.on(event)) {
      std::visit([this](const auto& each) { perform(each); }, action);
    }
  }

  void perform(const engine::TellStarted&) { channel_.send({.kind = MessageKind::Started}); }
  void perform(const engine::TellStopped& action) {
    channel_.send({.kind = MessageKind::Stopped, .number = action.stop});
  }
  void perform(const engine::ConfirmStop& action) {
    channel_.send({.kind = MessageKind::StopConfirmed, .number = action.stop});
  }
  void perform(const engine::TellContinued&) {
    channel_.send({.kind = MessageKind::Continued});
    wake_front();
  }
  void perform(const engine::AwaitContinue&) {
    continue_due_.set(BootClock::now() + std::chrono::milliseconds{20});
  }
  void perform(const engine::SignalRoot& action) { launched_.job.signal(action.number); }
  void perform(const engine::SignalJob& action) {
    if (proc_.listing() == Listing::None)
      return launched_.job.signal(action.number);  // the descendants get SIGKILL later
    tree_.signal_all_but(helper_sessions(), action.number);
  }
  void perform(const engine::SignalLeftovers& action) {
    const std::vector<ProcessInfo> left = tree_.signal_all_but(helper_sessions(), action.number);
    if (leftovers_.count > 0) return;  // already counted: the second signal is SIGCONT
    for (const ProcessInfo& process : left) {
      if (process.pid == launched_.job.child()) continue;  // the init of the job's pid namespace
      ++leftovers_.count;
      if (leftovers_.names.size() < Leftovers::most_names) leftovers_.names.push_back(process.name);
    }
  }
  void perform(const engine::StartGrace& action) {
    grace_ends_.set(BootClock::now() + action.length);
  }
  void perform(const engine::AwaitWarning& action) { warning_due_.set(action.at); }
  void perform(const engine::KillTree& action) {
    launched_.progress.tell_of_loss();
    channel_.send({.kind = MessageKind::Killing,
                   .number = static_cast<std::int32_t>(action.because),
                   .text = news_.loss});
    if (options_.containment == Containment::PidNamespace) ::kill(launched_.job.child(), SIGKILL);
    const Instant now = BootClock::now();
    kill_.begin(now, now);
  }

  void perform(const engine::Finish& action) {
    RunReport report = blank_report(options_, store_name_, action.ending, action.detail);
    report.waited = launched_.waited;
    report.owner = launched_.grant.owner;
    report.token = launched_.grant.token;
    report.acquired_at = launched_.grant.acquired_at;
    report.lost_to = lost_to_;
    report.used = since(launched_.use_before, resource_use());
    report.leftovers = leftovers_;
    channel_.send(
        {MessageKind::JobGone, static_cast<std::int32_t>(action.ending), action.detail, {}, {}});
    launched_.progress.tell_of_loss();  // with --orphans=leave, remaining processes can still ask
    release(report);
    launched_.progress.end();
    report.renewals = launched_.liveness->renewals();
    report.held = BootClock::now() - launched_.acquired;
    report.reason = reason_of(report.ending, options_, news_);
    finish(report, report.ending == action.ending ? action.detail : 0);
  }

  /// A lost lock is not released, with one exception: a forced unlock waits until this run confirms
  /// that its job is gone. For every other ending the store is asked to release the lock, and its
  /// answer can be that the lock was lost before.
  void release(RunReport& report) {
    if (report.ending == Ending::LockLost && !lost_by_force_) return;
    if (!launched_.liveness->stop(BootClock::now() + release_timeout)) {
      log_.warn("the lock could not be released, because a renewal hangs; it expires within " +
                to_text(options_.terms.ttl()));
      return;
    }
    // When the lease is over anyway, a failed release is only a debug message.
    const bool over = report.ending == Ending::LockUnconfirmed;
    const auto answer = release_lock(
        *store_, claim_, log_,
        {.options = release_options_of(options_, claim_, launched_.grant.at, report,
                                       BootClock::now() - launched_.started),
         .timeout = release_timeout_for(options_, report.ending, setting_.deadline.read()),
         .level = over ? LogLevel::Debug : LogLevel::Warning});
    if (const auto* lost = answer ? std::get_if<Lost>(&*answer) : nullptr) {
      if (over || lost_by_force_) return;
      if (setting_.deadline.read() <= BootClock::now()) return tell_expired_unreleased();
      report.ending = Ending::LockLost;
      report.exit = exit_status_of(report.ending, 0, options_.conflict_code);
      report.lost_to = lost->to;
      news_.loss = lost->how;
    }
  }

  /// The job was gone while the lease was valid, so the run had the lock for the whole time of the
  /// job. That the store did not answer until the lock expired is not the job's fault, so the
  /// ending stays.
  void tell_expired_unreleased() {
    log_.warn(
        std::string{"the lock could not be released before it expired; the job was already gone"} +
        (options_.once ? "; --once-per does not remember this run" : ""));
  }

  /// Sends the last message: after it the front waits only for the exit of the engine.
  void finish(RunReport& report, std::int32_t detail) {
    say_how_it_ended(report, options_, log_);
    report.ended_at = iso_now();
    Message message{
        MessageKind::Finished, static_cast<std::int32_t>(report.ending), detail, {}, {}};
    if (options_.report_is_wanted()) message.fd = memory_file(to_json(report));
    // The front removes the cgroup while the engine exits.
    if (!channel_.send(message)) launched_.cgroup.remove();
    wake_front();
  }

  /// The front may have stopped itself together with the job, so that the shell sees the stop.
  void wake_front() {
    if (setting_.terminal && channel_open_) ::kill(setting_.front, SIGCONT);
  }

  const EngineSetting& setting_;
  const RunOptions& options_;
  Channel channel_;
  Log& log_;
  const Claim& claim_;
  std::shared_ptr<Store> store_;
  std::string store_name_ = store_->name();
  Proc proc_;
  Tree tree_{proc_, ::getsid(0)};
  engine::Rules rules_;

  Fd signals_;
  Timer timer_;
  Launched launched_{};
  TreeKill kill_{tree_, launched_.cgroup, log_};

  bool channel_open_ = true;
  Alarm grace_ends_;
  Alarm continue_due_;
  Alarm max_run_ends_;
  Alarm warning_due_;
  bool root_ended_ = false;
  Tree::Sessions helpers_;  // sessions of password commands seen so far
  Alarm reap_again_;
  Instant complain_again_at_{};

  Instant told_deadline_ = never;  // each deadline is passed to the rules once
  RunNews news_;
  Leftovers leftovers_;
  std::optional<Holder> lost_to_;
  bool lost_by_force_ = false;
};

}  // namespace

void run_engine(const EngineSetting& setting, SupervisorTools tools, Channel channel, Log& log) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  set_process_title(setting.arguments, "dlock-engine",
                    "dlock-engine: " + printable(setting.options.key.bytes()));
  Engine{setting, std::move(tools), std::move(channel), log}.run();
}

}  // namespace dlock::supervise
