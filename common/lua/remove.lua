-- Remove single entries of a stream, but none that a group still needs.
--
-- KEYS    1  the stream
-- ARGV    1  1: also what groups need
--         2  1: only look
--         3… entry ids, at most 200
-- Result  {how many were removed (or would be), how many are not there, and for
--         each group and reason that an entry is needed for: group, "unread" or
--         "pending", how many, the first of them…}
--
-- An entry counts for the first group that needs it.  One command writes: there
-- is no half-way.
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

if redis.call('EXISTS', key) == 0 then
	return { 0, #ARGV - 2 }
end
local groups = {}
for n, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
	groups[n] = {}
	for i = 1, #info, 2 do
		groups[n][info[i]] = info[i + 1]
	end
end

local function needed(id)
	for n, g in ipairs(groups) do
		if before(g['last-delivered-id'], id) then
			return g.name, 'unread'
		elseif g.pending > 0 and
			#redis.call('XPENDING', key, g.name, id, id, '1') > 0 then
			return g.name, 'pending'
		end
	end
end

local result, place, go = { 0, 0 }, {}, {}
for i = 3, #ARGV do
	local id = ARGV[i]
	local group, why = needed(id)
	if #redis.call('XRANGE', key, id, id) == 0 then
		result[2] = result[2] + 1
		group = false
	elseif not group or ARGV[1] == '1' then
		go[#go + 1] = id
	end
	if group then
		local at = place[why .. group]
		if not at then
			at = #result + 1
			place[why .. group] = at
			result[at], result[at + 1] = group, why
			result[at + 2], result[at + 3] = 0, id
		end
		result[at + 2] = result[at + 2] + 1
	end
end
result[1] = #go
if ARGV[2] ~= '1' and #go > 0 then
	result[1] = redis.call('XDEL', key, unpack(go))
end
return result
