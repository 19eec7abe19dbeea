#pragma once

#include "store/inspector.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// The value of a lock, wire-compatible with the Node library @clickup/distributed-locker: its five
/// fields, followed by the fields of dlock, which it ignores. `extended_at` is ISO 8601.
///
/// Without a token the closing brace is missing: the script that grants the lock adds both.
std::string lock_json(const Claim& claim, const OwnerHash& owner, const std::string& acquired_at,
                      const std::string& extended_at, std::optional<FencingToken> token);

/// The value of a lock that can have several holders: it names a group on whose behalf they hold
/// the lock. Complete: a group has no token, only its members have.
std::string group_json(const Claim& first, const ProcessHash& group, const OwnerHash& owner,
                       const std::string& acquired_at);

/// The value of a liveness key.
std::string liveness_json(const std::string& alive_at);
std::string alive_at_in(std::string_view text);

/// Parses a lock written by dlock or by the Node library; unknown fields are ignored. Empty if the
/// text is not JSON or has no owner.
std::optional<Holder> parse_lock_json(std::string_view text);

/// Like lock_json, for a lock of the embedded store that only --min-hold keeps. The embedded store
/// defines the format of `until`.
std::string min_hold_lock_json(const Claim& claim, const Grant& grant, const std::string& until);
std::string min_hold_until_in(std::string_view text);

/// The tombstone that replaces a holder after a forced unlock, until its job has ended. It has the
/// identity of the caller and the process hash of the holder, whose liveness it depends on.
std::string forced_lock_json(const Holder& by, const HolderStatus& from);

/// The record of a run for --once-per.
std::string past_run_json(const PastRun& run);
std::optional<PastRun> parse_past_run_json(std::string_view text);

/// A value with a token and no holder: of a released lock of the local store.
std::string only_token(FencingToken token);
FencingToken token_in(std::string_view text);

}  // namespace dlock
