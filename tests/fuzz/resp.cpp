// The Redis protocol, received in pieces of any size.
#include "redis/resp.h"

#include "fuzz/property.h"

#include <algorithm>

using namespace dlock::redis;

namespace {

struct Heard {
  std::vector<Reply> replies;
  bool garbage = false;
};

/// Reads the complete replies. False after a protocol error.
bool take_replies(ReplyReader& reader, Heard& heard) {
  for (;;) {
    auto reply = reader.next();
    if (!reply) heard.garbage = true;
    if (!reply || !*reply) return !heard.garbage;
    heard.replies.push_back(std::move(**reply));
  }
}

Heard hear(std::string_view bytes, std::size_t piece) {
  ReplyReader reader;
  Heard heard;
  while (!bytes.empty()) {
    const std::string_view now = bytes.substr(0, piece);
    reader.feed(now.data(), now.size());
    bytes.remove_prefix(now.size());
    if (!take_replies(reader, heard)) break;
  }
  return heard;
}

bool same(const Reply& a, const Reply& b) {
  return a.type == b.type && a.integer == b.integer && a.text == b.text &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same);
}

bool is_one_thing(const Reply& reply) {
  const bool is_text = reply.type == Reply::Type::Text || reply.type == Reply::Type::Error;
  return (is_text || reply.text.empty()) &&
         (reply.type == Reply::Type::Integer || reply.integer == 0) &&
         (reply.type == Reply::Type::Array || reply.items.empty()) &&
         std::all_of(reply.items.begin(), reply.items.end(), is_one_thing);
}

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = fuzz::text_of(data, size).substr(1);
  const Heard whole = hear(bytes, bytes.size());
  const Heard dripped = hear(bytes, std::size_t{data[0]} % 8 + 1);
  fuzz::require(whole.garbage == dripped.garbage,
                "a protocol error does not depend on how the bytes are split");
  fuzz::require(std::equal(whole.replies.begin(), whole.replies.end(), dripped.replies.begin(),
                           dripped.replies.end(), same),
                "replies do not depend on how the bytes are split");
  for (const Reply& reply : whole.replies) {
    fuzz::require(is_one_thing(reply), "a reply has the fields of its type");
    fuzz::require(reply.text_at(reply.items.size()).empty(), "there is no item after the last");
  }

  // Arguments can contain any byte: a server parses what was written.
  const auto words = fuzz::lines_of(bytes);
  const Heard read = hear(encode_command(words), bytes.size() + 1);
  fuzz::require(read.replies.size() == 1 && !read.garbage, "a command is one array");
  fuzz::require(read.replies[0].items.size() == words.size(), "a command has all its words");
  for (std::size_t i = 0; i < words.size(); ++i)
    fuzz::require(read.replies[0].text_at(i) == words[i], "a word has all its bytes");
  return 0;
}
