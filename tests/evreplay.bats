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

# events STREAM - its bodies, one a line
events()
{
	evtail -q -n all "$1"
}

# raw STREAM FILE - its bodies' bytes, one after the other
raw()
{
	redis --raw eval "local all = {}
		for _, e in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do
			all[#all + 1] = e[2][2]
		end
		return table.concat(all, '|')" 1 "$1" >"$2"
}

# counts_once STREAM COUNT - each of 1…COUNT is there once, in order
counts_once()
{
	events "$1" | sed 's/.*"n":\([0-9]*\).*/\1/' >is
	seq "$2" | cmp - is
}

# Of every kind of body, and one entry of several fields.
odd_entries()
{
	redis xadd odd 1-1 data '{"order": 1.0,"a":1,"a":2}' >/dev/null
	redis xadd odd 1-2 data $'{\n  "pretty": true\r\n}' >/dev/null
	redis xadd odd 1-3 data '[1, 2]' >/dev/null
	redis xadd odd 1-4 data 'no JSON "at all"' >/dev/null
	redis eval "return redis.call('XADD', KEYS[1], '1-5', 'data',
		'\\255\\0\\254')" 1 odd >/dev/null
	redis xadd odd 1-6 data '' >/dev/null
	redis xadd odd 1-7 body '{"b":1}' >/dev/null
}

@test "prints a stream as evtail does, byte for byte" {
	odd_entries
	redis xadd odd 1-8 one 1 two 2
	must_exit 0 evreplay odd
	events odd | cmp - "$OUT"
	must_exit 0 evreplay -m odd
	evtail -n all -m odd | cmp - "$OUT"
}

@test "ranges and filters select, as everywhere" {
	numbered s 9
	must_exit 0 evreplay -S 3-0 -U 5-0 s
	must_print '{"n":3}' '{"n":4}' '{"n":5}'
	must_exit 0 evreplay -e '.n > 7' s
	must_print '{"n":8}' '{"n":9}'
	must_exit 0 evreplay -S 2-0 -c 2 -j '.n * 10' s
	must_print 20 30
	must_exit 0 evreplay -0 -c 2 s
	printf '{"n":1}\0{"n":2}\0' | cmp - "$OUT"
	evpub s '{"specversion":"1.0","id":"a","source":"/","type":"x.y"}'
	must_exit 0 evreplay -t 'x.*' s
	[ "${#lines[@]}" -eq 1 ]
	must_exit 0 evreplay --correlation a s
	[ "${#lines[@]}" -eq 1 ]
	must_exit 0 evreplay -S 5-0 -U 2-0 s
	must_print ''
}

@test "a copy has the same bytes, whatever they are" {
	odd_entries
	must_exit 0 evreplay --to copy odd
	must_print ''
	raw odd was
	raw copy is
	cmp was is
	must_equal "$(redis xlen copy)" 7
}

@test "an archive of records restores the same bytes" {
	odd_entries
	evtail -n all -m odd >archive
	must_exit 0 evreplay --in archive
	events odd | cmp - "$OUT"
	must_exit 0 evreplay --in archive -m
	cmp archive "$OUT"
	must_exit 0 evreplay --to copy --in archive
	raw copy is
	# Only line ends between tokens were dropped when it was printed.
	redis xdel odd 1-2
	redis del copy
	grep -v pretty archive >rest
	must_exit 0 evreplay --to copy --in rest
	raw odd was
	raw copy is
	cmp was is
}

@test "an archive may come through a pipe" {
	numbered s 2000
	evtail -n all -m s | gzip >archive.gz
	gzip -dc archive.gz | evreplay --in - --to copy
	counts_once copy 2000
	gzip -dc archive.gz | evreplay --in - -e '.n <= 5' >some
	must_equal "$(wc -l <some)" 5
}

@test "files are read in the order given" {
	for n in 1 2 3; do
		echo "{\"n\":$n}" >"$n"
	done
	must_exit 0 evreplay --in 3 1 2
	must_print '{"n":3}' '{"n":1}' '{"n":2}'
	must_exit 0 evreplay --in 2 --in 3 --in 1
	must_print '{"n":2}' '{"n":3}' '{"n":1}'
	must_exit 2 evreplay --in 2 --in 3 1
	echo '{"n":0}' | must_exit 0 evreplay --in 1 -
	must_exit 5 evreplay --in 1 nowhere
	must_say 'nowhere: No such file'
	must_print ''
	must_exit 5 evreplay --in .
}

@test "no server is needed to read files" {
	echo '{"n":1}' >file
	EV_URL=unix:///nowhere must_exit 0 evreplay --in file
	must_print '{"n":1}'
}

@test "an event that only looks like a record is one" {
	printf '%s\n' '{"stream":"s","id":"5","event":{"a":1}}' \
		'{"stream":"s","id":"5-1","other":{"a":1}}' \
		'{"stream":1,"id":"5-1","event":{"a":1}}' >bare
	must_exit 0 evreplay --in bare
	cmp bare "$OUT"
	# Its record has no place to tell.
	must_exit 0 evreplay -m -c 1 --in bare
	must_print '{"event":{"stream":"s","id":"5","event":{"a":1}}}'
}

@test "dead letters can be replayed from their records" {
	redis xadd '{s}:dlq' 1-0 data '{"n":1}' dead '{"reason":"rejected"}'
	evdlq s >letters
	must_exit 0 evreplay --in letters
	must_print '{"n":1}'
	must_exit 0 evreplay -m --in letters
	[[ $output == *'"dead":{"reason":"rejected"},"event":{"n":1}}' ]]
	redis xadd '{t}:dlq' 1-0 data '' dead '{"reason":"trimmed"}'
	evdlq t | sed 's/,"text":""//' >letters
	must_exit 3 evreplay --in letters
	must_say 'letters:1: a record without an event'
}

@test "bad lines are refused with file, number and reason; the rest is done" {
	{
		echo '{"n":1}'
		echo 'rubbish'
		printf '{"n":"\xff"}\n'
		printf '{"n":"\0"}\n'
		echo '[1]'
		echo
		echo '{"stream":"s","id":"1-0","base64":"?"}'
		echo '{"n":2}'
		printf '{"n":3'
	} >bad
	must_exit 3 evreplay --in bad
	must_print '{"n":1}' '{"n":2}'
	must_say 'bad:2: ' 'bad:3: byte 7: ' 'bad:4: byte 7: ' 'bad:5: ' \
		'bad:7: "base64" is not base64' 'bad:9: byte 7: '
	[ "$(wc -l <"$ERR")" -eq 6 ]
	must_exit 3 evreplay --to copy --in bad
	counts_once copy 2
}

@test "lines that are too long are refused, and not kept in memory" {
	{
		echo '{"n":1}'
		printf '{"n":"'
		head -c 60000000 /dev/zero | tr '\0' x
		printf '"}\n'
		echo '{"n":2}'
	} >long
	"${CC:-cc}" -D_GNU_SOURCE -o peak "$EV_TESTS/fault/peak.c"
	must_exit 3 ./peak kb evreplay --max-bytes 1M --in long
	must_print '{"n":1}' '{"n":2}'
	must_say 'long:2: longer than 1048576 bytes'
	grep -q __asan_init "$BUILD/evreplay" || [ "$(cat kb)" -lt 32768 ]
	must_exit 2 evreplay --max-bytes 0 --in long
}

@test "--skip passes over lines, through all files" {
	seq 3 | sed 's/.*/{"n":&}/' >a
	seq 4 6 | sed 's/.*/{"n":&}/' >b
	must_exit 0 evreplay --skip 4 --in a b
	must_print '{"n":5}' '{"n":6}'
	must_exit 0 evreplay --skip 6 --in a b
	must_print ''
}

@test "a range of files goes by the ids of their records" {
	numbered s 9
	evtail -n all -m s >archive
	must_exit 0 evreplay -S 4-0 -U 5-0 --in archive
	must_print '{"n":4}' '{"n":5}'
	echo '{"n":10}' >>archive
	must_exit 3 evreplay -S 9-0 --in archive
	must_print '{"n":9}'
	must_say 'archive:10: --since and --until: it has no entry id'
}

@test "--mark adds where an event comes from, and changes nothing else" {
	redis xadd s 1-1 data '{"specversion":"1.0", "id":"a","n":1.0}'
	redis xadd s 1-2 data '{"specversion":"1.0","replayof":"x/1-0","z":1}'
	redis xadd s 1-3 data '{"event_id":"e","event_type":"t","metadata":{}}'
	redis xadd s 1-4 data '{"event_id":"e","event_type":"t"}'
	must_exit 0 evreplay --mark s
	must_print '{"replayof":"s/1-1","specversion":"1.0", "id":"a","n":1.0}' \
		'{"specversion":"1.0","replayof":"s/1-2","z":1}' \
		'{"event_id":"e","event_type":"t","metadata":{"replayof":"s/1-3"}}' \
		'{"metadata":{"replayof":"s/1-4"},"event_id":"e","event_type":"t"}'
	cp "$OUT" marked
	must_exit 0 evreplay --mark --to copy s
	events copy | cmp - marked
	# From an archive the mark is that of the record, not of the file.
	evtail -n all -m s >archive
	must_exit 0 evreplay --mark --in archive
	cmp marked "$OUT"
}

@test "--mark refuses what can't carry a mark, and does the rest" {
	odd_entries
	redis xadd odd 1-8 data '{"specversion":"1.0"}'
	redis xadd odd 1-9 data '{"event_id":"e","event_type":"t","metadata":1}'
	must_exit 3 evreplay --mark --to copy odd
	events copy >is
	must_equal "$(cat is)" '{"replayof":"odd/1-8","specversion":"1.0"}'
	must_say 'odd: 1-1: --mark: it has no envelope' \
		'odd: 1-4: --mark: it is no event' 'odd: 1-9: --mark:'
	echo '{"specversion":"1.0"}' >bare
	must_exit 3 evreplay --mark --in bare
	must_say 'bare:1: --mark: it does not say where it comes from'
}

@test "a stream is not replayed into itself, unless one insists" {
	numbered s 5
	numbered s.1 5
	numbered '{s}:high' 5
	for pair in 's s' 's {s}:low' '{s}:high s' 's.1 s' 's.1 s.2' \
		'{s}:high {s}:critical'; do
		must_exit 2 evreplay --to "${pair#* }" "${pair% *}"
		must_say 'into itself'
	done
	must_equal "$(redis xlen s)" 5
	must_exit 0 evreplay --to s.copy s
	must_exit 0 evreplay --to '{s}:dlq' s
	# Only what was there at the start.
	must_exit 0 evreplay --to s --force s
	must_equal "$(redis xlen s)" 10
	must_exit 0 evreplay --to s --force s
	must_equal "$(redis xlen s)" 20
	must_exit 2 evreplay --to s --force --checkpoint cp s
}

@test "what comes while it runs is not part of it" {
	numbered s 3
	start replay evreplay --rate 10 s
	wait_until 10 has_lines "$(out replay)" 1
	numbered s 3 4
	finish "$pid"
	must_equal "$(wc -l <"$(out replay)")" 3
}

@test "--speed keeps the spacing, scaled" {
	numbered s 1 1000
	numbered s 1 2000
	numbered s 1 4000
	began=$(now_ms)
	must_exit 0 evreplay --speed 10 s
	took=$(($(now_ms) - began))
	[ "$took" -ge 300 ]
	[ "$took" -lt 3000 ]
	must_print '{"n":1000}' '{"n":2000}' '{"n":4000}'
	began=$(now_ms)
	must_exit 0 evreplay --speed 10 --to copy s
	[ "$(($(now_ms) - began))" -ge 300 ]
	counts=$(events copy | wc -l)
	must_equal "$counts" 3
}

@test "what was taken is out before a pause" {
	numbered s 1 1000
	numbered s 1 100000
	start replay evreplay --speed 1 s
	wait_until 10 has_lines "$(out replay)" 1
	start copy evreplay --speed 1 --to copy s
	wait_until 10 test "$(redis xlen copy)" != x
	wait_until 10 eval '[ "$(redis xlen copy)" -eq 1 ]'
	start exact evreplay --speed 1 --to exact --checkpoint cp s
	wait_until 10 eval '[ "$(redis xlen exact)" -eq 1 ]'
}

@test "--max-gap caps pauses" {
	numbered s 1 1000
	numbered s 1 900000000
	numbered s 1 999000000
	began=$(now_ms)
	must_exit 0 evreplay --speed 1 --max-gap 100ms s
	took=$(($(now_ms) - began))
	[ "$took" -ge 200 ]
	[ "$took" -lt 5000 ]
}

@test "ids that go back or lie in the future make no endless pause" {
	printf '{"stream":"s","id":"%s","event":{"n":%d}}\n' 5000-0 1 1000-0 2 \
		1100-0 3 >back
	must_exit 0 evreplay --speed 1 --in back
	[ "${#lines[@]}" -eq 3 ]
	now=$(now_ms)
	redis xadd s "$((now - 100))-0" data '{"n":1}'
	redis xadd s 9999999999999-0 data '{"n":2}'
	redis xadd s 18446744073709551615-18446744073709551615 data '{"n":3}'
	must_exit 0 evreplay --speed 1 s
	[ "${#lines[@]}" -eq 3 ]
}

@test "a long pause is told" {
	numbered s 1 1000
	numbered s 1 7201000
	must_exit 1 evreplay --speed 1 -w 100ms s
	must_say '7201000-0: a pause of 2h before it, see --max-gap'
	echo '{"n":1}' >bare
	must_exit 0 evreplay --speed 1 --in bare
	must_say 'bare:1: --speed: it has no entry id'
}

@test "--rate fixes the pace" {
	numbered s 5
	began=$(now_ms)
	must_exit 0 evreplay --rate 10 s
	[ "$(($(now_ms) - began))" -ge 390 ]
	began=$(now_ms)
	must_exit 0 evreplay --rate 10 --to copy s
	[ "$(($(now_ms) - began))" -ge 390 ]
	counts_once copy 5
}

# how_to_go_on FILE - the command that it says
how_to_go_on()
{
	sed -n 's/.*go on with: //p' "$1"
}

@test "interrupted, it says how to go on" {
	numbered s 200
	start first evreplay --rate 100 -e '.n > 0' s
	wait_until 10 has_lines "$(out first)" 5
	kill -INT "$pid"
	finish "$pid" 1
	how_to_go_on "$(err first)" | sh | sed 's/--rate 100//' >rest
	cat "$(out first)" rest >all
	events s | cmp - all
}

@test "interrupted on the way to a stream, too" {
	numbered s 200
	start first evreplay --rate 100 --to copy s
	wait_until 10 eval '[ "$(redis xlen copy)" -ge 5 ]'
	kill -TERM "$pid"
	finish "$pid" 1
	again=$(how_to_go_on "$(err first)")
	[[ $again == *' --until 200-0 '* ]]
	sh -c "${again/--rate 100/}"
	counts_once copy 200
}

@test "interrupted on the way from files, too" {
	seq 200 | sed 's/.*/{"n":&}/' >file
	start first evreplay --rate 100 --to copy --in file
	wait_until 10 eval '[ "$(redis xlen copy)" -ge 5 ]'
	kill -TERM "$pid"
	finish "$pid" 1
	again=$(how_to_go_on "$(err first)")
	sh -c "${again/--rate 100/}"
	counts_once copy 200
}

@test "a timeout and a count say how to go on" {
	numbered s 9
	must_exit 1 evreplay -w 150ms --rate 10 s
	must_say 'evreplay: interrupted; go on with: evreplay --since '
	cp "$OUT" first
	again=$(how_to_go_on "$ERR")
	sh -c "${again/-w 150ms/}" >rest
	cat first rest >all
	events s | cmp - all
	: >all
	evreplay -c 4 -e '.n > 0 and "it'\''s" != ""' s >first 2>said
	again=$(how_to_go_on said)
	sh -c "$again" >second 2>said
	again=$(how_to_go_on said)
	sh -c "$again" >third 2>said
	cat first second third >all
	events s | cmp - all
	must_equal "$(cat said)" ''
	must_exit 0 evreplay -c 0 s
	must_exit 0 evreplay -c 2 --checkpoint cp s
	must_equal "$stderr" ''
	must_exit 0 evreplay -c 2 --checkpoint cp s
	must_print '{"n":3}' '{"n":4}'
}

@test "a password is not repeated" {
	numbered s 9
	must_exit 1 evreplay -u "unix://:geheim@$SERVER_SOCKET" -w 100ms \
		--rate 1 s || [ "$status" -eq 4 ]
	[[ $stderr != *geheim* ]]
}

@test "a server that goes leaves a way to go on" {
	kill_server
	start_server --appendonly yes --appendfsync always
	numbered s 300
	start first evreplay --rate 100 --retry-for 0s --to copy s
	wait_until 10 eval '[ "$(redis xlen copy)" -ge 5 ]'
	kill_server
	finish "$pid" 4
	start_server --appendonly yes --appendfsync always
	grep -q 'copy: cannot add: ' "$(err first)"
	again=$(how_to_go_on "$(err first)")
	[ -n "$again" ]
	again=${again/--rate 100/}
	sh -c "${again/--retry-for 0s/}"
	# None is lost, and no more doubled than it says.
	unknown=$(sed -n 's/.* \([0-9]*\) events were sent and not.*/\1/p' \
		"$(err first)")
	events copy | awk '!seen[$0]++' | cmp - <(seq 300 | sed 's/.*/{"n":&}/')
	[ "$(redis xlen copy)" -le "$((300 + ${unknown:-0}))" ]
	kill_server
	rm -r "$SERVER_DIR"/appendonly*
	start_server
}

@test "a full server is refused with what to do" {
	numbered s 20000
	redis config set maxmemory 1
	run_limited evreplay --to copy s
	redis config set maxmemory 0
	must_equal "$status" 4
	must_say 'copy: cannot add: OOM' 'nothing was replayed'
	redis config set maxmemory 1
	run_limited evreplay --to copy --checkpoint cp s
	redis config set maxmemory 0
	must_equal "$status" 4
	must_exit 0 evreplay --to copy --checkpoint cp s
	counts_once copy 20000
}

@test "a closed pipe ends it quietly" {
	numbered s 50000
	bash -c 'evreplay s | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"' \
		>status 2>said
	must_equal "$(cat status)" 0
	must_equal "$(cat said)" ''
	# Also where it would pause for ever.
	numbered p 1 1000
	numbered p 1 9000000
	bash -c 'evreplay -q --speed 1 p | head -n 1 >/dev/null
		echo "${PIPESTATUS[0]}"' >status 2>said
	must_equal "$(cat status)" 0
	must_equal "$(cat said)" ''
}

@test "output that fails is an error" {
	numbered s 50000
	must_exit 5 sh -c 'evreplay s >/dev/full'
	must_say 'No space left'
	must_exit 5 sh -c 'evreplay --checkpoint cp s >/dev/full'
	[ ! -e cp ]
	must_exit 5 evreplay --checkpoint nowhere/cp s
}

@test "no server, no stream, no events, no stream at all" {
	must_exit 4 evreplay -u unix:///nowhere --retry-for 0s s
	must_exit 1 evreplay s
	must_say 's: no such stream'
	must_exit 1 evreplay --to copy s
	redis xgroup create s g 0 mkstream
	must_exit 0 evreplay s
	must_print ''
	redis set text x
	must_exit 4 evreplay text
	must_say 'text: ' 'WRONGTYPE'
	numbered full 1
	must_exit 4 evreplay --to text full
	must_say 'WRONGTYPE'
	must_exit 4 evreplay --to text --checkpoint cp full
	must_say 'WRONGTYPE'
	must_exit 4 evreplay --to absent --no-create full
}

@test "a filter or program that fails is told, and the rest is done" {
	numbered s 3
	redis xadd s 4-0 data '{"n":"x"}'
	must_exit 3 evreplay -e '(.n | floor) > 1' s
	must_print '{"n":2}' '{"n":3}'
	must_say 's: 4-0: filter: '
	must_exit 3 evreplay -j '.n | floor' s
	must_print 1 2 3
	must_say 's: 4-0: jq: '
}

@test "a checkpoint goes on where the last run ended" {
	numbered s 3
	must_exit 0 evreplay --checkpoint cp s
	must_print '{"n":1}' '{"n":2}' '{"n":3}'
	must_exit 0 evreplay --checkpoint cp s
	must_print ''
	numbered s 2 4
	must_exit 0 evreplay --checkpoint cp s
	must_print '{"n":4}' '{"n":5}'
	must_exit 0 evreplay --to copy --checkpoint cp2 s
	numbered s 2 6
	must_exit 0 evreplay --to copy --checkpoint cp2 s
	counts_once copy 7
	# Of files it remembers the line.
	seq 3 | sed 's/.*/{"n":&}/' >file
	must_exit 0 evreplay --to third --checkpoint cp3 --in file
	seq 4 5 | sed 's/.*/{"n":&}/' >>file
	must_exit 0 evreplay --to third --checkpoint cp3 --in file
	counts_once third 5
}

@test "a checkpoint belongs to one target" {
	numbered s 3
	must_exit 0 evreplay --to copy --checkpoint cp s
	must_exit 2 evreplay --to other --checkpoint cp s
	must_say 'belongs to another target'
	echo rubbish >'cp'
	must_exit 2 evreplay --to copy --checkpoint cp s
	must_say 'cp:1: '
}

# grown_or_gone STREAM LENGTH PID - for wait_until
grown_or_gone()
{
	[ "$(redis xlen "$1")" -ge "$2" ] || is_gone "$3"
}

# crash_often STREAM COMMAND... - run it, kill -9 once the stream has grown by some
# entries, again and again; then to the end
crash_often()
{
	local stream=$1 crash killed=0 one
	shift
	for crash in $(seq 12); do
		"$@" 2>>said 3>&- &
		one=$!
		wait_until 10 grown_or_gone "$stream" \
			$(($(redis xlen "$stream") + 1 + RANDOM % 3000)) "$one"
		kill -KILL "$one" 2>/dev/null && killed=$((killed + 1))
		wait "$one" 2>/dev/null || :
	done
	"$@"
	[ "$killed" -ge 3 ]
}

@test "killed again and again, a copy by checkpoint has no hole and no double" {
	numbered s 200000
	crash_often copy evreplay --to copy --checkpoint cp s
	counts_once copy 200000
	redis del copy
	evtail -n all -m s >archive
	rm cp
	crash_often copy evreplay --to copy --checkpoint cp --in archive
	counts_once copy 200000
}

@test "with its connection killed, a copy by checkpoint goes on by itself" {
	numbered s 60000
	start copy evreplay --to copy --rate 20000 --checkpoint cp s
	for least in 5000 15000 25000 35000; do
		wait_until 10 eval '[ "$(redis xlen copy)" -ge '$least' ]'
		redis client kill type normal >/dev/null
	done
	finish "$pid"
	counts_once copy 60000
}

@test "of two runs with one checkpoint the later one goes on" {
	numbered s 300
	start one evreplay --to copy --rate 100 --checkpoint cp s
	one=$pid
	wait_until 10 eval '[ "$(redis xlen copy)" -ge 5 ]'
	must_exit 0 evreplay --to copy --checkpoint cp s
	finish "$one" 4
	grep -q 'another evreplay has taken over' "$(err one)"
	counts_once copy 300
}

@test "after a crash, marks tell where to go on" {
	seq 30000 | sed 's|.*|{"specversion":"1.0","id":"&","source":"/","type":"t","n":&}|' |
		evpub s
	evreplay --mark --to copy s 3>&- &
	killed=$!
	wait_until 10 eval '[ "$(redis xlen copy)" -ge 1000 ]'
	kill -KILL "$killed"
	wait "$killed" || :
	# What it had on its way is there before our question is.
	wait_until 10 eval '! redis client list | grep -q "cmd=xadd"'
	last=$(evtail -n 1 -j .replayof copy)
	last=${last//\"/}
	[ -n "$last" ]
	id=${last#s/}
	evreplay --mark --to copy -S "${id%-*}-$((${id#*-} + 1))" s
	counts_once copy 30000
}

@test "progress is for terminals" {
	numbered s 300
	evreplay --rate 300 --to copy s >said 2>&1
	must_equal "$(cat said)" ''
	cat >run <<-'EOF'
		evreplay --rate 300 --to other s
	EOF
	script -qec 'sh run' typescript >/dev/null
	grep -q 'events, [0-9]*/s \[=*> *\] *[0-9]*%' typescript
	grep -q 's left' typescript
	# And what is printed on one is not mixed with it.
	script -qec 'evreplay --rate 300 s' typescript >/dev/null
	run -1 grep 'events, ' typescript
}

@test "events go to a stream that is trimmed, or with durability" {
	numbered s 2000
	must_exit 0 evreplay --to copy --maxlen 100 s
	[ "$(redis xlen copy)" -lt 500 ]
	must_exit 0 evreplay --to exact --maxlen 100 --checkpoint cp s
	[ "$(redis xlen exact)" -lt 500 ]
	must_exit 0 evreplay --to quiet --durability none s
	counts_once quiet 2000
	must_exit 4 evreplay --to few --durability replicas=1 -w 1s s
}

@test "usage" {
	numbered s 1
	for args in '' 's t' '-y s' '--by 1 s' '--to-end s' '--behind 1-0 s' \
		'--speed 0 s' '--speed x s' '--speed 1.2345 s' '--speed -1 s' \
		'--speed 1 --rate 1 s' '--max-gap 1s s' '--skip 1 s' \
		'--max-bytes 5 s' '--maxlen 5 s' '--durability none s' \
		'--no-create s' '--to c -j . s' '--to c -m s' '--to c -0 s' \
		'--to a}b s' '--to c --durability x s' '--lease 1s s' \
		'--to c --checkpoint x --durability none s' '--no-audit s' \
		'-e ( s'; do
		# shellcheck disable=SC2086 # words
		must_exit 2 evreplay $args
	done
}
