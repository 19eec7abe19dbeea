-- What the scripts below it share (CMake puts it before acquire, release, leave and unlock): the queue of those
-- who wait for a lock.
--
-- The queue is a sorted set of process hashes; the score is the ticket, which goes up with each arrival.
-- A waiter has a place, a key that it keeps alive, and listens to a channel of its own. Both tell
-- whether it lives: a channel that nobody hears is a process that ended, and a place that expired is
-- one that is stopped or cut off. So a dead waiter holds up nobody for longer than its TTL.
--
-- The names of other waiters are known here only. They are in the slot of the lock, by the tag in
-- their process hash, as long as they begin as the name of their liveness does.

local function place_of(prefix, process) return prefix .. 'proc:' .. process .. ':wait' end

local function leaves_queue(queue, prefix, process)
  redis.call('ZREM', queue, process)
  redis.call('DEL', place_of(prefix, process))
end

-- The first in the queue whose place is alive, or nil.
local function first_in(queue, prefix)
  while true do
    local first = redis.call('ZRANGE', queue, 0, 0)[1]
    if not first or redis.call('EXISTS', place_of(prefix, first)) == 1 then return first end
    leaves_queue(queue, prefix, first)
  end
end

-- How many wait in front of `me`, and how long the place of the one right in front of it lasts, ms.
local function in_front(queue, prefix, me)
  while true do
    local ahead = redis.call('ZRANK', queue, me)
    if ahead == 0 then return 0, -1 end
    local before = redis.call('ZRANGE', queue, ahead - 1, ahead - 1)[1]
    local left = redis.call('PTTL', place_of(prefix, before))
    if left >= 0 then return ahead, left end
    leaves_queue(queue, prefix, before)
  end
end

-- Says `what` to the first in the queue, unless that is `me`, and returns who has heard it; nil when
-- nobody is there.
local function call_first(queue, prefix, me, what)
  while true do
    local first = first_in(queue, prefix)
    if not first or first == me then return nil end
    -- Where the user may not publish nobody is called: waiters look by themselves, later.
    local heard = redis.pcall('PUBLISH', prefix .. 'wake:' .. first, what)
    if type(heard) ~= 'number' or heard > 0 then return first end
    leaves_queue(queue, prefix, first)
  end
end
