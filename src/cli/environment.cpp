#include "cli/environment.h"

#include <cstdlib>

namespace dlock::cli {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
}

}  // namespace

Environment Environment::of_this_process() {
  return {.store = variable("DLOCK_STORE"),
          .config = variable("DLOCK_CONFIG"),
          .password = variable("REDISCLI_AUTH"),
          .sentinel_password = variable("DLOCK_SENTINEL_PASSWORD"),
          .socket = variable("DLOCK_SOCKET")};
}

}  // namespace dlock::cli
