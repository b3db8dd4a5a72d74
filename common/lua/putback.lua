-- Make entries pending again for a consumer that has them in hand, after their
-- group was destroyed and created again.
--
-- KEYS    1  the stream
-- ARGV    1  group
--         2  consumer
--         3  1: the group is not to be behind these entries, which would hand
--            them out once more
--         4… entry id, its delivery count; at most 100 pairs
-- Result  how many were put back
--
-- What is pending for somebody is left there: another consumer may have been
-- given it by the new group, or have put it back before.  What is no longer in
-- the stream stays away; before Redis 7.0 XCLAIM FORCE would not look.  A crash
-- leaves some put back and some not; a second call sees which.
local back = 0
for i = 4, #ARGV, 2 do
	local id = ARGV[i]
	if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, '1') == 0 and
		#redis.call('XRANGE', KEYS[1], id, id) == 1 then
		redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], '0', id,
			'RETRYCOUNT', ARGV[i + 1], 'FORCE', 'JUSTID', 'LASTID',
			ARGV[3] == '1' and id or '0-0')
		back = back + 1
	end
end
return back
