#include "contract/redis_process.h"

#include "contract/own_directory.h"
#include "core/time.h"
#include "os/clock.h"
#include "os/fd.h"
#include "redis/connection.h"
#include "unit/child.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace dlock::test {

using namespace std::chrono_literals;

namespace {

/// A port that is free now and outside the range that the kernel gives to clients.
int free_port() {
  std::random_device random;
  std::uniform_int_distribution<int> below_those_of_clients{10240, 32767};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const int port = below_those_of_clients(random);
    const Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(static_cast<std::uint16_t>(port));
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0)
      return port;
  }
  throw std::runtime_error("no port is free");
}

}  // namespace

RedisProcess::RedisProcess(Kind kind) : kind_(kind), directory_(make_own_directory()) {
  const char* const other = std::getenv("DLOCK_TEST_REDIS");
  std::vector<std::string> words{other != nullptr && *other != '\0' ? other : "redis-server",
                                 "--unixsocket",
                                 socket(),
                                 "--save",
                                 "",
                                 "--dir",
                                 directory_,
                                 "--logfile",
                                 directory_ + "/log",
                                 "--bind",
                                 "127.0.0.1"};
  if (kind == Kind::Cluster) {
    port_ = free_port();
    words.insert(words.end(),
                 {"--cluster-enabled", "yes", "--cluster-port", std::to_string(free_port())});
  }
  words.insert(words.end(), {"--port", std::to_string(port_)});
  pid_ = test::fork_child();
  if (pid_ == 0) {
    ::alarm(0);  // it ends with the test, not with an inherited alarm
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  for (const Instant until = BootClock::now() + 10s; BootClock::now() < until;
       std::this_thread::sleep_for(5ms)) {
    if (is_up()) return;
  }
  throw std::runtime_error("redis-server did not come up: is it installed?");
}

bool RedisProcess::is_up() const {
  if (kind_ == Kind::Alone) return ask("PING") == "PONG";
  const std::string info = ask("CLUSTER INFO");
  if (info.find("cluster_slots_assigned:0\r") != info.npos) ask("CLUSTER ADDSLOTSRANGE 0 16383");
  return info.find("cluster_state:ok") != info.npos;
}

std::string RedisProcess::url() const {
  return kind_ == Kind::Alone ? "unix://" + socket()
                              : "redis+cluster://127.0.0.1:" + std::to_string(port_);
}

RedisProcess::~RedisProcess() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  std::filesystem::remove_all(directory_);
}

std::string RedisProcess::ask(const std::string& command) const {
  std::vector<std::string> words;
  std::istringstream stream{command};
  for (std::string word; stream >> word;) words.push_back(word);
  return ask(words);
}

std::string RedisProcess::ask(const std::vector<std::string>& words) const {
  redis::Connection connection{Endpoint{.socket_path = socket()}, {}};
  const CallDeadline patience{BootClock::now() + 5s};
  if (!connection.ensure_open(patience)) return {};
  const auto replies = connection.ask({{words.begin(), words.end()}}, patience);
  if (!replies) return {};
  const redis::Reply& reply = replies->front();
  switch (reply.type) {
    case redis::Reply::Type::Integer:
      return std::to_string(reply.integer);
    case redis::Reply::Type::Array:
      return std::string{reply.text_at(0)};
    default:
      return reply.text;
  }
}

}  // namespace dlock::test
