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
/// getaddrinfo(3) has no deadline, gives a silent name server 5 s, and cannot be called off, so
/// that each attempt needs a thread that may be left behind. c-ares sends and receives when it is
/// told to: a look-up is driven by whoever waits for it, and goes on where he left it. Each name
/// server has 0.25 s before the next one is asked, and twice as long in each round. resolv.conf and
/// hosts are read for each look-up, for a job outlives them. The modules of nsswitch.conf are not
/// asked.
///
/// Addresses of IPv6 and IPv4 are asked for side by side (RFC 8305): name servers that do not
/// answer for the one kind must not hide the other.
class Lookup {
 public:
  /// Begins. What is in /etc/hosts is found at once.
  Lookup(const std::string& host, int port);
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  /// Takes what has come, and asks further. Never waits.
  void go_on();
  /// To be called again when one of these is ready, or when that moment has come.
  void watch(std::vector<pollfd>& watched) const;
  Instant due() const;

  bool finished() const;
  /// The kinds take turns, IPv6 first. More may follow until it has finished.
  std::vector<SocketAddress> found() const;
  /// Why nothing was found so far, with the name servers that were asked: for a person.
  std::string why_nothing() const;

  Duration age() const;
  /// How many times a name server was given up.
  int silences() const;
  bool asked_name_servers() const;
  /// Nothing is to be expected of it any more, or something that was true once: resolv.conf is not
  /// what it was, or nobody has driven it for long.
  bool is_stale() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The names that a name stands for, in the order in which they are to be asked for: see `search`
/// and `ndots` in resolv.conf(5).
std::vector<std::string> full_names(const std::string& name, const std::vector<std::string>& search,
                                    int ndots);

}  // namespace dlock::redis
