#include "doctor/server_info.h"

#include "core/number.h"

#include <algorithm>

namespace dlock::doctor {

ServerInfo ServerInfo::parse(std::string_view text) {
  ServerInfo info;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto colon = line.find(':');
    if (colon == line.npos || line.starts_with('#')) continue;
    info.fields_.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  return info;
}

std::string ServerInfo::text(std::string_view field) const {
  const auto found = fields_.find(field);
  return found == fields_.end() ? std::string{} : found->second;
}

std::optional<long long> ServerInfo::number(std::string_view field) const {
  const auto found = fields_.find(field);
  if (found == fields_.end()) return {};
  return parse_number<long long>(found->second);
}

int ServerInfo::replicas_in_sync() const {
  return static_cast<int>(std::count_if(fields_.begin(), fields_.end(), [](const auto& field) {
    const auto& [name, value] = field;
    const bool replica =
        name.starts_with("slave") && name.size() > 5 && name[5] >= '0' && name[5] <= '9';
    return replica && value.find("state=online") != value.npos;
  }));
}

}  // namespace dlock::doctor
