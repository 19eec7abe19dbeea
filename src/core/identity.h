#pragma once

#include "core/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// The name of a lock as the user gave it: 1 to 512 bytes, any but NUL. Checked only here.
class LockKey {
 public:
  /// The error is the part of the sentence that follows `--key` and the value.
  static Result<LockKey, std::string> parse(std::string_view text);
  const std::string& bytes() const { return bytes_; }

  static constexpr std::size_t longest = 512;

 private:
  explicit LockKey(std::string_view bytes) : bytes_(bytes) {}
  std::string bytes_;
};

/// Identifies one run of dlock in the whole cluster: `{host}/{pid}.{number}`. The liveness key
/// contains it. Unique for each run, because two machines can share a host name, and in containers
/// every pid is 1.
struct ProcessHash {
  std::string text;
  bool operator==(const ProcessHash&) const = default;
};

/// Identifies one attempt to acquire one lock: `{key}@{processHash}.{attempt}`, then `#{trace}`.
///
/// Never reused, not even by a retry of the same run: a peer that saw the hash and found its holder
/// dead may delete a lock with that hash at any later moment (PROTOCOL.md, "Identity").
struct OwnerHash {
  std::string text;
  bool operator==(const OwnerHash&) const = default;
};

/// Grows with every acquisition of a key. A resource that remembers the largest token it has seen
/// can refuse a holder that is late. 0: no token was taken.
struct FencingToken {
  std::uint64_t value = 0;
  auto operator<=>(const FencingToken&) const = default;
};

/// `number` must be random: see ProcessHash. A `/` in the host is replaced, because it ends the
/// host.
ProcessHash make_process_hash(const std::string& host, int pid, std::uint64_t number);

/// The hash of the group of holders whose first member is this run: its own hash with one more
/// digit.
ProcessHash make_group_hash(const ProcessHash& first);

/// Key and trace are added as printable text, so that the hash, which is compared byte by byte,
/// survives JSON unchanged. The key can be recovered from it; the trace is for people.
OwnerHash make_owner_hash(const LockKey& key, const ProcessHash& process, std::uint32_t attempt,
                          const std::string& trace);

/// The parts of an owner hash.
struct ParsedOwner {
  std::string key;  // its bytes
  ProcessHash process;
};

/// Parses an owner hash of dlock or of the Node library; nothing if the text is none.
std::optional<ParsedOwner> parse_owner_hash(std::string_view text);

}  // namespace dlock
