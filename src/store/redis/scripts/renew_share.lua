-- Like renew.lua, for one of several holders.
--
-- KEYS[1] lock   KEYS[2] own liveness   KEYS[3] hash of holders   KEYS[4] liveness of the group. All
--         exist while the lock is held, so that a Cluster answers even while their slot migrates.
-- ARGV[1] own owner hash   ARGV[2] own value   ARGV[3] value of the liveness   ARGV[4] lock TTL, ms
-- ARGV[5] liveness TTL, ms   ARGV[6] '1': recreate an expired liveness
-- ARGV[7] own process hash   ARGV[8] process hash of the group
--
-- Replies {'OK'} | {'LOST', own value or that of the lock, or ''} | {'LAPSED'} | {'NOTALOCK', value}

local held = redis.call('GET', KEYS[1])
if not held or held == '' then return {'LOST', ''} end
local ok, lock = pcall(cjson.decode, held)
if not ok or type(lock) ~= 'table' then return {'NOTALOCK', held} end
local mine = redis.call('HGET', KEYS[3], ARGV[7])
local known, member = pcall(cjson.decode, mine or '')
if lock.processHash ~= ARGV[8] or not known or type(member) ~= 'table'
   or member.ownerHash ~= ARGV[1] then
  return {'LOST', mine or held}
end

-- The group's first: a peer checks only this one, and must not find it missing while this run
-- counts as alive.
for _, liveness in ipairs({KEYS[4], KEYS[2]}) do
  local left = redis.call('PTTL', liveness)
  if left == -2 and ARGV[6] ~= '1' then return {'LAPSED'} end
  if left ~= -2 and left < tonumber(ARGV[5]) then redis.call('PEXPIRE', liveness, ARGV[5]) end
  if left == -2 then redis.call('SET', liveness, ARGV[3], 'PX', ARGV[5]) end
end
for _, key in ipairs({KEYS[1], KEYS[3]}) do
  if redis.call('PTTL', key) < tonumber(ARGV[4]) then redis.call('PEXPIRE', key, ARGV[4]) end
end
redis.call('HSET', KEYS[3], ARGV[7], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[5])
return {'OK'}
