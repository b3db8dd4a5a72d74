# Every administrative change leaves an event in ev:audit, a look leaves none.

load helper

setup_file()
{
	start_server
}

teardown_file()
{
	stop_server
}

# Five orders that billing has given up, and a scheduled one.
setup()
{
	flush
	cd "$BATS_TEST_TMPDIR" || return
	evpub orders '{"n":1}' '{"n":2}' '{"n":3}' '{"n":4}' '{"n":5}'
	evpub --delay 1h orders '{"n":6}'
	evsub -q -g billing -E --attempts 1 orders -- false
	must_equal "$(redis xlen '{orders}:dlq')" 5
	redis xgroup createconsumer orders billing idle >/dev/null
}

# leaves ACTION PROGRAM ARG... - a plan and a change with --no-audit leave no
# event, the change leaves one of that action, that says who, where and what
leaves()
{
	local action=$1
	shift
	redis del ev:audit >/dev/null
	must_exit 0 "$@"
	must_equal "$(redis xlen ev:audit)" 0
	must_exit 0 "$@" -y
	evtail -n all ev:audit >audited
	must_equal "$(jq -r .type audited)" "evtools.$1.$action"
	must_exit 0 jq -e --arg user "$(id -un)" --arg program "$1" \
		--arg stream "${subject:-orders}" '
		.subject == $stream and (.data | .program == $program and
			.user == $user and (.host | length) > 0 and
			.stream == $stream)' audited
	valid
}

# What evtail prints of the stream is what evpub takes for CloudEvents.
valid()
{
	must_exit 0 sh -c 'evtail -n all ev:audit |
		evpub --dry-run --strict --envelope cloudevents x'
	must_equal "$stderr" ''
}

# leaves_none PROGRAM ARG... - with --no-audit
leaves_none()
{
	redis del ev:audit >/dev/null
	must_exit 0 "$@" -y --no-audit
	must_equal "$(redis xlen ev:audit)" 0
}

@test "trimming is audited" {
	leaves trim evtrim --maxlen 4 orders
	must_equal "$(redis xlen orders)" 4
	must_equal "$(jq -c .data.counts.trimmed audited)" 1
	leaves_none evtrim --maxlen 3 orders
	must_equal "$(redis xlen orders)" 3
}

@test "archiving is audited" {
	leaves trim evtrim --maxlen 4 --archive old.ndjson orders
	leaves_none evtrim --maxlen 3 --archive old.ndjson orders
	must_equal "$(wc -l <old.ndjson)" 2
}

@test "a policy's trimming is audited" {
	echo 'orders = maxlen=2' >policy
	leaves trim evtrim --policy policy
}

@test "deleting is audited, with what chose the events" {
	leaves delete evtrim --delete -e '.n == 3' orders
	must_equal "$(jq -r .data.select.filter audited)" '.n == 3'
	leaves_none evtrim --delete -e '.n == 4' orders
	must_equal "$(redis xlen orders)" 3
}

@test "cancelling scheduled events is audited" {
	leaves cancel evtrim --delayed -e '.n == 6' orders
	evpub --delay 1h orders '{"n":7}'
	leaves_none evtrim --delayed -e '.n == 7' orders
	must_equal "$(redis zcard '{orders}:delayed')" 0
}

@test "reaping consumers is audited" {
	leaves reap evtrim --consumers 0s orders
	redis xgroup createconsumer orders billing idle >/dev/null
	leaves_none evtrim --consumers 0s orders
	must_equal "$(redis xinfo consumers orders billing)" ''
}

@test "trimming dead letters is audited" {
	subject='{orders}:dlq'
	leaves trim evtrim --dead 0s orders
	must_equal "$(jq -c .data.counts.trimmed audited)" 5
	must_equal "$(redis xlen '{orders}:dlq')" 0
}

@test "redriving is audited" {
	leaves redrive evdlq --redrive -c 1 orders
	must_equal "$(jq -c .data.counts.redriven audited)" 1
	leaves redrive evdlq --redrive -c 1 --to repair orders
	must_equal "$(jq -r .data.to audited)" repair
	leaves_none evdlq --redrive -c 1 orders
	must_equal "$(redis xlen '{orders}:dlq')" 2
}

@test "purging is audited" {
	leaves purge evdlq --purge -c 1 orders
	must_equal "$(jq -c '.data | [.before.dead, .after.dead]' audited)" '[5,4]'
	leaves_none evdlq --purge orders
	must_equal "$(redis xlen '{orders}:dlq')" 0
}

@test "rewinding is audited" {
	leaves rewind evreplay --rewind billing -S start --force orders
	must_equal "$(jq -r .data.group audited)" billing
	leaves_none evreplay --rewind billing --to-end --force orders
}

@test "the audit stream itself is kept by trimming all streams" {
	must_exit 0 evtrim --maxlen 4 -y orders
	must_exit 0 evtrim --maxlen 0 --force -y '*'
	[ "$(redis xlen ev:audit)" -ge 1 ]
}

@test "what changed nothing leaves no event" {
	must_exit 0 evtrim --maxlen 100 -y orders
	must_exit 0 evtrim --delete -e '.n == 99' -y orders
	must_exit 0 evdlq --purge -t none -y orders
	must_equal "$(redis xlen ev:audit)" 0
}
