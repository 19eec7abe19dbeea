#pragma once

#include "cli/words.h"
#include "core/lease.h"
#include "core/policy.h"
#include "core/time.h"

#include <optional>
#include <string>

namespace dlock::cli {

/// A time within which the job has to do something, if the option of that name (without dashes)
/// was given. Throws Complaint.
std::optional<Duration> time_limit_of(const Words& words, const std::string& name,
                                      const std::string& word);

/// `SIG` or `SIG:DUR`, if --warn-signal was given. Throws Complaint.
std::optional<Warning> warning_of(const Words& words, const LeaseTerms& terms,
                                  OnSilence on_silence);

}  // namespace dlock::cli
