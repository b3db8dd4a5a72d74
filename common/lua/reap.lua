-- Remove consumers that hold nothing and have been silent.
--
-- KEYS    1  the stream
-- ARGV    1  for at least so many ms
--         2  1: only look
--         3  how many at most
-- Result  for each that was removed, or would be: group, consumer, ms it was
--         silent
--
-- XGROUP DELCONSUMER throws away what the consumer has pending, hence the look
-- first, in one script.  A crash leaves some removed and some not.
local found, most = {}, 3 * ARGV[3]
if redis.call('EXISTS', KEYS[1]) == 0 then
	return found
end
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
	local g = {}
	for i = 1, #info, 2 do
		g[info[i]] = info[i + 1]
	end
	for _, line in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], g.name)) do
		local c = {}
		for i = 1, #line, 2 do
			c[line[i]] = line[i + 1]
		end
		if c.pending == 0 and c.idle >= ARGV[1] + 0 and #found < most then
			if ARGV[2] ~= '1' then
				redis.call('XGROUP', 'DELCONSUMER', KEYS[1], g.name, c.name)
			end
			found[#found + 1] = g.name
			found[#found + 1] = c.name
			found[#found + 1] = c.idle
		end
	end
end
return found
