#include "supervise/report.h"

#include "core/text.h"
#include "store/holder_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace dlock::supervise {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const Holder& holder) {
  ordered_json json = ordered_json::object();
  put(json, "owner", holder.owner.text);
  put_who(json, holder);
  if (holder.token.value != 0) json["token"] = holder.token.value;
  return json;
}

double fine_ms(Duration duration) { return static_cast<double>(duration.count() / 1000) / 1000; }

}  // namespace

void RenewalTimes::add(Duration time) {
  ++count;
  sum += time;
  longest = std::max(longest, time);
}

std::string to_json(const Report& report, int conflict_code) {
  const ExitStatus exit = exit_status_of(report.ending, report.detail, conflict_code);
  ordered_json json;
  json["outcome"] = name_of(report.ending);
  json["exit_code"] = exit.as_code();
  if (exit.signal != 0) json["signal"] = exit.signal;
  json["key"] = printable(report.key);
  json["store"] = printable(report.store);
  if (report.token.value != 0) {
    json["owner"] = report.owner.text;
    json["token"] = report.token.value;
    json["acquired_at"] = report.acquired_at;
  }
  json["ended_at"] = report.ended_at;
  if (report.waited) json["waited_ms"] = whole_ms(*report.waited);
  if (report.held) json["held_ms"] = whole_ms(*report.held);
  put(json, "reason", report.reason);
  if (report.ending == Ending::Held) json["holder"] = json_of(report.holder);
  if (report.lost_to) json["lost_to"] = json_of(*report.lost_to);
  if (report.renewals.count > 0) {
    json["renewals"] = {{"count", report.renewals.count},
                        {"mean_ms", fine_ms(report.renewals.sum / report.renewals.count)},
                        {"max_ms", fine_ms(report.renewals.longest)}};
  }
  if (report.used) {
    json["job"] = {{"user_ms", whole_ms(report.used->user)},
                   {"system_ms", whole_ms(report.used->system)},
                   {"max_rss_kib", report.used->max_rss_kib}};
  }
  if (report.leftovers.count > 0) {
    json["leftovers"] = {{"count", report.leftovers.count}, {"names", ordered_json::array()}};
    for (const std::string& name : report.leftovers.names)
      json["leftovers"]["names"].push_back(printable(name));
  }
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace dlock::supervise
