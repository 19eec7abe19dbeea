-- What acquire and release share (CMake puts it before them): about keys of a lock that is held.

-- Somebody has freed the lock by force: see unlock.lua.
local function is_forced(value)
  local ok, holder = pcall(cjson.decode, value)
  return ok and type(holder) == 'table' and holder.forced
end

local function extend(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
