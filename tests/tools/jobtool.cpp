// The jobs of the integration tests, all in one binary: each sub-command is a job with one property
// that dlock must handle.
//
// Every job ends by itself after the seconds that it was given, so that a failed test leaves no
// process for long.

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace {

using Words = std::vector<std::string>;

constexpr double safety_seconds = 120;
constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;
constexpr timespec tick_interval{.tv_sec = 0, .tv_nsec = 5'000'000};

std::int64_t boottime_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * nanoseconds_per_second + now.tv_nsec;
}

std::int64_t after(double seconds) {
  return boottime_ns() +
         static_cast<std::int64_t>(seconds * static_cast<double>(nanoseconds_per_second));
}

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "jobtool: " << what << ": " << std::strerror(errno) << "\n";
  std::exit(125);
}

void write_all(int fd, std::string_view text) {
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    fail("write");
  }
}

/// Options have the form `--ignore TERM,INT`. They are removed from the arguments; the rest is
/// positional.
std::string take_option(Words& words, const std::string& name, const std::string& otherwise = "") {
  const auto found = std::find(words.begin(), words.end(), name);
  if (found == words.end() || found + 1 == words.end()) {
    return otherwise;
  }
  std::string value = *(found + 1);
  words.erase(found, found + 2);
  return value;
}

bool take_flag(Words& words, const std::string& name) {
  const auto found = std::find(words.begin(), words.end(), name);
  if (found == words.end()) {
    return false;
  }
  words.erase(found);
  return true;
}

const std::string& positional(const Words& words, std::size_t place, const char* name) {
  if (place >= words.size()) {
    std::cerr << "jobtool: missing argument: " << name << "\n";
    std::exit(125);
  }
  return words[place];
}

int signal_number(const std::string& name) {
  if (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) != 0) {
    return std::stoi(name);
  }
  struct Named {
    const char* name;
    int number;
  };
  constexpr std::array<Named, 11> known{{{"TERM", SIGTERM},
                                         {"INT", SIGINT},
                                         {"HUP", SIGHUP},
                                         {"QUIT", SIGQUIT},
                                         {"KILL", SIGKILL},
                                         {"SEGV", SIGSEGV},
                                         {"ABRT", SIGABRT},
                                         {"USR1", SIGUSR1},
                                         {"USR2", SIGUSR2},
                                         {"PIPE", SIGPIPE},
                                         {"STOP", SIGSTOP}}};
  const auto* const found = std::find_if(known.begin(), known.end(),
                                         [&](const Named& each) { return name == each.name; });
  if (found == known.end()) {
    std::cerr << "jobtool: unknown signal " << name << "\n";
    std::exit(125);
  }
  return found->number;
}

void ignore_signals(const std::string& list) {
  for (std::size_t from = 0; from < list.size();) {
    const std::size_t comma = std::min(list.find(',', from), list.size());
    ::signal(signal_number(list.substr(from, comma - from)), SIG_IGN);
    from = comma + 1;
  }
}

// ---- the life file
// -------------------------------------------------------------------------------------------------------

/// One line for each sign of life. With O_APPEND and one write(2) per line, lines of several
/// processes never mix.
class LifeFile {
 public:
  explicit LifeFile(const std::string& path) {
    if (path.empty()) {
      return;
    }
    fd_ = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) {
      fail(path);
    }
    const char* const token = std::getenv("DLOCK_FENCING_TOKEN");
    token_ = token != nullptr && *token != '\0' ? token : "-";
  }

  void say(const char* what) const {
    if (fd_ >= 0) {
      write_all(fd_, std::string{what} + " " + token_ + " " + std::to_string(::getpid()) + " " +
                         std::to_string(boottime_ns()) + "\n");
    }
  }

  void tick_until(std::int64_t end) const {
    while (boottime_ns() < end) {
      say("tick");
      ::nanosleep(&tick_interval, nullptr);
    }
  }

 private:
  int fd_ = -1;
  std::string token_;
};

int tick(Words words) {
  ignore_signals(take_option(words, "--ignore"));
  const int exit_code = std::stoi(take_option(words, "--exit", "0"));
  const LifeFile life{positional(words, 0, "FILE")};
  const double seconds = words.size() > 1 ? std::stod(words[1]) : safety_seconds;
  life.say("start");
  life.tick_until(after(seconds));
  life.say("end");
  return exit_code;
}

// ---- a tree of processes, each of which holds a fifo open
// ------------------------------------------------------------------

/// Write end of a fifo: its reader gets end-of-file when the last process that has it open is gone.
int open_headcount(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY);
  if (fd < 0) {
    fail(path);
  }
  return fd;
}

void report_presence(int headcount) { write_all(headcount, std::to_string(::getpid()) + "\n"); }

struct Tree {
  int headcount = -1;
  std::string life_path;
  std::string ignored;
  std::int64_t end = 0;
  bool stop_itself = false;
};

void live(const Tree& tree) {
  ignore_signals(tree.ignored);
  const LifeFile life{tree.life_path};
  life.say("start");
  report_presence(tree.headcount);
  if (tree.stop_itself) {
    ::raise(SIGSTOP);
  }
  if (tree.life_path.empty()) {
    while (boottime_ns() < tree.end) {
      ::poll(nullptr, 0, 50);
    }
  } else {
    life.tick_until(tree.end);
  }
}

[[noreturn]] void live_and_exit(const Tree& tree) {
  live(tree);
  ::_exit(0);
}

/// Forks so that node `self` of a 10-ary heap of `count` nodes has the nodes 10*self+1 … 10*self+10
/// as children.
void grow(const Tree& tree, int self, int count) {
  for (int child = 10 * self + 1; child <= 10 * self + 10 && child < count; ++child) {
    if (::fork() == 0) {
      grow(tree, child, count);
      live_and_exit(tree);
    }
  }
}

/// A classic daemon: fork, setsid, fork again, so that it becomes a child of the subreaper.
void start_daemon(const Tree& tree) {
  const pid_t middle = ::fork();
  if (middle == 0) {
    ::setsid();
    if (::fork() != 0) {
      ::_exit(0);
    }
    live_and_exit(tree);
  }
  ::waitpid(middle, nullptr, 0);
}

int tree(Words words) {
  Tree tree;
  tree.life_path = take_option(words, "--tick");
  tree.ignored = take_option(words, "--ignore");
  tree.end = after(std::stod(take_option(words, "--seconds", std::to_string(safety_seconds))));
  tree.stop_itself = take_flag(words, "--stop");
  const double root_seconds =
      std::stod(take_option(words, "--root-seconds", std::to_string(safety_seconds)));
  const int exit_code = std::stoi(take_option(words, "--exit", "0"));
  const int count = std::stoi(positional(words, 0, "N"));
  const int daemons = std::stoi(positional(words, 1, "DAEMONS"));
  tree.headcount = open_headcount(positional(words, 2, "FIFO"));
  for (int number = 0; number < daemons; ++number) {
    start_daemon(tree);
  }
  grow(tree, 0, count);
  Tree root = tree;
  root.stop_itself = false;
  root.end = std::min(tree.end, after(root_seconds));
  live(root);
  LifeFile{root.life_path}.say("end");
  return exit_code;
}

// ---- fork bombs: bounded by time and by a number of forks, and used only under a limit of
// processes -------------------------

struct BombLimits {
  std::int64_t end = 0;
  std::atomic<int>* forks_left = nullptr;  // shared by all processes of the bomb

  bool spent() const { return boottime_ns() >= end || forks_left->load() <= 0; }
  pid_t fork_once() const {
    if (forks_left->fetch_sub(1) <= 0) {
      return -1;
    }
    return ::fork();
  }
};

/// A process that keeps moving: it forks a child in a new session and ends, and the child
/// continues.
[[noreturn]] void hop(const BombLimits& limits) {
  while (!limits.spent()) {
    if (limits.fork_once() > 0) {
      ::_exit(0);
    }
    ::setsid();
  }
  ::_exit(0);
}

/// Stays and starts daemons.
[[noreturn]] void spin(const BombLimits& limits) {
  while (!limits.spent()) {
    const pid_t middle = limits.fork_once();
    if (middle == 0) {
      ::setsid();
      if (limits.fork_once() == 0) {
        while (!limits.spent()) {
          ::poll(nullptr, 0, 50);
        }
      }
      ::_exit(0);
    }
    if (middle > 0) {
      ::waitpid(middle, nullptr, 0);
    }
  }
  ::_exit(0);
}

/// Every process forks as fast as the limit allows.
[[noreturn]] void explode(const BombLimits& limits) {
  while (!limits.spent()) {
    limits.fork_once();
  }
  ::_exit(0);
}

int bomb(Words words) {
  const std::string kind = positional(words, 0, "hop|spin|exp");
  BombLimits limits;
  limits.end = after(std::stod(positional(words, 1, "SECONDS")));
  void* const shared = ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    fail("mmap");
  }
  limits.forks_left = new (shared) std::atomic<int>{std::stoi(positional(words, 2, "MAX_FORKS"))};
  const int headcount = open_headcount(positional(words, 3, "FIFO"));
  const int copies = kind == "exp" ? 1 : 8;
  void (*const go)(const BombLimits&) = kind == "hop" ? hop : kind == "spin" ? spin : explode;
  for (int number = 0; number < copies; ++number) {
    if (::fork() == 0) {
      go(limits);
    }
  }
  report_presence(headcount);
  while (!limits.spent()) {
    ::poll(nullptr, 0, 20);
  }
  return 0;
}

// ---- what a job inherited
// ----------------------------------------------------------------------------------------------------

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out += '\\';
      out += letter;
    } else if (byte < 0x20) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += escaped.data();
    } else {
      out += letter;
    }
  }
  return out + "\"";
}

std::string json_strings(char* const* words) {
  std::string out = "[";
  for (; *words != nullptr; ++words) {
    out += (out.size() > 1 ? ", " : "") + json_string(*words);
  }
  return out + "]";
}

std::string status_line(const std::string& name) {
  std::ifstream file{"/proc/self/status"};
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":", 0) == 0) {
      return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    }
  }
  return "";
}

std::string open_descriptors() {
  std::string out = "{";
  for (int fd = 0; fd < 1024; ++fd) {
    std::array<char, 4096> target{};
    const std::string name = "/proc/self/fd/" + std::to_string(fd);
    if (::readlink(name.c_str(), target.data(), target.size() - 1) >= 0) {
      out += (out.size() > 1 ? ", " : "") + json_string(std::to_string(fd)) + ": " +
             json_string(target.data());
    }
  }
  return out + "}";
}

std::string limits_as_json() {
  std::string out = "{";
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    ::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
    out += (resource > 0 ? ", " : "") + json_string(std::to_string(resource)) + ": [" +
           std::to_string(static_cast<std::int64_t>(limit.rlim_cur)) + ", " +
           std::to_string(static_cast<std::int64_t>(limit.rlim_max)) + "]";
  }
  return out + "}";
}

char** arguments_of_main = nullptr;

int report(Words words) {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  std::array<char, 4096> directory{};
  if (::getcwd(directory.data(), directory.size()) == nullptr) {
    fail("getcwd");
  }
  std::string out =
      "{\"pid\": " + std::to_string(::getpid()) + ", \"ppid\": " + std::to_string(::getppid()) +
      ", \"sid\": " + std::to_string(::getsid(0)) + ", \"pgrp\": " + std::to_string(::getpgrp()) +
      ", \"uid\": " + std::to_string(::getuid()) + ", \"umask\": " + std::to_string(mask);
  out += ", \"cwd\": " + json_string(directory.data());
  out += ", \"blocked\": " + json_string(status_line("SigBlk")) +
         ", \"ignored\": " + json_string(status_line("SigIgn"));
  out += ", \"no_new_privs\": " + json_string(status_line("NoNewPrivs"));
  out += ", \"fds\": " + open_descriptors() + ", \"rlimits\": " + limits_as_json();
  out += ", \"argv\": " + json_strings(arguments_of_main) + ", \"env\": " + json_strings(environ) +
         "}\n";
  if (words.empty()) {
    write_all(STDOUT_FILENO, out);
    return 0;
  }
  const int fd = ::open(words[0].c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    fail(words[0]);
  }
  write_all(fd, out);
  return 0;
}

// ---- jobs with one odd trait
// -------------------------------------------------------------------------------------------------

/// Run from a setuid-root copy of this binary: becomes root in all three user IDs, so that the user
/// who started it cannot kill it.
int become_root(Words words) {
  const std::string life_path = take_option(words, "--tick");
  const double seconds = std::stod(positional(words, 0, "SECONDS"));
  const int headcount = open_headcount(positional(words, 1, "FIFO"));
  if (::setresuid(0, 0, 0) != 0) {
    fail("setresuid");
  }
  report_presence(headcount);
  LifeFile{life_path}.tick_until(after(seconds));
  return 0;
}

int stop_self(Words words) {
  if (!words.empty()) {
    report_presence(open_headcount(words[0]));
  }
  ::raise(SIGSTOP);
  std::cout << "continued" << std::endl;
  return 0;
}

int exit_with(Words words) { return std::stoi(positional(words, 0, "N")); }

int raise_signal(Words words) {
  const int number = signal_number(positional(words, 0, "SIGNAL"));
  constexpr rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  if (number != SIGKILL && number != SIGSTOP) {
    ::signal(number, SIG_DFL);  // the runtime of a sanitizer can have its own handler
  }
  ::raise(number);
  ::kill(::getpid(), number);
  return 0;
}

/// Writes `ready`, then one line for each signal as it is delivered: `signal number sender`.
int count_signals(Words words) {
  const int until = signal_number(take_option(words, "--until", "USR2"));
  const std::string& path = positional(words, 0, "FILE");
  const std::int64_t end = after(std::stod(positional(words, 1, "SECONDS")));
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) {
    fail(path);
  }
  write_all(fd, "ready " + std::to_string(::getpid()) + "\n");
  while (boottime_ns() < end) {
    constexpr timespec pause{.tv_sec = 0, .tv_nsec = 50'000'000};
    siginfo_t info{};
    const int number = ::sigtimedwait(&all, &info, &pause);
    if (number <= 0) {
      continue;
    }
    write_all(fd, "signal " + std::to_string(number) + " " + std::to_string(info.si_pid) + "\n");
    if (number == until) {
      return 0;
    }
  }
  return 1;
}

/// Sends a signal to its own process group, as scripts do with `kill 0`, ignoring it itself.
int signal_group(Words words) {
  const int number = signal_number(positional(words, 0, "SIGNAL"));
  ::signal(number, SIG_IGN);
  ::kill(0, number);
  ::poll(nullptr, 0, static_cast<int>(std::stod(positional(words, 1, "SECONDS")) * 1000));
  return 0;
}

int use_memory(Words words) {
  const std::size_t bytes = std::stoull(positional(words, 0, "MEGABYTES")) << 20;
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    fail("mmap");
  }
  for (std::size_t place = 0; place < bytes; place += 4096) {
    static_cast<volatile char*>(memory)[place] = 1;
  }
  ::poll(nullptr, 0, static_cast<int>(std::stod(positional(words, 1, "SECONDS")) * 1000));
  return 0;
}

/// Forks a child that calls exec repeatedly, so that a kill between fork and exec is likely.
int exec_loop(Words words) {
  const std::string left = positional(words, 0, "TIMES");
  const int times = std::stoi(left);
  if (times == 0) {
    return 0;
  }
  const std::string next = std::to_string(times - 1);
  ::execl("/proc/self/exe", "jobtool", "exec-loop", next.c_str(), nullptr);
  fail("exec");
}

// ---- a sandbox
// ----------------------------------------------------------------------------------------------------------------

/// Runs a program in which the system call with that number fails with that errno, as under the
/// filter of a container or unit. (Other tools for this would have to be installed.)
int refuse(Words words) {
  const auto call = static_cast<unsigned>(std::stoul(positional(words, 0, "CALL")));
  const auto error = static_cast<unsigned>(std::stoul(positional(words, 1, "ERRNO")));
  std::vector<char*> command;
  for (std::size_t place = 2; place < words.size(); ++place) command.push_back(words[place].data());
  command.push_back(nullptr);

  std::array<sock_filter, 4> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{.len = rules.size(), .filter = rules.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    fail("prctl");
  }
  ::execvp(command[0], command.data());
  fail(command[0]);
}

// ---- a full-screen program
// -----------------------------------------------------------------------------------------------------

termios modes_before{};
volatile std::sig_atomic_t was_resized = 0;

void set_raw() {
  termios raw = modes_before;
  ::cfmakeraw(&raw);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

/// Suspends itself like vim: restores the terminal, stops the whole group, and sets raw mode again
/// when continued.
void suspend() {
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &modes_before);
  ::signal(SIGTSTP, SIG_DFL);
  ::kill(0, SIGTSTP);
  set_raw();
  write_all(STDOUT_FILENO, "resumed\r\n");
}

int raw_tty(Words words) {
  const std::int64_t end = after(std::stod(positional(words, 0, "SECONDS")));
  if (::tcgetattr(STDIN_FILENO, &modes_before) != 0) {
    fail("tcgetattr");
  }
  ::signal(SIGWINCH, [](int) { was_resized = 1; });
  set_raw();
  write_all(STDOUT_FILENO, "raw ready\r\n");
  while (boottime_ns() < end) {
    if (was_resized != 0) {
      was_resized = 0;
      write_all(STDOUT_FILENO, "resized\r\n");
    }
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, 50) <= 0) {
      continue;
    }
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1) {
      break;
    }
    if (key == 'q') {
      break;
    }
    if (key == 0x1a) {
      suspend();
    } else {
      write_all(STDOUT_FILENO, std::string{"got "} + key + "\r\n");
    }
  }
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &modes_before);
  return 0;
}

struct Subcommand {
  const char* name;
  const char* arguments;
  int (*run)(Words);
};

constexpr std::array<Subcommand, 14> subcommands{{
    {"tick", "FILE [SECONDS] [--ignore TERM,INT,…] [--exit N]", tick},
    {"tree",
     "N DAEMONS FIFO [--tick FILE] [--ignore …] [--seconds S] [--root-seconds S] [--exit N] "
     "[--stop]",
     tree},
    {"bomb", "hop|spin|exp SECONDS MAX_FORKS FIFO", bomb},
    {"report", "[FILE]", report},
    {"become-root", "SECONDS FIFO [--tick FILE]", become_root},
    {"stop-self", "[FIFO]", stop_self},
    {"raw-tty", "SECONDS", raw_tty},
    {"exit", "N", exit_with},
    {"raise", "SIGNAL", raise_signal},
    {"signals", "FILE SECONDS [--until SIGNAL]", count_signals},
    {"signal-group", "SIGNAL SECONDS", signal_group},
    {"memory", "MEGABYTES SECONDS", use_memory},
    {"exec-loop", "TIMES", exec_loop},
    {"refuse", "CALL ERRNO PROGRAM [WORD...]", refuse},
}};

int usage() {
  for (const Subcommand& each : subcommands) {
    std::cerr << "jobtool " << each.name << " " << each.arguments << "\n";
  }
  return 125;
}

}  // namespace

int main(int argc, char** argv) {
  arguments_of_main = argv;
  const std::span<char*> words{argv, static_cast<std::size_t>(argc)};
  if (words.size() < 2) {
    return usage();
  }
  const std::string_view name = words[1];
  for (const Subcommand& each : subcommands) {
    if (name == each.name) {
      return each.run(Words{words.begin() + 2, words.end()});
    }
  }
  return usage();
}
