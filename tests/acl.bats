# --print-acl: the least that a program needs of the server
#
# `as` runs a program as a user who has exactly the rule that it prints for these
# words.  Nothing may be refused by then, and over all modes of a program each
# command that it asks for must have been called.

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
	redis acl log reset >/dev/null
	: >granted
	: >called
}

# words RULE SIGN - the words of a rule that begin with SIGN, without it
words()
{
	tr ' ' '\n' <<<"$1" | sed -n "s/^$2//p"
}

# become PROGRAM ARG... - make a user PROGRAM who may do that; sets url
become()
{
	url=unix://$1:secret@$SERVER_SOCKET
	rule=$(EV_URL=$url "$1" --print-acl "${@:2}") || return 1
	[[ $rule == "ACL SETUSER $1 reset on >PASSWORD "* ]]
	must_equal "$(redis <<<"${rule/>PASSWORD/>secret}")" OK
	words "$rule" + >>granted
}

# tally - note what has been called, and that nothing was refused
tally()
{
	redis info commandstats |
		sed -n 's/^cmdstat_\([^:]*\):calls=[1-9].*/\1/p' >>called
	must_equal "$(redis acl log | tr '\n' ' ' | tr -d '\r')" ' '
}

# as STATUS PROGRAM ARG... - run it as that user
as()
{
	local expected=$1
	shift
	become "$@"
	redis config resetstat >/dev/null
	EV_URL=$url must_exit "$expected" "$@"
	tally
}

# start_as NAME PROGRAM ARG... - in the background; `tally` is for the caller
start_as()
{
	local name=$1
	shift
	become "$@"
	redis config resetstat >/dev/null
	EV_URL=$url start "$name" "$@"
}

# all_called [COMMAND...] - what was granted was called, but for these
all_called()
{
	local version
	version=$(redis info server | sed -n 's/^redis_version:\([0-9]*\).*/\1/p')
	sort -u granted >want
	printf '%s\n' "$@" | sort -u >spare
	# Before Redis 7 subcommands are not counted apart.
	[ "$version" -ge 7 ] || sed -i 's/|.*//' want spare
	sort -u called | comm -23 want - | comm -23 - spare >idle
	if [ -s idle ]; then
		echo "granted and never called: $(tr '\n' ' ' <idle)" >&2
		return 1
	fi
}

# refused PROGRAM COMMAND... - that user may not
refused()
{
	local said
	said=$(redis --user "$1" --pass secret --no-auth-warning "${@:2}" 2>&1)
	if [[ $said != NOPERM* ]]; then
		echo "$1 may ${*:2}: $said" >&2
		return 1
	fi
}

# refused_all PROGRAM - what no program may
refused_all()
{
	refused "$1" flushall
	refused "$1" del orders
	refused "$1" keys '*'
	refused "$1" config set maxmemory 1
	refused "$1" acl list
	refused "$1" eval 'return 1' 0
	refused "$1" script flush
	refused "$1" client kill id 1
	refused "$1" shutdown nosave
}

has_length()
{
	[ "$(redis xlen "$1")" -eq "$2" ]
}

# A dead letter of billing in orders.
give_up()
{
	evsub -q -E -g billing --attempts 1 orders -- false
	has_length '{orders}:dlq' "$1"
}

@test "evpub works as the user it asks for, and needs all of it" {
	as 0 evpub orders '{"n":1}'
	as 0 evpub --no-create --maxlen 100 orders '{"n":2}'
	as 0 evpub --dedup 1h --dedup-key /n orders '{"n":3}' '{"n":3}'
	as 0 evpub --atomic 2 orders '{"n":1}' '{"n":2}' '{"n":3}'
	as 3 evpub --atomic 2 orders '{"n":1}' '{"n":'
	as 0 evpub --delay 1ms orders '{"n":4}'
	as 0 evpub --at 2026-01-01 --dedup 1h --dedup-key /n orders '{"n":5}'
	as 0 evpub --promote orders
	must_equal "$(redis zcard '{orders}:delayed')" 0
	as 0 evpub --priority -t t --source /s --ext priority=low orders '{}'
	has_length '{orders}:low' 1
	as 0 evpub --durability none orders '{"n":6}'
	as 4 evpub -w 10ms --durability replicas=1 orders '{"n":7}'
	redis xgroup create orders billing '$' >/dev/null
	as 0 evpub --max-lag 5:billing orders '{"n":8}'
	as 0 evpub --dry-run orders '{"n":9}'
	all_called
	become evpub orders
	refused_all evpub
	refused evpub xrange orders - +
	refused evpub xread streams orders 0
	refused evpub xtrim orders maxlen 0
	refused evpub xadd others '*' data '{}'
	refused evpub xadd '{orders}:dlq' '*' data '{}'
}

@test "evpub --await works as the user it asks for" {
	evsub -g prices -O replies -c 1 -w 10s requests -- \
		jq -c '{item: .data}' 3>&- &
	as 0 evpub -t asked --source /s --await replies requests '{"tea":1}'
	wait $!
	refused evpub xread streams requests 0 ||
		refused evpub xread streams others 0
}

@test "evpub --durability fsync asks for what tells whether it can" {
	run_limited evpub --print-acl --durability fsync orders
	[[ $output == *' +command|info +waitaof'* ]]
}

@test "evsub prints as the user it asks for" {
	evpub orders '{"n":1}' '{"n":2}' '{"n":3}' '{"n":"x"}'
	as 0 evsub -g billing -c 1 orders
	must_print '{"n":1}'
	as 3 evsub -g billing -E -e '.n | tonumber > 0' orders
	must_equal "$(redis xpending orders billing | head -n 1)" 0
	has_length '{orders}:dlq' 1
	as 0 evsub -g copy --from 1h --manual -m -E orders
	must_equal "$(redis xpending orders copy | head -n 1)" 4
	as 0 evsub -g urgent --priorities -E orders
	must_equal "${#lines[@]}" 4
	become evsub -g billing orders
	refused_all evsub
	refused evsub xgroup destroy orders billing
	refused evsub xgroup setid orders billing 0
	refused evsub xdel orders 1-1
	refused evsub xtrim orders maxlen 0
	refused evsub xadd others '*' data '{}'
	refused evsub xreadgroup group billing c streams others '>'
	refused evsub xadd ev:audit '*' data '{}'
	refused evsub hset '{orders}:fail:others' 1-1 '{}'
}

@test "evsub works as the user it asks for, and needs all of it" {
	evpub orders '{"n":1}' '{"n":2}' '{"n":3}'
	evpub --delay 1ms orders '{"n":4}'
	as 0 evsub -g billing -E -c 4 -P 2 --attempts 2 --backoff 1ms \
		-w 5s -O out orders -- sh -c '
		echo "progress 40 on it" >&3
		jq -e ".n != 2"'
	has_length out 3 || as 0 evsub -g billing -w 1s -O out orders -- cat

	# What fails is told, tried again, and set aside.
	evpub orders '{"n":5}'
	as 0 evsub -g retry -w 1s --attempts 2 --backoff 1ms orders -- sh -c '
		echo "progress 40 on it" >&3
		exit 1'
	[ "$(redis xlen '{orders}:dlq')" -ge 5 ]

	# Redriven to the group, it comes back, and dies again.
	evdlq --redrive -y -g retry orders
	as 0 evsub -g retry -w 2s -c 1 --attempts 1 orders -- false

	# A dead worker's events are taken over, long jobs renewed.
	redis xgroup create orders over 0 >/dev/null
	redis xreadgroup group over gone count 2 streams orders '>' >/dev/null
	as 0 evsub -g over --lease 200ms -w 2s orders -- sleep 0.2
	redis xgroup create orders print 0 >/dev/null
	redis xreadgroup group print gone count 2 streams orders '>' >/dev/null
	as 0 evsub -g print --lease 100ms -w 1s orders
	as 0 evsub -g long --lease 100ms -c 1 orders -- sleep 0.5

	# By a coprocess, too.
	as 0 evsub -g co -E --coprocess orders -- jq -c --unbuffered '
		{id} + if .event.n == 1 then {retry: "1h"} else {ok: true} end'

	# The group vanishes under what is in hand.
	start_as again evsub -g lost --lease 300ms -c 2 -b 2 orders -- \
		sh -c 'echo begun; sleep 1'
	wait_until 5 has_lines "$(out again)" 0
	wait_until 5 sh -c "redis-cli -s '$SERVER_SOCKET' xpending orders lost |
		grep -q '^[1-9]'"
	redis xgroup destroy orders lost >/dev/null
	finish "$pid" || cat "$(err again)" >&2
	tally

	# At the end of a pipeline: done, later, never.
	evsub -q -g mail --manual -m -E orders >records
	jq -c --slurp '.[0], (.[1] | .retry = "1h"), (.[2] | .dead = true)' \
		-s records | jq -c 'if type == "array" then .[] else . end' >back
	become evsub --settle -g mail orders
	redis config resetstat >/dev/null
	EV_URL=$url must_exit 0 evsub --settle -g mail <back
	tally
	must_say 'is dead (rejected)'
	must_equal "$(redis xpending orders mail | head -n 1)" "$(($(
		wc -l <records) - 2))"
	all_called
}

@test "evtail works as the user it asks for, and needs all of it" {
	evpub orders '{"n":1}' '{"n":2}' '{"n":3}'
	evpub --delay 1h orders '{"n":4}' '{"n":5}'
	as 0 evtail orders
	must_equal "${#lines[@]}" 3
	as 0 evtail -n all 'ord*'
	as 0 evtail -S 1h -U now --stats orders
	as 0 evtail -f -c 3 -n 3 orders
	as 1 evtail -f -w 300ms -c 9 'ord*'
	as 1 evtail missing
	give_up 3
	redis xgroup create orders mail 0 >/dev/null
	redis xreadgroup group mail a count 2 streams orders '>' >/dev/null
	as 0 evtail -g billing -n all orders
	must_equal "$(jq -r .status <<<"$output" | sort -u)" dead
	as 0 evtail -g mail --status pending,waiting -n all orders
	must_equal "${#lines[@]}" 3
	as 0 evtail -n all --delayed orders
	must_equal "${#lines[@]}" 2
	as 0 evtail --checkpoint at orders
	all_called zrank
	become evtail -f -g billing -S 1h orders
	refused_all evtail
	refused evtail xadd orders '*' data '{}'
	refused evtail xack orders billing 1-1
	refused evtail xreadgroup group billing c streams orders '>'
	refused evtail xrange others - +
	refused evtail scan 0
}

@test "evlag works as the user it asks for, and needs all of it" {
	evpub orders '{"n":1}' '{"n":2}'
	give_up 2
	redis xgroup create orders mail 0 >/dev/null
	redis xreadgroup group mail a count 1 streams orders '>' >/dev/null
	as 0 evlag
	as 0 evlag --format ndjson --sample 10ms orders
	must_equal "$(jq -sc 'map([.group, .dead])' <<<"$output")" \
		'[["billing",2],["mail",0]]'
	as 0 evlag --format prometheus 'ord*'
	as 0 evlag --jobs orders
	[[ $output == *mail* ]]
	as 0 evlag --check --warn lag=100,dead=5 --crit lag=1000 orders
	as 2 evlag --check --crit dead=1 orders
	as 1 evlag --alerts --interval 100ms -w 500ms -c 9 orders ||
		as 0 evlag --alerts --interval 100ms -w 500ms orders
	run_limited env EV_URL="$EV_URL" evlag --health --check
	as "$status" evlag --health --check
	all_called
	become evlag orders
	refused_all evlag
	refused evlag xadd orders '*' data '{}'
	refused evlag xgroup create orders new 0
	refused evlag xinfo stream others
	refused evlag info
	refused evlag config get save
	refused evlag xrange '{orders}:seen:x' - +
}

@test "evtrim works as the user it asks for, and needs all of it" {
	evpub orders '{"n":1}' '{"n":2}' '{"n":3}' '{"n":4}' '{"n":5}'
	give_up 5
	evpub --delay 1h orders '{"n":6}'
	redis xgroup createconsumer orders billing idle >/dev/null
	as 0 evtrim --maxlen 3 orders
	has_length orders 5
	as 0 evtrim --maxlen 4 --archive old.ndjson -y orders
	has_length orders 4
	must_equal "$(wc -l <old.ndjson)" 1
	as 0 evtrim --max-bytes 1G --keep 1d -y 'ord*'
	as 0 evtrim --delete -e '.n == 3' orders
	as 0 evtrim --delete -e '.n == 3' -y orders
	has_length orders 3
	as 0 evtrim --delayed -e '.n == 6' -y orders
	must_equal "$(redis zcard '{orders}:delayed')" 0
	as 0 evtrim --consumers 0s -y orders
	must_equal "$(redis xinfo consumers orders billing)" ''
	as 0 evtrim --dead 0s --archive dead.ndjson -y orders
	has_length '{orders}:dlq' 0
	echo 'orders = maxlen=2 dead=1d consumers=1d' >policy
	as 0 evtrim --policy policy -y
	has_length orders 2
	[ "$(redis xlen ev:audit)" -ge 6 ]
	redis xgroup create orders slow 0 >/dev/null
	redis xreadgroup group slow worker count 1 streams orders '>' >/dev/null
	as 1 evtrim --maxlen 1 orders
	redis xgroup destroy orders slow >/dev/null
	as 0 evtrim --maxlen 1 -y --no-audit orders
	refused evtrim xadd ev:audit '*' data '{}'
	all_called
	become evtrim --maxlen 1 orders
	refused_all evtrim
	refused evtrim xtrim orders maxlen 0
	become evtrim --maxlen 1 -y orders
	refused evtrim xdel orders 1-1
	refused evtrim xadd orders '*' data '{}' ||
		refused evtrim xadd others '*' data '{}'
	refused evtrim xtrim others maxlen 0
	refused evtrim xgroup destroy orders billing
}

@test "evdlq works as the user it asks for, and needs all of it" {
	evpub orders '{"n":1}' '{"n":2}' '{"n":3}' '{"n":4}'
	give_up 4
	as 0 evdlq -S 1h -g billing orders
	must_equal "${#lines[@]}" 4
	cp "$OUT" records
	as 0 evdlq --stats orders
	as 1 evdlq --check 3 orders
	as 0 evdlq --redrive orders
	as 0 evdlq --redrive -c 1 -y orders
	has_length '{orders}:redrive:billing' 1
	as 0 evdlq --redrive -c 1 --to repair -y orders
	has_length repair 1
	tail -n 1 records >last
	as 0 evdlq --redrive --stdin -y orders <last
	as 0 evdlq --purge -y orders
	has_length '{orders}:dlq' 0
	has_length ev:audit 4
	all_called
	become evdlq -g billing --redrive -y orders
	refused_all evdlq
	refused evdlq xadd others '*' data '{}'
	refused evdlq xadd '{orders}:redrive:mail' '*' data '{}'
	refused evdlq xreadgroup group billing c streams orders '>'
	become evdlq orders
	refused evdlq xdel '{orders}:dlq' 1-1
}

@test "evreplay works as the user it asks for, and needs all of it" {
	evpub orders '{"n":1}' '{"n":2}' '{"n":3}'
	as 0 evreplay orders
	must_equal "${#lines[@]}" 3
	cp "$OUT" events
	as 0 evreplay -S 1h --to copy orders
	as 0 evreplay --to copy --checkpoint at orders
	as 0 evreplay --to copy --durability none orders
	as 4 evreplay --to copy --durability replicas=1 -w 100ms orders ||
		as 1 evreplay --to copy --durability replicas=1 -w 100ms orders
	as 0 evreplay --to copy --in events
	as 1 evreplay missing
	all_called

	: >granted
	: >called
	evsub -q -g billing -E orders >/dev/null
	as 0 evreplay --rewind billing -S 1h orders
	as 0 evreplay --rewind billing --by -1 -y orders
	as 0 evreplay --rewind billing --to-end -y orders
	as 0 evreplay --rewind billing -S 1h -y orders
	has_length ev:audit 3
	all_called
	become evreplay --to copy orders
	refused_all evreplay
	refused evreplay xadd others '*' data '{}'
	refused evreplay xgroup setid orders billing 0
	become evreplay --rewind billing -S 1h orders
	refused evreplay xgroup setid orders billing 0
	refused evreplay xadd orders '*' data '{}'
}

@test "the user of the URL has the rule, passwords are not in it" {
	must_exit 0 evtail --print-acl -u redis://ann:hidden@nowhere orders
	[[ $output == 'ACL SETUSER ann reset on >PASSWORD '* ]]
	[[ $output != *hidden* ]]
	must_exit 0 evtail --print-acl -u redis://nowhere/3 orders
	[[ $output == *' +select'* ]]
}

@test "names are taken as names where no patterns are, and can't break the rule" {
	must_exit 0 evpub --print-acl 'a*b c"d' '{}'
	[[ $output == *' ~a\*b?c?d -@all'* ]]
	must_exit 0 evpub --print-acl '{a}b' --dedup 1h
	[[ $output == *' ~{a}b ~{a}b:seen:* -@all'* ]]
	must_exit 0 evtail --print-acl 'a*' 'b[1]'
	[[ $output == *' ~a* ~b[1] -@all'* ]]
	url=unix://evpub:secret@$SERVER_SOCKET
	as 0 evpub 'a*b' '{"n":1}'
	refused evpub xadd aab '*' data '{}'
}

@test "what a rule needs and is not given is a usage error" {
	for program in evpub evtail evdlq 'evsub -g g' 'evsub --settle'; do
		# shellcheck disable=SC2086 # a program and its options
		must_exit 2 $program --print-acl
		must_say 'a STREAM is missing'
	done
	must_exit 2 evsub --print-acl orders
	must_say 'the --group is missing'
	must_exit 0 evlag --print-acl
	[[ $output == *' resetchannels ~* -@all'* ]]
}
