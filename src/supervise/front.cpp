#include "supervise/front.h"

#include "core/front_rules.h"
#include "core/number.h"
#include "core/signals.h"
#include "heartbeat/service_manager.h"
#include "heartbeat/socket_directory.h"
#include "job/cgroup.h"
#include "job/start_job.h"
#include "job/tree_kill.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/wait.h"
#include "report/outlets.h"
#include "report/report.h"
#include "supervise/messages.h"
#include "supervise/release.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace dlock::supervise {
namespace {

class Front {
 public:
  Front(const FrontSetting& setting, SupervisorTools tools, Channel channel, Log& log)
      : setting_(setting),
        channel_(std::move(channel)),
        log_(log),
        rules_({.shares_group = setting.terminal.exists(),
                .leads_session = ::getsid(0) == ::getpid(),
                .stop_signal = setting.options.stop.signal,
                .ignored = setting.signals.ignored,
                .on_silence = setting.options.on_silence}),
        signals_(std::move(tools.signals)),
        timer_(std::move(tools.timer)) {}

  ExitStatus run() {
    if (setting_.terminal.exists()) {
      take_signals(BootClock::now());
      channel_.send({.kind = MessageKind::EarlySignalsPassed});
    }
    if (wants_cgroup(setting_.options.containment, setting_.options.orphans)) make_job_cgroup();
    while (rules_.state() != front::Rules::State::Over) turn();
    cgroup_.remove_abandoned_neighbours();
    cgroup_.remove();
    socket_directory_.remove();
    reap_engine();
    if (!engine_finished_) {
      RunReport report = report_of_our_own();
      const std::string of_the_lock = release_for_engine(report);
      if (report.ending == Ending::SupervisorDied && granted_at_)
        report.reason += "; " + of_the_lock;
      say_how_it_ended(report, setting_.options, log_);
      report_ = std::move(report);
    }
    if (setting_.options.report_is_wanted()) {
      // The report of the engine is missing: build one from the messages that it sent.
      if (!report_) report_ = report_of_our_own();
      manager_.ended(summary_of(*report_));
      publish(*report_, setting_.options.outlets, setting_.signals, signals_, log_);
    }
    const ExitStatus status = exit_status();
    const bool ended_by_itself = ending_ == Ending::JobEnded && status.signal == 0;
    if (!ended_by_itself) setting_.terminal.restore();
    return status;
  }

 private:
  /// The engine asks the store meanwhile, and waits for this message before it starts the job.
  void make_job_cgroup() {
    auto made = make_cgroup(setting_.options.containment, log_);
    if (made && made->exists()) {
      Message message{.kind = MessageKind::Cgroup, .text = made->path()};
      message.fd = Fd{::fcntl(made->directory().number(), F_DUPFD_CLOEXEC, 0)};
      if (message.fd.open() && channel_.send(message)) {
        cgroup_ = std::move(*made);
        return;
      }
      const std::string why = ::strerror(errno);
      made->remove();
      if (setting_.options.containment == Containment::Cgroup)
        made = "--contain=cgroup: its directory cannot be passed on: " + why;
    }
    if (made)
      channel_.send({.kind = MessageKind::Cgroup});
    else
      channel_.send({.kind = MessageKind::Cgroup, .number = 1, .text = made.error()});
  }

  void turn() {
    std::array<pollfd, 4> watched{{{channel_open_ ? channel_.fd() : -1, POLLIN, 0},
                                   {signals_.number(), POLLIN, 0},
                                   {timer_.fd(), POLLIN, 0},
                                   {manager_.fd(), POLLOUT, 0}}};
    timer_.arm(std::min(next_moment(), manager_.due()));
    wait_for_any(watched, never);
    // Messages come first: the engine may have ended well while the front was not scheduled.
    take_messages();
    const Instant now = BootClock::now();
    check_deadline(now);
    take_signals(now);
    reap();
    if (rules_.state() == front::Rules::State::Killing && now >= kill_.next()) kill_.sweep(now);
    manager_.turn(now);
  }

  Instant next_moment() const {
    if (rules_.state() == front::Rules::State::Killing) return kill_.next();
    const Instant deadline = kill_at();
    return rules_.deadline_counts() && deadline != told_deadline_ ? deadline : never;
  }

  /// The front is the second line, so it kills later than the engine.
  Instant kill_at() const {
    const Instant deadline = setting_.deadline.read();
    return deadline == never ? never : deadline + LeaseTerms::front_delay;
  }

  void check_deadline(Instant now) {
    const Instant deadline = kill_at();
    if (now < deadline || deadline == told_deadline_) return;
    told_deadline_ = deadline;
    tell(front::DeadlineHit{});
  }

  void take_messages() {
    while (channel_open_ && rules_.state() != front::Rules::State::Over) {
      auto message = channel_.receive();
      if (!message) break;
      take(std::move(*message));
    }
    if (channel_.peer_gone() && std::exchange(channel_open_, false)) tell(front::EngineGone{});
  }

  void take(Message message) {
    const auto ending = static_cast<Ending>(message.number);
    switch (message.kind) {
      case MessageKind::LockDescriptor:
        channel_.send(
            {.kind = MessageKind::LockDescriptorTaken, .number = message.fd.open() ? 1 : 0});
        if (message.fd.open()) lock_fds_.push_back(std::move(message.fd));
        break;
      case MessageKind::CgroupRemoved:
        cgroup_ = Cgroup{};
        break;
      case MessageKind::Socket:
        socket_directory_ = SocketDirectory{message.text};
        break;
      case MessageKind::Granted:
        granted_at_ = StoreTime{parse_number<std::int64_t>(message.text).value_or(0)};
        break;
      case MessageKind::Waiting:
        manager_.waits(message.text);
        break;
      case MessageKind::Started:
        job_started_ = BootClock::now();
        manager_.job_runs();
        tell(front::JobStarted{});
        break;
      case MessageKind::Stopped:
        // An unread SIGCONT was meant for the stop before this one.
        take_signals(BootClock::now());
        tell(front::JobStopped{message.number});
        break;
      case MessageKind::StopConfirmed:
        tell(front::StopConfirmed{message.number});
        break;
      case MessageKind::Continued:
        tell(front::JobContinued{});
        break;
      case MessageKind::Killing:
        loss_ = std::move(message.text);
        engine_kills_since_ = BootClock::now();
        tell(front::JobKilled{ending});
        manager_.stops("killing the job");
        break;
      case MessageKind::JobGone:
        tell(front::JobGone{ending, message.detail});
        manager_.stops("");
        break;
      case MessageKind::Finished:
        engine_finished_ = true;
        if (message.fd.open()) report_ = report_from_json(contents_of(message.fd));
        tell(front::EngineFinished{ending, message.detail});
        break;
      case MessageKind::Signal:
      case MessageKind::StopQuestion:
      case MessageKind::Continue:
      case MessageKind::Kill:
      case MessageKind::EarlySignalsPassed:
      case MessageKind::LockDescriptorTaken:
      case MessageKind::Cgroup:
        break;  // sent by the front only
    }
  }

  void take_signals(Instant now) {
    for (;;) {
      signalfd_siginfo info{};
      if (::read(signals_.number(), &info, sizeof info) != static_cast<ssize_t>(sizeof info))
        return;
      const int number = static_cast<int>(info.ssi_signo);
      const auto sender = static_cast<pid_t>(info.ssi_pid);
      // The front's own SIGPIPE, and the SIGCONT by which the engine wakes the front.
      const bool ours = info.ssi_code <= 0 && (sender == ::getpid() || sender == setting_.engine);
      if (number != SIGCHLD && !ours)
        tell(front::Signalled{number, origin_of(info.ssi_code, sender), now});
    }
  }

  front::Origin origin_of(int code, pid_t sender) const {
    if (code == SI_KERNEL) return front::Origin::Kernel;
    if (setting_.terminal.exists() && proc_.descends_from(sender, setting_.engine))
      return front::Origin::OurJob;
    return front::Origin::Someone;
  }

  // --- events and actions of the rules ---

  void tell(const front::Event& event) {
    for (const front::Action& action : rules_.on(event)) {
      std::visit([this](const auto& each) { perform(each); }, action);
    }
  }

  void perform(const front::PassOn& action) {
    channel_.send({MessageKind::Signal, action.number, action.from_terminal ? 1 : 0, {}, {}});
  }
  void perform(const front::AskToContinue& action) {
    channel_.send({.kind = MessageKind::Continue, .number = action.stop});
  }
  void perform(const front::AskToKill&) { channel_.send({MessageKind::Kill, 0, 0, {}, {}}); }
  void perform(const front::SayTerminating&) {
    log_.notice("interrupted twice: the job receives SIGTERM; a third interrupt kills it");
  }

  /// The signal is sent now and stays pending until it is unblocked. A SIGCONT that arrives
  /// meanwhile removes it, so a SIGCONT to the group from here on is never missed.
  ///
  /// The front uses SIGTSTP with its default action, not SIGSTOP: in an orphaned group, where no
  /// shell could wake it, the kernel drops SIGTSTP, and the front does not stop forever.
  void perform(const front::PrepareStop& action) {
    stop_prepared_ = true;
    read_signals_from(signals_, Reading::AllButStop);
    ::signal(SIGTSTP, SIG_DFL);
    ::kill(::getpid(), SIGTSTP);
    channel_.send({.kind = MessageKind::StopQuestion, .number = action.stop});
  }

  void perform(const front::CancelStop&) {
    if (!std::exchange(stop_prepared_, false)) return;
    ::kill(::getpid(), SIGCONT);
    read_signals_from(signals_, Reading::All);
  }

  void perform(const front::StopSelf&) {
    if (!std::exchange(stop_prepared_, false)) return;
    sigset_t stop;
    ::sigemptyset(&stop);
    ::sigaddset(&stop, SIGTSTP);
    ::sigprocmask(SIG_UNBLOCK, &stop, nullptr);  // the process stops here until SIGCONT
    ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    read_signals_from(signals_, Reading::All);
  }

  void perform(const front::KillAll&) {
    if (!engine_status_) ::kill(setting_.engine, SIGKILL);  // not once reaped: pid reuse
    killed_by_us_ = true;
    const Instant now = BootClock::now();
    kill_.begin(now, std::min(now, engine_kills_since_));
    manager_.stops("killing the job");
  }

  void perform(const front::Finish& action) {
    ending_ = action.ending;
    detail_ = action.detail;
  }

  /// Reaps the engine and every orphan that was reparented to the front. As process 1 of a
  /// container the front also gets what `docker exec` and probes leave behind. A process that
  /// replaced itself by dlock (exec in a shell) may have had children.
  void reap() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG | __WALL);
      if (pid == 0) return;
      if (pid > 0) {
        if (pid == setting_.engine) engine_status_ = status;
        continue;
      }
      // Only ECHILD proves that no process is left. After any other error the next sweep checks
      // again.
      if (errno == ECHILD) tell(front::NoChildren{});
      return;
    }
  }

  /// The engine has sent its last message or is dead, so it is about to become a zombie of the
  /// front.
  void reap_engine() {
    int status = 0;
    while (!engine_status_ && ::waitpid(setting_.engine, &status, __WALL) < 0 && errno == EINTR) {
    }
  }

  /// Releases in a child, after the last process of the job is gone. A child that hangs is killed.
  /// Returns what is known of the lock afterwards, for a message.
  std::string release_for_engine(const RunReport& report) {
    ReleaseAttempt how{
        .timeout = release_timeout_for(setting_.options, ending_, setting_.deadline.read())};
    // A job may have run although no Started message has arrived.
    if (granted_at_) {
      const Duration since_start =
          job_started_ == never ? Duration::zero() : BootClock::now() - job_started_;
      how.options =
          release_options_of(setting_.options, setting_.claim, *granted_at_, report, since_start);
    }
    // For every other ending the final line contains this.
    if (ending_ != Ending::JobEnded) how.level = LogLevel::Debug;
    const bool given_back =
        release_by_child(setting_.options.store, setting_.claim, std::move(lock_fds_), how, log_);
    if (!given_back && leases_expire(setting_.options.store.address))
      return "the lock expires within its TTL";
    return given_back && how.options.keep > Duration::zero() ? "--min-hold keeps the lock"
                                                             : "the lock is free";
  }

  ExitStatus exit_status() const {
    return exit_status_of(ending_, detail_, setting_.options.conflict_code);
  }

  /// Builds the report in place of an engine that cannot.
  RunReport report_of_our_own() const {
    RunReport report;
    report.ending = ending_;
    report.exit = exit_status();
    report.key = setting_.options.key.bytes();
    report.ended_at = iso_now();
    if (!killed_by_us_) return report;  // the job was gone; only the release was missing
    const std::string engine = "dlock's engine process ";
    if (ending_ == Ending::LockLost) {
      report.reason = loss_;
      return report;
    }
    if (ending_ == Ending::LockUnconfirmed) {
      report.reason = engine + "did not kill it in time (was it stopped, or short of CPU?)";
      return report;
    }
    const bool by_signal = engine_status_ && WIFSIGNALED(*engine_status_);
    report.reason =
        engine + (by_signal ? "was terminated by " + signal_name(WTERMSIG(*engine_status_))
                            : "ended unexpectedly");
    return report;
  }

  const FrontSetting& setting_;
  Channel channel_;
  Log& log_;

  front::Rules rules_;

  Fd signals_;
  Timer timer_;
  std::vector<Fd> lock_fds_;  // hold the lock of the embedded store until the front exits
  Cgroup cgroup_;
  SocketDirectory socket_directory_;
  ServiceManager manager_{setting_.options.manager, setting_.deadline, setting_.options.terms};
  Proc proc_;
  TreeKill kill_{Tree{proc_, ::getsid(0)}, cgroup_, log_};

  bool channel_open_ = true;
  bool killed_by_us_ = false;
  bool engine_finished_ = false;
  bool stop_prepared_ = false;

  Instant told_deadline_ = never;

  std::optional<StoreTime> granted_at_;
  Instant job_started_ = never;

  std::optional<int> engine_status_;
  Ending ending_ = Ending::SupervisorDied;
  std::int32_t detail_ = 0;
  std::optional<RunReport> report_;
  Instant engine_kills_since_ = never;
  std::string loss_;  // how the lock was lost, from the engine's message
};

}  // namespace

ExitStatus run_front(const FrontSetting& setting, SupervisorTools tools, Channel channel,
                     Log& log) {
  return Front{setting, std::move(tools), std::move(channel), log}.run();
}

}  // namespace dlock::supervise
