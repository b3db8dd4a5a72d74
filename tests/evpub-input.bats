# What evpub takes in: lines, arguments, records, envelopes; what it makes of
# them and what it refuses.

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

teardown()
{
	end_started
}

cloud='{"specversion":"1.0","id":"1","source":"/s","type":"t"}'

# stored STREAM - the bytes of its entries, one per line
stored()
{
	redis --raw xrange "$1" - + | awk 'NR % 3 == 0'
}

# must_store STREAM LINE... - these and no others
must_store()
{
	local stream=$1
	shift
	if ! must_equal "$(stored "$stream")" "$(printf '%s\n' "$@")"; then
		show_run
		return 1
	fi
}

# publish STATUS INPUT OPTION... - to `stream`; INPUT is a format of printf
publish()
{
	local expected=$1 input=$2
	shift 2
	# shellcheck disable=SC2059 # the escapes are wanted
	printf "$input" >input
	must_exit "$expected" sh -c 'exec evpub "$@" stream <input' sh "$@"
}

# must_refuse REASON EVENT - as an argument; nothing is stored
must_refuse()
{
	must_exit 3 evpub stream "$2"
	must_say "evpub: argument 1: $1"
	must_equal "$(redis exists stream)" 0
}

@test "lines end in LF or CRLF, and the last one needs no end" {
	publish 0 '{"a":1}\n{"a":2}\r\n{"a":3}'
	must_store stream '{"a":1}' '{"a":2}' '{"a":3}'
	must_equal "$output$stderr" ''
}

@test "blank lines are skipped but counted" {
	publish 3 '\n{"a":1}\n \t\r\n\n{"a":2}\nbad\n\n'
	must_store stream '{"a":1}' '{"a":2}'
	must_say '<stdin>:6: byte 1: expected a value'
}

@test "a BOM at the start is skipped, elsewhere it is refused" {
	publish 3 '\xef\xbb\xbf{"a":1}\n\xef\xbb\xbf{"a":2}\n'
	must_store stream '{"a":1}'
	must_say '<stdin>:2: byte 1:'
}

@test "a BOM alone is a blank line" {
	publish 0 '\xef\xbb\xbf\n{"a":1}\n'
	must_store stream '{"a":1}'
}

@test "no input at all is no error and creates nothing" {
	publish 0 ''
	must_equal "$(redis exists stream)$stderr" 0
	publish 0 '\n\r\n'
	must_equal "$(redis exists stream)$stderr" 0
}

@test "invalid JSON is refused with its line and byte, the rest is published" {
	publish 3 '{"a":1}\n{"a":}\n{"a":01}\n{"a":1}}\n{"a":"x\n{"a":2}\n'
	must_store stream '{"a":1}' '{"a":2}'
	must_say '<stdin>:2: byte 6:' '<stdin>:3: byte 7:' \
		'<stdin>:4: byte 8: more than one value' '<stdin>:5: byte 8:'
}

@test "invalid UTF-8 is refused, not repaired" {
	publish 3 '{"a":"\xff"}\n{"a":"\xc0\xaf"}\n{"a":"\xed\xa0\x80"}\n{"a":"\xc3\xa4"}\n'
	must_store stream '{"a":"ä"}'
	must_say '<stdin>:1: byte 7: invalid UTF-8' '<stdin>:2: ' '<stdin>:3: '
}

@test "a NUL byte is refused, an escaped one is data" {
	publish 3 '{"a":"x\0y"}\n\0\n{"a":"\\u0000"}\n'
	must_store stream '{"a":"\u0000"}'
	must_say '<stdin>:1: byte 8:' '<stdin>:2: byte 1:'
}

@test "what is no object is refused" {
	must_refuse 'not an object but an array' '[{}]'
	must_refuse 'not an object but a number' 17
	must_refuse 'not an object but a string' '"{}"'
	must_refuse 'not an object but a boolean' true
	must_refuse 'not an object but null' null
}

@test "nesting is accepted to a depth of 1024" {
	local open close
	open=$(printf '[%.0s' {1..1023}) close=$(printf ']%.0s' {1..1023})
	must_exit 0 evpub stream "{\"a\":$open$close}"
	must_exit 3 evpub stream "{\"a\":[$open$close]}"
	must_store stream "{\"a\":$open$close}"
}

@test "duplicate keys pass, except of an envelope role" {
	local twice='{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"t"}'
	local data='{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":1,"a":2}}'
	local domain='{"event_id":"1","event_type":"t","event_type":"u"}'
	local deep='{"event_id":"1","event_type":"t","metadata":{"source":"a","source":"b"}}'
	printf '%s\n' '{"a":1,"a":2}' "$twice" "$data" "$domain" "$deep" >lines
	must_exit 3 sh -c 'exec evpub stream <lines'
	must_store stream '{"a":1,"a":2}' "$data"
	must_say '<stdin>:2: id: given twice' \
		'<stdin>:4: event_type: given twice' '<stdin>:5: source: given twice'
}

@test "a role that is given twice is seen through escapes" {
	must_exit 3 evpub stream \
		'{"specversion":"1.0","id":"1","\u0069d":"2","source":"/s","type":"t"}'
	must_say 'given twice'
}

@test "a line over --max-bytes is refused, not split, and the rest published" {
	publish 3 '{"a":"12"}\n{"a":"123"}\n{"a":"12"}\r\n{"a":"123"}\r\n{"b":1}' \
		--max-bytes 10
	must_store stream '{"a":"12"}' '{"a":"12"}' '{"b":1}'
	must_say '<stdin>:2: longer than 10 bytes' '<stdin>:4: longer than 10 bytes'
}

@test "a last line over --max-bytes without an end is refused" {
	publish 3 '{"b":1}\n{"a":"123"}' --max-bytes 10
	must_store stream '{"b":1}'
	must_say '<stdin>:2: longer than 10 bytes'
}

@test "an argument over --max-bytes is refused" {
	must_exit 3 evpub --max-bytes 10 stream '{"a":"123"}' '{"a":"12"}'
	must_say 'argument 1: longer than 10 bytes'
	must_store stream '{"a":"12"}'
}

@test "the limit is 1 MiB unless set" {
	local mega
	mega=$(head -c $((1024 * 1024 - 8)) /dev/zero | tr '\0' x)
	printf '{"a":"%s"}\n{"a":"%sx"}\n{"b":1}\n' "$mega" "$mega" >input
	must_exit 3 sh -c 'exec evpub stream <input'
	must_say '<stdin>:2: longer than 1048576 bytes'
	must_equal "$(redis xlen stream)" 2
	must_exit 0 sh -c 'exec evpub --max-bytes 2M other <input'
	must_equal "$(redis xlen other)" 3
}

@test "a line of 64 MiB is refused in bounded memory" {
	mkfifo input
	exec 4<>input
	START_STDIN=input start big evpub -i stream 4>&-
	{
		echo '{"a":1}'
		head -c 64M /dev/zero | tr '\0' x
		printf '\n%s\n' '{"a":2}'
	} >&4
	wait_until 20 has_lines "$(out big)" 2
	local peak
	peak=$(awk '/^VmHWM:/ { print $2 }' "/proc/$(child_of "$pid")/status")
	exec 4>&-
	finish "$pid" 3
	must_store stream '{"a":1}' '{"a":2}'
	grep -F '<stdin>:2: longer than 1048576 bytes' "$(err big)"
	# A sanitizer has its own memory.
	grep -q __asan_init "$BUILD/evpub" || [ "$peak" -lt 16384 ]
}

@test "many bytes of many lines come through unchanged" {
	seq 1 20000 | sed 's/.*/{ "n" : & ,"x":1.0E+5, "s":"\\u00e4\\\/ä😀" }/' >input
	must_exit 0 sh -c 'exec evpub stream <input'
	stored stream | cmp - input
}

@test "evtail a | evpub b is an identity" {
	printf '%s\n' '{"a" : [1.10, 2e3 ]}' '{"big":12345678901234567890123}' \
		'{"u":"\ud83d\ude00\u2028  "}' '{}' "$cloud" >input
	must_exit 0 sh -c 'evpub a <input && evtail -n all a | evpub b'
	stored b | cmp - input
}

@test "events can be arguments" {
	must_exit 0 evpub stream '{"a":1}' '{"a":2}'
	must_store stream '{"a":1}' '{"a":2}'
}

@test "evpub leaves the standard input of a shell loop alone when events are arguments" {
	printf '%s\n' 1 2 3 >input
	must_exit 0 sh -c 'while read -r n; do
		evpub stream "{\"n\":$n}"; done <input'
	must_store stream '{"n":1}' '{"n":2}' '{"n":3}'
}

@test "refused arguments are told by their number" {
	must_exit 3 evpub stream '{"a":1}' x '{"a":2}'
	must_say 'evpub: argument 2: byte 1:'
	must_store stream '{"a":1}' '{"a":2}'
}

@test "evpub -t wraps each line as data of a CloudEvent" {
	publish 0 '{"a" : 1.0}\n[1]\n"x"\nnull\n' -t order.placed
	stored stream >made
	must_equal "$(grep -o '"data":.*' made)" \
		"$(printf '"data":%s}\n' '{"a" : 1.0}' '[1]' '"x"' null)"
	jq -es 'all(.specversion == "1.0" and .type == "order.placed" and
		.datacontenttype == "application/json" and
		(.source | startswith("urn:host:")) and
		(.id | test("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]")) and
		(.time | test("^20..-..-..T..:..:..\\.[0-9]{3}Z$")))' made
	must_equal "$(jq -r .id made | sort -u | wc -l)" 4
	must_equal "$(jq -r .id made)" "$(jq -r .id made | sort)"
}

@test "wrapped events take attributes and extensions, quoted as need be" {
	must_exit 0 evpub -t t --source 'https://x/y' --subject 'a "b" \c' \
		--correlation c1 --causation c2 \
		--traceparent 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 \
		--ext tenant=blue --ext region='a=b ä' stream '{}'
	stored stream | jq -e '[.source, .subject, .correlationid,
		.causationid, .tenant, .region, .traceparent[0:6], .data] ==
		["https://x/y", "a \"b\" \\c", "c1", "c2", "blue", "a=b ä",
		"00-0af", {}]'
}

@test "--text wraps lines that are no JSON" {
	publish 0 'say "hi"\\\n\ttab ä\n' -t t --text
	stored stream >made
	must_equal "$(jq -r .data made)" $'say "hi"\\\n\ttab ä'
	jq -es 'all(.datacontenttype == "text/plain")' made
}

@test "--text refuses what is no text" {
	publish 3 'ok\na\xffb\na\0b\n' -t t --text
	must_equal "$(stored stream | jq -r .data)" ok
	must_say '<stdin>:2: byte 2: invalid UTF-8' '<stdin>:3: byte 2: NUL'
}

@test "what can't be wrapped is refused" {
	publish 3 'x\n{"a":1}\n' -t t
	must_say '<stdin>:1: byte 1: expected a value'
	must_equal "$(stored stream | jq -c .data)" '{"a":1}'
}

@test "attributes that make no CloudEvent are usage errors" {
	local ext
	for ext in novalue =x Foo=1 a-b=1 id=1 type=x specversion=2 data=1 \
		data_base64=eA== time=now datacontenttype=x ü=1; do
		must_exit 2 evpub -t t --ext "$ext" --dry-run stream '{}'
	done
	must_exit 2 evpub -t t --ext a=1 --ext a=2 --dry-run stream '{}'
	must_exit 2 evpub -t t --source 'a b' --dry-run stream '{}'
	must_exit 2 evpub -t $'t\xff' --dry-run stream '{}'
	must_exit 2 evpub -t $'t\x01' --dry-run stream '{}'
	must_say 'type:'
}

@test "what only wrapping can use needs -t" {
	must_exit 2 evpub --text stream '{}'
	must_exit 2 evpub --ext a=b stream '{}'
	local option
	for option in subject correlation causation traceparent; do
		must_exit 2 evpub "--$option" x stream '{}'
		must_say "--$option"
	done
	must_equal "$(redis exists stream)" 0
}

@test "--fill inserts a missing id and time and changes no other byte" {
	local event='{ "specversion":"1.0", "type" : "t","source":"/s","n":1 ,"data":1.0e5 }'
	must_exit 0 evpub --fill stream "$event"
	stored stream >made
	jq -e '(.id | length) == 36 and (.time | endswith("Z"))' made
	must_equal "$(sed 's/^{"id":"[0-9a-f-]\{36\}","time":"[^"]*",/{/' made)" "$event"
}

@test "--fill replaces null and leaves what is there" {
	must_exit 0 evpub --fill stream \
		'{"specversion":"1.0","id":null,"source":"/s","type":"t","time":"2020-01-01T00:00:00Z"}'
	must_equal "$(stored stream | sed 's/"id":"[0-9a-f-]\{36\}"/"id":null/')" \
		'{"specversion":"1.0","id":null,"source":"/s","type":"t","time":"2020-01-01T00:00:00Z"}'
	local full='{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2020-01-01T00:00:00Z"}'
	must_exit 0 evpub --fill other "$full" '{"bare":true}'
	must_store other "$full" '{"bare":true}'
}

@test "--fill makes a CloudEvent of what lacks no more than its version" {
	must_exit 0 evpub --fill stream '{"type":"t","source":"/s"}'
	stored stream | jq -e '.specversion == "1.0" and (.id | length) == 36'
}

@test "--fill fills the envelope that is demanded, also without an id" {
	local event='{"event_type":"t","aggregate_id":"7","metadata":{}}'
	must_exit 0 evpub --fill --envelope domain stream "$event"
	stored stream >made
	must_equal "$(sed 's/^{"event_id":"[0-9a-f-]\{36\}","timestamp":"[^"]*",/{/' \
		made)" "$event"
}

@test "--records publishes the events of evtail -m, byte for byte" {
	printf '%s\n' '{"a" : [1.10, 2e3 ]}' '{"u":"\ud83d\ude00 ä"}' "$cloud" >input
	must_exit 0 sh -c 'evpub a <input && evtail -m -n all a | evpub --records b'
	stored b | cmp - input
}

@test "--records takes several fields as an object and refuses what is no event" {
	redis xadd a '*' one 1 two 2 >/dev/null
	redis xadd a '*' data 'plain text' >/dev/null
	redis -x xadd a '*' data < <(printf '\xff\xfe') >/dev/null
	redis xadd a '*' data '[1]' >/dev/null
	redis xadd a '*' data '{"ok":1}' >/dev/null
	must_exit 0 evtail -m -n all a
	cp "$OUT" records
	must_exit 3 sh -c 'exec evpub --records --rejects rejects b <records'
	must_store b '{"one":"1","two":"2"}' '{"ok":1}'
	must_equal "$(jq -c .line rejects | tr '\n' ' ')" '2 3 4 '
}

@test "--records refuses lines that are no records" {
	publish 3 '{"a":1}\nx\n[]\n{"event":5}\n{"event":{"a":1}}\n{"id":1,"event":{}}\n' \
		--records
	must_store stream '{"a":1}'
	must_say '<stdin>:1: a record without "event"' '<stdin>:2: byte 1' \
		'<stdin>:3: not a record' '<stdin>:4: not an object' \
		'<stdin>:6: "id" is not a string'
}

@test "CloudEvents are checked where they are recognised" {
	local base='"specversion":"1.0","id":"1","source":"/s","type":"t"'
	cat >input <<-END
	{$base,"time":"2026-11-20T21:17:06.824+01:00","data":{"x":null}}
	{"specversion":"1.0","source":"/s","type":"t"}
	{"specversion":"1.0","id":"1","source":"/s","type":""}
	{"specversion":"0.3","id":"1","source":"/s","type":"t"}
	{$base,"time":"2026-13-20T21:17:06Z"}
	{$base,"Foo":"x"}
	{$base,"data":1,"data_base64":"eA=="}
	{$base,"dataschema":"schema.json"}
	{"specversion":"1.0","id":"1","source":"a b","type":"t"}
	{"specversion":"1.0","id":null,"source":"/s","type":"t"}
	{$base,"subject":null,"time":null,"data":null,"data_base64":"eA=="}
	{$base,"datacontenttype":"json"}
	{$base,"n":1.5}
	{$base,"o":{}}
	{$base,"data_base64":"e"}
	{$base,"n":-7,"b":true,"s":"x"}
	{"specversion":1,"id":5}
	END
	must_exit 3 sh -c 'exec evpub stream <input'
	must_equal "$(stored stream)" "$(sed -n '1p;11p;16p;17p' input)"
	must_say '<stdin>:2: id: missing' '<stdin>:3: type: "" is empty' \
		'<stdin>:4: specversion: "0.3" is not "1.0"' \
		'<stdin>:5: time: "2026-13-20T21:17:06Z" is not an RFC 3339' \
		'<stdin>:6: Foo: attribute names' \
		'<stdin>:7: data_base64: data and data_base64' \
		'<stdin>:8: dataschema: "schema.json" is not an absolute URI' \
		'<stdin>:9: source: "a b" is not a URI-reference' \
		'<stdin>:10: id: missing' \
		'<stdin>:12: datacontenttype: "json" is not a media type' \
		'<stdin>:13: n: 1.5 is not an integer' \
		'<stdin>:14: o: {} is not a string, boolean or integer' \
		'<stdin>:15: data_base64: "e" is not base64'
	must_equal "$(grep -c . "$ERR")" 13
}

@test "domain events are checked where they are recognised" {
	printf '%s\n' '{"event_id":"1","event_type":"t","timestamp":"2026-11-20T21:17:06Z"}' \
		'{"event_id":"1","event_type":"t","timestamp":"yesterday"}' \
		'{"event_id":1,"event_type":"t"}' >input
	must_exit 3 sh -c 'exec evpub stream <input'
	must_equal "$(stored stream)" "$(sed -n '1p;3p' input)"
	must_say '<stdin>:2: timestamp: "yesterday" is not an RFC 3339'
}

@test "--envelope demands one profile, or looks at none" {
	local broken='{"specversion":"1.0"}'
	must_exit 0 evpub --envelope none stream "$broken"
	must_store stream "$broken"
	must_exit 3 evpub --envelope auto stream "$broken" '{}'
	must_exit 3 evpub --envelope cloudevents stream '{"a":1}' "$cloud"
	must_say 'argument 1: specversion: missing'
	must_exit 3 evpub --envelope domain stream "$cloud" \
		'{"event_id":"1","event_type":"t"}'
	must_say 'argument 1: event_id: missing'
	must_store stream "$broken" '{}' "$cloud" '{"event_id":"1","event_type":"t"}'
	must_exit 2 evpub --envelope nonsense stream '{}'
	must_say 'no profile "nonsense"'
}

@test "--rejects keeps refused lines as NDJSON, and nothing else" {
	printf '%s\n' '{"a":1}' $'say "hi"\\' $'\xff\x01' '{"a":2}' >input
	must_exit 3 sh -c 'exec evpub --rejects rejects stream <input'
	must_equal "$(jq -c '[.line, .text, .base64]' rejects)" \
		'[2,"say \"hi\"\\",null]
[3,null,"/wE="]'
	jq -es 'all(.error | type == "string" and length > 0)' rejects
	must_exit 0 evpub --rejects rejects stream '{}'
	must_equal "$(wc -c <rejects)" 0
}

@test "rejects can be mended and published" {
	printf '%s\n' '{"a":1}' '{"a":2},' >input
	must_exit 3 sh -c 'exec evpub --rejects rejects stream <input'
	must_exit 0 sh -c 'jq -r .text rejects | sed s/,$// | evpub stream'
	must_store stream '{"a":1}' '{"a":2}'
}

@test "rejects that can't be written are an error of output" {
	must_exit 5 evpub --rejects "$PWD/no/such/dir" stream '{}'
	must_say "$PWD/no/such/dir: No such file"
	must_equal "$(redis exists stream)" 0
	[ -c /dev/full ] || skip 'there is no /dev/full'
	must_exit 5 evpub --rejects /dev/full stream '{"a":1}' x
	must_say '/dev/full: '
	must_store stream '{"a":1}'
}

@test "--strict stops at the first refused line" {
	publish 3 '{"a":1}\nbad\n{"a":2}\nbad\n' --strict
	must_store stream '{"a":1}'
	must_equal "$(grep -c . "$ERR")" 1
}

@test "--dry-run checks all, publishes nothing and needs no server" {
	printf '%s\n' '{"a":1}' bad "$cloud" '{"specversion":"1.0"}' >input
	export EV_URL=unix:///no/such/socket
	must_exit 3 sh -c 'exec evpub --dry-run --rejects rejects -T stream <input'
	must_print '{"a":1}' "$cloud"
	must_say '<stdin>:2: ' '<stdin>:4: id: missing'
	must_equal "$(wc -l <rejects)" 2
	must_exit 0 evpub --dry-run stream '{"a":1}'
	must_equal "$output$stderr" ''
	must_exit 3 evpub --dry-run --strict -T stream x '{"a":1}'
	must_equal "$output" ''
	must_exit 3 evpub --dry-run --dedup 1m --dedup-key /k stream '{"k":1}' '{}'
	must_say 'argument 2: no value at --dedup-key'
}

@test "bad usage ends with 2 and says what is wrong" {
	must_exit 2 evpub
	must_say 'evpub: a STREAM is missing'
	must_exit 2 evpub ''
	must_exit 2 evpub --no-such-option stream
	must_say '--no-such-option'
	must_exit 2 evpub --rate fast stream
	must_say '--rate: "fast" is not a number'
	must_exit 2 evpub --max-bytes 1X stream
	must_exit 2 evpub --max-bytes 0 stream
	must_exit 2 evpub --dedup soon stream
	must_exit 2 evpub --dedup-key /id stream
	must_say '--dedup-key needs --dedup'
	must_exit 2 evpub --dedup 1m --dedup-key id stream
	must_say '"id" is not a JSON Pointer'
	must_exit 2 evpub --max-lag 0 stream
	must_exit 2 evpub --max-lag 5: stream
	must_exit 2 evpub --durability sure stream
	must_exit 2 evpub --durability replicas=0 stream
	must_exit 2 evpub --durability none -i stream
	must_exit 2 evpub --durability fsync --atomic 2 stream
	must_exit 2 evpub -t t --text --records stream
	must_exit 2 evpub -t
	must_say '-t: needs an argument'
}

@test "stream names with stray braces are refused" {
	local name
	for name in 'a{b' 'a}b' '{}a' '{a}{b}' '{a}b}' '{{a}}'; do
		must_exit 2 evpub --dry-run "$name" '{}'
		must_say "$name: "
	done
	must_exit 0 evpub '{a}b' '{}'
	must_store '{a}b' '{}'
}
