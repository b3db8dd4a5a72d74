# evlag --watch in a real terminal, and evlag --jobs

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
	server_answers || start_server
	flush
	T=$BATS_TEST_TMPDIR
	redis xgroup create orders billing 0 mkstream >/dev/null
	redis xgroup create invoices post 0 mkstream >/dev/null
}

teardown()
{
	kill -CONT "$(server_pid)" 2>/dev/null || :
	close_terminal
	end_started
}

# add STREAM COUNT - so many entries
add()
{
	redis eval "for i = 1, ARGV[1] do
		redis.call('XADD', KEYS[1], '*', 'data', '{\"n\":' .. i .. '}')
		end" 1 "$1" "$2" >/dev/null
}

terminal()
{
	tmux -S "$SERVER_DIR/tmux" -f /dev/null "$@" 3>&-
}

# A tmux that is told to end has not ended yet.
close_terminal()
{
	[ -S "$SERVER_DIR/tmux" ] || return 0
	terminal kill-server 2>/dev/null || :
	wait_until 10 no_terminal
	rm -f "$SERVER_DIR/tmux" "$T"/{pid,after,status}
}

no_terminal()
{
	! terminal has-session 2>/dev/null
}

# in_terminal COLUMNS ROWS OPTION... - evlag with these in a terminal, as a job of
# a shell; its pid, status and the settings before and behind are in files
in_terminal()
{
	local columns=$1 rows=$2
	shift 2
	command -v tmux >/dev/null || skip "tmux is not installed"
	cat >"$T/pane.sh" <<-END
		set -m
		cd "$T"
		stty -g >before
		echo before it
		sh -c 'echo \$\$ >pid; exec evlag $*'
		status=\$?
		while jobs | grep -q Stopped; do
			stty -g >stopped
			echo stopped
			while [ ! -e go ]; do sleep 0.02; done
			rm go stopped
			fg >/dev/null
			status=\$?
		done
		echo \$status >status
		stty -g >after
		echo behind it
		cat
	END
	terminal new-session -d -x "$columns" -y "$rows" \
		"env EV_URL=$EV_URL EV_CONFIG=/dev/null ${LOOKS-LC_ALL=C.UTF-8} \
		PATH=$PATH bash $T/pane.sh"
	# A terminal without a client has the size that it is told.
	terminal set-option -g window-size manual 2>/dev/null || :
}

shown()
{
	terminal capture-pane -p
}

# widest - characters of the longest line
widest()
{
	local line most=0
	while IFS= read -r line; do
		[ "${#line}" -le "$most" ] || most=${#line}
	done < <(shown)
	echo "$most"
}

# shows PATTERN... - each is in a line
shows()
{
	local pattern page
	page=$(shown)
	for pattern; do
		grep -q -e "$pattern" <<<"$page" || return 1
	done
}

# must_show PATTERN... - soon
must_show()
{
	wait_until 10 shows "$@" || {
		shown >&2
		return 1
	}
}

key()
{
	terminal send-keys "$@"
}

# ends STATUS - with the terminal as it was
ends()
{
	wait_until 10 test -s "$T/after"
	must_equal "$(cat "$T/status")" "$1"
	must_equal "$(cat "$T/after")" "$(cat "$T/before")"
	must_show 'before it' 'behind it'
	must_equal "$(terminal display-message -p \
		'#{alternate_on} #{cursor_flag} #{wrap_flag}')" "0 1 1"
}

@test "shows groups in 80 columns, with trends, and q ends it" {
	add orders 1500
	in_terminal 80 24 --watch --interval 100ms
	must_show '^evlag  ..:..:.. UTC  2 streams  2 groups  NO-CONSUMERS  memory' \
		'^1-2 of 2 by lag  q quit' \
		'^STREAM .*LAG .*TREND .*AGE .*PEND .*DEAD .*IN/s .*OUT/s .*VERDICT$' \
		'^orders  *billing  *1.5k  .*█  .*NO-CONSUMERS$' \
		'^invoices  *post  *0 .*▁ .*OK$'
	must_equal "$(terminal display-message -p \
		'#{alternate_on} #{cursor_flag}')" "1 0"
	[ "$(widest)" -le 80 ]
	key q
	ends 0
}

@test "shows more in 200 columns, and follows when the size changes" {
	add orders 10
	in_terminal 200 50 --watch --interval 100ms
	must_show 'OLDEST .*RETRY .*DEAD .*CONS .*IN/s .*IN .*OUT/s .*ETA .*REASON' \
		'NO-CONSUMERS  nobody there, 10 waiting'
	terminal resize-window -x 60 -y 10 || skip "tmux can't resize windows"
	wait_until 10 shows 'STREAM.*VERDICT$'
	[ "$(widest)" -le 60 ]
	terminal resize-window -x 200 -y 50
	must_show 'NO-CONSUMERS  nobody there, 10 waiting'
	key q
	ends 0
}

# order - the streams as they are shown
order()
{
	shown | awk '/billing|post/ { printf "%s ", $1 }'
}

is_order()
{
	[ "$(order)" = "$1" ]
}

@test "letters sort, r reverses, ? helps, p pauses" {
	add orders 20
	add invoices 10
	redis xadd '{invoices}:dlq' '*' data '{}' \
		dead '{"group":"post","reason":"rejected"}' >/dev/null
	in_terminal 80 24 --watch --interval 100ms
	must_show 'by lag'
	wait_until 10 is_order "orders invoices "
	key r
	must_show 'by lag, reversed'
	wait_until 10 is_order "invoices orders "
	key n
	must_show 'by name'
	wait_until 10 is_order "invoices orders "
	key r
	wait_until 10 is_order "orders invoices "
	key d
	must_show 'by dead'
	wait_until 10 is_order "invoices orders "
	for letter in a:age v:verdict i:in o:out; do
		key "${letter%:*}"
		must_show "by ${letter#*:} "
	done
	key '?'
	must_show 'sort by  l lag'
	key '?' p
	must_show PAUSED
	add orders 5
	key p l
	must_show '^orders .* 25 '
	key q
	ends 0
}

@test "scrolls through more rows than there is room for" {
	for n in $(seq 10 49); do
		redis xgroup create "s$n" g 0 mkstream >/dev/null
	done
	in_terminal 80 13 --watch --interval 100ms 's*'
	key n
	must_show '^1-10 of 40' '^s10 ' '^s19 '
	key j Down
	must_show '^3-12 of 40' '^s12 ' '^s21 '
	key NPage
	must_show '^13-22 of 40'
	key k PPage
	must_show '^2-11 of 40'
	key G
	must_show '^31-40 of 40' '^s49 '
	key g
	must_show '^1-10 of 40'
	key q
	ends 0
}

@test "a server that goes is told, and found again" {
	add orders 3
	in_terminal 80 24 --watch --interval 100ms
	must_show '^orders .* 3 '
	kill_server
	must_show '^away: .*annot connect' '^orders .* 3 '
	start_server
	add orders 7
	redis xgroup create orders billing 0 >/dev/null
	must_show '^orders .* 7 '
	! shows '^away' || return 1
	key q
	ends 0
}

@test "q ends it while the server does not answer, and so do signals" {
	for how in q INT TERM; do
		in_terminal 80 24 --watch --interval 100ms
		must_show '^orders '
		kill -STOP "$(server_pid)"
		# It sorts without the server, which it has asked by then.
		key r
		must_show reversed
		before=$(now_ms)
		case $how in
		q) key q ;;
		*) kill -"$how" "$(cat "$T/pid")" ;;
		esac
		ends 0
		[ $(($(now_ms) - before)) -lt 1900 ]
		kill -CONT "$(server_pid)"
		close_terminal
	done
}

@test "the terminal is as it was after every signal that ends it" {
	ulimit -c 0
	for signal in HUP QUIT INT TERM; do
		in_terminal 80 24 --watch --interval 100ms
		must_show '^orders '
		kill -"$signal" "$(cat "$T/pid")"
		case $signal in
		HUP) ends 129 ;;
		QUIT) ends 131 ;;
		*) ends 0 ;;
		esac
		close_terminal
	done
}

@test "two signals at once restore the terminal too" {
	in_terminal 80 24 --watch --interval 100ms
	must_show '^orders '
	kill -INT "$(cat "$T/pid")"
	kill -TERM "$(cat "$T/pid")" 2>/dev/null || :
	wait_until 10 test -s "$T/after"
	case $(cat "$T/status") in
	0 | 143) ;;
	*) return 1 ;;
	esac
	must_equal "$(cat "$T/after")" "$(cat "$T/before")"
	must_equal "$(terminal display-message -p \
		'#{alternate_on} #{cursor_flag}')" "0 1"
}

@test "^Z gives the terminal back, and fg takes it again" {
	in_terminal 80 24 --watch --interval 100ms
	must_show '^orders '
	key C-z
	must_show 'before it' stopped
	must_equal "$(cat "$T/stopped")" "$(cat "$T/before")"
	: >"$T/go"
	must_show '^orders '
	key r
	must_show reversed
	key q
	ends 0
}

@test "bars are of ASCII where the locale is, colours by NO_COLOR" {
	add orders 5
	LOOKS='LC_ALL=C NO_COLOR=1' in_terminal 80 24 --watch --interval 100ms
	must_show '^orders .* ##* '
	! shown | grep -q '[^ -~]' || return 1
	! terminal capture-pane -pe | grep -q $'\033' || return 1
	key q
	ends 0
}

@test "what is said meanwhile is said behind" {
	in_terminal 80 24 --watch --interval 100ms -w 700ms
	must_show '^orders '
	kill_server
	ends 4
	must_show 'evlag: unix:.*cannot connect'
}

@test "-c ends it after so many looks, also in a terminal by script(1)" {
	script -qec true /dev/null </dev/null >/dev/null 2>&1 ||
		skip "there is no script(1) as that of util-linux"
	must_exit 0 env TERM=xterm script -qec \
		"stty rows 24 cols 80; evlag --watch -c 2 --interval 50ms" \
		"$T/typescript"
	[[ $output == *$'\033[?1049h'*orders*$'\033[?1049l'* ]]
	# Each page is painted at once, from its first line on.
	[[ $output == *$'\033[?2026h\033[Hevlag'* ]] ||
		[[ $output == *$'\033[?2026h\033[H\033[1mevlag'* ]]
	# Nothing is said once the terminal is given back.
	[[ ${output##*$'\033[?1049l'} != *[a-z]* ]]
}

@test "--watch wants a terminal, and excludes what is none" {
	must_exit 2 evlag --watch
	must_say "evlag: --watch: standard output is not a terminal"
	must_exit 3 evlag --watch --check
	for other in --alerts --health '--to x' '--format ndjson' \
		'--sample 1s'; do
		# shellcheck disable=SC2086 # an option and its argument
		must_exit 2 evlag --watch $other
	done
	for other in --alerts --health '--format prometheus' \
		'--format nagios' '--sample 1s'; do
		# shellcheck disable=SC2086 # an option and its argument
		must_exit 2 evlag --jobs $other
	done
}

# Jobs

# three_jobs - one that runs, one that waits, one that has no ledger
three_jobs()
{
	for n in 1 2 3; do
		redis xadd orders "$n-0" data \
			'{"specversion":"1.0","id":"e'$n'","source":"/x","type":"t'$n'"}'
	done >/dev/null
	redis xreadgroup group billing web1 count 3 streams orders '>' \
		>/dev/null
	redis hset '{orders}:progress:billing' 1-0 \
		'{"percent":40,"text":"charging","time":"2026-11-21T02:30:00.000Z","consumer":"web1"}' \
		2-0 '{"text":"no figure"}' >/dev/null
	redis hset '{orders}:fail:billing' 3-0 \
		"{\"attempts\":2,\"due\":$(($(now_ms) + 600000)),\"error\":\"x\"}" \
		1-0 '{"attempts":1,"due":5}' >/dev/null
}

@test "--jobs tells what runs, and what waits until when" {
	three_jobs
	must_exit 0 evlag --jobs --format ndjson
	must_equal "$(jq -c '[.stream, .group, .id, .state, .event_id, .type,
		.consumer, .attempt, .deliveries, .percent, .text,
		.progress_time, .due != null]' <<<"$output")" \
		'["orders","billing","1-0","running","e1","t1","web1",2,1,40,"charging","2026-11-21T02:30:00.000Z",false]
["orders","billing","2-0","running","e2","t2","web1",1,1,null,"no figure",null,false]
["orders","billing","3-0","waiting","e3","t3","web1",3,1,null,null,null,true]'
	must_exit 0 evlag --jobs
	[[ ${lines[1]} == *"[####······] 40% charging"* ]]
	[[ ${lines[3]} == *"due in 9m5"* ]]
}

@test "--jobs puts first what has been silent for a lease" {
	three_jobs
	redis xclaim orders billing web2 0 2-0 idle 60000 justid >/dev/null
	must_exit 0 evlag --jobs --format ndjson
	must_equal "$(jq -r '.id + " " + .state' <<<"$output" | tr '\n' ,)" \
		"2-0 stuck,1-0 running,3-0 waiting,"
	must_exit 0 evlag --jobs
	[[ ${lines[1]} == *"silent for 1m"* ]]
}

@test "--jobs shows 100, or as many as --count, and says how many more" {
	add orders 2500
	redis xreadgroup group billing w count 2500 streams orders '>' \
		>/dev/null
	must_exit 0 evlag --jobs --format ndjson
	must_equal "${#lines[@]}" 100
	must_say "evlag: 2400 more jobs are not shown, see --count"
	must_exit 0 evlag --jobs --format ndjson -c 7
	must_equal "${#lines[@]}" 7
	must_say "2493 more jobs"
	must_exit 0 evlag --jobs --format ndjson -c 5000
	must_equal "${#lines[@]}" 2500
	must_equal "$stderr" ""
}

@test "--jobs gets along with trimmed, large and binary events" {
	redis xadd orders 1-0 data \
		"{\"specversion\":\"1.0\",\"id\":\"$(printf %070000d 1)\",\"source\":\"/x\",\"type\":\"t\"}" \
		>/dev/null
	redis xadd orders 2-0 data $'\377' >/dev/null
	redis xadd orders 3-0 data '{}' >/dev/null
	redis xadd orders 4-0 data \
		'{"specversion":"1.0","id":"e4","source":"/x","type":"t4"}' \
		>/dev/null
	redis xreadgroup group billing $'w\377' count 4 streams orders '>' \
		>/dev/null
	redis xdel orders 3-0 >/dev/null
	redis hset '{orders}:progress:billing' 1-0 'no json' 2-0 '[1]' \
		4-0 '{"percent":"x","text":7}' >/dev/null
	must_exit 0 evlag --jobs --format ndjson
	must_equal "$(jq -c '[.id, .event_id, .type, .percent, .text]' \
		<<<"$output")" \
		'["1-0",null,null,null,null]
["2-0",null,null,null,null]
["3-0",null,null,null,null]
["4-0","e4","t4",null,null]'
}

@test "--jobs of streams that are not there is no, without jobs nothing" {
	must_exit 0 evlag --jobs
	must_equal "$output" ""
	must_exit 1 evlag --jobs nowhere
	must_say "nowhere: no such stream"
}

@test "--watch --jobs shows progress as it is made" {
	three_jobs
	in_terminal 100 24 --watch --jobs --interval 100ms
	must_show '^1-3 of 3 ' 'running  \[####······\] 40% charging' 'due in 9m'
	redis hset '{orders}:progress:billing' 1-0 '{"percent":80}' >/dev/null
	must_show '\[########··\] 80%'
	redis xack orders billing 1-0 2-0 3-0 >/dev/null
	must_show '^no jobs'
	key q
	ends 0
}

@test "a plain setting jobs is evsub's, evlag.jobs is this one" {
	three_jobs
	printf 'jobs = 4\n' >"$T/config"
	must_exit 0 env EV_CONFIG="$T/config" evlag orders
	[[ ${lines[0]} == *VERDICT* ]]
	printf 'evlag.jobs = yes\n' >"$T/config"
	must_exit 0 env EV_CONFIG="$T/config" evlag orders
	[[ ${lines[0]} == *PROGRESS* ]]
}
