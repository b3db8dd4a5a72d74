# Moving groups: evreplay --rewind

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
	cd "$BATS_TEST_TMPDIR" || return
}

# numbered STREAM COUNT [FIRST] - {"n":1}, {"n":2} … at ids 1-0, 2-0 …
numbered()
{
	redis eval "for i = ARGV[2], ARGV[1] + ARGV[2] - 1 do
		redis.call('XADD', KEYS[1], i .. '-0', 'data',
			'{\"n\":' .. i .. '}') end" 1 "$1" "$2" "${3-1}"
}

# read_some COUNT - the group bill of s reads and acknowledges so many
read_some()
{
	redis xgroup create s bill 0 >/dev/null 2>&1 || :
	evsub -q -g bill -c "$1" s >/dev/null
}

# state - what the server says of the group
state()
{
	redis --json xinfo groups s | jq -c '.[] |
		[_nwise(2)] | map({(.[0]): .[1]}) | add | del(.consumers)' \
		2>/dev/null ||
		redis --json xinfo groups s | jq -c '.[0] | del(.consumers)'
}

# field NAME - of the group, by the server
field()
{
	state | jq ".\"$1\""
}

# rest - what the group gets next, in one line
rest()
{
	evsub -q -g bill -E s | jq -r .n | tr '\n' ' '
}

# undo - run the command that the last run printed
undo()
{
	sed -n 's/^undo with: //p' "$OUT" >undo
	[ -s undo ]
	sh undo
}

has_read()
{
	[ "$(field entries-read)" != null ]
}

@test "without --yes it prints the plan and changes nothing" {
	numbered s 10
	read_some 6
	before=$(state)
	must_exit 0 evreplay --rewind bill --by -4 s
	must_print 's: would move bill back, from behind 6-0 to behind 2-0' \
		's: 4 entries run again, of 1970-01-01T00:00:00.003Z to 1970-01-01T00:00:00.006Z' \
		's: lag 4, then 8'
	must_say 'nothing was changed: --yes does it'
	must_equal "$(state)" "$before"
	must_equal "$(redis exists ev:audit)" 0
}

@test "back and on by entries" {
	numbered s 10
	read_some 6
	must_exit 0 evreplay --rewind bill --by -2 -y s
	must_equal "$(field last-delivered-id)" '"4-0"'
	must_exit 0 evreplay --rewind bill --by +3 -y s
	must_equal "$(field last-delivered-id)" '"7-0"'
	must_exit 0 evreplay --rewind bill --by 1 -y s
	must_print 's: moved bill on, from behind 7-0 to behind 8-0' \
		's: 1 entry is passed over, of 1970-01-01T00:00:00.008Z to 1970-01-01T00:00:00.008Z' \
		's: lag 3, then 2' "${lines[3]}"
	# No further than there are entries.
	must_exit 0 evreplay --rewind bill --by -100 -y s
	must_equal "$(field last-delivered-id)" '"0-0"'
	must_exit 0 evreplay --rewind bill --by +100 -y s
	must_equal "$(field last-delivered-id)" '"10-0"'
	must_exit 0 evreplay --rewind bill --by 0 -y s
	must_equal "$(field last-delivered-id)" '"10-0"'
	must_exit 0 evreplay --rewind bill --by -10 -y s
	must_equal "$(rest)" '1 2 3 4 5 6 7 8 9 10 '
}

@test "to a time, an id, the start, the end" {
	numbered s 10
	read_some 6
	must_exit 0 evreplay --rewind bill -S 3-0 -y s
	must_equal "$(rest)" '3 4 5 6 7 8 9 10 '
	must_exit 0 evreplay --rewind bill -S start -y s
	must_equal "$(field last-delivered-id)" '"0-0"'
	must_exit 0 evreplay --rewind bill --to-end -y s
	must_equal "$(field last-delivered-id)" '"10-0"'
	must_equal "$(rest)" ''
	must_exit 0 evreplay --rewind bill -S 1970-01-01T00:00:00.009Z -y s
	must_equal "$(rest)" '9 10 '
	must_exit 0 evreplay --rewind bill -S 1-1 -y s
	must_exit 0 evreplay --rewind bill -S end -y s
	must_equal "$(rest)" ''
	# The future passes over nothing that is still to come.
	must_exit 0 evreplay --rewind bill -S 2100-01-01 -y s
	numbered s 1 11
	must_equal "$(rest)" '11 '
	# A duration is that long ago, by the server's clock.
	redis xadd s "$(($(now_ms) - 7200000))-0" data '{"n":12}'
	redis xadd s "$(($(now_ms) - 600000))-0" data '{"n":13}'
	must_exit 0 evreplay --rewind bill -S 1h -y s
	must_equal "$(rest)" '13 '
}

@test "behind an id, exactly" {
	numbered s 10
	read_some 6
	must_exit 0 evreplay --rewind bill --behind 3-0 -y s
	must_equal "$(field last-delivered-id)" '"3-0"'
	must_equal "$(rest)" '4 5 6 7 8 9 10 '
	must_exit 0 evreplay --rewind bill --behind 3-7 -y s
	must_equal "$(field last-delivered-id)" '"3-7"'
}

@test "rewinding and undoing leaves the group as it was" {
	numbered s 50
	read_some 20
	for to in '-S start' '-S 7-0' '--by -5' '--by +5' '--to-end' \
		'--behind 9-9'; do
		before=$(state)
		# shellcheck disable=SC2086 # words
		must_exit 0 evreplay --rewind bill $to -y s
		undo
		must_equal "$(state)" "$before"
	done
}

@test "undoing restores what the server knew, and what it did not" {
	numbered s 50
	# At an arbitrary id: entries-read is nil.
	redis xgroup create s bill 25-3
	before=$(state)
	must_exit 0 evreplay --rewind bill -S start -y s
	undo
	must_equal "$(state)" "$before"
	# Beyond all ids, and at 0-0.
	redis xgroup setid s bill 99999-0
	before=$(state)
	must_exit 0 evreplay --rewind bill -S 5-0 -y s
	undo
	must_equal "$(state)" "$before"
	redis xgroup setid s bill 0
	before=$(state)
	must_exit 0 evreplay --rewind bill --to-end -y s
	undo
	must_equal "$(state)" "$before"
	# With tombstones before, between and behind, and with what is pending.
	read_some 20
	redis xreadgroup group bill gone count 3 streams s '>' >/dev/null
	redis xdel s 3-0 10-0 15-0 40-0
	before=$(state)
	must_exit 0 evreplay --rewind bill -S 8-0 -y --lease 0s s
	undo
	must_equal "$(state)" "$before"
	redis xtrim s maxlen 20
	before=$(state)
	must_exit 0 evreplay --rewind bill -S start -y --lease 0s s
	undo
	must_equal "$(state)" "$before"
}

@test "the server's lag is right afterwards" {
	numbered s 50
	read_some 20
	has_read || skip "this server keeps no lag"
	must_exit 0 evreplay --rewind bill -S 11-0 -y s
	must_equal "$(field lag)" 40
	must_equal "$(field entries-read)" 10
	evsub -q -g bill -c 5 s >/dev/null
	must_equal "$(field lag)" 35
	# A group that the server knew no lag of has one then.
	redis xgroup create s other 25-3
	must_exit 0 evreplay --rewind other -S 31-0 -y s
	must_equal "$(redis --json xinfo groups s | jq -c '.[] |
		if type == "array" then [_nwise(2)] | map({(.[0]): .[1]}) | add
		else . end | select(.name == "other") | .lag')" 20
	# After a trim, too, and with entries deleted that were read.
	redis xtrim s maxlen 25
	must_exit 0 evreplay --rewind bill --behind 0 -y s
	must_equal "$(field lag)" 25
	evsub -q -g bill -c 5 s >/dev/null
	must_equal "$(field lag)" 20
	redis xdel s 27-0
	must_exit 0 evreplay --rewind bill --by -2 -y s
	must_equal "$(field lag)" 22
	must_exit 0 evreplay --rewind bill --to-end -y s
	must_equal "$(field lag)" 0
	numbered s 3 51
	must_equal "$(field lag)" 3
}

@test "an empty stream, one without entries left, and a single group of many" {
	redis xgroup create s bill 0 mkstream
	must_exit 0 evreplay --rewind bill -S start -y s
	must_exit 0 evreplay --rewind bill --by -5 -y s
	must_exit 0 evreplay --rewind bill --to-end -y s
	must_equal "$(field last-delivered-id)" '"0-0"'
	numbered s 5
	redis xgroup create s other 3-0
	redis xdel s 1-0 2-0 3-0 4-0 5-0
	must_exit 0 evreplay --rewind bill --to-end -y s
	must_equal "$(field last-delivered-id)" '"5-0"'
	must_exit 0 evreplay --rewind bill -S start -y s
	must_say ''
	[[ ${lines[1]} == 's: 0 entries run again' ]]
	must_equal "$(redis xinfo groups s | grep -c '^3-0')" 1
}

@test "while consumers are at work it is refused, with their names" {
	numbered s 10
	redis xgroup create s bill 0
	redis xreadgroup group bill web1:1 count 4 streams s '>' >/dev/null
	redis xreadgroup group bill web2:2 count 2 streams s '>' >/dev/null
	before=$(state)
	must_exit 1 evreplay --rewind bill -S start s
	must_say 'consumer web1:1 is at work' 'consumer web2:2 is at work' \
		'with --force'
	must_exit 1 evreplay --rewind bill -S start -y s
	must_say 'consumer web1:1 is at work' 'consumer web2:2 is at work' \
		'consumers are active, nothing was changed'
	must_equal "$(state)" "$before"
	must_equal "$(redis exists ev:audit)" 0
	# Who was silent for a lease is not at work.
	wait_until 10 evreplay -q --rewind bill -S start --lease 1ms s
	must_exit 0 evreplay --rewind bill -S start --lease 1ms -y s
	[[ $output == *'s: pending 6, which stay so until they run again'* ]]
	undo
	must_equal "$(state)" "$before"
	redis xreadgroup group bill web1:1 count 1 streams s '>' >/dev/null
	must_exit 0 evreplay --rewind bill -S 2-0 -y --force s
	must_equal "$(field pending)" 7
	must_equal "$(field last-delivered-id)" '"1-0"'
}

@test "what is pending runs again with whoever reads it, and is not doubled" {
	numbered s 4
	redis xgroup create s bill 0
	redis xreadgroup group bill gone count 2 streams s '>' >/dev/null
	must_exit 0 evreplay --rewind bill -S start -y --force s
	must_equal "$(field pending)" 2
	must_equal "$(rest)" '1 2 3 4 '
	must_equal "$(field pending)" 0
}

@test "a consumer that reads meanwhile is not stepped over" {
	numbered s 2000
	read_some 1000
	redis xgroup delconsumer s bill nobody >/dev/null
	# The plan was made with the group at 1000-0.
	text=$(sed -n '/^--/!p' "$EV_TOP/common/lua/rewind.lua")
	must_equal "$(redis eval "$text" 1 s bill 999-0 0-0 '' 0 '' |
		tr '\n' ' ')" '2 1000-0 '
	must_equal "$(field last-delivered-id)" '"1000-0"'
	# Entries went since they were counted.
	redis xdel s 1-0
	if has_read; then
		must_equal "$(redis eval "$text" 1 s bill 1000-0 0-0 0 0 0)" 3
	fi
	must_equal "$(field last-delivered-id)" '"1000-0"'
	must_equal "$(redis eval "$text" 1 s none 1-0 0-0 '' 0 '')" ''
}

@test "raced against workers, it moves the group only when none is at work" {
	numbered s 3000
	redis xgroup create s bill 0
	start worker evsub -q -g bill -E s
	worker=$pid
	moved=0
	while kill -0 "$worker" 2>/dev/null; do
		run_limited evreplay -q --rewind bill -S start -y s
		case $status in
		0) moved=1 ;;
		1) ;;
		*) show_run && return 1 ;;
		esac
	done
	finish "$worker"
	if [ "$moved" -eq 0 ]; then
		must_equal "$(wc -l <"$(out worker)")" 3000
	fi
	must_equal "$(field pending)" 0
}

@test "a plan over many entries counts all, in slices" {
	redis eval "for i = 1, 30000 do redis.call('XADD', KEYS[1], i .. '-0',
		'data', '{\"n\":' .. i .. '}') end" 1 s
	redis xgroup create s bill 25000-0
	must_exit 0 evreplay --rewind bill -S 100-0 s
	[[ ${lines[1]} == 's: 24901 entries run again'* ]]
	must_equal "${lines[2]}" 's: lag 5000, then 29901'
}

@test "the change is in ev:audit, unless --no-audit" {
	numbered s 10
	read_some 6
	must_exit 0 evreplay --rewind bill -S 3-0 -y s
	evtail ev:audit >audit
	must_equal "$(wc -l <audit)" 1
	must_equal "$(jq -r '.type, .subject, .data.action, .data.group,
		.data.select.since, .data.counts.again,
		.data.before.last_delivered, .data.after.last_delivered' audit |
		tr '\n' ' ')" \
		'evtools.evreplay.rewind s rewind bill 3-0 4 6-0 2-0 '
	evpub --dry-run checked <audit
	must_exit 0 evreplay --rewind bill --by 2 --no-audit -y s
	must_equal "$(redis xlen ev:audit)" 1
}

@test "names are quoted in the command that undoes it" {
	redis xgroup create 'a b' "it's" 0 mkstream
	redis xadd 'a b' 1-0 data '{}'
	must_exit 0 evreplay --rewind "it's" --to-end -y 'a b'
	[[ $output == *"--rewind 'it'\\''s' --behind 0-0 "*" -y 'a b'" ]]
	undo
	must_equal "$(redis xinfo groups 'a b' | grep -c '^0-0')" 1
	must_exit 0 evreplay --url "$EV_URL" --rew "it's" -yS end 'a b'
	[[ $output == *" -y --url $EV_URL 'a b'" ]]
	undo
	must_equal "$(redis xinfo groups 'a b' | grep -c '^0-0')" 1
}

@test "no such group, stream or server; another type" {
	numbered s 1
	must_exit 1 evreplay --rewind bill -S start s
	must_say 's: bill: no such group'
	must_exit 1 evreplay --rewind bill -S start -y none
	must_say 'none: bill: no such stream'
	redis set text x
	must_exit 4 evreplay --rewind bill -S start -y text
	must_say 'text: WRONGTYPE'
	must_exit 4 evreplay -u unix:///nowhere --retry-for 0s --rewind g \
		-S start s
	must_exit 5 sh -c 'evreplay --rewind bill -S start s >/dev/full' ||
		[ "$status" -eq 1 ]
	read_some 1
	must_exit 5 sh -c 'evreplay --rewind bill -S start s >/dev/full'
}

@test "usage" {
	numbered s 1
	read_some 1
	for args in 's' '-S start --to-end s' '--by 1 --behind 1-0 s' \
		'-S start' '-S start s t' '--by x s' '--by - s' \
		'--by 10000000 s' '--behind x s' '--by 1 --entries-read 1 s' \
		'--behind 1-0 --entries-read x s' '-S start -U end s' \
		'-S start -t x s' '-S start --to t s' '-S start --mark s' \
		'-S start --in f s' '-S start -c 1 s' '-S start --rate 1 s' \
		'-S start --checkpoint f s' '-S start -w 1s s' \
		'-S start --maxlen 5 s' '-S start -m s'; do
		# shellcheck disable=SC2086 # words
		must_exit 2 evreplay --rewind bill $args
	done
}
