# worker.sh - part of bench.sh: evsub as a worker, scheduled events
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables that are bench.sh's too
# shellcheck disable=SC2317,SC2329 # functions called by name

background=() # the evsubs that run beside what is measured
pid_of_ten=   # of two of them
pid_of_due=

# behind NAME COMMAND...: run it meanwhile; its pid is in $pid_of_NAME.
behind() {
	local name=$1

	shift
	"$@" </dev/null >/dev/null 2>"$work/$name.error" &
	printf -v "pid_of_$name" %s $!
	background+=("$!")
}

end_background() {
	local pid

	for pid in "${background[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	background=()
}

# Whether evsub has an option; if not, what needs it is missing.
evsub_knows() {
	"$build/evsub" --help 2>/dev/null | grep -q -e "--$1"
}

evpub_knows() {
	"$build/evpub" --help 2>/dev/null | grep -q -e "--$1"
}

# --- rows ------------------------------------------------------------------

# own_row LABEL NAME EVENTS: user and system time per event, without children.
own_row() {
	if ! have "$2"; then
		row_without "$1" - "$2"
		return
	fi
	row "$1" "$(median "$work/$2.own" "$3" 0) us" - - - ''
}

# limit_row LABEL FIGURE UNIT GOAL: at most the goal.  An empty figure: missing.
limit_row() {
	if [ -z "$2" ]; then
		row_without "$1" "<= $4 $3"
		return
	fi
	row "$1" "$2 $3" - - "<= $4 $3" "$(verdict "$2" at-most "$4")"
}

# --- a process for each event ----------------------------------------------

work_evsub() {
	measure worker "$build/evsub" -g "w$1" -E -P 2 spawns -- /bin/true
}

work_bare() {
	input=$work/spawns measure bare_spawn bare_spawn 2 /bin/true
}

work_xargs() {
	input=$work/spawns measure xargs xargs -d '\n' -P 2 -n 1 /bin/true
}

bench_worker() {
	local spawns=$((events / 250))

	head -n "$spawns" "$work/ev" >"$work/spawns"
	bare_xadd "$work/sock" spawns <"$work/spawns"
	take_turns work_evsub work_xargs work_bare
	section 'a process per event, 2 at once' this other \
		'ratio (rounds, best)'
	speed_row 'evsub -- true : xargs -n 1' worker xargs "$spawns" 1.30
	speed_row 'evsub -- true : bare_spawn' worker bare_spawn "$spawns" 0.80
	own_row 'evsub, own CPU per event' worker "$spawns"
	own_row 'bare_spawn, own CPU per event' bare_spawn "$spawns"
}

# --- coprocess -------------------------------------------------------------

work_coprocess() {
	measure coprocess "$build/evsub" -g "c$1" -E --coprocess -b 1000 few \
		-- "$work/bin/echo_ok"
	redis xgroup destroy few "c$1" >/dev/null
}

work_reader() {
	measure bare_few bare_xreadgroup "$work/sock" few "bare$1"
	redis xgroup destroy few "bare$1" >/dev/null
}

bench_coprocess() {
	local label='evsub --coprocess : bare_xreadgr'

	section 'coprocess' this other 'ratio (rounds, best)'
	if ! evsub_knows coprocess; then
		row_without "$label" '>= 0.30'
		return
	fi
	take_turns work_coprocess work_reader
	speed_row "$label" coprocess bare_few "$few" 0.30
	own_row 'evsub --coprocess, own CPU' coprocess "$few"
}

# --- many that wait --------------------------------------------------------

# A coprocess that lets those wait that come from /later.
wait_with() {
	behind "$1" "$build/evsub" -g g -b 1000 --max-waiting 200000 \
		--coprocess "$1" -- "$work/bin/echo_ok" '"/later'
}

add_waiting() {
	redis xgroup create "$1" g 0 mkstream >/dev/null
	head -n "$2" "$work/ev" | sed 's/"\/shop/"\/later/' |
		bare_xadd "$work/sock" "$1"
	drained "$work/sock" "$1" g "$2"
}

# live STREAM PENDING: publish and wait until all is handled.
live() {
	# shellcheck disable=SC2016 # expanded by the shell that is measured
	input=$work/few measure "$1" sh -c \
		'bare_xadd "$1" "$2" && drained "$1" "$2" g "$3"' \
		sh "$work/sock" "$1" "$2"
}

live_busy() {
	live busy "$few"
}

live_calm() {
	live calm 0
}

# Peak memory of a process that runs, in MB.
peak_of() {
	awk '/^VmHWM/ { printf "%.1f", $2 * 1024 / 1000000 }' \
		"/proc/$1/status" 2>/dev/null || true
}

bench_waiting() {
	local label="live, $few wait : none" ten=10000 peak=

	section 'waiting for a retry, in hours' with without \
		'ratio (rounds, best)'
	if ! evsub_knows coprocess; then
		row_without "$label" '>= 0.95'
		row_without 'evsub, peak with 10000 waiting' '<= 16 MB'
		return
	fi
	wait_with busy
	wait_with calm
	redis xgroup create calm g 0 mkstream >/dev/null
	if add_waiting busy "$few"; then
		take_turns live_busy live_calm
		speed_row "$label" busy calm "$few" 0.95
	else
		failed=1
		row "$label" - - - '>= 0.95' failed
	fi
	end_background
	wait_with ten
	if add_waiting ten "$ten"; then
		peak=$(peak_of "$pid_of_ten")
	fi
	end_background
	limit_row "evsub, peak with $ten waiting" "$peak" MB 16
	redis del busy calm ten >/dev/null
}

# --- scheduled -------------------------------------------------------------

# How late a scheduled event comes to a worker that has nothing else to do.
bench_lateness() {
	local delay=$1 label p50 p99

	label="lateness of --delay ${delay}ms, p99"
	redis del "late$delay" >/dev/null
	redis xgroup create "late$delay" g 0 mkstream >/dev/null
	# shellcheck disable=SC2016 # expanded by the shells that latency runs
	if ! BUILD=$build DELAY=$delay timeout 120 latency 200 \
		'exec "$BUILD/evpub" --delay "${DELAY}ms" "late$DELAY"' \
		'exec "$BUILD/evsub" -g g "late$DELAY" -- cat' \
		"$delay" >"$work/run"; then
		failed=1
		row "$label" - - - '<= 100 ms' failed
		return
	fi
	read -r p50 p99 < <(awk '{ printf "%.1f %.1f\n", $1 / 1e3, $2 / 1e3 }' \
		"$work/run")
	row "$label" "$p99 ms" "$p50 ms" - '<= 100 ms' \
		"$(verdict "$p99" at-most 100)"
}

# Both live events and as many that are due when evsub goes on.
live_due() {
	kill -STOP "$pid_of_due"
	if [ -x "$build/evpub" ]; then
		"$build/evpub" --at 2020-01-01 due <"$work/few" || failed=1
	fi
	# shellcheck disable=SC2016 # expanded by the shell that is measured
	input=$work/few measure due sh -c \
		'kill -CONT "$1" && bare_xadd "$2" due &&
		drained "$2" due g 0 "$3"' \
		sh "$pid_of_due" "$work/sock" $((2 * few * ($1 + 1)))
}

bench_promotion() {
	local label="live, $few come due : none"

	wait_with due
	wait_with calm
	redis xgroup create due g 0 mkstream >/dev/null
	redis xgroup create calm g 0 mkstream >/dev/null
	rm -f "$work"/calm.*
	take_turns live_due live_calm
	end_background
	section 'scheduled' with without 'ratio (rounds, best)'
	speed_row "$label" due calm "$few" -
	redis del due calm >/dev/null
}

bench_scheduled() {
	if ! evpub_knows delay || ! evsub_knows coprocess; then
		section 'scheduled' p99 median ''
		row_without 'lateness of --delay 120ms, p99' '<= 100 ms'
		return
	fi
	bench_promotion
	section '' p99 median ''
	bench_lateness 120
	bench_lateness 20
}
