// The times that a peer writes into a lock, in ISO 8601.
#include "core/iso_time.h"
#include "fuzz/property.h"

using namespace dlock;

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const auto moment = parse_iso(text);
  if (moment) fuzz::require(iso_of(*moment) == text, "a time is written as it was parsed");
  return 0;
}
