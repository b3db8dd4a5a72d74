# worker.bats - evsub with a COMMAND: what handlers get and what they say

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
	log=$BATS_TEST_TMPDIR/log
	: >"$log"
	export log
}

# publish STREAM FROM TO
publish()
{
	seq "$2" "$3" | sed 's/.*/{"n":&}/' | timeout 20 evpub "$1"
}

# handler NAME - a script from standard input, at $BATS_TEST_TMPDIR/NAME
handler()
{
	{
		echo '#!/bin/sh'
		cat
	} >"$BATS_TEST_TMPDIR/$1"
	chmod +x "$BATS_TEST_TMPDIR/$1"
}

# exiter - a handler that exits with the number n of its event
exiter()
{
	handler exiter <<-'END'
		read -r event
		event=${event#*:}
		exit "${event%\}}"
	END
}

pending()
{
	redis xpending "$1" "$2" | head -n 1
}

is_pending()
{
	[ "$(pending "$1" "$2" 2>/dev/null)" = "$3" ]
}

# dead STREAM [FIELD] - what dead letters tell, or hold, one per line
dead()
{
	evtail -n all --field "${2:-dead}" "{$1}:dlq"
}

has_dead()
{
	[ "$(redis xlen "{$1}:dlq")" = "$2" ]
}

# ledger STREAM GROUP - the JSON of each entry that waits
ledger()
{
	redis hvals "{$1}:fail:$2"
}

has_waiting()
{
	[ "$(redis hlen "{$1}:fail:$2")" = "$3" ]
}

# delays STREAM GROUP - ms from the failure to the next attempt, one per line
delays()
{
	ledger "$1" "$2" | jq -r '.due - (.last_failed | sub("(?<s>.*)\\..*";
		"\(.s)Z") | fromdate * 1000) - (.last_failed |
		sub(".*\\.(?<f>[0-9]*)Z"; "\(.f)") | tonumber)'
}

# stat STREAM GROUP FIELD - summed over the minutes
stat_of()
{
	local key sum=0
	for key in $(redis --raw keys "{$1}:stats:$2:*"); do
		sum=$((sum + $(redis --raw hget "$key" "$3" | sed 's/^$/0/')))
	done
	echo "$sum"
}

# stop PID - it ends by SIGTERM, with status 0
stop()
{
	kill "$1"
	finish "$1"
}

# What a handler gets

@test "the event's bytes are on stdin, exactly" {
	printf '%s\n' '{"a" : 1.0, "b":"\u00e9é",  "c":[ ]}' '{}' \
		>"$BATS_TEST_TMPDIR/in"
	timeout 20 evpub s <"$BATS_TEST_TMPDIR/in"
	must_exit 0 evsub -E -g g s -- sh -c 'cat; echo'
	cmp "$OUT" "$BATS_TEST_TMPDIR/in"
	is_pending s g 0
	must_equal "$(redis xinfo consumers s g)" ''
}

@test "an event of a megabyte gets through whole" {
	{
		printf '{"a":"'
		head -c 1000000 /dev/zero | tr '\0' x
		printf '"}'
	} >"$BATS_TEST_TMPDIR/in"
	timeout 20 evpub s <"$BATS_TEST_TMPDIR/in"
	must_exit 0 evsub -E -g g s -- sh -c 'cksum; sleep 0.01'
	must_equal "$output" "$(cksum <"$BATS_TEST_TMPDIR/in")"
}

@test "the environment describes the event" {
	evpub s '{"specversion":"1.0","id":"e 1","type":"order.made",
		"source":"/x","partitionkey":"k1","correlationid":"c1"}'
	id=$(evtail -m s | jq -r .id)
	EV_KEY=wrong EV_DEADLINE=wrong must_exit 0 evsub -E -g g \
		--attempts 7 s -- env
	env=$(grep '^EV_' "$OUT" | grep -v '^EV_\(URL\|CONFIG\|T[EO]\)' | sort)
	must_equal "$env" "EV_ATTEMPT=1
EV_ATTEMPTS=7
EV_CORRELATION=c1
EV_ENTRY=$id
EV_GROUP=g
EV_ID=e 1
EV_KEY=k1
EV_STREAM=s
EV_TYPE=order.made"
}

@test "what an event does not have is not in the environment" {
	evpub s '{"n":1}'
	EV_ID=x EV_TYPE=x EV_KEY=x EV_CORRELATION=x must_exit 0 \
		evsub -E -g g s -- env
	must_equal "$(grep -c '^EV_\(ID\|TYPE\|KEY\|CORRELATION\)=' "$OUT")" 0
}

@test "values in the environment are cut at 4 KiB and at NUL" {
	long=$(printf '%05000d' 0)
	evpub --envelope none s "{\"event_id\":\"a\\u0000b\",\"event_type\":\"$long\"}"
	must_exit 0 evsub -E -g g s -- \
		sh -c 'echo "$EV_ID ${#EV_TYPE}"'
	must_print 'a 4096'
}

@test "EV_DEADLINE is when --job-timeout ends the handler" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g --job-timeout 1h s -- \
		sh -c 'echo "$EV_DEADLINE"'
	left=$(($(date -d "$output" +%s) - $(date +%s)))
	[ "$left" -gt 3500 ]
	[ "$left" -le 3601 ]
}

@test "no shell touches the command" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g s -- printf '%s|' '$HOME' 'a  b' '*' '' '-E'
	must_print '$HOME|a  b|*||-E|'
}

@test "-m puts the record on stdin" {
	evpub s '{"n" : 1}'
	must_exit 0 evsub -E -m -g g s -- cat
	must_equal "$(jq -c '[.stream, .group, .deliveries]' "$OUT")" \
		'["s","g",1]'
	grep -q '"event":{"n" : 1}}$' "$OUT"
}

@test "secrets of the server are not in the environment" {
	evpub s '{"n":1}'
	REDISCLI_AUTH=hunter2 must_exit 0 env \
		REDIS_URL=redis://u:hunter2@127.0.0.1:1/ \
		evsub -E -g g s -- env
	must_equal "$(grep -c hunter2 "$OUT")" 0
	EV_URL="unix://:x@$SERVER_SOCKET" run_limited evsub -E -g h \
		-u "unix://$SERVER_SOCKET" s -- env
	must_equal "$status" 0
	must_equal "$(grep -c '^EV_URL=' "$OUT")" 0
}

@test "descriptors of evsub are not in the handler" {
	evpub s '{"n":1}'
	must_exit 0 sh -c 'exec 3>&2; ls /proc/self/fd | wc -l'
	own=$output # 0 to 3, that of ls, and what bats has open
	must_exit 0 evsub -E -g g s -- sh -c 'ls /proc/self/fd | wc -l'
	must_print "$own"
}

# What its exit says

@test "exit statuses 0 and 99 are done" {
	exiter
	evpub s '{"n":0}' '{"n":99}' '{"n":0}'
	must_exit 0 evsub -v -E -g g s -- "$BATS_TEST_TMPDIR/exiter"
	is_pending s g 0
	must_equal "$(redis exists '{s}:dlq')" 0
	must_equal "$(stat_of s g ok)" 3
	must_say '3 done, 1 skipped'
}

@test "exit statuses 65 and 100 reject the event at once" {
	exiter
	evpub s '{"n":65}' '{"n":0}' '{"n":100}'
	must_exit 0 evsub -E -g g s -- "$BATS_TEST_TMPDIR/exiter"
	is_pending s g 0
	must_equal "$(dead s | jq -c '[.reason,.class,.exit,.attempts]')" \
		'["rejected","exit",65,1]
["rejected","exit",100,1]'
	must_equal "$(dead s data)" '{"n":65}
{"n":100}'
	must_equal "$(stat_of s g dead)" 2
}

@test "other exit statuses and signals are tried again" {
	handler fails <<-'END'
		read -r event
		event=${event#*:}
		event=${event%\}}
		[ "$event" -gt 200 ] && [ "$event" -lt 250 ] &&
			kill -$((event - 200)) $$
		exit "$event"
	END
	evpub s '{"n":1}' '{"n":75}' '{"n":111}' '{"n":255}' '{"n":209}' \
		'{"n":215}'
	must_exit 0 evsub -E -g g --backoff 1h s -- "$BATS_TEST_TMPDIR/fails"
	is_pending s g 6
	must_equal "$(ledger s g | jq -r '.error' | sort)" 'exit status 1
exit status 111
exit status 255
exit status 75
killed by SIGKILL
killed by SIGTERM'
	must_equal "$(stat_of s g retry)" 6
	must_equal "$(ledger s g | jq -r .attempts | sort -u)" 1
}

@test "the handler is broken at 78, 126 and 127: no attempt is burned" {
	local code
	for code in 78 126 127; do
		flush
		rm -f "$log".*
		evpub s '{"n":1}'
		handler broken <<-END
			[ -e "$log.ok" ] || { : >"$log.tried"; exit $code; }
			echo "\$EV_ATTEMPT"
		END
		start sub evsub -g g --attempts 1 s -- "$BATS_TEST_TMPDIR/broken"
		wait_until 5 test -e "$log.tried"
		: >"$log.ok"
		wait_until 5 has_lines "$(out sub)" 1
		must_equal "$(cat "$(out sub)")" 1
		stop "$pid"
		grep -q 'is broken: exit status' "$(err sub)"
		must_equal "$(redis exists '{s}:dlq' '{s}:fail:g')" 0
		is_pending s g 0
	done
}

@test "a command that can't be started is broken, until it can" {
	publish s 1 3
	start sub evsub -v -g g --attempts 1 s -- "$BATS_TEST_TMPDIR/later"
	wait_until 5 grep -q 'is broken: cannot start' "$(err sub)"
	handler later <<<'echo "$EV_ATTEMPT"; cat >/dev/null'
	wait_until 5 has_lines "$(out sub)" 3
	stop "$pid"
	must_equal "$(sort -u "$(out sub)")" 1
	is_pending s g 0
	must_equal "$(redis exists '{s}:dlq')" 0
	# One pause for all, not one for each.
	must_equal "$(grep -c 'is broken' "$(err sub)")" 1
}

@test "a broken handler does not make a crash loop of its event" {
	local n
	evpub s '{"n":1}'
	redis xgroup create s g 0 >/dev/null
	for n in {1..3}; do
		start sub"$n" evsub -g g --lease 100ms s -- /nonexistent
		wait_until 5 grep -q 'again in 2s' "$(err sub"$n")"
		kill -KILL "$(child_of "$pid")"
		wait "$pid" || :
		# It was tried twice at least, and counts once for each crash.
		must_equal "$(redis --raw xpending s g - + 1 | sed -n 4p)" "$n"
	done
	must_equal "$(redis exists '{s}:dlq')" 0
}

# Attempts

@test "after --attempts failures the event is dead" {
	evpub s '{"n":1}'
	start sub evsub -g g --attempts 3 --backoff 10ms s -- \
		sh -c 'echo "$EV_ATTEMPT/$EV_ATTEMPTS"; exit 3'
	wait_until 5 has_dead s 1
	stop "$pid"
	must_equal "$(xargs <"$(out sub)")" '1/3 2/3 3/3'
	must_equal "$(dead s | jq -c '[.reason,.class,.exit,.attempts,
		.deliveries,.stream,.group,.redrives]')" \
		'["exhausted","exit",3,3,3,"s","g",0]'
	must_equal "$(dead s data)" '{"n":1}'
	is_pending s g 0
	must_equal "$(redis exists '{s}:fail:g')" 0
	must_equal "$(stat_of s g retry) $(stat_of s g dead)" '2 1'
}

@test "a success after failures leaves nothing behind" {
	evpub s '{"n":1}'
	start sub evsub -g g --backoff 10ms s -- \
		sh -c 'echo "$EV_ATTEMPT"; [ "$EV_ATTEMPT" -ge 3 ]'
	wait_until 5 has_lines "$(out sub)" 3
	stop "$pid"
	is_pending s g 0
	must_equal "$(redis exists '{s}:fail:g' '{s}:dlq' '{s}:progress:g')" 0
	must_equal "$(stat_of s g retry) $(stat_of s g ok)" '2 1'
}

@test "pauses are half to all of --backoff, at random" {
	publish s 1 30
	must_exit 0 evsub -E -P 4 -g g --backoff 1000s s -- false
	delays s g >"$log"
	must_equal "$(wc -l <"$log")" 30
	must_equal "$(awk '$1 < 500000 || $1 > 1000000' "$log")" ''
	[ "$(sort -u "$log" | wc -l)" -gt 20 ]
}

@test "pauses double, up to --backoff-max" {
	local n want=0
	evpub s '{"n":1}'
	id=$(evtail -m s | jq -r .id)
	for n in 1 2 3 4 5 6; do
		must_exit 0 evsub -E -g g --attempts 9 --backoff 1000s \
			--backoff-max 6000s s -- false
		want=$((n == 1 ? 1000000 : want * 2))
		[ "$want" -le 6000000 ] || want=6000000
		delay=$(delays s g)
		[ "$delay" -ge $((want / 2)) ]
		[ "$delay" -le "$want" ]
		must_equal "$(ledger s g | jq .attempts)" "$n"
		# As if it had passed.
		redis hset '{s}:fail:g' "$id" \
			"$(ledger s g | jq -c '.due = 1')" >/dev/null
	done
}

@test "retry-after sets the pause" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g s -- \
		sh -c 'echo retry-after 90m >&3; exit 75'
	must_equal "$(delays s g)" 5400000
}

@test "error gives the class and the text of the failure" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g --attempts 1 s -- \
		sh -c 'echo "error db/down it is   gone" >&3; exit 75'
	must_equal "$(dead s | jq -c '[.class,.exit,.error]')" \
		'["db/down",75,"exit status 75: it is   gone"]'
}

@test "stderr is passed on, and its end is in the failure" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g --attempts 1 s -- sh -c \
		'seq 2000 >&2; echo "cannot open 17" >&2; exit 1'
	must_say $'\n2000\ncannot open 17'
	must_equal "$(grep -c '^[0-9]*$' "$ERR")" 2000
	dead s | jq -j .stderr >"$log"
	must_equal "$(tail -n 1 "$log")" 'cannot open 17'
	[ "$(dead s | jq '.stderr | length')" -le 4096 ]
	[ "$(dead s | jq '.stderr | length')" -ge 4000 ]
	must_equal "$(dead s | jq -r .error)" 'exit status 1: cannot open 17'
	must_equal "$(dead s | jq -r .fingerprint)" 'exit: cannot open #'
}

@test "progress is told while it runs, and is gone afterwards" {
	evpub s '{"n":1}'
	id=$(evtail -m s | jq -r .id)
	start sub evsub -g g s -- sh -c '
		echo progress 40 half way >&3
		until [ -e "$log.go" ]; do sleep 0.02; done'
	wait_until 5 eval '[ "$(redis exists {s}:progress:g)" = 1 ]'
	must_equal "$(redis --raw hget '{s}:progress:g' "$id" |
		jq -c '[.percent,.text,(.time|length),(.consumer|length>0)]')" \
		'[40,"half way",24,true]'
	: >"$log.go"
	wait_until 5 is_pending s g 0
	must_equal "$(redis exists '{s}:progress:g')" 0
	stop "$pid"
}

@test "nonsense on descriptor 3 is no harm" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g s -- sh -c '{
		echo beat; echo; echo progress; echo progress x; echo error
		echo retry-after soon; printf "\377\000\n"; seq 9000 | tr "\n" " "
		printf "progress 5"; } >&3'
	is_pending s g 0
	must_equal "$stderr" ''
}

@test "--job-timeout ends the whole process group" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g --job-timeout 200ms --attempts 1 s -- sh -c '
		sleep 61 & echo $! >"$log"; wait'
	must_equal "$(dead s | jq -c '[.reason,.class]')" \
		'["exhausted","timeout"]'
	[ "$(dead s | jq .duration_ms)" -ge 200 ]
	wait_until 5 is_gone "$(cat "$log")"
}

@test "a handler that exits with 0 after its timeout has failed all the same" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g --job-timeout 100ms s -- \
		sh -c 'trap "exit 0" TERM; sleep 60 & wait'
	must_equal "$(ledger s g | jq -r .class)" timeout
}

# What it puts out

@test "-O publishes what handlers print, with correlation and causation" {
	evpub s '{"specversion":"1.0","id":"i1","type":"t","source":"/","correlationid":"c1"}'
	must_exit 0 evsub -E -g g -O out s -- printf '%s\n' \
		'{"specversion":"1.0","id":"o1","type":"u","source":"/"}' \
		'{"specversion":"1.0","id":"o2","type":"u","source":"/","correlationid":"c9","causationid":"x"}' \
		'{"plain": 1.50}' '[1]'
	must_equal "$output$stderr" ''
	evtail -n all out >"$log"
	must_equal "$(jq -c '[.id,.type,.correlationid,.causationid,.data]' \
		"$log" | sed -n 1,2p)" '["o1","u","c1","i1",null]
["o2","u","c9","x",null]'
	must_equal "$(jq -c '[.type,.correlationid,.causationid]' "$log" |
		sed -n 3,4p)" '["t.result","c1","i1"]
["t.result","c1","i1"]'
	grep -q '"data":{"plain": 1.50}' "$log"
	grep -q '"data":\[1\]' "$log"
	must_equal "$(wc -l <"$log")" 4
	is_pending s g 0
	must_equal "$(stat_of s g ok)" 1
}

@test "-O: an input without an id is known by where it stands" {
	evpub s '{"n":1}'
	id=$(evtail -m s | jq -r .id)
	must_exit 0 evsub -E -g g -O out --output-type made s -- echo '{"r":1}'
	must_equal "$(evtail out | jq -c '[.type,.correlationid,.causationid]')" \
		"[\"made\",\"s/$id\",\"s/$id\"]"
}

@test "-O: nothing is published of an attempt that fails" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g -O out s -- sh -c 'echo "{\"r\":1}"; exit 1'
	must_equal "$(redis exists out)" 0
	has_waiting s g 1
}

@test "-O: output that is no JSON is a failed attempt" {
	evpub s '{"n":1}'
	must_exit 0 evsub -E -g g --attempts 1 -O out s -- \
		printf '{"r":1}\nhello\n'
	must_equal "$(redis exists out)" 0
	must_equal "$(dead s | jq -c '[.reason,.class]')" \
		'["exhausted","output"]'
}

@test "-O: no output is none, and a retry puts it out once" {
	publish s 1 2
	must_exit 0 evsub -E -g g -O out s -- true
	must_equal "$(redis exists out)" 0
	start sub evsub -g h -O out --backoff 10ms s -- sh -c \
		'cat; echo; [ "$EV_ATTEMPT" = 2 ]'
	wait_until 5 is_pending s h 0
	wait_until 5 eval '[ "$(redis xlen out)" = 2 ]'
	stop "$pid"
	# Which of two retries comes first is a matter of chance.
	must_equal "$(evtail -n all out | jq -c .data | sort)" '{"n":1}
{"n":2}'
}

# Side by side

@test "stdout comes in whole lines, one handler's at a time" {
	local n
	publish s 1 12
	handler slow <<-'END'
		printf 'a%s ' "$EV_ENTRY"; sleep 0.02
		printf 'b\n'; sleep 0.02
		printf 'c%s ' "$EV_ENTRY"; sleep 0.02
		printf 'd\ne'; sleep 0.02
	END
	must_exit 0 evsub -E -P 4 -g g s -- "$BATS_TEST_TMPDIR/slow"
	must_equal "$(wc -l <"$OUT")" 36
	for n in $(redis --raw xrange s - + | grep -- -); do
		printf 'a%s b\nc%s d\ne\n' "$n" "$n"
	done | sort >"$log"
	sort "$OUT" | cmp - "$log"
	# The three lines of a handler follow each other.
	must_equal "$(cut -c1 "$OUT" | tr -d '\n')" \
		"$(printf 'ace%.0s' {1..12})"
	must_equal "$(paste - - - <"$OUT" | awk '
		substr($1, 2) != substr($3, 2)')" ''
}

@test "the output of a single handler comes as it is printed" {
	evpub s '{"n":1}'
	start sub evsub -g g s -- sh -c 'echo 1
		until [ -e "$log.go" ]; do sleep 0.02; done'
	wait_until 5 has_lines "$(out sub)" 1
	: >"$log.go"
	wait_until 5 is_pending s g 0
	stop "$pid"
}

# most_at_once FILE - of handlers that write + and - there
most_at_once()
{
	awk '/[+]/ && ++n > most { most = n } /-/ { n-- } END { print most }' \
		"$1"
}

@test "-P N runs N at once, and never more" {
	publish s 1 12
	must_exit 0 evsub -E -P 3 -g g s -- sh -c \
		'echo + >>"$log"; sleep 0.1; echo - >>"$log"'
	must_equal "$(grep -c + "$log")" 12
	must_equal "$(most_at_once "$log")" 3
	is_pending s g 0
}

@test "one at a time without -P, and no more is read than runs" {
	publish s 1 5
	start sub evsub -g g s -- sh -c 'echo + >>"$log"
		until [ -e "$log.go" ]; do sleep 0.02; done; echo - >>"$log"'
	wait_until 5 grep -q + "$log"
	is_pending s g 1
	: >"$log.go"
	wait_until 5 eval '[ "$(grep -c - "$log")" = 5 ]'
	stop "$pid"
	must_equal "$(most_at_once "$log")" 1
}

@test "--key: one of a key at a time and in order, also across retries" {
	local n
	for n in {1..5}; do
		evpub s "{\"k\":\"a\",\"n\":$n}" "{\"k\":\"b\",\"n\":$n}" \
			"{\"n\":$n}"
	done
	handler keyed <<-'END'
		read -r event
		echo "+$event" >>"$log"
		sleep 0.02
		case $EV_ATTEMPT$event in
		[12]*'"a","n":'[24]*) exit 1 ;;
		esac
		echo "-$event" >>"$log"
	END
	start sub evsub -P 4 --key /k --backoff 300ms --backoff-max 300ms \
		-g g s -- "$BATS_TEST_TMPDIR/keyed"
	wait_until 10 eval '[ "$(grep -c ^- "$log")" = 15 ]'
	stop "$pid"
	must_equal "$(grep -o '^[+-].*"a","n":.' "$log" |
		sed 's/\(.\).*\(.\)/\1\2/' | xargs)" \
		'+1 -1 +2 +2 +2 -2 +3 -3 +4 +4 +4 -4 +5 -5'
	must_equal "$(grep -o '^[+-].*"b","n":.' "$log" |
		sed 's/\(.\).*\(.\)/\1\2/' | xargs)" \
		'+1 -1 +2 -2 +3 -3 +4 -4 +5 -5'
	# While a waited, the others went on.
	last_b=$(grep -n '^-.*"b","n":5' "$log" | cut -d: -f1)
	a2=$(grep -n '^-.*"a","n":2' "$log" | cut -d: -f1)
	[ "$last_b" -lt "$a2" ]
	must_equal "$(redis exists '{s}:dlq')" 0
}

@test "--key: behind a key that is busy others are found" {
	local n
	for n in {1..60}; do
		echo "{\"k\":\"busy\",\"n\":$n}"
	done | evpub s
	evpub s '{"k":"other","n":0}'
	start sub evsub -P 2 --key /k -g g s -- sh -c 'read -r event
		case $event in
		*other*) : >"$log.go" ;;
		*) until [ -e "$log.go" ]; do sleep 0.02; done ;;
		esac; echo x'
	wait_until 10 has_lines "$(out sub)" 61
	stop "$pid"
	must_equal "$(redis exists '{s}:fail:g')" 0
	is_pending s g 0
}

@test "what waited behind a key counts as delivered once" {
	publish s 1 6
	must_exit 0 evsub -E -P 2 --key /none -m -g h s -- cat
	for n in {1..6}; do
		echo "{\"k\":1,\"n\":$n}"
	done | evpub t
	must_exit 0 evsub -E -P 2 --key /k -m -g g t -- cat
	must_equal "$(jq -c '[.event.n,.deliveries]' "$OUT" | xargs)" \
		'[1,1] [2,1] [3,1] [4,1] [5,1] [6,1]'
}

@test "--ordered tries again in place" {
	publish s 1 4
	must_exit 0 evsub -E --ordered --backoff 20ms -g g s -- sh -c \
		'read -r event; echo "$event"; case $EV_ATTEMPT$event in
		[12]*2*) exit 1 ;; esac'
	must_equal "$(grep -o '[0-9]' "$OUT" | xargs)" '1 2 2 2 3 4'
	is_pending s g 0
}

@test "an event that waits holds up no other" {
	publish s 1 6
	start sub evsub -g g --backoff 1h s -- sh -c 'read -r event
		case $event in *2*) exit 1 ;; esac; echo "$event"'
	wait_until 5 has_lines "$(out sub)" 5
	must_equal "$(pending s g)" 1
	has_waiting s g 1
	stop "$pid"
	# It goes back with its attempt and its time.
	is_pending s g 1
	has_waiting s g 1
	must_equal "$(redis --raw xinfo consumers s g | sed -n 2p)" released
	must_exit 0 evsub -E -g g s -- echo early
	must_equal "$output" ''
	is_pending s g 1
}

@test "--max-waiting stops reading" {
	publish s 1 20
	start sub evsub -P 2 -g g --max-waiting 4 --backoff 1h s -- false
	wait_until 5 eval '[ "$(redis hlen {s}:fail:g)" -ge 4 ]'
	must_exit 1 evtail -f -w 300ms -c 1 -n 0 s # a while
	[ "$(redis hlen '{s}:fail:g')" -le 5 ]
	[ "$(pending s g)" -le 5 ]
	stop "$pid"
	must_equal "$(redis exists '{s}:dlq')" 0
}

@test "the time of the next attempt outlives kill -9 of evsub" {
	evpub s '{"n":1}'
	start one evsub -g g --lease 200ms --backoff 2s s -- false
	wait_until 5 has_waiting s g 1
	due=$(ledger s g | jq .due)
	kill -KILL "$(child_of "$pid")"
	wait "$pid" || :
	start two evsub -g g --lease 200ms s -- \
		sh -c 'echo "$EV_ATTEMPT $(date +%s%3N)"'
	wait_until 5 has_lines "$(out two)" 1
	read -r attempt at <"$(out two)"
	stop "$pid"
	must_equal "$attempt" 2
	[ "$at" -ge "$due" ]
	[ "$at" -lt $((due + 1000)) ]
	is_pending s g 0
	must_equal "$(redis exists '{s}:fail:g')" 0
}

@test "two workers: what waits with one is not taken by the other" {
	publish s 1 20
	start one evsub -g g --lease 150ms --backoff 1200ms \
		--backoff-max 1200ms s -- sh -c \
		'echo "$EV_ENTRY" >>"$log"; [ "$EV_ATTEMPT" = 2 ]'
	one=$pid
	wait_until 5 has_waiting s g 20
	start two evsub -g g --lease 150ms s -- sh -c 'echo "$EV_ENTRY"'
	wait_until 5 is_pending s g 0
	stop "$one"
	stop "$pid"
	must_equal "$(cat "$(out two)")" ''
	must_equal "$(sort "$log" | uniq -c | awk '{ print $1 }' | sort -u)" 2
}

# Which events

@test "-c N ends after N events" {
	publish s 1 10
	must_exit 0 evsub -c 3 -g g s -- sh -c 'cat; echo'
	must_equal "$(grep -o '[0-9]*' <<<"$output" | xargs)" '1 2 3'
	is_pending s g 0
	must_exit 0 evsub -E -P 4 -g g s -- sh -c 'cat; echo'
	must_equal "$(wc -l <"$OUT")" 7
}

@test "-c counts neither what filters pass over nor retries twice" {
	publish s 1 10
	must_exit 0 evsub -c 2 -w 10s -e '.n > 3' -g g s -- sh -c 'cat; echo'
	must_print '{"n":4}' '{"n":5}'
	redis xreadgroup group g gone count 1 streams s '>' >/dev/null
	must_exit 0 evsub -c 1 -w 10s --lease 100ms -g g s -- sh -c 'cat; echo'
	must_equal "$(wc -l <"$OUT")" 1
	must_exit 1 evsub -c 9 -w 500ms --lease 100ms -g g s -- true
	is_pending s g 0
}

@test "-w ends it, with status 1 if -c asked for more" {
	publish s 1 2
	must_exit 1 evsub -c 3 -w 300ms -g g s -- true
	must_exit 0 evsub -w 200ms -g g s -- true
	is_pending s g 0
}

@test "-E ends while a publisher goes on" {
	publish s 1 20
	exec 8< <(exec yes '{"n":0}' 2>/dev/null 3>&-)
	START_STDIN=/dev/fd/8 start publisher evpub --rate 3000 s
	must_exit 0 evsub -E -g g s -- sh -c 'cat; echo'
	kill "$pid"
	exec 8<&-
	[ "$(wc -l <"$OUT")" -ge 20 ]
}

@test "what filters pass over is acknowledged without a handler" {
	evpub s '{"specversion":"1.0","id":"1","type":"a.b","source":"/"}' \
		'{"specversion":"1.0","id":"2","type":"c","source":"/"}'
	must_exit 0 evsub -E -t 'a.*' -g g s -- sh -c 'echo "$EV_ID"'
	must_print 1
	is_pending s g 0
	must_exit 0 evsub -E -e '.type == "c"' -g h s -- sh -c 'echo "$EV_ID"'
	must_print 2
	is_pending s h 0
}

@test "an event on which the filter fails is dead, and the others run" {
	evpub s '{"n":"x"}' '{"n":[2]}'
	must_exit 0 evsub -E -e '.n[0] == 2' -g g s -- sh -c 'cat; echo'
	must_print '{"n":[2]}'
	must_equal "$(dead s | jq -c '[.reason,.class,.attempts]')" \
		'["invalid","filter",1]'
	must_equal "$(dead s data)" '{"n":"x"}'
	is_pending s g 0
}

@test "several streams" {
	publish a 1 3
	publish b 4 6
	must_exit 0 evsub -E -P 2 -g g a b -- sh -c 'read -r e; echo "$EV_STREAM$e"'
	must_equal "$(sort "$OUT" | xargs)" \
		'a{n:1} a{n:2} a{n:3} b{n:4} b{n:5} b{n:6}'
	is_pending a g 0
	is_pending b g 0
}

@test "the group's stream of redrives is read beside, by that group alone" {
	publish s 1 1
	redis xadd '{s}:redrive:g' '*' data '{"n":7}' redrives 2 >/dev/null
	must_exit 0 evsub -E -g h s -- sh -c 'cat; echo'
	must_print '{"n":1}'
	must_exit 0 evsub -E -g g s -- sh -c 'cat; echo " $EV_STREAM"'
	must_equal "$(sort "$OUT")" '{"n":1} s
{"n":7} s'
	is_pending '{s}:redrive:g' g 0
}

@test "redriven events that fail again go where they came from" {
	start sub evsub -g g --attempts 2 --backoff 10ms s -- false
	wait_until 5 eval 'redis xinfo groups s | grep -q g'
	redis xadd '{s}:redrive:g' '*' data '{"n":7}' redrives 2 >/dev/null
	wait_until 10 has_dead s 1
	stop "$pid"
	must_equal "$(dead s | jq -c '[.reason,.stream,.group,.redrives]')" \
		'["exhausted","s","g",2]'
	must_equal "$(dead s data)" '{"n":7}'
	is_pending '{s}:redrive:g' g 0
	must_equal "$(redis --raw keys '*redrive*dlq*')" ''
}

@test "entries that were trimmed while pending are dead letters" {
	publish s 1 5
	redis xgroup create s g 0 >/dev/null
	redis xreadgroup group g gone count 3 streams s '>' >/dev/null
	ids=$(redis --raw xrange s - + count 2 | grep -- -)
	redis xtrim s maxlen 3 >/dev/null
	must_exit 3 evsub -c 3 -w 10s --lease 100ms -g g s -- sh -c 'cat; echo'
	must_equal "$(sort "$OUT" | xargs)" '{n:3} {n:4} {n:5}'
	must_equal "$(dead s | jq -r .reason | sort | uniq -c | xargs)" \
		'2 trimmed'
	must_equal "$(dead s | jq -r .id | sort)" "$ids"
	is_pending s g 0
	for id in $ids; do
		must_say "$id is dead (trimmed)"
	done
}

@test "an entry that is trimmed while it waits is a dead letter too" {
	evpub s '{"n":1}'
	start sub evsub -g g --backoff 400ms s -- false
	wait_until 5 has_waiting s g 1
	redis xtrim s maxlen 0 >/dev/null
	wait_until 5 has_dead s 1
	kill "$pid"
	finish "$pid" 3
	must_equal "$(dead s | jq -c '[.reason,.attempts]')" '["trimmed",1]'
	must_equal "$(redis exists '{s}:fail:g')" 0
	is_pending s g 0
}

@test "statistics count, and go after two hours" {
	exiter
	evpub s '{"n":0}' '{"n":1}' '{"n":65}'
	must_exit 0 evsub -E -g g --backoff 1h s -- "$BATS_TEST_TMPDIR/exiter"
	must_equal "$(stat_of s g ok) $(stat_of s g retry) $(stat_of s g dead)" \
		'1 1 1'
	[ "$(stat_of s g ms)" -ge 0 ]
	key=$(redis --raw keys '{s}:stats:g:*' | head -n 1)
	minute=${key##*:}
	now=$(($(date +%s) / 60))
	[ $((now - minute)) -le 1 ]
	[ "$(redis ttl "$key")" -gt 7100 ]
	[ "$(redis ttl "$key")" -le 7200 ]
}

@test "10 000 waiting events fit in 16 MB" {
	publish s 1 10000
	redis xgroup create s g 0 >/dev/null
	redis eval 'local e = redis.call("XREADGROUP", "GROUP", "g", "gone",
		"COUNT", "10000", "STREAMS", "s", ">")[1][2]
		for i = 1, #e do redis.call("HSET", "{s}:fail:g", e[i][1],
			"{\"attempts\":1,\"due\":9000000000000}") end
		return #e' 0 >/dev/null
	start sub evsub -g g --lease 100ms --max-waiting 20000 s -- \
		sh -c 'cat; echo'
	# The last one is its own by now, and live traffic goes on.
	wait_until 20 eval '[ "$(redis --raw xpending s g - + 1 gone |
		wc -w)" = 0 ]'
	publish s 0 0
	wait_until 5 has_lines "$(out sub)" 1
	rss=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' \
		"/proc/$(child_of "$pid")/status")
	echo "# $rss KB" >&3
	grep -qa __asan_init "$BUILD/evsub" || [ "$rss" -lt 16384 ]
	is_pending s g 10000
	kill "$pid"
	wait "$pid" || :
}

# Names of consumers

@test "a consumer's name is HOST:PID and what no other has" {
	publish s 1 3
	for _ in 1 2 3; do
		must_exit 0 evsub -g g -m -c 1 -E s
		jq -r .consumer "$OUT" >>"$log"
	done
	must_equal "$(sort -u "$log" | wc -l)" 3
	must_equal "$(grep -c "^$(hostname):[0-9]*:[0-9a-f]\{16\}$" "$log")" 3
}

@test "a consumer's name is refused rather than cut" {
	evpub s '{"n":1}'
	local longest
	longest=$(printf '%0127d' 0)
	must_exit 2 evsub -g g -E --consumer "${longest}0" s
	must_say 'at most 127 bytes'
	must_exit 2 evsub -g g -E --consumer '' s
	must_say 'is empty'
	must_exit 2 evsub -g g -E --consumer released s
	must_say 'given back'
	must_exit 0 evsub -g g -E -m --consumer "$longest" s
	must_equal "$(jq -r .consumer "$OUT")" "$longest"
}

# Ends that are not waited for

is_gone_by_term()
{
	! kill -TERM "$1" 2>/dev/null
}

# must_be_killed PIDS OPTION... - evsub, with handlers that would not end
must_be_killed()
{
	local pids=$1 of
	shift
	handler stubborn <<-'END'
		trap '' INT TERM
		sleep 60 &
		echo $! >>"$log"
		echo $$ >>"$log"
		wait
	END
	publish s 1 2
	evsub -g g "$@" s -- "$BATS_TEST_TMPDIR/stubborn" </dev/null \
		>/dev/null 2>&1 3>&- &
	pid=$!
	started+=("$pid")
	wait_until 5 has_lines "$log" "$pids"
	wait_until 5 is_gone_by_term "$pid"
	finish "$pid" 143
	while read -r of; do
		wait_until 5 is_gone "$of"
	done <"$log"
	is_pending s g 2
}

@test "a second signal kills the handlers that run, and their children" {
	must_be_killed 4 -P 2
}

@test "a second signal kills the coprocess, and its children" {
	must_be_killed 2 --coprocess
}
