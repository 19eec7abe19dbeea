#include "redis/resp.h"

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <new>

namespace dlock::redis {
namespace {

/// Far larger than any reply that dlock requests: a server that sends more is not a usable Redis.
constexpr std::size_t most_unread = 1 << 20;

/// hiredis allocates an array as soon as it has read its length: for a billion elements, gigabytes.
/// An absurd length is rejected there.
using CreateArray = decltype(redisReplyObjectFunctions::createArray);
CreateArray create_any_array = nullptr;

template <class Count>
void* create_array(const redisReadTask* task, Count elements) {
  return static_cast<std::size_t>(elements) > most_unread ? nullptr
                                                          : create_any_array(task, elements);
}

redisReplyObjectFunctions* with_limits(const redisReplyObjectFunctions& functions) {
  static redisReplyObjectFunctions changed = [&] {
    redisReplyObjectFunctions all = functions;
    create_any_array = all.createArray;
    all.createArray = create_array;
    return all;
  }();
  return &changed;
}

Reply converted(const redisReply& from) {
  Reply to;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      to.type = Reply::Type::Integer;
      to.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      to.type = Reply::Type::Text;
      to.text.assign(from.str, static_cast<std::size_t>(from.len));
      break;
    case REDIS_REPLY_ERROR:
      to.type = Reply::Type::Error;
      to.text.assign(from.str, static_cast<std::size_t>(from.len));
      break;
    case REDIS_REPLY_ARRAY:
      to.type = Reply::Type::Array;
      for (std::size_t i = 0; i < from.elements; ++i)
        to.items.push_back(converted(*from.element[i]));
      break;
    default:
      break;  // nil; types of RESP3 are never requested
  }
  return to;
}

}  // namespace

std::string_view Reply::text_at(std::size_t i) const {
  return i < items.size() ? std::string_view{items[i].text} : std::string_view{};
}

long long Reply::integer_at(std::size_t i) const { return i < items.size() ? items[i].integer : 0; }

std::string encode_command(const std::vector<std::string_view>& words) {
  std::vector<const char*> arguments;
  std::vector<std::size_t> lengths;
  for (const std::string_view word : words) {
    arguments.push_back(word.data());
    lengths.push_back(word.size());
  }
  char* bytes = nullptr;
  const auto length = ::redisFormatCommandArgv(&bytes, static_cast<int>(words.size()),
                                               arguments.data(), lengths.data());
  if (length < 0) throw std::bad_alloc{};
  std::string command(bytes, static_cast<std::size_t>(length));
  std::free(bytes);
  return command;
}

ReplyReader::ReplyReader() : reader_(::redisReaderCreate()) {
  if (reader_ == nullptr) throw std::bad_alloc{};
  reader_->fn = with_limits(*reader_->fn);
}

ReplyReader::~ReplyReader() { ::redisReaderFree(reader_); }

void ReplyReader::feed(const char* bytes, std::size_t count) {
  unread_ += count;
  ::redisReaderFeed(reader_, bytes, count);
}

Result<std::optional<Reply>, ReplyReader::ProtocolError> ReplyReader::next() {
  void* reply = nullptr;
  if (::redisReaderGetReply(reader_, &reply) != REDIS_OK || unread_ > most_unread) {
    if (reply != nullptr) ::freeReplyObject(reply);
    return ProtocolError{};
  }
  if (reply == nullptr) return std::optional<Reply>{};
  unread_ = 0;
  std::optional<Reply> result = converted(*static_cast<redisReply*>(reply));
  ::freeReplyObject(reply);
  return result;
}

}  // namespace dlock::redis
