#include "cli/dry_run.h"

#include "core/duration.h"
#include "core/ending.h"
#include "core/text.h"
#include "job/job_program.h"
#include "operate/status_text.h"
#include "os/clock.h"
#include "store/open.h"

#include <cerrno>
#include <unistd.h>
#include <utility>
#include <vector>

namespace dlock::cli {
namespace {

/// The file that would be executed, as far as that can be said beforehand.
struct Found {
  std::string what;
  ExitStatus exit = {};
};

Found find_program(const std::string& name) {
  const auto status_after = [](int error) { return exit_status_of(Ending::CannotRun, error, 0); };
  Found found{"'" + printable(name) + "' is not found", status_after(ENOENT)};
  for (const std::string& path : paths_of(name)) {
    if (::access(path.c_str(), X_OK) == 0) return {printable(path)};
    if (::access(path.c_str(), F_OK) == 0)
      found = {printable(path) + " cannot be executed", status_after(EACCES)};
  }
  return found;
}

std::string lease_of(const supervise::RunOptions& options) {
  if (!leases_expire(options.store.address))
    return "none: the kernel holds the lock until dlock has ended";
  const LeaseTerms& terms = options.terms;
  const std::string over = options.on_silence == OnSilence::Kill
                               ? "the job is killed when renewals have failed for "
                               : "the job continues without a confirmed lock when renewals have "
                                 "failed for ";
  return to_text(terms.ttl()) + " (--ttl), renewed every " + to_text(terms.renew_every()) + "; " +
         over + to_text(terms.longest_failing());
}

/// Whether a run would be refused by those that hold the lock now.
bool is_in_the_way(const LockStatus& lock, Limit wanted) {
  if (lock.not_a_lock) return true;
  std::vector<Limit> limits;
  for (const HolderStatus& holder : lock.holders) {
    if (holder.life != HolderStatus::Life::Dead) limits.push_back(holder.holder.limit);
  }
  return !limits.empty() && !may_enter(wanted, limits);
}

}  // namespace

Result<DryRun, StoreFault> dry_run(const supervise::RunOptions& options,
                                   const operate::Screen& screen) {
  const auto inspector = make_inspector(options.store);
  const auto lock =
      inspector->inspect(options.key, {BootClock::now() + options.terms.request_timeout()});
  if (!lock) return operate::with_key(options.key, lock.error());
  const Found program = find_program(options.command.front());
  const bool refused = is_in_the_way(*lock, options.limit);
  std::string command = program.what;
  for (std::size_t i = 1; i < options.command.size(); ++i)
    command += " " + printable(options.command[i]);
  std::string text = "nothing is started (--dry-run)\n";
  text += "store    " + printable(inspector->name()) + "\n";
  text += "lease    " + lease_of(options) + "\n";
  text += "command  " + command + "\n\n";
  text += operate::to_details(*lock, screen);
  return DryRun{std::move(text), refused ? options.conflict_code : program.exit.code};
}

}  // namespace dlock::cli
