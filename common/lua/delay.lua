-- Schedule an event for a stream, unless one with the same key was taken within
-- the window.
--
-- KEYS    1  {S}:delayed
--         2  the mark {S}:seen:KEY, if there is a window
-- ARGV    1  the event
--         2  its place among those due in the same ms: a UUIDv7; and behind it
--            the priority, c h n or l
--         3  ms since 1970, or from now on
--         4  1: from now on
--         5  how long the mark lives, ms, if there is a window
-- Result  {"0-0", 1} scheduled; {id of the first one, 0} it was there before,
--         "0-0" if that one was scheduled too
--
-- A member of the sorted set is the UUID, the priority and the event, so that
-- equal events stay apart and those of one ms keep their order; its score is when
-- it is due.  An entry's id is not known before promote.lua has made the entry, so
-- the mark holds none.
--
-- The event is written before the mark: a crash between the two may let the
-- event in a second time, but never keeps it out.
local first = KEYS[2] and redis.call('GET', KEYS[2])
if first then
	return { first, 0 }
end
local due = tonumber(ARGV[3])
if ARGV[4] == '1' then
	local now = redis.call('TIME')
	due = due + now[1] * 1000 + math.floor(now[2] / 1000)
end
redis.call('ZADD', KEYS[1], string.format('%.0f', due), ARGV[2] .. ARGV[1])
if KEYS[2] then
	redis.call('SET', KEYS[2], '0-0', 'PX', ARGV[5])
end
return { '0-0', 1 }
