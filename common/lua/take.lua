-- Take up an entry that this consumer holds for its next attempt.
--
-- KEYS    1  the stream
-- ARGV    1  group
--         2  consumer
--         3  entry id
--         4  1: this counts as a delivery; 0: it is the last one begun anew
-- Result  {deliveries, {id, fields}}, counted; {deliveries} if the
--         entry was trimmed from the stream (it stays pending up to Redis 6.2);
--         false: the consumer does not own the entry any more
--
-- Fenced: plain XCLAIM would steal the entry back.  One command writes.
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], '1', ARGV[2])
if #mine == 0 then
	return false
end
local deliveries = mine[1][4] + ARGV[4]
local body = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
if #body == 0 then
	return { deliveries }
end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], '0', ARGV[3], 'RETRYCOUNT',
	deliveries, 'JUSTID')
return { deliveries, body[1] }
