-- Keeps the lock without touching any other key: for a slot that migrates in a Redis Cluster and has
-- the lock and its liveness on two nodes. The caller extends the liveness after this, not before: a
-- liveness that is still there then was never absent, so nobody can have judged us dead.
--
-- KEYS[1] lock
-- ARGV[1] our owner hash   ARGV[2] value of the lock   ARGV[3] lock TTL, ms
--
-- Answers {'OK'} | {'LOST', lock value or ''} | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
if lock.ownerHash ~= ARGV[1] then return {'LOST', held} end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {'OK'}
