#pragma once

#include "core/identity.h"
#include "core/time.h"
#include "operate/screen.h"
#include "store/inspector.h"
#include "store/store.h"

#include <string>
#include <vector>

namespace dlock::operate {

/// Returns the same fault with a sentence that begins with the key.
StoreFault with_key(const LockKey& key, StoreFault fault);

/// Returns the printable host, also for a peer that writes it only in its process hash.
std::string host_of(const Holder& holder);

/// The name of a state in text for people: `held`, `dead holder`, ...
std::string word_for(LockStatus::State state);
std::string word_for(HolderStatus::Life life);
/// The name of the same state in JSON: one word.
std::string name_of(LockStatus::State state);
std::string name_of(HolderStatus::Life life);

/// Formats a duration with the precision that people need: `0.4s`, `12s`, `5m3s`, `2h5m`, `3d4h`.
std::string roughly(Duration duration);

/// One line for each holder of each lock, below a title.
std::string to_table(const std::vector<LockStatus>& locks, const Screen& screen);

/// Everything that is known of one lock: its state, then one line for each property.
std::string to_details(const LockStatus& lock, const Screen& screen);

}  // namespace dlock::operate
