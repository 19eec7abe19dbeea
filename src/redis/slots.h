#pragma once

#include <string>
#include <string_view>

namespace dlock::redis {

/// The slot of a key in a Redis Cluster: CRC16 (XMODEM) of what stands between the first `{` and
/// the next `}`, or of the whole key if there is no such pair or nothing in between; modulo 16384.
/// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
int slot_of(std::string_view key);

/// The smallest of the texts "", "{0}", "{1}", ... with which `before + text + after`, and whatever
/// begins with it, lies in that slot. All who ask for the same get the same, so it can be part of a
/// name. Takes some microseconds at best and 10 ms at worst: a slot is hit once in 16384 tries.
///
/// Empty also if no text does it, which no prefix of a sane length brings about.
std::string tag_into(int slot, std::string_view before, std::string_view after);

}  // namespace dlock::redis
