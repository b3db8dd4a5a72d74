-- Create a group that has vanished, and mark that.
--
-- KEYS    1  the stream
--         2  the mark {S}:restored:GROUP
-- ARGV    1  group
--         2  the id that it is to be behind
--         3  the mark
-- Result  1 created, 0 somebody else was first; an error: of XGROUP CREATE
--
-- One step: a mark that is there before its group could be seen in the group
-- that somebody else created meanwhile, and that is destroyed in its turn; in the
-- next one nobody would take it for new.  A crash leaves all of it or nothing.
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
if made.err and string.find(made.err, 'BUSYGROUP', 1, true) then
	return 0
elseif made.err then
	return made
end
redis.call('SET', KEYS[2], ARGV[3])
return 1
