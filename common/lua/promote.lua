-- Move scheduled events that are due into the streams of their priorities.
--
-- KEYS    1  {S}:delayed
--         2  the stream of priority critical
--         3  … of priority high
--         4  the stream itself
--         5  … of priority low
-- ARGV    1  how many at most
-- Result  {how many were moved, ms until the next one is due}: 0 if it is due
--         already, -1 if there is none
--
-- A member is a UUID of 36 characters, c h n or l for the priority, and the event
-- (delay.lua); one that begins with a brace is an event that another program put
-- there as it is.  What is due first is moved first, and of one ms what was
-- scheduled first.
--
-- Events are appended before they are taken out of the set: a crash between the
-- two leaves them in both, so that they are appended twice, but none is lost.
-- If the server refuses one, those before it are still taken out.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', '0', ARGV[1])
local to = { c = KEYS[2], h = KEYS[3], n = KEYS[4], l = KEYS[5] }
local moved, refused = 0, nil
for _, member in ipairs(due) do
	local key, event = to[string.sub(member, 37, 37)], string.sub(member, 38)
	if string.byte(member) == 123 then
		key, event = KEYS[4], member
	end
	local id = redis.pcall('XADD', key or KEYS[4], '*', 'data', event)
	if type(id) == 'table' and id.err then
		refused = id
		break
	end
	moved = moved + 1
end
if moved > 0 then
	redis.call('ZREMRANGEBYRANK', KEYS[1], '0', moved - 1)
elseif refused then
	return refused
end
local next = redis.call('ZRANGE', KEYS[1], '0', '0', 'WITHSCORES')
if #next == 0 then
	return { moved, -1 }
end
return { moved, math.max(0, next[2] - now) }
