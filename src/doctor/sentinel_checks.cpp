#include "doctor/sentinel_checks.h"

#include "core/duration.h"
#include "core/number.h"
#include "core/text.h"
#include "core/time.h"
#include "doctor/failover.h"
#include "redis/servers.h"

#include <algorithm>

namespace dlock::doctor {
namespace {

/// A count, or a time in ms.
std::optional<long long> number_in(const SentinelView& view, std::string_view field) {
  const auto found = view.fields.find(field);
  if (found == view.fields.end()) return {};
  constexpr long long most = 1'000'000'000'000'000;
  return parse_number<long long>(found->second, 0, most);
}

/// The largest value that any of them reports.
std::optional<long long> largest(const std::vector<SentinelView>& views, std::string_view field) {
  std::optional<long long> most;
  for (const SentinelView& view : views) {
    const auto number = number_in(view, field);
    if (number) most = std::max(most.value_or(*number), *number);
  }
  return most;
}

SentinelView ask(const Endpoint& endpoint, const redis::Access& access, const std::string& master,
                 const Budget& budget) {
  redis::Connection connection{endpoint, access};
  SentinelView view{.sentinel = endpoint.text()};
  auto answers = redis::ask(
      connection, {{"SENTINEL", "get-master-addr-by-name", master}, {"SENTINEL", "master", master}},
      budget.deadline());
  if (!answers) {
    view.fault = answers.error().sentence;
    return view;
  }
  const redis::Reply& address = answers->replies[0];
  const redis::Reply& details = answers->replies[1];
  if (address.is_error()) view.fault = endpoint.text() + " replied: " + excerpt(address.text, 120);
  if (address.type == redis::Reply::Type::Nil)
    view.fault = endpoint.text() + " knows no master '" + printable(master) + "'";
  if (address.items.size() == 2) {
    view.master = Endpoint{.host = std::string{address.text_at(0)},
                           .port = parse_number<int>(address.text_at(1)).value_or(0)};
  }
  for (std::size_t i = 0; i + 1 < details.items.size(); i += 2)
    view.fields.emplace(details.text_at(i), details.text_at(i + 1));
  return view;
}

/// The master that most of them report. One Sentinel can be outdated, which dlock detects by
/// itself.
std::optional<Endpoint> favourite(const std::vector<SentinelView>& views) {
  std::optional<Endpoint> best;
  long most = 0;
  for (const SentinelView& view : views) {
    const auto supporters = std::count_if(
        views.begin(), views.end(),
        [&](const SentinelView& other) { return view.master && other.master == view.master; });
    if (supporters > most) best = view.master;
    most = std::max<long>(most, supporters);
  }
  return best;
}

/// Whether there are flags beside that of a master: `s_down,o_down`.
bool is_in_trouble(const SentinelView& view) {
  const auto flags = view.fields.find("flags");
  return flags != view.fields.end() && flags->second != "master";
}

Finding time_of_failover(const std::vector<SentinelView>& views, Duration ttl) {
  if (const auto after = down_after(views))
    return judge_failover_time(sentinel_failover(*after), ttl);
  return {.check = "failover time",
          .verdict = Verdict::Note,
          .fact = "unknown: no Sentinel reports its down-after-milliseconds",
          .meaning = "it must be clearly less than --ttl, otherwise a failover kills running jobs",
          .remedy = "let the Sentinels' user run SENTINEL MASTER (+sentinel|master)"};
}

}  // namespace

Finding judge_agreement(const std::vector<SentinelView>& views) {
  Finding finding{.check = "sentinels"};
  std::string faults;
  std::string opinions;
  std::optional<Endpoint> master;
  bool of_one_opinion = true;
  bool in_trouble = false;
  std::size_t answered = 0;
  for (const SentinelView& view : views) {
    if (!view.fault.empty()) faults += "; " + view.fault;
    in_trouble = in_trouble || is_in_trouble(view);
    if (!view.master) continue;
    ++answered;
    of_one_opinion = of_one_opinion && (!master || *master == *view.master);
    master = view.master;
    opinions += (opinions.empty() ? "" : ", ") + view.sentinel + " names " + view.master->text();
  }
  const std::string share = std::to_string(answered) + " of " + std::to_string(views.size());
  finding.fact = share + " answer" + faults;
  if (of_one_opinion && master) finding.fact += "; the master is " + master->text();
  if (answered == 0) {
    finding.verdict = Verdict::Broken;
    finding.meaning = "dlock cannot find the master: runs cannot acquire locks";
    finding.remedy = "start the Sentinels, or correct the URL";
  } else if (!of_one_opinion) {
    finding.verdict = Verdict::Weak;
    finding.fact += "; " + opinions;
    finding.meaning =
        "a failover is in progress, or the Sentinels cannot reach each other; dlock checks the "
        "role of the server itself";
    finding.remedy = "run it again in a minute; if that persists, see SENTINEL SENTINELS on each";
  } else if (in_trouble) {
    finding.verdict = Verdict::Weak;
    finding.fact += ", which a Sentinel reports as down or being replaced";
    finding.meaning = "a failover may be imminent";
    finding.remedy = "see SENTINEL MASTER on each";
  } else if (answered < views.size()) {
    finding.verdict = Verdict::Weak;
    finding.meaning =
        "if more Sentinels fail, dlock cannot find the master, or no failover happens";
    finding.remedy = "start the Sentinels that are down, or correct the URL";
  } else if (views.size() == 1) {
    finding.verdict = Verdict::Note;
    finding.meaning = "if this Sentinel is down, dlock cannot find the master";
    finding.remedy = "list the others, too: redis+sentinel://host,host,host/master";
  }
  return finding;
}

Finding judge_quorum(const std::vector<SentinelView>& views) {
  const auto others = largest(views, "num-other-sentinels");
  const auto quorum = largest(views, "quorum");
  if (!others || !quorum) {
    return {.check = "quorum",
            .verdict = Verdict::Note,
            .fact = "unknown: no Sentinel reports how many there are",
            .meaning = "with fewer than three, one that fails can prevent a failover",
            .remedy = "let the Sentinels' user run SENTINEL MASTER (+sentinel|master)"};
  }
  const long long all = *others + 1;
  Finding finding{.check = "quorum",
                  .fact = std::to_string(all) + (all == 1 ? " Sentinel" : " Sentinels") +
                          ", quorum " + std::to_string(*quorum)};
  if (const auto timeout = largest(views, "failover-timeout"))
    finding.fact += ", failover-timeout " + to_text(bounded(std::chrono::milliseconds{*timeout}));
  constexpr long long enough = 3;
  if (all >= enough && *quorum <= all) return finding;
  finding.verdict = Verdict::Weak;
  finding.meaning =
      "if the master and one Sentinel fail together, there is no failover: runs cannot acquire "
      "locks, and running jobs are killed";
  finding.remedy = "run three Sentinels on three machines, with quorum 2";
  return finding;
}

std::optional<Duration> down_after(const std::vector<SentinelView>& views) {
  const auto most = largest(views, "down-after-milliseconds");
  if (!most) return {};
  return bounded(std::chrono::milliseconds{*most});
}

DeploymentCheck check_sentinels(const RedisAddress& address, const redis::Access& access,
                                Duration ttl, const Budget& budget) {
  std::vector<SentinelView> views;
  for (const Endpoint& endpoint : address.endpoints)
    views.push_back(ask(endpoint, access, address.master, budget));
  DeploymentCheck deployment;
  deployment.findings.push_back(judge_agreement(views));
  if (const auto master = favourite(views)) deployment.servers.push_back(*master);
  if (!deployment.servers.empty()) {
    deployment.findings.push_back(judge_quorum(views));
    deployment.findings.push_back(time_of_failover(views, ttl));
  }
  return deployment;
}

}  // namespace dlock::doctor
