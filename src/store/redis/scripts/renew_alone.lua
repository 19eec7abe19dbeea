-- Renews the lock without accessing any other key: for a slot that migrates in a Redis Cluster and has
-- the lock and its liveness on two nodes. The caller extends the liveness after this, not before: if the
-- liveness still exists then, it was never absent, so no peer can have found this run dead.
--
-- KEYS[1] lock
-- ARGV[1] own owner hash   ARGV[2] value of the lock   ARGV[3] lock TTL, ms
--
-- Replies {'OK'} | {'LOST', lock value or ''} | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
if lock.ownerHash ~= ARGV[1] then return {'LOST', held} end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return {'OK'}
