-- Count a slice of a stream without sending it.
--
-- KEYS    1  the stream
-- ARGV    1  XRANGE, or XREVRANGE
--         2  from this id, as that command takes it
--         3  to this one
--         4  how many at most: few enough not to hold up the server
-- Result  {how many, the first id, the last id}; {0} if there are none
--
-- Reads only.
local slice = redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3], 'COUNT', ARGV[4])
if #slice == 0 then
	return { 0 }
end
return { #slice, slice[1][1], slice[#slice][1] }
