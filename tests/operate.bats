# What examples/cron and examples/prometheus hold does what it says.

load helper

setup_file()
{
	start_server
}

teardown_file()
{
	stop_server
}

# Files that the examples expect in /etc/ev, with the paths of this test.
setup()
{
	flush
	work=$BATS_TEST_TMPDIR
	mkdir "$work/etc" "$work/lib" "$work/textfile"
	for file in trim.policy lag.rules; do
		here <"$EV_TOP/examples/cron/$file" >"$work/etc/$file"
	done
	cd "$work" || return
}

# here - the paths of a system, as they are in this test
here()
{
	sed "s|/etc/ev|$work/etc|g; s|/var/lib/ev|$work/lib|g
		s|/var/lib/node_exporter/textfile|$work/textfile|g
		s|/usr/local/bin|$BUILD|g"
}

# cron_lines - the jobs of the crontab
cron_lines()
{
	grep -Ev '^(#|$|[A-Z_]+=)' "$EV_TOP/examples/cron/ev.crontab"
}

# cron_job WORD - the command of the job that has WORD
cron_job()
{
	cron_lines | grep -e "$1" | sed -E 's/^([^ ]+ ){5}ev //' | here
}

# exec_start UNIT - its command line, as the shell takes it, too
exec_start()
{
	sed -n 's/^ExecStart=//p' "$EV_TOP"/examples/*/"$1" | here
}

# A shop: 3 orders, all handled.
shop()
{
	evpub orders '{"n":1}' '{"n":2}' '{"n":3}'
	evsub -q -g billing -E orders >/dev/null
}

# Some of them dead.
give_up()
{
	evpub orders $(seq -f '{"n":%.0f}' "$1")
	evsub -q -g billing -E --attempts 1 orders -- false
}

@test "the crontab has five fields, a user and a command in each line" {
	local field='(\*|[0-9]+(-[0-9]+)?)(/[0-9]+)?'
	cron_lines >cron.jobs
	[ "$(wc -l <cron.jobs)" -ge 5 ]
	run_limited grep -Ev "^($field ){5}ev [^%]+$" cron.jobs
	must_print ''
	sed -E 's/^([^ ]+ ){5}ev //' jobs | while IFS= read -r job; do
		sh -n -c "$job"
	done
}

@test "each job of the crontab is silent while all is well" {
	shop
	cron_lines | sed -E 's/^([^ ]+ ){5}ev //' | here >cron.jobs
	while IFS= read -r job; do
		case $job in *--health*) continue ;; esac
		must_exit 0 sh -c "$job"
		must_print ''
		must_equal "$stderr" ''
	done <cron.jobs
}

@test "the crontab's trimming follows the policy, and says when it can't" {
	redis xadd orders 1-1 data '{"old":1}' >/dev/null
	shop
	must_exit 0 sh -c "$(cron_job evtrim)"
	must_equal "$(redis xlen orders)" 3
	must_equal "$(jq -c .event lib/orders.ndjson)" '{"old":1}'
	must_equal "$(redis xlen ev:audit)" 1
	rm etc/trim.policy
	must_exit 0 sh -c "$(cron_job evtrim)"
	[[ $output == *trim.policy* ]]
}

@test "the crontab's checks print what is wrong" {
	shop
	give_up 11
	must_exit 0 sh -c "$(cron_job lag.rules)"
	[[ $output == 'EVLAG CRITICAL - orders/billing: '* ]]
	must_exit 0 sh -c "$(cron_job evdlq)"
	[[ $output == *exhausted* ]]
	echo 'retry-for = 0s' >config
	must_exit 0 env EV_CONFIG=config EV_URL="unix://$work/none" \
		sh -c "$(cron_job health)"
	[[ $output == *'cannot connect'* ]]
	evpub --delay 1ms reminders '{"tea":1}'
	must_exit 0 sh -c "$(cron_job promote)"
	must_equal "$(redis xlen reminders)" 1
}

@test "the units' checks fail when something is wrong" {
	shop
	must_exit 0 sh -c "$(exec_start ev-check.service)"
	must_exit 0 sh -c "$(exec_start ev-dead.service)"
	give_up 11
	must_exit 2 sh -c "$(exec_start ev-check.service)"
	must_exit 1 sh -c "$(exec_start ev-dead.service)"
}

@test "ev-trim.service trims and archives" {
	redis xadd orders 1-1 data '{"old":1}' >/dev/null
	shop
	must_exit 0 sh -c "$(exec_start ev-trim.service)"
	must_equal "$(redis xlen orders)" 3
	must_equal "$(jq -c .event lib/orders.ndjson)" '{"old":1}'
}

@test "ev-alerts.service publishes what fires, as CloudEvents" {
	shop
	# Every 10 s is too slow for a test.
	exec_start ev-alerts.service |
		sed 's/--alerts/--alerts --interval 50ms --warn lag=0/' >run
	grep -q -e '--interval 50ms' run
	start alerts sh run
	evpub orders '{"n":4}'
	wait_until 10 sh -c "redis-cli -s '$SERVER_SOCKET' xlen ops-alerts |
		grep -q '^[1-9]'"
	must_exit 0 evtail -n +1 -c 1 -t ev.alert.fired -j .data.metric ops-alerts
	must_print '"lag"'
	must_exit 0 sh -c 'evtail -n all ops-alerts |
		evpub --dry-run --envelope cloudevents x'
}

@test "systemd accepts the units" {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
	mkdir units
	for unit in "$EV_TOP"/examples/*/*.service "$EV_TOP"/examples/*/*.timer; do
		here <"$unit" >"units/${unit##*/}"
	done
	cp "units/ev-failed@.service" units/ev-failed@x.service
	rm units/ev-failed@.service
	sed -i 's/ev-failed@%n/ev-failed@x/' units/*.service
	LIMIT=60 run_limited env SYSTEMD_UNIT_PATH="$work/units:" \
		systemd-analyze verify --man=no units/*
	# It may also complain of units of this machine.
	printf '%s\n' "$output" "$stderr" | grep -F ev- >complaints || :
	must_equal "$(cat complaints)" ''
	must_equal "$status" 0
}

# figures FILE - what evlag prints while all figures are there
figures()
{
	shop
	give_up 2
	redis xgroup create orders slow 0 >/dev/null
	redis xreadgroup group slow worker count 1 streams orders '>' >/dev/null
	must_exit 0 sh -c "$(exec_start ev-metrics.service)"
	must_print ''
	sed -n 's/^\(evlag_[a-z_]*\).*/\1/p' textfile/evlag.prom | sort -u >"$1"
}

# named FILE - the metrics that a file of examples/prometheus names
named()
{
	grep -o 'evlag_[a-z_]*' "$EV_TOP/examples/prometheus/$1" | sort -u
}

@test "rules and dashboard name figures that evlag writes" {
	figures printed
	for file in ev.rules.yml dashboard.json; do
		named "$file" >names
		[ "$(wc -l <names)" -ge 8 ]
		must_equal "$(comm -13 printed names)" ''
	done
	# And labels, verdicts: those of evlag.
	grep -o 'verdict=~"[^"]*' "$EV_TOP/examples/prometheus/ev.rules.yml" |
		tr -c 'A-Z-' '\n' | grep ... >verdicts
	while read -r verdict; do
		grep -q -w -e "$verdict" "$EV_TOP/man/evlag.1"
	done <verdicts
}

@test "a server that is away is a figure, too" {
	must_exit 4 sh -c "EV_URL=unix://$work/none; $(exec_start \
		ev-metrics.service | sed 's/--retry-for 5s/--retry-for 0s/')"
	must_equal "$(grep ^evlag_up textfile/evlag.prom)" 'evlag_up 0'
}

@test "the dashboard is JSON, and its panels heed the variables" {
	local dashboard=$EV_TOP/examples/prometheus/dashboard.json
	must_exit 0 jq -r '.templating.list[].name' "$dashboard"
	must_print datasource stream group
	must_exit 0 jq -r '.panels[] | select(.targets | all(
		.expr | test("\\$stream") or test("evlag_server"))
		| not) | .title' "$dashboard"
	must_print ''
	must_exit 0 jq -r '[.panels[].id] | length == (unique | length)' "$dashboard"
	must_print true
}

@test "promtool accepts the rules and the figures" {
	command -v promtool >/dev/null || skip 'no promtool'
	must_exit 0 promtool check rules "$EV_TOP/examples/prometheus/ev.rules.yml"
	figures printed
	must_exit 0 sh -c 'promtool check metrics <textfile/evlag.prom'
}

@test "the rules are YAML, each with an expression and a severity" {
	python3 -c 'import yaml' 2>/dev/null || skip 'no python3 with yaml'
	must_exit 0 python3 -c '
import sys, yaml
for group in yaml.safe_load(open(sys.argv[1]))["groups"]:
    for rule in group["rules"]:
        assert rule["alert"] and rule["expr"], rule
        assert rule["labels"]["severity"] in ("warning", "critical"), rule
        assert rule["annotations"]["summary"], rule
' "$EV_TOP/examples/prometheus/ev.rules.yml"
}

@test "users.sh makes users who can do their work, and no more" {
	examples=$EV_TOP/examples/acl
	must_exit 0 "$examples/users.sh" users
	must_equal "$(grep -c '^user ' users/users.acl)" 8
	sum=$(sha256sum users/*)
	must_exit 0 "$examples/users.sh" users
	must_equal "$(sha256sum users/*)" "$sum"
	must_equal "$(stat -c %a users/shop.password)" 600
	while IFS= read -r rule; do
		must_equal "$(redis <<<"${rule/#user/ACL SETUSER}")" OK
	done <users/users.acl
	shop
	evsub -q -g billing -w 10ms orders >/dev/null
	try()
	{
		must_exit "$1" env EV_URL="unix://$2@$SERVER_SOCKET" \
			EV_PASSWORD_FILE="$work/users/$2.password" "${@:3}"
	}
	try 0 shop evpub --dedup 1d --dedup-key /n orders '{"n":4}'
	try 0 billing evsub -g billing -c 1 orders -- cat
	must_print '{"n":4}'
	try 0 viewer evtail -g billing --since 1h orders
	try 0 monitor evlag --check orders
	try 0 trimmer evtrim --keep 7d --dead 30d --consumers 1d -y orders
	try 0 support evdlq --redrive --since 1h -y orders
	try 0 replayer evreplay --since 1d --to orders-again orders
	for who in viewer monitor support replayer; do
		try 4 "$who" evpub elsewhere '{}'
		must_say NOPERM
	done
	try 4 shop evtail orders
	must_say NOPERM
}

@test "the server takes users.acl as its ACL file" {
	must_exit 0 "$EV_TOP/examples/acl/users.sh" users
	SERVER_DIR=$work/server
	mkdir "$SERVER_DIR"
	start_server --aclfile "$work/users/users.acl"
	must_equal "$(redis acl users | wc -l)" 8
	kill_server
}
