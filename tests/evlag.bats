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

client=$(command -v redis-cli || command -v valkey-cli)

# add STREAM COUNT - so many entries
add()
{
	redis eval "for i = 1, ARGV[1] do
		redis.call('XADD', KEYS[1], '*', 'data', '{\"n\":' .. i .. '}')
		end" 1 "$1" "$2" >/dev/null
}

group()
{
	redis xgroup create "$1" "$2" "${3-0}" mkstream >/dev/null
}

# read_some STREAM GROUP COUNT [CONSUMER]
read_some()
{
	redis xreadgroup group "$2" "${4-c1}" count "$3" streams "$1" '>' \
		>/dev/null
}

# figure STREAM GROUP KEY [OPTION...] - as evlag tells it in NDJSON
figure()
{
	local stream=$1 group=$2 key=$3
	shift 3
	evlag --format ndjson "$@" "$stream" |
		jq -r --arg s "$stream" --arg g "$group" --arg k "$key" \
			'select(.stream == $s and .group == $g) | .[$k] | tostring'
}

is_verdict()
{
	[ "$(figure orders billing verdict "${@:2}")" = "$1" ]
}

@test "prints a table of all streams and groups" {
	add orders 12345
	group orders billing
	group orders stock '$'
	read_some orders billing 45
	must_exit 0 evlag
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[0]} =~ ^STREAM\ +GROUP\ +LENGTH\ +LAG\ +AGE\ +PEND\ +OLDEST\ +RETRY\ +DEAD\ +CONS\ +VERDICT\ +REASON$ ]]
	[[ ${lines[1]} =~ ^orders\ +billing\ +12.3k\ +(12.3k|≥10k)\ +[0-9.]+m?s\ +45\ +[0-9.]+m?s\ +0\ +0\ +1\ +OK\ +-$ ]]
	[[ ${lines[2]} =~ ^orders\ +stock\ +12.3k\ +0\ +0s\ +0\ +0s\ +0\ +0\ +0\ +OK\ +-$ ]]
	# As wide as what is in them, and numbers to the right.
	[ "${#lines[1]}" -eq "${#lines[2]}" ]
}

@test "a table fits the width that COLUMNS gives, and uses more" {
	add a-stream-with-a-name-of-many-words 3
	group a-stream-with-a-name-of-many-words a-group-with-a-long-name
	for width in 60 80 100; do
		COLUMNS=$width must_exit 0 evlag --sample 10ms
		for line in "${lines[@]}"; do
			[ "${#line}" -le "$width" ]
		done
	done
	[[ ${lines[1]} == *…*…* ]]
	[[ ${lines[1]} == *" NO-CONSUMERS" ]]
	COLUMNS=250 must_exit 0 evlag --sample 10ms
	[[ ${lines[0]} == *LENGTH*RETRY*IN/s*OUT/s*ETA*VERDICT*REASON ]]
	[[ ${lines[1]} == *"nobody there, 3 waiting" ]]
	[[ ${lines[1]} != *…* ]]
	must_exit 0 evlag # no terminal: never cut
	[[ ${lines[1]} == a-stream-with-a-name-of-many-words*"nobody there, 3 waiting" ]]
}

@test "NDJSON has every key, and null for what is not known" {
	add orders 5
	group orders billing
	add bare 2
	must_exit 0 evlag --format ndjson bare orders
	must_equal "$(jq -c keys_unsorted <<<"${lines[1]}")" \
		'["stream","group","length","lag","lag_exact","age_ms","pending","oldest_pending_ms","retrying","dead","dead_exact","scheduled","consumers","in_per_s","out_per_s","eta_ms","verdict","reason"]'
	must_equal "$(jq -c '[.stream,.group,.length,.lag,.lag_exact,.pending,.oldest_pending_ms,.retrying,.dead,.dead_exact,.scheduled,.consumers,.in_per_s,.out_per_s,.eta_ms,.verdict,.reason]' <<<"${lines[1]}")" \
		'["orders","billing",5,5,true,0,0,0,0,true,0,0,null,null,null,"NO-CONSUMERS","nobody there, 5 waiting"]'
	must_equal "$(jq -c '[.stream,.group,.length,.lag,.lag_exact,.age_ms,.pending,.consumers,.verdict,.reason]' <<<"${lines[0]}")" \
		'["bare",null,2,null,null,null,null,null,null,"no group"]'
}

@test "lag is what a group has not read, whatever was deleted" {
	add orders 300
	group orders billing
	read_some orders billing 100
	ids=$(redis --raw xrange orders - + | grep -- -)
	# shellcheck disable=SC2046 # ids have no blanks
	redis xdel orders $(sed -n '50p;150,160p;300p' <<<"$ids") >/dev/null
	must_equal "$(figure orders billing lag)" 188
	redis xtrim orders maxlen 50 >/dev/null
	must_equal "$(figure orders billing lag)" 50
	read_some orders billing 20
	must_equal "$(figure orders billing lag)" 30
	must_equal "$(figure orders billing lag_exact)" true
	redis xgroup setid orders billing "$(tail -n 3 <<<"$ids" | head -n 1)" \
		>/dev/null
	must_equal "$(figure orders billing lag)" 1
	redis xtrim orders maxlen 0 >/dev/null
	must_equal "$(figure orders billing lag)" 0
	must_equal "$(figure orders billing age_ms)" 0
}

@test "a lag too long to count says that it is at least so much" {
	add orders 10500
	group orders billing
	read_some orders billing 2
	redis xtrim orders maxlen 10499 >/dev/null # the server can't tell now
	must_equal "$(figure orders billing lag)" 10000
	must_equal "$(figure orders billing lag_exact)" false
	must_exit 0 evlag
	[[ ${lines[1]} == *" ≥10k "* ]]
}

@test "age is by the server's clock, and unknown for ids that are no times" {
	local now
	now=$(redis time | head -n 1)
	redis xadd orders "$((now - 90))000-0" data '{}' >/dev/null
	group orders billing
	age=$(figure orders billing age_ms)
	[ "$age" -ge 90000 ]
	[ "$age" -lt 110000 ]
	redis xadd orders 99999999999999-0 data '{}' >/dev/null
	read_some orders billing 1
	must_equal "$(figure orders billing age_ms)" null
	must_equal "$(figure orders billing lag)" 1
	[[ $(figure orders billing reason) == *future* ]]
}

@test "a stream that is missing or is none: exit 1, the others are shown" {
	add orders 1
	group orders billing
	redis set text x >/dev/null
	must_exit 1 evlag orders missing text
	must_say 'evlag: missing: no such stream' 'evlag: text: not a stream'
	[ "${#lines[@]}" -eq 4 ]
	must_exit 1 evlag -q --format ndjson missing
	must_equal "$(jq -c '[.stream,.length,.lag,.reason]' <"$OUT")" \
		'["missing",null,null,"no such stream"]'
	redis del orders >/dev/null
	redis set orders x >/dev/null
	must_exit 1 evlag orders
	must_say 'evlag: orders: not a stream'
}

@test "patterns find streams; nothing found is no failure" {
	add orders 1
	add order-lines 1
	add other 1
	add '{orders}:dlq' 1
	add ev:audit 1
	must_exit 0 evlag --format ndjson 'order*'
	must_equal "$(jq -r .stream <"$OUT")" "$(printf 'order-lines\norders')"
	must_exit 0 evlag --format ndjson
	must_equal "$(jq -r .stream <"$OUT")" \
		"$(printf 'order-lines\norders\nother')"
	must_exit 0 evlag --format ndjson '*dlq'
	must_equal "$(jq -r .stream <"$OUT")" '{orders}:dlq'
	must_exit 0 evlag 'nothing*'
	must_say 'nothing to show'
	must_equal "$output" ''
}

@test "--group chooses groups; one that is nowhere: exit 1" {
	add orders 1
	group orders billing
	group orders stock
	must_exit 0 evlag -g 'b*' --format ndjson orders
	must_equal "$(jq -r .group <"$OUT")" billing
	must_exit 1 evlag -g nobody orders
	must_say 'evlag: nobody: no such group'
	must_exit 0 evlag -g 'nob*' orders
	must_say 'no stream or group matches'
}

@test "what was redriven to a group has a row of its own" {
	add orders 1
	group orders billing '$'
	redis xadd '{orders}:dlq' '*' data '{"n":1}' dead \
		'{"reason":"exhausted","group":"billing","redrives":0}' >/dev/null
	must_equal "$(figure orders billing dead)" 1
	must_exit 0 evdlq -y --redrive orders
	must_equal "$(figure orders billing dead)" 0
	must_exit 0 evlag --format ndjson orders
	must_equal "$(jq -c '[.stream,.group,.lag,.verdict]' <<<"${lines[1]}")" \
		'["{orders}:redrive:billing","billing",1,"NO-CONSUMERS"]'
	must_exit 0 evsub -q -g billing -E orders
	must_exit 0 evlag --format ndjson orders
	must_equal "$(jq -c '[.stream,.lag,.verdict]' <<<"${lines[1]}")" \
		'["{orders}:redrive:billing",0,"OK"]'
}

@test "failed, dead and scheduled events are counted" {
	add orders 4
	must_exit 0 evsub -q -g billing -E --attempts 1 orders -- sh -c 'exit 1'
	must_equal "$(figure orders billing dead)" 4
	add orders 2
	start worker evsub -g billing --backoff 1h orders -- sh -c 'exit 1'
	wait_until 10 test_figure retrying 2
	must_equal "$(figure orders billing pending)" 2
	must_equal "$(figure orders billing consumers)" 1
	must_exit 0 evpub --delay 1h orders '{"n":1}'
	must_equal "$(figure orders billing scheduled)" 1
	must_equal "$(figure orders billing verdict)" OK
}

test_figure()
{
	[ "$(figure orders billing "$1")" = "$2" ]
}

@test "two samples tell rates and the time that is left" {
	add orders 2000
	group orders billing
	must_equal "$(figure orders billing in_per_s)" null
	start reader evsub -q -g billing orders -- sleep 0.002
	wait_until 10 test_some_read
	must_exit 0 evlag --format ndjson --sample 300ms orders
	must_equal "$(jq -c '[.in_per_s == 0, .out_per_s > 0, .eta_ms > 0,
		.verdict]' <"$OUT")" '[true,true,true,"OK"]'
}

test_some_read()
{
	[ "$(figure orders billing pending)" != 0 ]
}

@test "verdict NO-CONSUMERS: something to do and nobody there" {
	add orders 3
	group orders billing
	is_verdict NO-CONSUMERS
	redis xgroup createconsumer orders billing c1 >/dev/null
	is_verdict OK
}

@test "verdict STOPPED: all consumers silent for a lease, and work waits" {
	add orders 3
	group orders billing
	read_some orders billing 1
	wait_until 10 is_verdict STOPPED --lease 50ms
	is_verdict OK --lease 1h
}

@test "verdict STUCK-PENDING: nobody renews what is pending" {
	add orders 3
	group orders billing
	read_some orders billing 3
	id=$(redis --raw xpending orders billing - + 1 | head -n 1)
	redis xclaim orders billing c1 0 "$id" idle 70000 justid >/dev/null
	is_verdict STUCK-PENDING
	[[ $(figure orders billing reason) == *'not renewed for 1m1'* ]]
	redis xclaim orders billing c1 0 "$id" justid >/dev/null
	is_verdict OK
}

@test "verdict STALLED: a live consumer, and nothing moves for a lease" {
	add orders 3
	group orders billing
	read_some orders billing 1
	# Alive: it asks again and again, and takes nothing.
	# shellcheck disable=SC2016 # expanded there
	start idle sh -c 'while "$0" -s "$1" xreadgroup group billing c1 \
		streams orders 0 >/dev/null; do sleep 0.02; done' \
		"$client" "$SERVER_SOCKET"
	wait_until 10 is_verdict STALLED --lease 300ms --sample 400ms
	is_verdict OK --sample 100ms
}

@test "verdict GROWING: more comes in than goes out" {
	add orders 100
	group orders billing
	read_some orders billing 1
	# shellcheck disable=SC2016 # expanded there
	start writer sh -c 'while "$0" -s "$1" xadd orders "*" a b \
		>/dev/null; do sleep 0.01; done' "$client" "$SERVER_SOCKET"
	is_verdict GROWING --sample 500ms
	[[ $(figure orders billing reason --sample 300ms) == *' more than '* ]]
}

@test "verdict REWOUND: moved back between two samples" {
	add orders 100
	group orders billing
	read_some orders billing 90
	START_STDIN=/dev/null start sampler evlag --format ndjson \
		--sample 1500ms -vv orders
	wait_until 10 test_sampling
	redis xgroup setid orders billing 0 >/dev/null
	finish "$pid"
	must_equal "$(jq -r .verdict "$(out sampler)")" REWOUND
}

# Its first look has read the groups and what follows.
test_sampling()
{
	redis client list | grep -Eq 'cmd=(hmget|xrange)'
}

@test "a server that goes away: exit 4; one that is not there: exit 4" {
	add orders 1
	group orders billing
	start sampler evlag --sample 1500ms --retry-for 0s orders
	wait_until 10 test_sampling
	kill_server
	finish "$pid" 4
	grep -q 'evlag: unix://' "$(err sampler)"
	must_exit 4 evlag --retry-for 0s orders
	start_server
}

@test "what the user may not ask is unknown and told, or the stream's error" {
	add orders 3
	group orders billing
	read_some orders billing 1
	redis acl setuser few on '>pw' '~*' +ping +time +client +hello +select \
		+xinfo +xlen +zcard +exists +hlen +hmget +xrange >/dev/null
	local url=unix://few:pw@$SERVER_SOCKET
	must_exit 0 evlag -q -u "$url" --format ndjson orders
	must_equal "$(jq -c '[.lag,.pending,.oldest_pending_ms]' <"$OUT")" \
		'[2,1,null]'
	[[ $(jq -r .reason <"$OUT") == NOPERM* ]]
	redis acl setuser few -xinfo >/dev/null
	must_exit 1 evlag -q -u "$url" --format ndjson orders
	must_equal "$(jq -c '[.group,.lag]' <"$OUT")" '[null,null]'
	[[ $(jq -r .reason <"$OUT") == NOPERM* ]]
	must_say 'evlag: orders: NOPERM'
}

@test "names that are no text leave the output whole" {
	redis eval "redis.call('XADD', 'a\\n\\27[31m', '*', 'a', 'b')
		redis.call('XGROUP', 'CREATE', 'a\\n\\27[31m', 'g\\255', '0')" 0
	must_exit 0 evlag --format ndjson
	must_equal "$(jq -c '[.stream,.group,.lag]' <"$OUT")" \
		'["a\n\u001b[31m","g�",1]'
	must_exit 0 evlag
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[1]} == 'a\n\u001b[31m  g\xff'* ]]
}

@test "wrong usage: exit 2" {
	must_exit 2 evlag --format xml
	must_say '--format'
	must_exit 2 evlag --lease 0
	must_exit 2 evlag ''
	must_exit 2 evlag --sample 5
}

@test "a thousand streams of two groups take under a second" {
	redis eval "for s = 1, 1000 do
		for i = 1, 30 do
			redis.call('XADD', 'stream' .. s, '*', 'data',
				string.rep('x', 400))
		end
		for _, g in ipairs({ 'a', 'b' }) do
			redis.call('XGROUP', 'CREATE', 'stream' .. s, g, '0')
			redis.call('XREADGROUP', 'GROUP', g, 'c', 'COUNT', 10,
				'STREAMS', 'stream' .. s, '>')
		end
		redis.call('XDEL', 'stream' .. s, '1-1')
		redis.call('XTRIM', 'stream' .. s, 'MAXLEN', 25)
		end" 0
	began=$(now_ms)
	must_exit 0 evlag --format ndjson
	took=$(($(now_ms) - began))
	must_equal "$(jq -c 'select(.lag == 20 and .lag_exact and .pending == 10)' \
		<"$OUT" | wc -l)" 2000
	echo "# 1000 streams, 2000 groups: $took ms" >&3
	[ "$took" -lt 5000 ] # 1000 on a machine that is not busy
}
