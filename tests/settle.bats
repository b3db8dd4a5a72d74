# settle.bats - verdicts at the end of a pipeline: evsub --settle

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
	cd "$BATS_TEST_TMPDIR" || return
}

# take COUNT [STREAM] - hand out that many numbered events to consumer c, with
# their records in "records"
take()
{
	seq 1 "$1" | sed 's/.*/{"n" : &}/' | evpub "${2:-s}"
	timeout 10 evsub -g g --consumer c --manual -m -E "${2:-s}" >records
}

# settle PROGRAM [OPTION...] - change the records by jq and settle them
settle()
{
	jq -c "$1" records >settled
	shift
	run_limited evsub --settle "$@" <settled
	must_equal "$status" "${expected:-0}"
}

pending()
{
	redis xpending s g | head -n 1
}

dead()
{
	redis xrange '{s}:dlq' - +
}

@test "records with no key more are done, and passed on" {
	take 3
	settle .
	cmp settled "$OUT"
	must_equal "$(pending)" 0
	settle '. + {ok: true}'
	cmp settled "$OUT"
}

@test "dead: a dead letter with the bytes of the stream" {
	take 3
	settle 'if .event.n == 2 then . + {dead: true, error: "no two", class: "two"} else . end'
	cmp settled "$OUT"
	must_say 'is dead (rejected): no two'
	must_equal "$(pending)" 0
	must_equal "$(dead | sed -n 3p)" '{"n" : 2}'
	must_equal "$(dead | sed -n 5p | jq -r '[.reason, .class, .error, .stream, .group, .consumer, .attempts, .deliveries] | join(" ")')" \
		'rejected two no two s g c 1 1'
}

@test "dead: the event is that of the record if the stream has it no more" {
	take 1
	redis xtrim s maxlen 0 >/dev/null
	settle '. + {dead: true}'
	must_equal "$(dead | sed -n 3p)" '{"n":1}'
}

@test "retry: noted in the ledger, and given back" {
	take 2
	settle 'if .event.n == 1 then . + {retry: "1h", error: "later"} else . end'
	cmp settled "$OUT"
	must_equal "$(pending)" 1
	must_equal "$(redis hvals '{s}:fail:g' | jq -r '[.attempts, .error, .due > 1000] | join(" ")')" \
		'1 later true'
	# A worker waits for its time.
	must_exit 0 evsub -E -g g --lease 100ms s -- touch ran
	[ ! -e ran ]
	# So does one that prints.
	must_exit 0 evsub -E -g g --lease 100ms --manual s
	must_print
	must_equal "$(redis xpending s g - + 1 | sed -n 4p)" 1
}

@test "retry: again and again until the attempts are used up" {
	take 1
	settle '. + {retry: true}' --backoff 1ms
	must_exit 0 evsub -g g --consumer d --manual -m -E --lease 100ms s
	cp "$OUT" records
	must_equal "$(jq .deliveries records)" 2
	settle '. + {error: "again"}' --attempts 2
	must_say 'is dead (exhausted): again'
	must_equal "$(dead | sed -n 5p | jq -r '[.reason, .attempts, .consumer] | join(" ")')" \
		'exhausted 2 d'
	must_equal "$(pending)" 0
	must_equal "$(redis exists '{s}:fail:g')" 0
}

@test "what is done in the end is forgotten by the ledger" {
	take 1
	settle '. + {ok: false}' --backoff 1ms
	must_equal "$(redis exists '{s}:fail:g')" 1
	must_exit 0 evsub -g g --consumer d --manual -m -E --lease 100ms s
	cp "$OUT" records
	settle .
	must_equal "$(redis exists '{s}:fail:g')" 0
	must_equal "$(pending)" 0
}

@test "a verdict on what others have taken over is dropped" {
	take 2
	redis xreadgroup group g x count 1 streams s 0 >/dev/null
	redis xclaim s g other 0 "$(jq -r .id records | head -n 1)" \
		"$(jq -r .id records | tail -n 1)" >/dev/null
	settle 'if .event.n == 1 then . + {dead: true} else . + {retry: "1s"} end' -v
	must_say '2 were not pending'
	must_equal "$(pending)" 2
	must_equal "$(redis exists '{s}:dlq' '{s}:fail:g')" 0
}

@test "what cannot be used is refused, and stays pending" {
	take 1
	expected=3 settle '. + {ok: true, dead: true}'
	must_say '<stdin>:1: both ok and dead'
	expected=3 settle '. + {dead: true, retry: "1s"}'
	must_say 'both dead and retry'
	expected=3 settle '. + {retry: 30}'
	must_say '"retry" is no duration'
	expected=3 settle '. + {dead: "yes"}'
	must_say '"dead" is not true or false'
	expected=3 settle 'del(.consumer) + {dead: true}'
	must_say 'no "consumer"'
	must_equal "$output" ''
	must_equal "$(pending)" 1
	expected=0 settle '. + {dead: false, retry: false, error: null}'
	must_equal "$(pending)" 0
}

@test "verdicts on several streams and of a stream for redrives" {
	take 1
	cp records all
	take 1 t
	cat records >>all
	redis xadd '{s}:redrive:g' '*' data '{"n":7}' >/dev/null
	timeout 10 evsub -g g --consumer d --manual -m -E s >records
	cat records >>all
	cp all records
	must_equal "$(wc -l <records)" 3
	settle '. + {dead: true}'
	must_equal "$(redis xlen '{s}:dlq') $(redis xlen '{t}:dlq')" '2 1'
	must_equal "$(dead | tail -n 1 | jq -r .stream)" s
}

@test "order is kept, a thousand at a time" {
	take 2500
	settle 'if .event.n % 700 == 0 then . + {retry: "1h"} else . end'
	cmp settled "$OUT"
	must_equal "$(pending)" 3
}

# The records in "settled", with all connections killed after each ten.
trickle()
{
	local n=0 line
	while IFS= read -r line; do
		printf '%s\n' "$line"
		n=$((n + 1))
		[ $((n % 10)) -ne 0 ] ||
			redis client kill type normal >/dev/null
	done <settled
}

@test "a lost connection does not lose verdicts" {
	take 40
	jq -c 'if .event.n % 2 == 0 then . + {dead: true} else . end' records \
		>settled
	exec 8< <(trickle 3>&-)
	START_STDIN=/dev/fd/8 start settle evsub --settle
	exec 8<&-
	finish "$pid"
	cmp settled "$(out settle)"
	must_equal "$(pending)" 0
	must_equal "$(dead | grep -c '^{"n"')" 20
}
