#pragma once

#include "report/report.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>

namespace dlock {

/// Returns the metrics file after one more run, as Prometheus text for the textfile collector of
/// the node exporter. `old` is the content of the file, with samples of this key and of others;
/// returns nothing if it is no such file. `now` is in seconds since 1970.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
std::optional<std::string> with_run(std::string_view old, const RunReport& run, double now);

/// Adds a run to the file. Other runs may write to it at the same time: the call waits for them, up
/// to 10 s or until `give_up` is requested. Returns the reason of a failure; empty on success.
std::string add_to_metrics(const std::string& path, const RunReport& run, Cancellation& give_up);

/// Returns the reason why the metrics file cannot be used; empty if it can.
std::string why_no_metrics(const std::string& path);

}  // namespace dlock
