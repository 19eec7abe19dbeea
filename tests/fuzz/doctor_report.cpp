// A report of dlock doctor, as text and as JSON: its facts contain text from servers.
#include "doctor/doctor.h"
#include "fuzz/property.h"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace dlock::doctor;

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  Finding finding{.check = "server", .fact = std::string{fuzz::take_line(text)}};
  finding.meaning = fuzz::take_line(text);
  finding.remedy = text;
  if (!finding.meaning.empty()) finding.verdict = Verdict::Weak;
  const Diagnosis report{"redis://host", {finding}};

  const std::string lines = to_lines(report);
  fuzz::require(fuzz::repaints_nothing(lines), "a report is printable");
  const std::string json = to_json(report);
  fuzz::require(std::count(json.begin(), json.end(), '\n') <= 1, "JSON is one line");
  fuzz::require(fuzz::repaints_nothing(json) && nlohmann::json::accept(json), "JSON is printable");
  return 0;
}
