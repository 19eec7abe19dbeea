-- The queue of waiters, shared by acquire, release, leave and unlock (CMake prepends it).
--
-- The queue is a sorted set of process hashes; the score is the ticket, which grows with each arrival.
-- A waiter has a place, a key that it renews, and subscribes to a channel of its own. Both show whether
-- it is alive: if the channel has no subscriber the process has ended, and if the place has expired it
-- is stopped or cut off. So a dead waiter blocks the queue for no longer than its TTL.
--
-- The caller cannot pass the keys of other waiters, because only this script knows them. The tag in the
-- process hash maps them to the slot of the lock, as long as they begin like the name of the liveness.

local function place_of(prefix, process) return prefix .. 'proc:' .. process .. ':wait' end

local function leaves_queue(queue, prefix, process)
  redis.call('ZREM', queue, process)
  redis.call('DEL', place_of(prefix, process))
end

-- The first waiter whose place exists, or nil.
local function first_in(queue, prefix)
  while true do
    local first = redis.call('ZRANGE', queue, 0, 0)[1]
    if not first or redis.call('EXISTS', place_of(prefix, first)) == 1 then return first end
    leaves_queue(queue, prefix, first)
  end
end

-- The number of waiters ahead of `me`, and the PTTL of the place of the one directly ahead, ms.
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

-- Publishes `what` to the first waiter, unless that is `me`, and returns the waiter that received
-- it; nil if the queue is empty.
local function call_first(queue, prefix, me, what)
  while true do
    local first = first_in(queue, prefix)
    if not first or first == me then return nil end
    -- If the user may not publish, no waiter is woken: waiters check by themselves later.
    local heard = redis.pcall('PUBLISH', prefix .. 'wake:' .. first, what)
    if type(heard) ~= 'number' or heard > 0 then return first end
    leaves_queue(queue, prefix, first)
  end
end
