#pragma once

#include "store/inspector.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// The value of a lock, wire-compatible with the Node library @clickup/distributed-locker: its five
/// fields, then ours, which it ignores. `extended_at` is ISO 8601.
///
/// Without a token the closing brace is missing: the script that grants the lock adds both.
std::string lock_json(const Claim& claim, const OwnerHash& owner, const std::string& acquired_at,
                      const std::string& extended_at, std::optional<FencingToken> token);

/// The value of a lock that several hold: a group in whose name they hold it. Complete: a group has
/// no token, its members have.
std::string group_json(const Claim& first, const ProcessHash& group, const OwnerHash& owner,
                       const std::string& acquired_at);

/// The value of a liveness key.
std::string liveness_json(const std::string& alive_at);
std::string alive_at_in(std::string_view text);

/// Reads a lock written by dlock or by the Node library; unknown fields are ignored. Nothing when
/// it is not JSON or has no owner.
std::optional<Holder> parse_lock_json(std::string_view text);

/// As lock_json, of a lock that is only kept, for the embedded store: `until` is its own business.
std::string min_hold_lock_json(const Claim& claim, const Grant& grant, const std::string& until);
std::string min_hold_until_in(std::string_view text);

/// What stands in the place of a holder that has lost its lock by force, until its job is gone: the
/// words of the one who did it under the process hash of the holder, whose life it hangs on.
std::string forced_lock_json(const Holder& by, const HolderStatus& from);

/// What --once-per remembers of a run.
std::string past_run_json(const PastRun& run);
std::optional<PastRun> parse_past_run_json(std::string_view text);

/// A value that has a token and no holder: of a released lock of the local store.
std::string only_token(FencingToken token);
FencingToken token_in(std::string_view text);

}  // namespace dlock
