# Request and response: evpub --await.

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

# request ID [CORRELATION]
request()
{
	printf '{"specversion":"1.0","id":"%s","source":"/s","type":"ask"%s}\n' \
		"$1" "${2:+,\"correlationid\":\"$2\"}"
}

# reply CORRELATION [TEXT]
reply()
{
	printf '{"specversion":"1.0","id":"r-%s%s","source":"/r","type":"answer","correlationid":"%s"}\n' \
		"$1" "${2-}" "$1"
}

# has_entries STREAM COUNT - for wait_until
has_entries()
{
	[ "$(redis xlen "$1")" -ge "$2" ]
}

@test "the reply with the request's id is printed" {
	start ask evpub --await replies requests "$(request 7)"
	wait_until 5 has_entries requests 1
	evpub replies "$(reply 8)" '{"no":"envelope"}' "$(reply 7)" \
		"$(reply 7 again)"
	redis xadd replies '*' data 'no JSON' >/dev/null
	finish "$pid"
	must_equal "$(cat "$(out ask)")" "$(reply 7)"
	must_equal "$(cat "$(err ask)")" ''
}

@test "the last reply ends it at once" {
	start ask evpub --await replies requests "$(request 7)"
	wait_until 5 has_entries requests 1
	evpub replies "$(reply 7)"
	wait_until 1 is_gone "$pid" # a blocked read would take 2 s
	finish "$pid"
}

@test "a correlation goes before the id" {
	start ask evpub --await replies requests "$(request 7 c-1)"
	wait_until 5 has_entries requests 1
	evpub replies "$(reply 7)" "$(reply c-1)"
	finish "$pid"
	must_equal "$(cat "$(out ask)")" "$(reply c-1)"
}

@test "only what comes after the request counts" {
	evpub replies "$(reply 7)"
	must_exit 1 evpub --await replies -w 200ms requests "$(request 7)"
	must_equal "$output" ''
	must_equal "$stderr" \
		'evpub: argument 1: no reply on replies within 200ms: 7'
	must_equal "$(redis xlen requests)" 1
}

@test "several requests in flight, answered in any order" {
	printf '%s\n' "$(request 1)" "$(request 2)" "$(request 3)" \
		>"$BATS_TEST_TMPDIR/in"
	START_STDIN=$BATS_TEST_TMPDIR/in start ask \
		evpub --await replies -w 1s requests
	wait_until 5 has_entries requests 3
	evpub replies "$(reply 3)" "$(reply 1)"
	finish "$pid" 1
	must_equal "$(cat "$(out ask)")" "$(reply 3)"$'\n'"$(reply 1)"
	must_equal "$(cat "$(err ask)")" \
		'evpub: <stdin>:2: no reply on replies within 1s: 2'
}

@test "a reply is printed while input is still open" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 5<>"$BATS_TEST_TMPDIR/in"
	START_STDIN=$BATS_TEST_TMPDIR/in start ask \
		evpub --await replies requests
	request 1 >&5
	wait_until 5 has_entries requests 1
	evpub replies "$(reply 1)"
	wait_until 5 has_lines "$(out ask)" 1
	request 2 >&5
	wait_until 5 has_entries requests 2
	evpub replies "$(reply 2)"
	wait_until 5 has_lines "$(out ask)" 2
	kill -TERM "$(child_of "$pid")"
	exec 5>&-
	finish "$pid" 1
	must_equal "$(cat "$(out ask)")" "$(reply 1)"$'\n'"$(reply 2)"
}

@test "a request that is not answered expires while input is still open" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 5<>"$BATS_TEST_TMPDIR/in"
	START_STDIN=$BATS_TEST_TMPDIR/in start ask \
		evpub --await replies -w 100ms requests
	request 1 >&5
	wait_until 5 grep -q 'no reply' "$(err ask)"
	kill -0 "$pid"
	kill -TERM "$(child_of "$pid")"
	exec 5>&-
	finish "$pid" 1
}

@test "what has no correlation and no id is refused; --fill gives an id" {
	must_exit 3 evpub --await replies -w 100ms requests '{"a":1}'
	must_say 'argument 1: no correlation and no id'
	must_equal "$(redis exists requests)" 0
	must_exit 3 evpub --await replies --dry-run requests '{"a":1}'
	must_exit 1 evpub --await replies -w 100ms --fill requests \
		'{"source":"/s","type":"t"}'
	must_say 'no reply on replies'
}

@test "a correlation that is waited for already is refused" {
	must_exit 1 evpub --await replies -w 200ms requests "$(request 1)" \
		"$(request 2 1)" "$(request 3)"
	must_say 'argument 2: a request of the same correlation' \
		'argument 1: no reply' 'argument 3: no reply'
	must_equal "$(redis xlen requests)" 2
}

@test "what makes no sense is a usage error" {
	local request
	request=$(request 1)
	must_exit 2 evpub --await requests requests "$request"
	must_exit 2 evpub --await '{x' requests "$request"
	must_exit 2 evpub --await r --delay 1s requests "$request"
	must_exit 2 evpub --await r --at now requests "$request"
	must_exit 2 evpub --await r --atomic 2 requests "$request"
	must_exit 2 evpub --await r --dedup 1m requests "$request"
	must_exit 2 evpub --await r --durability none requests "$request"
	must_equal "$(redis dbsize)" 0
}

@test "ids and replies may both be printed" {
	start ask evpub -i --await replies requests "$(request 1)"
	wait_until 5 has_lines "$(out ask)" 1
	evpub replies "$(reply 1)"
	finish "$pid"
	must_equal "$(sed 1d "$(out ask)")" "$(reply 1)"
}

@test "a signal gives up waiting and says for what" {
	start ask evpub --await replies requests "$(request 1)"
	wait_until 5 has_entries requests 1
	kill -TERM "$(child_of "$pid")"
	finish "$pid" 1
	grep -q 'no reply on replies yet: 1' "$(err ask)"
}

@test "a lost connection does not lose the reply" {
	start ask evpub --await replies -w 10s requests "$(request 1)"
	wait_until 5 has_entries requests 1
	redis client kill type normal >/dev/null
	evpub replies "$(reply 1)"
	finish "$pid"
	must_equal "$(cat "$(out ask)")" "$(reply 1)"
}

@test "a reply on a key that is no stream is an error" {
	redis set replies x >/dev/null
	must_exit 4 evpub --await replies requests "$(request 1)"
	must_say 'replies: WRONGTYPE'
	must_equal "$(redis exists requests)" 0
}

@test "a hundred requests are answered by a handler" {
	start serve evsub -g service -P 1 -O replies requests -- \
		echo '{"done":true}'
	seq 100 | sed 's/.*/{"n":&}/' |
		evpub -t ask --source /s --await replies requests \
			>"$BATS_TEST_TMPDIR/got"
	kill -TERM "$(child_of "$pid")"
	finish "$pid"
	must_equal "$(wc -l <"$BATS_TEST_TMPDIR/got")" 100
	must_equal "$(jq -r .correlationid "$BATS_TEST_TMPDIR/got" |
		sort -u | wc -l)" 100
}
