#pragma once

#include <string_view>

namespace dlock::redis {

/// A Lua script with the SHA-1 by which EVALSHA calls it. The texts are the files in scripts/.
struct Script {
  std::string_view sha1;
  std::string_view text;
};

extern const Script acquire_script;
extern const Script renew_script;
extern const Script renew_share_script;
extern const Script release_script;
extern const Script leave_script;
extern const Script look_script;
extern const Script unlock_script;
extern const Script extend_alone_script;
extern const Script create_alone_script;
extern const Script renew_alone_script;
extern const Script release_alone_script;

}  // namespace dlock::redis
