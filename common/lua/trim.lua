-- Remove the oldest entries of a stream, but none that a group still needs.
--
-- KEYS    1  the stream
-- ARGV    1  an entry id: what is before it may go
--         2  how many entries stay at least
--         3  how many go at most; 0: only look
--         4  1: also what groups need
--         5  1: only whole nodes, as nothing else frees memory
-- Result  {how many were removed; and as it was before: how many there were (-1:
--         no such stream), the first one's id, the id before which no group needs
--         anything, the group that needs what is behind that, "unread" or
--         "pending", and the last id it was given or the pending one}: texts are
--         empty where there is no entry or no group
--
-- A group needs what it was not given, and of what it was given, what it did not
-- acknowledge; what is pending but not in the stream any more holds nothing.
--
-- XTRIM ~ removes whole nodes, and none that has more entries than its LIMIT: if
-- nothing went, the first node may be larger than that, so the limit grows.  Then
-- what is left is within one node, and goes by 100 entries at a time.  One command
-- writes: there is no half-way.
local key = KEYS[1]

local function smaller(a, b) -- of numbers in decimal, of any size
	if #a ~= #b then
		return #a < #b
	end
	return a < b
end

local function before(a, b)
	local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
	local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
	if a_ms == b_ms then
		return smaller(a_seq, b_seq)
	end
	return smaller(a_ms, b_ms)
end

local function plus_one(n)
	local head, digit, nines = string.match(n, '^(%d-)([0-8]?)(9*)$')
	return head .. (digit == '' and '1' or digit + 1) .. string.rep('0', #nines)
end

local function behind(id)
	local ms, seq = string.match(id, '^(%d+)-(%d+)$')
	if seq ~= '18446744073709551615' then
		return ms .. '-' .. plus_one(seq)
	end
	return ms == seq and id or plus_one(ms) .. '-0'
end

if redis.call('EXISTS', key) == 0 then
	return { 0, -1, '', '', '', '', '' }
end
local length = redis.call('XLEN', key)
local first = redis.call('XRANGE', key, '-', '+', 'COUNT', '1')[1]
first = first and first[1] or ''

local floor, group, why, at = '', '', '', ''
for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
	local g = {}
	for i = 1, #info, 2 do
		g[info[i]] = info[i + 1]
	end
	local last = g['last-delivered-id']
	local needs, reason, id = behind(last), 'unread', last
	if g.pending > 0 and first ~= '' then
		local oldest = redis.call('XPENDING', key, g.name, first, '+', '1')[1]
		if oldest and before(oldest[1], needs) then
			needs, reason, id = oldest[1], 'pending', oldest[1]
		end
	end
	if floor == '' or before(needs, floor) then
		floor, group, why, at = needs, g.name, reason, id
	end
end

local bound = ARGV[1]
if ARGV[4] ~= '1' and floor ~= '' and before(floor, bound) then
	bound = floor
end
local removed, excess = 0, length - ARGV[2]
local limit = math.min(ARGV[3], excess)
if limit > 0 and before(first, bound) then
	removed = redis.call('XTRIM', key, 'MINID', '~', bound, 'LIMIT', limit)
	while removed == 0 and limit < excess do
		limit = math.min(2 * limit, excess)
		removed = redis.call('XTRIM', key, 'MINID', '~', bound, 'LIMIT', limit)
	end
	if removed == 0 and ARGV[5] ~= '1' then
		local rest = redis.call('XRANGE', key, '-', '(' .. bound, 'COUNT',
			math.min(ARGV[3], excess, 100))
		removed = redis.call('XTRIM', key, 'MINID', '=', behind(rest[#rest][1]))
	end
end
return { removed, length, first, floor, group, why, at }
