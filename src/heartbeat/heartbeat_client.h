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

// The protocol between `dlock heartbeat` and the engine: one datagram with the question and one end
// of a socket pair, through which the answer returns. If the engine dies, this end is closed; and
// the client needs no address of its own. The answers are words, not numbers, because after an
// upgrade the two can have different versions.

inline constexpr std::string_view heartbeat_question = "DLOCK_HEARTBEAT=1";

enum class HeartbeatAnswer {
  Held,
  Lost,         // or about to be: the engine kills the job, or has released the lock
  Unconfirmed,  // the lease is over and the store does not answer: --on-silence=continue
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

/// The reason why the job should stop, or why its report did not arrive.
struct HeartbeatRefusal {
  ExitCode code;
  std::string sentence;  // for people to read
};

/// Reports progress to the engine of this job at that socket, and asks whether the job still has
/// the lock. Gives up at `until`, because a stopped engine does not answer.
Result<Done, HeartbeatRefusal> send_heartbeat(const std::string& socket, Instant until);

}  // namespace dlock
