# evtail: which events it prints, in which order, when it ends and how.

load helper

setup_file() { start_server; }
teardown_file() { stop_server; }
setup() { flush; }

# fill STREAM FIRST LAST - events {"n":FIRST}… with the ids FIRST-0…
fill()
{
	redis eval 'for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
		redis.call("XADD", KEYS[1], i .. "-0", "data",
			"{\"n\":" .. i .. "}")
	end' 1 "$@" >/dev/null
}

# add STREAM ID EVENT
add()
{
	redis xadd "$1" "$2" data "$3" >/dev/null
}

# events FIRST LAST - what fill made of them
events()
{
	seq "$1" "$2" | sed 's/.*/{"n":&}/'
}

# must_print_events FIRST LAST - stdout of the last run, byte for byte
must_print_events()
{
	if ! cmp -s "$OUT" <(events "$1" "$2"); then
		echo "stdout is not the events $1 to $2 but $(wc -l <"$OUT")" \
			"lines, $(head -n 1 "$OUT") to $(tail -n 1 "$OUT")" >&2
		show_run
		return 1
	fi
}

# A reader waits at the server for what is new.
is_waiting()
{
	redis info clients | grep -q "^blocked_clients:${1:-1}"
}

# ends_within MS PID STATUS - it ends by itself, that soon (times PATIENCE)
ends_within()
{
	local begin
	begin=$(now_ms)
	finish "$2" "$3" || return
	if [ $(($(now_ms) - begin)) -gt $(($1 * PATIENCE)) ]; then
		echo "it took $(($(now_ms) - begin)) ms to end" >&2
		return 1
	fi
}

# The last N, from N on, all

@test "by default it prints the last ten events and ends" {
	fill s 1 25
	must_exit 0 evtail s
	must_print_events 16 25
	must_equal "$stderr" ''
}

@test "-n N prints the last N, at every border of a slice" {
	local n
	fill s 1 12345
	for n in 1 2 9 11 99 100 101 199 200 201 499 500 501 999 1000 1001 \
		1100 1499 1501 12344 12345; do
		must_exit 0 evtail -n "$n" s
		must_print_events $((12345 - n + 1)) 12345
	done
}

@test "-n N of a shorter stream prints it all" {
	fill s 1 7
	must_exit 0 evtail -n 8 s
	must_print_events 1 7
	must_exit 0 evtail -n 18446744073709551615 s
	must_print_events 1 7
}

@test "-n 0 prints nothing" {
	fill s 1 3
	must_exit 0 evtail -n 0 s
	must_equal "$output$stderr" ''
}

@test "-n all prints every event once, in order" {
	fill s 1 12345
	must_exit 0 evtail -n all s
	must_print_events 1 12345
	must_exit 0 evtail --lines=all s
	must_print_events 1 12345
}

@test "-n +N prints from the Nth on" {
	local n
	fill s 1 1234
	for n in 0 1 2 99 100 101 102 500 501 1000 1001 1234 1235 99999; do
		must_exit 0 evtail -n +"$n" s
		must_print_events $((n == 0 ? 1 : n)) 1234
	done
}

@test "-n takes nothing but N, +N and all" {
	local n
	for n in x -1 1.5 1k +x ++1 18446744073709551616 ALL; do
		must_exit 2 evtail -n "$n" s
		must_say "\"$n\" is not N, +N or all"
	done
	must_exit 2 evtail -n '' s
}

@test "-n counts the events that are wanted" {
	fill s 1 1000
	must_exit 0 evtail -n 3 -e '.n <= 500' s
	must_print_events 498 500
	must_exit 0 evtail -n 3 -e '.n % 100 == 0' s
	must_print '{"n":800}' '{"n":900}' '{"n":1000}'
	must_exit 0 evtail -n +3 -e '.n % 250 == 0' s
	must_print '{"n":750}' '{"n":1000}'
	must_exit 0 evtail -n 5 -e '.n == 2' s
	must_print_events 2 2
}

@test "-n counts within -S and -U" {
	fill s 1 1000
	must_exit 0 evtail -n 3 -U 500-0 s
	must_print_events 498 500
	must_exit 0 evtail -n 3 -S 999-0 s
	must_print_events 999 1000
	must_exit 0 evtail -n 3 -S 10-0 -U 11-0 s
	must_print_events 10 11
	must_exit 0 evtail -n +3 -S 10-0 -U 13-0 s
	must_print_events 12 13
}

@test "the largest ids are no obstacle" {
	add s 1-1 '{"n":1}'
	add s 18446744073709551615-18446744073709551614 '{"n":2}'
	add s 18446744073709551615-18446744073709551615 '{"n":3}'
	must_exit 0 evtail -n all s
	must_print_events 1 3
	must_exit 0 evtail -n 2 s
	must_print_events 2 3
	must_exit 0 evtail s
	must_print_events 1 3
	must_exit 0 evtail -m -n 1 s
	must_print '{"stream":"s","id":"18446744073709551615-18446744073709551615","time":"9999-12-31T23:59:59.999Z","event":{"n":3}}'
}

# Ranges

@test "a range by ids holds both its ends, at every border of a slice" {
	local first last
	fill s 1 3000
	for first in 1 99 100 101 1000; do
		for last in 100 101 102 200 1000 1001 2001; do
			must_exit 0 evtail -S "$first-0" -U "$last-0" s
			must_print_events "$first" "$last"
		done
	done
}

@test "a range by ids reaches inside a millisecond" {
	local i
	for i in 0 1 2 3; do
		add s "5-$((i + 1))" "{\"n\":$i}"
	done
	must_exit 0 evtail -S 5-2 -U 5-3 s
	must_print '{"n":1}' '{"n":2}'
}

@test "-S and -U take RFC 3339, dates, @seconds, ids, start and end" {
	local t
	add s 1795132799999-0 '{"n":"the day before"}'
	add s 1795132800000-0 '{"n":"midnight"}'
	add s 1795209426823-9 '{"n":"just before"}'
	add s 1795209426824-213 '{"n":"then"}'
	add s 1795209426824-214 '{"n":"then too"}'
	add s 1795219200000-0 '{"n":"the next day"}'
	for t in 2026-11-20T21:17:06.824Z '2026-11-20 21:17:06.824Z' \
		2026-11-20t22:17:06.824+01:00 @1795209426.824 1795209426824-0; do
		must_exit 0 evtail -j .n -S "$t" s
		must_print '"then"' '"then too"' '"the next day"'
	done
	for t in 2026-11-20T21:17:06.824Z @1795209426.824; do
		must_exit 0 evtail -j .n -S "$t" -U "$t" s
		must_print '"then"' '"then too"'
	done
	must_exit 0 evtail -j .n -S 1795209426824-214 s
	must_print '"then too"' '"the next day"'
	must_exit 0 evtail -j .n -U 1795209426824-213 -S 2026-11-20 s
	must_print '"midnight"' '"just before"' '"then"'
	must_exit 0 evtail -j .n -S 2026-11-21 s
	must_print '"the next day"'
	must_exit 0 evtail -j .n -U 2026-11-20 s
	must_print '"the day before"' '"midnight"'
	must_exit 0 evtail -j .n -S @1795209427 s
	must_print '"the next day"'
	must_exit 0 evtail -j 1 -S start -U end s
	must_equal "${#lines[@]}" 6
	must_exit 0 evtail -S end s
	must_equal "$output" ''
	must_exit 0 evtail -U start s
	must_equal "$output" ''
}

@test "-S and -U take durations, by the server's clock" {
	local now
	now=$(redis time | head -n 1)
	add s "$(((now - 7200) * 1000))-0" '{"n":1}'
	add s "$(((now - 600) * 1000))-0" '{"n":2}'
	add s "$(((now + 7200) * 1000))-0" '{"n":3}'
	must_exit 0 evtail -S 90m s
	must_print_events 2 3
	must_exit 0 evtail -S 1h30m -U now s
	must_print_events 2 2
	must_exit 0 evtail -U 5400s s
	must_print_events 1 1
	must_exit 0 evtail -S now s
	must_print_events 3 3
	must_exit 0 evtail -S 7d s
	must_print_events 1 3
}

@test "what is no time is refused with an example" {
	local t
	for t in yesterday 2026-02-30 2026-11-20T25:00:00Z @x 0 10 -5m; do
		must_exit 2 evtail -S "$t" s
		must_say "-S: \"$t\" is not a time" 2026-11-20
	done
	must_exit 2 evtail -S '' s
	must_exit 2 evtail -f -U now s
	must_say '--follow and --until exclude each other'
}

@test "a range that is empty or turned round prints nothing" {
	fill s 10 20
	must_exit 0 evtail -S 21-0 s
	must_equal "$output" ''
	must_exit 0 evtail -S 15-0 -U 12-0 s
	must_equal "$output" ''
	must_exit 0 evtail -n 5 -S 15-0 -U 12-0 s
	must_equal "$output" ''
}

# Several streams

@test "several streams are merged by time" {
	local i
	for i in 1 4 7 10; do add a "$i-0" "{\"n\":$i}"; done
	for i in 2 5 8 11; do add b "$i-0" "{\"n\":$i}"; done
	for i in 3 6 9 12; do add c "$i-0" "{\"n\":$i}"; done
	must_exit 0 evtail -n all a b c
	must_print_events 1 12
	must_exit 0 evtail -n all c a b
	must_print_events 1 12
	must_exit 0 evtail -n 5 a b c
	must_print_events 8 12
	must_exit 0 evtail -n +3 -U 8-0 a b c
	must_print_events 3 8
}

@test "long streams are merged across their slices" {
	redis eval 'for i = 1, 9000 do
		redis.call("XADD", KEYS[i % 7 < 5 and 1 or i % 7 - 3],
			i .. "-0", "data", "{\"n\":" .. i .. "}")
	end' 3 a b c >/dev/null
	must_exit 0 evtail -n all a b c
	must_print_events 1 9000
	must_exit 0 evtail -n 4321 a b c
	must_print_events 4680 9000
	must_exit 0 evtail -c 4321 -S 1234-0 c b a
	must_print_events 1234 5554
}

@test "events of the same id come in the order of the operands" {
	add a 5-1 '{"n":1}'
	add b 5-1 '{"n":2}'
	add a 5-2 '{"n":3}'
	must_exit 0 evtail a b
	must_print_events 1 3
	must_exit 0 evtail -n 2 a b
	must_print_events 2 3
}

@test "a stream that is named twice is read once" {
	fill s 1 3
	must_exit 0 evtail s s '[s]'
	must_print_events 1 3
}

# Patterns

@test "a pattern finds streams, and nothing but streams" {
	add game:1 1-0 '{"n":1}'
	add game:2 2-0 '{"n":2}'
	add game:10 3-0 '{"n":3}'
	add 'odd "name"' 4-0 '{"n":4}'
	add 'ga?e:1' 5-0 '{"n":5}'
	redis set game:text x >/dev/null
	must_exit 0 evtail 'game:*'
	must_print_events 1 3
	must_exit 0 evtail 'game:?'
	must_print_events 1 2
	must_exit 0 evtail 'game:[1-1]*'
	must_print '{"n":1}' '{"n":3}'
	must_exit 0 evtail 'game:[^1]'
	must_print_events 2 2
	must_exit 0 evtail '*"name"'
	must_print_events 4 4
	must_exit 0 evtail 'odd "name"'
	must_print_events 4 4
	must_exit 0 evtail '*'
	must_print_events 1 5
}

@test "an escaped glob character stands for itself" {
	add 'a*b' 1-0 '{"n":1}'
	add axb 2-0 '{"n":2}'
	add 'a[1]' 3-0 '{"n":3}'
	add a1 4-0 '{"n":4}'
	must_exit 0 evtail 'a\*b'
	must_print_events 1 1
	must_exit 0 evtail 'a\[1\]'
	must_print_events 3 3
	must_exit 0 evtail 'a[*]b'
	must_print_events 1 1
}

@test "a pattern finds every one of many streams" {
	redis eval 'for i = 1, 3000 do
		redis.call("SET", "filler" .. i, i)
		if i <= 300 then
			redis.call("XADD", "many:" .. i, i .. "-0", "data",
				"{\"n\":" .. i .. "}")
		end
	end' 0 >/dev/null
	must_exit 0 evtail -n all 'many:*'
	must_print_events 1 300
}

@test "a followed pattern picks up new streams from their first event on" {
	add p:1 1-0 '{"n":1}'
	start follow evtail -f -c 5 'p:*'
	wait_until 10 has_lines "$(out follow)" 1
	add p:2 2-0 '{"n":2}'
	add other 2-0 '{"n":99}'
	wait_until 10 has_lines "$(out follow)" 2
	add p:2 3-0 '{"n":3}'
	add p:1 4-0 '{"n":4}'
	add p:1 5-0 '{"n":5}'
	finish "$pid"
	diff -u <(events 1 5) "$(out follow)"
}

@test "a pattern that matches nothing yet can be followed" {
	redis config resetstat >/dev/null
	start follow evtail -f -n 0 -c 2 'new:*'
	wait_until 10 has_looked # what is there before that is not new
	fill new:1 1 2
	finish "$pid"
	diff -u <(events 1 2) "$(out follow)"
}

has_looked()
{
	redis info commandstats | grep -q '^cmdstat_scan:'
}

# Following

@test "-f goes on where the range ended" {
	fill s 1 15
	start follow evtail -f -c 13 s
	wait_until 10 has_lines "$(out follow)" 10
	fill s 16 18
	finish "$pid"
	diff -u <(events 6 18) "$(out follow)"
}

@test "-f -n 0 prints only what is new" {
	fill s 1 15
	start follow evtail -f -n 0 -c 2 s
	wait_until 10 is_waiting
	fill s 16 17
	finish "$pid"
	diff -u <(events 16 17) "$(out follow)"
}

@test "-f -S end prints only what is new" {
	fill s 1 15
	start follow evtail -f -S end -c 2 s
	wait_until 10 is_waiting
	fill s 16 17
	finish "$pid"
	diff -u <(events 16 17) "$(out follow)"
}

@test "-f -S waits for what is not before that time" {
	fill s 1 15
	start follow evtail -f -n 10 -S 17-0 -c 2 s
	wait_until 10 is_waiting
	fill s 16 18
	finish "$pid"
	diff -u <(events 17 18) "$(out follow)"
}

@test "-f -n +N counts on into what is new" {
	fill s 1 3
	start follow evtail -f -n +5 -c 2 s
	wait_until 10 is_waiting
	fill s 4 6
	finish "$pid"
	diff -u <(events 5 6) "$(out follow)"
}

@test "-f waits for a stream that is missing, empty or deleted" {
	redis xgroup create empty g 0 mkstream >/dev/null
	start follow evtail -f -c 4 missing empty
	wait_until 10 is_waiting
	add empty 5-0 '{"n":1}'
	wait_until 10 has_lines "$(out follow)" 1
	add missing 5-0 '{"n":2}'
	wait_until 10 has_lines "$(out follow)" 2
	redis del missing >/dev/null
	wait_until 10 is_waiting
	add missing 6-0 '{"n":3}'
	wait_until 10 has_lines "$(out follow)" 3
	add empty 6-0 '{"n":4}'
	finish "$pid"
	diff -u <(events 1 4) "$(out follow)"
	must_equal "$(cat "$(err follow)")" ''
}

@test "-f with filters passes over the rest" {
	start follow evtail -f -c 2 -e '.n % 500 == 0' s
	wait_until 10 is_waiting
	fill s 1 1200
	finish "$pid"
	must_equal "$(cat "$(out follow)")" $'{"n":500}\n{"n":1000}'
}

@test "-f loses and doubles nothing while others publish" {
	local i publishers=()
	for i in 1 2 3; do
		events "$((i * 10000 + 1))" "$((i * 10000 + 4000))" \
			>"$BATS_TEST_TMPDIR/in.$i"
		START_STDIN=$BATS_TEST_TMPDIR/in.$i \
			start "pub$i" evpub --rate 4000 s
		publishers+=("$pid")
	done
	start all evtail -f -n all -c 12000 s
	local all=$pid
	wait_until 10 redis exists s
	start some evtail -f -n 5 -c 1000 s
	local some=$pid
	for i in "${publishers[@]}"; do finish "$i"; done
	finish "$all"
	finish "$some"
	cmp <(sort "$(out all)") <(sort "$BATS_TEST_TMPDIR"/in.[123])
	must_exit 0 evtail -n all s
	cmp "$OUT" "$(out all)"
	# The other one began somewhere, and went on from there.
	grep -A 999 -xF "$(head -n 1 "$(out some)")" "$OUT" |
		cmp - "$(out some)"
}

@test "-f shows a single event at once through a pipe" {
	local i begin took=0 line
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	start follow sh -c 'exec evtail -f -n 0 s >"$0"' \
		"$BATS_TEST_TMPDIR/pipe"
	exec 5<"$BATS_TEST_TMPDIR/pipe"
	wait_until 10 is_waiting
	for i in 1 2 3 4 5; do
		begin=$(now_ms)
		add s "$i-0" "{\"n\":$i}"
		IFS= read -r -t 5 line <&5
		took=$((took + $(now_ms) - begin))
		must_equal "$line" "{\"n\":$i}"
	done
	exec 5<&-
	# Most of it is redis-cli's; blocked reads end after 2 s each.
	if [ "$took" -gt 1500 ]; then
		echo "five events took $took ms" >&2
		return 1
	fi
}

# Filters

@test "-t keeps the types that match any of its globs" {
	local t
	for t in game.scheduled game.played user.added; do
		redis xadd s '*' data "{\"specversion\":\"1.0\",\"type\":\"$t\",\"source\":\"/s\",\"id\":\"1\"}" >/dev/null
	done
	redis xadd s '*' data '{"event_id":"e","event_type":"game.cancelled"}' \
		>/dev/null
	redis xadd s '*' data '{"type":"game.bare"}' >/dev/null
	must_exit 0 evtail -t game.scheduled -j .type s
	must_print '"game.scheduled"'
	must_exit 0 evtail -t 'game.*' -j '.type // .event_type' s
	must_print '"game.scheduled"' '"game.played"' '"game.cancelled"'
	must_exit 0 evtail -t '*.played' -t 'user.?dded' -j .type s
	must_print '"game.played"' '"user.added"'
	must_exit 0 evtail -t game -t GAME.PLAYED s
	must_equal "$output" ''
	must_exit 0 evtail -t 'game.*' -e '.event_id == "e"' -j .event_type s
	must_print '"game.cancelled"'
}

@test "--correlation keeps the event and those it correlates" {
	local ce='"specversion":"1.0","type":"t","source":"/s"'
	add s 1-0 "{$ce,\"id\":\"a\"}"
	add s 2-0 "{$ce,\"id\":\"b\",\"correlationid\":\"a\"}"
	add s 3-0 "{$ce,\"id\":\"c\",\"correlationid\":\"x\"}"
	add s 4-0 "{$ce,\"id\":\"d\",\"causationid\":\"a\"}"
	add s 5-0 '{"event_id":"e","event_type":"t","metadata":{"correlation_id":"a"}}'
	add s 6-0 '{"id":"a","correlationid":"a"}'
	must_exit 0 evtail --correlation a -j '$id' s
	must_print '"1-0"' '"2-0"' '"5-0"'
	must_exit 0 evtail --correlation nobody s
	must_equal "$output" ''
}

@test "-e gives the same with jq and without" {
	local i expr plain
	local -A same=(
		['.n > 3']='.n as $n | $n > 3'
		['.n >= 2 and .n < 5']='[.n] | .[0] >= 2 and .[0] < 5'
		['.a.b == "x y"']='.a | .b == "x y"'
		['.a.b']='.a | .b'
		['.n != 3 or .a == null']='(.n | . != 3) or (.a | . == null)'
		['.missing == null']='[.missing] | .[0] == null'
		['.s < "b"']='.s | . < "b"'
		['.n == 2.0e0']='.n | . == 2.0e0'
	)
	for i in 1 2 3 4 5 6; do
		add s "$i-0" "{\"n\":$i,\"s\":\"$([ $i -gt 3 ] && echo b || echo a)\"}"
	done
	add s 7-0 '{"n":"4","a":{"b":"x y"},"s":null}'
	add s 8-0 '{"a":{"b":false}}'
	add s 9-0 '{"a":{"b":"x\u0020y"},"missing":null}'
	for expr in "${!same[@]}"; do
		must_exit 0 evtail -e "$expr" s
		plain=$output
		must_exit 0 evtail -e "${same[$expr]}" s
		must_equal "$expr: $plain" "$expr: $output"
	done
	must_exit 0 evtail -e '.n > 3' -j '$id' s
	must_print '"4-0"' '"5-0"' '"6-0"' '"7-0"'
}

@test "-e and -j know \$id and \$stream; \$group and \$deliveries are null" {
	add a 1-2 '{"n":1}'
	add b 3-4 '{"n":2}'
	must_exit 0 evtail -e '$id == "3-4"' a b
	must_print '{"n":2}'
	must_exit 0 evtail -e '$stream == "a"' a b
	must_print '{"n":1}'
	must_exit 0 evtail -j '[$stream, $id, .n, $group, $deliveries]' a b
	must_print '["a","1-2",1,null,null]' '["b","3-4",2,null,null]'
}

@test "-j prints each result: one, several or none" {
	fill s 1 3
	must_exit 0 evtail -j '.n * 2' s
	must_print 2 4 6
	must_exit 0 evtail -j '.n, "a\nb", {x: .n}' -c 1 s
	must_print 1 '"a\nb"' '{"x":1}'
	must_exit 0 evtail -j 'empty' s
	must_equal "$output$stderr" ''
	must_exit 0 evtail -j 'range(.n)' -n 1 s
	must_print 0 1 2
	must_exit 0 evtail -j 'select(.n == 2) | .n = "two"' s
	must_print '{"n":"two"}'
}

@test "-j with -m prints a record for each result" {
	add s 1795209426824-213 '{"n":1}'
	must_exit 0 evtail -m -j '., [.n], "x"' s
	local head='{"stream":"s","id":"1795209426824-213","time":"2026-11-20T21:17:06.824Z"'
	must_print "$head,\"event\":{\"n\":1}}" "$head,\"event\":[1]}" \
		"$head,\"event\":\"x\"}"
	must_exit 0 evtail -m -j empty s
	must_equal "$output" ''
}

@test "-c counts events, not the results of -j" {
	fill s 1 5
	must_exit 0 evtail -c 2 -n all -j '.n, -.n' s
	must_print 1 -1 2 -2
	must_exit 0 evtail -c 2 -n all -j 'select(.n == 2) | .n' s
	must_print 2
}

@test "events that a filter fails on are named, the rest is printed" {
	fill s 1 3
	add s 4-0 '{"n":{}}'
	fill s 5 6
	must_exit 3 evtail -e '.n % 2 == 0' s
	must_print '{"n":2}' '{"n":6}'
	must_say 's: 4-0: filter: object ({}) and number (2) cannot be'
	must_equal "$(wc -l <"$ERR")" 1
	must_exit 3 evtail -e '.n.x != 1' s
	must_print '{"n":{}}'
	must_equal "$(wc -l <"$ERR")" 5
	must_exit 3 evtail -n all -e '.n % 2 == 0' s
	must_print '{"n":2}' '{"n":6}'
	# What lies before the last two was not asked for.
	must_exit 0 evtail -n 1 -e '.n % 2 == 0' s
	must_print '{"n":6}'
	must_equal "$stderr" ''
}

@test "events that -j fails on are named, with what came before printed" {
	fill s 1 3
	must_exit 3 evtail -j '.n, (if .n == 2 then error("no twos") else 0 end)' s
	must_print 1 0 2 3 0
	must_say 'no twos'
	must_equal "$(wc -l <"$ERR")" 1
}

@test "a filter that fails while following does not end it" {
	start follow evtail -f -c 2 -e '.n % 2 == 0' s
	wait_until 10 is_waiting
	fill s 1 2
	add s 3-0 '{"n":"x"}'
	fill s 4 4
	finish "$pid" 3
	must_equal "$(cat "$(out follow)")" $'{"n":2}\n{"n":4}'
	grep -q 's: 3-0: filter: ' "$(err follow)"
}

@test "bad jq is refused in one short line, before the server is asked" {
	local bad option
	for bad in '.[' '.a |' 'nosuch' '. as x | 1' '.a = ' 'def f: 1;;'; do
		for option in -e -j; do
			must_exit 2 evtail -u unix:///nowhere "$option" "$bad" s
			must_equal "$output" ''
			must_equal "$(wc -l <"$ERR")" 1
			[ "${#stderr}" -lt 200 ]
		done
	done
	must_exit 2 evtail -e "nosuch # $(printf '%5000s' x)" s
	must_say '--filter: nosuch/0 is not defined'
	[ "${#stderr}" -lt 200 ]
}

@test "neither ~/.jq nor modules of the user's reach a program" {
	local home=$BATS_TEST_TMPDIR/home
	mkdir -p "$home"
	echo 'def mine: true; def select(f): error("not that one");' >"$home/.jq"
	fill s 1 1
	export HOME=$home
	unset JQ_LIBRARY_PATH
	must_exit 2 evtail -e mine s
	must_say 'mine/0 is not defined'
	must_exit 0 evtail -j 'select(true)' s
	must_print_events 1 1
	rm "$home/.jq"
	mkdir "$home/.jq"
	echo 'def f: true;' | tee "$home/.jq/m.jq" >"$home/m.jq"
	must_exit 2 evtail -e 'import "m" as m; m::f' s
	must_say 'module not found: m'
}

# Count, timeout, shape

@test "-c N stops after N events" {
	fill s 1 2000
	must_exit 0 evtail -n all -c 1 s
	must_print_events 1 1
	must_exit 0 evtail -n all -c 1001 s
	must_print_events 1 1001
	must_exit 0 evtail -n 100 -c 50 s
	must_print_events 1901 1950
	must_exit 0 evtail -n all -c 3 -e '.n > 1500' s
	must_print_events 1501 1503
	must_exit 0 evtail -c 0 s
	must_equal "$output" ''
}

@test "-w ends the wait: 0, or 1 if -c was not reached" {
	local begin
	fill s 1 3
	begin=$(now_ms)
	must_exit 0 evtail -f -w 300ms s
	must_print_events 1 3
	[ $(($(now_ms) - begin)) -ge 300 ]
	must_exit 0 evtail -f -w 300ms -c 3 s
	must_exit 1 evtail -f -w 300ms -c 4 s
	must_print_events 1 3
	must_equal "$stderr" ''
	must_exit 1 evtail -f -w 100ms -n 0 -c 1 s
	must_exit 1 evtail -f -w 100ms -c 1 nothing
	[ $(($(now_ms) - begin)) -le 8000 ]
}

@test "-w ends a search that finds nothing" {
	fill s 1 5000
	must_exit 1 evtail -n 1 -c 1 -w 300ms \
		-e '[range(20000)] | length == 0' s
	must_equal "$output" ''
}

@test "-w and -c that make no sense are refused" {
	must_exit 2 evtail -w 5 s
	must_exit 2 evtail -w soon s
	must_exit 2 evtail -c -1 s
	must_exit 2 evtail -c many s
}

@test "-m prints records: stream, id, time, event, in that order" {
	add 'a "b"' 1795209426824-213 '{"n": 1.0 }'
	must_exit 0 evtail -m 'a "b"'
	must_print '{"stream":"a \"b\"","id":"1795209426824-213","time":"2026-11-20T21:17:06.824Z","event":{"n": 1.0 }}'
	add zero 0-1 '{}'
	must_exit 0 evtail --meta zero
	must_print '{"stream":"zero","id":"0-1","time":"1970-01-01T00:00:00.000Z","event":{}}'
}

@test "-0 ends lines with NUL" {
	fill s 1 2
	must_exit 0 evtail -0 s
	printf '{"n":1}\0{"n":2}\0' | cmp - "$OUT"
	must_exit 0 evtail -0 -j '.n, "x"' s
	printf '1\0"x"\0002\0"x"\0' | cmp - "$OUT"
	must_exit 0 evtail -0 -m -c 1 s
	printf '{"stream":"s","id":"1-0","time":"1970-01-01T00:00:00.001Z","event":{"n":1}}\0' |
		cmp - "$OUT"
	must_exit 0 evtail -0 -m -c 1 -j '.n, 2' s
	must_equal "$(tr -dc '\000\n' <"$OUT" | od -An -tx1)" ' 00 00'
}

@test "--field names the field that holds the event" {
	redis xadd s 1-0 data '{"n":1}' other '{"n":2}' >/dev/null
	redis xadd s 2-0 other '{"n":3}' x y >/dev/null
	must_exit 0 evtail --field other s
	must_print_events 2 3
	must_exit 0 evtail --field data -c 1 s
	must_print_events 1 1
	must_exit 0 evtail --field other -e '.n == 3' s
	must_print_events 3 3
}

# Checkpoints

@test "--checkpoint goes on behind the last run" {
	local file=$BATS_TEST_TMPDIR/checkpoint
	fill s 1 1500
	must_exit 0 evtail --checkpoint "$file" s
	must_print_events 1 1500
	must_equal "$(cat "$file")" '{"stream":"s","id":"1500-0"}'
	must_exit 0 evtail --checkpoint "$file" s
	must_equal "$output" ''
	fill s 1501 1510
	must_exit 0 evtail --checkpoint "$file" -c 3 s
	must_print_events 1501 1503
	must_exit 0 evtail --checkpoint "$file" s
	must_print_events 1504 1510
	must_equal "$(echo "$file"*)" "$file"
}

@test "--checkpoint remembers each stream, and what a filter passed over" {
	local file=$BATS_TEST_TMPDIR/checkpoint
	add a 1-0 '{"n":1}'
	add b 2-0 '{"n":2}'
	must_exit 0 evtail --checkpoint "$file" -e '.n != 2' a b
	must_print_events 1 1
	must_exit 0 evtail --checkpoint "$file" a b
	must_equal "$output" ''
	add c 1-0 '{"n":3}'
	add a 3-0 '{"n":4}'
	must_exit 0 evtail --checkpoint "$file" '[abc]'
	must_print_events 3 4
	must_equal "$(sort "$file")" "$(printf '%s\n' \
		'{"stream":"a","id":"3-0"}' '{"stream":"b","id":"2-0"}' \
		'{"stream":"c","id":"1-0"}')"
}

@test "--checkpoint while following is saved before it waits" {
	local file=$BATS_TEST_TMPDIR/checkpoint
	fill s 1 3
	start follow evtail -f --checkpoint "$file" s
	wait_until 10 grep -qs '"3-0"' "$file"
	fill s 4 5
	wait_until 10 grep -qs '"5-0"' "$file"
	kill -TERM "$pid"
	finish "$pid"
	diff -u <(events 1 5) "$(out follow)"
	must_exit 0 evtail --checkpoint "$file" s
	must_equal "$output" ''
}

@test "a checkpoint that is damaged is refused, whatever is wrong" {
	local file=$BATS_TEST_TMPDIR/checkpoint bad
	fill s 1 3
	for bad in 'junk' '{"stream":"s"}' '{"id":"1-0"}' '[]' \
		'{"stream":"s","id":"x"}' '{"stream":1,"id":"1-0"}' \
		$'{"stream":"s","id":"1-0"}\n{"stream":'; do
		printf '%s\n' "$bad" >"$file"
		must_exit 2 evtail --checkpoint "$file" s
		must_say "$file:"
		must_equal "$output" ''
		must_equal "$(cat "$file")" "$bad"
	done
	must_exit 2 evtail --checkpoint "$BATS_TEST_TMPDIR" s
	must_say "$BATS_TEST_TMPDIR: Is a directory"
}

@test "a checkpoint that can't be written is a failure" {
	fill s 1 3
	must_exit 5 evtail --checkpoint "$BATS_TEST_TMPDIR/no/dir" s
	must_print_events 1 3
	must_say "$BATS_TEST_TMPDIR/no/dir: No such file or directory"
	must_exit 5 evtail -f --checkpoint "$BATS_TEST_TMPDIR/no/dir" s
	must_equal "$(wc -l <"$ERR")" 1
}

@test "a checkpoint is not moved past what could not be written" {
	local file=$BATS_TEST_TMPDIR/checkpoint
	fill s 1 20000
	must_exit 5 sh -c 'evtail --checkpoint "$0" s >/dev/full' "$file"
	must_exit 0 evtail --checkpoint "$file" s
	must_print_events 1 20000
}

@test "kill -9 while following with a checkpoint leaves no hole" {
	local file=$BATS_TEST_TMPDIR/checkpoint i publisher
	events 1 6000 >"$BATS_TEST_TMPDIR/in"
	START_STDIN=$BATS_TEST_TMPDIR/in start pub evpub --rate 4000 s
	publisher=$pid
	for i in 1 2 3 4; do
		start "part$i" evtail -f --checkpoint "$file" s
		wait_until 10 has_lines "$(out "part$i")" 300
		kill -KILL "$(child_of "$pid")"
		finish "$pid" 137
	done
	finish "$publisher"
	must_exit 0 evtail --checkpoint "$file" s
	[ "$(wc -l <"$OUT")" -lt 6000 ]
	for i in 1 2 3 4; do
		# A line that was cut off was not printed.
		grep '}$' "$(out "part$i")"
	done | cat - "$OUT" | sort -u >"$BATS_TEST_TMPDIR/all"
	sort "$BATS_TEST_TMPDIR/in" | cmp - "$BATS_TEST_TMPDIR/all"
}

@test "kill -9 amid a long range with a checkpoint leaves no hole" {
	local file=$BATS_TEST_TMPDIR/checkpoint pipe=$BATS_TEST_TMPDIR/pipe
	fill s 1 60000
	mkfifo "$pipe"
	start part sh -c 'exec evtail --checkpoint "$0" s >"$1"' "$file" "$pipe"
	exec 5<"$pipe"
	head -c 300000 <&5 >"$BATS_TEST_TMPDIR/part"
	kill -KILL "$(child_of "$pid")"
	finish "$pid" 137
	cat <&5 >>"$BATS_TEST_TMPDIR/part"
	exec 5<&-
	must_exit 0 evtail --checkpoint "$file" s
	[ "$(wc -l <"$OUT")" -lt 60000 ]
	cat "$OUT" <(grep '}$' "$BATS_TEST_TMPDIR/part") | sort -u |
		cmp - <(events 1 60000 | sort)
}

# Ends

@test "a stream that is missing is named: status 1" {
	fill s 1 2
	must_exit 1 evtail missing
	must_say 'evtail: missing: no such stream'
	must_equal "$output" ''
	must_exit 1 evtail 'no*thing'
	must_say 'evtail: no*thing: no stream matches'
	must_exit 1 evtail s missing
	must_print_events 1 2
	must_say 'missing: no such stream'
	must_exit 1 evtail 'x*' s
	must_print_events 1 2
	must_say 'x*: no stream matches'
}

@test "a stream that is empty is no failure" {
	redis xgroup create empty g 0 mkstream >/dev/null
	must_exit 0 evtail empty
	must_equal "$output$stderr" ''
	must_exit 0 evtail -n all 'em*'
}

@test "a key that is no stream is the server's refusal" {
	redis set text x >/dev/null
	must_exit 4 evtail text
	must_say WRONGTYPE
	must_exit 4 evtail -n all text
	must_exit 4 evtail -f -n 0 text
}

@test "without a stream, or with a command, it is used wrongly" {
	must_exit 2 evtail
	must_say 'a STREAM is missing'
	must_exit 2 evtail --nonsense s
	must_exit 2 evtail --field
}

@test "SIGTERM and SIGINT end the wait of -f at once, with 0" {
	local signal
	fill s 1 3
	for signal in TERM INT; do
		start follow evtail -f s
		wait_until 10 is_waiting
		kill -"$signal" "$(child_of "$pid")"
		ends_within 1000 "$pid" 0
		diff -u <(events 1 3) "$(out follow)"
		must_equal "$(cat "$(err follow)")" ''
	done
}

@test "SIGTERM ends the wait for a pattern's first stream" {
	start follow evtail -f 'new*'
	wait_until 10 test -n "$(child_of "$pid")"
	wait_until 10 redis_has_client
	kill -TERM "$(child_of "$pid")"
	ends_within 1500 "$pid" 0
}

redis_has_client()
{
	redis client list | grep -q 'name=evtail'
}

@test "a signal before -c is reached gives 1" {
	fill s 1 3
	start follow evtail -f -c 4 s
	wait_until 10 has_lines "$(out follow)" 3
	kill -TERM "$(child_of "$pid")"
	ends_within 1000 "$pid" 1
}

@test "a signal ends the search for the last N, with 1: it is not whole" {
	fill s 1 20000
	start search evtail -n 1 -e '[range(5000)] | length == 0' s
	wait_until 10 redis_has_client
	kill -TERM "$(child_of "$pid")"
	ends_within 2000 "$pid" 1
}

@test "a reader that has seen enough ends it quietly" {
	fill s 1 20000
	must_exit 0 bash -c 'evtail "$@" | head -n 1
		exit "${PIPESTATUS[0]}"' bash -n all s
	must_print_events 1 1
	must_equal "$stderr" ''
	local args
	for args in '-f -n all' '-f -n 1'; do
		local begin
		begin=$(now_ms)
		# shellcheck disable=SC2086 # several words
		must_exit 0 bash -c 'evtail "$@" | head -n 1
			exit "${PIPESTATUS[0]}"' bash $args s
		must_equal "${#lines[@]} $stderr" '1 '
		[ $(($(now_ms) - begin)) -lt 1900 ]
	done
}

@test "a full disk is a failure with a message" {
	local args begin
	fill s 1 20000
	begin=$(now_ms)
	for args in '-n 1' '-n all' '-f -n 1' '-f -n all' '-m -j .n'; do
		# shellcheck disable=SC2086 # several words
		must_exit 5 sh -c 'exec evtail "$@" >/dev/full' sh $args s
		must_say '<stdout>: No space left on device'
		must_equal "$(wc -l <"$ERR")" 1
	done
	# None of them waited for more events first.
	[ $(($(now_ms) - begin)) -lt 1900 ]
}

@test "a standard output that is closed is a failure" {
	fill s 1 3
	must_exit 5 sh -c 'exec evtail "$@" >&-' sh s
	must_say '<stdout>: '
}

@test "it does not eat the standard input of a shell loop" {
	fill a 1 1
	fill b 2 2
	must_exit 0 sh -c 'printf "a\nb\n" | while read -r s; do
		evtail "$s"; evtail -f -w 10ms -n 0 "$s"; done'
	must_print_events 1 2
}

@test "it changes nothing on the server" {
	fill s 1 500
	redis xgroup create s g 0 >/dev/null
	local before
	before=$(redis xinfo stream s full | grep -v seen-time)
	must_exit 0 evtail -n all s
	must_exit 0 evtail -f -n 3 -w 50ms s '[s]'
	must_equal "$(redis xinfo stream s full | grep -v seen-time)" "$before"
	must_equal "$(redis dbsize)" 1
}
