# helper.bash - what the bats tests share
#
# A file begins with
#
#     load helper                  (load ../helper from tests/fault)
#     setup_file() { start_server; }
#     teardown_file() { stop_server; }
#     setup() { flush; }
#
# and has then a Redis of its own on a unix socket, named by EV_URL, with the
# programs of $BUILD on PATH.  Nothing here sleeps for a result: wait_until
# polls for it.  Whatever may hang runs under `run_limited` or `must_exit`,
# which end it after LIMIT seconds (20, times PATIENCE).

bats_require_minimum_version 1.5.0

EV_TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
EV_TOP=${EV_TESTS%/*}
case ${BUILD:-build} in
/*) ;;
*) BUILD=$EV_TOP/${BUILD:-build} ;;
esac
export BUILD EV_TESTS EV_TOP
export PATH="$BUILD:$EV_TOP/examples:$PATH"
# Programs with sanitizers take their time: deadlines are that much longer.
case $BUILD in
*-asan) PATIENCE=${PATIENCE:-3} ;;
*) PATIENCE=${PATIENCE:-1} ;;
esac
LIMIT=${LIMIT:-$((20 * PATIENCE))}

# Nothing of the user's environment decides a test.
unset EV_PASSWORD_FILE REDIS_URL REDISCLI_AUTH EV_REDIS_OPTIONS
export EV_CONFIG=/dev/null LC_ALL=C.UTF-8 TZ=UTC
# A finding of a sanitizer has an exit status that no program uses.
export ASAN_OPTIONS=exitcode=86:abort_on_error=0
export UBSAN_OPTIONS=exitcode=86:print_stacktrace=1

# now_ms - milliseconds of the wall clock
now_ms()
{
	local now=${EPOCHREALTIME/[.,]/}
	echo "${now%???}"
}

# wait_until SECONDS COMMAND... - run COMMAND again and again until it succeeds,
# for at most SECONDS times PATIENCE
wait_until()
{
	local end=$(($(now_ms) + $1 * 1000 * PATIENCE))
	shift
	until "$@"; do
		if [ "$(now_ms)" -ge "$end" ]; then
			echo "still not so: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# Where the bytes of the last run are.
OUT=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR-}}/run.out
ERR=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR-}}/run.err
status=0 output="" stderr="" lines=() started=()

# Servers

# start_server [OPTION...] - an empty server with these options of redis-server
#
# Sets EV_URL, SERVER_SOCKET and SERVER_DIR.  A test may end it (kill_server)
# and start it again, with other options; the directory stays, so with
# `--appendonly yes` the data does too.  EV_REDIS_SERVER names another program
# than redis-server or valkey-server.
start_server()
{
	local program=${EV_REDIS_SERVER:-$(command -v redis-server ||
		command -v valkey-server)}
	SERVER_DIR=${SERVER_DIR:-$(mktemp -d /tmp/ev-test.XXXXXX)}
	SERVER_SOCKET=$SERVER_DIR/redis.sock
	rm -f "$SERVER_SOCKET"
	"$program" --port 0 --unixsocket "$SERVER_SOCKET" \
		--unixsocketperm 700 --dir "$SERVER_DIR" --save '' \
		--appendonly no --daemonize no "$@" \
		</dev/null >"$SERVER_DIR/log" 2>&1 3>&- &
	disown $! # or bash reports that it was killed
	echo $! >"$SERVER_DIR/pid"
	end_with_bats $!
	EV_URL=unix://$SERVER_SOCKET
	export EV_URL SERVER_DIR SERVER_SOCKET
	if ! wait_until 10 server_answers; then
		cat "$SERVER_DIR/log" >&2
		return 1
	fi
}

# free_port - a TCP port of 127.0.0.1 that nobody listens on, for servers that
# need one: start_server --port N, or --tls-port N --tls-cert-file ...
free_port()
{
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		if ! (exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
}

server_answers()
{
	case $(redis ping 2>&1) in
	PONG | NOAUTH*) ;;
	*) return 1 ;;
	esac
}

# kill_server - end it by kill -9; its directory stays for another start
kill_server()
{
	local server
	server=$(server_pid)
	[ -n "$server" ] || return 0
	kill -KILL "$server" 2>/dev/null || :
	wait_until 10 is_gone "$server"
	rm -f "$SERVER_DIR/pid"
}

# server_pid - for signals such as STOP and CONT
server_pid()
{
	cat "$SERVER_DIR/pid" 2>/dev/null
}

# stop_server - end it and remove its directory
stop_server()
{
	[ -n "${SERVER_DIR-}" ] || return 0
	kill_server
	rm -rf "$SERVER_DIR"
	SERVER_DIR=
}

# redis ARG... - redis-cli on that server
redis()
{
	local client
	client=$(command -v redis-cli || command -v valkey-cli)
	timeout 20 "$client" -s "$SERVER_SOCKET" "$@" 3>&-
}

flush()
{
	redis flushall >/dev/null
}

# Runs

# run_limited COMMAND... - run it for at most LIMIT seconds (then 124)
#
# Sets status, output and stderr (without their last newlines) and the array
# lines.  The bytes are in $OUT and $ERR.
run_limited()
{
	status=0
	timeout -k 2 "$LIMIT" "$@" >"$OUT" 2>"$ERR" 3>&- || status=$?
	output=$(tr -d '\000' <"$OUT")
	stderr=$(tr -d '\000' <"$ERR")
	# shellcheck disable=SC2034 # for the tests
	mapfile -t lines <"$OUT"
	check_sane
}

# must_exit STATUS COMMAND... - run_limited, and it must end with that status
must_exit()
{
	local expected=$1
	shift
	run_limited "$@"
	if [ "$status" -ne "$expected" ]; then
		echo "exit status $status instead of $expected: $*" >&2
		show_run
		return 1
	fi
}

# A crash is never an expected exit.
check_sane()
{
	case $status in
	86 | 132 | 134 | 135 | 136 | 139)
		echo "crashed with status $status" >&2
		show_run
		return 1
		;;
	esac
}

show_run()
{
	printf 'stdout: %s\nstderr: %s\n' "${output:0:4000}" \
		"${stderr:0:4000}" >&2
}

# must_say TEXT... - stderr of the last run contains each TEXT
must_say()
{
	local text
	for text in "$@"; do
		if [[ $stderr != *"$text"* ]]; then
			echo "stderr does not say: $text" >&2
			show_run
			return 1
		fi
	done
}

# must_print LINE... - stdout of the last run is exactly these lines
must_print()
{
	local expected
	expected=$(printf '%s\n' "$@")
	if [ "$output" != "$expected" ]; then
		echo "stdout is not:" >&2
		echo "$expected" >&2
		show_run
		return 1
	fi
}

# must_equal ACTUAL EXPECTED
must_equal()
{
	if [ "$1" != "$2" ]; then
		printf 'not equal:\n  is:     %s\n  should: %s\n' "$1" "$2" >&2
		return 1
	fi
}

# Background processes

# start NAME COMMAND... - run COMMAND in the background, output to the files
# $BATS_TEST_TMPDIR/NAME.out and NAME.err, its pid in $pid; stdin is START_STDIN
# or empty.  Ends by itself after LIMIT, or with `finish`, or with the test.
start()
{
	local name=$1
	shift
	# Signals before the exec would run bats' traps: wait for a sign of it.
	local sign=$BATS_TEST_TMPDIR/$name.started
	rm -f "$sign"
	timeout -k 2 --foreground "$LIMIT" \
		sh -c ': >"$0" && exec "$@"' "$sign" "$@" \
		<"${START_STDIN:-/dev/null}" \
		>"$BATS_TEST_TMPDIR/$name.out" \
		2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
	pid=$!
	started+=("$pid")
	wait_until 10 test -e "$sign"
}

# The program that `start` runs, for signals: timeout passes on TERM and INT
# but can't pass STOP and KILL.
child_of()
{
	local child
	child=$(cat "/proc/$1/task/$1/children" 2>/dev/null)
	echo "${child% }"
}

is_gone()
{
	! kill -0 "$1" 2>/dev/null
}

# finish PID [STATUS] - wait for it to end by itself, with that status
finish()
{
	local result=0
	wait "$1" || result=$?
	if [ "$result" -ne "${2:-0}" ]; then
		echo "background exit status $result instead of ${2:-0}" >&2
		return 1
	fi
}

# has_lines FILE COUNT - for wait_until
has_lines()
{
	[ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

# out NAME, err NAME - the files of a background process
out()
{
	echo "$BATS_TEST_TMPDIR/$1.out"
}

err()
{
	echo "$BATS_TEST_TMPDIR/$1.err"
}

# End what a test has left running; call it from teardown where `start` is used.
end_started()
{
	local one
	for one in "${started[@]}"; do
		kill -TERM "$one" 2>/dev/null || continue
		wait "$one" 2>/dev/null || :
	done
	started=()
}

# end_with_bats PID - end PID when bats is gone, even by kill -9
end_with_bats()
{
	local bats=${BATS_ROOT_PID:-$$}
	{
		while kill -0 "$bats" 2>/dev/null &&
			kill -0 "$1" 2>/dev/null; do
			sleep 1
		done
		kill -KILL "$1" 2>/dev/null
	} </dev/null >/dev/null 2>&1 3>&- &
}

teardown()
{
	end_started
}
