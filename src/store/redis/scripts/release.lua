-- Gives the lock back, if it is ours: of any attempt of this run, so that one whose reply was lost
-- goes with it.
--
-- KEYS[1] lock   KEYS[2] our liveness
-- ARGV[1] our process hash
--
-- Answers {'OK'} | {'LOST', lock value or ''} | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
if lock.processHash ~= ARGV[1] then return {'LOST', held} end
redis.call('DEL', KEYS[1], KEYS[2])
return {'OK'}
