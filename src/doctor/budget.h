#pragma once

#include "core/lease.h"
#include "os/clock.h"
#include "store/store.h"

#include <algorithm>

namespace dlock::doctor {

/// Bounds the time for a store that does not answer, however many servers it has: each request gets
/// the time of a renewal, and all of them together a few seconds.
class Budget {
 public:
  explicit Budget(const LeaseTerms& terms)
      : request_(std::min<Duration>(terms.request_timeout(), longest_request)),
        ends_(BootClock::now() + everything) {}

  CallDeadline deadline() const { return {std::min(BootClock::now() + request_, ends_)}; }
  /// For a request that can have to go to several servers in turn.
  CallDeadline deadline_for(std::size_t servers) const {
    return {std::min(BootClock::now() + request_ * static_cast<long>(servers), ends_)};
  }
  bool spent() const { return BootClock::now() >= ends_; }

 private:
  static constexpr Duration longest_request = std::chrono::seconds{2};
  static constexpr Duration everything = std::chrono::seconds{6};

  Duration request_;
  Instant ends_;
};

}  // namespace dlock::doctor
