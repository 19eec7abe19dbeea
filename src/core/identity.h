#pragma once

#include "core/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// The name of a lock as the user gave it: 1 to 512 bytes, any but NUL. Checked once, here.
class LockKey {
 public:
  /// The error is the half sentence that comes after `--key` and the value.
  static Result<LockKey, std::string> parse(std::string_view text);
  const std::string& bytes() const { return bytes_; }

  static constexpr std::size_t longest = 512;

 private:
  explicit LockKey(std::string_view bytes) : bytes_(bytes) {}
  std::string bytes_;
};

/// Names one run of dlock to all of the cluster: `{host}/{pid}.{number}`. The liveness key carries
/// it. Unique per run: two machines may share a host name, and in containers every pid is 1.
struct ProcessHash {
  std::string text;
  bool operator==(const ProcessHash&) const = default;
};

/// Names one attempt to get one lock: `{key}@{processHash}.{attempt}`, then `#{trace}`.
///
/// Never reused, not even by a retry of the same run: a peer that saw the hash and judged its
/// holder dead may delete a lock of that hash at any later moment (PROTOCOL.md, "Identity").
struct OwnerHash {
  std::string text;
  bool operator==(const OwnerHash&) const = default;
};

/// Goes up with every acquisition of a key; a resource that remembers the largest it has seen can
/// refuse a holder that is late. 0: none was taken.
struct FencingToken {
  std::uint64_t value = 0;
  auto operator<=>(const FencingToken&) const = default;
};

/// `number` must be random: see ProcessHash. The host is cleaned of `/`, which ends it.
ProcessHash make_process_hash(const std::string& host, int pid, std::uint64_t number);

/// The group of holders that a run is the first of: its own name with one more digit.
ProcessHash make_group_hash(const ProcessHash& first);

/// Key and trace go in as printable text, so that the hash survives JSON unchanged: it is compared
/// byte by byte. The key so that it can be had again, the trace for people.
OwnerHash make_owner_hash(const LockKey& key, const ProcessHash& process, std::uint32_t attempt,
                          const std::string& trace);

/// What an owner hash tells by itself.
struct ParsedOwner {
  std::string key;  // its bytes
  ProcessHash process;
};

/// Reads an owner hash of ours or of the Node library; nothing when it is none.
std::optional<ParsedOwner> parse_owner_hash(std::string_view text);

}  // namespace dlock
