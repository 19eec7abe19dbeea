#include "redis/cluster_slots.h"

#include "core/number.h"

#include <array>
#include <cstdint>

namespace dlock::redis {

namespace {

constexpr int slots = 16384;

constexpr std::array<std::uint16_t, 256> make_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc & 0x8000u) != 0 ? 0x1021u : 0u);
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

constexpr std::array<std::uint16_t, 256> crc_table = make_table();

unsigned crc16(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes)
    crc = ((crc << 8) ^ crc_table[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xFFu]) & 0xFFFFu;
  return crc;
}

/// The part of the key that determines its slot.
std::string_view hash_tag(std::string_view key) {
  const auto open = key.find('{');
  if (open == key.npos) return key;
  const auto close = key.find('}', open + 1);
  if (close == key.npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

constexpr int most_ports = 65535;

std::optional<Endpoint> node_in(const Reply& node, const Endpoint& from) {
  const long long port = node.integer_at(1);
  if (port < 1 || port > most_ports) return {};
  const std::string_view host = node.text_at(0);
  return Endpoint{.host = host.empty() ? from.host : std::string{host},
                  .port = static_cast<int>(port)};
}

}  // namespace

int slot_of(std::string_view key) { return static_cast<int>(crc16(hash_tag(key)) % slots); }

std::string tag_into(int slot, std::string_view before, std::string_view after) {
  // PROTOCOL.md, "One slot": the worst of all slots needs fewer than 110,000 tries.
  constexpr int most_tries = 1'000'000;
  std::string key{before};
  for (int n = -1; n < most_tries; ++n) {
    std::string tag = n < 0 ? "" : "{" + std::to_string(n) + "}";
    key.resize(before.size());
    key += tag;
    key += after;
    // Without a tag the whole key counts, and a longer key has another slot.
    if (slot_of(key) == slot && (n >= 0 || slot_of(key + "0") == slot)) return tag;
  }
  return {};
}

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
