-- What the scripts share that take or renew a lock (CMake puts it before them): a replica that takes writes keeps
-- them to itself, so that a lock there is none. Who may not ask for INFO is not kept from one.

-- Before Redis 5 a script that asked for this, or for the time, could not write without it.
if redis.replicate_commands then redis.replicate_commands() end

-- An error if this is no master, else nil.
local function no_master()
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' or not string.find(info, 'role:slave', 1, true) then return nil end
  return redis.error_reply('READONLY this replica takes writes, but its master does not get them')
end
local refusal = no_master()
if refusal then return refusal end
