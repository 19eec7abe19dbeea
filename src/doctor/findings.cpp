#include "doctor/findings.h"

#include "core/text.h"
#include "doctor/doctor.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace dlock::doctor {

const char* word_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::Good:
      return "ok";
    case Verdict::Note:
      return "note";
    case Verdict::Weak:
      return "weak";
    case Verdict::Broken:
      return "broken";
  }
  return "";
}

namespace {

/// A finding and the servers that share it.
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

constexpr std::size_t page_width = 100;

/// In capitals if it must not be overlooked.
std::string shown(Verdict verdict) {
  return verdict == Verdict::Broken ? "BROKEN" : word_for(verdict);
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

/// The text after the start of its first line; further lines are indented to it.
std::string hanging(const std::string& start, const std::string& text) {
  const std::size_t width = page_width - start.size();
  std::string rest = printable(text);
  std::string out = start;
  while (rest.size() > width) {
    auto blank = rest.rfind(' ', width);
    if (blank == rest.npos) blank = rest.find(' ');  // a word too long to break
    if (blank == rest.npos) break;
    out += rest.substr(0, blank) + "\n" + std::string(start.size(), ' ');
    rest.erase(0, blank + 1);
  }
  return out + rest + "\n";
}

std::string lines_of(const Finding& finding, std::size_t check_width) {
  std::string out =
      hanging("  " + padded(shown(finding.verdict), 8) + padded(finding.check, check_width + 2),
              finding.fact);
  if (!finding.meaning.empty()) out += hanging("            means: ", finding.meaning);
  if (!finding.remedy.empty()) out += hanging("            fix:   ", finding.remedy);
  return out;
}

/// `12 ok, 2 notes, 1 weak, 1 BROKEN`, without the zero counts.
std::string counts(const Findings& findings) {
  std::map<Verdict, int> count;
  for (const Finding& finding : findings) ++count[finding.verdict];
  std::string out;
  for (const auto& [verdict, number] : count) {
    const bool plural = verdict == Verdict::Note && number > 1;
    out += (out.empty() ? "" : ", ") + std::to_string(number) + " " + shown(verdict) +
           (plural ? "s" : "");
  }
  return out;
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
      // Next to the same check of other servers, for comparison.
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

bool Diagnosis::ok() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.verdict == Verdict::Broken; });
}

std::string to_lines(const Diagnosis& report) {
  std::size_t check_width = 0;
  for (const Finding& finding : report.findings)
    check_width = std::max(check_width, finding.check.size());
  std::string out;
  const auto add_area = [&](Area area, const std::string& title) {
    out += hanging("", title);
    for (const Finding& finding : report.findings) {
      if (finding.area == area) out += lines_of(finding, check_width);
    }
    out += "\n";
  };
  add_area(Area::Store, "store " + report.store);
  add_area(Area::Machine, "this machine");
  return out + counts(report.findings) +
         (report.ok() ? ": dlock can keep its promise here\n"
                      : ": dlock cannot keep its promise here\n");
}

std::string to_json(const Diagnosis& report) {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings) {
    findings.push_back({{"area", finding.area == Area::Store ? "store" : "machine"},
                        {"check", finding.check},
                        {"verdict", word_for(finding.verdict)},
                        {"fact", printable(finding.fact)},
                        {"meaning", printable(finding.meaning)},
                        {"remedy", printable(finding.remedy)}});
  }
  const nlohmann::ordered_json object{
      {"ok", report.ok()}, {"store", printable(report.store)}, {"findings", std::move(findings)}};
  return object.dump() + "\n";
}

}  // namespace dlock::doctor
