-- Shared by acquire and create_alone (CMake prepends it): a recently restarted server can have lost
-- the lock of a holder that still runs.

-- Nil if the server has been up for that many seconds; else the reply to return without creating
-- anything: {'YOUNG', seconds until it is old enough} | {'AGELESS', why the uptime is unknown}
local function too_young(least)
  if least == 0 then return nil end
  -- The command can be renamed or forbidden to this user; the error text depends on the server.
  local info = redis.pcall('INFO', 'server')
  if type(info) ~= 'string' then return {'AGELESS', info.err or ''} end
  local uptime = tonumber(string.match(info, 'uptime_in_seconds:(%d+)'))
  if not uptime then return {'AGELESS', 'no uptime_in_seconds'} end
  if uptime < least then return {'YOUNG', least - uptime} end
  return nil
end
