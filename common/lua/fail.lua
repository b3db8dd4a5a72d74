-- Note that an attempt failed; the entry stays pending until its next one.
--
-- KEYS    1  the stream
--         2  the ledger {S}:fail:GROUP
--         3  {S}:progress:GROUP
--         4  {S}:stats:GROUP:MINUTE
-- ARGV    1  group
--         2  consumer
--         3  entry id
--         4  the ledger's JSON (failure.h)
--         5  ms that the handler took
-- Result  1 noted, 0 dropped: the consumer does not own the entry any more
--
-- Fenced: a verdict that comes after the lease was lost must not count.  A crash
-- after the first write leaves the verdict noted and uncounted.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], '1', ARGV[2]) == 0 then
	return 0
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('HINCRBY', KEYS[4], 'retry', 1)
redis.call('HINCRBY', KEYS[4], 'ms', ARGV[5])
redis.call('EXPIRE', KEYS[4], 7200)
return 1
