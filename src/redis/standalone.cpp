#include "redis/standalone.h"

namespace dlock::redis {

Result<Answers, StoreFault> StandaloneServers::ask(const std::vector<Command>& commands,
                                                   std::string_view, const Patience& patience) {
  // A connection that is left open may lead to what the server was once, and of several addresses
  // each may be the master's: so as often as there are such, and the second time at once.
  for (std::size_t tries = 0;; ++tries) {
    auto answers = redis::ask(connection_, commands, patience);
    if (!answers || !answers->from_wrong_server()) return answers;
    connection_.leave();
    if (!answers->turned_away() || tries >= connection_.addresses()) return answers;
  }
}

std::unique_ptr<Connection> StandaloneServers::another_connection(std::string_view) const {
  return connection_.another();
}

}  // namespace dlock::redis
