#include "doctor/network_checks.h"

#include "core/duration.h"
#include "doctor/findings.h"
#include "os/clock.h"
#include "os/wait.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace dlock::doctor {

namespace {

/// By its name alone: a name that resolves to this machine today can change.
bool stays_on_this_machine(const Endpoint& endpoint) {
  return !endpoint.socket_path.empty() || endpoint.host == "localhost" || endpoint.host == "::1" ||
         endpoint.host.starts_with("127.");
}

bool stays_on_this_machine(const RedisAddress& address) {
  return std::all_of(address.endpoints.begin(), address.endpoints.end(),
                     [](const Endpoint& endpoint) { return stays_on_this_machine(endpoint); });
}

using namespace std::chrono_literals;

std::string in_ms(Duration duration) {
  return to_text(std::chrono::round<std::chrono::milliseconds>(duration));
}

struct Asked {
  NameView view;
  std::shared_ptr<redis::ServerAddresses> where;
  redis::Lookup& lookup;

  void go_on() {
    lookup.go_on();
    const auto found = lookup.found().size();
    if (view.addresses == 0 && found > 0) view.took = lookup.age();
    view.addresses = found;
  }
};

std::vector<Asked> ask_for(const std::vector<Endpoint>& endpoints, redis::AddressBook& book) {
  std::vector<Asked> all;
  for (const Endpoint& endpoint : endpoints) {
    const bool known = std::any_of(all.begin(), all.end(), [&](const Asked& asked) {
      return asked.view.host == endpoint.host;
    });
    const auto where = book.of(endpoint);
    if (known || where->need_no_lookup()) continue;
    redis::Lookup& lookup = where->look_up();
    if (lookup.asked_name_servers()) all.push_back({{.host = endpoint.host}, where, lookup});
  }
  return all;
}

/// All in parallel, until each has finished or the time is over.
void await(std::vector<Asked>& all, Instant until) {
  for (;;) {
    std::vector<pollfd> watched;
    Instant next = until;
    bool finished = true;
    for (Asked& asked : all) {
      asked.go_on();
      asked.lookup.watch(watched);
      next = std::min(next, asked.lookup.due());
      finished = finished && asked.lookup.finished();
    }
    if (finished || BootClock::now() >= until) return;
    wait_for_any(watched, next);
  }
}

}  // namespace

Finding judge_encryption(const RedisAddress& address, const TlsOptions& tls) {
  Finding finding{.check = "encryption"};
  const bool halfway =
      address.deployment == Deployment::Sentinel && address.tls != address.sentinel_tls;
  if (address.uses_tls() && tls.insecure) {
    finding.verdict = Verdict::Weak;
    finding.fact = "TLS, but any certificate is accepted (--tls-insecure)";
    finding.meaning =
        "an attacker who can redirect connections learns the password, and can take and release "
        "locks; otherwise the promise holds";
    finding.remedy = "remove --tls-insecure, and name the CA with --tls-cacert";
  } else if (halfway && !stays_on_this_machine(address)) {
    finding.verdict = Verdict::Note;
    finding.fact = address.tls ? "TLS to the master, none to the Sentinels"
                               : "TLS to the Sentinels, none to the master";
    finding.meaning = address.tls ? "an attacker who can redirect connections can choose the "
                                    "master among the servers with a certificate of the CA"
                                  : "an attacker who can read or redirect connections learns the "
                                    "password, and can take and release locks";
    finding.remedy = "use rediss+sentinel:// with TLS on both, unless the network is trusted";
  } else if (address.uses_tls()) {
    finding.fact = tls.ca_file.empty() ? "TLS, checked against the CAs of the system"
                                       : "TLS, checked against " + tls.ca_file;
  } else if (stays_on_this_machine(address)) {
    finding.fact = "none, and not needed: the server is on this machine";
  } else {
    finding.verdict = Verdict::Note;
    finding.fact = "none";
    finding.meaning =
        "an attacker who can read or redirect connections learns the password, and can take and "
        "release locks";
    finding.remedy = "use rediss:// with TLS on the server, unless the network is trusted";
  }
  return finding;
}

Finding judge_login(const RedisAddress& address, const TlsOptions& tls) {
  Finding finding{.check = "password"};
  if (address.login.password.given()) {
    finding.fact = "given";
  } else if (!tls.certificate_file.empty()) {
    finding.fact = "none, but a client certificate";
  } else if (stays_on_this_machine(address)) {
    finding.fact = "none; the server is on this machine";
  } else {
    finding.verdict = Verdict::Note;
    finding.fact = "the server requires none";
    finding.meaning = "any client that reaches the server can delete locks while their jobs run";
    finding.remedy = "create a user with a password: ACL in dlock(1) lists the least rights";
  }
  return finding;
}

Finding judge_name(const NameView& view, Duration request_timeout) {
  Finding finding{.check = "name"};
  const char* const fix =
      "fix the name server, remove it from /etc/resolv.conf, or give the host by its address or in "
      "/etc/hosts";
  if (view.addresses == 0) {
    finding.verdict = Verdict::Weak;
    finding.fact = view.host + " could not be resolved: " + view.why;
    finding.meaning = "a run that starts now does not reach it";
    finding.remedy = fix;
    return finding;
  }
  finding.fact = view.host + " has " + std::to_string(view.addresses) +
                 (view.addresses == 1 ? " address" : " addresses") + ", found in " +
                 in_ms(view.took);
  constexpr Duration long_time = 100ms;
  if (view.timeouts > 0) finding.fact += "; a name server did not answer";
  if (view.only_half)
    finding.fact += "; the name servers answer only one of the IPv4 and IPv6 queries";
  if (view.took >= request_timeout) {
    finding.verdict = Verdict::Weak;
    finding.meaning = "longer than the " + in_ms(request_timeout) +
                      " of a renewal: over a new connection a renewal uses the previous address, "
                      "and a run that starts needs several attempts";
    finding.remedy = fix;
  } else if (view.timeouts > 0 || view.only_half || view.took >= long_time) {
    finding.verdict = Verdict::Note;
    finding.meaning = "each new connection takes that much longer";
    finding.remedy = fix;
  }
  return finding;
}

Findings check_names(const std::vector<Endpoint>& endpoints, redis::AddressBook& book,
                     Duration request_timeout, const Budget& budget) {
  std::vector<Asked> all = ask_for(endpoints, book);
  await(all, budget.deadline_for(2).until);
  std::vector<FindingsOf> of_hosts;
  for (Asked& asked : all) {
    NameView& view = asked.view;
    view.only_half = view.addresses > 0 && !asked.lookup.finished();
    view.timeouts = asked.lookup.timeouts();
    if (view.addresses > 0)
      asked.where->name(asked.lookup.found());
    else
      view.why = asked.lookup.why_nothing();
    asked.where->rest(false);
    of_hosts.push_back({view.host, {judge_name(view, request_timeout)}});
  }
  return merged(of_hosts);
}

}  // namespace dlock::doctor
