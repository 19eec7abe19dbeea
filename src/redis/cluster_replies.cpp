#include "redis/cluster_replies.h"

#include "core/number.h"

namespace dlock::redis {
namespace {

constexpr int most_ports = 65535;

std::optional<Endpoint> node_in(const Reply& node, const Endpoint& from) {
  const long long port = node.integer_at(1);
  if (port < 1 || port > most_ports) return {};
  const std::string_view host = node.text_at(0);
  return Endpoint{.host = host.empty() ? from.host : std::string{host},
                  .port = static_cast<int>(port)};
}

}  // namespace

std::optional<Redirection> redirection_in(const Reply& reply, const Endpoint& from) {
  if (!reply.is_error()) return {};
  const bool moved = reply.text.starts_with("MOVED ");
  if (!moved && !reply.text.starts_with("ASK ")) return {};
  const std::string_view where = std::string_view{reply.text}.substr(reply.text.rfind(' ') + 1);
  const auto colon = where.rfind(':');
  if (colon == where.npos) return {};
  const auto port = parse_number(where.substr(colon + 1), 1, most_ports);
  if (!port) return {};
  Endpoint to = from;
  to.port = *port;
  if (colon > 0) to.host = where.substr(0, colon);
  return Redirection{moved, std::move(to)};
}

std::vector<std::vector<Endpoint>> nodes_in(const Reply& cluster_slots, const Endpoint& from) {
  std::vector<std::vector<Endpoint>> ranges;
  for (const Reply& range : cluster_slots.items) {
    std::vector<Endpoint> nodes;
    for (std::size_t i = 2; i < range.items.size(); ++i) {
      auto node = node_in(range.items[i], from);
      if (!node) break;
      nodes.push_back(std::move(*node));
    }
    if (!nodes.empty()) ranges.push_back(std::move(nodes));
  }
  return ranges;
}

}  // namespace dlock::redis
