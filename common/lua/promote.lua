-- Move scheduled events that are due into their stream.
--
-- KEYS    1  {S}:delayed
--         2  the stream
-- ARGV    1  how many at most
-- Result  {how many were moved, ms until the next one is due}: 0 if it is due
--         already, -1 if there is none
--
-- A member is a UUID, a colon and the event (delay.lua); one that begins with a
-- brace is an event that another program put there as it is.  What is due first
-- is moved first, and of one ms what was scheduled first.
--
-- Events are appended before they are taken out of the set: a crash between the
-- two leaves them in both, so that they are appended twice, but none is lost.
-- If the server refuses one, those before it are still taken out.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', '0', ARGV[1])
local moved, refused = 0, nil
for _, member in ipairs(due) do
	local event = string.byte(member) == 123 and member or string.sub(member, 38)
	local id = redis.pcall('XADD', KEYS[2], '*', 'data', event)
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
