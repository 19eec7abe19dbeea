#include "redis/lookup.h"

#include "core/duration.h"
#include "os/clock.h"
#include "os/wait.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

#define CARES_NO_DEPRECATED  // 1.28 renames some functions, and 1.18 lacks the new names
#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <tuple>

namespace dlock::redis {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_patience = 250ms;  // with one name server
constexpr int rounds = 5;
constexpr Duration longest = 30s;  // three name servers that never answer take 23 s
/// How much longer than for an IPv4 address to wait for the first IPv6 address (RFC 8305, section
/// 3).
constexpr Duration wait_for_other_kind = 50ms;

/// Sockets like all of dlock's: close-on-exec from the start, and without SIGPIPE when a name
/// server closes the connection.
const ares_socket_functions own_sockets{
    .asocket = [](int family, int type, int protocol, void* error) -> ares_socket_t {
      const int socket = ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
      if (socket < 0) *static_cast<int*>(error) = errno;
      return socket;
    },
    .aclose = [](ares_socket_t socket, void*) { return ::close(socket); },
    .aconnect = [](ares_socket_t socket, const sockaddr* to, ares_socklen_t size,
                   void*) { return ::connect(socket, to, size); },
    .arecvfrom = [](ares_socket_t socket, void* into, size_t size, int flags, sockaddr* from,
                    ares_socklen_t* from_size,
                    void*) { return ::recvfrom(socket, into, size, flags, from, from_size); },
    .asendv = [](ares_socket_t socket, const iovec* parts, int count, void*) -> ares_ssize_t {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(parts);
      message.msg_iovlen = static_cast<std::size_t>(count);
      return ::sendmsg(socket, &message, MSG_NOSIGNAL);
    },
};

/// Identifies a file and its modification time; all zero if it is missing.
using Version = std::tuple<ino_t, off_t, time_t, long>;
Version version_of_settings() {
  struct stat file {};
  if (::stat("/etc/resolv.conf", &file) != 0) return {};
  return {file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec};
}

bool is_localhost(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name == "localhost" || name.ends_with(".localhost");
}

std::string reason_for(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
      return "the name does not exist";
    case ARES_ENODATA:
      return "the name has no address";
    case ARES_ETIMEOUT:
      return "no name server answered";
    case ARES_ECONNREFUSED:  // 1.18 also reports this when all of them fail or refuse
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ENOTIMP:
      return "no name server could answer";
    case ARES_EBADRESP:
    case ARES_EFORMERR:
      return "the name servers sent an invalid reply";
    case ARES_EBADNAME:
      return "the name is invalid";
    case ARES_EFILE:
      return "/etc/resolv.conf or /etc/hosts cannot be read";
    default:
      return ares_strerror(status);
  }
}

}  // namespace

std::vector<std::string> full_names(const std::string& name, const std::vector<std::string>& search,
                                    int ndots) {
  if (name.ends_with('.')) return {name};
  std::vector<std::string> names;
  for (const std::string& domain : search) {
    if (!domain.empty() && domain != ".") names.push_back(name + "." + domain);
  }
  const bool as_it_is_first = std::count(name.begin(), name.end(), '.') >= ndots;
  names.insert(as_it_is_first ? names.begin() : names.end(), name);
  return names;
}

class Lookup::Impl {
 public:
  Impl(std::string host, int port) : host_(std::move(host)), port_(port) {
    if (!open_channel() || look_into_hosts()) return;
    names_ = full_names_of_this_host();
    name_servers_ = name_servers();
    ask();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Calls the callback of each open question, so all members must still exist.
  ~Impl() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }

  void go_on() {
    if (finished()) return;
    std::vector<pollfd> sockets = sockets_;  // c-ares opens and closes some meanwhile
    wait_for_any(sockets, BootClock::now());
    for (const pollfd& socket : sockets) {
      const bool reads = (socket.revents & ~POLLOUT) != 0;
      const bool writes = (socket.revents & ~POLLIN) != 0;
      if (!reads && !writes) continue;
      ares_process_fd(channel_, reads ? socket.fd : ARES_SOCKET_BAD,
                      writes ? socket.fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // handles those that timed out
    ask();
  }

  void watch(std::vector<pollfd>& watched) const {
    if (!finished()) watched.insert(watched.end(), sockets_.begin(), sockets_.end());
  }

  Instant due() const {
    if (finished()) return never;
    timeval left{};
    const timeval* const next = ares_timeout(channel_, nullptr, &left);
    if (next == nullptr) return never;
    // It counts in milliseconds: a wait that ends a moment early would cause a busy loop.
    const Duration after = std::chrono::seconds{next->tv_sec} +
                           std::chrono::microseconds{next->tv_usec} + std::chrono::milliseconds{1};
    const Instant due = BootClock::now() + after;
    const bool held_back = !v4_.addresses.empty() && found().empty();
    return held_back ? std::min(due, v4_.settled_at + wait_for_other_kind) : due;
  }

  bool finished() const { return finished_; }

  std::vector<SocketAddress> found() const {
    if (!finished_ && v6_.addresses.empty() &&
        (v4_.addresses.empty() || BootClock::now() < v4_.settled_at + wait_for_other_kind))
      return {};
    std::vector<SocketAddress> turns;
    for (std::size_t i = 0; i < std::max(v6_.addresses.size(), v4_.addresses.size()); ++i) {
      for (const Question* kind : {&v6_, &v4_}) {
        if (i < kind->addresses.size()) turns.push_back(kind->addresses[i]);
      }
    }
    return turns;
  }

  std::string why_nothing() const {
    const int status = finished_ ? status_ : ARES_ETIMEOUT;
    std::string why = reason_for(status);
    if (status == ARES_ECONNREFUSED && socket_error_ != 0)
      why += std::string{": "} + ::strerror(socket_error_);
    if (status == ARES_ETIMEOUT) {
      using Hundredths =
          std::chrono::duration<std::int64_t, std::centi>;  // it began a little after the attempt
      why += " within " + to_text(std::chrono::round<Hundredths>(age()));
    }
    return name_servers_.empty() ? why : why + " (asked: " + name_servers_ + ")";
  }

  Duration age() const { return (finished_ ? finished_at_ : BootClock::now()) - began_; }
  int timeouts() const { return timeouts_; }
  bool asked_name_servers() const { return asked_ > 0; }
  bool is_stale() const { return age() > longest || settings_ != version_of_settings(); }

 private:
  /// The query for the addresses of one family.
  struct Question {
    Impl* lookup;
    int family;
    bool open = false;
    int status = ARES_ENOTFOUND;
    Instant settled_at = never;
    std::vector<SocketAddress> addresses = {};
  };

  bool open_channel() {
    [[maybe_unused]] static const int ready = ares_library_init(ARES_LIB_INIT_ALL);
    ares_options options{};
    std::array<char, 2> files{'f', '\0'};  // for ares_getaddrinfo, which needs no other source here
    options.lookups = files.data();
    options.timeout = static_cast<int>(first_patience.count());
    options.tries = rounds;
    options.sock_state_cb_data = this;
    options.sock_state_cb = [](void* lookup, ares_socket_t socket, int reads, int writes) {
      static_cast<Impl*>(lookup)->note_socket(socket, reads != 0, writes != 0);
    };
    const int status = ares_init_options(
        &channel_, &options,
        ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
      channel_ = nullptr;
      finish(status);
      return false;
    }
    ares_set_socket_functions(channel_, &own_sockets, &socket_error_);
    return true;
  }

  void note_socket(int socket, bool reads, bool writes) {
    std::erase_if(sockets_, [&](const pollfd& known) { return known.fd == socket; });
    const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
    if (events != 0) sockets_.push_back({socket, static_cast<short>(events), 0});
  }

  bool look_into_hosts() {
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(
        channel_, host_.c_str(), nullptr, &hints,
        [](void* lookup, int, int, ares_addrinfo* found) {
          if (found == nullptr) return;
          for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next)
            static_cast<Impl*>(lookup)->add(*node->ai_addr);
          ares_freeaddrinfo(found);
        },
        this);
    if (v4_.addresses.empty() && v6_.addresses.empty()) {
      if (!is_localhost(host_)) return false;
      // RFC 6761: name servers must not be asked for this name, and some give wrong answers.
      const in_addr v4{htonl(INADDR_LOOPBACK)};
      v4_.addresses.push_back(internet_address(AF_INET, &v4, port_));
      v6_.addresses.push_back(internet_address(AF_INET6, &in6addr_loopback, port_));
    }
    finish(ARES_SUCCESS);
    return true;
  }

  void add(const sockaddr& address) {
    // Read as the type that its family implies.
    if (address.sa_family == AF_INET) {
      const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
      v4_.addresses.push_back(internet_address(AF_INET, &v4.sin_addr, port_));
    } else if (address.sa_family == AF_INET6) {
      const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
      v6_.addresses.push_back(internet_address(AF_INET6, &v6.sin6_addr, port_, v6.sin6_scope_id));
    }
  }

  /// As the C library reads resolv.conf, LOCALDOMAIN and RES_OPTIONS: c-ares does not expose its
  /// own result.
  std::vector<std::string> full_names_of_this_host() const {
    struct __res_state settings {};
    if (::res_ninit(&settings) != 0) return {host_};
    std::vector<std::string> search;
    for (char** domain = settings.dnsrch; *domain != nullptr; ++domain)
      search.emplace_back(*domain);
    const int ndots = static_cast<int>(settings.ndots);
    ::res_nclose(&settings);
    return full_names(host_, search, ndots);
  }

  /// Queries the next name, once the answer for the one before is that it does not exist.
  void ask() {
    while (!finished_ && !v4_.open && !v6_.open) {
      const bool any = !v4_.addresses.empty() || !v6_.addresses.empty();
      if (asked_ > 0 && (any || !nothing_by_that_name())) return finish(status_of_both());
      if (asked_ == names_.size()) return finish(status_of_both());
      const std::string& name = names_[asked_++];
      for (Question* kind : {&v6_, &v4_}) {
        kind->open = true;
        ares_query(channel_, name.c_str(), ns_c_in, kind->family == AF_INET ? ns_t_a : ns_t_aaaa,
                   &Impl::take_answer, kind);
      }
    }
  }

  static void take_answer(void* question, int status, int timeouts, unsigned char* answer,
                          int size) {
    auto& kind = *static_cast<Question*>(question);
    if (status == ARES_SUCCESS) status = kind.lookup->read_answer(kind, answer, size);
    kind.lookup->timeouts_ += timeouts;
    kind.open = false;
    kind.status = status;
    kind.settled_at = BootClock::now();
  }

  int read_answer(Question& kind, const unsigned char* answer, int size) const {
    constexpr int most = 32;
    int count = most;
    if (kind.family == AF_INET) {
      std::array<ares_addrttl, most> list;
      const int status = ares_parse_a_reply(answer, size, nullptr, list.data(), &count);
      for (int i = 0; status == ARES_SUCCESS && i < count; ++i)
        kind.addresses.push_back(
            internet_address(AF_INET, &list[static_cast<std::size_t>(i)].ipaddr, port_));
      return status;
    }
    std::array<ares_addr6ttl, most> list;
    const int status = ares_parse_aaaa_reply(answer, size, nullptr, list.data(), &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; ++i)
      kind.addresses.push_back(
          internet_address(AF_INET6, &list[static_cast<std::size_t>(i)].ip6addr, port_));
    return status;
  }

  /// Only then the next name of the search list may be meant. After any other failure that is
  /// unknown, and a name further down the list could lead to another server.
  bool nothing_by_that_name() const {
    const auto says_no = [](int status) {
      return status == ARES_ENOTFOUND || status == ARES_ENODATA;
    };
    return v4_.status == ARES_ENOTFOUND || v6_.status == ARES_ENOTFOUND ||
           (says_no(v4_.status) && says_no(v6_.status));
  }

  int status_of_both() const { return v4_.status == ARES_ENODATA ? v6_.status : v4_.status; }

  void finish(int status) {
    finished_ = true;
    finished_at_ = BootClock::now();
    status_ = status;
  }

  std::string name_servers() const {
    ares_addr_port_node* list = nullptr;
    if (ares_get_servers_ports(channel_, &list) != ARES_SUCCESS) return {};
    std::string names;
    for (const ares_addr_port_node* server = list; server != nullptr; server = server->next) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      ::inet_ntop(server->family, &server->addr, text.data(), text.size());
      names += (names.empty() ? "" : ", ") + std::string{text.data()};
    }
    ares_free_data(list);
    return names;
  }

  std::string host_;
  int port_;
  const Instant began_ = BootClock::now();
  const Version settings_ = version_of_settings();
  ares_channel channel_ = nullptr;
  int socket_error_ = 0;  // of the last socket that could not be created
  std::vector<pollfd> sockets_;
  std::vector<std::string> names_;
  std::string name_servers_;  // c-ares reorders them meanwhile
  std::size_t asked_ = 0;     // this many of them
  Question v4_{this, AF_INET};
  Question v6_{this, AF_INET6};
  int timeouts_ = 0;
  bool finished_ = false;
  Instant finished_at_ = never;
  int status_ = ARES_SUCCESS;
};

Lookup::Lookup(const std::string& host, int port) : impl_(std::make_unique<Impl>(host, port)) {}
Lookup::~Lookup() = default;
void Lookup::go_on() { impl_->go_on(); }
void Lookup::watch(std::vector<pollfd>& watched) const { impl_->watch(watched); }
Instant Lookup::due() const { return impl_->due(); }
bool Lookup::finished() const { return impl_->finished(); }
std::vector<SocketAddress> Lookup::found() const { return impl_->found(); }
std::string Lookup::why_nothing() const { return impl_->why_nothing(); }
Duration Lookup::age() const { return impl_->age(); }
int Lookup::timeouts() const { return impl_->timeouts(); }
bool Lookup::asked_name_servers() const { return impl_->asked_name_servers(); }
bool Lookup::is_stale() const { return impl_->is_stale(); }

}  // namespace dlock::redis
