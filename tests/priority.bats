# Priorities: evpub --priority.

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

# event ID PRIORITY - a CloudEvent
event()
{
	printf '{"specversion":"1.0","id":"%s","source":"/s","type":"t"' "$1"
	[ $# -lt 2 ] || printf ',"priority":"%s"' "$2"
	printf '}\n'
}

ids()
{
	evtail -n all -j .id "$1" 2>/dev/null | tr -d '"' | tr '\n' ' '
}

@test "each event goes to the stream of its priority, in order" {
	{
		event 1 low
		event 2 critical
		event 3
		event 4 high
		event 5 normal
		event 6 urgent
		event 7 CRITICAL
		echo '{"plain":"high"}'
		echo '{"event_id":"8","event_type":"t","metadata":{"priority":"low"}}'
	} >"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evpub --priority -T orders <"$1"' - \
		"$BATS_TEST_TMPDIR/in"
	cmp "$OUT" "$BATS_TEST_TMPDIR/in"
	must_equal "$(ids '{orders}:critical')" '2 7 '
	must_equal "$(ids '{orders}:high')" '4 '
	must_equal "$(ids orders)" '3 5 6 null '
	must_equal "$(evtail '{orders}:low' | wc -l)" 2
}

@test "the priority is looked up too where envelopes are not checked" {
	must_exit 0 evpub --envelope none --priority s "$(event 1 high)"
	must_equal "$(ids '{s}:high')" '1 '
}

@test "wrapped events and tagged names" {
	must_exit 0 evpub -t t --source /s --ext priority=low --priority '{a}b' 1
	must_equal "$(redis keys '*')" '{a}b:low'
}

@test "an error names the stream that refused" {
	redis set '{s}:high' x >/dev/null
	must_exit 4 evpub --priority s "$(event 1)" "$(event 2 high)" \
		"$(event 3 low)"
	must_say '{s}:high: cannot add: WRONGTYPE' \
		'{s}:high: refused: lines 2-2 (1 events)' \
		's: confirmed: lines 1-1 (1 events)' \
		'{s}:low: confirmed: lines 3-3 (1 events)'
}

@test "without --no-create all four are made, with it none" {
	must_exit 4 evpub --no-create --priority s "$(event 1 high)"
	must_say '{s}:high: cannot add: no such stream'
	must_equal "$(redis dbsize)" 0
}

@test "a transaction spans the four" {
	must_exit 3 evpub --atomic 3 --priority s "$(event 1 low)" \
		"$(event 2 high)" '{'
	must_equal "$(redis dbsize)" 0
	must_exit 0 evpub --atomic 3 --priority s "$(event 1 low)" \
		"$(event 2 high)" "$(event 3)"
	must_equal "$(redis dbsize)" 3
}

@test "a duplicate is one whatever its priority" {
	must_exit 0 evpub --dedup 1m --priority -i s "$(event 1 low)" \
		"$(event 1 high)"
	must_equal "${lines[0]}" "${lines[1]}"
	must_equal "$(ids '{s}:low')" '1 '
	must_equal "$(redis exists '{s}:high')" 0
}

@test "delayed events keep their priority" {
	must_exit 0 evpub --delay 0s --priority s "$(event 1 low)" \
		"$(event 2 high)" "$(event 3)"
	must_equal "$(redis zcard '{s}:delayed')" 3
	must_equal "$(redis dbsize)" 1
	must_exit 0 evpub --promote -v s
	must_say 's: 3 promoted'
	must_equal "$(ids '{s}:low')$(ids '{s}:high')$(ids s)" '1 2 3 '
}

@test "--max-lag is refused, as it watches one stream" {
	must_exit 2 evpub --priority --max-lag 5 s '{}'
	must_say '--max-lag'
}

@test "many events are told apart as fast as they come" {
	seq 20000 | awk '{
		split("low normal high critical", p, " ")
		printf "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":" \
			"\"/s\",\"type\":\"t\",\"priority\":\"%s\"}\n",
			$1, p[$1 % 4 + 1]
	}' >"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evpub -v --priority s <"$1"' - "$BATS_TEST_TMPDIR/in"
	must_say 's: 20000 published'
	local key p
	for key in '{s}:low' s '{s}:high' '{s}:critical'; do
		p=${key#*:}
		[ "$key" != s ] || p=normal
		evtail -n all "$key" | cmp - \
			<(grep "\"$p\"" "$BATS_TEST_TMPDIR/in")
	done
}
