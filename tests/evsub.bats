# evsub.bats - evsub where nothing goes wrong, and what it refuses

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

# events FROM TO - numbered events, one per line
events()
{
	seq "$1" "$2" | sed 's/.*/{"n":&}/'
}

# publish STREAM FROM TO
publish()
{
	events "$2" "$3" | timeout 20 evpub "$1"
}

# add STREAM ID N - one event with an id of our choice
add()
{
	redis xadd "$1" "$2" data "{\"n\":$3}" >/dev/null
}

# pending STREAM GROUP - how many entries are
pending()
{
	redis xpending "$1" "$2" | head -n 1
}

# must_be_done STREAM GROUP - nothing is pending, and no consumer is left
must_be_done()
{
	must_equal "$(pending "$1" "$2")" 0
	must_equal "$(redis xinfo consumers "$1" "$2")" ''
}

has_pending()
{
	[ "$(pending "$1" "$2" 2>/dev/null)" = "$3" ]
}

# abandon STREAM GROUP CONSUMER COUNT - deliver entries to one who then dies
abandon()
{
	redis xreadgroup group "$2" "$3" count "$4" streams "$1" '>' >/dev/null
}

@test "the events come out as they went in, and are acknowledged" {
	printf '%s\n' '{"a" : 1.0}' '{"b":"\u00e9é"}' '{}' >"$BATS_TEST_TMPDIR/in"
	timeout 20 evpub s <"$BATS_TEST_TMPDIR/in"
	must_exit 0 evsub -E -g g s
	cmp "$OUT" "$BATS_TEST_TMPDIR/in"
	must_equal "$stderr" ''
	must_be_done s g
	must_exit 0 evsub -E -g g s
	must_equal "$output" ''
}

@test "a missing group and stream are created" {
	must_exit 0 evsub -E -g g s
	must_equal "$output$stderr" ''
	must_equal "$(redis type s)" stream
	publish s 1 2
	must_exit 0 evsub -E -g g s
	must_print '{"n":1}' '{"n":2}'
	must_exit 0 evsub -E -g other s
	must_print '{"n":1}' '{"n":2}'
}

@test "a new group starts where --from says" {
	add s 1000-0 1
	add s 2000-0 2
	add s 2000-1 3
	add s 3000-0 4
	must_exit 0 evsub -E -g a --from start s
	must_print '{"n":1}' '{"n":2}' '{"n":3}' '{"n":4}'
	must_exit 0 evsub -E -g b --from 2000-1 s
	must_print '{"n":3}' '{"n":4}'
	must_exit 0 evsub -E -g c --from 1970-01-01T00:00:02Z s
	must_print '{"n":2}' '{"n":3}' '{"n":4}'
	must_exit 0 evsub -E -g d --from @3 s
	must_print '{"n":4}'
	must_exit 0 evsub -E -g e --from end s
	must_equal "$output" ''
	add s 4000-0 5
	must_exit 0 evsub -E -g e s
	must_print '{"n":5}'
	redis xadd s '*' data '{"n":6}' >/dev/null
	must_exit 0 evsub -E -g f --from 1h s
	must_print '{"n":6}'
}

@test "--from does not move a group that exists" {
	add s 1000-0 1
	must_exit 0 evsub -E -g g s
	add s 2000-0 2
	must_exit 0 evsub -E -g g --from start s
	must_print '{"n":2}'
}

@test "-E ends while a publisher goes on" {
	publish s 1 3000
	exec 8< <(exec yes '{"n":0}' 2>/dev/null 3>&-)
	START_STDIN=/dev/fd/8 start publisher evpub --rate 20000 s
	must_exit 0 evsub -E -g g s
	kill "$pid"
	wait "$pid" || :
	exec 8<&-
	head -n 3000 "$OUT" | cmp - <(events 1 3000)
	must_exit 0 evsub -E -g g s
	must_be_done s g
}

@test "without -E events are printed as they come" {
	start sub evsub -g g s
	publish s 1 1
	wait_until 5 has_lines "$(out sub)" 1
	publish s 2 3
	wait_until 5 has_lines "$(out sub)" 3
	wait_until 5 has_pending s g 0
	kill "$pid"
	finish "$pid"
	cmp "$(out sub)" <(events 1 3)
	must_be_done s g
}

@test "-b bounds a read" {
	publish s 1 30
	redis config resetstat >/dev/null
	must_exit 0 evsub -E -b 10 -g g s
	cmp "$OUT" <(events 1 30)
	calls=$(redis info commandstats | sed -n 's/^cmdstat_xreadgroup:calls=\([0-9]*\),.*/\1/p')
	[ "$calls" -ge 3 ]
}

@test "-c takes exactly so many, one run after the other, in order" {
	publish s 1 20
	for n in {1..20}; do
		must_exit 0 evsub -c 1 -g g s
		must_print "{\"n\":$n}"
	done
	must_be_done s g
	must_exit 1 evsub -c 1 -w 50ms -g g s
	must_equal "$output" ''
}

@test "-c gives the surplus of several streams back, uncounted" {
	publish a 1 20
	publish b 21 40
	for n in {1..13}; do
		must_exit 0 evsub -m -c 3 -g g a b
		must_equal "$(wc -l <"$OUT")" 3
		must_equal "$(jq -r .deliveries "$OUT" | sort -u)" 1
		cat "$OUT" >>"$BATS_TEST_TMPDIR/all"
	done
	must_exit 0 evsub -m -E -g g a b
	must_equal "$(wc -l <"$OUT")" 1
	cat "$OUT" >>"$BATS_TEST_TMPDIR/all"
	jq -c .event "$BATS_TEST_TMPDIR/all" | sort | cmp - <(events 1 40 | sort)
	for stream in a b; do
		jq -r "select(.stream == \"$stream\").event.n" \
			"$BATS_TEST_TMPDIR/all" | sort -nc
		must_be_done "$stream" g
	done
}

@test "-c gives back what it took over from the dead and does not need" {
	publish s 1 150
	redis xgroup create s g 0 >/dev/null
	abandon s g dead 150
	must_exit 0 evsub -m -c 5 -w 5s --lease 100ms -g g s
	must_equal "$(jq -r .event.n "$OUT" | xargs)" '1 2 3 4 5'
	must_equal "$(jq -r .deliveries "$OUT" | sort -u)" 2
	must_equal "$(pending s g)" 145
	must_exit 0 evsub -m -E --lease 100ms -g g s
	must_equal "$(jq -r .event.n "$OUT" | xargs)" "$(seq -s ' ' 6 150)"
	must_equal "$(jq -r .deliveries "$OUT" | sort -u)" 2
	must_be_done s g
}

@test "-c counts what is printed, not what is passed over" {
	publish s 1 10
	must_exit 0 evsub -c 2 -e '.n % 2 == 0' -g g s
	must_print '{"n":2}' '{"n":4}'
	must_exit 0 evsub -E -g g s
	must_equal "${lines[0]}" '{"n":5}'
}

@test "-c that is not reached before -w is a no" {
	publish s 1 2
	must_exit 1 evsub -c 3 -w 300ms -g g s
	must_print '{"n":1}' '{"n":2}'
	must_be_done s g
}

@test "-w ends in time, without -c as a success" {
	local begin
	begin=$(now_ms)
	must_exit 0 evsub -w 300ms -g g s
	must_equal "$output" ''
	[ $(($(now_ms) - begin)) -ge 290 ]
	[ $(($(now_ms) - begin)) -lt 3000 ]
	must_be_done s g
}

@test "-t, -e, -j, -m and -0 select and shape; the rest is acknowledged too" {
	redis xadd s 5-1 data '{"specversion":"1.0","id":"1","source":"/s","type":"a.x","data":1}' >/dev/null
	redis xadd s 5-2 data '{"specversion":"1.0","id":"2","source":"/s","type":"b.y","data":2}' >/dev/null
	redis xadd s 5-3 data '{"specversion":"1.0","id":"3","source":"/s","type":"a.z","data":3}' >/dev/null
	must_exit 0 evsub -E -t 'a.*' -j .data -g t s
	must_print 1 3
	must_be_done s t
	must_exit 0 evsub -E -e '.data > 1 and ($id | startswith("5-"))' -j '.id, .data' -g e s
	must_print '"2"' 2 '"3"' 3
	must_be_done s e
	must_exit 0 evsub -E -t b.y -m --consumer me -g m s
	must_print '{"stream":"s","id":"5-2","time":"1970-01-01T00:00:00.005Z","group":"m","consumer":"me","deliveries":1,"event":{"specversion":"1.0","id":"2","source":"/s","type":"b.y","data":2}}'
	must_be_done s m
	must_exit 0 evsub -E -0 -j .data -g n s
	printf '1\0002\0003\000' | cmp - "$OUT"
	must_exit 0 evsub -E -e false -g f s
	must_equal "$output" ''
	must_be_done s f
}

@test "--field names the field that holds the event" {
	redis xadd s 1-1 data '{"a":1}' mine '{"b":2}' >/dev/null
	must_exit 0 evsub -E --field mine -g g s
	must_print '{"b":2}'
	must_exit 0 evsub -E -g h s
	must_print '{"a":1}'
}

@test "an event on which filter or program fails is dead, the others go on" {
	printf '%s\n' '{"n":1}' '{"n":"x"}' '{"n":3}' | timeout 20 evpub s
	must_exit 3 evsub -E -e '.n + 1 > 0' -g g s
	must_print '{"n":1}' '{"n":3}'
	must_say 'is dead (invalid): filter'
	must_equal "$(pending s g)" 0
	must_exit 3 evsub -E -j '.n * 2 + 1' --lease 100ms -g h s
	must_print 3 7
	must_equal "$(pending s h)" 0
	must_equal "$(redis xlen '{s}:dlq')" 2
}

@test "several streams are read as one" {
	publish a 1 200
	publish b 201 400
	publish c 401 600
	must_exit 0 evsub -E -g g a b c
	sort "$OUT" | cmp - <(events 1 600 | sort)
	for stream in a b c; do
		must_be_done "$stream" g
	done
}

@test "two consumers of a group share the events, each gets one once" {
	publish s 1 5000
	start one evsub -E -g g s
	one=$pid
	start two evsub -E -g g s
	finish "$pid"
	finish "$one"
	sort "$(out one)" "$(out two)" | cmp - <(events 1 5000 | sort)
	must_be_done s g
}

@test "a hundred short runs leave no consumer" {
	publish s 1 100
	for _ in {1..100}; do
		timeout 20 evsub -E -c 1 -g g s
	done >"$BATS_TEST_TMPDIR/all"
	cmp "$BATS_TEST_TMPDIR/all" <(events 1 100)
	must_be_done s g
}

@test "a consumer resumes what is pending under its own name" {
	publish s 1 250
	redis xgroup create s g 0 >/dev/null
	abandon s g web1 220
	must_exit 0 evsub -E -m --consumer web2 -g g s
	must_equal "$(jq -r .event.n "$OUT" | xargs)" "$(seq -s ' ' 221 250)"
	must_exit 0 evsub -E -m --consumer web1 -g g s
	must_equal "$(jq -r .event.n "$OUT" | xargs)" "$(seq -s ' ' 1 220)"
	must_equal "$(jq -r .deliveries "$OUT" | sort -u)" 2
	must_be_done s g
}

@test "what the dead held is taken over after the lease, and they are removed" {
	publish s 1 10
	redis xgroup create s g 0 >/dev/null
	abandon s g dead1 3
	abandon s g dead2 4
	must_exit 0 evsub -E --lease 1h -g g s
	must_print '{"n":8}' '{"n":9}' '{"n":10}'
	start sub evsub --lease 200ms -g g s
	wait_until 5 has_lines "$(out sub)" 7
	kill "$pid"
	finish "$pid"
	cmp "$(out sub)" <(events 1 7)
	must_be_done s g
}

# fail STREAM GROUP ID MS [ATTEMPTS] - it has failed, to be tried again then (the
# local clock is the server's); prints the time
fail()
{
	local due=$(($(now_ms) + $4))
	redis hset "{$1}:fail:$2" "$3" \
		"{\"attempts\":${5:-1},\"due\":$due,\"error\":\"due\"}" >/dev/null
	echo "$due"
}

@test "what waits for its next attempt is printed once that is due" {
	for n in 1 2 3; do
		add s "$n-0" "$n"
	done
	redis xgroup create s g 0 >/dev/null
	abandon s g dead 3
	local late due n at
	late=$(fail s g 1-0 3600000)
	due=$(fail s g 2-0 1200)
	start sub evsub --lease 200ms -g g -j '"\(.n) \(now * 1000 | floor)"' s
	wait_until 5 has_lines "$(out sub)" 2
	kill "$pid"
	finish "$pid"
	must_equal "$(sed 's/"\(.\).*/\1/' "$(out sub)" | xargs)" '3 2'
	read -r n at < <(sed -n '2s/"//gp' "$(out sub)")
	[ "$at" -ge "$due" ]
	[ "$at" -lt $((due + 1500)) ]
	must_equal "$(pending s g)" 1
	must_equal "$(redis xpending s g - + 1 dead | head -n 1)" 1-0
	must_equal "$(redis hget '{s}:fail:g' 1-0 | jq .due)" "$late"
}

@test "what waits and is one's own is given back, and -E does not wait for it" {
	add s 1-0 1
	add s 2-0 2
	redis xgroup create s g 0 >/dev/null
	abandon s g me 2
	fail s g 1-0 3600000 >/dev/null
	must_exit 0 evsub -v -E --consumer me -g g s
	must_print '{"n":2}'
	must_say '1 wait for their next attempt and stay pending'
	must_equal "$(pending s g)" 1
	must_equal "$(redis xpending s g - + 1 | sed -n '1p;4p' | xargs)" '1-0 1'
	must_equal "$(redis xinfo consumers s g | grep -c '^me$')" 0
	fail s g 1-0 -1 4 >/dev/null
	must_exit 0 evsub -E -m -g g s
	must_equal "$(jq -c '[.deliveries, .attempts]' "$OUT")" '[2,4]'
	must_be_done s g
}

@test "what is trimmed while it waits is told when it is one's own" {
	add s 1-0 1
	redis xgroup create s g 0 >/dev/null
	abandon s g me 1
	fail s g 1-0 3600000 >/dev/null
	redis xtrim s maxlen 0 >/dev/null
	must_exit 3 evsub -E --consumer me -g g s
	must_say '1-0 was trimmed'
	must_equal "$(redis xlen '{s}:dlq')" 1
	must_equal "$(redis exists '{s}:fail:g')" 0
	must_be_done s g
}

@test "the ledger forgets what is acknowledged, which new events do not cost" {
	publish s 1 300
	redis config resetstat >/dev/null
	must_exit 0 evsub -E -g g s
	must_equal "$(redis info commandstats | grep -c 'hdel\|hmget\|eval')" 1 # to leave
	redis config resetstat >/dev/null
	for n in 1 2 3 4; do
		add t "$n-0" "$n"
	done
	redis xgroup create t g 0 >/dev/null
	abandon t g dead 3
	fail t g 1-0 -1 >/dev/null
	fail t g 3-0 -1 >/dev/null
	redis hset '{t}:fail:g' 2-0 'not JSON' >/dev/null
	start sub evsub --lease 100ms -g g t
	wait_until 5 has_pending t g 0
	wait_until 5 eval '[ "$(redis exists {t}:fail:g)" = 0 ]'
	kill "$pid"
	finish "$pid"
	must_equal "$(sort "$(out sub)")" "$(events 1 4)"
	must_be_done t g
}

# calls COMMAND - how often the server was asked that
calls()
{
	redis info commandstats |
		sed -n "s/^cmdstat_$1:calls=\([0-9]*\),.*/\1/p"
}

@test "a waiting consumer does not keep the server busy" {
	redis config resetstat >/dev/null
	must_exit 0 evsub -w 2s --lease 300ms -g g s
	[ "$(calls xreadgroup)" -ge 2 ]
	[ "$(calls xreadgroup)" -le 40 ]
	redis config resetstat >/dev/null
	must_exit 0 evsub -w 3s -g g s
	[ "$(calls xreadgroup)" -ge 2 ]
	[ "$(calls xreadgroup)" -le 5 ]
	[ "$(calls exists)" -ge 4 ]
	[ "$(calls exists)" -le 20 ] # four times a second, and for redrives
	[ "$(calls evalsha)" -le 2 ]
}

@test "records of --manual are acknowledged at the end of the pipeline" {
	publish s 1 3000
	must_exit 0 bash -c 'set -o pipefail
		evsub -E --manual -g g s | grep -v nothing |
			evsub --settle -v | jq -c .event'
	cmp "$OUT" <(events 1 3000)
	must_say '3000 settled'
	must_equal "$(pending s g)" 0
}

@test "--manual acknowledges nothing but what is passed over" {
	publish s 1 10
	must_exit 0 evsub -E --manual -m -e '.n > 4' --consumer me -g g s
	must_equal "$(wc -l <"$OUT")" 6
	must_equal "$(pending s g)" 6
	head -n 4 "$OUT" >"$BATS_TEST_TMPDIR/some"
	must_exit 0 evsub --settle <"$BATS_TEST_TMPDIR/some"
	cmp "$OUT" "$BATS_TEST_TMPDIR/some"
	must_equal "$(pending s g)" 2
	must_exit 0 evsub -E --manual -m --consumer me -g g s
	must_equal "$(jq -c '[.event.n, .deliveries]' "$OUT" | xargs)" '[9,2] [10,2]'
}

@test "--settle passes a line on only once it is acknowledged" {
	publish s 1 1
	must_exit 0 evsub -E --manual -m -g g s
	cp "$OUT" "$BATS_TEST_TMPDIR/record"
	mkfifo "$BATS_TEST_TMPDIR/in"
	redis client pause 600 write >/dev/null
	START_STDIN=$BATS_TEST_TMPDIR/record start settle evsub --settle
	must_equal "$(cat "$(out settle)")" ''
	finish "$pid"
	cmp "$(out settle)" "$BATS_TEST_TMPDIR/record"
	must_equal "$(pending s g)" 0
}

@test "--settle does not wait for more input with what it has" {
	publish s 1 1
	must_exit 0 evsub -E --manual -m -g g s
	cp "$OUT" "$BATS_TEST_TMPDIR/record"
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 7<>"$BATS_TEST_TMPDIR/in"
	START_STDIN=$BATS_TEST_TMPDIR/in start settle evsub --settle
	cat "$BATS_TEST_TMPDIR/record" >&7
	wait_until 5 has_lines "$(out settle)" 1
	must_equal "$(pending s g)" 0
	kill "$pid"
	finish "$pid"
	exec 7>&-
}

@test "--settle takes records of several streams and groups, in any order" {
	publish a 1 50
	publish b 51 100
	for group in g h; do
		must_exit 0 evsub -E --manual -m -g "$group" a b
		cat "$OUT" >>"$BATS_TEST_TMPDIR/all"
	done
	shuf "$BATS_TEST_TMPDIR/all" >"$BATS_TEST_TMPDIR/mixed"
	must_exit 0 evsub --settle -v <"$BATS_TEST_TMPDIR/mixed"
	cmp "$OUT" "$BATS_TEST_TMPDIR/mixed"
	must_say '200 settled, 0 were not pending, 0 refused'
	for stream in a b; do
		must_equal "$(pending "$stream" g)" 0
		must_equal "$(pending "$stream" h)" 0
	done
}

@test "--settle refuses what is no record and goes on" {
	publish s 1 2
	must_exit 0 evsub -E --manual -m -g g s
	{
		echo '{"n":1}'
		echo 'not JSON'
		head -n 1 "$OUT"
		jq -c 'del(.group)' "$OUT" | tail -n 1
		jq -c '. + {retry: 30}' "$OUT" | tail -n 1
	} >"$BATS_TEST_TMPDIR/in"
	must_exit 3 evsub --settle -v <"$BATS_TEST_TMPDIR/in"
	must_equal "$(wc -l <"$OUT")" 1
	must_say '<stdin>:1:' 'not a record' '<stdin>:2:' '<stdin>:4:' 'no "group"' \
		'<stdin>:5:' '1 settled, 0 were not pending, 4 refused'
	must_equal "$(pending s g)" 1
	sed -n 4p "$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/last"
	must_exit 0 evsub --settle -g g <"$BATS_TEST_TMPDIR/last"
	must_equal "$(pending s g)" 0
}

@test "--settle counts what is not pending" {
	publish s 1 2
	must_exit 0 evsub -E --manual -m -g g s
	cp "$OUT" "$BATS_TEST_TMPDIR/in"
	must_exit 0 evsub --settle -v <"$BATS_TEST_TMPDIR/in"
	must_exit 0 evsub --settle -v <"$BATS_TEST_TMPDIR/in"
	must_say '0 settled, 2 were not pending, 0 refused'
	cmp "$OUT" "$BATS_TEST_TMPDIR/in"
}

@test "wrong usage ends with 2 and creates nothing" {
	must_exit 2 evsub s
	must_say 'a --group is missing'
	must_exit 2 evsub -g g
	must_say 'a STREAM is missing'
	must_exit 2 evsub -g g --nonsense s
	must_exit 2 evsub -g g --lease 50ms s
	must_exit 2 evsub -g g 'a}b' s
	must_exit 2 evsub -g g '' s
	must_exit 2 evsub -g g -c x s
	must_exit 2 evsub -g g --from never s
	must_exit 2 evsub -g g -e '.n +' s
	must_exit 2 evsub --settle s
	must_exit 2 evsub -g g s --
	must_say 'a COMMAND is missing'
	must_equal "$(redis dbsize)" 0
}

@test "the wrong type of key ends with 4" {
	redis set s x >/dev/null
	must_exit 4 evsub -E -g g s
	must_say WRONGTYPE
	must_exit 4 evsub --settle <<-'END'
	{"stream":"s","id":"1-1","group":"g","event":{}}
	END
	must_say WRONGTYPE
	must_equal "$output" ''
}

@test "a user without the right ends with 4, and what is unread stays so" {
	publish s 1 3
	printf 'p\n' >"$BATS_TEST_TMPDIR/password"
	redis acl setuser u on '>p' '~*' '+@all' -xreadgroup >/dev/null
	as_user=(-u "unix://u@$SERVER_SOCKET" --password-file "$BATS_TEST_TMPDIR/password")
	must_exit 4 evsub "${as_user[@]}" -g g s
	must_say NOPERM
	redis acl setuser u +xreadgroup -xack >/dev/null
	must_exit 4 evsub "${as_user[@]}" -E -g g s
	must_say NOPERM
	must_equal "$(pending s g)" 3
	redis acl setuser u +xack -xpending >/dev/null
	must_exit 4 evsub "${as_user[@]}" -g g s
	must_say NOPERM
	redis acl setuser u +xpending -xgroup >/dev/null
	must_exit 4 evsub "${as_user[@]}" -g missing s
	must_say NOPERM
	must_exit 0 evsub "${as_user[@]}" -E -g g s
	redis acl deluser u >/dev/null
}

@test "no password and a wrong one end with 4" {
	redis config set requirepass secret >/dev/null
	run_limited evsub -E -g g s
	first=$status said=$stderr
	REDISCLI_AUTH=wrong run_limited evsub -E -g g s
	redis -a secret --no-auth-warning config set requirepass '' >/dev/null
	must_equal "$first $status" '4 4'
	[[ $said == *NOAUTH* ]]
	must_say WRONGPASS
}
