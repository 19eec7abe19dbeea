#pragma once

#include "core/time.h"
#include "redis/socket_address.h"

#include <memory>
#include <poll.h>
#include <string>
#include <vector>

namespace dlock::redis {

/// One look-up of a host name: in /etc/hosts and, if it is not there, in the DNS.
///
/// getaddrinfo(3) has no timeout, waits 5 s for a name server that does not answer, and cannot be
/// cancelled, so each attempt would need a thread that may be left behind. c-ares does I/O only
/// when it is called: its caller drives the look-up and can pause and resume it. The next name
/// server is asked after 0.25 s, and each round doubles that time. resolv.conf and hosts are read
/// for each look-up, because a job can outlive their contents. The modules of nsswitch.conf are not
/// used.
///
/// The queries for IPv6 and IPv4 run in parallel (RFC 8305): name servers that do not answer one of
/// them must not hide the other.
class Lookup {
 public:
  /// Starts the look-up. Addresses in /etc/hosts are found at once.
  Lookup(const std::string& host, int port);
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  /// Processes the replies that have arrived and sends the next queries. Never blocks.
  void go_on();
  /// Call go_on() again when one of these is ready, or at due().
  void watch(std::vector<pollfd>& watched) const;
  Instant due() const;

  bool finished() const;
  /// The families alternate, IPv6 first. More addresses can follow until the look-up has finished.
  std::vector<SocketAddress> found() const;
  /// Why nothing was found so far, with the queried name servers, for a message.
  std::string why_nothing() const;

  Duration age() const;
  /// How many times a query to a name server timed out.
  int timeouts() const;
  bool asked_name_servers() const;
  /// Whether no result, or only an outdated one, can be expected: resolv.conf has changed, or the
  /// look-up was paused for long.
  bool is_stale() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The names to query for a name, in order: see `search` and `ndots` in resolv.conf(5).
std::vector<std::string> full_names(const std::string& name, const std::vector<std::string>& search,
                                    int ndots);

}  // namespace dlock::redis
