# evtail --delayed: what is scheduled, and when it is due.

load helper

setup_file() { start_server; }
teardown_file() { stop_server; }
setup() { flush; }

# at TIME STREAM EVENT - schedule it
at()
{
	evpub --at "$1" "$2" "$3"
}

@test "all of it in the order of due times, as the bytes that were given" {
	at 2031-01-02 s '{"n" : 2.0}'
	at 2031-01-01 s '{"n":1}'
	at 2031-01-03 s '{"n":3}'
	at 2031-01-03 s '{"n":3}'
	evpub s '{"now":true}'
	must_exit 0 evtail --delayed s
	must_print '{"n":1}' '{"n" : 2.0}' '{"n":3}' '{"n":3}'
	must_equal "$stderr" ''
	must_equal "$(redis zcard '{s}:delayed') $(redis xlen s)" '4 1'
}

@test "records tell when it is due and its priority, and have no id" {
	at 2031-01-01T10:00:00.5Z s '{"n":1}'
	evpub --priority --at 2031-01-02 s \
		'{"specversion":"1.0","id":"1","source":"/s","type":"t","priority":"HIGH"}'
	must_exit 0 evtail --delayed -m s
	must_print \
		'{"stream":"s","due":"2031-01-01T10:00:00.500Z","priority":"normal","event":{"n":1}}' \
		'{"stream":"s","due":"2031-01-02T00:00:00.000Z","priority":"high","event":{"specversion":"1.0","id":"1","source":"/s","type":"t","priority":"HIGH"}}'
	must_exit 0 evtail --delayed -m -c 1 -j '[.n, $id, $stream]' s
	must_print '{"stream":"s","due":"2031-01-01T10:00:00.500Z","priority":"normal","event":[1,null,"s"]}'
}

@test "more than a slice, in one ms and apart" {
	local i
	seq 1 2500 | sed 's/.*/{"n":&}/' | evpub --at 2031-01-01 s
	seq 2501 3000 | sed 's/.*/{"n":&}/' | evpub --at 2031-01-02 s
	must_exit 0 evtail --delayed s
	cmp "$OUT" <(seq 1 3000 | sed 's/.*/{"n":&}/')
	must_exit 0 evtail --delayed -S 2031-01-02 s
	cmp "$OUT" <(seq 2501 3000 | sed 's/.*/{"n":&}/')
	for i in 1 2499 2500 2501 3000 9999; do
		must_exit 0 evtail --delayed -n "$i" s
		cmp "$OUT" <(seq 1 3000 | tail -n "$i" | sed 's/.*/{"n":&}/')
		must_exit 0 evtail --delayed -n +"$i" s
		cmp "$OUT" <(seq 1 3000 | tail -n +"$i" | sed 's/.*/{"n":&}/')
	done
	must_exit 0 evtail --delayed -n 0 s
	must_print ''
}

@test "what is not wanted is passed over" {
	at 2031-01-01 s '{"specversion":"1.0","id":"a","source":"/s","type":"t.a","n":1}'
	at 2031-01-02 s '{"specversion":"1.0","id":"b","source":"/s","type":"t.b","n":2}'
	at 2031-01-03 s '{"n":3}'
	must_exit 0 evtail --delayed -t 't.*' -j .n s
	must_print 1 2
	must_exit 0 evtail --delayed -e '.n >= 2' -j .n s
	must_print 2 3
	must_exit 0 evtail --delayed -e '.n >= 2' -n 1 -j .n s
	must_print 3
	must_exit 0 evtail --delayed -c 2 -j .n s
	must_print 1 2
	must_exit 0 evtail --delayed -S 2031-01-02 -j .n s
	must_print 2 3
	must_exit 0 evtail --delayed -U 2031-01-02 -j .n s
	must_print 1 2
	must_exit 0 evtail --delayed -U now s
	must_print ''
	must_exit 0 evtail --delayed --correlation b -j .n s
	must_print 2
	must_exit 3 evtail --delayed -e '.type | length > 0 and .n / (3 - .n) > 0' \
		-j .n s
	must_say 's: due 2031-01-0' 'filter:'
}

@test "several streams are merged by due time" {
	at 2031-01-01 a '{"n":1}'
	at 2031-01-02 b '{"n":2}'
	at 2031-01-03 a '{"n":3}'
	at 2031-01-03 b '{"n":4}'
	must_exit 0 evtail --delayed a b
	must_print '{"n":1}' '{"n":2}' '{"n":3}' '{"n":4}'
}

@test "what others put into the set is shown as far as it can be" {
	redis zadd '{s}:delayed' 1000 '{"plain":1}' 2000 'job:17' 3000 \
		'0199e0b5-6a01-7c3e-8d2f-51a3f0c4d7e2ntext' >/dev/null
	printf 'ZADD {s}:delayed inf "\\x00\\xff"\n' | redis >/dev/null
	redis zadd '{s}:delayed' -inf x >/dev/null
	must_exit 0 evtail --delayed -c 4 s
	must_print '{"stream":"s","due":"0000-01-01T00:00:00.000Z","priority":"normal","text":"x"}' \
		'{"plain":1}' \
		'{"stream":"s","due":"1970-01-01T00:00:02.000Z","priority":"normal","text":"job:17"}' \
		'{"stream":"s","due":"1970-01-01T00:00:03.000Z","priority":"normal","text":"text"}'
	must_exit 0 evtail --delayed -n 1 s
	must_print '{"stream":"s","due":"9999-12-31T23:59:59.999Z","priority":"normal","base64":"AP8="}'
}

@test "nothing scheduled is no error, no such stream is" {
	evpub s '{}'
	must_exit 0 evtail --delayed s
	must_print ''
	at 2031-01-01 later '{}'
	must_exit 0 evtail --delayed later
	must_print '{}'
	must_exit 1 evtail --delayed nix later
	must_say 'nix: no such stream'
	must_print '{}'
	redis set '{t}:delayed' 1 >/dev/null
	must_exit 4 evtail --delayed t
	must_say '{t}:delayed' WRONGTYPE
}

@test "beside a promoter everything is listed or published" {
	seq 1 20000 | sed 's/.*/{"n":&}/' | evpub --at now s
	seq 20001 40000 | sed 's/.*/{"n":&}/' | evpub --at 2031-01-01 s
	start promote evpub --promote s
	must_exit 0 evtail --delayed s
	finish "$pid"
	must_equal "$(sort "$OUT" | uniq -d | wc -l)" 0
	must_equal "$(jq '.n | select(. > 20000)' "$OUT" | wc -l)" 20000
	must_equal "$({ cat "$OUT"; evtail -n all s; } | sort -u | wc -l)" 40000
}

@test "a reader that closes the pipe ends it quietly" {
	seq 1 20000 | sed 's/.*/{"n":&}/' | evpub --at 2031-01-01 s
	# shellcheck disable=SC2016 # expanded by that shell
	must_exit 0 bash -c 'set -o pipefail; evtail --delayed s | head -n 1 >"$0"' \
		"$BATS_TEST_TMPDIR/first"
	must_equal "$stderr$(cat "$BATS_TEST_TMPDIR/first")" '{"n":1}'
	must_exit 5 sh -c 'evtail --delayed s >/dev/full'
}

@test "what makes no sense with it is a usage error" {
	must_exit 2 evtail --delayed -f s
	must_exit 2 evtail --delayed --stats s
	must_exit 2 evtail --delayed -g g s
	must_exit 2 evtail --delayed --checkpoint seen s
	must_exit 2 evtail --delayed 's*'
	must_say 's*: --delayed takes names'
	must_exit 2 evtail --delayed 'a{'
	must_exit 2 evtail --delayed
}

@test "lost connections leave no hole" {
	seq 1 100000 | sed 's/.*/{"n":&}/' | evpub --at 2031-01-01 s
	start read evtail --delayed s
	while kill -0 "$pid" 2>/dev/null; do
		redis client kill type normal skipme yes >/dev/null
	done
	finish "$pid"
	[ "$(wc -l <"$(err read)")" -gt 1 ] # it was cut
	cmp "$(out read)" <(seq 1 100000 | sed 's/.*/{"n":&}/')
}
