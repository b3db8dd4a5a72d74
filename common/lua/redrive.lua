-- Send dead letters back: append their events to another stream, and remove
-- them.
--
-- KEYS    1  the dead letters {S}:dlq
--         2… streams to append to
-- ARGV    1  the field of a dead letter that holds the event
--         2  1: each dead letter is followed by the event to append in place of
--            its own; 0: it is not
--         3… dead letters, at most 500: id, number of its stream in KEYS, how
--            often it will have been redriven ("": don't say)
-- Result  the ids that were moved; the others are not there any more, or hold
--         no event
--
-- Events are written before the dead letters are removed: a crash between the
-- two leaves both, so that the event may be redriven twice, but is never lost.
local moved = {}
local step = 3 + ARGV[2]
for i = 3, #ARGV, step do
	local id, event = ARGV[i], false
	local letter = redis.call('XRANGE', KEYS[1], id, id)[1]
	if letter and step == 4 then
		event = ARGV[i + 3]
	elseif letter then
		for f = 1, #letter[2], 2 do
			event = letter[2][f] == ARGV[1] and letter[2][f + 1] or event
		end
	end
	if event and ARGV[i + 2] == '' then
		redis.call('XADD', KEYS[ARGV[i + 1] + 0], '*', 'data', event)
	elseif event then
		redis.call('XADD', KEYS[ARGV[i + 1] + 0], '*', 'data', event,
			'redrives', ARGV[i + 2])
	end
	if event then
		redis.call('XDEL', KEYS[1], id)
		moved[#moved + 1] = id
	end
end
return moved
