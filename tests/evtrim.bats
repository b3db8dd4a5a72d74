load helper

setup_file()
{
	start_server
}

teardown_file()
{
	stop_server
}

setup()
{
	flush
	redis config set stream-node-max-entries 100 >/dev/null
	redis config set stream-node-max-bytes 4096 >/dev/null
	archive=$BATS_TEST_TMPDIR/archive
}

# fill COUNT [STREAM [FROM]] - entries FROM-0, FROM+1-0 … (1-0 …) with {"n":FROM} …
fill()
{
	redis eval "for i = ARGV[2], ARGV[2] + ARGV[1] - 1 do
		redis.call('XADD', KEYS[1], i .. '-0', 'data', '{\"n\":' .. i .. '}')
		end" 1 "${2-orders}" "$1" "${3-1}" >/dev/null
}

# group NAME ID - a group that has read up to ID
group()
{
	redis xgroup create orders "$1" "$2" >/dev/null
}

# take NAME COUNT - let the group read so many, and leave them pending
take()
{
	redis xreadgroup group "$1" c1 count "$2" streams orders '>' >/dev/null
}

length()
{
	redis xlen "${1-orders}"
}

first()
{
	redis xrange orders - + count 1 | head -n 1
}

@test "the plan says what would go, and nothing changes" {
	fill 250
	must_exit 0 evtrim --maxlen 100 orders
	[[ $output == 'orders: would trim 150 of 250 entries, ≈ '*', from 1-0 '*\
' to 150-0 '*'; it has no group' ]]
	must_say 'nothing was changed: --yes does it'
	must_equal "$(length)" 250
	must_equal "$(redis exists ev:audit)" 0
	must_exit 0 evtrim --maxlen 100 -y orders
	[[ $output == 'orders: trimmed 150 of 250 entries, '*'; it begins at 151-0 '* ]]
	must_equal "$(length) $(first)" '100 151-0'
	must_exit 0 evtrim --maxlen 100 -y orders
	must_equal "$output$stderr" ''
}

@test "--maxlen leaves exactly so many, however large nodes are" {
	for node in 1 7 100 1000; do
		redis config set stream-node-max-entries $node >/dev/null
		for keep in 0 1 6 7 99 100 101 499 500 600; do
			flush
			fill 500
			must_exit 0 evtrim --maxlen $keep -y --no-audit orders
			left=$((keep < 500 ? keep : 500))
			must_equal "$node $keep: $(length)" "$node $keep: $left"
			[ $left -eq 0 ] ||
				must_equal "$(first)" $((501 - left))-0
		done
	done
}

@test "--before and --keep go by ids, exactly" {
	for id in 1-0 2-0 100-0 101-0 250-0 500-0 501-0; do
		flush
		fill 500
		must_exit 0 evtrim --before $id -y --no-audit orders
		must_equal "$(first || :)" "$([ $id = 501-0 ] || echo $id)"
	done
	fill 1 orders 500000000000
	now=$(now_ms)
	fill 1 orders $((now - 3600000))
	fill 1 orders $((now + 3600000)) # a clock that is wrong
	must_exit 0 evtrim --keep 1d orders
	[[ $output == 'orders: would trim 1 of 3 entries'* ]]
	must_exit 0 evtrim --keep 30m -y orders
	must_equal "$(length)" 1
	must_exit 0 evtrim --before 2100-01-01 -y orders
	must_equal "$(length)" 0
}

@test "of several limits the strictest counts" {
	fill 500
	must_exit 0 evtrim --before 100-0 --maxlen 450 -y orders
	must_equal "$(first)" 100-0
	must_exit 0 evtrim --before 110-0 --maxlen 300 orders
	[[ $output == *' to 200-0 '* ]]
	must_exit 0 evtrim --before 110-0 --maxlen 300 -y orders
	must_equal "$(first)" 201-0
}

@test "what a group has not read stays, and the group is named" {
	fill 300
	group billing 0
	must_exit 1 evtrim --maxlen 10 -y orders
	must_say 'orders: group billing holds 290 entries back: it has read nothing'
	must_equal "$(length)" 300
	redis xgroup setid orders billing 120-0 >/dev/null
	group stock 200-0
	must_exit 1 evtrim --maxlen 10 orders
	must_say 'group billing holds 170 entries back: it has read up to 120-0 ('
	[[ $output == 'orders: would trim 120 of 300 entries'*' to 120-0 '* ]]
	must_exit 1 evtrim --maxlen 10 -y orders
	must_equal "$(first)" 121-0
	redis xgroup setid orders billing 300-0 >/dev/null
	must_exit 1 evtrim --before 300-0 -y orders
	must_say 'group stock holds 99 entries back: it has read up to 200-0 ('
	redis xgroup setid orders stock 299-0 >/dev/null
	must_exit 0 evtrim --before 300-0 -y orders
	must_equal "$(first)" 300-0
	must_exit 1 evtrim --maxlen 0 -y orders
	must_equal "$(first)" 300-0
}

@test "what is pending stays, and so what comes behind it" {
	fill 300
	group billing 0
	take billing 200
	redis xack orders billing $(seq -f '%g-0' 1 49) $(seq -f '%g-0' 60 200) \
		>/dev/null
	must_exit 1 evtrim --maxlen 10 orders
	must_say 'group billing holds 241 entries back: pending from 50-0 ('
	must_exit 1 evtrim --maxlen 10 -y orders
	must_equal "$(first)" 50-0
	# Given back to another one: still pending.
	redis xclaim orders billing c2 0 50-0 justid >/dev/null
	must_exit 1 evtrim --maxlen 10 -y orders
	must_equal "$(first)" 50-0
	redis xack orders billing $(seq -f '%g-0' 50 58) >/dev/null
	must_exit 1 evtrim --maxlen 10 -y orders
	must_equal "$(first)" 59-0
	redis xack orders billing 59-0 >/dev/null
	must_exit 1 evtrim --maxlen 10 -y orders
	must_say 'it has read up to 200-0'
	must_equal "$(first)" 201-0
}

@test "what is pending but not there any more holds nothing" {
	fill 100
	group billing 0
	take billing 50
	redis xack orders billing $(seq -f '%g-0' 11 50) >/dev/null
	redis xtrim orders minid = 11-0 >/dev/null
	must_exit 0 evtrim --before 51-0 -y orders
	must_equal "$(first)" 51-0
	must_equal "$(redis xpending orders billing | head -n 1)" 10
}

@test "an event that waits for its next attempt stays" {
	fill 5
	must_exit 0 evsub -q -g billing -E --backoff 1h orders -- \
		sh -c 'test "$EV_ENTRY" != 3-0'
	must_exit 1 evtrim --maxlen 0 -y orders
	must_say 'orders: group billing holds 3 entries back: pending from 3-0 ('
	must_equal "$(first)" 3-0
}

@test "a group that was moved back needs what it will read again" {
	fill 100
	group billing 0
	take billing 100
	redis xack orders billing $(seq -f '%g-0' 1 90) >/dev/null
	redis xgroup setid orders billing 20-0 >/dev/null
	must_exit 1 evtrim --maxlen 0 -y orders
	must_equal "$(first)" 21-0
}

@test "ids of any size are compared as numbers" {
	max=18446744073709551615
	for id in 9-9 9-10 10-999 10-1000 10-9007199254740993 \
		10-$max 11-0 99999999999999999-5; do
		redis xadd orders "$id" data '{}' >/dev/null
	done
	group billing 10-9007199254740993
	must_exit 1 evtrim --maxlen 0 -y orders
	must_equal "$(first)" 10-$max
	redis xgroup setid orders billing 10-$max >/dev/null
	must_exit 1 evtrim --maxlen 0 -y orders
	must_equal "$(first)" 11-0
	redis xgroup setid orders billing $max-$max >/dev/null
	must_exit 0 evtrim --before 99999999999999999-6 -y orders
	must_equal "$(length)" 0
}

@test "--force trims what groups need, and says so" {
	fill 100
	group billing 0
	take billing 20
	must_exit 0 evtrim --maxlen 10 --force orders
	must_say 'group billing would lose 90 entries: pending from 1-0 ('
	must_exit 0 evtrim --maxlen 10 --force -y orders
	must_say 'group billing loses 90 entries: pending from 1-0 ('
	must_equal "$(first)" 91-0
	must_exit 0 evtail -n 1 -j '.data | .counts.lost.entries, .select' ev:audit
	must_print 90 '{"maxlen":10,"force":true}'
}

@test "--max-bytes trims until the server says that it is so small" {
	redis eval "for i = 1, 20000 do redis.call('XADD', KEYS[1], i .. '-0',
		'data', '{\"pad\":\"' .. string.rep('x', i % 700) .. '\"}') end" \
		1 orders >/dev/null
	before=$(redis memory usage orders samples 0)
	must_exit 0 evtrim --max-bytes 2M orders
	[[ $output == 'orders: would trim ≈ '* ]]
	must_exit 0 evtrim --max-bytes 2M -y --no-audit orders
	after=$(redis memory usage orders samples 0)
	[ "$before" -gt 4000000 ]
	[ "$after" -le 2202010 ] # what it sampled may be 5 % off
	[ "$after" -gt 1900000 ]
	group billing 0
	must_exit 1 evtrim --max-bytes 1M -y orders
	must_say 'orders: group billing holds about ' 'it has read nothing'
	redis xgroup setid orders billing '$' >/dev/null
	must_exit 0 evtrim --max-bytes 1M -y --archive "$archive" orders
	[ "$(redis memory usage orders samples 0)" -le 1101005 ]
	must_equal "$(jq -r .id "$archive" | tail -n 1)" \
		"$(($(first | sed s/-0//) - 1))-0"
	must_exit 1 evtrim --max-bytes 0 -y orders
	must_say 'too much, and no entry left to trim'
	must_equal "$(length)" 0
}

@test "several streams, patterns, and what they leave alone" {
	for s in orders orders:eu '{orders}:dlq' '{orders}:redrive:billing' \
		ev:audit other; do
		fill 10 "$s"
	done
	must_exit 0 evtrim --maxlen 4 -y --no-audit 'order*' '*[rs]*'
	must_equal "$(for s in orders orders:eu '{orders}:dlq' \
		'{orders}:redrive:billing' ev:audit other; do length "$s"; done |
		tr '\n' ' ')" '4 4 10 10 10 4 '
	must_exit 0 evtrim --maxlen 3 -y --no-audit '*:dlq' 'ev:audit' other
	must_equal "$(length '{orders}:dlq') $(length ev:audit) $(length other)" \
		'3 3 3'
}

@test "what is not there, and what is no stream, is said; the rest is done" {
	fill 10
	must_exit 1 evtrim --maxlen 4 -y nothing orders
	must_say 'nothing: no such stream'
	must_equal "$(length)" 4
	must_exit 1 evtrim --maxlen 4 -y 'x*'
	must_say 'x*: no stream matches'
	redis set list x >/dev/null
	fill 10 zoo
	must_exit 4 evtrim --maxlen 4 -y list zoo
	must_say 'list: WRONGTYPE'
	must_equal "$(length zoo)" 4
	EV_URL=unix:///nowhere must_exit 4 evtrim --retry-for 0 --maxlen 1 a
}

@test "usage that makes no sense is refused" {
	refused()
	{
		must_exit 2 evtrim "${@:2}"
		must_say "$1"
	}
	refused 'a STREAM is missing' --maxlen 1
	refused 'nothing to do' orders
	refused '--archive is for' --consumers 1d --archive x orders
	refused 'can'\''t be synced' --keep 1d --archive - orders
	refused '--ids is for --delete' --keep 1d --ids orders
	refused 'the ids select' --delete --ids -t x orders
	refused '--delete needs to know' --delete orders
	refused '--delayed needs to know' --delayed orders
	refused 'exclude' --delete -e . --keep 1d orders
	refused 'are for --delete' --keep 1d -t x orders
	refused '--count is for' --delayed -e . -c 1 orders
	refused '--force: no group' --delayed -e . --force orders
	refused 'takes no pattern' --delete --ids 'o*'
	refused 'text or ndjson' --keep 1d --format x orders
	refused 'stray braces' --dead 1d 'a}b'
	refused '--filter:' --delete -e '.a |' orders
	refused '--keep' --keep 7 orders
	must_exit 2 evtrim --policy /nonexistent
}

@test "NDJSON has the same, for programs" {
	fill 100
	group 'bill"ing' 20-0
	must_exit 1 evtrim --maxlen 10 --format ndjson orders
	must_equal "$(jq -c '[.stream, .action, .done, .entries, .exact, .length,
		.first, .last, .held]' <"$OUT")" '["orders","trim",false,20,true,'\
'100,"1-0","20-0",[{"group":"bill\"ing","why":"unread","id":"20-0",'\
'"entries":70,"exact":true}]]'
	must_exit 1 evtrim --maxlen 10 --format ndjson -y orders
	must_equal "$(jq -c '[.done, .entries, .held[0].entries]' <"$OUT")" \
		'[true,20,70]'
	must_exit 0 evtrim --consumers 1d --format ndjson -y orders
	must_print '{"stream":"orders","action":"reap","done":true,"consumers":0}'
}

@test "each change is in ev:audit, unless --no-audit" {
	fill 100
	must_exit 0 evtrim --maxlen 90 --keep 100000d -y orders
	must_exit 0 evtrim --maxlen 80 -y --no-audit orders
	must_exit 0 evtrim --maxlen 80 -y orders # nothing to do
	must_exit 0 evtail -n all -j '[.type, .subject, .data.select,
		.data.counts, .data.before, .data.after]' ev:audit
	must_print '["evtools.evtrim.trim","orders",{"keep":"100000d",'\
'"maxlen":90},{"trimmed":10},{"length":100,"first":"1-0"},'\
'{"length":90,"first":"11-0"}]'
}

@test "--archive: what goes is in the file, as evtail -m prints it" {
	redis xadd orders 1-0 data '{ "a":1.0, "b":[1] }' >/dev/null
	redis xadd orders 2-0 payload '{"a":2}' >/dev/null
	redis xadd orders 3-0 data 'plain text' >/dev/null
	redis xadd orders 4-0 data $'\xff\xfe' >/dev/null
	redis xadd orders 5-0 data $'{\n"a":\n3}' >/dev/null
	fill 500 orders 10
	evtail -m -n all orders | head -n 105 >"$BATS_TEST_TMPDIR/expected"
	must_exit 0 evtrim --maxlen 400 --archive "$archive" orders
	[ ! -e "$archive" ]
	must_exit 0 evtrim --maxlen 400 --archive "$archive" -y orders
	[[ $output == *', archived 105; it begins at 110-0 '* ]]
	cmp "$archive" "$BATS_TEST_TMPDIR/expected"
	# What it reads back is what was there.
	must_exit 3 evpub --records copy <"$archive" # two are not JSON
	must_equal "$(redis --raw xrange copy - 9999999999999-0 count 1 |
		tail -n 1)" '{ "a":1.0, "b":[1] }'
}

@test "--archive keeps all fields of an entry that has several" {
	redis xadd orders 1-0 data '{"a":1}' dead '{"reason":"x"}' >/dev/null
	must_exit 0 evtrim --maxlen 0 --archive "$archive" -y orders
	must_equal "$(jq -c .fields "$archive")" \
		'{"data":"{\"a\":1}","dead":"{\"reason\":\"x\"}"}'
}

@test "--archive: several streams in one file, run after run" {
	for run in 0 1 2; do
		for s in a '{b}c' $'caf\xe9' orders; do
			fill 50 "$s" $((run * 50 + 1))
		done
		must_exit 0 evtrim --maxlen 7 --archive "$archive" -y --no-audit \
			orders a '{b}c' $'caf\xe9'
	done
	for s in '"a"' '"{b}c"' '"orders"' '"Y2Fm6Q=="'; do # the name in base64
		must_equal "$s $(jq -r "select(.stream == $s) | .id" "$archive" |
			tr '\n' ' ')" "$s $(seq -f '%g-0' 1 143 | tr '\n' ' ')"
	done
}

@test "--archive: after a crash between archive and trim, no hole, no doubling" {
	fill 500
	for keep in 400 390 300 0; do
		redis acl setuser default -xtrim >/dev/null
		must_exit 4 evtrim --maxlen $keep --archive "$archive" -y orders
		must_equal "$(jq -r .id "$archive" | tail -n 1)" $((500 - keep))-0
		# A half line, as of a crash in a write.
		printf '{"stream":"orders","id":"9' >>"$archive"
		redis acl setuser default +xtrim >/dev/null
		fill 1 other
		must_exit 0 evtrim --maxlen 0 --archive "$archive" -y other
		redis del other >/dev/null
		must_exit 0 evtrim --maxlen $keep --archive "$archive" -y orders
		must_equal "$(length)" $keep
	done
	must_equal "$(jq -r 'select(.stream == "orders") | .id' "$archive")" \
		"$(seq -f '%g-0' 1 500)"
}

@test "--archive: what is archived and not asked for any more stays once" {
	fill 100
	redis acl setuser default -xtrim >/dev/null
	must_exit 4 evtrim --maxlen 20 --archive "$archive" -y orders
	redis acl setuser default +xtrim >/dev/null
	must_exit 0 evtrim --maxlen 50 --archive "$archive" -y orders
	must_equal "$(first) $(wc -l <"$archive")" '51-0 80'
	must_exit 0 evtrim --maxlen 10 --archive "$archive" -y orders
	must_equal "$(first) $(wc -l <"$archive")" '91-0 90'
	must_equal "$(jq -r .id "$archive")" "$(seq -f '%g-0' 1 90)"
}

@test "--archive: a stream that begins anew is archived anew" {
	fill 100 orders 1000
	must_exit 0 evtrim --maxlen 0 --archive "$archive" -y orders
	redis del orders >/dev/null
	fill 20 orders 500
	must_exit 0 evtrim --maxlen 0 --archive "$archive" -y orders
	must_equal "$(wc -l <"$archive")" 120
	must_equal "$(tail -n 1 "$archive" | jq -r .id)" 519-0
}

@test "--archive: a power cut leaves NULs at the end, which are cut" {
	fill 10
	must_exit 0 evtrim --maxlen 5 --archive "$archive" -y orders
	head -c 500 /dev/zero >>"$archive"
	must_exit 0 evtrim --maxlen 0 --archive "$archive" -y orders
	must_equal "$(jq -r .id "$archive")" "$(seq -f '%g-0' 1 10)"
}

@test "--archive refuses what is no archive, and trims nothing" {
	fill 10
	printf 'my notes\nwithout end' >"$archive"
	must_exit 5 evtrim --maxlen 0 --archive "$archive" -y orders
	must_say "$archive: this is not an archive"
	must_equal "$(cat "$archive")" $'my notes\nwithout end'
	printf '{"stream":"x","id":"1-0","event":{}}\nmy notes' >"$archive"
	must_exit 5 evtrim --maxlen 0 --archive "$archive" -y orders
	must_equal "$(tail -n 1 "$archive")" 'my notes'
	for bad in /dev/null /nonexistent/x "$BATS_TEST_TMPDIR"; do
		must_exit 5 evtrim --maxlen 0 --archive "$bad" -y orders
		must_say "$bad: "
	done
	must_equal "$(length)" 10
	rm "$archive"
	exec 4>"$archive"
	flock 4
	must_exit 5 evtrim --maxlen 0 --archive "$archive" -y orders
	must_say "$archive: another run archives there"
	exec 4>&-
	must_equal "$(length)" 10
}

@test "--archive on a full disk: what is trimmed is in it, whole lines" {
	fill 5000
	# Writes beyond 64 KiB fail as on a full disk.
	must_exit 5 bash -c "trap '' XFSZ; ulimit -f 64
		exec evtrim --maxlen 0 --archive '$archive' -y orders"
	must_say "$archive: File too large"
	must_equal "$(length)" 5000
	must_exit 0 evtrim --maxlen 0 --archive "$archive" -y orders
	must_equal "$(jq -r .id "$archive")" "$(seq -f '%g-0' 1 5000)"
}

@test "--policy: the first line that matches a stream counts" {
	for s in orders orders:eu audit.login other '{orders}:dlq'; do
		fill 100 $s
	done
	cat >"$BATS_TEST_TMPDIR/policy" <<-end
		# retention
		orders  = maxlen=50 archive=$archive dead=1d
		audit.* =
		o*      = maxlen=20   # and the rest of them
		*       = keep=1d consumers=1d
	end
	must_exit 0 evtrim --policy "$BATS_TEST_TMPDIR/policy"
	must_equal "$(length) $(length orders:eu)" '100 100'
	must_exit 0 evtrim --policy "$BATS_TEST_TMPDIR/policy" -y
	must_equal "$(for s in orders orders:eu audit.login other '{orders}:dlq'; do
		length $s; done | tr '\n' ' ')" '50 20 100 20 0 '
	must_equal "$(jq -r .stream "$archive" | uniq -c | tr -s ' \n' ' ')" \
		' 50 orders 100 {orders}:dlq '
	fill 100 orders:eu 500
	fill 100 other 500
	must_exit 0 evtrim --policy "$BATS_TEST_TMPDIR/policy" -y other
	must_equal "$(length orders:eu) $(length other)" '120 20'
}

@test "--policy: what is wrong is said with its line" {
	wrong()
	{
		printf '# a\n%s\n' "$1" >"$BATS_TEST_TMPDIR/policy"
		must_exit 2 evtrim --policy "$BATS_TEST_TMPDIR/policy" -y
		must_say "$BATS_TEST_TMPDIR/policy:2: $2"
	}
	fill 10
	wrong 'orders = keep=7' '"keep=7": not a duration'
	wrong 'orders = maxlen=-1' '"maxlen=-1": not a number'
	wrong 'orders = max-bytes=x' '"max-bytes=x": not a size'
	wrong 'orders = dead=1' '"dead=1": not a duration'
	wrong 'orders = consumers=1' '"consumers=1": not a duration'
	wrong 'orders = archive=' '"archive=": not the name'
	wrong 'orders = archive=/tmp/x' '"orders": it archives and has no limit'
	wrong 'orders = keep=7d force' '"force": not one of keep='
	wrong 'orders' 'neither'
	wrong '[x]' '' || must_say 'it has no rules'
	must_equal "$(length)" 10
}

@test "--delete removes single events, by filter, type, time" {
	fill 300
	redis xadd orders 301-0 data \
		'{"specversion":"1.0","id":"1","source":"/","type":"a.b"}' >/dev/null
	must_exit 0 evtrim --delete -e '.n? // 1 | . % 2 == 0' orders
	must_print 'orders: would delete 150 entries'
	must_exit 0 evtrim --delete -e '.n % 2 == 0' -U 100-0 -y orders
	must_print 'orders: deleted 50 entries'
	must_exit 0 evtrim --delete -t 'a.*' -y orders
	must_print 'orders: deleted 1 entry'
	must_exit 0 evtrim --delete -S 200-0 -e '.n > 0' -c 3 -y orders
	must_equal "$(length)" 247
	must_equal "$(redis xrange orders 199-0 203-0 | grep -c -- -0)" 2
	must_exit 3 evtrim --delete -e '.n.x' -S 299-0 -y orders
	must_say 'orders: 299-0: filter: '
	must_exit 0 evtail -n 1 -j '.data | .action, .counts, .select' ev:audit
	must_print '"delete"' '{"deleted":3}' \
		'{"since":"200-0","filter":".n > 0","count":3}'
}

@test "--delete leaves what groups need, and names them" {
	fill 100
	group billing 0
	take billing 50
	redis xack orders billing $(seq -f '%g-0' 1 40) >/dev/null
	group stock 70-0
	must_exit 1 evtrim --delete -e '.n > 30' -y orders
	must_print 'orders: deleted 10 entries'
	must_say 'orders: group billing holds 10 entries back: pending, first 41-0' \
		'orders: group billing holds 50 entries back: not read yet, first 51-0'
	must_equal "$(length)" 90
	must_exit 1 evtrim --delete -e '.n > 90' --format ndjson orders
	must_print '{"stream":"orders","action":"delete","done":false,'\
'"entries":0,"absent":0,"held":[{"group":"billing","why":"unread",'\
'"id":"91-0","entries":10,"exact":true}]}'
	must_exit 0 evtrim --delete -e '.n > 30' --force -y orders
	must_say 'group billing loses 10 entries: pending, first 41-0'
	must_equal "$(length)" 30
}

@test "--delete --ids takes ids and records" {
	fill 20
	fill 20 other
	printf '%s\n' 3-0 5-0 '' 7-0 | must_exit 0 evtrim --delete --ids -y orders
	must_equal "$(length)" 17
	{
		evtail -m -n 2 orders
		evtail -m -n 1 other
	} >"$BATS_TEST_TMPDIR/records"
	must_exit 0 evtrim --delete --ids -y orders other <"$BATS_TEST_TMPDIR/records"
	must_print 'orders: deleted 2 entries' 'other: deleted 1 entry'
	printf '%s\n' 1-0 3-0 99-0 | must_exit 3 evtrim --delete --ids orders
	printf '%s\n' 1-0 nonsense '{"a":1}' '{"stream":"x","id":"1-0"}' \
		>"$BATS_TEST_TMPDIR/records"
	must_exit 3 evtrim --delete --ids -y orders <"$BATS_TEST_TMPDIR/records"
	must_say '<stdin>:2: neither an entry id nor a record' \
		'<stdin>:3: no "id": not a record' \
		'<stdin>:4: its stream is none of those named'
	must_equal "$(length)" 14
	echo 2-0 >"$BATS_TEST_TMPDIR/records"
	must_exit 3 evtrim --delete --ids -y orders other \
		<"$BATS_TEST_TMPDIR/records"
	must_say 'an id alone, and several streams are named'
}

@test "--consumers removes those that hold nothing and are silent" {
	fill 10
	group billing 0
	group stock 0
	redis xreadgroup group billing holder count 1 streams orders '>' >/dev/null
	redis xgroup createconsumer orders billing idle >/dev/null
	redis xgroup createconsumer orders stock idle >/dev/null
	must_exit 0 evtrim --consumers 1h -y orders
	must_print
	must_exit 0 evtrim --consumers 0 orders
	must_print 'orders: would remove 2 idle consumers'
	must_exit 0 evtrim -v --consumers 0 -y orders
	must_print 'orders: removed 2 idle consumers'
	must_say 'orders: group stock: consumer idle holds nothing, idle for '
	must_equal "$(redis xinfo consumers orders billing | sed -n 2p)" holder
	must_equal "$(redis xpending orders billing | head -n 1)" 1
}

@test "--dead trims dead letters by when they died" {
	fill 5
	dlq='{orders}:dlq'
	redis xadd "$dlq" $(($(now_ms) - 7200000))-0 data '{}' dead '{}' >/dev/null
	redis xadd "$dlq" '*' data '{}' dead '{}' >/dev/null
	must_exit 0 evtrim --dead 1d -y orders
	must_exit 0 evtrim --dead 1h orders
	[[ $output == '{orders}:dlq: would trim 1 of 2 entries, '* ]]
	must_exit 0 evtrim --dead 1h -y orders
	must_equal "$(length "$dlq") $(length)" '1 5'
	redis del orders >/dev/null
	must_exit 0 evtrim --dead 0 -y orders
	must_equal "$(length "$dlq")" 0
}

@test "--delayed cancels scheduled events" {
	for n in $(seq 300); do
		echo "{\"n\":$n}"
	done | evpub --delay 1h orders
	redis zadd '{orders}:delayed' 5000 '{"n":0}' >/dev/null
	must_exit 0 evtrim --delayed -e '.n % 3 == 0' orders
	must_print 'orders: would cancel 101 scheduled events'
	must_equal "$(redis zcard '{orders}:delayed')" 301
	must_exit 0 evtrim --delayed -e '.n % 3 == 0' -U 1970-01-02 -y orders
	must_print 'orders: cancelled 1 scheduled event'
	must_exit 0 evtrim --delayed -e '.n % 3 == 0' -y orders
	must_print 'orders: cancelled 100 scheduled events'
	must_equal "$(redis zcard '{orders}:delayed')" 200
	must_exit 3 evtrim --delayed -e '.n.x' orders
	must_say 'filter: '
	must_exit 0 evtail -n 1 -j '.data | .action, .counts' ev:audit
	must_print '"cancel"' '{"events":100}'
}

@test "a server that is out of memory can be trimmed" {
	fill 20000
	fill 2000 '{orders}:dlq'
	group billing '$'
	redis xgroup createconsumer orders billing idle >/dev/null
	redis config set maxmemory 100kb >/dev/null
	run redis set x y
	[[ $output == OOM* ]]
	must_exit 0 evtrim --maxlen 19500 -y --no-audit orders
	must_exit 0 evtrim --max-bytes 100k -y --archive "$archive" --no-audit orders
	must_exit 0 evtrim --delete -e '.n == 20000' -y --no-audit orders
	must_exit 0 evtrim --consumers 0 -y --no-audit orders
	must_print 'orders: removed 1 idle consumer'
	must_exit 4 evtrim --dead 0 -y orders
	must_equal "$(length '{orders}:dlq')" 0
	must_say 'the change is not in ev:audit: OOM'
	redis config set maxmemory 0 >/dev/null
}

@test "-w ends it, and a signal too, between two slices" {
	fill 1000
	must_exit 1 evtrim -w 0 --maxlen 10 -y orders
	must_say 'interrupted: there may be more to do'
	must_equal "$(length)" 1000
}
