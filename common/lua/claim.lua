-- Take over an entry of a consumer that was silent, or keep one's own, without
-- counting a delivery.
--
-- KEYS    1  the stream
-- ARGV    1  group
--         2  consumer
--         3  entry id
--         4  ms that another consumer must have been silent; empty: only one's
--            own is kept
-- Result  {1, deliveries so far} it is the consumer's; {2, deliveries} it is not
--         in the stream any more, and stays pending as it is; false: it is
--         pending no more, or with a consumer that is not silent
--
-- Looked at and claimed in one script: XCLAIM alone does not tell an entry that
-- was trimmed from one that another consumer has finished meanwhile, and from
-- Redis 7.0 on forgets the former.  One command writes.
local entry = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], '1')[1]
if not entry then
	return false
end
if entry[2] ~= ARGV[2] and (ARGV[4] == '' or entry[3] < tonumber(ARGV[4])) then
	return false
end
if #redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3]) == 0 then
	return { 2, entry[4] }
end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], '0', ARGV[3], 'JUSTID')
return { 1, entry[4] }
