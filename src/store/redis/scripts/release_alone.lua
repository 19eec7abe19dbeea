-- Gives the lock back without touching any other key: for a slot that migrates in a Redis Cluster. The
-- caller sees to the liveness.
--
-- KEYS[1] lock
-- ARGV[1] our process hash
-- ARGV[2] how long the lock stays taken although nobody uses it, ms (0: it does not)
--
-- Answers {'OK'} | {'LOST', lock value or ''} | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
if lock.processHash ~= ARGV[1] then return {'LOST', held} end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  -- Kept already, if two processes of this run give it back: the first may have died of it.
  local kept = lock.minHold and held or string.sub(held, 1, -2) .. ',"minHold":true}'
  redis.call('SET', KEYS[1], kept, 'PX', ARGV[2])
end
return {'OK'}
