-- Give up on an entry: append a dead letter, then acknowledge.
--
-- KEYS    1  the stream
--         2  the dead letters {S}:dlq
--         3  the ledger {S}:fail:GROUP
--         4  {S}:progress:GROUP
--         5  {S}:stats:GROUP:MINUTE
-- ARGV    1  group
--         2  consumer; empty: whoever owns the entry, if anybody does
--         3  entry id
--         4  the dead field's JSON (failure.h)
--         5  the event's bytes
--         6  ms that the handler took
--         7  1: with an empty consumer, it must be pending with somebody
-- Result  the dead letter's id; false: the consumer does not own the entry any
--         more, or nobody does; nothing was done
--
-- Fenced as fail.lua, but for entries that were trimmed, of which the server
-- may have forgotten the owner (XCLAIM does so from Redis 7.0 on); where it has
-- not, only the first one to come makes a dead letter.  The dead letter is written before the entry is
-- acknowledged: a crash between the two leaves both, and the next attempt makes
-- a second dead letter, but the event is never lost.
if ARGV[2] ~= '' and #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3],
	ARGV[3], '1', ARGV[2]) == 0 then
	return false
end
if ARGV[7] == '1' and #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3],
	ARGV[3], '1') == 0 then
	return false
end
local id = redis.call('XADD', KEYS[2], '*', 'data', ARGV[5], 'dead', ARGV[4])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('HDEL', KEYS[4], ARGV[3])
redis.call('HINCRBY', KEYS[5], 'dead', 1)
redis.call('HINCRBY', KEYS[5], 'ms', ARGV[6])
redis.call('EXPIRE', KEYS[5], 7200)
return id
