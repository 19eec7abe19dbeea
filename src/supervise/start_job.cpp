#include "supervise/start_job.h"

#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

namespace dlock::supervise {
namespace {

/// None for a job that has nothing to report, and nothing to ask: elsewhere a job whose lock is
/// lost does not live to hear of it. So a plain run pays for none of this.
Result<std::unique_ptr<JobSocket>, std::string> socket_for(const EngineSetting& setting,
                                                           Channel& front, Log& log) {
  const RunOptions& options = setting.options;
  std::unique_ptr<JobSocket> none;
  if (!options.heartbeat_timeout && options.on_silence == OnSilence::Kill) return none;
  std::optional<JobSocket::Notifications> notifications;
  if (options.heartbeat_timeout) notifications = JobSocket::Notifications{options.manager.address};
  auto made = JobSocket::make(setting.deadline, std::move(notifications));
  if (made) {
    front.send({.kind = MessageKind::Socket, .text = (*made)->directory().path()});
    return made;
  }
  if (options.heartbeat_timeout) return "--heartbeat-timeout: " + made.error();
  log.warn("dlock heartbeat does not work in this job: " + made.error());
  return none;
}

/// The job is told of its socket as systemd tells a service.
void tell_of_socket(JobSpec& spec, const JobSocket& socket, const RunOptions& options) {
  const std::string path = socket.directory().socket_path();
  spec.environment.emplace_back("DLOCK_SOCKET", path);
  if (!options.heartbeat_timeout) return;
  using std::chrono::microseconds;
  const auto timeout = std::chrono::ceil<microseconds>(*options.heartbeat_timeout);
  spec.environment.emplace_back("NOTIFY_SOCKET", path);
  spec.environment.emplace_back("WATCHDOG_USEC", std::to_string(timeout.count()));
  // It would silence every process but that one, and any process of the job may report.
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

}  // namespace

Result<Cgroup, std::string> cgroup_for_job(const RunOptions& options, Channel& front, Log& log) {
  const bool wanted = options.containment == Containment::Cgroup;
  // A cgroup in which the job leaves processes behind could not be removed by anybody.
  const bool tried = options.containment == Containment::Auto && options.orphans != Orphans::Leave;
  if (!wanted && !tried) return Cgroup{};
  auto made = Cgroup::make();
  if (made) {
    front.send({.kind = MessageKind::Cgroup, .text = made->path()});
    return made;
  }
  if (wanted) return "--contain=cgroup: " + made.error();
  log.debug("no cgroup for the job: " + made.error());
  return Cgroup{};
}

Result<StartedJob, JobNotStarted> start_job(const EngineSetting& setting, const Grant& grant,
                                            Cgroup& cgroup, const Proc& proc, Channel& front,
                                            Log& log) {
  const Containment containment = setting.options.containment;
  const auto cannot_be_found = [&] {
    return proc.listing() == Listing::None && !cgroup.exists() &&
           containment != Containment::PidNamespace;
  };
  const JobNotStarted unfindable{.why = "its processes could not be found and killed: " +
                                        proc.why_unusable() + "; " + Proc::remedy};
  if (cannot_be_found()) return unfindable;

  auto socket = socket_for(setting, front, log);
  if (!socket) return JobNotStarted{.why = socket.error()};
  JobSpec spec = spec_of(setting, grant);
  if (*socket != nullptr) tell_of_socket(spec, **socket, setting.options);
  const auto give_up = [&](JobNotStarted why) {
    if (*socket != nullptr) (*socket)->remove_directory();
    return why;
  };

  if (cgroup.exists()) {
    spec.cgroup_directory = cgroup.directory().number();
    auto process = JobProcess::start(spec);
    if (process) return StartedJob{std::move(*process), std::move(*socket)};
    const std::string why = "no process can be started in '" + cgroup.path() +
                            "': " + ::strerror(process.error().error);
    cgroup.remove();
    front.send({.kind = MessageKind::Cgroup});
    if (containment == Containment::Cgroup)
      return give_up({process.error().error, "--contain=cgroup: " + why});
    log.debug("no cgroup for the job: " + why);
    if (cannot_be_found()) return give_up(unfindable);
    spec.cgroup_directory = -1;
  }
  auto process = JobProcess::start(std::move(spec));
  if (process) return StartedJob{std::move(*process), std::move(*socket)};
  const JobProcess::Refusal& refusal = process.error();
  return give_up({refusal.error, refusal.what + ": " + ::strerror(refusal.error)});
}

}  // namespace dlock::supervise
