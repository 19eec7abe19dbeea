#pragma once

#include "core/ending.h"
#include "core/result.h"
#include "core/time.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace dlock {

// What `dlock heartbeat` and the engine say to each other: one datagram with the question and one
// end of a socket pair, through which the answer comes back. A dlock that dies closes that end, and
// one that never reads needs no address of ours. Words and not numbers: after an upgrade the two
// may be of different versions.

inline constexpr std::string_view heartbeat_question = "DLOCK_HEARTBEAT=1";

enum class HeartbeatAnswer {
  Held,
  Lost,         // or about to be: the engine is killing the job, or has released the lock
  Unconfirmed,  // the lease is over and the store silent: --on-silence=continue
};

inline constexpr std::array<std::pair<HeartbeatAnswer, std::string_view>, 3> heartbeat_answers{
    {{HeartbeatAnswer::Held, "held"},
     {HeartbeatAnswer::Lost, "lost"},
     {HeartbeatAnswer::Unconfirmed, "unproved"}}};

constexpr std::string_view word_of(HeartbeatAnswer answer) {
  for (const auto& [known, word] : heartbeat_answers) {
    if (known == answer) return word;
  }
  return {};
}

constexpr std::optional<HeartbeatAnswer> heartbeat_answer(std::string_view word) {
  for (const auto& [answer, known] : heartbeat_answers) {
    if (known == word) return answer;
  }
  return {};
}

/// Why the job should stop, or its report did not arrive.
struct HeartbeatRefusal {
  ExitCode code;
  std::string sentence;  // for a person
};

/// Reports progress to the dlock that runs us, at that socket, and asks whether the lock is still
/// the job's own. Gives up at `until`: a dlock that is stopped says nothing.
Result<Done, HeartbeatRefusal> send_heartbeat(const std::string& socket, Instant until);

}  // namespace dlock
