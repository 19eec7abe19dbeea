#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace dlock::doctor {

/// The information of a server: the `name:value` lines of INFO, and those of CLUSTER INFO, which
/// have the same form.
class ServerInfo {
 public:
  static ServerInfo parse(std::string_view text);

  bool empty() const { return fields_.empty(); }
  bool has(std::string_view field) const { return fields_.contains(field); }
  /// Empty if there is no such field.
  std::string text(std::string_view field) const;
  /// Empty if there is no such field, or it is not an integer.
  std::optional<long long> number(std::string_view field) const;

  /// The replicas that have all data and receive every change, so that WAIT counts them.
  int replicas_in_sync() const;

 private:
  std::map<std::string, std::string, std::less<>> fields_;
};

}  // namespace dlock::doctor
