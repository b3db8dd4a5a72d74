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
-- One command writes; a crash leaves either all leases renewed or none.
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], '+', ARGV[4],
	ARGV[2])
if #pending == 0 then
	return false
end
local claim = { 'XCLAIM', KEYS[1], ARGV[1], ARGV[2], '0' }
for i = 1, #pending do
	claim[#claim + 1] = pending[i][1]
end
claim[#claim + 1] = 'JUSTID'
redis.call(unpack(claim))
return pending[#pending][1]
