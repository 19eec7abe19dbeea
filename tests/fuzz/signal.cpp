// The names and numbers of signals in --signal and --warn-signal.
#include "core/signals.h"
#include "fuzz/property.h"

#include <csignal>

using namespace dlock;

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto signal = parse_signal(text);
  if (!signal) return 0;
  fuzz::require(*signal >= 1 && *signal <= SIGRTMAX, "a signal is one that can be sent");
  fuzz::require(parse_signal(std::to_string(*signal)) == signal, "its number means the same");
  if (*signal < 32)
    fuzz::require(parse_signal(signal_name(*signal)) == signal, "its name means the same");
  return 0;
}
