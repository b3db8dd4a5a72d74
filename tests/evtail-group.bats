# evtail --group: what a group has made of each event.

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

# deliver STREAM GROUP CONSUMER COUNT
deliver()
{
	redis xreadgroup group "$2" "$3" count "$4" streams "$1" '>' >/dev/null
}

# The numbers and states that the last run printed.
states()
{
	jq -r '"\(.event.n) \(.status)"' "$OUT" | paste -sd ,
}

# letter STREAM ID GROUP [REDRIVES] - a dead letter
letter()
{
	redis xadd "{$1}:dlq" '*' data '{}' dead \
		"{\"reason\":\"rejected\",\"stream\":\"$1\",\"id\":\"$2\",\"group\":\"$3\",\"redrives\":${4:-0}}" \
		>/dev/null
}

in_ledger()
{
	[ "$(redis hexists "{$1}:fail:$2" "$3")" -eq 1 ]
}

is_pending()
{
	[ -n "$(redis xpending "$1" "$2" "$3" "$3" 1)" ]
}

@test "each of the five states, as evsub leaves them" {
	fill s 1 6
	must_exit 0 evsub -q -g g -c 1 s
	must_exit 0 evsub -q -g g -c 1 s -- sh -c 'exit 65'
	start worker evsub -g g --backoff 1h --backoff-max 1h s -- \
		sh -c 'grep -q :3 && exit 1; sleep 60'
	wait_until 10 in_ledger s g 3-0
	wait_until 10 is_pending s g 4-0
	must_exit 0 evtail -g g -S 1-0 -U 4-0 s
	must_equal "$(states)" '1 done,2 dead,3 retrying,4 pending'
	must_equal "$(jq -c '[.group, .deliveries, .attempts, has("due"), has("consumer")]' "$OUT")" \
		'["g",null,null,false,false]
["g",null,null,false,false]
["g",1,1,true,true]
["g",1,null,false,true]'
	kill -TERM "$pid"
	wait "$pid" || :
	fill s 7 7
	must_exit 0 evtail -g g -S 7-0 s
	must_equal "$(states)" '7 waiting'
}

@test "it prints the last ten, and the record keeps the event's bytes" {
	fill s 1 25
	redis xadd s 26-0 data '{"n" : 26.0}' >/dev/null
	redis xgroup create s g 20 >/dev/null
	must_exit 0 evtail -g g s
	must_equal "${#lines[@]}" 10
	must_equal "${lines[0]}" \
		'{"stream":"s","id":"17-0","time":"1970-01-01T00:00:00.017Z","group":"g","status":"done","event":{"n":17}}'
	must_equal "${lines[9]}" \
		'{"stream":"s","id":"26-0","time":"1970-01-01T00:00:00.026Z","group":"g","status":"waiting","event":{"n" : 26.0}}'
}

@test "--status keeps what is asked for, of the whole stream" {
	fill s 1 30
	redis xgroup create s g 0 >/dev/null
	deliver s g me 20
	redis xack s g 1-0 2-0 3-0 5-0 >/dev/null
	redis hset '{s}:fail:g' 7-0 '{"attempts":3,"due":1795209436824}' >/dev/null
	letter s 2-0 g
	letter s 3-0 other
	must_exit 0 evtail -g g --status retrying,dead s
	must_equal "$(states)" '2 dead,7 retrying'
	must_equal "$(jq -r 'select(.event.n == 7) | "\(.attempts) \(.due)"' \
		"$OUT")" '3 2026-11-20T21:17:16.824Z'
	must_exit 0 evtail -g g --status=done s
	must_equal "$(states)" '1 done,3 done,5 done'
	must_exit 0 evtail -g g --status waiting s
	must_equal "${#lines[@]} $(head -n 1 "$OUT" | jq .event.n)" '10 21'
	must_exit 0 evtail -g g --status pending -c 2 s
	must_equal "$(states)" '4 pending,6 pending'
	must_exit 0 evtail -g g --status pending --status waiting -n +16 s
	must_equal "$(states)" '21 waiting,22 waiting,23 waiting,24 waiting,25 waiting,26 waiting,27 waiting,28 waiting,29 waiting,30 waiting'
	must_exit 0 evtail -g g --status pending -e '.n > 18' -j .n s
	must_equal "$(jq -c .event "$OUT" | paste -sd ,)" 19,20
	redis xack s g $(seq -f %g-0 1 20) >/dev/null
	must_exit 0 evtail -g g --status pending,retrying s
	must_print ''
}

@test "more is pending than one slice holds, with gaps, and all is told" {
	fill s 1 5000
	redis xgroup create s g 0 >/dev/null
	deliver s g me 4500
	# Every third is done; every thousandth of the others failed.
	redis eval 'for i = 3, 4500, 3 do redis.call("XACK", "s", "g", i .. "-0") end
		for i = 1000, 4000, 1000 do
			redis.call("HSET", "{s}:fail:g", i .. "-0", "{\"attempts\":1}")
		end' 0 >/dev/null
	must_exit 0 evtail -g g -n all s
	must_equal "$(jq -r .status "$OUT" | sort | uniq -c | tr -s ' ' | paste -sd ,)" \
		' 1500 done, 2997 pending, 3 retrying, 500 waiting'
	must_equal "$(jq -r 'select(.status == "retrying") | .id' "$OUT" |
		paste -sd ,)" '1000-0,2000-0,4000-0'
	must_equal "$(jq -r 'select(.status == "done") | .event.n % 3' "$OUT" |
		sort -u)" 0
}

@test "a group that was moved back: what is pending stays so, the rest waits" {
	fill s 1 6
	redis xgroup create s g 0 >/dev/null
	deliver s g me 5
	redis xack s g 1-0 2-0 4-0 >/dev/null
	letter s 4-0 g
	redis xgroup setid s g 1-0 >/dev/null
	must_exit 0 evtail -g g s
	must_equal "$(states)" \
		'1 done,2 waiting,3 pending,4 waiting,5 pending,6 waiting'
	must_exit 0 evtail -g g --status pending s
	must_equal "$(states)" '3 pending,5 pending'
	must_exit 0 evtail -g g --status=done,pending s
	must_equal "$(states)" '1 done,3 pending,5 pending'
	must_exit 0 evtail -g g --status waiting s
	must_equal "$(states)" '2 waiting,4 waiting,6 waiting'
}

@test "dead letters of other streams, groups and redrives name no entry" {
	fill s 1 4
	redis xgroup create s g '$' >/dev/null
	letter s 1-0 other
	letter s 2-0 g 1
	redis xadd '{s}:dlq' '*' data '{}' dead '{"group":"g","id":"3-0"}' >/dev/null
	redis xadd '{s}:dlq' '*' data '{}' dead 'no json' >/dev/null
	redis xadd '{s}:dlq' '*' foreign 1 >/dev/null
	letter s 4-0 g
	must_exit 0 evtail -g g s
	must_equal "$(states)" '1 done,2 done,3 done,4 dead'
}

@test "a stream without the group is said, the others are printed" {
	fill a 1 2
	fill b 3 4
	redis xgroup create b g 0 >/dev/null
	must_exit 1 evtail -g g a b
	must_say 'a: no group g'
	must_equal "$(states)" '3 waiting,4 waiting'
	must_exit 1 evtail -g g b nix
	must_say 'nix: no such stream'
	must_equal "$stderr" 'evtail: nix: no such stream'
	must_exit 1 evtail -g g '[ab]'
	must_equal "$stderr" 'evtail: a: no group g'
	must_exit 1 evtail -g g -S 1-0 a
	must_print ''
}

@test "several streams, each by its own group" {
	local s
	for s in a b; do
		fill "$s" 1 3
		redis xgroup create "$s" g 0 >/dev/null
		deliver "$s" g me "$([ "$s" = a ] && echo 1 || echo 2)"
	done
	must_exit 0 evtail -g g a b
	must_equal "$(jq -r '"\(.stream)\(.event.n) \(.status)"' "$OUT" |
		paste -sd ,)" \
		'a1 pending,b1 pending,a2 waiting,b2 pending,a3 waiting,b3 waiting'
	must_exit 0 evtail -g g -e '$group == "g" and .n == 1' a b
	must_equal "${#lines[@]}" 2
}

@test "-f tells what is so when it prints" {
	fill s 1 2
	redis xgroup create s g 0 >/dev/null
	deliver s g me 1
	start follow evtail -f -c 4 -g g s
	wait_until 10 has_lines "$(out follow)" 2
	fill s 3 3
	wait_until 10 has_lines "$(out follow)" 3
	redis eval 'redis.call("XADD", "s", "4-0", "data", "{\"n\":4}")
		redis.call("XREADGROUP", "GROUP", "g", "me", "STREAMS", "s", ">")' 0 >/dev/null
	finish "$pid"
	must_equal "$(jq -r '"\(.event.n) \(.status)"' "$(out follow)" | paste -sd ,)" \
		'1 pending,2 waiting,3 waiting,4 pending'
}

@test "what is no stream, and a stream that is replaced by another type" {
	redis set s 1 >/dev/null
	must_exit 4 evtail -g g s
	must_say 'WRONGTYPE'
	fill t 1 1
	redis xgroup create t g 0 >/dev/null
	redis set '{t}:dlq' 1 >/dev/null
	must_exit 4 evtail -g g t
	must_say '{t}:dlq' 'WRONGTYPE'
}

@test "a stream whose name can have no companions has states all the same" {
	fill 'a{' 1 2
	redis xgroup create 'a{' g 0 >/dev/null
	deliver 'a{' g me 1
	must_exit 0 evtail -g g 'a{'
	must_equal "$(states)" '1 pending,2 waiting'
}

@test "--status needs a group, names of states, and no -n N or -f" {
	must_exit 2 evtail --status=done s
	must_say '--status needs --group'
	must_exit 2 evtail -g g --status=done,gone s
	must_say '"done,gone"'
	must_exit 2 evtail -g g --status '' s
	must_exit 2 evtail -g g --status=done, s
	must_exit 2 evtail -g g --status=done -n 3 s
	must_exit 2 evtail -g g --status=done -f s
	must_exit 2 evtail -g '' s
}

@test "a reader that closes the pipe ends it quietly" {
	fill s 1 20000
	redis xgroup create s g 0 >/dev/null
	# shellcheck disable=SC2016 # expanded by that shell
	must_exit 0 bash -c 'set -o pipefail; evtail -g g -n all s | head -n 1 >"$0"' \
		"$BATS_TEST_TMPDIR/first"
	must_equal "$stderr" ''
	must_equal "$(jq .event.n "$BATS_TEST_TMPDIR/first")" 1
}

@test "beside workers at full speed nothing seems done that is not" {
	local first
	fill s 1 20000
	redis xgroup create s g 0 >/dev/null
	# What is done was delivered; what this worker takes it never acknowledges.
	start worker evsub --manual -g g s
	for first in 1 2 3 4 5; do
		must_exit 0 evtail -g g -n all s
		must_equal "$(jq -r .status "$OUT" | grep -cv 'waiting\|pending')" 0
	done
	kill -TERM "$pid"
}

@test "while events die nothing seems done either" {
	local tries=0
	fill s 1 1500
	redis xgroup create s g 0 >/dev/null
	start worker evsub -q -g g -P 4 -E s -- sh -c 'exit 65'
	until is_gone "$pid"; do
		must_exit 0 evtail -g g -n all s
		must_equal "$(jq -r .status "$OUT" | grep -c 'done')" 0
		tries=$((tries + 1))
	done
	[ "$tries" -gt 1 ]
	must_exit 0 evtail -g g -n all s
	must_equal "$(jq -r .status "$OUT" | sort | uniq -c | tr -s ' ')" \
		' 1500 dead'
}

# Connections are cut again and again while they read.
cut_connections()
{
	while kill -0 "$1" 2>/dev/null; do
		redis client kill type normal skipme yes >/dev/null
	done
}

@test "lost connections leave no hole and no wrong state" {
	fill s 1 200000
	redis xgroup create s g 0 >/dev/null
	deliver s g me 150000
	start read evtail -g g -n all s
	cut_connections "$pid" 3>&- &
	finish "$pid"
	[ "$(wc -l <"$(err read)")" -gt 1 ] # it was cut
	wait
	must_equal "$(wc -l <"$(out read)")" 200000
	must_equal "$(jq -r .status "$(out read)" | uniq -c | tr -s ' ' | paste -sd ,)" \
		' 150000 pending, 50000 waiting'
	must_equal "$(jq -r .event.n "$(out read)" | cksum)" "$(seq 1 200000 | cksum)"
}
