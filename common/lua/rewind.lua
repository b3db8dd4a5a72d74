-- Move a group, if it still is where it was found and nobody is at work.
--
-- KEYS    1  the stream
-- ARGV    1  group
--         2  its last delivered id, as it was found
--         3  the id to set
--         4  ENTRIESREAD to set; empty: unknown, or a server that has none
--         5  ms that a consumer must have been silent; 0: don't look
--         6  entries removed so far (entries-added less length) when the
--            figure was counted; empty: it doesn't matter
-- Result  {0} moved; {1, name…} these consumers are active; {2, id} the group is
--         at another id; {3} entries were removed meanwhile; false: no such group
--
-- Looked at and moved in one script, so that no consumer begins in between.  One
-- command writes: a crash leaves the group moved or where it was.
local function fields(list)
	local map = {}
	for i = 1, #list, 2 do
		map[list[i]] = list[i + 1]
	end
	return map
end

local found
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
	group = fields(group)
	if group['name'] == ARGV[1] then
		found = group
	end
end
if not found then
	return false
end
if found['last-delivered-id'] ~= ARGV[2] then
	return { 2, found['last-delivered-id'] }
end
local active = { 1 }
if ARGV[5] ~= '0' then
	local consumers = redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
	for _, consumer in ipairs(consumers) do
		consumer = fields(consumer)
		if consumer['idle'] < tonumber(ARGV[5]) then
			active[#active + 1] = consumer['name']
		end
	end
end
if #active > 1 then
	return active
end
if ARGV[6] ~= '' then
	local stream = fields(redis.call('XINFO', 'STREAM', KEYS[1]))
	if stream['entries-added'] - stream['length'] ~= tonumber(ARGV[6]) then
		return { 3 }
	end
end
if ARGV[4] == '' then
	redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[3])
else
	redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[3], 'ENTRIESREAD',
		ARGV[4])
end
return { 0 }
