-- Leaves the queue, and wakes the next waiter if this run was the first.
--
-- KEYS[1] queue   KEYS[2] own place in it
-- ARGV[1] own process hash   ARGV[2] key prefix
--
-- Replies {'OK'}

local was_first = redis.call('ZRANGE', KEYS[1], 0, 0)[1] == ARGV[1]
leaves_queue(KEYS[1], ARGV[2], ARGV[1])
if was_first then call_first(KEYS[1], ARGV[2], '', 'look') end
return {'OK'}
