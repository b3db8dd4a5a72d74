# evsub-faults.bats - evsub when something fails: no event is ever lost

load helper

setup_file()
{
	start_server --appendonly yes --appendfsync no
}

teardown_file()
{
	stop_server
}

setup()
{
	flush
	pad=$(printf '%0100d' 0)
}

# events FROM TO - numbered events of some 120 bytes, one per line
events()
{
	seq "$1" "$2" | sed "s/.*/{\"n\":&,\"pad\":\"$pad\"}/"
}

# publish STREAM FROM TO
publish()
{
	events "$2" "$3" | timeout 20 evpub "$1"
}

# numbers [FILE...] - those of the whole events in the files
numbers()
{
	sed -n 's/^{"n":\([0-9]*\).*}$/\1/p' "$@"
}

# must_be_each_once FROM TO FILE...
must_be_each_once()
{
	local from=$1 to=$2
	shift 2
	numbers "$@" | sort -n | diff - <(seq "$from" "$to") | head -n 20 >&2
	numbers "$@" | sort -n | cmp - <(seq "$from" "$to")
}

# must_be_all_there FROM TO FILE... - at least once each; tells the doubles
must_be_all_there()
{
	local from=$1 to=$2
	shift 2
	numbers "$@" | sort -nu | diff - <(seq "$from" "$to") | head -n 20 >&2
	numbers "$@" | sort -nu | cmp - <(seq "$from" "$to")
	echo "# $(($(numbers "$@" | wc -l) - to + from - 1)) doubles" >&3
}

# pending STREAM GROUP - how many entries are
pending()
{
	redis xpending "$1" "$2" | head -n 1
}

is_pending()
{
	[ "$(pending "$1" "$2")" = "$3" ]
}

consumers()
{
	redis xinfo consumers "$1" "$2" | sed -n '/^name$/{n;p}'
}

# drain STREAM FILE - run evsub until nothing of group g is pending
drain()
{
	timeout 20 evsub -E --lease 100ms -g g "$1" >>"$2" &&
		is_pending "$1" g 0
}

# take_aside STREAM COUNT - have a consumer take entries and die
take_aside()
{
	redis xgroup create "$1" g 0 mkstream >/dev/null
	redis xreadgroup group g dead count "$2" streams "$1" '>' >/dev/null
}

has_blocked_client()
{
	[ "$(redis info clients | tr -d '\r' |
		sed -n 's/^blocked_clients://p')" -ge "${1:-1}" ]
}

has_text()
{
	grep -q "$2" "$1"
}

# has_count FILE TEXT COUNT - lines with that text
has_count()
{
	[ "$(grep -c "$2" "$1")" -ge "$3" ]
}

# into_pipe COMMAND... - run it in the background; its pid is in $pid, what it
# prints comes out of fd 8
into_pipe()
{
	local pipe=$BATS_TEST_TMPDIR/pipe
	mkfifo "$pipe"
	exec 7<>"$pipe"
	exec 8<"$pipe"
	"$@" >"$pipe" 2>"$BATS_TEST_TMPDIR/pipe.err" </dev/null \
		3>&- 7>&- 8<&- &
	pid=$!
	started+=("$pid")
	# Its own end has to be open before ours is closed.
	wait_until 5 test "/proc/$pid/fd/1" -ef "$pipe"
	exec 7>&-
}

# trickle - read fd 8 to its end, a little at a time
trickle()
{
	local part=$BATS_TEST_TMPDIR/part
	while timeout 10 dd bs="$1" count=1 of="$part" <&8 2>/dev/null &&
		[ -s "$part" ]; do
		cat "$part"
		sleep "$2" # a slow reader
	done
}

has_pending()
{
	[ "$(pending "$1" "$2")" -ge "$3" ]
}

# Output

@test "what could not be written is not acknowledged" {
	local ended=0
	publish s 1 80
	timeout 20 evsub -E -g g s >/dev/full 2>"$ERR" || ended=$?
	must_equal "$ended" 5
	grep -q 'No space left' "$ERR"
	must_equal "$(pending s g)" 80
	publish s 81 5000
	ended=0
	timeout 20 evsub -E -g g s >/dev/full 2>"$ERR" || ended=$?
	must_equal "$ended" 5
	wait_until 10 drain s "$BATS_TEST_TMPDIR/all"
	must_be_each_once 1 5000 "$BATS_TEST_TMPDIR/all"
}

@test "a reader that ends early ends evsub quietly, the rest is kept" {
	publish s 1 5000
	must_exit 0 bash -c 'evsub -E -g g s | head -n 1
		exit "${PIPESTATUS[0]}"'
	must_equal "$(numbers "$OUT")" 1
	must_equal "$stderr" ''
	wait_until 10 drain s "$BATS_TEST_TMPDIR/rest"
	first=$(numbers "$BATS_TEST_TMPDIR/rest" | sort -n | head -n 1)
	must_be_each_once "$first" 5000 "$BATS_TEST_TMPDIR/rest"
	# What a pipe, a reader's buffer and a write can hold may be gone.
	[ "$first" -le 2000 ]
}

@test "a reader that ends while evsub waits ends it" {
	start sub bash -c 'evsub -g g s | head -n 1; exit "${PIPESTATUS[0]}"'
	wait_until 5 has_blocked_client
	publish s 1 1
	finish "$pid"
	must_be_each_once 1 1 "$(out sub)"
	is_pending s g 0
}

@test "leases are kept while a reader does not read" {
	publish s 1 3000
	into_pipe timeout 20 evsub -E --lease 300ms -g g s
	wait_until 5 has_pending s g 500
	must_exit 0 evsub -w 1500ms --lease 300ms -g g s
	cp "$OUT" "$BATS_TEST_TMPDIR/two"
	timeout 20 cat <&8 >"$BATS_TEST_TMPDIR/one"
	finish "$pid"
	must_be_each_once 1 3000 "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	is_pending s g 0
}

@test "leases are kept while a reader reads little by little" {
	local one
	publish s 1 3000
	into_pipe timeout 20 evsub -E -b 1000 --lease 300ms -g g s
	one=$pid
	wait_until 5 has_pending s g 500
	start two evsub -w 1500ms --lease 300ms -g g s
	trickle 4096 0.04 >"$BATS_TEST_TMPDIR/one"
	finish "$one"
	finish "$pid"
	must_be_each_once 1 3000 "$BATS_TEST_TMPDIR/one" "$(out two)"
	is_pending s g 0
}

# Crashes

@test "kill -9 at any point loses nothing" {
	local round sub
	publish s 1 8000
	for round in {1..12}; do
		mkfifo "$BATS_TEST_TMPDIR/pipe.$round"
		# A shell's read is slow enough for the kill to hit it.
		while IFS= read -r line; do
			printf '%s\n' "$line"
		done <"$BATS_TEST_TMPDIR/pipe.$round" \
			>"$BATS_TEST_TMPDIR/out.$round" 3>&- &
		reader=$!
		evsub --lease 200ms --consumer "c$round" -g g s \
			>"$BATS_TEST_TMPDIR/pipe.$round" </dev/null 3>&- &
		sub=$!
		sleep "0.$((RANDOM % 150 + 100))" # a random moment
		kill -KILL "$sub"
		wait "$sub" 2>/dev/null || :
		wait "$reader"
	done
	wait_until 10 drain s "$BATS_TEST_TMPDIR/out.last"
	must_be_all_there 1 8000 "$BATS_TEST_TMPDIR"/out.*
}

@test "the dead that held nothing more are removed after the takeover" {
	publish s 1 5
	take_aside s 3
	redis xreadgroup group g dead2 streams s '>' >/dev/null
	must_exit 0 evsub -c 5 -w 5s --lease 100ms -g g s
	must_be_each_once 1 5 "$OUT"
	must_equal "$(consumers s g)" ''
}

# Signals

@test "SIGTERM drains: started and stopped in a stream, each event comes once" {
	local round begin ended publisher
	events 1 6000 >"$BATS_TEST_TMPDIR/in"
	START_STDIN=$BATS_TEST_TMPDIR/in start publisher evpub --rate 2500 s
	publisher=$pid
	for round in {1..30}; do
		evsub -g g s >"$BATS_TEST_TMPDIR/out.$round" \
			2>"$BATS_TEST_TMPDIR/err" </dev/null 3>&- &
		pid=$!
		sleep "0.0$((RANDOM % 70 + 20))" # a random moment
		begin=$(now_ms)
		ended=0
		kill -TERM "$pid" || ended=gone
		wait "$pid" || ended=$?
		[ $(($(now_ms) - begin)) -lt 1000 ]
		if [ "$ended" -ne 0 ]; then
			cat "$BATS_TEST_TMPDIR/err" >&2
			# It may not have come to catching signals.
			must_equal "$ended" 143
			[ ! -s "$BATS_TEST_TMPDIR/out.$round" ]
		fi
		[ "$(redis exists s)" = 0 ] || is_pending s g 0
	done
	finish "$publisher"
	timeout 20 evsub -E -g g s >"$BATS_TEST_TMPDIR/out.last"
	must_be_each_once 1 6000 "$BATS_TEST_TMPDIR"/out.*
	is_pending s g 0
	must_equal "$(consumers s g)" ''
}

@test "SIGTERM in the blocking wait ends it within a second" {
	local begin
	start sub evsub -g g a b
	wait_until 5 has_blocked_client
	begin=$(now_ms)
	kill -TERM "$pid"
	finish "$pid"
	[ $(($(now_ms) - begin)) -lt 1000 ]
	must_equal "$(cat "$(err sub)")" ''
	must_equal "$(consumers a g)$(consumers b g)" ''
}

@test "SIGTERM ends evsub before a reader that does not read, the rest is kept" {
	local begin
	publish s 1 3000
	into_pipe evsub -g g s
	wait_until 5 has_pending s g 500
	begin=$(now_ms)
	kill -TERM "$pid"
	finish "$pid"
	[ $(($(now_ms) - begin)) -lt 3000 ]
	timeout 20 cat <&8 >"$BATS_TEST_TMPDIR/one"
	wait_until 10 drain s "$BATS_TEST_TMPDIR/two"
	must_be_all_there 1 3000 "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
}

@test "SIGTERM lets a slow reader have what was taken from the stream" {
	publish s 1 3000
	into_pipe evsub -g g s
	wait_until 5 has_pending s g 500
	kill -TERM "$pid"
	trickle 16384 0.02 >"$BATS_TEST_TMPDIR/one"
	finish "$pid"
	is_pending s g 0
	timeout 20 evsub -E -g g s >"$BATS_TEST_TMPDIR/two"
	must_be_each_once 1 3000 "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
}

@test "a second signal ends evsub at once" {
	local begin
	evsub -g g s </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
	started+=("$pid")
	wait_until 5 has_blocked_client
	kill -STOP "$(server_pid)"
	kill -TERM "$pid"
	begin=$(now_ms)
	until is_gone "$pid" || [ $(($(now_ms) - begin)) -gt 5000 ]; do
		kill -TERM "$pid" 2>/dev/null || :
		sleep 0.05
	done
	kill -CONT "$(server_pid)"
	finish "$pid" 143
	[ $(($(now_ms) - begin)) -lt 2000 ]
}

# Groups and streams that go away

@test "a group that is destroyed is created again where it was" {
	publish s 1 3
	start sub evsub --lease 1h -g g s
	wait_until 5 has_lines "$(out sub)" 3
	wait_until 5 has_blocked_client
	redis xgroup destroy s g >/dev/null
	wait_until 5 has_text "$(err sub)" 'group g has vanished'
	publish s 4 5
	wait_until 5 has_lines "$(out sub)" 5
	kill "$pid"
	finish "$pid"
	must_be_each_once 1 5 "$(out sub)"
	is_pending s g 0
}

@test "a group is created again where others had brought it, not at the start" {
	publish s 1 3
	publish t 1 3
	must_exit 0 evsub -E -g g s t
	start sub evsub -g g s t
	wait_until 5 has_blocked_client
	redis xgroup destroy s g >/dev/null
	wait_until 5 has_text "$(err sub)" 's: group g has vanished'
	publish s 4 4
	publish t 5 5
	wait_until 5 has_lines "$(out sub)" 2
	kill "$pid"
	finish "$pid"
	must_be_each_once 4 5 "$(out sub)"
	# Nothing was wrong with the other one.
	must_equal "$(grep -c vanished "$(err sub)")" 1
}

@test "a group that was to start at the end does not start over" {
	publish s 1 3
	start sub evsub --from end -g g s
	wait_until 5 has_blocked_client
	redis xgroup destroy s g >/dev/null
	wait_until 5 has_text "$(err sub)" 'vanished'
	publish s 4 4
	wait_until 5 has_lines "$(out sub)" 1
	kill "$pid"
	finish "$pid"
	must_be_each_once 4 4 "$(out sub)"
}

@test "a stream that is deleted is followed when it comes again" {
	publish s 1 3
	start sub evsub -g g s
	wait_until 5 has_lines "$(out sub)" 3
	wait_until 5 has_blocked_client
	redis del s >/dev/null
	wait_until 5 has_text "$(err sub)" 'vanished'
	publish s 4 5
	wait_until 5 has_lines "$(out sub)" 5
	flush
	publish s 6 7
	wait_until 5 has_lines "$(out sub)" 7
	kill "$pid"
	finish "$pid"
	must_be_each_once 1 7 "$(out sub)"
}

@test "a new stream of the same name is read, though its ids are lower" {
	redis xadd s 99999999999999-0 data '{"n":1}' >/dev/null
	start sub evsub -g g s
	wait_until 5 has_lines "$(out sub)" 1
	wait_until 5 has_blocked_client
	printf 'MULTI\nDEL s\nXADD s 5-0 data "{\\"n\\":2}"\nEXEC\n' |
		redis >/dev/null
	wait_until 5 has_lines "$(out sub)" 2
	publish s 3 3
	wait_until 5 has_lines "$(out sub)" 3
	kill "$pid"
	finish "$pid"
	must_be_each_once 1 3 "$(out sub)"
}

@test "entries trimmed while they were pending are told, counted and done" {
	publish s 1 10
	take_aside s 5
	ids=$(redis xrange s - + count 2 | grep -- -)
	redis xtrim s maxlen 8 >/dev/null
	must_exit 3 evsub -c 8 -w 5s --lease 100ms -g g s
	must_be_each_once 3 10 "$OUT"
	for id in $ids; do
		must_say "s: entry $id was trimmed"
	done
	is_pending s g 0
	must_equal "$(consumers s g)" ''
}

@test "what is trimmed before it is given back is told by the next" {
	publish s 1 2
	start sub evsub -g g --backoff 1h s -- false
	wait_until 5 eval '[ "$(redis hlen "{s}:fail:g")" = 2 ]'
	redis xtrim s maxlen 0 >/dev/null
	kill "$pid"
	finish "$pid"
	must_equal "$(pending s g)" 2
	redis hset '{s}:fail:g' "$(redis hkeys '{s}:fail:g' | head -n 1)" '{"due":1}' \
		"$(redis hkeys '{s}:fail:g' | tail -n 1)" '{"due":1}' >/dev/null
	wait_until 5 eval '[ "$(redis xpending s g idle 100 - + 9 | wc -l)" = 8 ]'
	must_exit 3 evsub -E --lease 100ms -g g s
	must_equal "$(redis xlen '{s}:dlq')" 2
	must_equal "$(redis exists '{s}:fail:g')" 0
	must_equal "$(consumers s g)" ''
}

@test "nothing but trimmed entries is told too" {
	publish s 1 250
	take_aside s 250
	redis xtrim s maxlen 0 >/dev/null
	sleep 0.11 # the lease
	must_exit 3 evsub -E --lease 100ms -g g s
	must_equal "$output" ''
	must_equal "$(grep -c 'was trimmed' "$ERR")" 250
	is_pending s g 0
	must_exit 0 evsub -E --lease 100ms -g g s
}

# Servers and connections

@test "lost connections lose no event" {
	local killer
	publish s 1 20000
	start killer bash -c "while :; do
		redis-cli -s '$SERVER_SOCKET' client kill type normal
		sleep 0.03
	done"
	killer=$pid
	start sub evsub -b 20 --lease 1h -g g s
	wait_until 15 has_lines "$(out sub)" 20000
	kill "$killer"
	wait "$killer" || :
	wait_until 5 is_pending s g 0
	publish s 20001 20001
	wait_until 5 has_text "$(out sub)" '"n":20001,'
	must_be_all_there 1 20001 "$(out sub)"
	grep -q connected "$(err sub)"
	kill "$pid"
	finish "$pid"
}

@test "what has failed is printed and forgotten, over lost connections" {
	local killer
	publish s 1 3000
	take_aside s 3000
	redis eval "for _, e in ipairs(redis.call('XRANGE', 's', '-', '+')) do
		redis.call('HSET', '{s}:fail:g', e[1], '{\"attempts\":1,\"due\":1}')
	end" 0 >/dev/null
	start killer bash -c "while :; do
		redis-cli -s '$SERVER_SOCKET' client kill type normal
		sleep 0.03
	done"
	killer=$pid
	start sub evsub --lease 100ms -g g s
	wait_until 15 has_lines "$(out sub)" 3000
	kill "$killer"
	wait "$killer" || :
	wait_until 5 is_pending s g 0
	wait_until 5 eval '[ "$(redis exists "{s}:fail:g")" = 0 ]'
	kill "$pid"
	finish "$pid"
	must_be_all_there 1 3000 "$(out sub)"
}

@test "lost connections lose no event of a run that ends by itself" {
	local killer
	publish s 1 20000
	start killer bash -c "while :; do
		redis-cli -s '$SERVER_SOCKET' client kill type normal
		sleep 0.02
	done"
	killer=$pid
	must_exit 0 evsub -E -b 20 -g g s
	kill "$killer"
	wait "$killer" || :
	cp "$OUT" "$BATS_TEST_TMPDIR/one"
	wait_until 10 drain s "$BATS_TEST_TMPDIR/two"
	must_be_all_there 1 20000 "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
}

@test "evsub goes on after a restart of the server" {
	publish s 1 3
	start sub evsub -g g s
	wait_until 5 has_lines "$(out sub)" 3
	wait_until 5 has_blocked_client
	kill_server
	wait_until 5 has_text "$(err sub)" 'trying'
	start_server --appendonly yes --appendfsync no
	publish s 4 6
	wait_until 10 has_lines "$(out sub)" 6
	wait_until 5 is_pending s g 0
	kill "$pid"
	finish "$pid"
	must_be_each_once 1 6 "$(out sub)"
	must_equal "$(consumers s g)" ''
}

@test "a server that can't write for a while is waited for" {
	publish s 1 200
	take_aside s 150
	redis replicaof 127.0.0.1 1 >/dev/null
	redis config set replica-serve-stale-data yes >/dev/null
	start sub evsub --lease 100ms --from start -g g s
	wait_until 5 has_text "$(err sub)" READONLY
	redis replicaof no one >/dev/null
	wait_until 5 has_lines "$(out sub)" 200
	wait_until 5 is_pending s g 0
	redis replicaof 127.0.0.1 1 >/dev/null
	wait_until 5 has_count "$(err sub)" 'trying again' 2
	redis replicaof no one >/dev/null
	publish s 201 201
	wait_until 5 has_lines "$(out sub)" 201
	kill "$pid"
	finish "$pid"
	must_be_each_once 1 201 "$(out sub)"
}

@test "a server that can't write for longer than --retry-for ends evsub" {
	publish s 1 3
	must_exit 0 evsub -E -g g s
	redis replicaof 127.0.0.1 1 >/dev/null
	run_limited evsub -E --retry-for 500ms -g g s
	redis replicaof no one >/dev/null
	must_equal "$status" 4
	must_say READONLY
}

@test "a full server does not keep a group from being read" {
	publish s 1 3
	must_exit 0 evsub -E -c 1 -g g s
	redis config set maxmemory 1 >/dev/null
	run_limited evsub -E -g g s
	redis config set maxmemory 0 >/dev/null
	must_equal "$status" 0
	must_be_each_once 2 3 "$OUT"
	must_equal "$(consumers s g)" ''
}

# --manual

@test "--manual keeps the leases, also when the server forgets the scripts" {
	publish s 1 50
	start sub evsub --manual -m --lease 300ms -g g s
	wait_until 5 has_lines "$(out sub)" 50
	for _ in {1..3}; do
		redis script flush >/dev/null
		must_exit 0 evsub -w 400ms --lease 300ms -g g s
		must_equal "$output" ''
	done
	is_pending s g 50
	must_exit 0 evsub --settle <"$(out sub)"
	is_pending s g 0
	kill "$pid"
	finish "$pid"
	must_equal "$(consumers s g)" ''
}

@test "--manual still keeps the leases after its group has vanished" {
	publish s 1 5
	start sub evsub --manual -m --lease 300ms -g g s
	wait_until 5 has_lines "$(out sub)" 5
	redis xgroup destroy s g >/dev/null
	wait_until 5 has_text "$(err sub)" 'vanished'
	publish s 6 8
	wait_until 5 has_lines "$(out sub)" 8
	must_exit 0 evsub -w 1200ms --lease 300ms -g g s
	must_equal "$output" ''
	is_pending s g 3
}

@test "--manual does not repeat what others work on after a lost connection" {
	publish s 1 50
	start sub evsub --manual -m --lease 1h -g g s
	wait_until 5 has_lines "$(out sub)" 50
	wait_until 5 has_blocked_client
	redis client kill type normal >/dev/null
	wait_until 5 has_text "$(err sub)" connected
	publish s 51 60
	wait_until 5 has_lines "$(out sub)" 60
	kill "$pid"
	finish "$pid"
	must_equal "$(jq -r .event.n "$(out sub)" | xargs)" "$(seq -s ' ' 60)"
	is_pending s g 60
}

@test "--manual resumes what its consumer held before a crash" {
	publish s 1 20
	take_aside s 20
	must_exit 0 evsub -E --manual -m --consumer dead -g g s
	must_equal "$(jq -r .event.n "$OUT" | xargs)" "$(seq -s ' ' 20)"
	cp "$OUT" "$BATS_TEST_TMPDIR/records"
	must_exit 0 evsub --settle <"$BATS_TEST_TMPDIR/records"
	is_pending s g 0
}

@test "--settle goes on after lost connections" {
	local killer
	publish s 1 5000
	must_exit 0 evsub -E --manual -m -g g s
	cp "$OUT" "$BATS_TEST_TMPDIR/records"
	start killer bash -c "while :; do
		redis-cli -s '$SERVER_SOCKET' client kill type normal
		sleep 0.01
	done"
	killer=$pid
	must_exit 0 evsub --settle <"$BATS_TEST_TMPDIR/records"
	kill "$killer"
	wait "$killer" || :
	cmp "$OUT" "$BATS_TEST_TMPDIR/records"
	is_pending s g 0
}
