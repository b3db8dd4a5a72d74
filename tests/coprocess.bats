# coprocess.bats - evsub --coprocess: one command for all events

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
	# A coprocess that does what the events say.  In "seen" it notes what it
	# was given, in "starts" that it was started.
	cat >co <<'END'
#!/bin/sh
echo >>starts
while IFS= read -r line; do
	printf '%s\n' "$line" >>seen
	id=${line#*\"id\":\"}
	id=${id%%\"*}
	case $line in
	*'"do":"garbage"'*) echo 'no JSON at all' ;;
	*'"do":"half"'*) printf '{"id":"%s","ok"' "$id"; exit 0 ;;
	*'"do":"stranger"'*) echo '{"id":"1-1","ok":true}' ;;
	*'"do":"both"'*) echo "{\"id\":\"$id\",\"ok\":true,\"dead\":true}" ;;
	*'"do":"nothing"'*) echo "{\"id\":\"$id\"}" ;;
	*'"do":"nameless"'*) echo '{"ok":true}' ;;
	*'"do":"close"'*) exec 1>&-; sleep 60 ;;
	*'"do":"deaf"'*) exec 0<&-; sleep 60 ;;
	*'"do":"hang"'*) sleep 60 ;;
	*'"do":"exit"'*) echo "cannot bear $id" >&2; exit 3 ;;
	*'"do":"leave"'*) exit 0 ;;
	*'"do":"kill"'*) kill -KILL $$ ;;
	*'"do":"endless"'*) tr '\0' x </dev/zero ;;
	*'"do":"die"'*) echo "{\"id\":\"$id\",\"dead\":true,\"error\":\"never\",\"class\":\"bad\"}" ;;
	*'"do":"later"'*) echo "{\"id\":\"$id\",\"retry\":\"1h\",\"error\":\"later\"}" ;;
	*'"do":"again"'*)
		case $line in
		*'"attempts":'*) echo "{\"id\":\"$id\",\"ok\":true}" ;;
		*) echo "{\"id\":\"$id\",\"retry\":true,\"error\":\"not yet\"}" ;;
		esac
		;;
	*) echo "{\"id\":\"$id\",\"ok\":true}" ;;
	esac
done
echo >>ends
END
	chmod +x co
}

# add N [WHAT] - one event
add()
{
	redis xadd s '*' data "{\"n\":$1${2:+,\"do\":\"$2\"}}" >/dev/null
}

pending()
{
	redis xpending s g | head -n 1
}

has_pending()
{
	[ "$(pending 2>/dev/null)" = "$1" ]
}

# must_be_done - nothing is pending, and no consumer is left
must_be_done()
{
	must_equal "$(pending)" 0
	must_equal "$(redis xinfo consumers s g)" ''
}

# dead_letter PATH - of the last dead letter
dead_letter()
{
	redis --json xrevrange '{s}:dlq' + - count 1 2>/dev/null |
		jq -r ".[0][1] | .[index(\"dead\") + 1] | fromjson | $1" ||
		redis xrevrange '{s}:dlq' + - count 1 | tail -n 1 | jq -r "$1"
}

# must_work [OPTION...] - it works off what is there
must_work()
{
	must_exit 0 evsub -E -g g --coprocess "$@" s -- ./co
}

# How often an event was handed over.
times_seen()
{
	grep -c "\"n\":$1[,}]" seen || :
}

@test "all events are handed over as records, in order, and done" {
	for n in 1 2 3; do add $n; done
	must_work
	must_equal "$output$stderr" ''
	must_equal "$(jq -c .event seen)" $'{"n":1}\n{"n":2}\n{"n":3}'
	must_equal "$(jq -r '[.stream, .group, .deliveries] | join(" ")' seen |
		sort -u)" 's g 1'
	must_equal "$(wc -l <starts)" 1
	must_equal "$(wc -l <ends)" 1
	must_be_done
}

@test "many events, more than may be in hand" {
	seq 1 3000 | sed 's/.*/{"n":&}/' | evpub s
	must_work -b 7
	must_equal "$(jq .event.n seen)" "$(seq 1 3000)"
	must_be_done
}

@test "no more than --batch are in hand" {
	seq 1 30 | sed 's/.*/{"n":&}/' | evpub s
	start evsub evsub -g g --coprocess -b 4 s -- \
		sh -c 'while read -r _; do echo >>got; done'
	wait_until 10 has_lines got 4
	must_equal "$(redis xinfo consumers s g | sed -n 4p)" 4
	kill -TERM "$pid"
	finish "$pid"
	must_equal "$(wc -l <got)" 4
}

@test "an event of several lines takes one" {
	redis xadd s '*' data $'{\n "n":\r\n1 }' >/dev/null
	redis xadd s '*' data $'no\njson' >/dev/null
	must_work
	must_equal "$(jq -c '.event // .text' seen)" $'{"n":1}\n"no\\njson"'
	must_be_done
}

@test "a dead verdict makes a dead letter with the event's bytes" {
	redis xadd s '*' data '{"n" : 1,"do":"die","id":"x"}' >/dev/null
	must_work
	must_say 'is dead (rejected): never'
	must_equal "$(redis xrange '{s}:dlq' - + | sed -n 3p)" \
		'{"n" : 1,"do":"die","id":"x"}'
	must_equal "$(dead_letter '[.reason, .class, .error, .attempts] | join(" ")')" \
		'rejected bad never 1'
	must_be_done
}

@test "a retry verdict waits for its time, and is remembered" {
	add 1 later
	add 2
	must_work
	must_equal "$(pending)" 1
	must_equal "$(redis hvals '{s}:fail:g' | jq -r '[.attempts, .error] | join(" ")')" \
		'1 later'
	must_work --lease 100ms
	must_equal "$(times_seen 1)" 1
}

@test "a retry without a time takes the backoff, and then succeeds" {
	add 1 again
	start evsub evsub -g g --coprocess --backoff 10ms -c 1 s -- ./co
	wait_until 10 has_lines seen 1
	finish "$pid"
	start evsub evsub -g g --coprocess --backoff 10ms --lease 100ms s -- ./co
	wait_until 10 has_lines seen 2
	wait_until 10 has_pending 0
	must_equal "$(redis exists '{s}:fail:g')" 0
	kill -TERM "$pid"
	finish "$pid"
}

@test "as many failures as --attempts make an event dead" {
	add 1 later
	must_work --attempts 1
	must_say 'is dead (exhausted): later'
	must_be_done
}

@test "progress is written" {
	cat >co <<'END'
#!/bin/sh
read -r line
id=${line#*\"id\":\"}
id=${id%%\"*}
echo "{\"id\":\"$id\",\"progress\":40,\"text\":\"half\"}"
while ! [ -e go ]; do sleep 0.02; done
echo "{\"id\":\"$id\",\"ok\":true}"
END
	add 1
	start evsub evsub -E -g g --coprocess s -- ./co
	wait_until 10 has_progress
	touch go
	finish "$pid"
	must_equal "$(redis exists '{s}:progress:g')" 0
}

has_progress()
{
	[ "$(redis hvals '{s}:progress:g' |
		jq -r '[.percent, .text] | join(" ")')" = '40 half' ]
}

# A bad line or an end: one event kills it, others do not suffer.
@test "what breaks it becomes dead, all others are done" {
	local what
	for what in garbage exit kill; do
		flush
		rm -f seen starts
		add 1
		add 2 "$what"
		add 3
		LIMIT=60 must_work
		must_say 'one at a time' 'is dead (crash-loop)'
		must_equal "$(times_seen 2)" 4
		[ "$(times_seen 3)" -le 2 ]
		must_equal "$(redis xlen '{s}:dlq')" 1
		must_equal "$(dead_letter .deliveries)" 5
		must_equal "$(wc -l <starts)" 5
		must_be_done
	done
}

# breaks WHAT TEXT... - once, and evsub says TEXT, starts it again and goes on
breaks()
{
	local what=$1
	shift
	flush
	rm -f seen starts
	add 1 "$what"
	start evsub evsub -v -g g --coprocess s -- ./co
	wait_until 20 grep -q 'starting it again' "$(err evsub)"
	stderr=$(cat "$(err evsub)")
	must_say "$@"
	kill -TERM "$pid"
	finish "$pid"
	must_equal "$(pending)" 1
}

@test "each way to break the protocol is named" {
	breaks garbage 'bad line: not JSON' 'no JSON at all'
	breaks half 'bad line: not JSON'
	breaks stranger 'bad line: no such event is in hand' '1-1'
	breaks both 'bad line: both ok and dead'
	breaks nothing 'bad line: no verdict'
	breaks nameless 'bad line: no "id"'
	breaks exit 'ended with exit status 3 with 1 events in hand' 'cannot bear'
	breaks leave 'ended with exit status 0 with 1 events in hand'
	breaks kill 'was killed by signal 9'
}

@test "one that closes a pipe and lives on is ended" {
	breaks close 'has closed its standard output'
	breaks deaf 'has closed its standard input'
}

@test "a line without end is bad, and takes no memory" {
	add 1 endless
	start evsub evsub -g g --coprocess s -- ./co
	wait_until 20 grep -q 'longer than 1 MiB' "$(err evsub)"
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$(child_of "$pid")/status")" \
		-lt 40000 ] || [ -n "${ASAN_BUILD-}" ] ||
		grep -q asan <<<"$BUILD"
	kill -TERM "$pid"
	finish "$pid"
}

@test "one that never reads takes no memory, and is given up at a stop" {
	local long
	long=$(head -c 300000 /dev/zero | tr '\0' x)
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		printf '{"x":"%s"}\n' "$long"
	done >events
	for _ in 1 2 3 4 5; do cat events; done | evpub s
	start evsub evsub -g g --coprocess --grace 0s s -- sleep 60
	wait_until 10 has_held
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$(child_of "$pid")/status")" \
		-lt 32000 ] || grep -q asan <<<"$BUILD"
	kill -TERM "$pid"
	finish "$pid"
	must_equal "$(redis xinfo consumers s g | sed -n 2p)" released
	# None counts as delivered.
	must_equal "$(redis xpending s g - + 100 | awk 'NR % 4 == 0' | sort -u)" 0
}

has_held()
{
	[ "$(pending 2>/dev/null)" -gt 10 ]
}

@test "a hang is a failed attempt of the event alone" {
	add 1
	add 2 hang
	add 3
	LIMIT=40 start evsub evsub -g g --coprocess --job-timeout 1s --backoff 1h \
		s -- ./co
	wait_until 20 has_pending 1
	wait_until 20 has_lines seen 3
	must_equal "$(times_seen 1) $(times_seen 2) $(times_seen 3)" '1 1 1'
	must_equal "$(redis hvals '{s}:fail:g' | jq -r '[.attempts, .class, .error] | join(" ")')" \
		'1 timeout no verdict after 1s'
	kill -TERM "$pid"
	finish "$pid"
}

@test "a command that cannot start burns nothing" {
	add 1
	start evsub evsub -g g --coprocess s -- ./missing
	wait_until 10 grep -q 'is broken: cannot start' "$(err evsub)"
	mv co missing
	wait_until 10 has_lines seen 1
	wait_until 10 has_pending 0
	must_equal "$(jq .deliveries seen)" 1
	kill -TERM "$pid"
	finish "$pid"
}

@test "one that ends before it has read anything burns nothing" {
	printf '#!/bin/sh\n[ -e go ] || exit 1\nexec ./co\n' >late
	chmod +x late
	add 1
	start evsub evsub -g g --coprocess s -- ./late
	wait_until 20 has_restarted 2
	touch go
	wait_until 20 has_lines seen 1
	wait_until 20 has_pending 0
	must_equal "$(jq .deliveries seen)" 1
	kill -TERM "$pid"
	finish "$pid"
}

has_restarted()
{
	[ "$(grep -c 'starting it again' "$(err evsub)")" -ge "$1" ]
}

@test "a stop drains: what is in hand is finished" {
	cat >slow <<'END'
#!/bin/sh
while IFS= read -r line; do
	echo >>got
	id=${line#*\"id\":\"}
	while ! [ -e go ]; do sleep 0.02; done
	echo "{\"id\":\"${id%%\"*}\",\"ok\":true}"
done
echo >>ends
END
	chmod +x slow
	for n in 1 2 3; do add $n; done
	start evsub evsub -g g --coprocess -b 2 s -- ./slow
	wait_until 10 has_lines got 1
	kill -TERM "$(child_of "$pid")" # at once, not by way of timeout
	touch go
	finish "$pid"
	must_equal "$(wc -l <got) $(wc -l <ends)" '2 1'
	must_equal "$(pending)" 0
	must_equal "$(redis xinfo consumers s g)" ''
}

@test "what is not finished in the grace goes back uncounted" {
	add 1 hang
	start evsub evsub -g g --coprocess --grace 100ms s -- ./co
	wait_until 10 has_lines seen 1
	kill -TERM "$pid"
	finish "$pid"
	must_equal "$(redis xpending s g - + 1 | sed -n 4p)" 0
}

@test "kill -9 of evsub: all is done again, nothing is lost" {
	seq 1 200 | sed 's/.*/{"n":&}/' | evpub s
	add 201 hang
	seq 202 300 | sed 's/.*/{"n":&}/' | evpub s
	start evsub evsub -g g --coprocess --lease 200ms s -- ./co
	wait_until 10 has_lines seen 201
	kill -KILL "$(child_of "$pid")"
	wait "$pid" || :
	# shellcheck disable=SC2016 # expanded by that shell
	sed -i 's/sleep 60/echo "{\\"id\\":\\"$id\\",\\"ok\\":true}"/' co
	LIMIT=40 start again evsub -g g --coprocess --lease 200ms s -- ./co
	wait_until 30 has_pending 0
	kill -TERM "$pid"
	finish "$pid"
	must_equal "$(jq .event.n seen | sort -nu | wc -l)" 300
	must_equal "$(redis exists '{s}:dlq')" 0
}

@test "lost connections: nothing lost, nothing dead" {
	seq 1 20000 | sed 's/.*/{"n":&}/' | evpub s
	LIMIT=60 start evsub evsub -g g --coprocess -b 50 s -- ./co
	for n in 1 3000 6000 9000 12000; do
		wait_until 20 has_lines seen $n
		redis client kill type normal >/dev/null
	done
	wait_until 50 has_lines seen 20000
	wait_until 30 has_pending 0
	kill -TERM "$pid"
	finish "$pid"
	must_equal "$(jq .event.n seen | sort -nu | wc -l)" 20000
	must_equal "$(redis exists '{s}:dlq')" 0
}

@test "two streams with the same id need the stream named" {
	redis xadd s 5-5 data '{"n":1}' >/dev/null
	redis xadd t 5-5 data '{"n":2}' >/dev/null
	cat >named <<'END'
#!/bin/sh
read -r a
read -r b
for line in "$a" "$b"; do
	stream=${line#*\"stream\":\"}
	echo "{\"id\":\"5-5\",\"stream\":\"${stream%%\"*}\",\"ok\":true}"
done
cat
END
	chmod +x named
	must_exit 0 evsub -E -g g --coprocess s t -- ./named
	must_be_done
	redis xadd s 6-6 data '{"n":1}' >/dev/null
	redis xadd t 6-6 data '{"n":2}' >/dev/null
	sed -i 's/5-5.*ok/6-6\\",\\"ok/' named
	start evsub evsub -g g --coprocess s t -- ./named
	wait_until 10 grep -q 'it needs "stream"' "$(err evsub)"
	kill -TERM "$pid"
	finish "$pid"
}

@test "filtered events are not handed over" {
	for n in 1 2 3 4; do add $n; done
	must_work -e '.n % 2 == 0'
	must_equal "$(jq .event.n seen)" $'2\n4'
	must_be_done
}

@test "--count ends it" {
	for n in 1 2 3; do add $n; done
	must_exit 0 evsub -g g -c 2 --coprocess s -- ./co
	must_equal "$(jq .event.n seen)" $'1\n2'
	must_equal "$(redis xinfo groups s | grep -A 1 '^pending' | tail -n 1)" 0
}

@test "stderr passes through, and its end is in the dead letter" {
	cat >co <<'END'
#!/bin/sh
read -r line
id=${line#*\"id\":\"}
echo 'the disk is full' >&2
while ! [ -e go ]; do sleep 0.02; done
echo "{\"id\":\"${id%%\"*}\",\"dead\":true}"
cat
END
	add 1
	start evsub evsub -E -g g --coprocess s -- ./co
	wait_until 10 grep -q 'the disk is full' "$(err evsub)"
	touch go
	finish "$pid"
	must_equal "$(dead_letter .stderr)" 'the disk is full'
}

@test "what does not go with it is refused" {
	must_exit 2 evsub -g g --coprocess s
	must_say 'needs a COMMAND'
	must_exit 2 evsub -g g --coprocess -P 2 s -- ./co
	must_exit 2 evsub -g g --coprocess --ordered s -- ./co
	must_exit 2 evsub -g g --coprocess --key /a s -- ./co
	must_exit 2 evsub -g g --coprocess -b 20000 s -- ./co
	must_say '--batch: at most'
}
