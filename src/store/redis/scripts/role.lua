-- Shared by the scripts that acquire or renew a lock (CMake prepends it). A writable replica does not
-- pass its writes on, so a lock on it excludes no other run. If the user may not call INFO, the
-- check is skipped.

-- Before Redis 5 a script that calls INFO or TIME cannot write without this.
if redis.replicate_commands then redis.replicate_commands() end

-- An error reply if this server is a replica, else nil.
local function no_master()
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' or not string.find(info, 'role:slave', 1, true) then return nil end
  return redis.error_reply('READONLY this replica takes writes, but its master does not get them')
end
local refusal = no_master()
if refusal then return refusal end
