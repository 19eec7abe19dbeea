#include "contract/redis_process.h"

#include "core/time.h"
#include "store/address.h"
#include "store/redis/connection.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace dlock::test {

using namespace std::chrono_literals;

RedisProcess::RedisProcess() {
  char pattern[] = "/tmp/dlock-contract-XXXXXX";
  if (::mkdtemp(pattern) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  pid_ = ::fork();
  if (pid_ == 0) {
    const std::string socket = directory_ + "/redis.sock";
    const std::string log = directory_ + "/log";
    const char* const other = std::getenv("DLOCK_TEST_REDIS");
    const char* const program = other != nullptr && *other != '\0' ? other : "redis-server";
    ::execlp(program, program, "--port", "0", "--unixsocket", socket.c_str(), "--save", "", "--dir",
             directory_.c_str(), "--logfile", log.c_str(), nullptr);
    ::_exit(127);
  }
  for (const Instant until = BootClock::now() + 10s; BootClock::now() < until;
       std::this_thread::sleep_for(5ms)) {
    if (ask("PING") == "PONG") return;
  }
  throw std::runtime_error("redis-server did not come up: is it installed?");
}

RedisProcess::~RedisProcess() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  std::filesystem::remove_all(directory_);
}

std::string RedisProcess::ask(const std::string& command) const {
  const auto address = std::get<RedisAddress>(*parse_store_address(url()));
  redis::Connection connection{address.endpoints.front(), {}};
  const Patience patience{BootClock::now() + 5s};
  if (!connection.ensure_open(patience)) return {};
  std::vector<std::string> words;
  std::istringstream stream{command};
  for (std::string word; stream >> word;) words.push_back(word);
  const auto replies = connection.ask({{words.begin(), words.end()}}, patience);
  if (!replies) return {};
  const redis::Reply& reply = replies->front();
  return reply.type == redis::Reply::Type::Integer ? std::to_string(reply.integer) : reply.text;
}

}  // namespace dlock::test
