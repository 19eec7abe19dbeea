-- Extends the TTL of a key to at least this long. Several holders with different TTLs share the key, and
-- a plain PEXPIRE could shorten the TTL that another holder set.
--
-- KEYS[1] key
-- ARGV[1] TTL, ms
--
-- Replies 1 | 0: the key is missing

local left = redis.call('PTTL', KEYS[1])
if left == -2 then return 0 end
if left < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
