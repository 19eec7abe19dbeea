#include "job/tree.h"

#include "os/fd.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace dlock {
namespace {

// The <sys/pidfd.h> of glibc 2.36 lacks extern "C".
Fd open_pidfd(pid_t pid) { return Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}; }

/// Signals the process that `pidfd` names, even if its pid is reused. Uses the pid if the kernel
/// has no pidfds (before 5.3).
void send(const Fd& pidfd, pid_t pid, int signal) {
  if (pidfd.open()) {
    ::syscall(SYS_pidfd_send_signal, pidfd.number(), signal, nullptr, 0);
  } else {
    ::kill(pid, signal);
  }
}

/// With hidepid= on /proc, the files of a set-user-ID process are hidden from dlock, although dlock
/// may kill it. The only proof that it is still a descendant is then the children list of its
/// parent, which is read again. A scan of /proc does not see hidden processes.
std::optional<ProcessInfo> examine_hidden(pid_t child, pid_t parent, const Proc& proc) {
  if (proc.listing() != Listing::ChildrenFiles) return {};
  const auto children = Children{proc}.of(parent);
  if (std::find(children.begin(), children.end(), child) == children.end()) return {};
  return ProcessInfo{child, parent, ::getpgid(child), ::getsid(child), '?', {}};
}

}  // namespace

/// Calls `visitor(pidfd, info)` for each descendant, parents first. A pid that was read a moment
/// ago can be reused by now, so it is examined again after its pidfd is open.
template <class Visitor>
void Tree::visit_descendants(Visitor visitor) const {
  const Children children{proc_};
  std::vector<pid_t> parents{::getpid()};
  std::set<pid_t> known{parents.front()};
  while (!parents.empty()) {
    const pid_t parent = parents.back();
    parents.pop_back();
    for (const pid_t child : children.of(parent)) {
      if (known.contains(child)) continue;
      Fd pidfd = open_pidfd(child);
      if (!pidfd.open() && errno == ESRCH) continue;
      auto info = proc_.examine(child);
      if (!info) info = examine_hidden(child, parent, proc_);
      // The process may have been reparented between the two reads, as orphans are.
      if (!info || !known.contains(info->parent)) continue;

      known.insert(child);
      visitor(pidfd, *info);
      parents.push_back(child);
    }
  }
}

void Tree::kill_all() {
  std::set<pid_t> here;
  std::set<pid_t> groups;
  visit_descendants([&](const Fd& pidfd, const ProcessInfo& process) {
    here.insert(process.pid);
    const bool group_is_the_jobs = process.session != own_session_ && process.session != 0 &&
                                   process.group > 1 && process.group != ::getpgrp();
    if (group_is_the_jobs && groups.insert(process.group).second) ::kill(-process.group, SIGKILL);
    send(pidfd, process.pid, SIGKILL);
  });
  constexpr Duration longest = std::chrono::milliseconds{50};
  const bool any_new =
      std::any_of(here.begin(), here.end(), [this](pid_t pid) { return !seen_.contains(pid); });
  pause_ = any_new ? std::chrono::milliseconds{1} : std::min(2 * pause_, longest);
  seen_ = std::move(here);
}

std::vector<ProcessInfo> Tree::signal_all_but(const Sessions& spared, int number) {
  constexpr int most_walks = 8;            // a job that forks all the time gets no end of them
  constexpr std::size_t most_pidfds = 64;  // of the descriptors that dlock may open
  std::vector<ProcessInfo> signalled;
  std::set<pid_t> done;
  for (int walk = 0; walk < most_walks; ++walk) {
    // First find all, then signal them. A process that dies of the signal hands its children to
    // dlock, which has been looked at by then: a walk that signals as it goes would miss them.
    std::vector<std::pair<Fd, ProcessInfo>> found;
    visit_descendants([&](Fd& pidfd, const ProcessInfo& process) {
      if (spared.contains(process.session) || !done.insert(process.pid).second) return;
      found.emplace_back(found.size() < most_pidfds ? std::move(pidfd) : Fd{}, process);
    });
    if (found.empty()) break;
    for (const auto& [pidfd, process] : found) {
      send(pidfd, process.pid, number);
      if (process.state != 'Z' && process.state != 'X') signalled.push_back(process);
    }
  }
  return signalled;
}

void Tree::kill_if_alone(const Sessions& sessions) {
  bool alone = true;
  visit_descendants([&](const Fd&, const ProcessInfo& process) {
    alone = alone && sessions.contains(process.session);
  });
  if (!alone) return;
  visit_descendants([&](const Fd& pidfd, const ProcessInfo& process) {
    if (sessions.contains(process.session)) send(pidfd, process.pid, SIGKILL);
  });
}

std::string Tree::survivors() const {
  std::string text;
  for (const pid_t pid : seen_) {
    if (::kill(pid, 0) != 0 && errno == ESRCH) continue;
    const auto process = proc_.examine(pid);
    if (!text.empty()) text += ", ";
    const long user = proc_.user_of(pid);
    text += std::to_string(pid) + " (user " + (user < 0 ? "unknown" : std::to_string(user)) +
            ", state " + (process ? process->state : '?') + ")";
  }
  return text;
}

}  // namespace dlock
