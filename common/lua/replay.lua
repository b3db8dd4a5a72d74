-- Append events that are replayed, and remember how far the replay is.
--
-- KEYS    1  the stream
--         2  {S}:replay:ID, a hash: run, at
-- ARGV    1  who replays: the token of this run
--         2  the position that these events follow
--         3  MAXLEN to keep about, 0 for all
--         4… events, at most 1000, each followed by its position
-- Result  how many were appended; false: another run has taken over, or the
--         position is another one, and nothing was done
--
-- Fenced by the token and the position: what a program that was killed has still
-- on its way comes too late once another one has set its token, and nothing comes
-- behind a gap.  An XADD that is refused leaves those before it and their
-- position.  The server keeps and replicates what a script writes as a whole, so
-- that a crash leaves all of it or nothing.
local state = redis.call('HMGET', KEYS[2], 'run', 'at')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then
	return false
end
local done, refused = ARGV[2], nil
for i = 4, #ARGV, 2 do
	local id
	if ARGV[3] == '0' then
		id = redis.pcall('XADD', KEYS[1], '*', 'data', ARGV[i])
	else
		id = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*',
			'data', ARGV[i])
	end
	if type(id) == 'table' and id.err then
		refused = id
		break
	end
	done = ARGV[i + 1]
end
if done ~= ARGV[2] then
	redis.call('HSET', KEYS[2], 'at', done)
end
return refused or (#ARGV - 3) / 2
