-- Releases the lock if this run holds it, whichever attempt acquired it: so a lock whose reply was
-- lost is released, too. Then wakes the first waiter.
--
-- KEYS[1] lock   KEYS[2] own liveness   KEYS[3] queue   KEYS[4] hash of holders   KEYS[5] past run
-- ARGV[1] own process hash   ARGV[2] key prefix
-- ARGV[3] --min-hold: how much longer the lock stays taken, ms (0: not at all)
-- ARGV[4] past run to record, or ''   ARGV[5] its TTL, ms
--
-- Replies {'OK'} | {'LOST', lock value or ''} | {'NOTALOCK', value}

local lock, liveness, queue, holders = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local me, prefix, keep = ARGV[1], ARGV[2], tonumber(ARGV[3])

local held = redis.call('GET', lock)
if not held or held == '' then return {'LOST', ''} end
local ok, is = pcall(cjson.decode, held)
if not ok or type(is) ~= 'table' then return {'NOTALOCK', held} end

-- Already marked if two processes of this run release it: the first can have died during its
-- release.
local function kept(value)
  local ok, holder = pcall(cjson.decode, value)
  if ok and type(holder) == 'table' and holder.minHold then return value end
  return string.sub(value, 1, -2) .. ',"minHold":true}'
end
-- Also if it has just expired: without it any other run could take the lock.
local function keep_alive(key)
  if redis.call('PEXPIRE', key, keep) == 0 then redis.call('SET', key, '{}', 'PX', keep) end
end

-- PEXPIRE and DEL come first: they work when Redis is out of memory, and then Redis allows the
-- writes that need memory.
if is.shares then
  local mine = redis.call('HGET', holders, me)
  if not mine then return {'LOST', held} end
  local group = prefix .. 'proc:' .. is.processHash
  -- After a forced unlock that this run has not noticed yet, --min-hold no longer applies.
  if keep > 0 and not is_forced(mine) then
    keep_alive(liveness)
    if redis.call('EXISTS', group) == 0 then keep_alive(group) end
    for _, key in ipairs({lock, holders, group}) do extend(key, keep) end
    redis.call('HSET', holders, me, kept(mine))
  else
    redis.call('HDEL', holders, me)
    redis.call('DEL', liveness)
    if redis.call('HLEN', holders) == 0 then redis.call('DEL', lock, group) end
  end
else
  if is.processHash ~= me then return {'LOST', held} end
  if keep > 0 and not is.forced then
    keep_alive(liveness)
    redis.call('SET', lock, kept(held), 'PX', keep)
  else
    redis.call('DEL', lock, liveness)
  end
end
if ARGV[4] ~= '' then redis.call('SET', KEYS[5], ARGV[4], 'PX', ARGV[5]) end
call_first(queue, prefix, '', 'look')
return {'OK'}
