# evtail --stats: counts of kinds, sizes, times.

load helper

setup_file() { start_server; }
teardown_file() { stop_server; }
setup() { flush; }

# add STREAM ID EVENT
add()
{
	redis xadd "$1" "$2" data "$3" >/dev/null
}

# ce TYPE SOURCE [PRIORITY] - a CloudEvent
ce()
{
	printf '{"specversion":"1.0","id":"1","type":"%s","source":"%s"%s}' \
		"$1" "$2" "${3:+,\"priority\":\"$3\"}"
}

# stats ARG... - the last run's shape is NDJSON
stats()
{
	must_exit 0 evtail --stats --format ndjson "$@"
	must_equal "$stderr" ''
}

# counts BY - what was counted by it, in the order printed
counts()
{
	jq -r --arg by "$1" 'select(.by == $by) |
		"\(if .others then "others" else .value end) \(.count)"' "$OUT" |
		paste -sd ,
}

# all KEY... - members of the first line
all()
{
	head -n 1 "$OUT" | jq -c "[.$(printf '%s' "$1" | sed 's/ /,./g') |
		if type == \"number\" then . + 0 else . end]"
}

@test "types, sources, priorities: the most frequent first" {
	add s 1-0 "$(ce b /x high)"
	add s 2-0 "$(ce a /x)"
	add s 3-0 "$(ce b /y low)"
	add s 4-0 "$(ce c /x)"
	add s 5-0 '{"event_id":"1","event_type":"d","metadata":{"source":"/x","priority":"high"}}'
	add s 6-0 '{"n":1}'
	add s 7-0 'text'
	stats s
	must_equal "$(counts type)" 'b 2,a 1,c 1,d 1,null 2'
	must_equal "$(counts source)" '/x 4,/y 1,null 2'
	must_equal "$(counts priority)" 'high 2,low 1,null 4'
	must_equal "$(counts status)$(counts stream)" ''
	must_equal "$(all 'by count')" '["all",7]'
}

@test "the whole stream by default, and what selects selects" {
	local n
	for n in $(seq 1 30); do
		echo "{\"specversion\":\"1.0\",\"id\":\"$n\",\"type\":\"t$((n % 3))\",\"source\":\"/s\",\"n\":$n}"
	done | evpub s
	stats s
	must_equal "$(all count)" '[30]'
	stats -t t1 s
	must_equal "$(counts type)" 't1 10'
	stats -e '.n > 25' s
	must_equal "$(all count)" '[5]'
	stats -n 4 s
	must_equal "$(all count) $(counts type)" '[4] t0 2,t1 1,t2 1'
	stats -n +29 s
	must_equal "$(all count)" '[2]'
	stats -c 7 s
	must_equal "$(all count)" '[7]'
	stats -S 1h -U now s
	must_equal "$(all count)" '[30]'
	stats -U 2000-01-01 s
	must_equal "$(all count)" '[0]'
	must_print '{"by":"all","count":0,"bytes":0}'
	stats --correlation 3 s
	must_equal "$(all count)" '[1]'
}

@test "sizes and percentiles" {
	local n
	for n in $(seq 1 100); do
		printf '{"a":"%0*d"}\n' "$n" 0
	done | evpub s
	stats s
	must_equal "$(all 'bytes min mean max')" '[5850,9,58.5,108]'
	must_equal "$(all 'p50 p99')" '[58,107]'
	must_equal "$(head -n 1 "$OUT" | jq '.p95 >= 103 and .p95 <= 106')" true
	flush
	evpub s '{}'
	stats s
	must_equal "$(all 'bytes min mean p50 p95 p99 max')" '[2,2,2,2,2,2,2]'
}

@test "the rate between first and last, and the busiest minute" {
	local n
	for n in 1 2 3; do add s "$((1795209426824 + n))-0" '{}'; done
	add s 1795209486824-0 '{}'
	add s 1795209526825-0 '{}'
	stats s
	must_equal "$(all 'first last')" \
		'["2026-11-20T21:17:06.825Z","2026-11-20T21:18:46.825Z"]'
	must_equal "$(all 'per_s peak_per_min peak')" \
		'[0.05,3,"2026-11-20T21:17:00.000Z"]'
	stats -n 1 s
	must_equal "$(all 'per_s peak_per_min')" '[null,1]'
}

@test "ids at the end of time" {
	add s 1-0 '{}'
	add s 18446744073709551615-18446744073709551615 '{}'
	stats s
	must_equal "$(all 'count last')" '[2,"9999-12-31T23:59:59.999Z"]'
}

@test "several streams are counted each, one is not" {
	evpub a '{}' '{}'
	evpub b '{}'
	stats a b
	must_equal "$(counts stream)" 'a 2,b 1'
	stats '[ab]'
	must_equal "$(counts stream)" 'a 2,b 1'
	must_exit 1 evtail --stats --format ndjson a nix
	must_say 'nix: no such stream'
	must_equal "$(all count)" '[2]'
}

@test "with a group, states are counted too" {
	evpub s '{"n":1}' '{"n":2}' '{"n":3}'
	redis xgroup create s g 0 >/dev/null
	redis xreadgroup group g me count 1 streams s '>' >/dev/null
	stats -g g s
	must_equal "$(counts status)" 'waiting 2,pending 1'
	stats -g g --status waiting s
	must_equal "$(counts status)" 'waiting 2'
	must_exit 1 evtail --stats --format ndjson -g nix s
	must_say 's: no group nix'
}

@test "values beyond the ten thousandth are others, and memory is bounded" {
	seq 1 30000 | sed 's/.*/{"specversion":"1.0","id":"&","type":"t&","source":"\/s"}/' |
		evpub s
	stats s
	must_equal "$(jq -c 'select(.by == "type" and .others)' "$OUT")" \
		'{"by":"type","others":true,"count":20000}'
	must_equal "$(jq -c 'select(.by == "type" and .value)' "$OUT" | wc -l)" 10000
	must_equal "$(counts source)" '/s 30000'
}

@test "hostile values: long, escaped, not strings, with controls" {
	local long
	long=$(printf 'x%.0s' $(seq 1 1000))
	add s 1-0 "$(ce "$long" /a)"
	add s 2-0 "$(ce "${long}y" /a)"
	add s 3-0 '{"specversion":"1.0","type":5,"source":{"a":1}}'
	add s 4-0 '{"specversion":"1.0","type":"a\u0000\u001b[2J\"b","source":"\u00fc"}'
	add s 5-0 '{"specversion":"1.0","type":"","source":null}'
	stats s
	must_equal "$(jq -r 'select(.by == "type") |
		"\(.count) \(.value | if length == 256 then "long" else tojson end)"' "$OUT" |
		paste -sd ' ')" \
		'2 long 1 "" 1 "5" 1 "a\u0000\u001b[2J\"b"'
	must_equal "$(counts source)" '/a 2,{"a":1} 1,ü 1,null 1'
	if grep -q "$(printf '\033')" "$OUT"; then
		show_run
		return 1
	fi
}

@test "tables for people, and what they do not know is -" {
	local n
	for n in $(seq 1 60); do
		add s "$((1795209426824 + n * 1000))-0" "$(ce order.placed /shop high)"
	done
	add s 1795209600000-0 '{"n":1}'
	must_exit 0 evtail --stats s
	must_print \
		'EVENTS  FIRST                     LAST                      PER S  PEAK/MIN' \
		'    61  2026-11-20T21:17:07.824Z  2026-11-20T21:20:00.000Z  0.354        53' \
		'' \
		'BYTES  MIN  MEAN  P50  P95  P99  MAX' \
		' 5.1K    7    85   87   87   87   87' \
		'' \
		'BY        VALUE         EVENTS  SHARE  BYTES' \
		'type      order.placed      60  98.4%     5K' \
		'type      -                  1   1.6%      -' \
		'source    /shop             60  98.4%     5K' \
		'source    -                  1   1.6%      -' \
		'priority  high              60  98.4%     5K' \
		'priority  -                  1   1.6%      -'
	must_exit 0 evtail --stats -U 2000-01-01 s
	must_print 'EVENTS  FIRST  LAST  PER S  PEAK/MIN' \
		'     0  -      -         -         0'
}

@test "what was counted before an interruption is printed, and is no success" {
	seq 1 300000 | sed 's/.*/{"n":&}/' | evpub s
	must_exit 1 evtail --stats --format ndjson -w 1ms s
	must_say 'interrupted'
	must_equal "$(head -n 1 "$OUT" | jq '.count < 300000')" true
}

@test "lines end with NUL if asked" {
	evpub s '{}'
	must_exit 0 evtail --stats --format ndjson -0 s
	must_equal "$(tr -cd '\000\n' <"$OUT" | od -An -tx1 | tr -d ' ')" 00000000
}

@test "what goes wrong has its status" {
	evpub s '{"n":1}' '{"n":"x"}'
	must_exit 3 evtail --stats --format ndjson -e '.n + 1 > 0' s
	must_say 'filter:'
	must_equal "$(all count)" '[1]'
	redis set text 1 >/dev/null
	must_exit 4 evtail --stats text
	must_say WRONGTYPE
	must_print ''
	must_exit 5 sh -c 'evtail --stats s >/dev/full'
	must_exit 2 evtail --stats -f s
	must_exit 2 evtail --stats --checkpoint seen s
	must_exit 2 evtail --stats -j . s
	must_exit 2 evtail --stats --format csv s
	must_say 'table or ndjson'
}
