#include "doctor/probe_lock.h"

#include "os/self.h"

#include <unistd.h>

namespace dlock::doctor {
namespace {

using namespace std::chrono_literals;

Claim make_probe_claim(const StoreOptions& options, const LeaseTerms& terms, const LockKey& key) {
  // Short: if this process is killed now, the lock soon expires.
  const Duration ttl = std::min<Duration>(terms.ttl(), 10s);
  return make_claim(options, key, {ttl, ttl}, ::getpid(), {"dlock", "doctor"});
}

Finding failed(const std::string& what, const std::string& how) {
  return {.check = "probe lock",
          .verdict = Verdict::Broken,
          .fact = what + ": " + how,
          .meaning = "the store does not behave as dlock requires",
          .remedy = "check what the server is, and whether a proxy is in between"};
}

/// Tests a lock that this process holds; releases it in any case.
Finding use_lock(Store& store, const Claim& claim, const Grant& grant, const StoreOptions& options,
                 const Budget& budget) {
  const Claim rival = [&] {
    Claim other = claim;
    other.process = make_probe_claim(options, claim.terms, claim.key).process;
    return other;
  }();
  Finding finding{.check = "probe lock",
                  .fact = "acquired, refused to a second run, renewed and released"};
  const auto refused = make_store(options)->acquire(rival, budget.deadline_for(2));
  const auto renewed = store.renew(claim, grant, budget.deadline());
  const auto released = store.release(claim, {}, budget.deadline());
  if (!refused) return broken_by(refused.error(), finding.check);
  if (!std::holds_alternative<Held>(*refused))
    return failed("a second run acquired a held lock", "two jobs would run at once");
  if (!renewed) return broken_by(renewed.error(), finding.check);
  if (const auto* lost = std::get_if<Lost>(&*renewed))
    return failed("the lock was lost before its renewal", lost->how);
  if (!released) return broken_by(released.error(), finding.check);
  if (const auto* lost = std::get_if<Lost>(&*released))
    return failed("the lock was lost before its release", lost->how);
  return finding;
}

}  // namespace

LockKey make_probe_key() {
  return *LockKey::parse("dlock-doctor-" + std::to_string(random_number()));
}

Finding try_lock(const StoreOptions& options, const LeaseTerms& terms, const LockKey& key,
                 const Budget& budget) {
  const Claim claim = make_probe_claim(options, terms, key);
  StoreOptions chosen = options;
  chosen.trust_file_system = true;  // the file system has a finding of its own
  auto store = make_store(chosen);
  // Two requests if the server does not know the script yet; each can wait for replicas.
  auto answer = store->acquire(claim, budget.deadline_for(2));
  if (answer && std::holds_alternative<RecentlyRestarted>(*answer)) {
    // The uptime has a finding of its own; no other run uses this key, so it cannot have a holder.
    chosen.trust_restart = true;
    store = make_store(chosen);
    answer = store->acquire(claim, budget.deadline_for(2));
  }
  if (!answer) {
    // The request can have been applied, with or without its replicas: leave nothing behind.
    [[maybe_unused]] const auto released = store->release(claim, {}, budget.deadline());
    return broken_by(answer.error(), "probe lock");
  }
  if (const auto* grant = std::get_if<Grant>(&*answer))
    return use_lock(*store, claim, *grant, chosen, budget);
  return failed("a new lock is already held", "the store's replies are invalid");
}

Finding broken_by(const StoreFault& fault, const std::string& check) {
  Finding finding{.check = check,
                  .verdict = Verdict::Broken,
                  .fact = fault.sentence,
                  .meaning = "runs cannot acquire locks: dlock run exits with " +
                             std::to_string(static_cast<int>(fault.exit_code))};
  switch (fault.exit_code) {
    case ExitCode::StoreRefused:
      finding.remedy =
          "correct the user, password or certificate, and give that user the rights of ACL in "
          "dlock(1)";
      break;
    case ExitCode::Configuration:
      finding.remedy = "correct --store, DLOCK_STORE or the named option";
      break;
    default:
      finding.remedy = "check that the server runs, is healthy, and is reachable from this machine";
  }
  return finding;
}

}  // namespace dlock::doctor
