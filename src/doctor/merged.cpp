#include "doctor/merged.h"

#include <algorithm>

namespace dlock::doctor {
namespace {

/// A finding and those who share it.
struct Shared {
  Finding finding;
  std::vector<std::string> servers;
};

bool alike(const Finding& a, const Finding& b) {
  return a.check == b.check && a.verdict == b.verdict && a.fact == b.fact &&
         a.meaning == b.meaning && a.remedy == b.remedy;
}

std::string names_of(const Shared& shared, std::size_t all) {
  if (shared.servers.size() == all) return "all " + std::to_string(all) + " servers: ";
  std::string names;
  for (const std::string& name : shared.servers) names += (names.empty() ? "" : ", ") + name;
  return names + ": ";
}

}  // namespace

Findings merged(const std::vector<FindingsOf>& servers) {
  if (servers.size() == 1) return servers.front().findings;
  std::vector<Shared> shared;
  for (const auto& [server, findings] : servers) {
    for (const Finding& finding : findings) {
      const auto known = std::find_if(shared.begin(), shared.end(), [&](const Shared& other) {
        return alike(other.finding, finding);
      });
      if (known != shared.end()) {
        known->servers.push_back(server);
        continue;
      }
      // Next to the same check of other servers, so that they can be compared.
      const auto same_check =
          std::find_if(shared.rbegin(), shared.rend(),
                       [&](const Shared& other) { return other.finding.check == finding.check; });
      shared.insert(same_check == shared.rend() ? shared.end() : same_check.base(),
                    {finding, {server}});
    }
  }
  Findings findings;
  for (Shared& one : shared) {
    const bool named = one.finding.fact.starts_with(one.servers.front());
    if (!named) one.finding.fact.insert(0, names_of(one, servers.size()));
    findings.push_back(std::move(one.finding));
  }
  return findings;
}

}  // namespace dlock::doctor
