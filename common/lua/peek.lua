-- Read entries of a stream, but for those that are large.
--
-- KEYS    1  the stream
-- ARGV    1  how many bytes an entry's values may have
--         2… entry ids, fewer than 4000
-- Result  a list of {id, fields} as XRANGE gives them, in the order of ARGV,
--         without those that are larger or not in the stream
--
-- Writes nothing.
local found = {}
for i = 2, #ARGV do
	local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
	local bytes = 0
	if entry then
		for k = 2, #entry[2], 2 do
			bytes = bytes + #entry[2][k]
		end
	end
	if entry and bytes <= tonumber(ARGV[1]) then
		found[#found + 1] = entry
	end
end
return found
