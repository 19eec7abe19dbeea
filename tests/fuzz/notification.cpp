// The messages of a job by sd_notify and by `dlock heartbeat`.
#include "core/heartbeat.h"
#include "fuzz/property.h"
#include "heartbeat/heartbeat_client.h"

#include <algorithm>

using namespace dlock;

namespace {

bool is_for_us(std::string_view line) {
  return line == "WATCHDOG=1" || line.starts_with("MAINPID=");
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const Notification read = read_notification(text);
  const auto said = fuzz::lines_of(text);
  const auto passed_on = fuzz::lines_of(read.rest);

  fuzz::require(read.beat == (std::find(said.begin(), said.end(), "WATCHDOG=1") != said.end()),
                "a report is a whole line");
  fuzz::require(std::none_of(passed_on.begin(), passed_on.end(), is_for_us),
                "lines for dlock are not passed on");
  std::vector<std::string_view> for_others;
  std::copy_if(said.begin(), said.end(), std::back_inserter(for_others),
               [](std::string_view line) { return !line.empty() && !is_for_us(line); });
  std::vector<std::string_view> heard;
  std::copy_if(passed_on.begin(), passed_on.end(), std::back_inserter(heard),
               [](std::string_view line) { return !line.empty(); });
  fuzz::require(heard == for_others, "the rest is passed on in order");
  fuzz::require(std::any_of(said.begin(), said.end(), is_for_us) || read.rest == text,
                "without a line for dlock no byte is changed");

  const auto answer = heartbeat_answer(text);
  fuzz::require(!answer || word_of(*answer) == text, "a reply is one of the known words");
  return 0;
}
