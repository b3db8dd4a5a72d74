-- Give back an entry that a consumer was handed and did not start: others may
-- take it at once, and it counts as never delivered.
--
-- KEYS    1  the stream
-- ARGV    1  group
--         2  consumer
--         3  entry id
--         4  delivery count to restore
-- Result  1 given back, 0 the consumer did not own it any more, or it is not in
--         the stream any more: it stays as it is until its lease is over
--
-- The entry is parked with a consumer named "released" and an idle time beyond
-- any lease, so that the one who gives back can leave the group.  What was trimmed
-- XCLAIM would forget from Redis 7.0 on, and nobody would hear of it.  One command
-- writes: there is no half-way.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], '1', ARGV[2]) == 0 then
	return 0
end
if #redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3]) == 0 then
	return 0
end
redis.call('XCLAIM', KEYS[1], ARGV[1], 'released', '0', ARGV[3], 'IDLE',
	'2147483647', 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
