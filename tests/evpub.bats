# How evpub publishes: ids, deduplication, transactions, pace, durability, and
# what it says of it.

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
	others=()
}

teardown()
{
	local SERVER_DIR
	end_started
	for SERVER_DIR in "${others[@]}"; do
		stop_server
	done
}

# other_server OPTION... - one more server, which EV_URL names from now on
other_server()
{
	SERVER_DIR=
	start_server "$@"
	others+=("$SERVER_DIR")
}

# stored STREAM - the bytes of its entries, one per line
stored()
{
	redis --raw xrange "$1" - + | awk 'NR % 3 == 0'
}

# ids STREAM - of its entries, one per line
ids()
{
	redis --raw xrange "$1" - + | awk 'NR % 3 == 1'
}

must_store()
{
	local stream=$1
	shift
	if ! must_equal "$(stored "$stream")" "$(printf '%s\n' "$@")"; then
		show_run
		return 1
	fi
}

# events FIRST LAST
events()
{
	seq "$1" "$2" | sed 's/.*/{"n":&}/'
}

# start_open NAME OPTION... - evpub in the background, its input is fd 4
start_open()
{
	local name=$1
	shift
	mkfifo "$name.fifo"
	exec 4<>"$name.fifo" # blocks nobody
	START_STDIN=$name.fifo start "$name" evpub "$@" 4>&-
}

has_length()
{
	[ "$(redis xlen "$1")" -eq "$2" ]
}

has_text()
{
	grep -q -- "$2" "$1"
}

is_after()
{
	[ "$(now_ms)" -ge "$1" ]
}

@test "evpub is silent unless asked" {
	must_exit 0 evpub stream '{"a":1}'
	must_equal "$output$stderr" ''
}

@test "an event is one entry with one field, data" {
	must_exit 0 evpub stream '{"a":1}'
	must_equal "$(redis --raw xrange stream - + | tail -n +2)" $'data\n{"a":1}'
}

@test "-i prints the entries' ids in the order of the events" {
	events 1 5000 >input
	must_exit 0 sh -c 'exec evpub -i stream <input'
	ids stream | cmp - "$OUT"
	stored stream | cmp - input
}

@test "-i prints an id at once while the input stays open" {
	start_open pub -i stream
	echo '{"a":1}' >&4
	wait_until 10 has_lines "$(out pub)" 1
	printf '%s\n%s\nbad\n' '{"a":2}' '{"a":3}' >&4
	wait_until 10 has_lines "$(out pub)" 3
	wait_until 10 has_lines "$(err pub)" 1
	printf '{"a":4}' >&4
	exec 4>&-
	finish "$pid" 3
	ids stream | cmp - "$(out pub)"
	must_store stream '{"a":1}' '{"a":2}' '{"a":3}' '{"a":4}'
}

@test "-T prints each event once it is stored" {
	must_exit 0 evpub -T stream '{"a" : 1}' '{"b":"ä"}'
	must_print '{"a" : 1}' '{"b":"ä"}'
	must_exit 4 evpub -T --no-create missing '{"a":1}'
	must_equal "$output" ''
}

@test "-T prints what was made of a line" {
	must_exit 0 evpub -T -t t stream 1
	must_equal "$output" "$(stored stream)"
}

@test "-i and -T print the id, then the event" {
	must_exit 0 evpub -i -T stream '{"a":1}'
	must_print "$(ids stream)" '{"a":1}'
}

@test "output that can't be written is an error, and what was stored stays" {
	[ -c /dev/full ] || skip 'there is no /dev/full'
	must_exit 5 sh -c 'exec evpub -i stream "{}" >/dev/full'
	must_say '<stdout>: '
	must_store stream '{}'
}

@test "--dedup adds an event once, and prints the first one's id again" {
	printf '{"event_id":"%s","event_type":"t"}\n' 1 2 1 3 >input
	must_exit 0 sh -c 'exec evpub -v -i --dedup 1m stream <input'
	must_say '4 published (1 of them known before), 0 refused'
	must_equal "${lines[2]}" "${lines[0]}"
	cp "$OUT" first
	must_exit 0 sh -c 'exec evpub -i --dedup 1m stream <input'
	cmp "$OUT" first
	must_equal "$(redis xlen stream)" 3
}

@test "--dedup knows an event without an id by its bytes" {
	must_exit 0 evpub --dedup 1m stream '{"a":1}' '{"a":2}' '{"a":1}' '{"a": 1}'
	must_store stream '{"a":1}' '{"a":2}' '{"a": 1}'
}

@test "--dedup knows an event by its id, whatever else it holds" {
	local one='{"specversion":"1.0","id":"\u0041","source":"/s","type":"t"}'
	must_exit 0 evpub --dedup 1m stream "$one" \
		'{"specversion":"1.0","id":"A","source":"/s","type":"u"}'
	must_store stream "$one"
	# Also where envelopes are not looked at.
	must_exit 0 evpub --dedup 1m --envelope none stream "$one"
	must_store stream "$one"
}

@test "--dedup-key tells duplicates by what it points to" {
	must_exit 3 evpub --dedup 1m --dedup-key /o/k stream '{"o":{"k":1},"n":1}' \
		'{"o":{"k":2},"n":2}' '{"o":{"k":1},"n":3}' '{"o":{}}' '{"o":{"k":null}}'
	must_say 'argument 4: no value at --dedup-key' 'argument 5: no value'
	must_store stream '{"o":{"k":1},"n":1}' '{"o":{"k":2},"n":2}'
}

@test "--dedup forgets after its time" {
	must_exit 0 evpub --dedup 100ms stream '{"a":1}'
	wait_until 10 sh -c 'test "$(evpub --dedup 100ms -v stream "{\"a\":1}" 2>&1 |
		grep -c "(0 of them")" = 1'
	must_store stream '{"a":1}' '{"a":1}'
}

@test "--dedup keeps its marks beside the stream, with a time to live" {
	must_exit 0 evpub --dedup 1h stream '{"event_id":"x","event_type":"t"}'
	must_equal "$(redis get '{stream}:seen:x')" "$(ids stream)"
	local left
	left=$(redis pttl '{stream}:seen:x')
	[ "$left" -gt 3500000 ] && [ "$left" -le 3600000 ]
}

@test "two producers at once agree on duplicates" {
	events 1 3000 >input
	local one two
	START_STDIN=input start one evpub -i --dedup 1m stream
	one=$pid
	START_STDIN=input start two evpub -i --dedup 1m stream
	two=$pid
	finish "$one"
	finish "$two"
	cmp "$(out one)" "$(out two)"
	must_equal "$(redis xlen stream)" 3000
	must_equal "$(stored stream | sort -u | wc -l)" 3000
}

@test "--dedup survives that the server forgets its script" {
	start_open pub -i --dedup 1m stream
	events 1 100 >&4
	wait_until 10 has_lines "$(out pub)" 100
	redis script flush >/dev/null
	events 101 2000 >&4
	wait_until 10 has_lines "$(out pub)" 2000
	redis script flush >/dev/null
	events 2001 2100 >&4
	exec 4>&-
	finish "$pid"
	events 1 2100 | diff - <(stored stream)
	ids stream | cmp - "$(out pub)"
}

@test "a script forgotten again and again under load costs no event and no order" {
	events 1 30000 >input
	START_STDIN=input start pub evpub -i --dedup 1m stream
	# One connection, as fast as it goes.
	while ! is_gone "$pid"; do
		yes 'script flush' | head -n 20
	done | redis >/dev/null
	finish "$pid"
	stored stream | cmp - input
	ids stream | cmp - "$(out pub)"
}

@test "--atomic shows all of a transaction at once" {
	start_open pub -i --atomic 3 stream
	printf '%s\n' '{"a":1}' '{"a":2}' >&4
	wait_until 10 sh -c 'redis-cli -s "$SERVER_SOCKET" client list |
		grep -q multi=2'
	must_equal "$(redis exists stream)$(cat "$(out pub)")" 0
	echo '{"a":3}' >&4
	wait_until 10 has_lines "$(out pub)" 3
	echo '{"a":4}' >&4
	exec 4>&-
	finish "$pid"
	must_store stream '{"a":1}' '{"a":2}' '{"a":3}' '{"a":4}'
	ids stream | cmp - "$(out pub)"
}

@test "--atomic undoes all lines of a transaction with a refused one, and only those" {
	{
		events 1 3
		events 4 5
		echo bad
		events 7 9
		echo worse
		events 11 13
	} >input
	must_exit 3 sh -c 'exec evpub -i --atomic 3 --rejects rejects stream <input'
	must_equal "$(stored stream | tr '\n' ' ')" \
		'{"n":1} {"n":2} {"n":3} {"n":7} {"n":8} {"n":9} {"n":13} '
	ids stream | cmp - "$OUT"
	must_equal "$(jq -c '[.line, .text]' rejects | sort -t[ -k2n | tr '\n' ' ')" \
		'[4,"{\"n\":4}"] [5,"{\"n\":5}"] [6,"bad"] [10,"worse"] [11,"{\"n\":11}"] [12,"{\"n\":12}"] '
	must_say '<stdin>:5: not stored: line 6, of the same transaction, was refused' \
		'<stdin>:12: not stored: line 10, of the same transaction'
}

@test "--atomic with --strict stores no part of the transaction that it stops in" {
	{
		events 1 3
		echo bad
		events 5 6
	} >input
	must_exit 3 sh -c 'exec evpub --atomic 2 --strict stream <input'
	must_equal "$(stored stream | tr '\n' ' ')" '{"n":1} {"n":2} '
}

@test "--atomic takes a transaction larger than the window" {
	events 1 20000 >input
	must_exit 0 sh -c 'exec evpub -i --atomic 20000 stream <input'
	stored stream | cmp - input
	ids stream | cmp - "$OUT"
}

@test "--atomic and --dedup go together, also without the script" {
	redis script flush >/dev/null
	must_exit 3 evpub -v --atomic 2 --dedup 1m stream '{"a":1}' '{"a":1}' \
		'{"a":2}' bad '{"a":3}' '{"a":1}'
	must_store stream '{"a":1}' '{"a":3}'
	must_say '4 published (2 of them known before), 2 refused'
	# What was undone left no mark.
	must_exit 0 evpub --dedup 1m stream '{"a":2}'
	must_store stream '{"a":1}' '{"a":3}' '{"a":2}'
}

@test "--rate bounds how fast events go" {
	events 1 20 >input
	local start
	start=$(now_ms)
	must_exit 0 sh -c 'exec evpub --rate 100 stream <input'
	is_after $((start + 150))
	stored stream | cmp - input
}

@test "--rate saves nothing up while there is no input" {
	start_open pub -i --rate 50 stream
	echo '{"n":0}' >&4
	wait_until 10 has_lines "$(out pub)" 1
	wait_until 10 is_after $(($(now_ms) + 500))
	local start
	start=$(now_ms)
	events 1 20 >&4
	exec 4>&-
	finish "$pid"
	is_after $((start + 200))
	must_equal "$(redis xlen stream)" 21
}

@test "--max-lag waits for the group, and goes on when it reads" {
	redis xgroup create stream slow 0 mkstream >/dev/null
	redis xgroup create stream other '$' >/dev/null
	events 1 30 >input
	START_STDIN=input start pub evpub --max-lag 10:slow stream
	wait_until 10 has_length stream 10
	must_exit 0 evsub -q -g slow -c 5 -w 10s stream
	wait_until 10 has_length stream 15
	must_exit 0 evsub -q -g slow -c 25 -w 10s stream
	finish "$pid"
	stored stream | cmp - input
}

@test "--max-lag without a group waits for the one furthest behind" {
	redis xgroup create stream slow 0 mkstream >/dev/null
	redis xgroup create stream fast 0 >/dev/null
	events 1 20 >input
	START_STDIN=input start pub evpub --max-lag 5 stream
	wait_until 10 has_length stream 5
	must_exit 0 evsub -q -g fast -c 5 -w 10s stream
	must_exit 0 evsub -q -g slow -c 2 -w 10s stream
	wait_until 10 has_length stream 7
	kill -TERM "$pid"
	finish "$pid" 1
	must_equal "$(redis xlen stream)" 7
}

@test "--maxlen keeps about so many entries, and all are kept without it" {
	events 1 3000 >input
	must_exit 0 sh -c 'exec evpub stream <input'
	must_equal "$(redis xlen stream)" 3000
	must_exit 0 sh -c 'exec evpub --maxlen 100 stream <input'
	[ "$(redis xlen stream)" -ge 100 ] && [ "$(redis xlen stream)" -le 300 ]
	must_equal "$(stored stream | tail -n 1)" '{"n":3000}'
	must_exit 0 sh -c 'exec evpub --dedup 1m --maxlen 100 other <input'
	[ "$(redis xlen other)" -ge 100 ] && [ "$(redis xlen other)" -le 300 ]
}

@test "--no-create adds to what is there, and creates nothing" {
	must_exit 4 evpub --no-create stream '{"a":1}'
	must_say 'evpub: stream: cannot add: no such stream'
	must_exit 4 evpub --no-create --dedup 1m stream '{"a":1}'
	must_exit 4 evpub --no-create --atomic 2 stream '{"a":1}' '{"a":2}'
	must_equal "$(redis dbsize)" 0
	must_exit 0 evpub stream '{"a":0}'
	must_exit 0 evpub --no-create stream '{"a":1}'
	must_store stream '{"a":0}' '{"a":1}'
}

@test "--durability leader and none store all, in order" {
	events 1 5000 >input
	must_exit 0 sh -c 'exec evpub -v --durability leader one <input'
	must_exit 0 sh -c 'exec evpub -v --durability none two <input'
	must_say '5000 published'
	stored one | cmp - input
	stored two | cmp - input
}

@test "--durability replicas=1 without a replica is an error that says so" {
	must_exit 4 evpub -i --durability replicas=1 -w 50ms stream '{"a":1}'
	must_say 'stored, under-replicated: 0 of 1'
	must_equal "$output" ''
	must_store stream '{"a":1}'
}

@test "--durability replicas=1 is satisfied by a replica" {
	local port socket
	port=$(free_port)
	other_server --port "$port" --bind 127.0.0.1 --repl-diskless-sync-delay 0
	socket=$SERVER_SOCKET
	other_server --replicaof 127.0.0.1 "$port"
	wait_until 10 sh -c 'redis-cli -s "$SERVER_SOCKET" info replication |
		grep -q master_link_status:up'
	export EV_URL=unix://$socket
	events 1 3000 >input
	must_exit 0 sh -c 'exec evpub -i --durability replicas=1 stream <input'
	must_equal "$(wc -l <"$OUT")" 3000
	stored stream | cmp - input # on the replica
	must_exit 4 evpub --durability replicas=2 -w 50ms stream '{"a":1}'
	must_say 'stored, under-replicated: 1 of 2'

	# Events that fill the memory set aside for them are waited for too.
	local large
	large=$(head -c 100000 /dev/zero | tr '\0' x)
	for _ in {1..60}; do
		echo "{\"a\":\"$large\"}"
	done >input
	must_exit 0 sh -c 'exec evpub -T --durability replicas=1 large <input'
	cmp "$OUT" input

	# And those sent again because the script was forgotten.
	start_open pub -i --durability replicas=1 --dedup 1m again
	events 1 10 >&4
	wait_until 10 has_lines "$(out pub)" 10
	SERVER_SOCKET=$socket redis script flush >/dev/null
	events 11 20 >&4
	wait_until 10 has_lines "$(out pub)" 20
	exec 4>&-
	finish "$pid"
	events 1 20 | diff - <(stored again)
}

@test "--durability fsync asks for a newer server where it can't be had" {
	[ -z "$(redis command info waitaof)" ] ||
		skip 'this server has WAITAOF'
	must_exit 4 evpub --durability fsync stream '{}'
	must_say '--durability fsync' 'no WAITAOF'
	must_equal "$(redis exists stream)" 0
}

@test "--durability fsync waits for the disk" {
	[ -n "$(redis command info waitaof)" ] ||
		skip 'this server has no WAITAOF'
	must_exit 4 evpub --durability fsync -w 50ms stream '{}'
	other_server --appendonly yes
	events 1 3000 >input
	must_exit 0 sh -c 'exec evpub -i --durability fsync stream <input'
	must_equal "$(wc -l <"$OUT")" 3000
	kill_server
	start_server --appendonly yes
	stored stream | cmp - input
}

@test "a key of another type ends with 4 and the server's words" {
	redis set stream x >/dev/null
	must_exit 4 evpub stream '{}'
	must_say 'evpub: stream: cannot add: WRONGTYPE' 'refused: lines 1-1'
}

@test "a transaction that the server refuses is accounted for" {
	redis config set maxmemory 1 >/dev/null
	run_limited evpub --atomic 2 stream '{"a":1}' '{"a":2}' '{"a":3}'
	redis config set maxmemory 0 >/dev/null
	must_equal "$status" 4
	must_say 'evpub: stream: cannot add: OOM' 'refused: lines 1-3 (3 events)' \
		'not sent: lines from 4 on'
	must_equal "$(redis exists stream)" 0
}

@test "no server ends with 4" {
	must_exit 4 evpub -u unix:///no/such/socket --retry-for 0s stream '{}'
	must_say 'unix:///no/such/socket'
}

@test "-v says what was done" {
	must_exit 3 evpub -v stream '{"a":1}' bad '{"a":2}'
	must_say 'evpub: stream: 2 published (0 of them known before), 1 refused'
}

@test "-q says nothing of refused lines, yet the status does" {
	must_exit 3 evpub -q stream '{"a":1}' bad
	must_equal "$stderr" ''
	must_store stream '{"a":1}'
}

@test "--log json makes each message a JSON object" {
	must_exit 3 evpub --log json -v stream $'"\x01\xff\\' $'{"a":"\\' '{"a":1}'
	must_equal "$(jq -r '[.program, .level] | join(" ")' "$ERR")" \
		$'evpub warning\nevpub warning\nevpub info'
	jq -es 'all((.message | type == "string") and
		(.time | test("^20.*Z$")))' "$ERR"
	must_exit 2 evpub --log json --nonsense
	jq -e '.level == "error" and (.message | contains("--nonsense"))' "$ERR"
	must_exit 2 evpub --log xml stream
}

@test "progress is shown on a terminal alone" {
	script -qec true /dev/null </dev/null >/dev/null 2>&1 ||
		skip 'there is no script of util-linux, or no terminal for it'
	mkfifo input
	exec 4<>input
	TERM=dumb start tty script -qefc 'evpub -i stream <input >ids' log 4>&-
	events 1 5 >&4
	wait_until 10 has_lines ids 5
	wait_until 10 has_text log 'evpub: [0-9]* events'
	exec 4>&-
	finish "$pid"
	must_equal "$(redis xlen stream)" 5
}

@test "options come from the command line, the environment, the config file" {
	cat >config <<-END
		url = unix:///no/such/socket
		retry-for = 0s
		evpub.max-bytes = 20
		[here]
		url = $EV_URL
		evpub.source = urn:from:profile
		evpub.type = t
	END
	export EV_CONFIG=$PWD/config
	local url=$EV_URL
	unset EV_URL
	must_exit 4 evpub stream '{}'
	must_say 'unix:///no/such/socket'
	must_exit 0 evpub --profile here stream '{}'
	must_equal "$(stored stream | jq -r '.source + " " + .type')" \
		'urn:from:profile t'
	must_exit 0 evpub --profile here --source urn:x stream '{}'
	must_equal "$(stored stream | tail -n 1 | jq -r .source)" urn:x
	EV_URL=$url must_exit 3 evpub stream '{"a":"longer than 20"}'
	must_say 'longer than 20 bytes'
	REDIS_URL=$url must_exit 0 evpub --max-bytes 1k stream '{"a":"longer than 20"}'
	must_exit 2 evpub --profile nowhere stream '{}'
	must_say 'no section [nowhere]'
	EV_CONFIG=/no/such/file must_exit 2 evpub stream '{}'
	echo 'nonsense = 1' >config
	must_exit 2 evpub stream '{}'
	must_say 'config:1: unknown setting "nonsense"'
}

@test "--dump-config shows the settings and where they are from, but no secret" {
	printf '%s\n' 'evpub.rate = 5' >config
	EV_CONFIG=$PWD/config EV_URL='rediss://me:s3cret@h:1/2' \
		must_exit 0 evpub --dump-config --max-bytes 2k
	[[ $output == *'rate = 5'*config* ]]
	[[ $output == *'max-bytes = 2k  # option'* ]]
	[[ $output == *'rediss://me:'*'@h:1/2'*EV_URL* ]]
	[[ $output$stderr != *s3cret* ]]
}

@test "a password on the command line is taken with a warning" {
	redis acl setuser me on '>s3cret' '~*' '+@all' >/dev/null
	must_exit 0 evpub -u "unix://me:s3cret@$SERVER_SOCKET" stream '{}'
	redis acl deluser me >/dev/null
	must_say 'password on the command line'
	[[ $stderr != *s3cret* ]]
	must_store stream '{}'
}

@test "--help and --version go to standard output" {
	must_exit 0 evpub --help
	[[ $output == 'usage: evpub '*--dedup-key* ]] && [ -z "$stderr" ]
	must_exit 0 evpub -V
	[[ $output == evpub* ]]
}
