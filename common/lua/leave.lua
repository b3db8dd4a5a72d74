-- Remove a consumer from its group if it holds nothing.
--
-- KEYS    1  the stream
-- ARGV    1  group
--         2  consumer
-- Result  1 removed, 0 it still holds pending entries and stays
--
-- XGROUP DELCONSUMER throws away what the consumer has pending, hence the look
-- first, in one script.  One command writes: there is no half-way.
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', '1', ARGV[2]) ~= 0 then
	return 0
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
