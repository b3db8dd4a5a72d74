-- Take over pending entries to handle them at once, which counts as a delivery;
-- what waits for its next attempt is left alone until then.
--
-- KEYS    1  the stream
--         2  the ledger {S}:fail:GROUP
-- ARGV    1  group
--         2  consumer
--         3  ms that their consumers must have been silent; empty: they are one's
--            own
--         4… entry ids in order, at most 100
-- Result  {ms until the first of those that wait is due, -1: none waits;
--         for each id how often it has failed, -1: it waits;
--         the entries}, without those that were taken by others meanwhile or are
--         not in the stream any more
--
-- Looked at and claimed in one script: an attempt that fails between the two would
-- begin anew before its time.  Own ones that wait are parked as release.lua does,
-- so that they are found with all others when they are due, by whoever is there
-- then; but for those that were trimmed, which XCLAIM would forget from Redis 7.0
-- on.  A crash leaves some of them parked, or all of them and nothing claimed.
local own = ARGV[3] == ''
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ids, mine = {}, {}
for i = 4, #ARGV do
	ids[#ids + 1] = ARGV[i]
end
local remarks = redis.call('HMGET', KEYS[2], unpack(ids))
if own then
	for _, entry in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], ids[1],
		ids[#ids], #ids, ARGV[2])) do
		mine[entry[1]] = true
	end
end
local failed, claim, first = {}, {}, math.huge
for i, id in ipairs(ids) do
	local ok, remark = pcall(cjson.decode, remarks[i] or '{}')
	remark = ok and type(remark) == 'table' and remark or {}
	local due = tonumber(remark.due) or 0
	failed[i] = 0
	if remarks[i] then
		failed[i] = math.max(1, tonumber(remark.attempts) or 1)
	end
	if own and not mine[id] then
		failed[i] = 0
	elseif due > now and not own then
		failed[i] = -1
	elseif due > now and #redis.call('XRANGE', KEYS[1], id, id) ~= 0 then
		failed[i] = -1
		redis.call('XCLAIM', KEYS[1], ARGV[1], 'released', '0', id, 'IDLE',
			'2147483647', 'JUSTID')
	else
		claim[#claim + 1] = id
	end
	if failed[i] == -1 then
		first = math.min(first, due)
	end
end
local entries = {}
if #claim ~= 0 then
	entries = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2],
		own and '0' or ARGV[3], unpack(claim))
end
return { first == math.huge and -1 or math.min(first - now, 2147483647), failed,
	entries }
