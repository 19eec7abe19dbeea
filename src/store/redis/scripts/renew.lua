-- Renews the liveness of the holder and its lock. Never recreates a missing lock.
--
-- KEYS[1] lock   KEYS[2] own liveness. Both exist while the lock is held, so that a Cluster answers
--         even while their slot migrates; with a third, absent key it would reply TRYAGAIN.
-- ARGV[1] own owner hash   ARGV[2] value of the lock   ARGV[3] value of the liveness
-- ARGV[4] lock TTL, ms   ARGV[5] liveness TTL, ms   ARGV[6] '1': recreate an expired liveness
--
-- Replies {'OK'} | {'LOST', lock value or ''} | {'LAPSED'}: the liveness expired, so a peer can already
--         have found this run dead | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
if lock.ownerHash ~= ARGV[1] then return {'LOST', held} end

-- PEXPIRE first: it works when Redis is out of memory, and after it Redis allows even SET. In the
-- other order a full Redis would cause the loss of every job.
if redis.call('PEXPIRE', KEYS[2], ARGV[5]) == 0 and ARGV[6] ~= '1' then return {'LAPSED'} end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[5])
return {'OK'}
