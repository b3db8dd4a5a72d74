-- Renew the leases of what a consumer holds: reset the idle time of its pending
-- entries, a slice at a time.
--
-- KEYS    1  the stream
-- ARGV    1  group
--         2  consumer
--         3  where to start: - at first, then (ID, behind that id
--         4  how many entries at most
-- Result  the last id renewed, to go on behind it; false: there were no more
--
-- Only entries that the consumer still owns are touched, so a lease that was
-- lost is never stolen back.  JUSTID leaves the delivery counts as they are.
-- What is not in the stream any more is left alone, since XCLAIM would forget it
-- from Redis 7.0 on, and nobody would hear of it: those before the first entry,
-- and those up to the last one deleted, which are looked at one by one.  One
-- command writes; a crash leaves either all leases renewed or none.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', ARGV[4],
	ARGV[2])
if #pending == 0 then
	return false
end
local function at(id)
	local ms, seq = string.match(id, '^(%d+)-(%d+)$')
	return tonumber(ms), tonumber(seq)
end
local function before(a, b)
	local ams, aseq = at(a)
	local bms, bseq = at(b)
	return ams < bms or (ams == bms and aseq < bseq)
end
local deleted, first = '0-0', redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', '1')[1]
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
	if info[i] == 'max-deleted-entry-id' then
		deleted = info[i + 1]
	end
end
local claim = { 'XCLAIM', KEYS[1], ARGV[1], ARGV[2], '0' }
for i = 1, #pending do
	local id = pending[i][1]
	if first and not before(id, first[1]) and (before(deleted, id) or
			#redis.call('XRANGE', KEYS[1], id, id) == 1) then
		claim[#claim + 1] = id
	end
end
if #claim > 5 then
	claim[#claim + 1] = 'JUSTID'
	redis.call(unpack(claim))
end
return pending[#pending][1]
