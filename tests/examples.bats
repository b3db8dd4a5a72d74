# The examples do what they say.

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
	cd "$EV_TOP" || return
	work=$BATS_TEST_TMPDIR
}

# shows TEXT - stdout of the last run contains it
shows()
{
	if [[ $output != *"$1"* ]]; then
		echo "stdout does not show: $1" >&2
		show_run
		return 1
	fi
}

@test "the demo runs through and prints each command before its result" {
	must_exit 0 env BUILD="$BUILD" examples/with-redis examples/demo
	must_equal "$stderr" ''
	shows $'\n$ evpub -i -t game.ended'
	shows $'; wait\n{"game":4}\n'
	shows $'-c 2 -j .data.game games\n1\n2\n$ evsub'
	shows $'as it is now\n3\n'
	shows $'-g audit -E -j .data.game games\n1\n2\n3\n'
	shows '1 settled, 0 were not pending, 0 refused'
	for game in '[2,1]' '[0,0]' '[1,4]'; do
		shows $'\n'"reported $game at attempt 3"$'\n'
	done
	shows 'is dead (rejected): exit status 65: it has no score'
	shows $'games: would redrive 1 to {games}:redrive:report\n'
	shows $'games: redriven 1 to {games}:redrive:report\n'
	shows $'-- ./report\nreported [3,0] at attempt 3\n'
	shows $'\n["points.asked.result",{"points":3}]\n'
	shows $'\n{"wake":"up"}\n'
	shows $'\nexit status 3\n'
	shows $'\nsame bytes\n'
}

@test "the demo without a server says how to run it" {
	must_exit 2 env -u EV_URL examples/demo
	must_say 'with-redis examples/demo'
}

@test "csv-to-events publishes rows, with quotes, commas and line breaks in fields" {
	printf '%s\r\n' 'id,name,note' '7,"Smith, ""J""","two' 'lines"' \
		'007,back\slash,' '1.50,é,x' >"$work/in.csv"
	must_exit 0 sh -c \
		'examples/csv-to-events.sh row.read rows <"$1"' - "$work/in.csv"
	must_equal "$stderr" ''
	must_exit 0 evtail -n all rows
	printf '%s\n' "$output" | sed 's/.*"data":\(.*\)}$/\1/' >"$work/data"
	diff - "$work/data" <<-'END'
	{"id":7,"name":"Smith, \"J\"","note":"two\r\nlines"}
	{"id":"007","name":"back\\slash","note":""}
	{"id":1.50,"name":"é","note":"x"}
	END
	must_exit 0 evtail -n all -t row.read -c 3 rows
	must_equal "${#lines[@]}" 3
}

@test "csv-to-events leaves out rows of another length and ends with 3" {
	must_exit 3 sh -c 'printf "%s\n" a,b 1,2 3 4,5,6 7,8 |
		examples/csv-to-events.sh t rows'
	must_say 'line 3: 1 fields, not 2' 'line 4: 3 fields, not 2'
	must_exit 0 evtail -n all -j '[.data.a, .data.b]' rows
	must_print '[1,2]' '[7,8]'
}

@test "csv-to-events passes on that the server is away" {
	echo 'retry-for = 0s' >"$work/config"
	must_exit 4 env EV_CONFIG="$work/config" EV_URL="unix://$work/none" \
		sh -c 'printf "%s\n" a 1 | examples/csv-to-events.sh t rows'
	must_say 'cannot connect'
}

@test "ci-smoke passes on good files and counts their events" {
	printf '{"n":1}\r\n\n{"n":2}' >"$work/good"
	must_exit 0 env -u EV_URL examples/ci-smoke.sh "$work/good" "$work/good"
	must_print "ci-smoke: $work/good: 2 events" \
		"ci-smoke: $work/good: 2 events"
}

@test "ci-smoke fails on a line that is no event, without a server" {
	printf '%s\n' '{"n":1}' '{"specversion":"1.0"}' >"$work/bad"
	must_exit 3 env -u EV_URL EV_REDIS_SERVER=/nowhere \
		examples/ci-smoke.sh "$work/bad"
	must_say '<stdin>:2:'
}

@test "ci-smoke fails on events that break their schemas, and tells all" {
	mkdir -p "$work/all schemas"
	echo '{"properties":{"n":{"type":"integer"}}}' >"$work/all schemas/a.json"
	evpub --dry-run -T -t a --source /s x '{"n":1}' >"$work/good"
	evpub --dry-run -T -t a --source /s x '{"n":"x"}' >"$work/bad"
	evpub --dry-run -T -t b --source /s x '{"n":1}' >"$work/unknown"
	must_exit 0 env -u EV_URL examples/ci-smoke.sh \
		--schema-dir "$work/all schemas" "$work/good"
	must_print "ci-smoke: $work/good: 1 events"
	must_exit 3 env -u EV_URL EV_REDIS_SERVER=/nowhere \
		examples/ci-smoke.sh --schema-dir "$work/all schemas" \
		"$work/good" "$work/bad" "$work/unknown"
	must_say '<stdin>:1: /data/n: "x" is not of type integer' \
		"ci-smoke: $work/bad: broken" 'no schema for the type "b"'
	must_exit 2 examples/ci-smoke.sh --schema-dir "$work/all schemas"
}

@test "ack-at-end acknowledges what its command did and keeps the rest" {
	must_exit 0 evpub jobs '{"n":1}' '{"n":2}' '{"n":3}'
	must_exit 0 examples/ack-at-end.sh workers jobs jq -e '.n != 2'
	must_say '2 settled'
	must_equal "$(redis xpending jobs workers | head -n 1)" 1
}

@test "ack-at-end takes over what failed once the lease has passed" {
	must_exit 0 evpub jobs '{"n":1}' '{"n":2}'
	export LEASE=100ms
	must_exit 0 examples/ack-at-end.sh workers jobs false
	must_say '0 settled'
	settled()
	{
		run_limited examples/ack-at-end.sh workers jobs true
		[ "$(redis xpending jobs workers | head -n 1)" = 0 ]
	}
	wait_until 10 settled
}

@test "request-reply prints the answer to each question" {
	must_exit 0 examples/request-reply.sh tea coffee
	must_equal "$stderr" ''
	must_equal "$(sort "$OUT")" '{"item":"coffee","price":4}
{"item":"tea","price":3}'
	must_equal "$(redis xlen replies)" 2
	must_equal "$(redis xpending requests prices | head -n 1)" 0
}

@test "request-reply ends with 1 if a question is not answered" {
	must_exit 1 env WAIT=1s examples/request-reply.sh tea gold
	must_print '{"item":"tea","price":3}'
	must_say '<stdin>:2: no reply on replies within 1s' 'no gold'
	must_equal "$(redis xlen '{requests}:dlq')" 1
}

@test "coprocess.py totals what it is given, and rejects what makes no sense" {
	command -v python3 >/dev/null || skip 'no python3'
	must_exit 0 evpub payments '{"currency":"EUR","amount":3}' \
		'{"amount":"much"}' '{"currency":"EUR","amount":"much"}' \
		'{"currency":"EUR","amount":4}' '{"currency":"USD","amount":1}'
	must_exit 0 evsub -E -g totals --coprocess payments -- \
		examples/coprocess.py
	must_say $'EUR 7\nUSD 1' 'no currency or amount' \
		"amount 'much' is no number"
	must_equal "$(redis xpending payments totals | head -n 1)" 0
	must_equal "$(redis xlen '{payments}:dlq')" 2
}

@test "coprocess.sh appends events to a file" {
	must_exit 0 evpub people '{"name":"Ada"}' '{"name" : "Gr,ace"}'
	redis xadd people '*' data 'no object' >/dev/null
	must_exit 0 evsub -E -g archive --coprocess people -- \
		examples/coprocess.sh "$work"
	must_say 'not a JSON object'
	must_equal "$(cat "$work/archive.ndjson")" \
		$'{"name":"Ada"}\n{"name" : "Gr,ace"}'
	must_equal "$(redis xpending people archive | head -n 1)" 0
}

@test "coprocess.sh tries again what cannot be written" {
	must_exit 0 evpub people '{"name":"Ada"}'
	must_exit 0 evsub -E -g archive --coprocess people -- \
		examples/coprocess.sh "$work/missing"
	must_equal "$(redis hvals '{people}:fail:archive' | jq -r .error)" \
		'cannot write'
}
