-- Takes the lock when there is room for one more holder and nobody waits in front of us; adopts it when
-- it is ours already; takes the place of a holder that is dead. Else joins the queue, if we wait. One
-- round trip when the lock is free.
--
-- A lock has one holder, whose value is that of the lock's key; or several (--limit, --shared), whose
-- values are in a hash by their process hash. Then the lock's key names a group, whose liveness each
-- of them keeps alive: so a peer that knows of one holder only sees the lock held until the last has
-- gone.
--
-- KEYS[1] lock   KEYS[2] our liveness   KEYS[3] token counter   KEYS[4] queue   KEYS[5] hash of holders
-- KEYS[6] past run   KEYS[7] our place in the queue
-- KEYS[8] liveness of the holder seen: this script looks whether it is dead
-- ARGV[1] our value: JSON without its closing brace, for the token is known here only
-- ARGV[2] our process hash   ARGV[3] value of the liveness   ARGV[4] lock TTL, ms
-- ARGV[5] liveness TTL, ms   ARGV[6] least uptime of the server, s (0: any)   ARGV[7] key prefix
-- ARGV[8] how many may hold the lock at once (0: any number)
-- ARGV[9] our ticket; '' if we wait and have none yet, 'no' if we do not wait
-- ARGV[10] --once-per, ms (0: as often as you like)
-- ARGV[11] process hash of the group, should we be its first   ARGV[12] value of the lock for it
-- ARGV[13] owner hash of the holder seen. With KEYS[8] this script looks whether it is dead; without,
--          the caller has found it dead where its liveness is kept, in another slot of a Cluster.
--
-- Answers {'OK', our value, server time in ms, process hash of the group or ''}
--       | {'HELD', value of who is in the way, PTTL of its liveness or -3 if not asked, number of
--          holders (0: it is a waiter in front of us), our ticket or 'no', how many wait in front of us,
--          PTTL of the place of the one right in front of us or -1, 1 if we had been taken out of the
--          queue because our channel was found deaf}
--       | {'DONE', past run} | {'NOTALOCK', value} | what too_young says
--
-- Nothing that grows is written before all checks: a script that fails half-way is not undone.

local lock, liveness, queue, holders = KEYS[1], KEYS[2], KEYS[4], KEYS[5]
local me, lock_ttl, ttl, prefix, ticket = ARGV[2], ARGV[4], ARGV[5], ARGV[7], ARGV[9]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function without_limit(most) return most == 0 and math.huge or most end
local function limit_in(value)
  local ok, holder = pcall(cjson.decode, value)
  return ok and type(holder) == 'table' and holder.limit or 1
end
-- The liveness of a group was deleted or evicted: a peer may take the lock at any moment.
local function is_gone(process) return redis.call('EXISTS', prefix .. 'proc:' .. process) == 0 end
local function digits_of(number)
  -- `..` and tostring would print it as 1.79e+15; '%.0f' keeps every digit until the year 2255.
  return string.format('%.0f', number)
end

-- Who holds the lock: how many, of them the one that ends first, and how many they put up with.
local count, first, ends = 0, nil, -3
local most = without_limit(tonumber(ARGV[8]))
local function is_in_the_way(value, left, limit)
  count = count + 1
  most = math.min(most, without_limit(tonumber(limit) or 1))
  if not first or left < ends then first, ends = value, left end
end

local group  -- of the lock as it is now
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
    -- Ours: an earlier attempt was applied and its reply lost. Adopt it under ITS hash, and only
    -- while its liveness stands: a lapsed one may be deleted by a peer's verdict still in flight.
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
    -- The holder is compared and found dead in the same script: between two there could be a renewal.
    local left = -3
    if is.ownerHash == ARGV[13] then left = KEYS[8] and redis.call('PTTL', KEYS[8]) or -2 end
    if left ~= -2 then is_in_the_way(held, left, 1) end
  end
end

-- Whether the run of this slot has been. A slot begins half a minute, or a quarter of it, before the
-- moment by which it is known: at that one cron starts, a little before or behind our clock.
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

-- May we enter? Only if all holders put up with one more, and nobody came before us. A group that is
-- gone is joined by nobody: its members find out when they renew.
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

-- The token: more than the last, and more than any before it if the counter was lost. A counter that
-- has more digits than a number here was not written by us, nor is one that is no number at all.
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

-- The next one need not look before our liveness could end; unless there may be room for it, too.
if ticket ~= 'no' then leaves_queue(queue, prefix, me) end
call_first(queue, prefix, me, group == '' and 'first ' .. ttl or 'look')
return {'OK', value, now, group}
