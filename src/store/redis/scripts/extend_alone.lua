-- Lets a key live for that long at least. Several holders share it, and each has a TTL of its own: a
-- plain PEXPIRE could cut another's short.
--
-- KEYS[1] key
-- ARGV[1] how long, ms
--
-- Answers 1 | 0: it is gone

local left = redis.call('PTTL', KEYS[1])
if left == -2 then return 0 end
if left < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
