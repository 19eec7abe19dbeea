#include "job/start_job.h"

#include <cstring>
#include <utility>

namespace dlock {

bool wants_cgroup(Containment containment, Orphans orphans) {
  return containment == Containment::Cgroup ||
         (containment == Containment::Auto && orphans != Orphans::Leave);
}

Result<Cgroup, std::string> make_cgroup(Containment containment, Log& log) {
  auto made = Cgroup::make();
  if (made) return made;
  if (containment == Containment::Cgroup) return "--contain=cgroup: " + made.error();
  log.debug("no cgroup for the job: " + made.error());
  return Cgroup{};
}

Result<StartedJob, JobNotStarted> start_job(JobSpec spec, Containment containment, Cgroup cgroup,
                                            const Proc& proc, Log& log) {
  const auto cannot_be_found = [&] {
    return proc.listing() == Listing::None && !cgroup.exists() &&
           containment != Containment::PidNamespace;
  };
  const JobNotStarted unfindable{.why = "dlock could not find and kill its processes: " +
                                        proc.why_unusable() + "; " + Proc::remedy};
  if (cannot_be_found()) return unfindable;

  if (cgroup.exists()) {
    spec.cgroup_directory = cgroup.directory().number();
    auto process = JobProcess::start(spec);
    if (process) return StartedJob{std::move(*process), std::move(cgroup)};
    const std::string why =
        "cannot start a process in '" + cgroup.path() + "': " + ::strerror(process.error().error);
    cgroup.remove();
    if (containment == Containment::Cgroup)
      return JobNotStarted{process.error().error, "--contain=cgroup: " + why};
    log.debug("no cgroup for the job: " + why);
    if (cannot_be_found()) return unfindable;
    spec.cgroup_directory = -1;
  }
  auto process = JobProcess::start(std::move(spec));
  if (process) return StartedJob{std::move(*process), {}};
  const JobProcess::Refusal& refusal = process.error();
  return JobNotStarted{refusal.error, refusal.what + ": " + ::strerror(refusal.error)};
}

}  // namespace dlock
