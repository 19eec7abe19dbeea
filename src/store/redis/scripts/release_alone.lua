-- Releases the lock without accessing any other key: for a slot that migrates in a Redis Cluster. The
-- caller deletes or extends the liveness.
--
-- KEYS[1] lock
-- ARGV[1] own process hash
-- ARGV[2] --min-hold: how much longer the lock stays taken, ms (0: not at all)
--
-- Replies {'OK'} | {'LOST', lock value or ''} | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
if lock.processHash ~= ARGV[1] then return {'LOST', held} end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  -- Already marked if two processes of this run release it: the first can have died during its
  -- release.
  local kept = lock.minHold and held or string.sub(held, 1, -2) .. ',"minHold":true}'
  redis.call('SET', KEYS[1], kept, 'PX', ARGV[2])
end
return {'OK'}
