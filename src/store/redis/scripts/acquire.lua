-- Acquires the lock when there is room for one more holder and no earlier waiter; adopts it when this run
-- holds it already; takes it over from a dead holder. Otherwise joins the queue if the run waits. One
-- round trip when the lock is free.
--
-- A lock has one holder, whose value is that of the lock's key; or several (--limit, --shared), whose
-- values are in a hash by their process hash. Then the lock's key names a group, whose liveness each
-- of them renews: a peer that supports only one holder sees the lock held until the last holder has
-- released it.
--
-- KEYS[1] lock   KEYS[2] own liveness   KEYS[3] token counter   KEYS[4] queue   KEYS[5] hash of holders
-- KEYS[6] past run   KEYS[7] own place in the queue
-- KEYS[8] liveness of the expected holder: this script checks whether it is dead
-- ARGV[1] own value: JSON without its closing brace, because only this script knows the token
-- ARGV[2] own process hash   ARGV[3] value of the liveness   ARGV[4] lock TTL, ms
-- ARGV[5] liveness TTL, ms   ARGV[6] least uptime of the server, s (0: any)   ARGV[7] key prefix
-- ARGV[8] maximum number of holders at once (0: no limit)
-- ARGV[9] own ticket; '' for a run that waits and has none yet, 'no' for a run that does not wait
-- ARGV[10] --once-per, ms (0: no restriction)
-- ARGV[11] process hash of the group to create if there is none   ARGV[12] value of the lock for it
-- ARGV[13] owner hash of the expected holder. With KEYS[8] this script checks whether it is dead;
--          without, the caller has found it dead: its liveness is in another slot of a Cluster.
--
-- Replies {'OK', own value, server time in ms, process hash of the group or ''}
--       | {'HELD', value of the blocking holder or waiter, PTTL of its liveness or -3 if not checked,
--          number of holders (0: it is an earlier waiter), own ticket or 'no', number of waiters ahead,
--          PTTL of the place of the waiter directly ahead or -1, 1 if this run was removed from the
--          queue because its channel had no subscriber}
--       | {'DONE', past run} | {'NOTALOCK', value} | the reply of too_young
--
-- No write that needs memory comes before the last check: Redis does not undo a script that
-- fails half-way.

local lock, liveness, queue, holders = KEYS[1], KEYS[2], KEYS[4], KEYS[5]
local me, lock_ttl, ttl, prefix, ticket = ARGV[2], ARGV[4], ARGV[5], ARGV[7], ARGV[9]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function without_limit(most) return most == 0 and math.huge or most end
local function limit_in(value)
  local ok, holder = pcall(cjson.decode, value)
  return ok and type(holder) == 'table' and holder.limit or 1
end
-- The liveness of the group was deleted or evicted: a peer can take the lock at any moment.
local function is_gone(process) return redis.call('EXISTS', prefix .. 'proc:' .. process) == 0 end
local function digits_of(number)
  -- `..` and tostring would print it as 1.79e+15; '%.0f' keeps every digit until the year 2255.
  return string.format('%.0f', number)
end

-- The holders: their number, the one that expires first, and the smallest limit among them.
local count, first, ends = 0, nil, -3
local most = without_limit(tonumber(ARGV[8]))
local function is_in_the_way(value, left, limit)
  count = count + 1
  most = math.min(most, without_limit(tonumber(limit) or 1))
  if not first or left < ends then first, ends = value, left end
end

local group  -- the current group of the lock
local held = redis.call('GET', lock)
if held and held ~= '' then
  local ok, is = pcall(cjson.decode, held)
  if not ok or type(is) ~= 'table' or type(is.ownerHash) ~= 'string'
     or type(is.processHash) ~= 'string' then
    return {'NOTALOCK', held}
  end
  if is.shares then group = is.processHash end
  local mine = held
  if group then mine = redis.call('HGET', holders, me) end
  if mine and (group or is.processHash == me) and not is_forced(mine)
     and not (group and is_gone(group)) then
    -- An earlier attempt of this run was applied and its reply lost. Adopt the lock under ITS hash,
    -- and only while its liveness exists: after it expired, a peer can be about to delete the lock.
    if redis.call('PEXPIRE', liveness, ttl) == 1 then
      extend(lock, lock_ttl)
      if group then
        extend(holders, lock_ttl)
        extend(prefix .. 'proc:' .. group, ttl)
      end
      return {'OK', mine, now, group or ''}
    end
  end
  if group then
    local all = redis.call('HGETALL', holders)
    for i = 1, #all, 2 do
      local left = redis.call('PTTL', prefix .. 'proc:' .. all[i])
      if left == -2 then
        redis.call('HDEL', holders, all[i])
      else
        is_in_the_way(all[i + 1], left, limit_in(all[i + 1]))
      end
    end
  elseif is.processHash ~= me then
    -- The holder is compared and checked in the same script: between two scripts it could renew.
    local left = -3
    if is.ownerHash == ARGV[13] then left = KEYS[8] and redis.call('PTTL', KEYS[8]) or -2 end
    if left ~= -2 then is_in_the_way(held, left, 1) end
  end
end

-- Whether the run of this slot has completed. A slot begins half a minute, or a quarter of the
-- period, before its nominal time: cron starts at that time, a little before or after the server's
-- clock.
local period = tonumber(ARGV[10])
local begins_before = math.min(30000, math.floor(period / 4))
local function slot_of(moment) return math.floor((moment + begins_before) / period) end
local past = period > 0 and redis.call('GET', KEYS[6])
if past then
  local ok, run = pcall(cjson.decode, past)
  if ok and type(run) == 'table' and run.counts == true and type(run.startedMs) == 'number'
     and slot_of(run.startedMs) == slot_of(now) then
    return {'DONE', past}
  end
end

-- The lock is granted only if the limits of all holders allow one more and there is no earlier
-- waiter. A group whose liveness is gone accepts no member: its members notice when they renew.
local refused = count + 1 > most or (group and count > 0 and is_gone(group))
if not refused then
  local waiter = call_first(queue, prefix, me, 'look')
  if waiter then
    refused, count = true, 0
    first = redis.call('GET', place_of(prefix, waiter))
    ends = redis.call('PTTL', place_of(prefix, waiter))
  end
end
if refused then
  local ahead, place_ends, was_deaf = 0, -1, 0
  if ticket ~= 'no' then
    if ticket ~= '' and not redis.call('ZRANK', queue, me) then was_deaf = 1 end
    if ticket == '' then
      local last = tonumber(redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]) or 0
      ticket = digits_of(math.max(last + 1, time[1] * 1000000 + time[2]))
    end
    redis.call('ZADD', queue, ticket, me)
    extend(queue, lock_ttl)
    redis.call('SET', KEYS[7], ARGV[1] .. '}', 'PX', ttl)
    ahead, place_ends = in_front(queue, prefix, me)
  end
  return {'HELD', first, ends, count, ticket, ahead, place_ends, was_deaf}
end

local young = too_young(tonumber(ARGV[6]))
if young then return young end

-- The token: greater than the last, and than all before it if the counter was lost. dlock did not
-- write a counter that is not a number, or has more digits than a number here can hold.
local last = tonumber(redis.call('GET', KEYS[3]) or '0') or 0
if not (last < 9007199254740992) then last = 0 end
local token = digits_of(math.max(last + 1, time[1] * 1000000 + time[2]))
local value = ARGV[1] .. ',"token":' .. token .. '}'

redis.call('SET', KEYS[3], token, 'PX', 2592000000)
if ARGV[8] == '1' then
  if group then redis.call('DEL', holders, prefix .. 'proc:' .. group) end
  group = ''
  redis.call('SET', lock, value, 'PX', lock_ttl)
else
  if group and count > 0 then
    extend(lock, lock_ttl)
    extend(prefix .. 'proc:' .. group, ttl)
  else
    redis.call('DEL', holders)
    group = ARGV[11]
    redis.call('SET', lock, ARGV[12], 'PX', lock_ttl)
    redis.call('SET', prefix .. 'proc:' .. group, ARGV[3], 'PX', ttl)
  end
  redis.call('HSET', holders, me, value)
  extend(holders, lock_ttl)
end
redis.call('SET', liveness, ARGV[3], 'PX', ttl)

-- The next waiter need not check before this liveness can expire, unless there may be room for it,
-- too.
if ticket ~= 'no' then leaves_queue(queue, prefix, me) end
call_first(queue, prefix, me, group == '' and 'first ' .. ttl or 'look')
return {'OK', value, now, group}
