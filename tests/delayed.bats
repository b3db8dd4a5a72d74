# Scheduling: evpub --delay, --at and --promote.

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
}

scheduled()
{
	redis zcard "{$1}:delayed"
}

# promoted STREAM COUNT - for wait_until
promoted()
{
	evpub --promote "$1" && [ "$(redis xlen "$1")" -eq "$2" ]
}

@test "a delayed event is not in the stream until it is due, then it is" {
	must_exit 0 evpub --delay 1h later '{"a":1}'
	must_exit 0 evpub --delay 300ms soon '{"b":1}'
	must_equal "$output$stderr" ''
	must_equal "$(scheduled later) $(scheduled soon)" '1 1'
	must_equal "$(redis exists later soon)" 0
	wait_until 5 promoted soon 1
	must_exit 0 evtail soon
	must_print '{"b":1}'
	must_exit 0 evpub --promote -v later
	must_say 'later: 0 promoted'
	must_equal "$(redis exists later)" 0
}

@test "a delay counts from the server's clock" {
	local before after due
	before=$(redis time | head -n 1)
	must_exit 0 evpub --delay 10m s '{}'
	after=$(redis time | head -n 1)
	due=$(redis zrange '{s}:delayed' 0 0 withscores | tail -n 1)
	[ "$due" -ge $(((before + 600) * 1000)) ]
	[ "$due" -le $(((after + 601) * 1000)) ]
}

@test "--at takes a time, and one that has passed is due at once" {
	must_exit 0 evpub --at 2999-12-31T12:00:00.5Z s '{"late":1}'
	must_equal "$(redis zrange '{s}:delayed' 0 0 withscores | tail -n 1)" \
		32503636800500
	must_exit 0 evpub --at 1970-01-02 s '{"old":1}'
	must_exit 0 evpub --at @5 s '{"older":1}'
	must_exit 0 evpub --at now s '{"now":1}'
	must_exit 0 evpub --promote s
	must_equal "$output$stderr" ''
	must_exit 0 evtail -n all s
	must_print '{"older":1}' '{"old":1}' '{"now":1}'
}

@test "what makes no sense is a usage error" {
	must_exit 2 evpub --at 90m s '{}'
	must_say '--at' '--delay'
	must_exit 2 evpub --at end s '{}'
	must_exit 2 evpub --at now --delay 1s s '{}'
	must_exit 2 evpub --delay 5 s '{}'
	must_exit 2 evpub --delay 1s -i s '{}'
	must_say '--ids'
	must_exit 2 evpub --delay 1s --maxlen 10 s '{}'
	must_exit 2 evpub --delay 1s --no-create s '{}'
	must_exit 2 evpub --delay 99999999999999999h s '{}'
	must_exit 2 evpub --promote
	must_exit 2 evpub --promote s '{{}'
	must_equal "$(redis dbsize)" 0
}

@test "the bytes stay, in order, and equal events stay apart" {
	printf '%s\n' '{"x": 1}' '{"x": 1}' '{"é":"\u00e9"}' '{ }' \
		'{"x": 1}' >"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evpub --at @7 s <"$1"' - "$BATS_TEST_TMPDIR/in"
	must_equal "$(scheduled s)" 5
	must_exit 0 evpub --promote s
	evtail -n all s | cmp - "$BATS_TEST_TMPDIR/in"
}

@test "checks, envelopes and -T are those of events that go at once" {
	must_exit 3 evpub --delay 0s -T -t t --source /s s 1 '{'
	must_say 'argument 2'
	[[ $output == '{"specversion":"1.0",'*'"data":1}' ]]
	must_exit 0 evpub --promote s
	must_equal "$(redis xlen s)" 1
}

@test "a window keeps a second one out, scheduled or not" {
	local event='{"specversion":"1.0","id":"7","source":"/s","type":"t"}'
	must_exit 0 evpub --dedup 1m --delay 0s s "$event" "$event"
	must_exit 0 evpub --dedup 1m --delay 1h s "$event"
	must_equal "$(scheduled s)" 1
	must_exit 0 evpub --dedup 1m -i s "$event"
	must_print 0-0
	must_exit 0 evpub --promote s
	must_equal "$(redis xlen s)" 1
	must_exit 0 evpub --dedup 1m -i t "$event"
	must_exit 0 evpub --dedup 1m --delay 0s t "$event"
	must_equal "$(scheduled t)" 0
}

@test "a transaction schedules all of its lines or none" {
	printf '%s\n' '{"a":1}' '{"a":2}' '{"b":1}' '{' >"$BATS_TEST_TMPDIR/in"
	must_exit 3 sh -c 'evpub --atomic 2 --delay 0s s <"$1"' - \
		"$BATS_TEST_TMPDIR/in"
	must_say 'line 4, of the same transaction'
	must_equal "$(scheduled s)" 2
}

@test "the script that the server forgot is loaded again" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 5<>"$BATS_TEST_TMPDIR/in"
	START_STDIN=$BATS_TEST_TMPDIR/in start pub evpub --delay 0s s 5>&-
	echo '{"n":1}' >&5
	is_scheduled()
	{
		[ "$(scheduled s)" -eq "$1" ]
	}
	wait_until 5 is_scheduled 1
	redis script flush >/dev/null
	printf '{"n":%d}\n' 2 3 4 >&5
	wait_until 5 is_scheduled 4
	exec 5>&-
	finish "$pid"
	must_exit 0 evpub --promote s
	must_exit 0 evtail s
	must_print '{"n":1}' '{"n":2}' '{"n":3}' '{"n":4}'
}

@test "promoting takes many streams, in many slices" {
	seq 5000 | sed 's/.*/{"n":&}/' >"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evpub --delay 0s a <"$1"' - "$BATS_TEST_TMPDIR/in"
	must_exit 0 evpub --delay 0s '{t}b' '{}'
	must_equal "$(redis zcard '{t}b:delayed')" 1
	must_exit 0 evpub --promote -v a '{t}b' none
	must_say 'a: 5000 promoted' '{t}b: 1 promoted' 'none: 0 promoted'
	evtail -n all a | cmp - "$BATS_TEST_TMPDIR/in"
	must_equal "$(redis keys '*' | sort | tr '\n' ' ')" 'a {t}b '
}

@test "two promoters promote 10 000 events once each" {
	seq 10000 | sed 's/.*/{"n":&}/' >"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evpub --delay 0s s <"$1"' - "$BATS_TEST_TMPDIR/in"
	start one evpub --promote -v s
	local one=$pid
	start two evpub --promote -v s
	finish "$one"
	finish "$pid"
	evtail -n all s | cmp - "$BATS_TEST_TMPDIR/in"
	must_equal "$(cat "$(err one)" "$(err two)" |
		awk '{ n += $3 } END { print n }')" 10000
}

@test "a key that is no stream is an error, and nothing is lost" {
	redis set s x >/dev/null
	must_exit 0 evpub --delay 0s s '{}'
	must_exit 4 evpub --promote s
	must_say 's: cannot promote: WRONGTYPE'
	must_equal "$(scheduled s)" 1
	redis set '{w}:delayed' x >/dev/null
	must_exit 4 evpub --delay 1s w '{}'
	must_say 'w: cannot add: WRONGTYPE' 'refused: lines 1-1'
}

@test "scheduling survives a server without memory" {
	must_exit 0 evpub --delay 0s s '{"n":1}'
	redis config set maxmemory 1 >/dev/null
	run_limited evpub --promote s
	local promote=$status
	run_limited evpub --delay 1s s '{"n":2}'
	redis config set maxmemory 0 >/dev/null
	must_equal "$promote $status" '4 4'
	must_say OOM
	must_exit 0 evpub --promote s
	must_exit 0 evtail s
	must_print '{"n":1}'
}

is_waiting()
{
	redis info clients | tr -d '\r' | grep -q '^blocked_clients:[1-9]'
}

@test "a reader of the stream promotes what is due, soon after" {
	start sub evsub -g g s
	must_exit 0 evpub --delay 300ms s '{"n":1}'
	local due entry
	due=$(redis zrange '{s}:delayed' 0 0 withscores | tail -n 1)
	wait_until 5 has_lines "$(out sub)" 1
	must_equal "$(cat "$(out sub)")" '{"n":1}'
	entry=$(redis xrange s - + count 1 | head -n 1)
	[ "${entry%-*}" -ge "$due" ]
	[ $((${entry%-*} - due)) -lt 1000 ] # 100 ms on an idle machine
}

@test "a reader that is idle learns what another process schedules" {
	start sub evsub -g g s
	wait_until 5 is_waiting
	local due entry n
	for n in 1 2 3; do
		must_exit 0 evpub --delay 1h s '{"n":0}'
		must_exit 0 evpub --delay 300ms s "{\"n\":$n}"
		due=$(redis zrange '{s}:delayed' 0 0 withscores | tail -n 1)
		wait_until 5 has_lines "$(out sub)" "$n"
		entry=$(redis xrevrange s + - count 1 | head -n 1)
		[ "${entry%-*}" -ge "$due" ]
		[ $((${entry%-*} - due)) -lt 1000 ] # 100 ms on an idle machine
	done
	must_equal "$(redis zcard '{s}:delayed')" 3
}

@test "a reader by priority promotes to all four" {
	start sub evsub -g g --priorities s
	local p
	for p in low high critical normal; do
		evpub --delay 100ms --priority -t t --source /s \
			--ext priority="$p" s "\"$p\""
	done
	wait_until 5 has_lines "$(out sub)" 4
	must_equal "$(jq -r .data "$(out sub)" | sort | tr '\n' ' ')" \
		'critical high low normal '
	must_equal "$(redis exists '{s}:high' '{s}:low' '{s}:critical')" 3
}
