#include "cli/command_line.h"

#include <algorithm>
#include <string_view>

namespace dlock::cli {
namespace {

char** find_dashes(int argc, char** argv) {
  return std::find_if(argv + std::min(argc, 1), argv + argc,
                      [](const char* word) { return std::string_view{word} == "--"; });
}

}  // namespace

CommandLine split_at_dashes(int argc, char** argv) {
  char** const end = argv + argc;
  char** const dashes = find_dashes(argc, argv);
  CommandLine line;
  line.ours.assign(argv + std::min(argc, 1), dashes);
  line.has_dashes = dashes != end;
  if (line.has_dashes) line.job.assign(dashes + 1, end);
  return line;
}

bool wipe_url_secrets(int argc, char** argv) {
  bool any = false;
  char** const dashes = find_dashes(argc, argv);
  for (char** word = argv; word < dashes; ++word) {
    const std::string_view text{*word};
    const auto scheme = text.find("://");
    const auto at = text.rfind('@');
    if (scheme == text.npos || at == text.npos || at < scheme + 3) continue;
    any = any || text.substr(scheme + 3, at - scheme - 3).find(':') != text.npos;
    std::fill(*word + scheme + 3, *word + at, '*');
  }
  return any;
}

}  // namespace dlock::cli
