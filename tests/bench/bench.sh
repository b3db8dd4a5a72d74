#!/usr/bin/env bash
#
# bench.sh - how fast the programs are, beside redis-cli, jq and bare C loops
#
#   bench.sh BUILD_DIR
#
# Ratios count, not absolute figures, so what is compared runs in turns in one
# session against one private server (unix socket, no persistence), in an order
# that rotates from round to round.  A ratio is that of the medians, followed by
# the least and the greatest of a single round and by that of the best runs,
# which is the one to trust on a busy machine.  Each program must also print,
# byte for byte, what was published.
#
# BUILD_DIR holds the programs and, in bench/, the compiled C files of this
# directory; what is not there is compiled with cc.  Settings, by environment:
#
#   EVENTS    events in the large runs (1000000); jq gets a tenth of them
#   ROUNDS    rounds of each comparison (3)
#   SECTIONS  which parts, as words (all; their names are those of bench_NAME)
#
# A million events take 700 MB in TMPDIR and as much memory in the server.
# Verdicts are "ok", "below" (short of the goal), "missing" (no such program)
# and "failed".  The exit status is 1 if something could not run or printed other
# bytes than were published; to fall short of a goal does not fail.
#
# shellcheck disable=SC2317,SC2329 # take_turns and trap call functions by name
set -euo pipefail

build=${1:?usage: bench.sh BUILD_DIR}
events=${EVENTS:-1000000}
rounds=${ROUNDS:-3}
few=$((events / 10))
sections=${SECTIONS:-publish tail jq consume start peaks latency worker coprocess
	waiting scheduled}
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$build" && pwd)
work=$(mktemp -d)
server_pid=
failed=0

# What the fast paths serve, and what only jq can do.
glob_all='com.example.*'
glob_some='com.example.order.created'
simple_all='.specversion == "1.0"'
simple_some='.type == "com.example.order.created"'
jq_only='(.data.total | floor) % 2 == 0'

# shellcheck source=tests/bench/worker.sh disable=SC1091
. "$here/worker.sh"

finish() {
	end_background
	if [ -n "$server_pid" ]; then
		kill "$server_pid" 2>/dev/null || true
		wait "$server_pid" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

die() {
	echo "bench: $*" >&2
	exit 1
}

# The first of the commands that exists.
first_of() {
	local name

	for name in "$@"; do
		if command -v "$name" >/dev/null; then
			echo "$name"
			return
		fi
	done
	die "none of these is installed: $*"
}

server=$(first_of redis-server valkey-server)
client=$(first_of redis-cli valkey-cli)
jq=$(first_of jq)

# --- tools and server ------------------------------------------------------

prepare_tools() {
	local name flags

	mkdir "$work/bin"
	for name in gen run latency bare_xadd bare_xrange bare_xreadgroup \
		bare_spawn echo_ok drained; do
		if [ -x "$build/bench/$name" ]; then
			ln -s "$build/bench/$name" "$work/bin/$name"
			continue
		fi
		flags=$(pkg-config --cflags --libs hiredis)
		# shellcheck disable=SC2086 # flags are words
		"${CC:-cc}" -O2 -D_GNU_SOURCE -o "$work/bin/$name" \
			"$here/$name.c" $flags
	done
	PATH=$work/bin:$PATH
}

redis() {
	"$client" -s "$work/sock" "$@"
}

start_server() {
	local tries=200

	"$server" --port 0 --unixsocket "$work/sock" --dir "$work" \
		--save '' --appendonly no >"$work/server.log" 2>&1 &
	server_pid=$!
	until [ "$(redis ping 2>/dev/null)" = PONG ]; do
		kill -0 "$server_pid" 2>/dev/null ||
			die "the server ended: $(tail -n 1 "$work/server.log")"
		[ $((tries -= 1)) -gt 0 ] || die "the server does not answer"
		sleep 0.05
	done
	export EV_URL=unix://$work/sock
}

# --- measuring -------------------------------------------------------------

# Whether a program of ours, by path, is not built.
is_missing() {
	case $1 in
	"$build"/*) [ ! -x "$1" ] ;;
	*) return 1 ;;
	esac
}

# measure NAME COMMAND...: run once, from $input; add the figures to NAME's.
# With $times, run that often and take the medians.
input=/dev/null
times=1
measure() {
	local name=$1 wall cpu rss own

	shift
	if is_missing "$1"; then
		return
	fi
	if ! run -n "$times" -i "$input" "$@" >"$work/run" 2>"$work/error"; then
		echo "bench: $name: failed: $(tail -n 1 "$work/error")" >&2
		touch "$work/$name.failed"
		failed=1
		return
	fi
	read -r wall cpu rss _ _ own <"$work/run"
	echo "$wall" >>"$work/$name.wall"
	echo "$cpu" >>"$work/$name.cpu"
	echo "$rss" >>"$work/$name.rss"
	echo "$own" >>"$work/$name.own"
}

# take_turns FUNCTION...: call each once a round, in an order that rotates.
take_turns() {
	local round i

	for ((round = 0; round < rounds; round++)); do
		for ((i = 0; i < $#; i++)); do
			local turn=$(((round + i) % $# + 1))

			"${!turn}" "$round"
		done
	done
}

# Whether a command prints the file's bytes; says so if not.
must_print() {
	local file=$1

	shift
	if is_missing "$1"; then
		return
	fi
	if ! "$@" 2>"$work/error" | cmp -s - "$file"; then
		echo "bench: $*: printed other bytes than were published" \
			"$(tail -n 1 "$work/error")" >&2
		failed=1
	fi
}

# --- figures ---------------------------------------------------------------

# median FILE [DIVISOR [DECIMALS]]
median() {
	sort -n "$1" | awk -v by="${2:-1}" -v decimals="${3:-0}" '
		{ v[NR] = $1 }
		END { printf "%.*f", decimals, v[int((NR + 1) / 2)] / by }'
}

# Events a second, in thousands.
rate() {
	awk -v n="$2" -v us="$(median "$work/$1.wall")" \
		'BEGIN {
			k = n * 1000 / us
			printf "%.*f k/s", k < 10 ? 2 : 0, k
		}'
}

# The wall clock of B over that of A: of the medians, the least and the greatest
# of a round, of the best.
ratios() {
	local a b of_medians

	a=$work/$1.wall
	b=$work/$2.wall
	of_medians=$(awk -v a="$(median "$a")" -v b="$(median "$b")" \
		'BEGIN { print b / a }')
	paste "$a" "$b" | awk -v m="$of_medians" '
		function first_or(better) { return NR == 1 || better }
		{
			r = $2 / $1
			if (first_or(r < min)) min = r
			if (first_or(r > max)) max = r
			if (first_or($1 < best_a)) best_a = $1
			if (first_or($2 < best_b)) best_b = $2
		}
		END { print m, min, max, best_b / best_a }'
}

# verdict FIGURE at-least|at-most GOAL
verdict() {
	awk -v x="$1" -v how="$2" -v goal="$3" 'BEGIN {
		print (how == "at-least" ? x >= goal : x <= goal) ? \
			"ok" : "below"
	}'
}

row() {
	printf '%-32s %9s %9s  %-25s %-10s %s\n' "$@" | sed 's/ *$//'
}

section() {
	echo
	row "$@" goal ''
}

have() {
	local name

	for name in "$@"; do
		[ -s "$work/$name.wall" ] || return 1
	done
}

# row_without LABEL GOAL NAME...: there are no figures of one of these.
row_without() {
	local label=$1 goal=$2 name why=missing

	shift 2
	for name in "$@"; do
		[ ! -e "$work/$name.failed" ] || why=failed
	done
	row "$label" - - - "$goal" "$why"
}

# speed_row LABEL A B EVENTS GOAL: A at least GOAL times as fast as B.
# A goal of - is none.
speed_row() {
	local r min max best goal=">= $5" said=

	[ "$5" != - ] || goal=-
	if ! have "$2" "$3"; then
		row_without "$1" "$goal" "$2" "$3"
		return
	fi
	read -r r min max best < <(ratios "$2" "$3")
	[ "$5" = - ] || said=$(verdict "$r" at-least "$5")
	row "$1" "$(rate "$2" "$4")" "$(rate "$3" "$4")" \
		"$(printf '%.2f (%.2f..%.2f, %.2f)' \
			"$r" "$min" "$max" "$best")" "$goal" "$said"
}

# extra_row LABEL A B PERCENT: A takes at most PERCENT longer than B.
extra_row() {
	local extra min max best

	if ! have "$2" "$3"; then
		row_without "$1" "<= $4 %" "$2" "$3"
		return
	fi
	read -r extra min max best < <(ratios "$3" "$2" |
		awk '{ for (i = 1; i <= 4; i++) print ($i - 1) * 100 }' |
		paste -sd ' ' -)
	row "$1" "$(rate "$2" "$events")" "$(rate "$3" "$events")" \
		"$(printf '%+.0f %% (%+.0f..%+.0f, %+.0f)' \
			"$extra" "$min" "$max" "$best")" \
		"<= $4 %" "$(verdict "$extra" at-most "$4")"
}

# cpu_row LABEL NAME GOAL: user and system time per event.
cpu_row() {
	local us goal=- said=

	if ! have "$2"; then
		row_without "$1" "${3:+<= $3 us}" "$2"
		return
	fi
	us=$(median "$work/$2.cpu" "$events" 2)
	if [ -n "$3" ]; then
		goal="<= $3 us"
		said=$(verdict "$us" at-most "$3")
	fi
	row "$1" "$us us" - - "$goal" "$said"
}

# start_row LABEL NAME
start_row() {
	local ms

	if ! have "$2"; then
		row_without "$1" "<= 5 ms" "$2"
		return
	fi
	ms=$(median "$work/$2.wall" 1000 2)
	row "$1" "$ms ms" - - "<= 5 ms" "$(verdict "$ms" at-most 5)"
}

# peak_row LABEL NAME: the largest of all rounds.
peak_row() {
	local mb

	if ! have "$2"; then
		row_without "$1" "<= 8 MB" "$2"
		return
	fi
	mb=$(sort -n "$work/$2.rss" | tail -n 1 |
		awk '{ printf "%.1f", $1 * 1024 / 1000000 }')
	row "$1" "$mb MB" - - "<= 8 MB" "$(verdict "$mb" at-most 8)"
}

# --- what is measured ------------------------------------------------------

clear() {
	redis flushall sync >/dev/null
}

publish_cli() {
	clear
	input=$work/ev.resp measure cli "$client" -s "$work/sock" --pipe
}

publish_bare() {
	clear
	input=$work/ev measure bare_xadd bare_xadd "$work/sock" ev
}

publish_evpub() {
	clear
	input=$work/ev measure evpub "$build/evpub" ev
}

bench_publish() {
	# The first million pays for the server's fresh memory: not measured.
	bare_xadd "$work/sock" ev <"$work/ev"
	take_turns publish_evpub publish_cli publish_bare
	section 'publish' this other 'ratio (rounds, best)'
	speed_row 'evpub : redis-cli --pipe' evpub cli "$events" 1.00
	speed_row 'evpub : bare_xadd' evpub bare_xadd "$events" -
	cpu_row 'evpub, own CPU per event' evpub 0.80
	cpu_row 'redis-cli --pipe, CPU per event' cli ''
	cpu_row 'bare_xadd, CPU per event' bare_xadd ''
	if [ -x "$build/evpub" ]; then
		clear
		"$build/evpub" ev <"$work/ev" || failed=1
		must_print "$work/ev" bare_xrange "$work/sock" ev
	fi
}

# The streams that the readers read: ev, few, and none, which is empty.
load() {
	clear
	bare_xadd "$work/sock" ev <"$work/ev"
	head -n "$few" "$work/ev" >"$work/few"
	bare_xadd "$work/sock" few <"$work/few"
	redis xgroup create none g 0 mkstream >/dev/null
}

tail_bare() {
	measure bare_xrange bare_xrange "$work/sock" ev
}

tail_all() {
	measure evtail "$build/evtail" -n all ev
}

tail_stats() {
	measure stats "$build/evtail" --stats ev
}

tail_glob_all() {
	measure glob_all "$build/evtail" -n all -t "$glob_all" ev
}

tail_glob_some() {
	measure glob_some "$build/evtail" -n all -t "$glob_some" ev
}

tail_simple_all() {
	measure simple_all "$build/evtail" -n all -e "$simple_all" ev
}

tail_simple_some() {
	measure simple_some "$build/evtail" -n all -e "$simple_some" ev
}

bench_tail() {
	must_print "$work/ev" bare_xrange "$work/sock" ev
	must_print "$work/ev" "$build/evtail" -n all ev
	take_turns tail_all tail_bare tail_stats tail_glob_all tail_glob_some \
		tail_simple_all tail_simple_some
	section 'look' this other 'ratio (rounds, best)'
	speed_row 'evtail -n all : bare_xrange' evtail bare_xrange "$events" \
		0.90
	speed_row 'evtail --stats : bare_xrange' stats bare_xrange "$events" \
		0.80
	section 'filter' with without 'extra (rounds, best)'
	extra_row 'evtail --type, all pass' glob_all evtail 15
	extra_row 'evtail --type, 1 in 20 passes' glob_some evtail 15
	extra_row 'evtail -e simple, all pass' simple_all evtail 15
	extra_row 'evtail -e simple, 1 in 20 passes' simple_some evtail 15
}

filter_jq() {
	input=$work/few measure jq "$jq" -c "select($jq_only)"
}

filter_evtail() {
	measure evtail_jq "$build/evtail" -n all -e "$jq_only" few
}

bench_jq() {
	"$jq" -c "select($jq_only)" "$work/few" >"$work/few.jq"
	take_turns filter_evtail filter_jq
	section 'filter through jq' this other 'ratio (rounds, best)'
	speed_row 'evtail -e JQ : jq -c' evtail_jq jq "$few" 1.00
}

consume_bare() {
	measure bare_xreadgroup bare_xreadgroup "$work/sock" ev "bare$1"
	redis xgroup destroy ev "bare$1" >/dev/null
}

consume_evsub() {
	measure evsub "$build/evsub" -g "evsub$1" -E ev
	redis xgroup destroy ev "evsub$1" >/dev/null
}

bench_consume() {
	must_print "$work/ev" bare_xreadgroup "$work/sock" ev first
	must_print "$work/ev" "$build/evsub" -g second -E ev
	redis xgroup destroy ev first >/dev/null
	redis xgroup destroy ev second >/dev/null
	take_turns consume_evsub consume_bare
	section 'consume' this other 'ratio (rounds, best)'
	speed_row 'evsub -g G -E : bare_xreadgroup' evsub bare_xreadgroup \
		"$events" 0.90
}

start_jq() {
	times=10 measure start_jq "$jq" "$jq_only"
}

start_evtail_jq() {
	times=10 measure start_evtail_jq "$build/evtail" -e "$jq_only" none
}

bench_start() {
	local name r min max best

	times=30
	measure start_evpub "$build/evpub" none
	measure start_evtail "$build/evtail" none
	measure start_evsub "$build/evsub" -g g -E none
	for name in evlag evtrim evdlq evreplay; do
		measure "start_$name" "$build/$name" --version
	done
	times=1
	take_turns start_evtail_jq start_jq
	section 'start to end' 'median' '' ''
	start_row 'evpub, no input' start_evpub
	start_row 'evtail, empty stream' start_evtail
	start_row 'evsub -E, empty stream' start_evsub
	for name in evlag evtrim evdlq evreplay; do
		start_row "$name --version" "start_$name"
	done
	if ! have start_evtail_jq start_jq; then
		row_without 'evtail -e JQ : jq, no input' '<= 1.10' \
			start_evtail_jq start_jq
		return
	fi
	read -r r min max best < <(ratios start_jq start_evtail_jq)
	row 'evtail -e JQ : jq, no input' \
		"$(median "$work/start_evtail_jq.wall" 1000 1) ms" \
		"$(median "$work/start_jq.wall" 1000 1) ms" \
		"$(printf '%.2f (%.2f..%.2f, %.2f)' "$r" "$min" "$max" \
			"$best")" \
		'<= 1.10' "$(verdict "$r" at-most 1.10)"
}

bench_peaks() {
	section 'peak memory in these runs' '' '' ''
	peak_row 'evpub' evpub
	peak_row 'evtail -n all' evtail
	peak_row 'evtail -n all -e simple' simple_all
	peak_row 'evtail -n all -e JQ' evtail_jq
	peak_row 'evsub -g G -E' evsub
}

bench_latency() {
	local label='evpub to evtail -f, median' p50 p99

	section 'one event' median 'p99' ''
	if is_missing "$build/evpub" || is_missing "$build/evtail"; then
		row_without "$label" '<= 1 ms'
		return
	fi
	redis xgroup create ping g 0 mkstream >/dev/null
	# shellcheck disable=SC2016 # expanded by the shells that latency runs
	if ! BUILD=$build timeout 120 latency 1000 \
		'exec "$BUILD/evpub" ping' \
		'exec "$BUILD/evtail" -f -n 0 ping' >"$work/run"; then
		failed=1
		row "$label" - - - '<= 1 ms' failed
		return
	fi
	read -r p50 p99 <"$work/run"
	row "$label" "$p50 us" "$p99 us" - '<= 1 ms' \
		"$(verdict "$p50" at-most 1000)"
}

show_machine() {
	echo
	echo "$(redis info server | tr -d '\r' |
		awk -F: '/^(redis|valkey)_version/ { print $1, $2 }' |
		paste -sd ' ' -), $("$jq" --version)," \
		"$(getconf _NPROCESSORS_ONLN) cores, $(uname -sm)," \
		"$events events of $(($(wc -c <"$work/ev") / events - 1)) B," \
		"$rounds rounds, load $(uptime | sed 's/.*average[s]*: *//')"
}

prepare_tools
start_server
gen "$events" >"$work/ev"
gen "$events" --resp ev >"$work/ev.resp"
for part in $sections; do
	[ "$part" != publish ] || bench_publish
done
load
for part in $sections; do
	[ "$part" = publish ] || "bench_$part"
done
show_machine
exit "$failed"
