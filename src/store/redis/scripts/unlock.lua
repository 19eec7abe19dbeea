-- Frees a lock from outside if its holders are dead. With force it also takes the lock from holders that
-- are alive: each is notified, and a tombstone under its process hash replaces it. So its next renewal
-- reports that the lock is lost. But no other run gets the lock before the holder releases it, once its
-- job has ended, or before its liveness expires, which none of its renewals extends any more.
--
-- KEYS[1] lock   KEYS[2] hash of holders   KEYS[3] queue
-- ARGV[1] key prefix   ARGV[2] '1': by force
-- ARGV[3] owner hash of a holder that the caller has found dead, because its liveness is in another
--         slot of a Cluster; or ''
-- ARGV[4] TTL of the tombstone for a holder other than dlock, ms: until it has noticed the loss
-- ARGV[5], ARGV[6] ... for each expected holder: its owner hash, its tombstone
--
-- Replies {'FREE'} | {'FREED'} | {'HELD'} | {'FORCED'} | {'CHANGED'}: the holder is none of the expected
--         ones | {'NOTALOCK'}

local lock, holders, queue = KEYS[1], KEYS[2], KEYS[3]
local prefix, force = ARGV[1], ARGV[2] == '1'

local held = redis.call('GET', lock)
if not held or held == '' then return {'FREE'} end
local function decoded(value)
  local ok, is = pcall(cjson.decode, value)
  return ok and type(is) == 'table' and type(is.ownerHash) == 'string'
         and type(is.processHash) == 'string' and is
end
local is = decoded(held)
if not is then return {'NOTALOCK'} end

local marks = {}
for i = 5, #ARGV, 2 do marks[ARGV[i]] = ARGV[i + 1] end

local function is_dead(holder)
  local left = redis.pcall('PTTL', prefix .. 'proc:' .. holder.processHash)
  if type(left) == 'number' then return left == -2 end
  return holder.ownerHash == ARGV[3]
end
local function tell(holder) redis.pcall('PUBLISH', prefix .. 'wake:' .. holder.processHash, 'lost') end
local function freed(...)
  redis.call('DEL', ...)
  call_first(queue, prefix, '', 'look')
  return {'FREED'}
end

if not is.shares then
  if is_dead(is) then return freed(lock) end
  if not force then return {'HELD'} end
  if is.minHold then return freed(lock, prefix .. 'proc:' .. is.processHash) end
  local mark = marks[is.ownerHash]
  if not mark then return {'CHANGED'} end
  local life = is.token and redis.call('PTTL', lock) or tonumber(ARGV[4])
  redis.call('SET', lock, mark, 'PX', math.max(life, 1))
  tell(is)
  return {'FORCED'}
end

local all = redis.call('HGETALL', holders)
local living = {}
for i = 1, #all, 2 do
  local member = decoded(all[i + 1])
  if not member or is_dead(member) then
    redis.call('HDEL', holders, all[i])
  elseif force and member.minHold then
    redis.call('HDEL', holders, all[i])
    redis.call('DEL', prefix .. 'proc:' .. member.processHash)
  else
    living[#living + 1] = member
  end
end
if #living == 0 then return freed(lock, holders, prefix .. 'proc:' .. is.processHash) end
if not force then return {'HELD'} end
local changed = false
for _, member in ipairs(living) do
  local mark = marks[member.ownerHash]
  if mark then
    redis.call('HSET', holders, member.processHash, mark)
    tell(member)
  elseif not member.forced then
    changed = true
  end
end
return {changed and 'CHANGED' or 'FORCED'}
