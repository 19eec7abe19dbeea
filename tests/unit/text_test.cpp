#include "core/text.h"

#include "core/holder.h"
#include "core/identity.h"
#include "core/number.h"

#include <doctest/doctest.h>

#include <regex>

using namespace dlock;

TEST_CASE("no control character and no broken UTF-8 from a store reaches a terminal") {
  CHECK(printable("plain ü € 😀") == "plain ü € 😀");
  CHECK(printable("\x1b[31mred\x07\r\n") == "?[31mred???");
  CHECK(printable("\xC2\x9B"
                  "31m") == "?31m");  // the one-character form of ESC [
  CHECK(printable("a\xE2\x80\xAE"
                  "b") == "a?b");  // right-to-left override
  CHECK(printable("a\xE2\x81\xA9"
                  "b") == "a?b");  // the end of an isolated direction
  CHECK(printable("a\x7F\xC2\x80\xC2\x9F"
                  "b") == "a???b");
  CHECK(printable("\xC2\xA0\xE2\x80\xA7\xE2\x81\xAA") == "\xC2\xA0\xE2\x80\xA7\xE2\x81\xAA");
  CHECK(printable("\xC0\xAF\xFF") == "???");  // overlong slash, no UTF-8 at all
  CHECK(printable("\xED\xA0\x80") == "???");  // a surrogate
  CHECK(printable("\xE2\x82") == "??");       // cut short
}

TEST_CASE("an excerpt is never longer than requested and never cuts a character in two") {
  CHECK(excerpt("short", 10) == "short");
  CHECK(excerpt("0123456789", 4) == "0123…");
  CHECK(excerpt("aüb", 2) == "a…");
}

TEST_CASE("a number is decimal, is the whole of its text, and is within its limits") {
  CHECK(parse_number<int>("0") == 0);
  CHECK(parse_number<int>("010") == 10);
  CHECK(parse_number<int>("-7") == -7);
  CHECK(parse_number(std::string_view{"65535"}, 1, 65535) == 65535);
  CHECK_FALSE(parse_number(std::string_view{"0"}, 1, 65535));
  CHECK_FALSE(parse_number(std::string_view{"65536"}, 1, 65535));
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "0x1", "1.0", "99999999999999999999"})
    CHECK_FALSE(parse_number<int>(text));
}

TEST_CASE("the user and password of a URL are replaced wherever the URL appears") {
  CHECK(without_url_secrets("redis://u:p@h/0") == "redis://***@h/0");
  CHECK(without_url_secrets("cp a http://u:p@h/x 'rediss://:q/@w@h'") ==
        "cp a http://***@h/x 'rediss://***@h'");
  CHECK(without_url_secrets("redis://h:6379 me@host") == "redis://h:6379 me@host");
  CHECK(without_url_secrets("no url") == "no url");
}

TEST_CASE("an owner hash matches the expression of the Node library") {
  const std::regex expression{R"(^(.+)@([^/]+/\d+\.\d+)\.\d+(#.*)?$)"};
  const ProcessHash process = make_process_hash("web/1", 42, ~std::uint64_t{0});
  CHECK(process.text == "web-1/42.9223372036854775807");
  for (const char* key : {"backup", "a/b@c", "x@y/1.2.3#t", "new\nline", "\t", "\xFF", "a\\x0a",
                          "\\", "\xE2\x80\xAE"}) {
    CAPTURE(key);
    const OwnerHash plain = make_owner_hash(*LockKey::parse(key), process, 1, "");
    const OwnerHash traced = make_owner_hash(*LockKey::parse(key), process, 2, "build#7\n");
    std::smatch parts;
    REQUIRE(std::regex_match(plain.text, parts, expression));
    CHECK(parts[2] == process.text);
    CHECK(parse_owner_hash(plain.text)->key == key);
    CHECK(printable(plain.text) == plain.text);
    REQUIRE(std::regex_match(traced.text, parts, expression));
    CHECK(parts[3] == "#build#7?");
  }
}

TEST_CASE("escaped text is printable, and text without escapes is unchanged") {
  CHECK(escaped("a\nb\xC3\xBC\\") == "a\\x0ab\xC3\xBC\\x5c");
  CHECK(unescaped("a\\x0ab\xC3\xBC\\x5c") == "a\nb\xC3\xBC\\");
  for (const char* none : {"\\", "\\x", "\\x0", "\\x0g", "\\n", "x0a"})
    CHECK(unescaped(none) == none);
}

TEST_CASE("a holder is described by the fields that are known") {
  Holder holder;
  CHECK(describe(holder) == "an unknown holder");
  holder.process.text = "web2/17.4711";
  CHECK(describe(holder) == "web2/17.4711");
  holder.host = "web2";
  holder.pid = 17;
  holder.command = "rsync -a";
  holder.acquired_at = "2026-01-31T02:00:00.000Z";
  CHECK(describe(holder) == "host web2 pid 17 (rsync -a) since 2026-01-31T02:00:00.000Z");
  holder.note = "\x1b]0;evil\x07";
  CHECK(describe(holder).find('\x1b') == std::string::npos);
}
