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
}

add()
{
	redis eval "for i = 1, ARGV[1] do
		redis.call('XADD', KEYS[1], '*', 'data', '{}') end" \
		1 "$1" "$2" >/dev/null
}

group()
{
	redis xgroup create "$1" "$2" "${3-0}" mkstream >/dev/null
}

has_entries()
{
	[ "$(redis xlen "$1")" -ge "$2" ]
}

# is_exposition FILE - in the text format 0.0.4 of Prometheus, as its users want
# it: HELP and TYPE once and before the samples, which stand together, none twice
is_exposition()
{
	awk '
	function bad(why) { print FILENAME ":" FNR ": " why ": " $0; failed = 1 }
	/^# HELP / {
		if (!match($3, /^evlag_[a-z_]+$/) || NF < 4) bad("name")
		if ($3 in help) bad("a second HELP")
		help[$3] = 1
		next
	}
	/^# TYPE / {
		if ($3 in type) bad("a second TYPE")
		if ($4 != "gauge" && $4 != "counter") bad("type")
		if (($3 ~ /_total$/) != ($4 == "counter")) bad("_total")
		if (!($3 in help)) bad("TYPE without HELP")
		type[$3] = $4
		current = $3
		next
	}
	/^$/ { bad("empty"); next }
	{
		name = $0
		sub(/[{ ].*/, "", name)
		if (name != current) bad("not behind its TYPE")
		if (name ~ /_(ms|milliseconds|minutes|kb|percent)$/) bad("unit")
		series = $0
		if (!sub(/ -?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$/, "", series))
			bad("value, or a timestamp behind it")
		if (series in seen) bad("twice")
		seen[series] = 1
		labels = substr(series, length(name) + 1)
		if (labels != "" && labels !~ \
		    /^\{[a-z]+="([^"\\]|\\["\\n])*"(,[a-z]+="([^"\\]|\\["\\n])*")*\}$/)
			bad("labels")
		samples++
	}
	END { exit failed || samples == 0 }' "$1" || return 1
	iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || return 1
	if command -v promtool >/dev/null; then
		promtool check metrics <"$1"
	fi
}

# is_plugin_output - $output is what a Nagios plugin prints
is_plugin_output()
{
	[[ ${lines[0]} =~ ^EVLAG\ (OK|WARNING|CRITICAL|UNKNOWN)\ -\ [^|]+(\|\ .*)?$ ]]
	[ "${#output}" -lt 8192 ]
	local rest=${lines[0]#*|}
	[ "$rest" != "${lines[0]}" ] || return 0
	while [ -n "$rest" ]; do
		[[ $rest =~ ^\ \'(([^\'=|]|\'\')+)\'=(U|[0-9.]+(e-?[0-9]+)?(s|%|B|c)?)(\;[0-9.]*){2,4}(.*)$ ]] || {
			echo "not perfdata: $rest" >&2
			return 1
		}
		rest=${BASH_REMATCH[7]}
	done
}

@test "all well: exit 0, one line with figures" {
	add orders 5
	group orders billing
	must_exit 0 evlag --check orders
	is_plugin_output
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == "EVLAG OK - 1 group, lag at most 5 | "* ]]
	[[ $output == *" 'orders/billing lag'=5;1000;10000;0 "* ]]
	[[ $output =~ \ \'orders/billing\ age\'=[0-9.]+s\;60\;600\;0\  ]]
	[[ $output == *" 'orders/billing dead'=0;;10;0 "* ]]
	[[ $output =~ \ \'server\ memory\'=[0-9.]+%\;80\;90\;0\;100$ ]]
	[ -z "$stderr" ]
}

@test "above a threshold: exit 1 or 2, what is worst first" {
	add orders 1001
	group orders billing
	group orders stock
	redis xgroup setid orders stock $ >/dev/null
	must_exit 1 evlag --check
	is_plugin_output
	[[ $output == "EVLAG WARNING - orders/billing: lag 1k > 1k | "* ]]
	must_exit 2 evlag --check --crit lag=1000 --warn pending=0
	[[ $output == "EVLAG CRITICAL - orders/billing: lag 1k > 1k | "* ]]
	must_equal "${lines[1]}" \
		"orders/billing: NO-CONSUMERS: nobody there, 1k waiting"
	must_exit 0 evlag --check -g stock
	must_exit 0 evlag --check --warn lag=2k
	add other 20
	group other mail
	must_exit 2 evlag --check --warn lag=10 --crit lag=1000
	[[ $output == "EVLAG CRITICAL - orders/billing: lag 1k > 1k; other/mail: lag 20 > 10 | "* ]]
}

@test "--warn and --crit replace what they name, and nothing else" {
	add orders 5
	group orders billing
	redis xreadgroup group billing c1 count 2 streams orders '>' >/dev/null
	must_exit 1 evlag --check --warn pending=1
	must_exit 2 evlag --check --warn pending=1 --crit pending=1
	must_exit 0 evlag --check --warn pending=2
	must_exit 1 evlag --check --warn age=0
	must_exit 2 evlag --check --crit oldest=0
	must_exit 2 evlag --check --crit consumers=0
	# The built-in critical of 10 000 is gone with it.
	add orders 11000
	must_exit 1 evlag --check --warn lag=1
	must_exit 2 evlag --check
	must_exit 0 evlag --check --warn lag=-
}

@test "a lag at a high threshold is counted as far as it takes" {
	add orders 12010
	group orders billing 0
	# With this the server's own counters can't be used.
	redis xdel orders "$(redis xrange orders - + count 1 | head -n 1)" >/dev/null
	must_exit 0 evlag --check --warn lag=12009
	must_exit 1 evlag --check --warn lag=12008
}

@test "errors of workers and dead letters" {
	cat >"$BATS_TEST_TMPDIR/rules" <<-end
	* = errors=5%/25% lag=-/- age=-/- consumers=-/- oldest=-/- memory=-/-
	end
	add orders 30
	must_exit 0 evsub -q -g billing -E orders -- true
	must_exit 0 evlag --check --rules "$BATS_TEST_TMPDIR/rules"
	add orders 2
	must_exit 0 evsub -q -g billing -E --attempts 1 orders -- false
	must_exit 1 evlag --check --rules "$BATS_TEST_TMPDIR/rules"
	[[ $output == *"billing: dead 2 new of 2, errors 6.3% > 5% |"* ]]
	add orders 20
	must_exit 0 evsub -q -g billing -E --attempts 1 orders -- false
	must_exit 2 evlag --check --rules "$BATS_TEST_TMPDIR/rules"
	[[ $output == *"orders/billing: dead 22 > 10, errors 42.3% > 25% |"* ]]
}

@test "errors of fewer than 20 attempts are no finding" {
	add orders 19
	must_exit 0 evsub -q -g billing -E --attempts 1 orders -- false
	must_exit 0 evlag --check --warn dead=100 --crit errors=1%
	add orders 1
	must_exit 0 evsub -q -g billing -E --attempts 1 orders -- false
	must_exit 2 evlag --check --warn dead=100 --crit errors=1%
}

@test "rules: of a file and of the config, the first that matches counts" {
	add orders 10
	add other 10
	group orders billing
	group orders stock
	group other mail
	printf '%s\n' '# thresholds' 'orders billing = lag=20/30' \
		'o* = lag=5/20' >"$BATS_TEST_TMPDIR/rules"
	must_exit 1 evlag --check --rules "$BATS_TEST_TMPDIR/rules"
	[[ $output == "EVLAG WARNING - orders/stock: lag 10 > 5; other/mail: lag 10 > 5 | "* ]]
	printf '%s\n' '[rules]' 'orders = lag=1/2' '* = lag=1/2' \
		>"$BATS_TEST_TMPDIR/config"
	export EV_CONFIG=$BATS_TEST_TMPDIR/config
	must_exit 2 evlag --check
	must_exit 1 evlag --check --rules "$BATS_TEST_TMPDIR/rules"
	must_exit 0 evlag --check --crit lag=100
	must_exit 0 evlag
}

@test "wrong rules are told by file and line, with status 3 for --check" {
	printf '%s\n' '* = lag=1/2' 'orders = lags=1/2' \
		>"$BATS_TEST_TMPDIR/rules"
	must_exit 3 evlag --check --rules "$BATS_TEST_TMPDIR/rules"
	must_say "$BATS_TEST_TMPDIR/rules:2: no metric \"lags\""
	must_exit 2 evlag --alerts --rules "$BATS_TEST_TMPDIR/rules"
	must_exit 3 evlag --check --rules "$BATS_TEST_TMPDIR/none"
	printf '%s\n' '[rules]' 'orders = age=5/2' >"$BATS_TEST_TMPDIR/config"
	EV_CONFIG=$BATS_TEST_TMPDIR/config must_exit 3 evlag --check
	must_say "$BATS_TEST_TMPDIR/config:2: age: \"5\" is not a duration"
	must_exit 3 evlag --check --warn lag
	must_say '--warn: "lag" is not METRIC=THRESHOLD'
}

@test "nothing to check is unknown: no stream, no group, no server" {
	must_exit 3 evlag --check
	is_plugin_output
	[[ $output == "EVLAG UNKNOWN - no group to look at | "* ]]
	must_exit 3 evlag --check orders
	[[ $output == "EVLAG UNKNOWN - orders: no such stream | "* ]]
	add orders 1
	must_exit 3 evlag --check orders
	group orders billing
	must_exit 3 evlag --check orders none
	must_exit 3 evlag --check -u unix:///nowhere --retry-for 0
	[[ $output == "EVLAG UNKNOWN - unix:///nowhere: cannot connect: "* ]]
	is_plugin_output
	must_exit 3 evlag --check --health -u unix:///nowhere --retry-for 0
	is_plugin_output
	must_exit 3 evlag --check --format ndjson -u unix:///nowhere --retry-for 0
	must_say "cannot connect"
}

@test "a figure that is unknown makes the whole unknown, unless worse is known" {
	add orders 1
	group orders billing
	redis acl setuser watcher on '>secret' '~*' '+@all' -info >/dev/null
	local url=unix://watcher:secret@${EV_URL#unix://}
	EV_URL=$url must_exit 3 evlag --check
	[[ $output == *"server: memory unknown |"*" 'server memory'=U;80;90;"* ]]
	EV_URL=$url must_exit 0 evlag --check --warn memory=-
	EV_URL=$url must_exit 2 evlag --check --crit lag=0
	redis acl deluser watcher >/dev/null
}

@test "usage of --check is unknown to Nagios: exit 3" {
	must_exit 3 evlag --check --bogus
	must_exit 3 evlag --check --format prometheus
	must_exit 3 evlag --check --alerts
	must_exit 3 evlag --check --interval 1s
	must_exit 3 evlag --check --warn growth=5
	must_say "growth needs --sample"
	must_exit 3 evlag --check -u http://x
	must_exit 2 evlag --bogus
	must_exit 2 evlag --warn lag=1
	must_exit 2 evlag --format xml
	must_exit 2 evlag --count 1
	must_exit 2 evlag --health orders
}

@test "growth is told from two samples" {
	add orders 1
	group orders billing
	seq 5000 | sed 's/.*/{}/' >"$BATS_TEST_TMPDIR/events"
	START_STDIN=$BATS_TEST_TMPDIR/events start feed evpub --rate 500 orders
	wait_until 10 has_entries orders 20
	must_exit 1 evlag --check --sample 500ms --warn growth=10
	[[ $output == *"orders/billing: growth "*"/s > 10/s | "* ]]
	end_started
	must_exit 0 evlag --check --sample 50ms --warn growth=10
}

@test "findings as NDJSON and as a table" {
	add orders 2
	group orders billing
	must_exit 1 evlag --check --warn lag=1 --format ndjson orders none
	must_equal "$(jq -c 'select(.metric == "lag")' "$OUT")" \
		'{"stream":"orders","group":"billing","metric":"lag","severity":"warning","value":2,"warning":1,"reason":"nobody there, 2 waiting"}'
	must_equal "$(jq -c 'select(.metric == "dead")' "$OUT")" \
		'{"stream":"orders","group":"billing","metric":"dead","severity":"ok","value":0,"grown":0,"warning":"growth","critical":10}'
	must_equal "$(jq -c 'select(.stream == "none")' "$OUT")" \
		'{"stream":"none","severity":"unknown","reason":"no such stream"}'
	must_exit 1 evlag --check --warn lag=1 --format table orders
	[[ ${lines[1]} =~ ^orders\ +billing\ +lag\ +2\ +1\ +-\ +WARNING ]]
}

@test "--format nagios without --check: the same line, but exit 0" {
	add orders 1001
	group orders billing
	must_exit 0 evlag --format nagios
	[[ $output == "EVLAG WARNING - orders/billing: lag 1k > 1k | "* ]]
}

@test "the output of hundreds of groups stays within what Nagios takes" {
	redis eval "for i = 1, 300 do
		redis.call('XADD', 'stream-' .. i, '*', 'data', '{}')
		redis.call('XGROUP', 'CREATE', 'stream-' .. i, 'g', '0') end" 0 \
		>/dev/null
	must_exit 2 evlag --check --crit lag=0
	is_plugin_output
	[[ ${lines[0]} =~ \;\ [0-9]+\ more\ \|  ]]
	[[ $output == *" figures do not fit" ]]
}

@test "prometheus: every name once, unknown left out, names of any bytes" {
	local name
	for name in orders $'q"b\\n\nx' $'\xff'; do
		redis xadd "$name" '*' data '{}' >/dev/null
		redis xgroup create "$name" "$name" 0 >/dev/null
	done
	redis set plain 1 >/dev/null
	must_exit 1 evlag --format prometheus orders plain $'q"b\\n\nx' $'\xff'
	is_exposition "$OUT"
	grep -qx 'evlag_up 1' "$OUT"
	grep -qxF 'evlag_stream_group_lag{stream="orders",group="orders"} 1' "$OUT"
	grep -qxF 'evlag_stream_group_lag{stream="q\"b\\n\nx",group="q\"b\\n\nx"} 1' "$OUT"
	grep -qxF 'evlag_stream_group_lag{stream="\\xff",group="\\xff"} 1' "$OUT"
	grep -qxF 'evlag_stream_readable{stream="plain"} 0' "$OUT"
	grep -qxF 'evlag_stream_length{stream="orders"} 1' "$OUT"
	grep -qxF 'evlag_stream_group_verdict{stream="orders",group="orders",verdict="NO-CONSUMERS"} 1' "$OUT"
	run ! grep -q 'length{stream="plain"' "$OUT"
	# Nobody was ever there: there is no silence to tell.
	run ! grep -q silent_seconds "$OUT"
	run ! grep -qi nan "$OUT"
}

@test "prometheus: a server that is away is up 0 and exit 4" {
	must_exit 4 evlag --format prometheus -u unix:///nowhere --retry-for 0
	is_exposition "$OUT"
	grep -qx 'evlag_up 0' "$OUT"
	run ! grep -q evlag_stream "$OUT"
}

@test "the checker of expositions finds what is wrong" {
	must_exit 0 evlag --format prometheus
	is_exposition "$OUT"
	local edit
	for edit in 's/^# HELP.*up.*//' 's/^evlag_up 1/& 1795209426/' \
		's/^evlag_up 1/&\n&/' 's/^evlag_up 1/evlag_up NaN/' \
		's/^evlag_up 1/evlag_up{a="\\x"} 1/'; do
		sed "$edit" "$OUT" >"$BATS_TEST_TMPDIR/wrong"
		run ! is_exposition "$BATS_TEST_TMPDIR/wrong"
	done
}

@test "--to replaces a file as a whole, and leaves nothing beside it" {
	local dir=$BATS_TEST_TMPDIR/collector
	add orders 1
	group orders billing
	mkdir "$dir"
	echo old >"$dir/evlag.prom"
	ln "$dir/evlag.prom" "$BATS_TEST_TMPDIR/old"
	umask 022
	must_exit 0 evlag --format prometheus --to "$dir/evlag.prom"
	[ -z "$output" ]
	is_exposition "$dir/evlag.prom"
	must_equal "$(cat "$BATS_TEST_TMPDIR/old")" old
	must_equal "$(ls "$dir")" evlag.prom
	must_equal "$(stat -c %a "$dir/evlag.prom")" 644
	must_exit 4 evlag --format prometheus --to "$dir/evlag.prom" \
		-u unix:///nowhere --retry-for 0
	grep -qx 'evlag_up 0' "$dir/evlag.prom"
	# Other forms have no way to say so.
	must_exit 0 evlag --format ndjson --to "$dir/rows"
	must_exit 4 evlag --format ndjson --to "$dir/rows" -u unix:///nowhere \
		--retry-for 0
	must_equal "$(jq .lag "$dir/rows")" 1
	must_exit 0 evlag --check --to "$dir/rows"
	[[ $(cat "$dir/rows") == "EVLAG OK"* ]]
}

@test "--to where nothing can be written: exit 5, for --check 3" {
	add orders 1
	group orders billing
	must_exit 5 evlag --to "$BATS_TEST_TMPDIR/none/file"
	must_say "none/file: No such file or directory"
	must_exit 5 evlag --to "$BATS_TEST_TMPDIR"
	must_exit 5 evlag --to /dev/null
	[ -c /dev/null ]
	must_exit 3 evlag --check --to "$BATS_TEST_TMPDIR/none/file"
	must_exit 5 sh -c 'evlag >/dev/full'
	must_exit 3 sh -c 'evlag --check >/dev/full'
}

@test "--interval writes the file again, also while the server is away" {
	local file=$BATS_TEST_TMPDIR/evlag.prom
	SERVER_DIR='' start_server --appendonly yes
	add orders 1
	group orders billing
	start textfile evlag --interval 50ms --format prometheus --to "$file"
	wait_until 10 grep -qxF \
		'evlag_stream_group_lag{stream="orders",group="billing"} 1' "$file"
	add orders 1
	wait_until 10 grep -qxF \
		'evlag_stream_group_lag{stream="orders",group="billing"} 2' "$file"
	kill_server
	wait_until 10 grep -qx 'evlag_up 0' "$file"
	start_server --appendonly yes
	wait_until 10 grep -qxF \
		'evlag_stream_group_lag{stream="orders",group="billing"} 2' "$file"
	# shellcheck disable=SC2154 # start sets it
	kill -TERM "$pid"
	finish "$pid"
	stop_server
}

@test "--interval with --count and --timeout" {
	add orders 1
	group orders billing
	must_exit 0 evlag --interval 20ms -c 3 --format ndjson
	[ "${#lines[@]}" -eq 3 ]
	must_exit 1 evlag --interval 1h -c 2 -w 100ms --format ndjson
	[ "${#lines[@]}" -eq 1 ]
	must_exit 0 evlag --interval 20ms -w 100ms --format ndjson
	must_exit 0 sh -c 'evlag --interval 10ms --format ndjson | head -n 2'
}

# health CHECK - its state and value
health()
{
	evlag --health --format ndjson "${@:2}" |
		jq -r --arg c "$1" 'select(.check == $c) | .severity + ": " + .value'
}

@test "--health: a row per check, exit 0 whatever it finds" {
	must_exit 0 evlag --health
	[[ ${lines[0]} =~ ^CHECK\ +STATE\ +VALUE\ +WHAT\ TO\ DO$ ]]
	must_equal "$(awk 'NR > 1 { print $1 }' "$OUT" | xargs)" \
		"answer version memory eviction loading aof snapshot replication clients fork"
	[[ $output =~ snapshot\ +CRITICAL\ +off ]]
	must_exit 2 evlag --health --check
	is_plugin_output
	[[ ${lines[0]} == "EVLAG CRITICAL - snapshot: off | "* ]]
	[[ $output == *"WARNING: aof: off: CONFIG SET appendonly yes"* ]]
}

@test "--health sees eviction, a full memory, a replica, and what is refused" {
	SERVER_DIR='' start_server --appendonly yes --maxmemory 100mb \
		--maxmemory-policy allkeys-lru
	[[ $(health eviction) == "critical: allkeys-lru"* ]]
	[[ $(health aof) == "ok: on, fsync everysec" ]]
	[[ $(health snapshot) == "ok: "* ]]
	redis config set maxmemory-policy volatile-ttl >/dev/null
	[[ $(health eviction) == "warning: volatile-ttl"* ]]
	redis config set maxmemory-policy noeviction >/dev/null
	must_exit 0 evlag --health --check
	is_plugin_output
	redis config set maxmemory 1mb >/dev/null
	[[ $(health memory) == "critical: "* ]]
	must_exit 2 evlag --health --check
	[[ $(health memory --warn memory=1000%) == "ok: "* ]]
	redis config set maxmemory 0 >/dev/null
	redis acl setuser watcher on '>secret' '~*' '+@all' -config >/dev/null
	EV_URL=unix://watcher:secret@${EV_URL#unix://} \
		must_exit 0 evlag --health --check
	redis acl setuser watcher -info >/dev/null
	EV_URL=unix://watcher:secret@${EV_URL#unix://} \
		must_exit 3 evlag --health --check
	[[ $output == *"UNKNOWN: memory: unknown: allow this user INFO"* ]]
	redis replicaof 127.0.0.1 1 >/dev/null
	[[ $(health replication) == "critical: replica, link down" ]]
	stop_server
}
