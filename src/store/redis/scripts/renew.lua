-- Proves that the holder lives and keeps its lock. A lock that is gone stays gone.
--
-- KEYS[1] lock   KEYS[2] our liveness. Both exist while the lock is held, so that a Cluster answers
--         also while their slot migrates; a third key that is absent would make it say TRYAGAIN.
-- ARGV[1] our owner hash   ARGV[2] value of the lock   ARGV[3] value of the liveness
-- ARGV[4] lock TTL, ms   ARGV[5] liveness TTL, ms   ARGV[6] '1': a liveness that ran out is revived
--
-- Answers {'OK'} | {'LOST', lock value or ''} | {'LAPSED'}: the liveness ran out, so a peer may
--         have judged us dead already | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
if lock.ownerHash ~= ARGV[1] then return {'LOST', held} end

-- PEXPIRE first: it works when Redis is out of memory, and after it even SET is let through. The
-- other way round every job of a full Redis would die.
if redis.call('PEXPIRE', KEYS[2], ARGV[5]) == 0 and ARGV[6] ~= '1' then return {'LAPSED'} end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[5])
return {'OK'}
