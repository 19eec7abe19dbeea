-- What acquire and create_alone share (CMake puts it before them): a server that came up a moment ago may
-- have forgotten a holder that still runs.

-- Nil if the server has been up for so many seconds; else the answer to give instead of creating anything:
-- {'YOUNG', seconds until it is old enough} | {'AGELESS', why it does not tell}
local function too_young(least)
  if least == 0 then return nil end
  -- The command may be renamed, or forbidden to this user; each server words that in its own way.
  local info = redis.pcall('INFO', 'server')
  if type(info) ~= 'string' then return {'AGELESS', info.err or ''} end
  local uptime = tonumber(string.match(info, 'uptime_in_seconds:(%d+)'))
  if not uptime then return {'AGELESS', 'no uptime_in_seconds'} end
  if uptime < least then return {'YOUNG', least - uptime} end
  return nil
end
