#include "supervise/start_job.h"

#include <cstring>
#include <utility>

namespace dlock::supervise {
namespace {

/// No cgroup, if none was asked for or it could do without one. An error if it was asked for.
Result<Cgroup, std::string> cgroup_for(const RunOptions& options, Channel& front, Log& log) {
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

JobSpec spec_of(const EngineSetting& setting, const Grant& grant) {
  const RunOptions& options = setting.options;
  return {.command = options.command,
          .environment = {{"DLOCK_KEY", options.key.bytes()},
                          {"DLOCK_OWNER", grant.owner.text},
                          {"DLOCK_FENCING_TOKEN", std::to_string(grant.token.value)}},
          .signals = setting.signals,
          .front = setting.front,
          .own_session = !setting.terminal,
          .pid_namespace = options.containment == Containment::PidNamespace};
}

}  // namespace

Result<StartedJob, JobNotStarted> start_job(const EngineSetting& setting, const Grant& grant,
                                            const Tree& tree, Channel& front, Log& log) {
  auto cgroup = cgroup_for(setting.options, front, log);
  if (!cgroup) return JobNotStarted{.why = cgroup.error()};
  JobSpec spec = spec_of(setting, grant);
  if (cgroup->exists()) spec.cgroup_directory = cgroup->directory().number();
  if (tree.listing() == Listing::None && !cgroup->exists() && !spec.pid_namespace) {
    return JobNotStarted{
        .why =
            "/proc is not mounted, so its processes could not be found; mount it, or use "
            "--contain=cgroup or pidns"};
  }
  auto process = JobProcess::start(spec);
  if (process) return StartedJob{std::move(*process), std::move(*cgroup)};
  cgroup->remove();
  const JobProcess::Refusal& refusal = process.error();
  return JobNotStarted{refusal.error, refusal.what + ": " + ::strerror(refusal.error)};
}

}  // namespace dlock::supervise
