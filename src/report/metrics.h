#pragma once

#include "report/report.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// The metrics file after one more run: Prometheus text for the textfile collector of the node
/// exporter. `old` is what the file has, of this key and of others; nothing if that is no such
/// file. `now` is in seconds since 1970.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
std::optional<std::string> with_run(std::string_view old, const RunReport& run, double now);

/// Adds a run to that file, which other runs may write to at the same time: they are waited for, up
/// to 10 s or until `give_up` is requested. Returns why it could not; empty if it could.
std::string add_to_metrics(const std::string& path, const RunReport& run, Cancellation& give_up);

/// Why there can be no metrics file; empty if there can.
std::string why_no_metrics(const std::string& path);

}  // namespace dlock
