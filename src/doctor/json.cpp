#include "core/text.h"
#include "doctor/doctor.h"

#include <nlohmann/json.hpp>

namespace dlock::doctor {
namespace {}  // namespace

std::string to_json(const Report& report) {
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
