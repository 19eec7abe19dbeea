-- Acquires the lock without accessing any other key: for a slot that migrates in a Redis Cluster, where a
-- script with several keys, one of them absent, gets TRYAGAIN. The caller has written the own liveness
-- before, and has found the holder in ARGV[6] dead.
--
-- KEYS[1] lock
-- ARGV[1] value of the lock: JSON without its closing brace   ARGV[2] own process hash
-- ARGV[3] lock TTL, ms   ARGV[4] least uptime of the server, s (0: any)
-- ARGV[5] '1': the own liveness existed before, so a lock of this run belongs to an earlier attempt
-- ARGV[6] owner hash of the dead holder, or ''
--
-- Replies like acquire.lua: {'OK', lock value, server time in ms, ''}
--       | {'HELD', lock value, -3, 1, 'no', 0, -1, 0}
--       | {'NOTALOCK', value} | the reply of too_young

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local held = redis.call('GET', KEYS[1])
if held and held ~= '' then
  local ok, lock = pcall(cjson.decode, held)
  if not ok or type(lock) ~= 'table' or type(lock.ownerHash) ~= 'string'
     or type(lock.processHash) ~= 'string' then
    return {'NOTALOCK', held}
  end
  if lock.processHash == ARGV[2] then
    if ARGV[5] == '1' and not lock.forced then
      redis.call('PEXPIRE', KEYS[1], ARGV[3])
      return {'OK', held, now, ''}
    end
  elseif lock.ownerHash ~= ARGV[6] then
    return {'HELD', held, -3, 1, 'no', 0, -1, 0}
  end
end

local young = too_young(tonumber(ARGV[4]))
if young then return young end

-- The counter is another key. The time alone is greater than every earlier token, unless the clock
-- of this node is behind the last node's by more than the time since then.
local value = ARGV[1] .. ',"token":' .. string.format('%.0f', time[1] * 1000000 + time[2]) .. '}'
redis.call('SET', KEYS[1], value, 'PX', ARGV[3])
return {'OK', value, now, ''}
