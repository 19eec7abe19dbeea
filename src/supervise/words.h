#pragma once

#include "core/log.h"
#include "supervise/report.h"

#include <string>

namespace dlock::supervise {

/// `key 'backup'`: how every line about a run begins.
std::string about(const std::string& key);

/// The one line on stderr that goes with every ending that is not the job's own: what happened, to
/// which key, who has it since when, and what to do.
void say_how_it_ended(const Report& report, Log& log);

}  // namespace dlock::supervise
