# evtrim while others are at work, and ended at any moment.
#
# Publishers number their events from 1 on without a gap, so that whatever a reader
# misses shows.  What is lost is always 0.

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
	archive=$BATS_TEST_TMPDIR/archive
	LIMIT=60
}

# numbers FROM TO - events
numbers()
{
	seq -f '{"n":%.0f}' "$1" "$2"
}

# trim_until FILE ARG... - run evtrim again and again until FILE is there; what it
# ends with other than 0 and 1 goes to the file `bad`
trim_until()
{
	local rc=0 file=$1
	shift
	until [ -e "$file" ]; do
		rc=0
		timeout 20 evtrim -q -y --no-audit "$@" >/dev/null 3>&- || rc=$?
		[ $rc -le 1 ] || echo $rc >>"$BATS_TEST_TMPDIR/bad"
	done
}

@test "raced by a publisher, consumers and a new group, nothing unread goes" {
	events=60000
	done=$BATS_TEST_TMPDIR/done
	must_exit 0 evsub -g fast -E orders </dev/null # there before the first
	redis xgroup create orders slow 0 mkstream >/dev/null 2>&1 || :
	redis xgroup create orders fast 0 >/dev/null 2>&1 || :
	start fast evsub -g fast --consumer f -c $events orders
	fast=$pid
	start slow evsub -g slow --consumer s -b 10 -P 1 -c 300 orders -- \
		sh -c 'cat >/dev/null'
	slow=$pid
	trim_until "$done" --maxlen 10 orders 3>&- &
	one=$!
	trim_until "$done" --keep 0s --archive "$archive" orders 3>&- &
	other=$!
	numbers 1 $events | evpub --rate 20000 orders
	redis xgroup create orders late 0 >/dev/null
	begins=$(evtail -n +1 -c 1 orders | jq .n)
	numbers $((events + 1)) $((events + 100)) | evpub orders
	finish "$slow"
	wait_until 60 has_lines "$(out fast)" $events
	finish "$fast"
	: >"$done"
	wait $one $other || :
	[ ! -e "$BATS_TEST_TMPDIR/bad" ]
	# Each event came to the fast group, once and in order.
	cmp <(numbers 1 $events) "$(out fast)"
	# The slow one has handled 300; all others are there, and after them.
	must_exit 0 evsub -g slow -E orders
	cmp <(numbers 301 $((events + 100))) <(sort -t: -k2n "$OUT")
	# What the late one can't see was gone when it came.
	must_exit 0 evsub -g late -E orders
	must_equal "$(head -n 1 "$OUT" | jq .n)" "$begins"
	cmp <(numbers "$begins" $((events + 100))) "$OUT"
}

@test "pending entries are never trimmed while consumers come and go" {
	events=3000
	done=$BATS_TEST_TMPDIR/done
	redis xgroup create orders work 0 mkstream >/dev/null
	trim_until "$done" --maxlen 0 orders 3>&- &
	trimmer=$!
	numbers 1 $events | evpub --rate 3000 orders 3>&- &
	publisher=$!
	: >"$BATS_TEST_TMPDIR/got"
	end=$(($(now_ms) + 50000))
	# Consumers that are killed at any moment leave entries pending.
	while [ "$(sort -u "$BATS_TEST_TMPDIR/got" | wc -l)" -lt $events ]; do
		[ "$(now_ms)" -lt $end ]
		timeout -s KILL 0.$((RANDOM % 5 + 2)) evsub -q -g work \
			--lease 1s -b 20 orders >>"$BATS_TEST_TMPDIR/got" \
			3>&- || :
	done
	wait $publisher
	: >"$done"
	wait $trimmer || :
	[ ! -e "$BATS_TEST_TMPDIR/bad" ]
	# A killed evsub may leave half a line; the event came again then.
	cmp <(numbers 1 $events) \
		<(grep -x '{"n":[0-9]*}' "$BATS_TEST_TMPDIR/got" |
			sort -t: -k2n -u)
	must_equal "$(redis xlen '{orders}:dlq')" 0
}

@test "killed at any moment, its archive has no hole and no doubling" {
	events=150000
	numbers 1 $events | evpub orders
	runs=0
	while [ "$(redis xlen orders)" -gt 0 ]; do
		runs=$((runs + 1))
		# Later and later, so that it gets to its end some time.
		printf -v after '0.%03d' $((RANDOM % 40 + runs * 3 + 7))
		timeout -s KILL "$after" evtrim -q -y --no-audit --maxlen 0 --archive "$archive" orders \
			>/dev/null 3>&- || :
		[ $runs -lt 300 ]
		[ $((runs % 4)) -eq 0 ] || continue
		numbers $((events + 1)) $((events + 100)) | evpub orders
		events=$((events + 100))
	done
	[ $runs -gt 2 ]
	cmp <(numbers 1 $events) <(jq -c .event "$archive")
}

@test "killed and with the server killed as well, nothing is lost" {
	SERVER_DIR='' start_server --appendonly yes --appendfsync always
	events=20000
	numbers 1 $events | evpub orders
	for part in 15000 9000 4000 0; do
		start trim evtrim -y --maxlen $part --archive "$archive" \
			--retry-for 20s orders
		wait_until 10 test -e "$archive"
		kill_server
		start_server --appendonly yes --appendfsync always
		wait_until 20 is_gone "$pid"
		wait "$pid" || :
	done
	must_exit 0 evtrim -y --maxlen 0 --archive "$archive" orders
	cmp <(numbers 1 $events) <(jq -c .event "$archive")
	stop_server
}

@test "a signal ends it between two slices, and it says so" {
	redis eval "for i = 1, 300000 do
		redis.call('XADD', KEYS[1], '*', 'data', '{}') end" 1 orders >/dev/null
	start trim evtrim -y --no-audit --maxlen 0 --archive "$archive" orders
	wait_until 10 test -s "$archive"
	kill -TERM "$pid"
	result=0
	wait "$pid" || result=$?
	left=$(redis xlen orders)
	if [ $result -eq 1 ]; then
		grep -q 'interrupted: there may be more to do' "$(err trim)"
		[ "$left" -gt 0 ]
	else
		must_equal "$result $left" '0 0'
	fi
	# What it had archived by then is not archived again.
	must_exit 0 evtrim -y --no-audit --maxlen 0 --archive "$archive" orders
	must_equal "$(redis xlen orders) $(wc -l <"$archive")" '0 300000'
	must_equal "$(jq -r .id "$archive" | sort -u | wc -l)" 300000
}

@test "its scripts are loaded again when the server forgets them" {
	redis eval "for i = 1, 200000 do
		redis.call('XADD', KEYS[1], '*', 'data', '{}') end" 1 orders >/dev/null
	start trim evtrim -y --no-audit --maxlen 100 --archive "$archive" orders
	while ! is_gone "$pid"; do
		redis script flush >/dev/null
	done
	finish "$pid"
	must_equal "$(redis xlen orders) $(wc -l <"$archive")" '100 199900'
}

# bats test_tags=slow
@test "no slice keeps the server for long" {
	redis config set slowlog-log-slower-than 20000 >/dev/null
	redis eval "for i = 1, 400000 do redis.call('XADD', KEYS[1], i .. '-0',
		'data', '{\"pad\":\"' .. string.rep('x', 256) .. '\"}') end" \
		1 orders >/dev/null
	redis xgroup create orders billing 390000-0 >/dev/null
	redis slowlog reset >/dev/null
	must_exit 1 evtrim --maxlen 100 -y orders
	must_equal "$(redis xlen orders)" 10000
	must_equal "$(redis slowlog len)" 0
	# Many calls, none of which did it all.
	calls=$(redis info commandstats |
		sed -n 's/^cmdstat_xtrim:calls=\([0-9]*\),.*/\1/p')
	[ "$calls" -ge 30 ]
}
