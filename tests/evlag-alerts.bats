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
	redis xgroup create orders billing 0 mkstream >/dev/null
}

add()
{
	redis eval "for i = 1, ARGV[1] do
		redis.call('XADD', KEYS[1], '*', 'data', '{}') end" \
		1 "$1" "$2" >/dev/null
}

# Nothing but lag decides here.
quiet='* = lag=5/10 age=-/- oldest=-/- dead=-/- errors=-/- memory=-/- consumers=-/-'

# watch [OPTION...] - evlag --alerts in the background
watch()
{
	echo "$quiet" >"$BATS_TEST_TMPDIR/rules"
	start watch evlag --alerts --interval 50ms \
		--rules "$BATS_TEST_TMPDIR/rules" "$@"
}

# story - what was said so far, an event a line
story()
{
	jq -r '[(.type | sub("ev.alert."; "")), .data.severity, .data.alert] |
		join(" ")' "$(out watch)"
}

# says LINE... - story is exactly that
says()
{
	[ "$(story)" = "$(printf '%s\n' "$@")" ]
}

ends()
{
	# shellcheck disable=SC2154 # start sets it
	kill -TERM "$pid"
	finish "$pid"
}

@test "an alert fires, rises, and clears, once each" {
	watch
	add orders 6
	wait_until 10 says "fired warning orders/billing/lag"
	add orders 6
	wait_until 10 says "fired warning orders/billing/lag" \
		"fired critical orders/billing/lag"
	redis xgroup setid orders billing $ >/dev/null
	wait_until 10 eval 'story | grep -q cleared'
	ends
	# On the way it may fall to a warning: both count three samples.
	must_equal "$(story | grep -v "^fired warning" | xargs)" \
		"fired critical orders/billing/lag cleared critical orders/billing/lag"
}

@test "the events are CloudEvents that evpub takes, with one correlation" {
	watch
	add orders 11
	wait_until 10 says "fired critical orders/billing/lag"
	redis xgroup setid orders billing $ >/dev/null
	wait_until 10 eval 'story | grep -q cleared'
	ends
	must_exit 0 evpub --dry-run --envelope cloudevents x <"$(out watch)"
	must_equal "$(jq -s 'map(.correlationid) | unique | length' \
		"$(out watch)")" 1
	must_equal "$(jq -s 'map(.id) | (unique | length) == length' \
		"$(out watch)")" true
	must_equal "$(head -n 1 "$(out watch)" | jq -c '[.subject,
		.data.stream, .data.group, .data.metric, .data.value,
		.data.threshold, .data.reason]')" \
		'["orders/billing","orders","billing","lag",11,10,"lag 11 > 10; nobody there, 11 waiting"]'
	# By the server's clock, and since the first of the two samples.
	must_equal "$(head -n 1 "$(out watch)" | jq '.data.since < .time')" true
}

@test "alerts can be published, and found by their correlation" {
	echo "$quiet" >"$BATS_TEST_TMPDIR/rules"
	add orders 11
	must_exit 0 sh -c "evlag --alerts --interval 20ms -c 1 \
		--rules '$BATS_TEST_TMPDIR/rules' orders | evpub ops"
	must_equal "$(evtail -t 'ev.alert.*' -j .data.alert ops)" \
		'"orders/billing/lag"'
}

@test "a stream and a group that vanish clear, one that can't be read does not" {
	redis xgroup create other mail 0 mkstream >/dev/null
	redis acl setuser watcher on '>secret' '~*' '+@all' >/dev/null
	EV_URL=unix://watcher:secret@${EV_URL#unix://} watch orders other
	add orders 6
	add other 6
	wait_until 10 says "fired warning orders/billing/lag" \
		"fired warning other/mail/lag"
	redis acl setuser watcher resetkeys '~other' '~{other}*' >/dev/null
	redis del other >/dev/null
	wait_until 10 says "fired warning orders/billing/lag" \
		"fired warning other/mail/lag" "cleared warning other/mail/lag"
	must_equal "$(tail -n 1 "$(out watch)" | jq -r .data.reason)" "it is gone"
	redis acl setuser watcher '~*' >/dev/null
	redis xgroup destroy orders billing >/dev/null
	wait_until 10 eval 'story | grep -q "cleared warning orders/billing/lag"'
	redis acl deluser watcher >/dev/null
	end_started
}

@test "a pattern watches streams that come later" {
	watch 'new-*'
	redis xgroup create new-one g 0 mkstream >/dev/null
	add new-one 6
	add orders 6
	wait_until 10 says "fired warning new-one/g/lag"
	ends
}

@test "a server that goes away is an alert; the others wait for it" {
	SERVER_DIR='' start_server --appendonly yes
	redis xgroup create orders billing 0 mkstream >/dev/null
	watch
	add orders 6
	wait_until 10 says "fired warning orders/billing/lag"
	kill_server
	wait_until 10 says "fired warning orders/billing/lag" \
		"fired critical server/unreachable"
	jq -e 'select(.data.metric == "unreachable") | .subject == "server" and
		(.data.reason | test("cannot connect|closed|lost"))' "$(out watch)"
	start_server --appendonly yes
	wait_until 10 says "fired warning orders/billing/lag" \
		"fired critical server/unreachable" \
		"cleared critical server/unreachable"
	must_exit 0 evpub --dry-run --envelope cloudevents x <"$(out watch)"
	ends
	stop_server
}

@test "a server that stands still is one that is away" {
	watch --reply-timeout 200ms
	add orders 6
	wait_until 10 says "fired warning orders/billing/lag"
	kill -STOP "$(server_pid)"
	wait_until 15 eval 'story | grep -q "fired critical server/unreachable"'
	kill -CONT "$(server_pid)"
	wait_until 10 eval 'story | grep -q "cleared critical server/unreachable"'
	end_started
}

@test "it starts without a server, and alerts of that" {
	kill_server
	watch
	wait_until 10 says "fired critical server/unreachable"
	start_server
	wait_until 10 says "fired critical server/unreachable" \
		"cleared critical server/unreachable"
	ends
	grep -q "cannot connect" "$(err watch)"
	# What is wrong with the command line is told at once.
	must_exit 2 evlag --alerts -u http://x
}

@test "-c counts alerts, -w ends it; fewer than -c by then: exit 1" {
	echo "$quiet" >"$BATS_TEST_TMPDIR/rules"
	must_exit 1 evlag --alerts --interval 20ms -c 1 -w 200ms \
		--rules "$BATS_TEST_TMPDIR/rules"
	[ -z "$output" ]
	must_exit 0 evlag --alerts --interval 20ms -w 200ms \
		--rules "$BATS_TEST_TMPDIR/rules"
	add orders 6
	must_exit 0 evlag --alerts --interval 20ms -c 1 \
		--rules "$BATS_TEST_TMPDIR/rules"
	[ "${#lines[@]}" -eq 1 ]
}

@test "a reader that goes ends it" {
	echo "$quiet" >"$BATS_TEST_TMPDIR/rules"
	must_exit 0 sh -c "evlag --alerts --interval 1h \
		--rules '$BATS_TEST_TMPDIR/rules' | true"
}

@test "what does not go with --alerts: exit 2" {
	must_exit 2 evlag --alerts --health
	must_exit 2 evlag --alerts --format ndjson
	must_exit 2 evlag --alerts --to file
	must_exit 2 evlag --alerts --sample 1s
}
