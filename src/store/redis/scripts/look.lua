-- The holders and waiters of a lock, and its past run. Changes nothing.
--
-- KEYS[1] lock   KEYS[2] hash of holders   KEYS[3] queue   KEYS[4] past run
-- ARGV[1] key prefix   ARGV[2] maximum number of waiters to list
--
-- Replies {'FREE' | 'LOCK' | 'NOTALOCK', PTTL of the lock, server time in ms, past run or '', number of
--          waiters, {{value, PTTL of its liveness, or -3 if that is in another slot, value of the
--          liveness}, ...} for each holder, {value, ...} for each waiter}

local prefix = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = redis.call('PTTL', KEYS[1])

local function holder_of(value, process)
  local liveness = prefix .. 'proc:' .. process
  -- In a Cluster the liveness of a peer can be in another slot, which a script must not access.
  local ends = redis.pcall('PTTL', liveness)
  local alive = redis.pcall('GET', liveness)
  return {value, type(ends) == 'number' and ends or -3, type(alive) == 'string' and alive or ''}
end

local waiters = {}
for _, process in ipairs(redis.call('ZRANGE', KEYS[3], 0, ARGV[2] - 1)) do
  local value = redis.call('GET', prefix .. 'proc:' .. process .. ':wait')
  if value then waiters[#waiters + 1] = value end
end
local past = redis.call('GET', KEYS[4]) or ''
local waiting = redis.call('ZCARD', KEYS[3])

local held = redis.pcall('GET', KEYS[1])
if not held or held == '' then return {'FREE', -2, now, past, waiting, {}, waiters} end
local ok, lock = pcall(cjson.decode, held)
if type(held) ~= 'string' or not ok or type(lock) ~= 'table' or type(lock.ownerHash) ~= 'string'
   or type(lock.processHash) ~= 'string' then
  return {'NOTALOCK', left, now, past, waiting, {}, waiters}
end
local holders = {}
if lock.shares then
  local all = redis.call('HGETALL', KEYS[2])
  for i = 1, #all, 2 do holders[#holders + 1] = holder_of(all[i + 1], all[i]) end
else
  holders[1] = holder_of(held, lock.processHash)
end
return {'LOCK', left, now, past, waiting, holders, waiters}
