-- Gives the lock back without touching any other key: for a slot that migrates in a Redis Cluster. The
-- caller deletes the liveness after this.
--
-- KEYS[1] lock
-- ARGV[1] our process hash
--
-- Answers {'OK'} | {'LOST', lock value or ''} | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
if lock.processHash ~= ARGV[1] then return {'LOST', held} end
redis.call('DEL', KEYS[1])
return {'OK'}
