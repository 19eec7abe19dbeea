// The slot of a key, and how all keys of a lock get the same slot.
#include "redis/cluster_slots.h"

#include "store/redis/lock_keys.h"

#include <doctest/doctest.h>

using namespace dlock;
using namespace dlock::redis;

TEST_CASE("the computed slot is the one that CLUSTER KEYSLOT reports") {
  // From a redis-server 7.0.15 in cluster mode; 12739 is also the example of the specification.
  CHECK(slot_of("123456789") == 12739);
  CHECK(slot_of("foo") == 12182);
  CHECK(slot_of("") == 0);
  CHECK(slot_of("{user1000}.following") == slot_of("user1000"));
  CHECK(slot_of("foo{}{bar}") == 8363);
  CHECK(slot_of("foo{{bar}}zap") == slot_of("{bar"));
  CHECK(slot_of("foo{bar}{zap}") == slot_of("bar"));
}

TEST_CASE("all keys of a lock are in one slot, whatever braces the key and the prefix contain") {
  for (const char* prefix : {"dlock:", "lk{:", "{lk}:", "lk}{:", "{}", "a{b}c{d", ""}) {
    for (const char* key :
         {"job", "a{b", "a}b", "}{", "{t}:x", "{}x", "{", "}", "a{}b{c}", "{a}{b}"}) {
      CAPTURE(prefix);
      CAPTURE(key);
      const LockKeys keys{prefix, *LockKey::parse(key)};
      CHECK(keys.in_our_slot(keys.lock()));
      CHECK(keys.in_our_slot(keys.token()));
      CHECK(keys.in_our_slot(keys.queue()));
      CHECK(keys.in_our_slot(keys.holders()));
      CHECK(keys.in_our_slot(keys.past_run()));
      for (const char* name : {"web1/17.4711", "host/1.9", "db/2.7"}) {
        const ProcessHash home = keys.homed({name});
        CHECK(keys.in_our_slot(keys.liveness(home)));
        if (!LockKeys::prefix_fits_cluster(prefix)) continue;
        CHECK(keys.in_our_slot(keys.place(home)));
        CHECK(keys.in_our_slot(keys.liveness(make_group_hash(home))));
      }
    }
  }
}

TEST_CASE("a prefix whose first braces are empty is refused for a Cluster: it disables hash tags") {
  for (const char* prefix : {"{}", "a{}b:", "{}{x}:"})
    CHECK_FALSE(LockKeys::prefix_fits_cluster(prefix));
  for (const char* prefix : {"", "dlock:", "{lk}:", "lk{:", "}{:", "a{b}{}:"})
    CHECK(LockKeys::prefix_fits_cluster(prefix));
}

TEST_CASE("the token counter has the plain name wherever that name is in the slot of the lock") {
  CHECK(LockKeys("lk:", *LockKey::parse("job")).token() == "lk:fence:{lk:lock:job}");
  CHECK(LockKeys("lk:", *LockKey::parse("{t}:x")).token() == "lk:fence::{t}:x");
}

TEST_CASE("a process hash with a slot tag still has the format of the Node library") {
  const LockKeys keys{"dlock:", *LockKey::parse("job")};
  const std::string hash = keys.homed({"web1/17.4711"}).text;
  CHECK(hash.starts_with("web1{"));
  CHECK(hash.ends_with("}/17.4711"));
}
