// /proc/<pid>/stat, by which the tree of a job is found. A process can choose its name in it. The
// first line of the input is the rest of the file, the following text is the name.
#include "fuzz/property.h"
#include "os/proc.h"

using namespace dlock;

namespace {

bool same(const ProcessInfo& a, const ProcessInfo& b) {
  return a.pid == b.pid && a.parent == b.parent && a.group == b.group && a.session == b.session &&
         a.state == b.state;
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text = fuzz::text_of(data, size);
  const auto found = parse_stat(4711, std::string{text});
  fuzz::require(!found || found->pid == 4711, "a process has the pid by which it was found");

  std::string rest{fuzz::take_line(text)};
  // The kernel closes the parenthesis, and the numbers after it contain none.
  if (rest.find(')') != rest.npos) return 0;
  const std::string name{text};
  const auto plain = parse_stat(4711, "4711 (sh)" + rest);
  const auto named = parse_stat(4711, "4711 (" + name + ")" + rest);
  fuzz::require(plain.has_value() == named.has_value(), "a process is found whatever its name is");
  fuzz::require(!plain || same(*plain, *named),
                "the fields of a process do not depend on its name");
  return 0;
}
