# worker-faults.bats - evsub with a COMMAND when something fails
#
# Handlers write a line when they begin ("+ N"), when they have done their work
# ("- N") and before they kill themselves ("! N"); each test tells what became of the events: how many are lost,
# done more than once, and were run twice at a time.

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
	log=$BATS_TEST_TMPDIR/log
	: >"$log"
	export log
	handler work <<-'END'
		read -r event
		n=${event#*:}
		n=${n%%[,\}]*}
		echo "+ $n" >>"$log"
		sleep "${WORK:-0.01}"
		echo "- $n" >>"$log"
	END
	work=$BATS_TEST_TMPDIR/work
}

# publish STREAM FROM TO [OPTION…]
publish()
{
	seq "$2" "$3" | sed 's/.*/{"n":&}/' | timeout 20 evpub "${@:4}" "$1"
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

# account EVENTS [WHAT] - sets lost, doubled and overlapping, and tells them
account()
{
	read -r lost doubled overlapping < <(awk -v events="$1" '
		$1 == "+" { if (open[$2] > 0) over++; open[$2]++ }
		$1 == "!" { open[$2]-- }
		$1 == "-" { open[$2]--; done[$2]++ }
		END {
			for (i = 1; i <= events; i++) {
				lost += done[i] == 0
				doubled += done[i] > 1
			}
			print lost + 0, doubled + 0, over + 0
		}' "$log")
	echo "# $1 events${2:+, $2}: $lost lost, $doubled doubled," \
		"$overlapping overlapping" >&3
}

must_be_exact()
{
	account "$@"
	must_equal "$lost $doubled $overlapping" '0 0 0'
	must_equal "$(redis exists '{s}:dlq')" 0
}

pending()
{
	redis xpending "$1" "$2" | head -n 1
}

is_pending()
{
	[ "$(pending "$1" "$2" 2>/dev/null)" = "$3" ]
}

consumers()
{
	redis --raw xinfo consumers "$1" "$2" | sed -n '/^name$/{n;p}'
}

dead()
{
	evtail -n all --field "${2:-dead}" "{$1}:dlq"
}

has_dead()
{
	[ "$(redis xlen "{$1}:dlq")" = "$2" ]
}

has_done()
{
	[ "$(grep -c ^- "$log")" -ge "$1" ]
}

has_begun()
{
	[ "$(grep -c '^[+]' "$log")" -ge "$1" ]
}

# all_done EVENTS - each of them at least once, and nothing is pending
all_done()
{
	[ "$(grep ^- "$log" | sort -u | wc -l)" = "$1" ] && is_pending s g 0
}

stop()
{
	kill "$1"
	finish "$1" "${2:-0}"
}

# crash PID - kill -9 of the program that `start` runs, not of its handlers
crash()
{
	kill -KILL "$(child_of "$1")"
	wait "$1" 2>/dev/null || :
}

# Crashes

# at_random EVENTS - a random moment, once the workers have done something
at_random()
{
	local before
	before=$(grep -c ^- "$log") || :
	wait_until 10 has_done $((before + 4 < $1 ? before + 4 : $1))
	sleep "0.$((RANDOM % 20 + 10))"
}

# all_settled EVENTS - each of them is done or dead, and nothing is pending.  An
# event that was in hand at four kills is dead, done or not.
all_settled()
{
	is_pending s g 0 && [ "$({
		awk '$1 == "-" { print $2 }' "$log"
		evdlq s | grep -F '"reason":"crash-loop"' | sed 's/.*"n":\([0-9]*\).*/\1/'
	} | sort -u | wc -l)" = "$1" ]
}

@test "kill -9 of handlers: tried again" {
	publish s 1 40
	handler dies <<-'END'
		read -r event
		n=${event#*:}
		n=${n%\}}
		echo "+ $n" >>"$log"
		if [ "$EV_ATTEMPT" = 1 ] && [ $((n % 2)) = 0 ]; then
			echo "! $n" >>"$log"
			kill -KILL $$
		fi
		echo "- $n" >>"$log"
	END
	start sub evsub -P 2 -g g --backoff 20ms s -- "$BATS_TEST_TMPDIR/dies"
	wait_until 10 all_done 40
	stop "$pid"
	account 40 '20 kills'
	must_equal "$lost $doubled $overlapping" '0 0 0'
	must_equal "$(redis exists '{s}:dlq' '{s}:fail:g')" 0
}

@test "kill -9 of evsub at random, two workers: nothing is lost" {
	local kills one two events=800
	publish s 1 $events
	worker()
	{
		start "$1" evsub -P 4 -g g --lease 300ms s -- "$work"
	}
	worker one
	one=$pid
	worker two
	two=$pid
	for kills in {1..12}; do
		at_random $events
		if [ $((kills % 2)) = 0 ]; then
			crash "$one"
			worker one
			one=$pid
		else
			crash "$two"
			worker two
			two=$pid
		fi
	done
	wait_until 20 all_settled $events
	stop "$one"
	stop "$two"
	account $events "$kills kills"
	[ "$lost" -le "$(redis xlen '{s}:dlq')" ] # all_settled knows them
	[ "$doubled" -le $((kills * 4)) ]
}

@test "kill -9 of evsub between a handler's exit and the acknowledgement" {
	local one
	publish s 1 3
	handler waits <<-'END'
		read -r event
		n=${event#*:}
		n=${n%\}}
		echo "+ $n" >>"$log"
		until [ -e "$log.go" ]; do sleep 0.01; done
		echo "- $n" >>"$log"
	END
	start one evsub -P 3 -g g --lease 300ms s -- "$BATS_TEST_TMPDIR/waits"
	wait_until 5 has_begun 3
	one=$(child_of "$pid")
	kill -STOP "$one"
	: >"$log.go"
	wait_until 5 has_done 3
	wait_until 5 eval '! pgrep -P "$one" -r R,S,D >/dev/null'
	kill -KILL "$one"
	wait "$pid" || :
	start two evsub -g g --lease 300ms s -- "$BATS_TEST_TMPDIR/waits"
	wait_until 10 is_pending s g 0
	stop "$pid"
	account 3 '1 kill'
	must_equal "$lost $doubled $overlapping" '0 3 0'
}

@test "stopped beyond its lease: the late verdict is dropped" {
	local one two
	publish s 1 1
	handler late <<-'END'
		echo "+ 1" >>"$log"
		until [ -e "$log.$NAME" ]; do sleep 0.01; done
		[ "$NAME" = one ] && exit 1
		echo "- 1" >>"$log"
	END
	NAME=one start one evsub -g g --lease 300ms --consumer one \
		--backoff 1h s -- "$BATS_TEST_TMPDIR/late"
	one=$pid
	wait_until 5 has_begun 1
	kill -STOP "$(child_of "$one")"
	NAME=two start two evsub -g g --lease 300ms --consumer two s -- \
		"$BATS_TEST_TMPDIR/late"
	two=$pid
	wait_until 10 has_begun 2
	: >"$log.one"
	sleep 0.1 # its handler exits
	kill -CONT "$(child_of "$one")"
	# It does not take it back, also not after its renewals.
	must_exit 0 timeout 5 bash -c "for _ in {1..40}; do
		redis-cli -s $SERVER_SOCKET xpending s g - + 1 two |
			grep -q two || exit 1
		sleep 0.01
	done"
	must_equal "$(redis exists '{s}:fail:g' '{s}:dlq')" 0
	: >"$log.two"
	wait_until 5 is_pending s g 0
	stop "$one"
	stop "$two"
	account 1 '1 stop'
	must_equal "$lost $doubled" '0 0'
	must_equal "$(redis exists '{s}:fail:g' '{s}:dlq')" 0
}

@test "stopped beyond its lease: its handler is ended" {
	local one two
	publish s 1 1
	handler ended <<-'END'
		echo "+ 1" >>"$log"
		trap 'echo ended >>"$log"; exit 0' TERM
		until [ -e "$log.$NAME" ]; do sleep 0.01; done
		echo "- 1" >>"$log"
	END
	NAME=one start one evsub -g g --lease 300ms --consumer one s -- \
		"$BATS_TEST_TMPDIR/ended"
	one=$pid
	wait_until 5 has_begun 1
	kill -STOP "$(child_of "$one")"
	NAME=two start two evsub -g g --lease 300ms --consumer two s -- \
		"$BATS_TEST_TMPDIR/ended"
	two=$pid
	wait_until 10 has_begun 2
	kill -CONT "$(child_of "$one")"
	wait_until 5 grep -q ended "$log"
	# That exit is no success.
	must_equal "$(redis --raw xpending s g - + 1 | sed -n 2p)" two
	: >"$log.two"
	wait_until 5 is_pending s g 0
	stop "$one"
	stop "$two"
	account 1 '1 stop'
	must_equal "$lost $doubled" '0 0'
	must_equal "$(grep -c ended "$log")" 1
}

@test "a stopped handler is ended by --job-timeout" {
	publish s 1 1
	must_exit 0 evsub -E -g g --job-timeout 200ms --attempts 1 s -- \
		sh -c 'kill -STOP $$'
	must_equal "$(dead s | jq -r .class)" timeout
	is_pending s g 0
}

@test "a job of many leases runs once" {
	local one
	publish s 1 2
	export WORK=2
	start one evsub -g g --lease 300ms s -- "$work"
	one=$pid
	start two evsub -g g --lease 300ms s -- "$work"
	wait_until 10 all_done 2
	stop "$one"
	stop "$pid"
	must_be_exact 2
	must_equal "$(grep -c + "$log")" 2
}

@test "evsub that waits for a full pipe keeps its leases" {
	local one
	publish s 1 2
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	exec 7<>"$BATS_TEST_TMPDIR/pipe"
	timeout 20 evsub -g g --lease 300ms s -- sh -c 'echo + 1 >>"$log"
		head -c 200000 /dev/zero | tr "\0" "\n"; echo - 1 >>"$log"' \
		>"$BATS_TEST_TMPDIR/pipe" 2>"$BATS_TEST_TMPDIR/err" \
		</dev/null 3>&- 7<&- &
	one=$!
	started+=("$one")
	wait_until 5 has_begun 1
	must_exit 0 evsub -w 1500ms -g g --lease 300ms s -- "$work"
	must_equal "$(grep -c '^+ 1' "$log")" 1
	timeout 20 cat <&7 >/dev/null 3>&- &
	reader=$!
	wait_until 10 is_pending s g 0
	kill "$one"
	wait "$one" || :
	kill "$reader"
	exec 7<&-
}

# The server

@test "a restart of the server while handlers run" {
	publish s 1 60
	start sub evsub -P 2 -g g s -- "$work"
	wait_until 5 has_done 15
	kill_server
	start_server --appendonly yes --appendfsync no
	wait_until 15 all_done 60
	stop "$pid"
	must_be_exact 60 '1 restart'
}

@test "every connection killed again and again" {
	local kills
	publish s 1 200
	start sub evsub -P 2 -g g --lease 10s s -- "$work"
	for kills in {1..25}; do
		redis client kill type normal >/dev/null
		sleep 0.1 # so often
	done
	wait_until 15 all_done 200
	stop "$pid"
	must_be_exact 200 "$kills times"
}

@test "connections killed while events fail and die" {
	local kills
	publish s 1 60
	start sub evsub -P 2 -g g --attempts 2 --backoff 50ms s -- false
	for kills in {1..12}; do
		redis client kill type normal >/dev/null
		sleep 0.05 # so often
	done
	wait_until 15 is_pending s g 0
	stop "$pid"
	# A dead letter whose confirmation was lost is not written twice.
	must_equal "$(dead s data | sort | uniq -c | awk '$1 > 1' | wc -l)" 0
	has_dead s 60
	must_equal "$(dead s | jq .attempts | sort -u)" 2
	echo "# 60 events, $kills times: 60 dead letters, 0 doubled" >&3
}

@test "SCRIPT FLUSH while running" {
	local n
	publish s 1 100
	start sub evsub -P 2 -g g --lease 300ms s -- "$work"
	for n in {1..10}; do
		redis script flush >/dev/null
		sleep 0.05 # so often
	done
	wait_until 15 all_done 100
	stop "$pid"
	must_be_exact 100 "$n times"
	must_equal "$(cat "$(err sub)")" ''
}

@test "a full server: verdicts are kept, and leases too" {
	local one
	publish s 1 12
	handler full <<-'END'
		read -r event
		echo "+ $event" >>"$log"
		until [ -e "$log.go" ]; do sleep 0.01; done
		case $event in *1*) exit 1 ;; *2*) exit 65 ;; esac
	END
	start one evsub -P 12 -g g --attempts 1 --lease 300ms s -- \
		"$BATS_TEST_TMPDIR/full"
	one=$pid
	wait_until 5 has_begun 12
	redis config set maxmemory 1 >/dev/null
	: >"$log.go"
	wait_until 5 grep -q 'OOM.*trying again' "$(err one)"
	start two evsub -v -g g --lease 300ms s -- "$BATS_TEST_TMPDIR/full"
	sleep 1 # longer than a lease
	redis config set maxmemory 0 >/dev/null
	wait_until 10 is_pending s g 0
	stop "$one"
	stop "$pid"
	echo "# 12 events: $(($(grep -c + "$log") - 12)) run twice" >&3
	must_equal "$(grep -c + "$log")" 12
	must_equal "$(dead s | jq -r .reason | sort | uniq -c | xargs)" \
		'4 exhausted 1 rejected'
}

@test "FLUSHALL while handlers run" {
	local end
	for end in 0 1 65; do
		: >"$log"
		rm -f "$log.go"
		flush
		publish s 1 4
		handler gone <<-END
			read -r event
			echo "+ \$event" >>"$log"
			case \$event in *9*) echo - >>"$log"; exit 0 ;; esac
			until [ -e "$log.go" ]; do sleep 0.01; done
			exit $end
		END
		start sub evsub -P 4 -g g --lease 300ms s -- \
			"$BATS_TEST_TMPDIR/gone"
		wait_until 5 has_begun 4
		flush
		sleep 0.2 # renewals find that out
		: >"$log.go"
		wait_until 5 grep -q vanished "$(err sub)"
		publish s 9 9
		wait_until 5 has_done 1
		wait_until 5 is_pending s g 0
		stop "$pid"
	done
}

@test "the group destroyed while handlers run" {
	publish s 1 4
	handler gone <<-'END'
		read -r event
		echo "+ $event" >>"$log"
		until [ -e "$log.go" ]; do sleep 0.01; done
		case $event in *2*) exit 1 ;; *3*) exit 65 ;; esac
		echo "- $event" >>"$log"
	END
	start sub evsub -P 4 -g g --backoff 10ms --lease 300ms s -- \
		"$BATS_TEST_TMPDIR/gone"
	wait_until 5 has_begun 4
	redis xgroup destroy s g >/dev/null
	sleep 0.2 # renewals find that out
	: >"$log.go"
	wait_until 5 grep -q vanished "$(err sub)"
	publish s 5 5
	wait_until 5 grep -q '^- .*5' "$log"
	wait_until 5 is_pending s g 0
	stop "$pid"
}

# flaky - a handler that waits for $log.go, and fails the first time
flaky()
{
	handler flaky <<-'END'
		read -r event
		n=${event#*:}
		n=${n%\}}
		echo "+ $n" >>"$log"
		until [ -e "$log.go" ]; do sleep 0.01; done
		if [ "$EV_ATTEMPT" = 1 ]; then
			echo "! $n" >>"$log"
			exit 1
		fi
		echo "- $n" >>"$log"
	END
	flaky=$BATS_TEST_TMPDIR/flaky
}

has_vanished()
{
	grep -q vanished "$(err "$1")"
}

@test "the group destroyed while handlers run that then fail" {
	publish s 1 4
	flaky
	start sub evsub -P 4 -g g --backoff 10ms --lease 30s s -- "$flaky"
	wait_until 5 has_begun 4
	redis xgroup destroy s g >/dev/null
	# No read is under way: their verdicts find out.
	: >"$log.go"
	wait_until 5 all_done 4
	publish s 5 5
	wait_until 5 all_done 5
	stop "$pid"
	must_say_of sub 'vanished' '4 events in hand are pending again'
	must_be_exact 5 '1 destroyed'
	must_equal "$(grep -c '^!' "$log")" 5
	must_equal "$(redis exists '{s}:fail:g')" 0
}

# must_say_of NAME TEXT... - as must_say, of a program that was started
must_say_of()
{
	stderr=$(cat "$(err "$1")")
	shift
	must_say "$@"
}

@test "the group destroyed: what renewals put back outlives its worker" {
	publish s 1 4
	flaky
	start one evsub -P 3 -g g --lease 300ms s -- "$flaky"
	wait_until 5 has_begun 3
	redis xgroup destroy s g >/dev/null
	wait_until 5 is_pending s g 3
	crash "$pid"
	: >"$log.go"
	start two evsub -g g --backoff 10ms --lease 300ms s -- "$flaky"
	wait_until 10 all_done 4
	stop "$pid"
	account 4 '1 destroyed, 1 kill'
	must_equal "$lost $doubled" '0 0'
	# Their starts were not forgotten.
	must_equal "$(grep -c '^+' "$log")" 11
}

@test "the group destroyed while two workers run: nobody steals" {
	local one two
	publish s 1 8
	flaky
	start one evsub -P 4 -g g --consumer one --backoff 10ms --lease 600ms \
		s -- "$flaky"
	one=$pid
	start two evsub -P 4 -g g --consumer two --backoff 10ms --lease 600ms \
		s -- "$flaky"
	two=$pid
	wait_until 5 has_begun 8
	redis xpending s g - + 8 one | sed -n '1~4p' | sort >"$log.one"
	redis xgroup destroy s g >/dev/null
	wait_until 5 is_pending s g 8
	redis xpending s g - + 8 one | sed -n '1~4p' | sort >"$log.now"
	cmp "$log.one" "$log.now"
	sleep 0.7 # longer than a lease: what was not put back would be lost
	redis xpending s g - + 8 one | sed -n '1~4p' | sort >"$log.now"
	cmp "$log.one" "$log.now"
	: >"$log.go"
	wait_until 5 all_done 8
	stop "$one"
	stop "$two"
	must_be_exact 8 '1 destroyed, 2 workers'
	must_equal "$(grep -c '^!' "$log")" 8
}

@test "the group destroyed again and again: nothing is lost" {
	local n one events=200
	publish s 1 $events
	handler often <<-'END'
		read -r event
		n=${event#*:}
		n=${n%\}}
		echo "+ $n" >>"$log"
		sleep 0.01
		if [ "$EV_ATTEMPT" = 1 ] && [ $((n % 3)) = 0 ]; then
			echo "! $n" >>"$log"
			exit 1
		fi
		echo "- $n" >>"$log"
	END
	start one evsub -P 2 -g g --backoff 50ms --lease 300ms s -- \
		"$BATS_TEST_TMPDIR/often"
	one=$pid
	start two evsub -P 2 -g g --backoff 50ms --lease 300ms s -- \
		"$BATS_TEST_TMPDIR/often"
	for n in {1..12}; do
		redis xgroup destroy s g >/dev/null
		sleep "0.0$((RANDOM % 90 + 10))" # a random moment
	done
	wait_until 20 all_done $events
	stop "$one"
	stop "$pid"
	account $events "$n times destroyed"
	must_equal "$lost" 0
	[ "$doubled" -le $((n * 4)) ]
	must_equal "$(redis exists '{s}:dlq')" 0
}

@test "the group destroyed while events wait for a retry" {
	publish s 1 5
	handler once <<-'END'
		read -r event
		n=${event#*:}
		n=${n%\}}
		echo "+ $n" >>"$log"
		if [ "$EV_ATTEMPT" = 1 ]; then
			echo "! $n" >>"$log"
			exit 1
		fi
		echo "- $n" >>"$log"
	END
	start sub evsub -g g --backoff 2s --lease 30s s -- \
		"$BATS_TEST_TMPDIR/once"
	wait_until 5 has_ledger 5
	redis xgroup destroy s g >/dev/null
	# It was waiting for more, and finds out at once.
	wait_until 5 is_pending s g 5
	must_equal "$(redis hlen '{s}:fail:g')" 5
	wait_until 10 all_done 5
	stop "$pid"
	must_be_exact 5 '1 destroyed'
	must_equal "$(redis exists '{s}:fail:g')" 0
}

has_ledger()
{
	[ "$(redis hlen '{s}:fail:g')" = "$1" ]
}

@test "the group destroyed: a stop gives back what did not start" {
	publish s 1 6
	flaky
	start sub evsub -P 2 -g g --lease 30s --grace 100ms s -- "$flaky"
	wait_until 5 has_begun 2
	redis xgroup destroy s g >/dev/null
	stop "$pid"
	must_equal "$(redis --raw xpending s g - + 9 | sed -n '2~4p' | sort -u)" \
		released
	: >"$log.go"
	must_exit 0 evsub -E -g g --backoff 10ms s -- \
		sh -c 'echo "- $(cut -d: -f2 | tr -d "}")" >>"$log"'
	account 6 '1 destroyed, 1 stop'
	must_equal "$lost $doubled" '0 0'
}

@test "the group destroyed while a coprocess has events in hand" {
	publish s 1 6
	handler co <<-'END'
		n=0
		while IFS= read -r line; do
			id=${line#*\"id\":\"}
			id=${id%%\"*}
			n=${line#*\"n\":}
			n=${n%%\}*}
			echo "+ $n" >>"$log"
			until [ -e "$log.go" ]; do sleep 0.01; done
			case $line in
			*'"attempts":'*)
				echo "- $n" >>"$log"
				echo "{\"id\":\"$id\",\"ok\":true}"
				;;
			*)
				echo "! $n" >>"$log"
				echo "{\"id\":\"$id\",\"retry\":\"10ms\"}"
				;;
			esac
		done
	END
	start sub evsub -g g --coprocess -b 4 --lease 30s s -- \
		"$BATS_TEST_TMPDIR/co"
	wait_until 5 has_begun 1
	wait_until 5 is_pending s g 4
	redis xgroup destroy s g >/dev/null
	: >"$log.go"
	wait_until 10 all_done 6
	stop "$pid"
	must_say_of sub vanished '4 events in hand are pending again'
	must_be_exact 6 '1 destroyed'
	must_equal "$(grep -c '^!' "$log")" 6
}

@test "the stream deleted and published anew while handlers run" {
	publish s 1 2
	flaky
	start sub evsub -P 2 -g g --backoff 10ms --lease 300ms s -- "$flaky"
	wait_until 5 has_begun 2
	redis del s >/dev/null
	: >"$log.go"
	wait_until 5 has_vanished sub
	publish s 3 4
	wait_until 5 eval '[ "$(grep -c "^- [34]" "$log")" = 2 ]'
	wait_until 5 is_pending s g 0
	stop "$pid"
}

# Coprocesses

# coprocess - logs as handlers do, each line with $CO behind it
coprocess()
{
	handler co <<-'END'
		while IFS= read -r line; do
			id=${line#*\"id\":\"}
			id=${id%%\"*}
			n=${line#*\"n\":}
			n=${n%%\}*}
			echo "+ $n $CO" >>"$log"
			sleep 0.01
			echo "- $n $CO" >>"$log"
			echo "{\"id\":\"$id\",\"ok\":true}"
		done
	END
	co=$BATS_TEST_TMPDIR/co
}

# crash_both PID CO - kill -9 of an evsub and of its coprocess; what that one was
# at is over
crash_both()
{
	local evsub
	evsub=$(child_of "$1")
	# shellcheck disable=SC2046 # none, or some
	kill -KILL "$evsub" $(child_of "$evsub")
	wait "$1" 2>/dev/null || :
	awk -v co="$2" '$3 == co { open[$2] = $1 == "+" }
		END { for (n in open) if (open[n]) print "!", n, co }' \
		"$log" >"$log.open"
	cat "$log.open" >>"$log"
}

@test "kill -9 of coprocess workers at random: nothing runs twice at a time" {
	local kills one two events=600
	publish s 1 $events
	coprocess
	worker()
	{
		CO=$1 start "$1" evsub -g g --coprocess -b 4 --lease 300ms s \
			-- "$co"
	}
	worker one.0
	one=$pid
	worker two.0
	two=$pid
	for kills in {1..12}; do
		at_random $events
		if [ $((kills % 2)) = 0 ]; then
			crash_both "$one" "one.$((kills / 2 - 1))"
			worker "one.$((kills / 2))"
			one=$pid
		else
			crash_both "$two" "two.$((kills / 2))"
			worker "two.$((kills / 2 + 1))"
			two=$pid
		fi
	done
	wait_until 20 all_settled $events
	stop "$one"
	stop "$two"
	account $events "$kills kills"
	must_equal "$overlapping" 0
	[ "$lost" -le "$(redis xlen '{s}:dlq')" ] # all_settled knows them
	# In hand, and done within the time that successes are collected.
	[ "$doubled" -le $((kills * 15)) ]
	grep -q "^!" "$log" # they were at work
}

# late VERDICT - a coprocess worker that is stopped until its lease is lost
late()
{
	local one two
	flush
	rm -f "$log".one "$log".two "$log".said
	: >"$log"
	publish s 1 1
	handler late <<-'END'
		while IFS= read -r line; do
			id=${line#*\"id\":\"}
			id=${id%%\"*}
			echo "+ 1 $NAME" >>"$log"
			until [ -e "$log.$NAME" ]; do sleep 0.01; done
			verdict='"ok":true'
			[ "$NAME" = two ] || verdict=$VERDICT
			[ "$NAME" = one ] || echo "- 1 $NAME" >>"$log"
			echo "{\"id\":\"$id\",$verdict}"
			echo said >>"$log.said"
		done
	END
	NAME=one VERDICT=$1 start one evsub -g g --coprocess --consumer one \
		--lease 300ms s -- "$BATS_TEST_TMPDIR/late"
	one=$pid
	wait_until 5 has_begun 1
	kill -STOP "$(child_of "$one")"
	NAME=two start two evsub -g g --coprocess --consumer two \
		--lease 300ms s -- "$BATS_TEST_TMPDIR/late"
	two=$pid
	wait_until 10 has_begun 2
	: >"$log.one"
	wait_until 5 test -e "$log.said"
	kill -CONT "$(child_of "$one")"
	# It does not take it back, also not after its renewals.
	must_exit 0 timeout 5 bash -c "for _ in {1..40}; do
		redis-cli -s $SERVER_SOCKET xpending s g - + 1 two |
			grep -q two || exit 1
		sleep 0.01
	done"
	must_equal "$(redis exists '{s}:fail:g' '{s}:dlq')" 0
	: >"$log.two"
	wait_until 5 is_pending s g 0
	stop "$one"
	stop "$two"
	account 1 "1 stop, $1"
	must_equal "$lost $doubled" '0 0'
	must_equal "$(redis exists '{s}:fail:g' '{s}:dlq')" 0
}

@test "a coprocess worker stopped beyond its lease: late verdicts are dropped" {
	late '"retry":"1h"'
	late '"dead":true'
}

# Room

# most_pending STREAMS - sets most, the highest count of pending events seen
most_pending()
{
	local i all=0
	for ((i = 1; i <= $1; i++)); do
		all=$((all + $(pending "s$i" g)))
	done
	[ "$all" -le "$most" ] || most=$all
}

has_run()
{
	most_pending 8
	has_done "$1"
}

@test "of many streams no more is read than there is room to run" {
	local i most=0
	handler waits <<-'END'
		read -r event
		echo "+ $event" >>"$log"
		until [ -e "$log.go" ]; do sleep 0.01; done
		echo "- $event" >>"$log"
	END
	for i in {1..8}; do publish "s$i" 1 100; done
	start sub evsub -P 2 -g g s1 s2 s3 s4 s5 s6 s7 s8 -- \
		"$BATS_TEST_TMPDIR/waits"
	wait_until 5 has_begun 2
	for i in {1..10}; do most_pending 8; done
	must_equal "$most" 2
	: >"$log.go"
	wait_until 20 has_run 300
	# Those done are acknowledged a little later.
	echo "# most pending of 8 streams: $most" >&3
	[ "$most" -le 6 ]
	# All of them had their turn.
	for i in {1..8}; do
		[ "$(redis --raw xinfo groups "s$i" |
			sed -n '/^last-delivered-id$/{n;p}')" != 0-0 ]
	done
	stop "$pid"
}

@test "a busy stream does not hold up the others" {
	local i
	publish busy 1 2000
	start sub evsub -P 1 -g g busy a b c d -- "$work"
	wait_until 5 has_done 3
	for i in a b c d; do
		redis xadd $i '*' data "{\"n\":$i}" >/dev/null
	done
	wait_until 5 eval '[ "$(grep -c "^- [abcd]" "$log")" = 4 ]'
	[ "$(grep -c '^- [0-9]' "$log")" -lt 500 ]
	stop "$pid"
}

# Rights

@test "what one may not do is told once" {
	printf 'p\n' >"$BATS_TEST_TMPDIR/password"
	redis acl setuser u on '>p' '~*' '+@all' -xpending -zrangebyscore \
		>/dev/null
	publish s 1 2
	publish s 3 3 --delay 50ms
	start sub evsub -u "unix://u@$SERVER_SOCKET" -g g --lease 300ms \
		--password-file "$BATS_TEST_TMPDIR/password" s -- true
	wait_until 5 grep -q 'cannot look for what dead consumers left: NOPERM' \
		"$(err sub)"
	wait_until 5 grep -q 's: cannot promote scheduled events: ' "$(err sub)"
	sleep 0.5 # several looks more
	must_equal "$(grep -c 'cannot look\|cannot promote' "$(err sub)")" 2
	kill "$pid"
	wait "$pid" || :
	redis acl deluser u >/dev/null
}

@test "entries trimmed while their handlers run" {
	publish s 1 4
	handler trimmed <<-'END'
		read -r event
		echo "+ $event" >>"$log"
		until [ -e "$log.go" ]; do sleep 0.01; done
		case $event in *2*) exit 1 ;; *3*) exit 65 ;; esac
		echo "- $event" >>"$log"
	END
	start sub evsub -P 4 -g g --attempts 1 --lease 300ms s -- \
		"$BATS_TEST_TMPDIR/trimmed"
	wait_until 5 has_begun 4
	redis xtrim s maxlen 0 >/dev/null
	: >"$log.go"
	wait_until 5 is_pending s g 0
	# They were read: what they said counts, with their bytes.
	must_equal "$(dead s | jq -r .reason | sort | xargs)" \
		'exhausted rejected'
	must_equal "$(dead s data | sort | xargs)" '{n:2} {n:3}'
	stop "$pid"
}

@test "an entry trimmed while it waits for its retry is a dead letter" {
	publish s 1 1
	start sub evsub -g g --backoff 2s --lease 200ms s -- false
	wait_until 5 eval '[ "$(redis hlen "{s}:fail:g")" = 1 ]'
	redis xtrim s maxlen 0 >/dev/null
	wait_until 5 eval '[ "$(redis xlen "{s}:dlq")" = 1 ]'
	redis xrange '{s}:dlq' - + | grep -q '"reason":"trimmed"'
	stop "$pid" 3
}

@test "an event that kills its worker, among 99 good ones" {
	local crashes=0 runs
	publish s 1 100
	handler poison <<-'END'
		read -r event
		n=${event#*:}
		n=${n%\}}
		[ "$n" != 50 ] || kill -KILL $PPID
		echo "+ $n" >>"$log"
		sleep 0.01
		echo "- $n" >>"$log"
	END
	for runs in {1..30}; do
		has_dead s 1 && is_pending s g 0 && break
		evsub -P 2 -E -g g --lease 100ms s -- \
			"$BATS_TEST_TMPDIR/poison" </dev/null 3>&- \
			2>"$BATS_TEST_TMPDIR/err" &
		wait $! || crashes=$((crashes + 1))
		sleep 0.1 # the lease
		[ "$crashes" -lt 10 ]
	done
	[ "$runs" -lt 30 ]
	must_equal "$(dead s | jq -c '[.reason,.class]')" \
		'["crash-loop","crash"]'
	must_equal "$(dead s data)" '{"n":50}'
	must_equal "$crashes" 4
	sed -i '$a+ 50\n- 50' "$log"
	account 100 "$crashes crashes"
	must_equal "$lost" 0
	[ "$doubled" -le $((2 * crashes)) ]
	must_equal "$(redis exists '{s}:fail:g')" 0
}

# Handlers that misbehave

@test "a handler that leaves children behind is over when it exits" {
	local begin
	publish s 1 3
	begin=$(now_ms)
	must_exit 0 evsub -E -g g s -- \
		sh -c 'sleep 30 & echo $! >>"$log"; echo x'
	[ $(($(now_ms) - begin)) -lt 3000 ]
	must_print x x x
	is_pending s g 0
	xargs kill <"$log" || :
}

@test "a handler that never reads its event" {
	{
		printf '{"a":"'
		head -c 1000000 /dev/zero | tr '\0' x
		printf '"}'
	} | evpub s
	publish s 1 2
	must_exit 0 evsub -E -g g s -- true
	is_pending s g 0
	must_equal "$(redis exists '{s}:fail:g' '{s}:dlq')" 0
}

@test "a handler that prints without end, and one that says without end" {
	local where
	for where in 1 2; do
		flush
		publish s 1 1
		timeout -k 2 20 evsub -g g --job-timeout 500ms --attempts 1 s \
			-- sh -c "exec yes >&$where" </dev/null 3>&- \
			2> >(wc -c >"$log.2") > >(wc -c >"$log.1") &
		pid=$!
		started+=("$pid")
		wait_until 10 has_dead s 1
		rss=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' \
			"/proc/$(pgrep -x evsub -P "$pid")/status")
		stop "$pid"
		must_equal "$(dead s | jq -r .class)" timeout
		grep -qa __asan_init "$BUILD/evsub" || [ "$rss" -lt 16384 ]
		wait_until 5 test -s "$log.$where"
		[ "$(cat "$log.$where")" -gt 10000 ]
	done
}

@test "output for a stream without end is a failed attempt" {
	publish s 1 1
	must_exit 0 evsub -E -O out -g g --job-timeout 1s --attempts 1 s -- \
		timeout 0.3 yes '{"a":1}'
	must_equal "$(redis exists out)" 0
	has_dead s 1
	must_exit 0 evsub -E -O out -g h --attempts 1 s -- \
		sh -c 'seq 5000 | sed "s/.*/{\"n\":&}/"'
	must_equal "$(dead s | jq -r 'select(.group == "h").class')" output
	must_equal "$(redis exists out)" 0
}

# The end

@test "300 quick restarts leave no consumer behind" {
	local n
	publish s 1 100
	for n in {1..150}; do
		timeout 5 evsub -E -c 1 -g g s -- true </dev/null 3>&-
		# A random moment.
		timeout -k 5 "0.00$((RANDOM % 9 + 1))" evsub -g g s -- true \
			</dev/null >/dev/null 2>&1 3>&- || :
	done
	must_equal "$(consumers s g | grep -v released)" ''
	must_exit 0 evsub -E -g g s -- true
	is_pending s g 0
	must_equal "$(consumers s g)" ''
}

@test "drains under load: nothing lost or doubled, no attempt counted" {
	local drains events=400 publisher ended
	export WORK=0.03
	seq $events | sed 's/.*/{"n":&}/' >"$BATS_TEST_TMPDIR/in"
	START_STDIN=$BATS_TEST_TMPDIR/in start publisher evpub --rate 120 s
	publisher=$pid
	for drains in {1..25}; do
		evsub -P 4 --key /k -g g s -- "$work" </dev/null >/dev/null \
			2>"$BATS_TEST_TMPDIR/err" 3>&- &
		pid=$!
		sleep "0.$((RANDOM % 90 + 60))" # a random moment
		kill "$pid"
		ended=0
		wait "$pid" || ended=$?
		if [ "$ended" -ne 0 ]; then
			cat "$BATS_TEST_TMPDIR/err" >&2
			must_equal "$ended" 143
		fi
		# What is left was given back, and never delivered.
		must_equal "$(redis --raw xpending s g - + 1000 2>&1 |
			sed -n '2~4p' | grep -v released)" ''
		must_equal "$(redis --raw xpending s g - + 1000 2>&1 |
			sed -n '4~4p' | grep -v 0)" ''
	done
	finish "$publisher"
	must_exit 0 evsub -E -P 4 -g g s -- "$work"
	is_pending s g 0
	must_be_exact $events "$drains drains"
	must_equal "$(redis exists '{s}:fail:g')" 0
	must_equal "$(consumers s g)" ''
}

@test "what outlasts --grace is ended and given back, uncounted" {
	local begin
	publish s 1 2
	start sub evsub -g g -P 2 --grace 200ms s -- \
		sh -c 'echo "+ 1" >>"$log"; exec sleep 60'
	wait_until 5 has_begun 2
	begin=$(now_ms)
	stop "$pid"
	[ $(($(now_ms) - begin)) -ge 200 ]
	[ $(($(now_ms) - begin)) -lt 2000 ]
	must_equal "$(redis --raw xpending s g - + 9 | sed -n '4~4p' | xargs)" \
		'0 0'
	must_equal "$(redis exists '{s}:fail:g')" 0
	must_exit 0 evsub -E -g g s -- sh -c 'echo "$EV_ATTEMPT"'
	must_print 1 1
	is_pending s g 0
}

@test "with the server gone, a stop still ends evsub" {
	local begin
	publish s 1 2
	start sub evsub -g g --grace 200ms s -- \
		sh -c 'echo "+ 1" >>"$log"; exec sleep 60'
	wait_until 5 has_begun 1
	kill_server
	kill "$pid"
	begin=$(now_ms)
	wait "$pid" && ended=0 || ended=$?
	start_server --appendonly yes --appendfsync no
	must_equal "$ended" 4
	[ $(($(now_ms) - begin)) -lt 8000 ]
	is_pending s g 1
}
