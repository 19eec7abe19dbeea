#include "doctor/line_checks.h"

#include <algorithm>

namespace dlock::doctor {
namespace {

/// By its name alone: what resolves to this machine today may not do so tomorrow.
bool stays_on_this_machine(const Endpoint& endpoint) {
  return !endpoint.socket_path.empty() || endpoint.host == "localhost" || endpoint.host == "::1" ||
         endpoint.host.starts_with("127.");
}

bool stays_on_this_machine(const RedisAddress& address) {
  return std::all_of(address.endpoints.begin(), address.endpoints.end(),
                     [](const Endpoint& endpoint) { return stays_on_this_machine(endpoint); });
}

}  // namespace

Finding judge_encryption(const RedisAddress& address, const TlsOptions& tls) {
  Finding finding{.check = "encryption"};
  const bool halfway =
      address.deployment == Deployment::Sentinel && address.tls != address.sentinel_tls;
  if (address.uses_tls() && tls.insecure) {
    finding.verdict = Verdict::Weak;
    finding.fact = "TLS, but any certificate is taken (--tls-insecure)";
    finding.meaning =
        "whoever can redirect our connections learns the password, and can take and "
        "give locks; against everybody else the promise holds";
    finding.remedy = "leave out --tls-insecure, and name the CA with --tls-cacert";
  } else if (halfway && !stays_on_this_machine(address)) {
    finding.verdict = Verdict::Note;
    finding.fact = address.tls ? "TLS to the master, none to the Sentinels"
                               : "TLS to the Sentinels, none to the master";
    finding.meaning = address.tls ? "whoever can redirect our connections can say which of the "
                                    "servers with a certificate of our CA is the master"
                                  : "whoever can read or redirect our connections learns the "
                                    "password, and can take and give locks";
    finding.remedy = "rediss+sentinel:// with TLS on both, unless the network is trusted";
  } else if (address.uses_tls()) {
    finding.fact = tls.ca_file.empty() ? "TLS, checked against the CAs of the system"
                                       : "TLS, checked against " + tls.ca_file;
  } else if (stays_on_this_machine(address)) {
    finding.fact = "none, and none needed: the server is on this machine";
  } else {
    finding.verdict = Verdict::Note;
    finding.fact = "none";
    finding.meaning =
        "whoever can read or redirect our connections learns the password, and can "
        "take and give locks";
    finding.remedy = "rediss:// with TLS on the server, unless the network is trusted";
  }
  return finding;
}

Finding judge_login(const RedisAddress& address, const TlsOptions& tls) {
  Finding finding{.check = "password"};
  if (address.login.password.given()) {
    finding.fact = "given";
  } else if (!tls.certificate_file.empty()) {
    finding.fact = "none, but a certificate of our own";
  } else if (stays_on_this_machine(address)) {
    finding.fact = "none; the server is on this machine";
  } else {
    finding.verdict = Verdict::Note;
    finding.fact = "the server wants none";
    finding.meaning = "whoever reaches the server can delete locks while their jobs run";
    finding.remedy = "a user of its own with a password: ACL in dlock(1) has the least rights";
  }
  return finding;
}

}  // namespace dlock::doctor
