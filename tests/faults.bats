# What evpub, evsub and evtail do when the server is away, goes away, hangs,
# refuses or lies; and where a signal finds them.

load helper

setup_file()
{
	start_server
	# One program each, which the tests below start.
	"${CC:-cc}" -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/peer" \
		"$EV_TESTS/fault/peer.c"
	"${CC:-cc}" -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/peak" \
		"$EV_TESTS/fault/peak.c"
}

teardown_file()
{
	stop_server
}

setup()
{
	flush
	own=
	began=$(now_ms)
}

teardown()
{
	end_started
	[ -z "$own" ] || stop_server
}

# A server of this test alone.
own_server()
{
	SERVER_DIR=
	own=yes
	start_server "$@"
}

# must_take MS - no longer than that since `began`, or since the test began
must_take()
{
	local took=$(($(now_ms) - began))
	if [ "$took" -gt "$1" ]; then
		echo "took $took ms instead of at most $1" >&2
		show_run
		return 1
	fi
}

# each STATUS OPTION... - all three programs end so
each()
{
	local expected=$1
	shift
	must_exit "$expected" evpub "$@" s '{"n":1}'
	must_say "${said[@]}"
	must_exit "$expected" evtail "$@" s
	must_say "${said[@]}"
	must_exit "$expected" evsub -g g -E "$@" s
	must_say "${said[@]}"
}

says()
{
	grep -qF -- "$2" "$(err "$1")"
}

numbers()
{
	seq -f '{"n":%.0f}' "$1" "$2"
}

publish()
{
	numbers "$1" "$2" | evpub s
}

length()
{
	redis xlen s
}

# signal SIGNAL PID - to the program that start has started with this pid
signal()
{
	kill "-$1" "$(child_of "$2")"
}

@test "a server that is not there is status 4, with its address and the reason" {
	said=("unix:///nowhere/s: cannot connect: No such file or directory")
	each 4 -u unix:///nowhere/s --retry-for 0
	port=$(free_port)
	said=("redis://127.0.0.1:$port: cannot connect: Connection refused")
	each 4 -u "redis://127.0.0.1:$port" --retry-for 0
	must_take 2500
	must_exit 4 evtail -u redis://name.invalid --retry-for 0 s
	must_say 'redis://name.invalid: cannot look up name.invalid'
}

@test "a server that is not there is waited for as long as --retry-for says" {
	port=$(free_port)
	said=("redis://127.0.0.1:$port: cannot connect" 'trying for 300ms')
	each 4 -u "redis://127.0.0.1:$port" --retry-for 300ms
	[ $(($(now_ms) - began)) -ge 900 ]
	must_take 4000
}

@test "a server that comes later is waited for" {
	SERVER_DIR=$(mktemp -d /tmp/ev-test.XXXXXX)
	export EV_URL=unix://$SERVER_DIR/redis.sock
	start pub evpub s '{"n":1}'
	pub=$pid
	start tail evtail -f s
	start sub evsub -g g -c 1 s
	sub=$pid
	wait_until 10 says pub trying
	wait_until 10 says tail 'trying until it works'
	wait_until 10 says sub 'trying until it works'
	own=yes
	start_server
	finish "$pub"
	finish "$sub"
	wait_until 10 has_lines "$(out tail)" 1
	must_equal "$(cat "$(out sub)")" '{"n":1}'
	must_equal "$(cat "$(out tail)")" '{"n":1}'
	must_equal "$(length)" 1
}

# report NAME - check what evpub said of its lines: that each of them is in one
# range, in order.  Sets confirmed and sent, the last such lines.
report()
{
	local text what first last count next=1
	confirmed=0 sent=0
	while read -r text; do
		text=${text#evpub: s: }
		what=${text%%:*}
		if [[ $text =~ ^'not sent: lines from '([0-9]+)' on'$ ]]; then
			must_equal "${BASH_REMATCH[1]}" "$next"
			next=end
		elif [[ $text =~ ': lines '([0-9]+)-([0-9]+)' ('([0-9]+)' ' ]]; then
			first=${BASH_REMATCH[1]} last=${BASH_REMATCH[2]}
			count=${BASH_REMATCH[3]}
			must_equal "$first" "$next"
			must_equal "$count" $((last - first + 1))
			next=$((last + 1))
			case $what in
			confirmed) confirmed=$last sent=$last ;;
			unknown) sent=$last ;;
			'not sent') ;;
			*) return 1 ;;
			esac
		fi
	done <"$(err "$1")"
	must_equal "$next" end
}

@test "a server killed in mid-stream: the report is what the server has" {
	own_server --appendonly yes --appendfsync always
	for turn in 1 2 3 4 5 6 7 8 9 10; do
		redis del s >/dev/null
		mkfifo "$BATS_TEST_TMPDIR/lines.$turn"
		numbers 1 10000000 >"$BATS_TEST_TMPDIR/lines.$turn" 3>&- &
		START_STDIN=$BATS_TEST_TMPDIR/lines.$turn
		start pub evpub -i s
		wait_until 10 has_lines "$(out pub)" $((RANDOM % 20000 + 1))
		kill_server
		finish "$pid" 4 || { cat "$(err pub)" >&2 && false; }
		must_equal "$(grep -c 'cannot add: unix' "$(err pub)")" 1
		report pub || { cat "$(err pub)" >&2 && false; }
		start_server --appendonly yes --appendfsync always
		stored=$(length)
		echo "confirmed $confirmed, stored $stored, sent $sent"
		[ "$confirmed" -gt 0 ]
		[ "$confirmed" -le "$stored" ]
		[ "$stored" -le "$sent" ]
		evtail -n all s | cmp - <(numbers 1 "$stored")
		must_equal "$(wc -l <"$(out pub)")" "$confirmed"
		evtail -m -n all s | head -n "$confirmed" |
			sed 's/.*"id":"\([0-9-]*\)".*/\1/' |
			cmp - "$(out pub)"
	done
}

@test "killed while evsub and evtail -f read: they go on where they were" {
	own_server --appendonly yes --appendfsync always
	publish 1 1000
	start tail evtail -n all -f s
	start sub evsub -g g s
	sub=$pid
	wait_until 10 has_lines "$(out tail)" 1000
	wait_until 10 has_lines "$(out sub)" 1000
	kill_server
	wait_until 10 says tail 'trying until it works'
	wait_until 10 says sub 'trying until it works'
	start_server --appendonly yes --appendfsync always
	publish 1001 2000
	wait_until 15 has_lines "$(out tail)" 2000
	wait_until 15 has_lines "$(out sub)" 2000
	signal TERM "$sub"
	finish "$sub"
	cmp "$(out tail)" <(numbers 1 2000)
	# What was not acknowledged may come twice, nothing may be missing.
	cmp <(sort -u "$(out sub)") <(numbers 1 2000 | sort)
	must_equal "$(redis xpending s g | head -n 1)" 0
}

@test "a server that hangs: evpub ends with its line unknown" {
	own_server
	mkfifo "$BATS_TEST_TMPDIR/lines"
	START_STDIN=$BATS_TEST_TMPDIR/lines
	exec 5<>"$START_STDIN"
	start pub evpub -i --reply-timeout 300ms s 5>&-
	echo '{"n":1}' >&5
	wait_until 10 has_lines "$(out pub)" 1
	kill -STOP "$(server_pid)"
	echo '{"n":2}' >&5
	finish "$pid" 4
	exec 5>&-
	says pub 'no answer within 300ms'
	says pub 's: confirmed: lines 1-1 (1 events)'
	says pub 's: unknown: lines 2-2 (1 events)'
	says pub 's: not sent: lines from 3 on'
	must_equal "$(wc -l <"$(out pub)")" 1
}

@test "a server that hangs: evtail tries again for --retry-for" {
	own_server
	kill -STOP "$(server_pid)"
	began=$(now_ms)
	must_exit 4 evtail --reply-timeout 200ms --retry-for 1s -n all s
	must_say 'no answer within'
	must_take 4000
}

@test "a server that hangs for longer than evsub waits: nothing is lost" {
	own_server
	publish 1 1000
	start sub evsub -g g --reply-timeout 100ms s
	sub=$pid
	wait_until 10 has_lines "$(out sub)" 1000
	kill -STOP "$(server_pid)"
	wait_until 10 says sub 'no answer within'
	kill -CONT "$(server_pid)"
	publish 1001 3000
	wait_until 15 has_lines "$(out sub)" 3000
	signal TERM "$sub"
	finish "$sub"
	cmp <(sort -u "$(out sub)") <(numbers 1 3000 | sort)
	must_equal "$(redis xpending s g | head -n 1)" 0
}

@test "a silence limit of nothing is refused" {
	must_exit 2 evpub --reply-timeout 0 s '{}'
	must_say --reply-timeout
}

@test "a connection that the server closed while idle is made again" {
	own_server
	mkfifo "$BATS_TEST_TMPDIR/lines"
	START_STDIN=$BATS_TEST_TMPDIR/lines
	exec 5<>"$START_STDIN"
	start pub evpub -i --dedup 1h s 5>&-
	for n in 1 2 3; do
		echo "{\"n\":$n}" >&5
		wait_until 10 has_lines "$(out pub)" $n
		redis client kill type normal skipme yes >/dev/null
	done
	exec 5>&-
	finish "$pid" || { cat "$(err pub)" >&2 && false; }
	must_equal "$(length)" 3
	must_equal "$(grep -c 'cannot add' "$(err pub)")" 0
}

@test "a server that goes away while evpub has nothing to say costs nothing" {
	own_server
	mkfifo "$BATS_TEST_TMPDIR/lines"
	START_STDIN=$BATS_TEST_TMPDIR/lines
	exec 5<>"$START_STDIN"
	start pub evpub -i --retry-for 300ms s 5>&-
	echo '{"n":1}' >&5
	wait_until 10 has_lines "$(out pub)" 1
	kill_server
	echo '{"n":2}' >&5
	finish "$pid" 4
	exec 5>&-
	says pub 's: confirmed: lines 1-1 (1 events)'
	says pub 's: not sent: lines from 2 on'
	must_equal "$(grep -c unknown "$(err pub)")" 0
}

@test "a --max-lag connection that was closed while idle is made again" {
	redis xgroup create s g 0 mkstream >/dev/null
	mkfifo "$BATS_TEST_TMPDIR/lines"
	START_STDIN=$BATS_TEST_TMPDIR/lines
	exec 5<>"$START_STDIN"
	start pub evpub -i --max-lag 1:g s 5>&-
	for n in 1 2; do
		echo "{\"n\":$n}" >&5
		wait_until 10 has_lines "$(out pub)" $n
		redis client kill type normal skipme yes >/dev/null
		redis xreadgroup group g me count 10 streams s '>' >/dev/null
	done
	exec 5>&-
	finish "$pid" || { cat "$(err pub)" >&2 && false; }
}

@test "CLIENT KILL while following: nothing is lost or doubled" {
	publish 1 10
	start tail evtail -n all -f s
	start sub evsub -g g s
	for n in 1 2 3; do
		wait_until 10 has_lines "$(out tail)" $((n * 10))
		wait_until 10 has_lines "$(out sub)" $((n * 10))
		redis client kill type normal skipme yes >/dev/null
		publish $((n * 10 + 1)) $((n * 10 + 10))
	done
	wait_until 10 has_lines "$(out tail)" 40
	wait_until 10 has_lines "$(out sub)" 40
	cmp "$(out tail)" <(numbers 1 40)
	cmp <(sort -u "$(out sub)") <(numbers 1 40 | sort)
}

# idle_ms - how long ago the lease of the oldest pending entry was renewed
idle_ms()
{
	redis xpending s g - + 1 | sed -n 3p
}

was_renewed()
{
	[ "$(idle_ms)" -lt "$((seen - 50))" ]
}

@test "the connection that renews leases was closed while idle: it is made again" {
	publish 1 3
	start sub evsub -g g --manual -m --lease 900ms s
	wait_until 10 has_lines "$(out sub)" 3
	for _ in 1 2; do
		wait_until 10 sh -c "redis-cli -s '$SERVER_SOCKET' client list |
			grep -q cmd=evalsha"
		redis client kill id "$(redis client list |
			sed -n '/cmd=evalsha/s/^id=\([0-9]*\) .*/\1/p')" \
			>/dev/null
		wait_until 10 sh -c "[ \$(redis-cli -s '$SERVER_SOCKET' \
			xpending s g - + 1 | sed -n 3p) -gt 150 ]"
		seen=$(idle_ms)
		wait_until 10 was_renewed
	done
	must_equal "$(grep -c 'cannot renew' "$(err sub)")" 0
}

# Passwords and rights

@test "a wrong password and a missing one are status 4, and not shown" {
	own_server --requirepass sesame
	url=$EV_URL
	export REDISCLI_AUTH=
	said=("$url: NOAUTH")
	each 4 --retry-for 10s
	echo open-barley >"$BATS_TEST_TMPDIR/wrong"
	said=("$url: WRONGPASS")
	each 4 --retry-for 10s --password-file "$BATS_TEST_TMPDIR/wrong"
	[[ $stderr != *barley* ]]
	EV_URL=unix://:open-barley@${url#unix://}
	said=("WRONGPASS")
	each 4 --retry-for 10s
	[[ $stderr != *barley* ]]
	must_take 5000 # none of them is tried again
}

@test "where the password comes from: file, then URL, then REDISCLI_AUTH" {
	own_server --requirepass sesame
	plain=$EV_URL
	right=$BATS_TEST_TMPDIR/right
	printf 'sesame\r\nmore\n' >"$right"
	with=unix://:sesame@${plain#unix://}
	wrong=unix://:wrong@${plain#unix://}
	must_exit 0 evpub --password-file "$right" s '{"n":1}'
	EV_PASSWORD_FILE=$right must_exit 0 evpub s '{"n":1}'
	REDISCLI_AUTH=sesame must_exit 0 evpub s '{"n":1}'
	REDISCLI_AUTH=wrong must_exit 4 evpub s '{"n":1}'
	EV_URL=$with must_exit 0 evpub s '{"n":1}'
	EV_URL=$with REDISCLI_AUTH=wrong must_exit 0 evpub s '{"n":1}'
	EV_URL=$wrong REDISCLI_AUTH=sesame must_exit 4 evpub s '{"n":1}'
	EV_URL=$wrong EV_PASSWORD_FILE=$right must_exit 0 evpub s '{"n":1}'
	EV_URL=$wrong must_exit 0 evtail --password-file "$right" s
	EV_URL=$plain must_exit 2 evpub --password-file /nowhere s '{}'
	must_say /nowhere
	: >"$BATS_TEST_TMPDIR/empty"
	must_exit 2 evpub --password-file "$BATS_TEST_TMPDIR/empty" s '{}'
	must_say empty
}

@test "a password in -u is taken with a warning that does not repeat it" {
	own_server --requirepass sesame
	with=unix://:sesame@${EV_URL#unix://}
	unset EV_URL
	said=('password' '--password-file')
	each 0 -u "$with"
	[[ $stderr != *sesame* ]]
	EV_URL=$with must_exit 0 evpub s '{"n":1}'
	must_equal "$stderr" ''
}

@test "passwords are in no process list and in no --dump-config" {
	own_server --requirepass sesame
	with=unix://:sesame@${EV_URL#unix://}
	printf 'url = %s\n' "$with" >"$BATS_TEST_TMPDIR/config"
	EV_CONFIG=$BATS_TEST_TMPDIR/config EV_URL='' REDIS_URL='' \
		start tail evtail -v -f s
	wait_until 10 sh -c "tr '\\0' ' ' </proc/$(child_of "$pid")/cmdline |
		grep -q '^evtail -v -f s'"
	for program in evpub evtail evsub; do
		EV_URL=$with REDISCLI_AUTH=sesame must_exit 0 $program \
			--dump-config
		[[ $output$stderr != *sesame* ]]
		[[ $output = *url* ]]
	done
	wait_until 10 sh -c "redis-cli -s '$SERVER_SOCKET' -a sesame \
		client list 2>/dev/null | grep -q name=evtail"
	[[ $(cat "$(err tail)") != *sesame* ]]
}

@test "a user without the right to a command or key is status 4 with both" {
	redis acl setuser noadd on '>p' '~*' +@all -xadd >/dev/null
	redis acl setuser noread on '>p' '~*' +@all -xreadgroup -xrange \
		-xrevrange -xread >/dev/null
	redis acl setuser nokeys on '>p' '~other' +@all >/dev/null
	publish 1 3
	redis xgroup create s g 0 >/dev/null
	export REDISCLI_AUTH=p
	socket=${EV_URL#unix://}
	EV_URL=unix://noadd@$socket must_exit 4 evpub s '{"n":1}'
	must_say 's: cannot add: NOPERM' xadd 's: refused: lines 1-1'
	export EV_URL=unix://noread@$socket
	must_exit 4 evtail s
	must_say 's: NOPERM' xrevrange
	must_exit 4 evtail -n all s
	must_say 's: NOPERM' xrange
	must_exit 4 evsub -g g s
	must_say 's: NOPERM' xreadgroup
	export EV_URL=unix://nokeys@$socket said=('s: ' NOPERM)
	each 4
	must_take 5000
}

@test "a lag that may not be read ends evpub with what is done" {
	redis acl setuser nolag on '>p' '~*' +@all -xinfo >/dev/null
	export REDISCLI_AUTH=p EV_URL=unix://nolag@${EV_URL#unix://}
	must_exit 4 evpub --max-lag 5:g s '{"n":1}'
	must_say 's: cannot read the lag: NOPERM' 'lines up to 0 are done'
	must_equal "$(redis exists s)" 0
}

@test "a user who may not create groups reads those that are there" {
	redis acl setuser nogroup on '>p' '~*' +@all -xgroup >/dev/null
	publish 1 3
	export REDISCLI_AUTH=p EV_URL=unix://nogroup@${EV_URL#unix://}
	must_exit 4 evsub -g g -w 2s s
	must_say 's: NOPERM' xgroup
	redis xgroup create s g 0 >/dev/null
	must_exit 0 evsub -g g -E s
	must_equal "${#lines[@]}" 3
}

# Refusals

@test "a key of another type is status 4 with its name" {
	redis set s text >/dev/null
	said=('s: ' 'WRONGTYPE')
	each 4
	must_exit 4 evtail -f s
	must_say 's: WRONGTYPE'
	must_exit 4 evtail -n all s
	must_say 's: WRONGTYPE'
	must_exit 4 evsub -g g s
	must_say 's: WRONGTYPE'
	must_equal "$(redis get s)" text
}

@test "a server that is full: evpub tells what is stored, evsub goes on" {
	own_server --maxmemory-policy noeviction
	publish 1 1000
	redis xgroup create s g 0 >/dev/null
	used=$(redis info memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
	redis config set maxmemory $((used + 1500000)) >/dev/null
	must_exit 4 evpub s < <(numbers 1001 1000000)
	must_say 's: cannot add: OOM'
	confirmed=$(sed -n 's/.* confirmed: lines 1-\([0-9]*\) .*/\1/p' "$ERR")
	must_equal "$(length)" $((1000 + confirmed))
	[ "$confirmed" -gt 0 ]
	refused=$(sed -n 's/.* refused: lines \([0-9]*\)-.*/\1/p' "$ERR")
	must_equal "$refused" $((confirmed + 1))
	must_exit 0 evsub -g g -E s
	must_equal "${#lines[@]}" $((1000 + confirmed))
	must_equal "$(redis xpending s g | head -n 1)" 0
	must_exit 4 evsub -g new -E --retry-for 300ms s
	must_say OOM
}

@test "a read-only replica: evpub is refused, evtail reads" {
	own_server
	publish 1 3
	redis replicaof 127.0.0.1 1 >/dev/null
	must_exit 4 evpub s '{"n":4}'
	must_say 's: cannot add: READONLY'
	must_equal "$(length)" 3
	must_exit 0 evtail s
	must_equal "${#lines[@]}" 3
}

@test "a server that can't save refuses writes: MISCONF" {
	own_server
	publish 1 3
	redis config set dir "$SERVER_DIR" >/dev/null
	mkdir "$SERVER_DIR/dump.rdb"
	redis config set save '3600 1' >/dev/null
	redis bgsave >/dev/null
	wait_until 10 sh -c "redis-cli -s '$SERVER_SOCKET' info persistence |
		grep -q last_bgsave_status:err"
	must_exit 4 evpub s '{"n":4}'
	must_say 's: cannot add: MISCONF'
	must_equal "$(length)" 3
	must_exit 0 evtail s
	must_equal "${#lines[@]}" 3
}

@test "a server with too many clients is one to try again" {
	own_server
	start holder evtail -f s
	wait_until 10 sh -c "redis-cli -s '$SERVER_SOCKET' client list |
		grep -q name=evtail"
	redis config set maxclients 1 >/dev/null
	must_exit 4 evpub --retry-for 300ms s '{"n":1}'
	must_say 'max number of clients reached' 'trying for 300ms'
	start pub evpub s '{"n":1}'
	wait_until 10 says pub 'max number of clients'
	end_started_but "$pid"
	finish "$pid"
}

# end_started_but PID - end the others
end_started_but()
{
	local one
	for one in "${started[@]}"; do
		[ "$one" = "$1" ] || signal TERM "$one"
	done
}

# Addresses

@test "the database of the URL is used, as /3 and as ?db=3" {
	must_exit 0 evpub -u "$EV_URL?db=3" s '{"n":3}'
	must_equal "$(redis -n 3 xlen s)" 1
	must_equal "$(redis xlen s)" 0
	own_server --port "$(free_port)" --bind 127.0.0.1
	port=$(redis config get port | tail -n 1)
	must_exit 0 evpub -u "redis://127.0.0.1:$port/3" s '{"n":3}'
	must_equal "$(redis -n 3 xlen s)" 1
	must_exit 0 evtail -u "redis://127.0.0.1:$port/3" s
	must_print '{"n":3}'
	must_exit 4 evtail -u "redis://127.0.0.1:$port/99" s
	must_say 'DB index is out of range'
}

@test "unix://, a path alone, host:port and IPv6" {
	must_exit 0 evpub -u "$SERVER_SOCKET" s '{"n":1}'
	must_exit 0 evtail -u "unix://$SERVER_SOCKET" s
	must_print '{"n":1}'
	own_server --port "$(free_port)" --bind 127.0.0.1 -::1
	port=$(redis config get port | tail -n 1)
	must_exit 0 evpub -u "127.0.0.1:$port" s '{"n":1}'
	must_exit 0 evtail -u "redis://localhost:$port" s
	must_print '{"n":1}'
	(exec 4<>"/dev/tcp/::1/$port") 2>/dev/null || skip 'no IPv6 here'
	must_exit 0 evtail -u "redis://[::1]:$port" s
	must_print '{"n":1}'
}

@test "-u beats EV_URL, which beats REDIS_URL" {
	url=$EV_URL nowhere=unix:///nowhere/s
	EV_URL=$nowhere must_exit 0 evpub -u "$url" s '{"n":1}'
	EV_URL=$url REDIS_URL=$nowhere must_exit 0 evpub s '{"n":1}'
	EV_URL='' REDIS_URL=$url must_exit 0 evpub s '{"n":1}'
	REDIS_URL=$url EV_URL=$nowhere must_exit 4 evpub --retry-for 0 s '{}'
	must_say "$nowhere"
	must_equal "$(length)" 3
}

@test "sentinel and cluster are not supported yet, and that is said" {
	said=('redis+sentinel is not supported yet')
	each 2 -u redis+sentinel://h1,h2/master
	said=('redis+cluster is not supported yet')
	each 2 -u redis+cluster://h1,h2
}

# Hostile peers

# hostile RULE... - a peer that behaves so at EV_URL
hostile()
{
	local socket=$BATS_TEST_TMPDIR/peer.sock
	if [ -S "$socket" ]; then
		signal TERM "$peer"
		wait "$peer" 2>/dev/null || :
		rm "$socket"
	fi
	start peer "$BATS_FILE_TMPDIR/peer" "$socket" "$@"
	peer=$pid
	EV_URL=unix://$socket
	wait_until 10 has_lines "$(out peer)" 1
}

# Its memory says nothing.
is_sanitized()
{
	grep -q __asan_init "$BUILD/$1"
}

most=65536 # KiB

# survive PROGRAM [ARGUMENT]... - it ends with 4 in bounded time and memory
survive()
{
	local program=$1
	shift
	began=$(now_ms)
	must_exit 4 "$BATS_FILE_TMPDIR/peak" "$BATS_TEST_TMPDIR/peak" \
		"$program" --reply-timeout 300ms --retry-for 300ms "$@"
	must_take 8000
	[ "$stderr" != '' ]
	used=$(cat "$BATS_TEST_TMPDIR/peak")
	if ! is_sanitized "$program" && [ "$used" -gt $((most)) ]; then
		echo "it used $used KiB, more than $most" >&2
		return 1
	fi
}

@test "a peer that talks nonsense ends each program with status 4" {
	for rule in '*:hello\r\n' '*:HTTP/1.1 400 Bad Request\r\n\r\n' '*:\0\0' \
		'*:$5\r\nab!hang' '*:!hang' '*:!close' '*:*x\r\n' \
		'*:$99999999999\r\n' '*:*2000000000\r\n!flood' \
		'*:+OK\r\n' '*:*1\r\n$1\r\na\r\n'; do
		echo "rule: $rule"
		hostile "$rule"
		survive evpub s '{"n":1}'
		survive evtail -f -n all s
		survive evsub -g g s
	done
}

@test "a line without an end is not taken into memory" {
	hostile '*:+xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!flood'
	survive evpub s '{"n":1}'
	survive evtail -n all s
	survive evsub -g g -E s
}

@test "a text longer than Redis allows is not taken into memory in full" {
	! is_sanitized evtail || skip 'too slow with sanitizers'
	hostile '*:$99999999999\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!flood'
	most=$((700 << 10))
	survive evtail --reply-timeout 10s s
	must_say 'more than 536870912 bytes'
}

@test "answers of the wrong shape are said to be so" {
	for rule in 'XADD::5\r\n' 'XADD:*0\r\n' 'XADD:+OK\r\n' \
		'XADD:$5\r\nx-y-z\r\n'; do
		echo "rule: $rule"
		hostile "$rule"
		survive evpub s '{"n":1}'
		must_say 'XADD answered in an unknown shape' 'unknown: lines 1-1'
	done
	for rule in 'XRANGE::5\r\n' 'XRANGE:*1\r\n:5\r\n' \
		'XRANGE:*1\r\n*2\r\n$3\r\n1-1\r\n*1\r\n$1\r\na\r\n' \
		'XRANGE:*1\r\n*2\r\n$1\r\nx\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n'; do
		echo "rule: $rule"
		hostile "$rule"
		survive evtail -n all s
		must_say 'XRANGE answered in an unknown shape'
	done
	for rule in 'XREADGROUP::5\r\n' 'XREADGROUP:*1\r\n:5\r\n' \
		'XREADGROUP:*1\r\n*2\r\n$1\r\ns\r\n*1\r\n:1\r\n' \
		'XREADGROUP:*1\r\n*2\r\n$1\r\nt\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n'; do
		echo "rule: $rule"
		hostile "$rule" 'XGROUP:+OK\r\n' '*:*0\r\n'
		survive evsub -g g s
		must_say 'XREADGROUP answered in an unknown shape'
	done
}

# Output

@test "evpub -i and -T to a full disk: status 5, and the events are stored" {
	[ -e /dev/full ] || skip 'no /dev/full here'
	for option in -i -T; do
		flush
		numbers 1 1000 >"$BATS_TEST_TMPDIR/lines"
		must_exit 5 sh -c "evpub $option s <'$BATS_TEST_TMPDIR/lines' \
			>/dev/full"
		must_say '<stdout>: No space left on device'
		must_equal "$(length)" 1000
	done
}

@test "evpub -i with stdout closed: status 5, and the events are stored" {
	for option in -i -T; do
		flush
		must_exit 5 sh -c "evpub $option s '{\"n\":1}' >&-"
		must_say '<stdout>: Bad file descriptor'
		must_equal "$(length)" 1
	done
	must_exit 0 sh -c "evpub s '{\"n\":2}' >&-"
	must_equal "$(length)" 2
}

@test "stdin closed is an error of evpub, not the server's connection" {
	must_exit 5 sh -c "evpub s <&-"
	must_say '<stdin>: Bad file descriptor'
}

# Signals

# must_stop STATUS [MS] - TERM to what start started last: it ends so
must_stop()
{
	began=$(now_ms)
	signal TERM "$pid"
	finish "$pid" "$1" || { cat "$BATS_TEST_TMPDIR"/*.err >&2 && false; }
	must_take "${2:-2000}"
}

@test "SIGTERM while connecting ends each program with status 4" {
	export EV_URL=unix:///nowhere/s
	start pub evpub s '{"n":1}'
	wait_until 10 says pub trying
	must_stop 4
	start tail evtail -f s
	wait_until 10 says tail trying
	must_stop 4
	start sub evsub -g g s
	wait_until 10 says sub trying
	must_stop 4
}

@test "SIGTERM while there is nothing to do ends each program" {
	mkfifo "$BATS_TEST_TMPDIR/lines"
	exec 5<>"$BATS_TEST_TMPDIR/lines"
	START_STDIN=$BATS_TEST_TMPDIR/lines
	start pub evpub -i s
	echo '{"n":1}' >&5
	wait_until 10 has_lines "$(out pub)" 1
	must_stop 1
	says pub 'lines up to 1 are done'
	start settle evsub --settle
	wait_until 10 sh -c "redis-cli -s '$SERVER_SOCKET' client list |
		grep -q name=evsub"
	must_stop 0
	exec 5>&-
	START_STDIN=
	start tail evtail -f s
	wait_until 10 has_lines "$(out tail)" 1
	must_stop 0
	start sub evsub -g g s
	wait_until 10 has_lines "$(out sub)" 1
	must_stop 0
	must_equal "$(redis xpending s g | head -n 1)" 0
	must_equal "$(redis xinfo consumers s g)" ''
}

@test "SIGTERM ends evsub's read also where it may not unblock it" {
	redis acl setuser noclient on '>p' '~*' +@all -client >/dev/null
	publish 1 3
	export REDISCLI_AUTH=p EV_URL=unix://noclient@${EV_URL#unix://}
	start sub evsub -g g s
	wait_until 10 has_lines "$(out sub)" 3
	must_stop 0 5000
	must_equal "$(cat "$(err sub)")" ''
	must_equal "$(redis xpending s g | head -n 1)" 0
}

@test "SIGTERM in the pauses of --rate and --max-lag ends evpub" {
	mkfifo "$BATS_TEST_TMPDIR/lines"
	START_STDIN=$BATS_TEST_TMPDIR/lines
	numbers 1 100000 >"$START_STDIN" 3>&- &
	start rate evpub -i --rate 1 s
	wait_until 10 has_lines "$(out rate)" 1
	must_stop 1
	stored=$(length)
	must_equal "$(wc -l <"$(out rate)")" "$stored"
	says rate "lines up to $stored are done"
	flush
	redis xgroup create s g 0 mkstream >/dev/null
	numbers 1 100000 >"$START_STDIN" 3>&- &
	start lag evpub -i --max-lag 10:g s
	wait_until 10 has_lines "$(out lag)" 10
	must_stop 1
	must_equal "$(length)" 10
	says lag 'lines up to 10 are done'
}

@test "SIGTERM while the server hangs: a short wait, then the truth" {
	own_server
	publish 1 10
	mkfifo "$BATS_TEST_TMPDIR/lines"
	exec 5<>"$BATS_TEST_TMPDIR/lines"
	START_STDIN=$BATS_TEST_TMPDIR/lines start pub evpub -i s
	pub=$pid
	echo '{"n":1}' >&5
	start tail evtail -f s
	tail=$pid
	start sub evsub -g g s
	sub=$pid
	wait_until 10 has_lines "$(out pub)" 1
	wait_until 10 has_lines "$(out tail)" 10
	wait_until 10 has_lines "$(out sub)" 11
	kill -STOP "$(server_pid)"
	echo '{"n":2}' >&5
	began=$(now_ms)
	for pid in "$tail" "$pub" "$sub"; do
		signal TERM "$pid"
	done
	finish "$tail" 0
	must_take 2000
	finish "$pub" 4
	must_take 4000
	says pub 'unknown: lines 2-2 (1 events)'
	exec 5>&-
	finish "$sub" 4
	must_take 9000
}

@test "a second signal ends at once" {
	own_server
	mkfifo "$BATS_TEST_TMPDIR/lines"
	exec 5<>"$BATS_TEST_TMPDIR/lines"
	START_STDIN=$BATS_TEST_TMPDIR/lines start pub evpub -i s
	echo '{"n":1}' >&5
	wait_until 10 has_lines "$(out pub)" 1
	kill -STOP "$(server_pid)"
	echo '{"n":2}' >&5
	program=$(child_of "$pid")
	began=$(now_ms)
	kill -TERM "$program"
	# The first one has to be delivered.
	wait_until 5 sh -c \
		"! grep -q '^ShdPnd:.*[1-9a-f]' /proc/$program/status"
	kill -INT "$program"
	finish "$pid" 130
	must_take 1500
	exec 5>&-
}

@test "SIGTERM while nobody reads the output ends each program" {
	seq -f '{"n":%.0f,"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}' \
		1 20000 >"$BATS_TEST_TMPDIR/many"
	evpub s <"$BATS_TEST_TMPDIR/many"
	mkfifo "$BATS_TEST_TMPDIR/full"
	exec 5<>"$BATS_TEST_TMPDIR/full"
	for words in '1 evtail -n all s' '0 evtail -f -n all s' \
		'0 evsub -g g s' '1 evpub -T s'; do
		START_STDIN=/dev/null
		case $words in *evpub*) START_STDIN=$BATS_TEST_TMPDIR/many ;; esac
		start stuck sh -c "exec ${words#* } >'$BATS_TEST_TMPDIR/full'"
		program=$(child_of "$pid")
		wait_until 10 sh -c \
			"grep -q pipe_write /proc/$program/wchan 2>/dev/null ||
			grep -q '^1 ' /proc/$program/syscall 2>/dev/null"
		must_stop "${words%% *}"
	done
	exec 5>&-
	must_exit 0 evsub -g g -E s
	[ "$(sort -u "$OUT" | wc -l)" -ge 19000 ] # it had printed few of them
}
