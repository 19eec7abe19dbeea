#pragma once

#include "core/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace dlock::redis {

/// One reply of the server, in the types of RESP2.
struct Reply {
  enum class Type { Nil, Integer, Text, Error, Array };
  Type type = Type::Nil;
  long long integer = 0;
  std::string text;
  std::vector<Reply> items;

  bool is_error() const { return type == Type::Error; }
  /// The text of item `i`, empty if there is none.
  std::string_view text_at(std::size_t i) const;
  long long integer_at(std::size_t i) const;
};

/// The bytes of a command. Arguments can contain any byte.
std::string encode_command(const std::vector<std::string_view>& words);

/// Accepts bytes as they arrive and returns complete replies; hiredis does the parsing.
class ReplyReader {
 public:
  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  void feed(const char* bytes, std::size_t count);

  struct ProtocolError {};
  /// The next complete reply; empty if more bytes are needed; ProtocolError if the bytes are not
  /// RESP.
  Result<std::optional<Reply>, ProtocolError> next();

 private:
  redisReader* reader_;
  std::size_t unread_ = 0;
};

}  // namespace dlock::redis
