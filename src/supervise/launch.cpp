#include "supervise/launch.h"

#include "heartbeat/job_socket.h"
#include "job/start_job.h"
#include "os/clock.h"
#include "os/wait.h"
#include "store/store.h"
#include "supervise/acquire.h"
#include "supervise/channel.h"
#include "supervise/front_messages.h"
#include "supervise/release.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace dlock::supervise {

namespace {

constexpr const char* no_descriptor = "dlock's front process cannot keep the lock file open: ";

/// Passes the socket to the job in the same variables that systemd uses for a service.
void tell_of_socket(JobSpec& spec, const JobSocket& socket, const RunOptions& options) {
  const std::string path = socket.directory().socket_path();
  spec.environment.emplace_back("DLOCK_SOCKET", path);
  if (!options.heartbeat_timeout) return;
  using std::chrono::microseconds;
  const auto timeout = std::chrono::ceil<microseconds>(*options.heartbeat_timeout);
  spec.environment.emplace_back("NOTIFY_SOCKET", path);
  spec.environment.emplace_back("WATCHDOG_USEC", std::to_string(timeout.count()));
  // WATCHDOG_PID would limit reports to one process, but any process of the job may report.
  spec.left_out.emplace_back("WATCHDOG_PID");
}

JobSpec spec_of(const EngineSetting& setting, const Grant& grant) {
  const RunOptions& options = setting.options;
  return {.command = options.command,
          .environment = {{"DLOCK_KEY", options.key.bytes()},
                          {"DLOCK_OWNER", grant.owner.text},
                          {"DLOCK_FENCING_TOKEN", std::to_string(grant.token.value)}},
          .signals = setting.signals,
          .front = setting.front,
          .own_session = !setting.terminal,
          .pid_namespace = options.containment == Containment::PidNamespace,
          .deadline = &setting.deadline};
}

/// The steps of one engine from the start to a running job.
class Launch {
 public:
  Launch(const EngineSetting& setting, const std::shared_ptr<Store>& store, const Proc& proc,
         Channel& channel, Log& log)
      : setting_(setting),
        options_(setting.options),
        store_(store),
        proc_(proc),
        channel_(channel),
        log_(log) {}

  std::variant<Launched, NotLaunched> run() {
    if (auto refused = take_lock()) return std::move(*refused);
    if (auto refused = make_guards()) return std::move(*refused);
    if (auto refused = start()) return std::move(*refused);
    return std::move(launched_);
  }

 private:
  /// Nothing: continue.
  using Refused = std::optional<NotLaunched>;

  Refused take_lock() {
    if (setting_.terminal) calls_.await_early_signals();
    const Instant began = BootClock::now();
    const auto on_wait = [this](const std::string& for_whom) { tell_whom_we_wait_for(for_whom); };
    auto result =
        acquire(*store_, setting_.claim, options_.wait, options_.part_of, calls_, on_wait, log_);
    launched_.acquired = BootClock::now();
    launched_.waited = launched_.acquired - began;
    has_waited_ = true;
    if (const auto* refused = std::get_if<NotAcquired>(&result)) return not_acquired(*refused);
    launched_.grant = std::get<Grant>(std::move(result));
    setting_.deadline.move_to(grant().stop_by);
    channel_.send({.kind = MessageKind::Granted, .text = std::to_string(grant().at.ms)});
    tell_whom_we_wait_for("");
    log_.debug("the lock is acquired on " + store_->name() + ", token " +
               std::to_string(grant().token.value));
    return {};
  }

  Refused make_guards() {
    const auto sent = send_lock_descriptors();
    if (!sent)
      return not_started(sent.error(), std::string{no_descriptor} + ::strerror(sent.error()));
    if (auto refused = take_cgroup()) return refused;
    try {
      launched_.liveness =
          std::make_unique<Liveness>(store_, setting_.claim, grant(), setting_.deadline);
    } catch (const std::system_error& refusal) {
      return not_started(
          refusal.code().value(),
          std::string{"dlock could not renew its lock: system error: "} + refusal.what());
    }
    switch (calls_.await_descriptors(store_->lock_descriptors().size())) {
      case FrontMessages::Descriptors::Taken:
        break;
      case FrontMessages::Descriptors::Refused:
        return not_started(EMFILE, std::string{no_descriptor} + ::strerror(EMFILE));
      case FrontMessages::Descriptors::Cancelled:
        return cancelled();
    }
    return {};
  }

  /// The front makes it while this process asks the store, and keeps it as well.
  Refused take_cgroup() {
    if (!wants_cgroup(options_.containment, options_.orphans)) return {};
    calls_.await_cgroup();
    auto told = calls_.take_cgroup();
    if (!told) return cancelled();
    if (told->number == 1) return not_started(0, told->text);
    const bool made = !told->text.empty();
    launched_.cgroup = Cgroup{std::move(told->text), std::move(told->fd)};
    if (made && !launched_.cgroup.directory().open())
      return not_started(
          EMFILE, std::string{"cannot open the directory of its cgroup: "} + ::strerror(EMFILE));
    return {};
  }

  Refused start() {
    auto socket = socket_for_job();
    if (!socket) return not_started(0, socket.error());
    JobSpec spec = spec_of(setting_, grant());
    if (*socket != nullptr) tell_of_socket(spec, **socket, options_);
    const std::string path = launched_.cgroup.path();
    auto started =
        start_job(std::move(spec), options_.containment, std::move(launched_.cgroup), proc_, log_);
    launched_.cgroup = started ? std::move(started->cgroup) : Cgroup{};
    if (launched_.cgroup.path() != path) channel_.send({.kind = MessageKind::CgroupRemoved});
    if (!started) {
      if (*socket != nullptr) (*socket)->remove_directory();
      return not_started(started.error().error, started.error().why);
    }
    launched_.use_before = resource_use();
    launched_.job = std::move(started->process);
    const Instant now = BootClock::now();
    launched_.started = now;
    launched_.progress = Progress{std::move(*socket), options_.heartbeat_timeout, now};
    const Instant first_renewal = options_.terms.first_renewal(now, grant().stop_by);
    // A job that is shorter than 50 ms costs the store no second connection.
    launched_.liveness->begin(std::min<Instant>(first_renewal, now + std::chrono::milliseconds{50}),
                              first_renewal);
    return {};
  }

  Refused not_acquired(const NotAcquired& refused) {
    std::int32_t detail = refused.detail;
    if (refused.ending == Ending::Interrupted) detail = calls_.signal();
    if (refused.ending == Ending::AlreadyDone) detail = options_.done_code;
    RunReport report = report_of(refused.ending, detail);
    report.reason = refused.reason;
    report.holder = refused.holder;
    return NotLaunched{std::move(report), detail, unused_cgroup()};
  }

  Refused cancelled() {
    release_unused();
    return not_acquired({Ending::Interrupted, 0, "the lock was released", {}});
  }

  Refused not_started(std::int32_t error, const std::string& why) {
    RunReport report = report_of(Ending::SystemFailed, error);
    report.reason = "the job could not be started: " + why;
    release_unused();
    return NotLaunched{std::move(report), error, unused_cgroup()};
  }

  /// To be removed by this process if the front is gone.
  Cgroup unused_cgroup() {
    if (auto told = calls_.take_cgroup()) return {std::move(told->text), std::move(told->fd)};
    return std::move(launched_.cgroup);
  }

  RunReport report_of(Ending ending, std::int32_t detail) const {
    RunReport report = blank_report(options_, store_->name(), ending, detail);
    if (has_waited_) report.waited = launched_.waited;
    return report;
  }

  void release_unused() {
    if (!launched_.liveness || launched_.liveness->stop(BootClock::now() + release_timeout))
      release_lock(*store_, setting_.claim, log_);
  }

  /// If a descriptor is the lock, both supervisors must have it before the job starts. Otherwise
  /// the death of the engine would free the lock while the front is still killing the job. The
  /// front confirms each descriptor later: see FrontMessages::await_descriptors().
  Result<Done, int> send_lock_descriptors() {
    for (const int descriptor : store_->lock_descriptors()) {
      Fd copy{::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)};
      if (!copy.open() ||
          !channel_.send({.kind = MessageKind::LockDescriptor, .fd = std::move(copy)}))
        return errno;
    }
    return Done{};
  }

  void tell_whom_we_wait_for(const std::string& who) {
    if (options_.manager.wants_to_hear())
      channel_.send({.kind = MessageKind::Waiting, .text = who});
  }

  /// Returns no socket for a job that has nothing to report and nothing to ask: with
  /// OnSilence::Kill a job whose lock is lost is killed, so it needs no answer. A plain run does
  /// not pay for a socket.
  Result<std::unique_ptr<JobSocket>, std::string> socket_for_job() {
    std::unique_ptr<JobSocket> none;
    if (!options_.heartbeat_timeout && options_.on_silence == OnSilence::Kill) return none;
    std::optional<JobSocket::Notifications> notifications;
    if (options_.heartbeat_timeout)
      notifications = JobSocket::Notifications{options_.manager.address};
    auto made = JobSocket::make(setting_.deadline, std::move(notifications));
    if (made) {
      channel_.send({.kind = MessageKind::Socket, .text = (*made)->directory().path()});
      return made;
    }
    if (options_.heartbeat_timeout) return "--heartbeat-timeout: " + made.error();
    log_.warn("dlock heartbeat does not work in this job: " + made.error());
    return none;
  }

  const Grant& grant() const { return launched_.grant; }

  const EngineSetting& setting_;
  const RunOptions& options_;
  const std::shared_ptr<Store>& store_;
  const Proc& proc_;
  Channel& channel_;
  Log& log_;
  FrontMessages calls_{channel_};
  Launched launched_{};
  bool has_waited_ = false;
};

}  // namespace

RunReport blank_report(const RunOptions& options, const std::string& store_name, Ending ending,
                       std::int32_t detail) {
  RunReport report;
  report.ending = ending;
  report.exit = exit_status_of(ending, detail, options.conflict_code);
  report.key = options.key.bytes();
  report.store = store_name;
  return report;
}

std::variant<Launched, NotLaunched> launch(const EngineSetting& setting,
                                           const std::shared_ptr<Store>& store, const Proc& proc,
                                           Channel& channel, Log& log) {
  return Launch{setting, store, proc, channel, log}.run();
}

}  // namespace dlock::supervise
