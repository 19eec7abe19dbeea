#pragma once

#include "core/identity.h"
#include "core/time.h"
#include "operate/screen.h"
#include "store/inspector.h"
#include "store/store.h"

#include <string>
#include <vector>

namespace dlock::operate {

/// The same fault, in a sentence that begins with the key.
StoreFault with_key(const LockKey& key, StoreFault fault);

/// Printable, and also of a peer that writes it nowhere but in its process hash.
std::string host_of(const Holder& holder);

/// `held`, `dead holder`, ...: how a state is called for people.
std::string word_for(LockStatus::State state);
std::string word_for(HolderStatus::Life life);
/// As the same is called in JSON: one word.
std::string name_of(LockStatus::State state);
std::string name_of(HolderStatus::Life life);

/// `0.4s`, `12s`, `5m3s`, `2h5m`, `3d4h`: as precise as people want it.
std::string roughly(Duration duration);

/// One line for each holder of each lock, below a title.
std::string to_table(const std::vector<LockStatus>& locks, const Screen& screen);

/// All that is known of one lock: its state, then a line for each thing.
std::string to_details(const LockStatus& lock, const Screen& screen);

}  // namespace dlock::operate
