#include "store/redis/lock_faults.h"

#include "core/text.h"

namespace dlock::redis {

StoreFault not_a_lock(const std::string& server, const std::string& lock_key) {
  return {.exit_code = ExitCode::Configuration,
          .sentence =
              server + " has something that is not a lock under '" + excerpt(lock_key, 100) +
              "': choose another --key or --prefix, or delete it if you know that it is not needed",
          .not_applied = true};
}

StoreFault hides_its_age(const std::string& server, const std::string& error) {
  return {.exit_code = ExitCode::Configuration,
          .sentence = server +
                      " does not tell since when it is up, so that it may have forgotten a holder: "
                      "INFO is renamed, or forbidden to this user; allow it (+info), or give "
                      "--trust-restart if it keeps its data over a restart (it said: " +
                      excerpt(error, 120) + ")",
          .not_applied = true};
}

}  // namespace dlock::redis
