#include "doctor/local_checks.h"

#include "doctor/probe_lock.h"
#include "store/local/lock_directory.h"

#include <unistd.h>

namespace dlock::doctor {

Finding judge_file_system(const std::string& directory,
                          const std::optional<local::UnsureFileSystem>& unsure, bool trusted) {
  Finding finding{.check = "file system", .fact = directory + " is on this machine"};
  if (!unsure) return finding;
  finding.fact = directory + " is on " + unsure->name;
  finding.remedy =
      "keep the locks on a disk of this machine (--store local:/directory), or in a "
      "Redis (--store redis://host)";
  if (!trusted) {
    finding.verdict = Verdict::Broken;
    finding.meaning =
        "runs are refused (78), because a lock there may exclude nobody, or be lost while its job "
        "runs";
    finding.remedy += ", or give --trust-file-system";
  } else if (unsure->is_network) {
    finding.verdict = Verdict::Broken;
    finding.meaning =
        "if the file server restarts or is unreachable, a lock can be lost while its job runs, and "
        "dlock does not notice; whether other machines see the lock depends on the mount options";
  } else {
    finding.verdict = Verdict::Weak;
    finding.meaning =
        "dlock cannot check whether flock(2) works there, and whether other machines see the locks";
  }
  return finding;
}

Findings check_local(const Examination& examination) {
  Findings findings;
  findings.push_back(
      {.check = "reach",
       .verdict = Verdict::Note,
       .fact = "the locks of this store are local to this machine and this user",
       .meaning = "the same key is another lock on another machine, for another user, or in a "
                  "container that does not share the directory",
       .remedy = "use --store redis://host, if the lock must exclude those runs, too"});
  const std::string wanted = std::get<LocalAddress>(examination.store.address).directory;
  const auto directory = local::ready_directory(wanted, local::Unsure::IsTrusted);
  if (!directory) {
    findings.push_back(broken_by(directory.error(), "directory"));
    return findings;
  }
  findings.push_back(
      {.check = "directory",
       .fact = *directory + " belongs to this user, and no other user can write to it"});
  findings.push_back(judge_file_system(*directory, local::unsure_file_system_of(*directory),
                                       examination.store.trust_file_system));
  const LockKey probe = make_probe_key();
  findings.push_back(
      try_lock(examination.store, examination.terms, probe, Budget{examination.terms}));
  // A run keeps the file because it contains the token, which the probe does not need.
  if (const auto file = local::lock_file_path(*directory, probe)) ::unlink(file->c_str());
  return findings;
}

}  // namespace dlock::doctor
