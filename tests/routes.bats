# Streams by type: evpub --route.

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
	export EV_CONFIG=$BATS_TEST_TMPDIR/config
	cat >"$EV_CONFIG" <<-'END'
		[routes]
		order.paid = payments     # before the next one, so it counts
		order.*    = orders
		game.?     = {a}games
		user.[ab]* = users
		refund.*   = payments
	END
}

# event ID TYPE [MEMBER...] - a CloudEvent
event()
{
	printf '{"specversion":"1.0","id":"%s","source":"/s","type":"%s"' \
		"$1" "$2"
	shift 2
	printf '%s' "${@/#/,}"
	printf '}\n'
}

ids()
{
	evtail -n all -j '.id // .event_id' "$1" 2>/dev/null | tr -d '"' |
		tr '\n' ' '
}

@test "each event goes to the stream of the first line that matches its type" {
	{
		event 1 order.created
		event 2 order.paid
		event 3 game.1
		event 4 user.bob
		event 5 refund.made
		event 6 order.gone
		echo '{"event_id":"7","event_type":"order.x","metadata":{}}'
	} >"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evpub --route -T <"$1"' - "$BATS_TEST_TMPDIR/in"
	cmp "$OUT" "$BATS_TEST_TMPDIR/in"
	must_equal "$(ids orders)" '1 6 7 '
	must_equal "$(ids payments)" '2 5 '
	must_equal "$(ids '{a}games')" '3 '
	must_equal "$(ids users)" '4 '
}

@test "an event without a line or a type is refused, the others are done" {
	must_exit 3 evpub --route --rejects "$BATS_TEST_TMPDIR/rejects" \
		"$(event 1 order.a)" "$(event 2 game.12)" '{"type":"order.b"}' \
		"$(event 4 order.c)"
	must_say 'argument 2: no line of [routes] matches its type "game.12"' \
		'argument 3: no type to find its stream by'
	must_equal "$(ids orders)" '1 4 '
	must_equal "$(jq -c '[.line, .error]' "$BATS_TEST_TMPDIR/rejects")" \
		'[2,"no line of [routes] matches its type \"game.12\""]
[3,"no type to find its stream by"]'
	must_equal "$(redis dbsize)" 1
}

@test "ids are printed with their streams" {
	must_exit 0 evpub --route -i "$(event 1 order.a)" "$(event 2 order.paid)"
	must_equal "${lines[0]}" "$(evtail -m orders | jq -r '"\(.id) \(.stream)"')"
	must_equal "${lines[1]}" \
		"$(evtail -m payments | jq -r '"\(.id) \(.stream)"')"
}

@test "the type of wrapped events and of unchecked ones counts" {
	must_exit 0 evpub --route -t order.new '{"a":1}'
	must_exit 0 evpub --route --envelope none "$(event 2 order.a)"
	must_equal "$(evtail -n all orders | wc -l)" 2
}

@test "--dry-run needs no server" {
	EV_URL=unix:///nowhere must_exit 3 evpub --route --dry-run -T \
		"$(event 1 order.a)" "$(event 2 none)"
	must_print "$(event 1 order.a)"
	must_say 'argument 2: no line of [routes] matches'
}

@test "a bad name of a stream is refused with its line, also before reading" {
	printf '[routes]\norder.* = orders\n\ngame.* = {games\n' >"$EV_CONFIG"
	must_exit 2 evpub --route "$(event 1 order.a)"
	must_say "$EV_CONFIG:4: {games: "
	printf '[routes]\norder.* =\n' >"$EV_CONFIG"
	must_exit 2 evpub --route "$(event 1 order.a)"
	must_say "$EV_CONFIG:2: : "
	must_equal "$(redis dbsize)" 0
}

@test "without routes there is no --route" {
	echo 'url = redis://localhost' >"$EV_CONFIG"
	must_exit 2 evpub --route '{}'
	must_say "$EV_CONFIG: no lines in [routes]"
	EV_CONFIG='' HOME=/nowhere must_exit 2 evpub --route '{}'
	must_say 'there is no config file to have [routes]'
}

@test "what watches one stream or names one does not go with it" {
	must_exit 2 evpub --route --max-lag 5 '{}'
	must_say '--max-lag watches one stream'
	must_exit 2 evpub --route --promote s
	must_say '--promote takes streams, not --route'
	must_exit 2 evpub --route --await orders '{}'
	must_say '--await: replies must come on another stream'
	must_exit 2 evpub --profile routes s '{}'
	must_say '[routes] is not a profile'
}

@test "duplicates are known by stream" {
	must_exit 0 evpub --route --dedup 1m -i "$(event 1 order.a)" \
		"$(event 1 order.b)" "$(event 1 refund.x)"
	must_equal "${lines[0]}" "${lines[1]}"
	must_equal "${lines[2]#* }" payments
	must_equal "$(ids orders)$(ids payments)" '1 1 '
	must_equal "$(redis exists '{orders}:seen:1' '{payments}:seen:1')" 2
}

@test "priorities, delays, limits and transactions hold for each stream" {
	must_exit 0 evpub --route --priority "$(event 1 order.a \
		'"priority":"high"')" "$(event 2 order.paid '"priority":"low"')"
	must_equal "$(ids '{orders}:high')$(ids '{payments}:low')" '1 2 '
	flush
	must_exit 0 evpub --route --delay 0s "$(event 1 order.a)" \
		"$(event 2 order.paid)"
	must_exit 0 evpub --promote orders payments
	must_equal "$(ids orders)$(ids payments)" '1 2 '
	flush
	must_exit 4 evpub --route --no-create "$(event 1 order.a)"
	must_say 'orders: cannot add: no such stream'
	must_exit 3 evpub --route --atomic 3 "$(event 1 order.a)" \
		"$(event 2 order.paid)" "$(event 3 none)"
	must_equal "$(redis dbsize)" 0
	must_exit 0 evpub --route --atomic 3 "$(event 1 order.a)" \
		"$(event 2 order.paid)"
	must_equal "$(ids orders)$(ids payments)" '1 2 '
	must_exit 0 sh -c 'evpub --route --maxlen 100' <<-END
		$(for i in $(seq 1000); do event "$i" order.a; done)
	END
	[ "$(redis xlen orders)" -lt 300 ]
	must_equal "$(redis xlen payments)" 1
}

@test "the server's refusal names its stream and what became of the others" {
	redis set payments x >/dev/null
	must_exit 4 evpub --route "$(event 1 order.a)" "$(event 2 order.paid)" \
		"$(event 3 user.a)"
	must_say 'payments: cannot add: WRONGTYPE' \
		'payments: refused: lines 2-2 (1 events)' \
		'orders: confirmed: lines 1-1 (1 events)' \
		'users: confirmed: lines 3-3 (1 events)' \
		'[routes]: not sent: lines from 4 on'
}

@test "thousands of routes, and events told apart as fast as they come" {
	{
		echo '[routes]'
		seq 2000 | sed 's/.*/type.& = stream.&/'
	} >"$EV_CONFIG"
	seq 20000 | awk '{
		printf "{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":" \
			"\"/s\",\"type\":\"type.%d\"}\n", $1, $1 % 2000 + 1
	}' >"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evpub -v --route <"$1"' - "$BATS_TEST_TMPDIR/in"
	must_say '[routes]: 20000 published'
	must_equal "$(redis dbsize)" 2000
	must_equal "$(redis xlen stream.1)" 10
	must_equal "$(redis xlen stream.2000)" 10
}
