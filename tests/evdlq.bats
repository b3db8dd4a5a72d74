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

dlq='{orders}:dlq'
records=$BATS_TEST_TMPDIR/records # a pipe's last command is a shell of its own
back='{orders}:redrive:billing'

# dead REASON GROUP EVENT [REDRIVES [TYPE [FINGERPRINT]]] - add a dead letter
dead()
{
	id=$(redis xadd "$dlq" '*' data "$3" dead "{\"reason\":\"$1\",\
\"class\":\"exit\",\"stream\":\"orders\",\"id\":\"7-0\",\"group\":\"$2\",\
\"type\":\"${5-order.created}\",\"attempts\":5,\"handler\":\"charge\",\
\"fingerprint\":\"${6-exit: no such order #}\",\"redrives\":${4-0}}")
}

# many COUNT [GROUP] - add so many dead letters of one group
many()
{
	redis eval "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*',
		'data', '{\"n\":' .. i .. '}', 'dead',
		'{\"reason\":\"exhausted\",\"group\":\"' .. ARGV[2] ..
		'\",\"redrives\":0}') end" 1 "$dlq" "$1" "${2-billing}"
}

# values STREAM - the values of the entries' fields named data
values()
{
	redis --json xrange "$1" - + |
		jq -r '.[] | .[1] as $f | $f[($f | index("data")) + 1]'
}

length()
{
	redis xlen "$1"
}

@test "lists dead letters as records, in the order of death" {
	dead exhausted billing '{"order": 1,"n":1.0}'
	first=$id
	dead rejected stock '{"order":2}'
	must_exit 0 evdlq orders
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == '{"stream":"orders","id":"'"$first"'","time":"'*Z\
'","group":"billing","dead":{"reason":"exhausted",'*'},"event":{"order": 1,"n":1.0}}' ]]
	[[ ${lines[1]} == *'"group":"stock","dead":{"reason":"rejected",'* ]]
	must_exit 0 evdlq -m -0 orders
	must_equal "$(tr '\0' '\n' <"$OUT" | wc -l)" 2
}

@test "keeps those of a group, a reason, a type, a filter, a time" {
	dead exhausted billing '{"specversion":"1.0","type":"a.b","n":1}'
	dead rejected stock '{"specversion":"1.0","type":"a.c","n":2}'
	second=$id
	dead invalid billing '{"n":3}'
	third=$id
	kept()
	{
		must_exit 0 evdlq "$@" orders
		must_equal "$(jq -c .event.n <"$OUT" | tr '\n' ' ')" "$want"
	}
	want='1 3 ' kept -g billing
	want='2 3 ' kept --reason invalid --reason rejected
	want='2 ' kept -t '*.c'
	want='1 2 ' kept -e '.n < 3'
	want='2 ' kept -e "\$id == \"$second\" and \$group == \"stock\""
	want='2 3 ' kept -S "$second"
	want='1 2 ' kept -U "$second"
	want='2 ' kept -S "$second" -c 1
	want='3 ' kept -g billing -S "$second" -U "$third"
	want='' kept -g nobody
}

@test "a trimmed event has a record without a body" {
	dead trimmed billing '' 0 order.created
	must_exit 0 evdlq -t 'order.*' orders
	must_equal "$(jq -c 'has("event") or has("text")' <"$OUT")" false
	must_exit 0 evdlq -t 'other.*' orders
	must_print
	must_exit 0 evdlq -e 'true' orders
	must_print
	must_exit 3 evdlq --redrive -y orders
	must_say 'orders: 1 refused: no event is left of them'
	must_equal "$(length "$dlq")" 1
}

@test "an event that is no JSON comes out as text, and goes back as it was" {
	dead invalid billing $'not \xc3\xa4 JSON'
	must_exit 0 evdlq orders
	must_equal "$(jq -r .text <"$OUT")" $'not \xc3\xa4 JSON'
	must_exit 0 evdlq -e 'startswith("not")' --redrive -y orders
	must_equal "$(values "$back")" $'not \xc3\xa4 JSON'
}

@test "what others wrote into the stream is listed too" {
	redis xadd "$dlq" '*' data '{"a":1}' >/dev/null
	redis xadd "$dlq" '*' data '{"a":2}' dead 'no JSON' >/dev/null
	redis xadd "$dlq" '*' data '{"a":3}' dead '[1]' >/dev/null
	must_exit 0 evdlq orders
	must_equal "$(jq -c '[.event.a, .dead, .group]' <"$OUT" | sort -u)" \
		'[1,null,null]
[2,null,null]
[3,null,null]'
	must_exit 3 evdlq --redrive -y orders
	must_say '3 refused: no group is known, see --to'
	must_exit 0 evdlq --redrive --to fixed -y orders
	must_equal "$(length fixed)" 3
}

@test "a filter that fails is reported, the rest is listed" {
	dead exhausted billing '{"n":"x"}'
	dead exhausted billing '{"n":2}'
	must_exit 3 evdlq -e '.n % 2 == 0' orders
	must_equal "$(jq -c .event.n <"$OUT")" 2
	must_say 'orders: ' ': filter: '
}

@test "without --yes nothing changes, and the plan is printed" {
	dead exhausted billing '{"n":1}'
	dead exhausted stock '{"n":2}'
	dead exhausted stock '{"n":3}'
	must_exit 0 evdlq --redrive orders
	must_print 'orders: would redrive 1 to {orders}:redrive:billing' \
		'orders: would redrive 2 to {orders}:redrive:stock'
	must_say 'nothing was changed: --yes does it'
	must_exit 0 evdlq --purge -g stock orders
	must_print 'orders: would purge 2'
	evdlq orders >"$records"
	must_exit 0 evdlq --redrive --to x --stdin orders <"$records"
	must_print 'orders: would redrive 3 to x'
	must_equal "$(redis keys '*')" "$dlq"
	must_equal "$(length "$dlq")" 3
}

@test "redrives to the groups that gave up, bytes unchanged" {
	dead exhausted billing '{"n": 1.50, "s":"\u00e4"}'
	dead exhausted stock '{"n":2}' 1
	must_exit 0 evdlq --redrive -y orders
	must_print 'orders: redriven 1 to {orders}:redrive:billing' \
		'orders: redriven 1 to {orders}:redrive:stock'
	must_equal "$(redis xrange "$back" - + | sed 1d)" 'data
{"n": 1.50, "s":"\u00e4"}
redrives
1'
	must_equal "$(redis xrange '{orders}:redrive:stock' - + | sed 1d)" \
		'data
{"n":2}
redrives
2'
	must_equal "$(length "$dlq")" 0
	must_exit 0 evdlq --redrive -y orders
	must_print 'orders: redriven 0'
}

@test "redrives what is selected, and leaves the rest" {
	dead exhausted billing '{"n":1}'
	dead rejected billing '{"n":2}'
	dead exhausted billing '{"n":3}'
	must_exit 0 evdlq --redrive -y --reason exhausted -c 1 orders
	must_equal "$(values "$back")" '{"n":1}'
	must_exit 0 evdlq --redrive -y --reason exhausted orders
	must_equal "$(values "$dlq")" '{"n":2}'
}

@test "refuses what was redriven 3 times, unless forced" {
	dead exhausted billing '{"n":1}' 2
	dead exhausted billing '{"n":2}' 3
	must_exit 3 evdlq --redrive -y orders
	must_say 'orders: 1 refused: redriven 3 times already, see --force'
	must_equal "$(values "$back")" '{"n":1}'
	must_exit 0 evdlq --redrive --force -y orders
	must_equal "$(redis xrange "$back" - + | tail -n 1)" 4
}

@test "redrives to another stream, the data alone" {
	dead exhausted billing '{"n":1}' 1
	dead exhausted stock '{"n":2}'
	must_exit 0 evdlq --redrive --to repaired -y orders
	must_print 'orders: redriven 2 to repaired'
	must_equal "$(redis xrange repaired - + | grep -c redrives)" 0
	must_equal "$(values repaired)" '{"n":1}
{"n":2}'
	must_equal "$(length "$dlq")" 0
}

@test "in a cluster another slot is written first, then the dead letters go" {
	local dir=$SERVER_DIR socket=$SERVER_SOCKET url=$EV_URL port
	port=$(free_port)
	SERVER_DIR=
	start_server --port "$port" --cluster-enabled yes
	redis cluster addslotsrange 0 16383
	wait_until 10 cluster_is_ok
	dead exhausted billing '{"n":1}'
	dead exhausted billing '{"n":2}'
	must_exit 0 evdlq --redrive --to elsewhere -y orders
	must_print 'orders: redriven 2 to elsewhere'
	must_equal "$(values elsewhere)" '{"n":1}
{"n":2}'
	must_equal "$(length "$dlq")" 0
	dead exhausted billing '{"n":3}'
	evdlq orders | sed 's/"n":3/"n":30/' >"$records"
	must_exit 0 evdlq --redrive --to elsewhere --stdin -y orders <"$records"
	must_equal "$(values elsewhere | tail -n 1)" '{"n":30}'
	must_equal "$(length "$dlq")" 0
	# what can't be added stays
	dead exhausted billing '{"n":4}'
	redis set scalar 1
	must_exit 4 evdlq --redrive --to scalar -y orders
	must_say WRONGTYPE
	must_equal "$(length "$dlq")" 1
	stop_server
	SERVER_DIR=$dir SERVER_SOCKET=$socket EV_URL=$url
}

cluster_is_ok()
{
	redis cluster info | grep -q cluster_state:ok
}

@test "edited records go back in place of what died" {
	dead exhausted billing '{"n":1}' 1
	dead exhausted billing '{"n":2}'
	dead exhausted billing '{"n":3}'
	evdlq orders | jq -c 'select(.event.n != 2) | .event.n += 10' \
		>"$records"
	must_exit 0 evdlq --redrive --stdin -y orders <"$records"
	must_print 'orders: redriven 2 to {orders}:redrive:billing'
	must_equal "$(values "$back")" '{"n":11}
{"n":13}'
	must_equal "$(redis xrange "$back" - + | grep -A 1 redrives)" \
		'redrives
2
--
redrives
1'
	must_equal "$(values "$dlq")" '{"n":2}'
}

@test "-j edits what --stdin takes" {
	dead exhausted billing '{"n":1}'
	evdlq -j '.n = 5' orders >"$records"
	must_exit 0 evdlq --redrive --stdin -y orders <"$records"
	must_equal "$(values "$back")" '{"n":5}'
}

@test "what a record leaves out of its dead letter does not count" {
	dead exhausted billing '{"n":1}' 3
	evdlq orders | jq -c '{id, event, group: "other", dead: {redrives: 0}}' \
		>"$records"
	must_exit 3 evdlq --redrive --stdin -y orders <"$records"
	must_say '1 refused: redriven 3 times already'
	must_equal "$(length "$dlq")" 1
}

@test "lines that name no dead letter are refused, the others done" {
	dead exhausted billing '{"n":1}'
	cat >"$records" <<-EOT
		no JSON
		{"event":{"n":2}}
		{"stream":"other","id":"1-0","event":{}}
		{"stream":"orders","id":"1-1","event":{"n":3}}
		{"stream":"orders","id":"$id"}
		{"stream":"orders","id":"$id","event":null}
		{"stream":"orders","id":"$id","event":{"n":4}}
		{"stream":"orders","id":"$id","event":{"n":5}}
	EOT
	must_exit 3 evdlq --redrive --stdin -y orders <"$records"
	must_say '<stdin>:1: ' '<stdin>:2: no "id": not a record' \
		'<stdin>:3: its stream is none of those named' \
		'orders: no dead letter 1-1' \
		'<stdin>:5: no "event" to redrive' \
		'<stdin>:6: no "event" to redrive' "orders: no dead letter $id"
	must_print 'orders: redriven 1 to {orders}:redrive:billing'
	must_equal "$(values "$back")" '{"n":4}'
}

@test "a record is changed while the input is still open" {
	dead exhausted billing '{"n":1}'
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	START_STDIN=$BATS_TEST_TMPDIR/fifo
	exec 5<>"$BATS_TEST_TMPDIR/fifo"
	start named evdlq --redrive --stdin -y orders
	evdlq orders >&5
	wait_until 10 is_empty "$dlq"
	kill -TERM "$pid"
	exec 5>&-
	finish "$pid"
	must_equal "$(cat "$(out named)")" \
		'orders: redriven 1 to {orders}:redrive:billing'
}

is_empty()
{
	[ "$(length "$1")" -eq 0 ]
}

@test "several streams, each to its own" {
	dead exhausted billing '{"n":1}'
	redis xadd '{users}:dlq' '*' data '{"u":1}' dead \
		'{"group":"crm","redrives":0}' >/dev/null
	must_exit 0 evdlq orders users
	must_equal "$(jq -r .stream <"$OUT" | tr '\n' ' ')" 'orders users '
	evdlq orders users >"$records"
	must_exit 0 evdlq --redrive --stdin -y users orders <"$records"
	must_print 'users: redriven 1 to {users}:redrive:crm' \
		'orders: redriven 1 to {orders}:redrive:billing'
	must_equal "$(values '{users}:redrive:crm')" '{"u":1}'
}

@test "purges what is selected, or named" {
	dead exhausted billing '{"n":1}'
	dead rejected billing '{"n":2}'
	dead trimmed billing ''
	must_exit 0 evdlq --purge -y --reason trimmed orders
	must_print 'orders: purged 1'
	evdlq orders | grep '"n":2' >"$records"
	must_exit 0 evdlq --purge --stdin -y orders <"$records"
	must_print 'orders: purged 1'
	must_equal "$(values "$dlq")" '{"n":1}'
	must_exit 0 evdlq --purge -y orders
	must_equal "$(length "$dlq")" 0
}

@test "thousands, in batches: none lost, none doubled, none left" {
	many 3456
	must_exit 0 evdlq --redrive -y orders
	must_print 'orders: redriven 3456 to {orders}:redrive:billing'
	must_equal "$(values "$back" | sort -u | wc -l)" 3456
	must_equal "$(length "$back")" 3456
	must_equal "$(length "$dlq")" 0
}

@test "two redrives at a time send nothing twice" {
	many 4000
	start one evdlq --redrive -y orders
	one=$pid
	start two evdlq --redrive -y orders
	finish "$pid"
	finish "$one"
	must_equal "$(length "$back")" 4000
	must_equal "$(length "$dlq")" 0
	must_equal "$(cat "$(out one)" "$(out two)" |
		awk '{ n += $3 } END { print n }')" 4000
}

@test "connections cut all the time: nothing lost, nothing doubled" {
	many 4000
	start driven evdlq --redrive -y --rate 4000 orders
	while [ "$(length "$dlq")" -gt 0 ]; do
		redis client kill type normal >/dev/null
	done
	finish "$pid"
	must_equal "$(length "$back")" 4000
	must_equal "$(values "$back" | sort -u | wc -l)" 4000
	must_equal "$(cat "$(out driven)")" "orders: redriven 4000 to $back"
}

@test "killed again and again: nothing lost, nothing doubled" {
	many 3000
	before=0
	while [ "$(length "$dlq")" -gt 0 ]; do
		start driven evdlq --redrive -y --rate 3000 orders
		wait_until 10 has_moved
		kill -KILL "$(child_of "$pid")" 2>/dev/null || :
		wait "$pid" || :
		before=$(length "$back")
	done
	must_equal "$(length "$back")" 3000
	must_equal "$(values "$back" | sort -u | wc -l)" 3000
}

has_moved()
{
	[ "$(length "$back")" -gt "$before" ]
}

@test "the server is killed and comes back: nothing lost, nothing doubled" {
	local dir=$SERVER_DIR socket=$SERVER_SOCKET url=$EV_URL
	SERVER_DIR=
	start_server --appendonly yes --appendfsync always
	many 2000
	start driven evdlq --redrive -y --rate 2000 orders
	wait_until 10 is_some "$back"
	kill_server
	start_server --appendonly yes --appendfsync always
	finish "$pid"
	must_equal "$(cat "$(out driven)")" "orders: redriven 2000 to $back"
	must_equal "$(length "$back")" 2000
	must_equal "$(values "$back" | sort -u | wc -l)" 2000
	must_equal "$(length "$dlq")" 0
	stop_server
	SERVER_DIR=$dir SERVER_SOCKET=$socket EV_URL=$url
}

@test "what was done though its answer was lost is counted once" {
	many 10
	start driven evdlq --redrive -y --rate 20 --reply-timeout 100ms orders
	wait_until 10 is_some "$back"
	kill -STOP "$(server_pid)"
	wait_until 10 test -s "$(err driven)"
	kill -CONT "$(server_pid)"
	finish "$pid"
	must_equal "$(cat "$(out driven)")" "orders: redriven 10 to $back"
	must_equal "$(length "$back")" 10
}

@test "a server without memory is waited for" {
	dead exhausted billing '{"n":1}'
	redis config set maxmemory 1mb >/dev/null
	start driven evdlq --redrive -y orders
	wait_until 10 grep -q 'OOM.*trying again' "$(err driven)"
	redis config set maxmemory 0 >/dev/null
	finish "$pid"
	must_equal "$(values "$back")" '{"n":1}'
}

@test "a script that the server forgot is loaded again" {
	many 2000
	start driven evdlq --redrive -y --rate 4000 orders
	while [ "$(length "$dlq")" -gt 0 ]; do
		redis script flush >/dev/null
	done
	finish "$pid"
	must_equal "$(length "$back")" 2000
}

@test "a stop in between leaves the rest as it was" {
	many 1000
	start driven evdlq --redrive -y --rate 100 orders
	wait_until 10 is_some "$back"
	kill -TERM "$pid"
	finish "$pid"
	moved=$(length "$back")
	[ "$moved" -lt 1000 ]
	must_equal "$(length "$dlq")" $((1000 - moved))
	must_equal "$(cat "$(out driven)")" \
		"orders: redriven $moved to $back"
}

is_some()
{
	[ "$(length "$1")" -gt 0 ]
}

@test "--rate holds back" {
	many 30
	start=$(now_ms)
	must_exit 0 evdlq --redrive -y --rate 50 orders
	[ $(($(now_ms) - start)) -ge 400 ]
	must_equal "$(length "$back")" 30
}

@test "what dies while it runs is not part of it" {
	many 5000
	start driven evdlq --redrive -y --rate 5000 orders
	wait_until 10 is_some "$back"
	dead exhausted billing '{"late":1}'
	finish "$pid"
	must_equal "$(values "$dlq")" '{"late":1}'
}

@test "--stats counts by what they died of, most first" {
	dead exhausted billing '{"n":1}' 0 order.created 'exit: no such order #'
	first=$id
	dead exhausted billing '{"n":2}' 0 order.created 'exit: no such order #'
	last=$id
	dead rejected stock '{"n":3}' 0 order.paid 'exit: no currency'
	must_exit 0 evdlq --stats --format ndjson orders
	must_equal "$(head -n 1 <"$OUT" | jq -c 'del(.first, .last)')" \
		'{"stream":"orders","reason":"exhausted","group":"billing",'\
'"type":"order.created","handler":"charge",'\
'"fingerprint":"exit: no such order #","count":2,"example":"'"$last"'"}'
	must_equal "$(head -n 1 <"$OUT" | jq -r .first)" \
		"$(evdlq -U "$first" orders | jq -r .time)"
	must_exit 0 evdlq --stats orders
	[ "${#lines[@]}" -eq 3 ]
	[[ ${lines[0]} == 'COUNT  FIRST '*'  FINGERPRINT' ]]
	[[ ${lines[1]} == *'exhausted'*'exit: no such order #' ]]
	[[ ${lines[2]} == *'rejected'*'exit: no currency' ]]
	must_exit 0 evdlq --stats -g stock --format ndjson orders
	must_equal "$(jq -c .count <"$OUT")" 1
}

@test "--stats of what others wrote, and of controls, drives no terminal" {
	redis xadd "$dlq" '*' data x dead \
		'{"type":"\u001b[31m\u0000","fingerprint":"\u009b"}' >/dev/null
	redis xadd "$dlq" '*' data x >/dev/null
	must_exit 0 evdlq --stats orders
	[[ $output == *'\u001b[31m\u0000'*'\u009b'* ]]
	[ "${#lines[@]}" -eq 3 ]
	must_exit 0 evdlq --stats --format ndjson orders
	must_equal "$(jq -c 'has("type")' <"$OUT" | sort)" 'false
true'
}

@test "--check prints how many, and exits 1 when they are too many" {
	must_exit 1 evdlq --check 0 orders
	must_say 'orders: no such stream'
	redis xadd orders '*' data '{}' >/dev/null
	must_exit 0 evdlq --check 0 orders
	must_print 0
	dead exhausted billing '{"n":1}'
	dead rejected stock '{"n":2}'
	must_exit 1 evdlq --check 1 orders
	must_print 2
	must_exit 0 evdlq --check 2 orders
	must_exit 0 evdlq --check 1 -g stock orders
	must_print 1
	must_exit 1 evdlq --check 0 -g stock orders
}

@test "changes are audited: who, where, what, how many" {
	dead exhausted billing '{"n":1}'
	dead rejected billing '{"n":2}'
	evdlq --redrive -y --reason exhausted -e '.n > 0' -g billing -t '*' \
		-S start orders >/dev/null
	must_equal "$(length ev:audit)" 0 # nothing was selected by -t
	evdlq --redrive -y --reason exhausted -e '.n > 0' -g billing \
		orders >/dev/null
	must_exit 0 evtail -j .data ev:audit
	must_equal "$(jq -c 'del(.user, .host)' <"$OUT")" \
		'{"program":"evdlq","action":"redrive","stream":"orders",'\
'"group":"billing","select":{"group":"billing","reason":["exhausted"],'\
'"filter":".n > 0"},"counts":{"redriven":1,"refused":0,'\
'"targets":{"{orders}:redrive:billing":1}},"before":{"dead":2},'\
'"after":{"dead":1}}'
	must_equal "$(jq -r .user <"$OUT")" "$(id -un)"
	[ -n "$(jq -r .host <"$OUT")" ]
	must_exit 0 evtail -j '[.specversion, .type, .subject]' ev:audit
	must_print '["1.0","evtools.evdlq.redrive","orders"]'
	evtail ev:audit >"$records"
	must_exit 0 evpub --dry-run --envelope cloudevents x <"$records"
	evdlq --purge -y --no-audit orders >/dev/null
	must_equal "$(length ev:audit)" 1
}

@test "bad usage is refused before anything is asked of a server" {
	export EV_URL=unix:///nowhere
	refused()
	{
		must_exit 2 evdlq "$@"
		must_say "$said"
	}
	said='a STREAM is missing' refused
	said='named twice' refused a a
	said='name the stream, not its dead letters' refused '{a}:dlq'
	said='stray braces' refused 'a}'
	said='--reason: "typo"' refused --reason typo a
	said='one of' refused --stats --purge a
	said='for --redrive' refused --to b a
	said='for --redrive' refused --purge --force a
	said='--rate and --stdin' refused --stdin a
	said='--format is' refused --stats --format xml a
	said='--jq is for' refused --redrive -j . a
	said='the records select' refused --redrive --stdin -g g a
	said='--to: ' refused --redrive --to 'b{' a
}

@test "a server that refuses is exit 4, a full output 5" {
	redis set "$dlq" 1
	must_exit 4 evdlq orders
	must_say WRONGTYPE
	must_exit 4 evdlq --purge -y orders
	redis del "$dlq"
	dead exhausted billing '{"n":1}'
	must_exit 5 sh -c 'evdlq orders >/dev/full'
	EV_URL=unix:///nowhere must_exit 4 evdlq --retry-for 0 orders
}

@test "a change that can't be audited is exit 4, and says so" {
	dead exhausted billing '{"n":1}'
	redis acl setuser part on '>pw' '~{orders}*' '~orders' '+@all' >/dev/null
	EV_URL=unix://part:pw@$SERVER_SOCKET must_exit 4 \
		evdlq --redrive -y orders
	must_print "orders: redriven 1 to $back"
	must_say 'orders: the change is not in ev:audit: NOPERM'
	redis acl deluser part >/dev/null
}
