-- Renew the leases of the entries named, and tell which of them are lost.
--
-- KEYS    1  the stream
-- ARGV    1  group
--         2  consumer
--         3… entry ids, at most 1000
-- Result  the ids that the consumer does not own any more
--
-- Fenced entry by entry: what another consumer has taken over is left with it.
-- What was trimmed meanwhile is not lost, but not renewed either: from Redis 7.0
-- on XCLAIM would forget it.  A crash leaves some leases renewed and some not.
local lost = {}
for i = 3, #ARGV do
	local id = ARGV[i]
	if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, '1', ARGV[2]) == 0 then
		lost[#lost + 1] = id
	elseif #redis.call('XRANGE', KEYS[1], id, id) == 1 then
		redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], '0', id, 'JUSTID')
	end
end
return lost
