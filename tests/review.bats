# review.bats - evsub with a COMMAND in situations that are rare and were wrong
# once

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
	go=$BATS_TEST_TMPDIR/go
	: >"$log"
	export log go
	# Says that it begins, and ends once there is the file $go.
	cat >"$BATS_TEST_TMPDIR/waiter" <<-'END'
		#!/bin/sh
		read -r event
		echo "begin $event" >>"$log"
		until [ -e "$go" ]; do sleep 0.02; done
		echo "end $event" >>"$log"
	END
	cat >"$BATS_TEST_TMPDIR/noter" <<-'END'
		#!/bin/sh
		read -r event
		echo "$event" >>"$log"
	END
	chmod +x "$BATS_TEST_TMPDIR/waiter" "$BATS_TEST_TMPDIR/noter"
	waiter=$BATS_TEST_TMPDIR/waiter
	noter=$BATS_TEST_TMPDIR/noter
}

# hand STREAM CONSUMER COUNT - publish events 1 to COUNT, and hand them to a
# consumer of g that is silent ever after; ids has their ids
hand()
{
	redis xgroup create "$1" g 0 mkstream >/dev/null
	seq "$3" | sed 's/.*/{"n":&}/' | timeout 20 evpub -i "$1" \
		>"$BATS_TEST_TMPDIR/ids"
	mapfile -t ids <"$BATS_TEST_TMPDIR/ids"
	redis xreadgroup group g "$2" count "$3" streams "$1" '>' >/dev/null
	redis xclaim "$1" g "$2" 0 "${ids[@]}" idle 1000000 justid >/dev/null
}

pending()
{
	redis xpending "$1" g | head -n 1
}

is_pending()
{
	[ "$(pending "$1" 2>/dev/null)" = "$2" ]
}

has_passed()
{
	[ "$(now_ms)" -ge "$1" ]
}

has_logged()
{
	grep -Fq "$1" "$log"
}

stop()
{
	kill "$1"
	finish "$1"
}

# What was handed out before

@test "a list of idle entries that is out of date makes no dead letters" {
	hand s old 3
	start a evsub -g g s -- "$waiter"
	wait_until 10 has_logged begin
	redis xack s g "${ids[@]:1}" >/dev/null
	redis xdel s "${ids[@]:1}" >/dev/null
	touch "$go"
	wait_until 10 is_pending s 0
	echo '{"n":4}' | timeout 20 evpub s
	wait_until 10 has_logged 'end {"n":4}'
	stop "$pid"
	must_equal "$(redis exists '{s}:dlq')" 0
}

@test "an entry that was trimmed gets one dead letter, whoever finds it" {
	hand s old 2
	redis xdel s "${ids[1]}" >/dev/null
	start a evsub -g g s -- "$waiter"
	wait_until 10 has_logged begin
	must_exit 3 evsub -g g -E s -- "$noter"
	touch "$go"
	wait_until 10 is_pending s 0
	stop "$pid"
	must_equal "$(redis xlen '{s}:dlq')" 1
}

@test "what was taken from a worker is not taken back" {
	hand s a 3
	start a evsub -g g --consumer a s -- "$waiter"
	wait_until 10 has_logged begin
	redis xclaim s g b 0 "${ids[@]:1}" justid >/dev/null
	touch "$go"
	wait_until 10 is_pending s 2
	echo '{"n":4}' | timeout 20 evpub s
	wait_until 10 has_logged 'end {"n":4}'
	stop "$pid"
	must_equal "$(grep -c begin "$log")" 2
	must_equal "$(redis xpending s g - + 10 b | grep -c -e -)" 2
}

@test "a stream of redrives that comes up confuses no takeover" {
	hand b old 3
	start a evsub -g g -v a b -- "$waiter"
	wait_until 10 has_logged begin
	echo '{"redriven":1}' | timeout 20 evpub '{a}:redrive:g'
	wait_until 10 grep -q 'reading what was redriven' "$(err a)"
	touch "$go"
	wait_until 10 has_logged redriven
	wait_until 20 is_pending b 0
	stop "$pid"
	must_equal "$(grep -c end "$log")" 4
	must_equal "$(redis exists '{a}:dlq' '{b}:dlq')" 0
}

@test "--key: what is taken over waits for others of its key" {
	redis xgroup create s g 0 mkstream >/dev/null
	echo '{"k":"x","n":1}' | timeout 20 evpub s
	redis xreadgroup group g old count 1 streams s '>' >/dev/null
	printf '%s\n' '{"k":"x","n":2}' '{"k":"x","n":3}' '{"k":"y"}' |
		timeout 20 evpub s
	start a evsub -g g -P 4 --key /k --lease 500ms s -- "$waiter"
	wait_until 10 has_logged '"y"'
	# Its turn comes when it is idle for a lease; another of its key runs.
	wait_until 10 is_taken_over
	must_equal "$(grep -c 'begin.*"x"' "$log")" 1
	touch "$go"
	wait_until 10 is_pending s 0
	stop "$pid"
	must_equal "$(grep '"x"' "$log" | sed -n 'N;s/begin \(.*\)\nend \1/ok/p' |
		grep -c ok)" 3
}

is_taken_over()
{
	[ "$(redis xpending s g - + 10 old)" = "" ]
}

# Waiting

# ticks PID - 10 ms of CPU that it has used
ticks()
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# must_rest PID - it uses next to no CPU for a second
must_rest()
{
	local before end
	before=$(ticks "$1")
	end=$(($(now_ms) + 1000))
	wait_until 3 has_passed "$end"
	[ $(($(ticks "$1") - before)) -lt 40 ]
}

@test "a drain does not spin over a retry that is due" {
	printf '{"n":%s}\n' 1 2 | timeout 20 evpub s
	cat >"$BATS_TEST_TMPDIR/half" <<-END
		#!/bin/sh
		read -r event
		[ "\$event" = '{"n":2}' ] || exit 1
		echo "\$event" | "$waiter"
	END
	chmod +x "$BATS_TEST_TMPDIR/half"
	start a evsub -g g -P 3 --backoff 200ms s -- "$BATS_TEST_TMPDIR/half"
	wait_until 10 has_logged begin
	wait_until 10 has_waiting 1
	kill "$pid"
	must_rest "$(child_of "$pid")"
	touch "$go"
	finish "$pid"
	is_pending s 1
}

@test "a broken handler's pause does not spin over a retry that is due" {
	printf '{"n":%s}\n' 1 2 | timeout 20 evpub s
	start a evsub -g g --backoff 100ms s -- sh -c \
		'case $(cat) in *1*) exit 1 ;; esac; exit 78'
	wait_until 10 grep -q 'trying again' "$(err a)"
	must_rest "$(child_of "$pid")"
	stop "$pid"
}

@test "an entry taken over that takes long does not keep its worker busy" {
	hand s old 2
	start a evsub -g g s -- "$waiter"
	wait_until 10 has_logged begin
	child=$(child_of "$pid")
	before=$(awk '/^voluntary/ { print $2 }' "/proc/$child/status")
	must_rest "$child"
	after=$(awk '/^voluntary/ { print $2 }' "/proc/$child/status")
	[ $((after - before)) -lt 400 ]
	touch "$go"
	wait_until 10 is_pending s 0
	stop "$pid"
}

@test "many runs of a broken handler at once are one reason to pause" {
	printf '{"n":%s}\n' 1 2 3 4 | timeout 20 evpub s
	start a evsub -g g -P 4 s -- sh -c 'echo >>"$log"; sleep 0.3; exit 78'
	wait_until 15 has_lines "$log" 8
	[ "$(grep -c 'trying again' "$(err a)")" -le 2 ]
	stop "$pid"
}

# The server

@test "a full server does not end a worker that tells progress" {
	echo '{}' | timeout 20 evpub s
	start a evsub -g g s -- sh -c 'echo >>"$log"
		until [ -e "$go" ]; do sleep 0.02; done
		echo progress 10 half >&3; sleep 0.3'
	wait_until 10 has_logged ''
	redis config set maxmemory 1000 >/dev/null
	touch "$go"
	wait_until 10 is_pending s 0
	redis config set maxmemory 0 >/dev/null
	stop "$pid"
}

@test "without the right to load scripts a worker ends, and does not reconnect" {
	echo '{}' | timeout 20 evpub s
	echo x >"$BATS_TEST_TMPDIR/password"
	redis acl setuser w on '>x' '~*' +@all -script >/dev/null
	before=$(redis info stats | grep -o 'connections_received:[0-9]*')
	must_exit 4 evsub -u "unix://w@$SERVER_SOCKET" \
		--password-file "$BATS_TEST_TMPDIR/password" -g g s -- true
	after=$(redis info stats | grep -o 'connections_received:[0-9]*')
	redis acl deluser w >/dev/null
	must_say NOPERM
	[ $((${after#*:} - ${before#*:})) -lt 20 ]
}

@test "a group that is set back hands out no second time what waits" {
	echo '{"n":1}' | timeout 20 evpub s
	start a evsub -g g -P 2 --backoff 1h s -- sh -c \
		'cat >>"$log"; echo >>"$log"; exit 1'
	wait_until 10 has_waiting 1
	redis xgroup setid s g 0 >/dev/null
	echo '{"n":2}' | timeout 20 evpub s
	wait_until 10 has_waiting 2
	stop "$pid"
	must_equal "$(sort "$log" | tr '\n' ' ')" '{"n":1} {"n":2} '
}

has_waiting()
{
	[ "$(redis hlen '{s}:fail:g')" = "$1" ]
}

@test "what came while evsub was stopped, and others took over, is not started" {
	redis xgroup create s g 0 mkstream >/dev/null
	start a evsub -g g --lease 300ms --consumer a s -- "$noter"
	echo '{"n":0}' | timeout 20 evpub s
	wait_until 10 has_logged 0
	wait_until 10 is_pending s 0
	child=$(child_of "$pid")
	kill -STOP "$child"
	echo '{"n":1}' | timeout 20 evpub s
	wait_until 10 is_pending s 1
	end=$(($(now_ms) + 300))
	wait_until 3 has_passed "$end"
	id=$(redis --raw xpending s g - + 1 | head -n 1)
	redis xclaim s g b 0 "$id" justid >/dev/null
	kill -CONT "$child"
	redis xack s g "$id" >/dev/null
	echo '{"n":2}' | timeout 20 evpub s
	wait_until 10 has_logged 2
	stop "$pid"
	must_equal "$(tr '\n' ' ' <"$log")" '{"n":0} {"n":2} '
}

@test "-c N runs N of several streams, and gives back the others uncounted" {
	local one
	for one in a b c; do
		echo '{}' | timeout 20 evpub "$one"
	done
	must_exit 0 evsub -c 1 -g g a b c -- "$noter"
	must_equal "$(wc -l <"$log")" 1
	must_exit 0 evsub -E -g g a b c -- "$noter"
	must_equal "$(wc -l <"$log")" 3
}

@test "--max-waiting 0 would read nothing: a usage error" {
	must_exit 2 evsub -g g --max-waiting 0 s -- true
	must_say --max-waiting
}

@test "a stop with many waiting ends soon though the server hangs" {
	seq 200 | sed 's/.*/{"n":&}/' | timeout 20 evpub s
	LIMIT=60 start a evsub -g g -P 4 --backoff 1h s -- false
	wait_until 20 has_waiting 200
	kill -STOP "$(server_pid)"
	kill "$pid"
	wait_until 40 is_gone "$pid"
	kill -CONT "$(server_pid)"
	[ "$(grep -c 'cannot give back' "$(err a)")" -le 1 ]
}

# proxy MODE PATTERN - a proxy at $proxy; once $proxy.arm exists it cuts the
# first connection on which PATTERN is asked: `lost`: the answer does not come
# through, `half`: the server does not notice
proxy()
{
	command -v python3 >/dev/null || skip "no python3"
	proxy=$BATS_TEST_TMPDIR/p.sock
	cat >"$BATS_TEST_TMPDIR/proxy.py" <<-'END'
		import os, socket, sys, threading
		mode, pattern, path, server = sys.argv[1:5]
		pattern = pattern.encode().decode("unicode_escape").encode()
		cut = set()

		def end(s):
		    try:
		        s.shutdown(socket.SHUT_RDWR)
		    except OSError:
		        pass

		def out(c, s):
		    while data := c.recv(65536):
		        hit = not cut and pattern in data and \
		            os.path.exists(path + ".arm")
		        if hit:
		            cut.add(c)
		        s.sendall(data)
		        if hit:
		            if mode == "half":
		                end(c)
		            return
		    if c not in cut:
		        end(s)

		def back(c, s):
		    while data := s.recv(65536):
		        if c in cut and mode == "lost":
		            end(c)
		            end(s)
		            return
		        if c not in cut:
		            c.sendall(data)
		    end(c)

		listener = socket.socket(socket.AF_UNIX)
		listener.bind(path)
		listener.listen(50)
		while True:
		    c, _ = listener.accept()
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(server)
		    for run in out, back:
		        threading.Thread(target=run, args=(c, s),
		                         daemon=True).start()
	END
	start proxy python3 "$BATS_TEST_TMPDIR/proxy.py" "$1" "$2" "$proxy" \
		"$SERVER_SOCKET"
	wait_until 10 test -S "$proxy"
}

@test "a takeover of which the answer is lost is finished later" {
	proxy lost '-0\r\n$4\r\n1000\r\n'
	redis xgroup create s g 0 mkstream >/dev/null
	echo '{"n":1}' | timeout 20 evpub s
	redis xreadgroup group g old count 1 streams s '>' >/dev/null
	start a evsub -u "unix://$proxy" -g g --lease 1s s -- "$noter"
	touch "$proxy.arm"
	wait_until 15 has_logged 1
	wait_until 10 is_pending s 0
	stop "$pid"
}

@test "what the server gave to a connection that is gone is found" {
	local n
	proxy half XREADGROUP
	redis xgroup create s g 0 mkstream >/dev/null
	start a evsub -u "unix://$proxy" -g g s -- "$noter"
	touch "$proxy.arm"
	wait_until 10 grep -q ': connected' "$(err a)"
	# The lost read is first in line.
	for n in 1 2 3; do
		echo "{\"n\":$n}" | timeout 20 evpub s
	done
	wait_until 15 has_lines "$log" 3
	wait_until 10 is_pending s 0
	stop "$pid"
	must_equal "$(sort "$log" | tr '\n' ' ')" '{"n":1} {"n":2} {"n":3} '
}

# Ends

@test "a reader that ends early ends a worker, and what it did not get is kept" {
	printf '{"n":%s}\n' 1 2 3 4 5 | timeout 20 evpub s
	for jobs in 1 2; do
		run_limited bash -c 'evsub -g g"$1" -P "$1" s -- \
			sh -c "cat; echo; sleep 0.2" | head -n 1
			exit "${PIPESTATUS[0]}"' - "$jobs"
		must_equal "$status" 0
		must_equal "$(wc -l <"$OUT")" 1
		# Nothing is left with it, or counted.
		must_equal "$(redis xinfo consumers s "g$jobs" |
			grep -c '^name$')" 1
		must_equal "$(redis --raw xpending s "g$jobs" - + 10 |
			awk 'NR % 4 == 0' | sort -u)" 0
		must_exit 0 evsub -E -g "g$jobs" s -- cat
		# A second line may have fitted into the pipe.
		[ "$(grep -c '"n"' "$OUT")" -ge 3 ]
	done
}

@test "--settle that is stopped while it connects again ends in order" {
	local settle
	stop_server
	start_server --appendonly yes
	printf '{"n":%s}\n' 1 2 | timeout 20 evpub s
	timeout 20 evsub -g g --manual -c 2 s |
		jq -c '. + {retry: "10s", error: "x"}' >"$BATS_TEST_TMPDIR/in"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 4<>"$BATS_TEST_TMPDIR/fifo"
	START_STDIN=$BATS_TEST_TMPDIR/fifo start a evsub --settle
	settle=$pid
	head -n 1 "$BATS_TEST_TMPDIR/in" >&4
	wait_until 10 has_waiting 1
	kill_server
	tail -n 1 "$BATS_TEST_TMPDIR/in" >&4
	wait_until 10 grep -q 'trying' "$(err a)"
	# By now it rests for seconds between two attempts.
	end=$(($(now_ms) + 3000))
	wait_until 5 has_passed "$end"
	start_server --appendonly yes
	kill "$settle"
	finish "$settle"
	exec 4>&-
	has_waiting 2
}
