#include "core/text.h"

#include "doctor/doctor.h"

#include <algorithm>
#include <map>

namespace dlock::doctor {
namespace {

constexpr std::size_t page_width = 100;

/// In capitals what must not be overlooked.
std::string shown(Verdict verdict) {
  return verdict == Verdict::Broken ? "BROKEN" : word_for(verdict);
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

/// The text behind what stands at the start of its first line; further lines begin below it.
std::string hanging(const std::string& start, const std::string& text) {
  const std::size_t width = page_width - start.size();
  std::string rest = printable(text);
  std::string out = start;
  while (rest.size() > width) {
    auto blank = rest.rfind(' ', width);
    if (blank == rest.npos) blank = rest.find(' ');  // a word too long to be broken
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
  if (!finding.remedy.empty()) out += hanging("            mend:  ", finding.remedy);
  return out;
}

/// `12 ok, 2 notes, 1 weak, 1 BROKEN`, without those that there are none of.
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

std::string to_lines(const Report& report) {
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

}  // namespace dlock::doctor
