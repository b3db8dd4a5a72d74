-- Append an event unless one with the same key was appended within the window.
--
-- KEYS    1  the stream
--         2  the mark: {stream}:seen:KEY
-- ARGV    1  the event
--         2  how long the mark lives, ms
--         3  MAXLEN to keep about, 0 for all
--         4  1: don't create the stream
-- Result  {id, 1} appended; {id of the first one, 0} it was there before;
--         false: the stream does not exist and was not to be created
--
-- The event is written before the mark: a crash between the two may let the
-- event in a second time, but never keeps it out.
local first = redis.call('GET', KEYS[2])
if first then
	return { first, 0 }
end
local add = { 'XADD', KEYS[1] }
if ARGV[4] == '1' then
	add[#add + 1] = 'NOMKSTREAM'
end
if ARGV[3] ~= '0' then
	add[#add + 1] = 'MAXLEN'
	add[#add + 1] = '~'
	add[#add + 1] = ARGV[3]
end
add[#add + 1] = '*'
add[#add + 1] = 'data'
add[#add + 1] = ARGV[1]
local id = redis.call(unpack(add))
if not id then
	return false
end
redis.call('SET', KEYS[2], id, 'PX', ARGV[2])
return { id, 1 }
