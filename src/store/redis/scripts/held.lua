-- Shared by acquire and release (CMake prepends it): the keys of a held lock.

-- Whether the value is the tombstone of a forced unlock: see unlock.lua.
local function is_forced(value)
  local ok, holder = pcall(cjson.decode, value)
  return ok and type(holder) == 'table' and holder.forced
end

local function extend(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
