-- Acknowledge entries that were handled, and count them.
--
-- KEYS    1  the stream
--         2  the ledger {S}:fail:GROUP
--         3  {S}:progress:GROUP
--         4  {S}:stats:GROUP:MINUTE
-- ARGV    1  group
--         2  ms that the handlers took in all
--         3… entry ids, at most 1000
-- Result  how many were pending until now
--
-- Not fenced: what is done is done, whoever owns the entry by now.  The
-- acknowledgement comes first, since it alone matters: a crash after it leaves
-- remarks in ledger and progress about an entry that is pending no more, which
-- readers pass over.
local ids = {}
for i = 3, #ARGV do
	ids[#ids + 1] = ARGV[i]
end
local acked = redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
redis.call('HDEL', KEYS[2], unpack(ids))
redis.call('HDEL', KEYS[3], unpack(ids))
redis.call('HINCRBY', KEYS[4], 'ok', #ids)
redis.call('HINCRBY', KEYS[4], 'ms', ARGV[2])
redis.call('EXPIRE', KEYS[4], 7200)
return acked
