-- Append what a handler put out, and acknowledge the entry that it handled.
--
-- KEYS    1  the stream
--         2  the ledger {S}:fail:GROUP
--         3  {S}:progress:GROUP
--         4  {S}:stats:GROUP:MINUTE
--         5  the stream to append to
-- ARGV    1  group
--         2  consumer
--         3  entry id
--         4  ms that the handler took
--         5… events, at most 4000
-- Result  1 done, 0 dropped: the consumer does not own the entry any more
--
-- Fenced: if the lease was lost another consumer will put the same out.  The
-- events are written before the entry is acknowledged: a crash between the two
-- lets the handler run again and put them out twice, but loses nothing.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], '1', ARGV[2]) == 0 then
	return 0
end
for i = 5, #ARGV do
	redis.call('XADD', KEYS[5], '*', 'data', ARGV[i])
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('HINCRBY', KEYS[4], 'ok', 1)
redis.call('HINCRBY', KEYS[4], 'ms', ARGV[4])
redis.call('EXPIRE', KEYS[4], 7200)
return 1
