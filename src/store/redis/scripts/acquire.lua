-- Takes the lock when nobody holds it, adopts it when it is ours already, takes it over from one
-- holder named by the caller when that holder is dead. One round trip when the lock is free.
--
-- KEYS[1] lock   KEYS[2] our liveness   KEYS[3] token counter   KEYS[4] liveness of the holder seen
-- ARGV[1] value of the lock: JSON without its closing brace, for the token is known here only
-- ARGV[2] our process hash   ARGV[3] value of the liveness   ARGV[4] lock TTL, ms
-- ARGV[5] liveness TTL, ms   ARGV[6] least uptime of the server, s (0: any)
-- ARGV[7] owner hash of the holder seen. With KEYS[4] this script looks whether it is dead; without,
--         the caller has found it dead where its liveness is kept, in another slot of a Cluster.
--
-- Answers {'OK', lock value} | {'HELD', lock value, lock PTTL, liveness PTTL or -3 if not asked}
--       | {'NOTALOCK', value} | {'YOUNG', seconds until the server is old enough}
--
-- All checks come before the first write: a script that fails half-way is not undone.

local held = redis.call('GET', KEYS[1])
if held and held ~= '' then
  local ok, lock = pcall(cjson.decode, held)
  if not ok or type(lock) ~= 'table' or type(lock.ownerHash) ~= 'string'
     or type(lock.processHash) ~= 'string' then
    return {'NOTALOCK', held}
  end
  if lock.processHash == ARGV[2] then
    -- Ours: an earlier attempt was applied and its reply lost. Adopt it under ITS hash, and only
    -- while its liveness stands: a lapsed one may be deleted by a peer's verdict still in flight.
    if redis.call('PEXPIRE', KEYS[2], ARGV[5]) == 1 then
      redis.call('PEXPIRE', KEYS[1], ARGV[4])
      return {'OK', held}
    end
  elseif lock.ownerHash ~= ARGV[7] then
    return {'HELD', held, redis.call('PTTL', KEYS[1]), -3}
  elseif KEYS[4] then
    -- The holder is compared and found dead in the same script: between two there could be a renewal.
    local alive = redis.call('PTTL', KEYS[4])
    if alive ~= -2 then return {'HELD', held, redis.call('PTTL', KEYS[1]), alive} end
  end
end

-- A server that came up a moment ago may have forgotten a holder that still runs.
local least = tonumber(ARGV[6])
if least > 0 then
  local uptime = tonumber(string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)'))
  if uptime and uptime < least then return {'YOUNG', least - uptime} end
end

-- Before Redis 5 a script that asked for the time could not write without this.
if redis.replicate_commands then redis.replicate_commands() end

-- The token: more than the last, and more than any before it if the counter was lost. `..` and
-- tostring would print it as 1.79e+15; '%.0f' keeps every digit until the year 2255.
local time = redis.call('TIME')
local token = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('GET', KEYS[3]) or '0') or 0
if last >= token then token = last + 1 end
local digits = string.format('%.0f', token)

local value = ARGV[1] .. ',"token":' .. digits .. '}'
redis.call('SET', KEYS[3], digits, 'PX', 2592000000)
redis.call('SET', KEYS[1], value, 'PX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[5])
return {'OK', value}
