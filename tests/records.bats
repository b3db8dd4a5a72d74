# Records and events as bytes: what becomes of whatever a stream may hold, in a
# pipe and on a terminal.

load helper

setup_file() { start_server; }
teardown_file() { stop_server; }
setup() { flush; }

# add STREAM ID [NAME VALUE]... - an entry of these fields
add()
{
	redis xadd "$@" >/dev/null
}

# add_bytes STREAM ID FIELD - an entry whose value is the standard input
add_bytes()
{
	redis -x xadd "$@" >/dev/null
}

# record BODY - the record of the entry 1795209426824-213 of s
record()
{
	printf '%s\n' '{"stream":"s","id":"1795209426824-213","time":"2026-11-20T21:17:06.824Z",'"$1}"
}

# must_show_as BODY - the only entry, which can't be printed bare, is that record
must_show_as()
{
	local option
	for option in -q -m; do
		must_exit 0 evtail "$option" s
		must_print "$(record "$1")"
		jq -e . "$OUT" >/dev/null
	done
}

entry=(s 1795209426824-213)

# Which field is the event

@test "the usual fields are found, in their order" {
	local usual=(data body payload event message __data__ value) i
	for i in 6 5 4 3 2 1 0; do
		add s "$((7 - i))-0" other '{"n":99}' "${usual[$i]}" "{\"n\":$i}" \
			${usual[$((i + 1))]:+"${usual[$((i + 1))]}" '{"n":98}'}
	done
	must_exit 0 evtail s
	must_print '{"n":6}' '{"n":5}' '{"n":4}' '{"n":3}' '{"n":2}' '{"n":1}' \
		'{"n":0}'
}

@test "the only field is the event, whatever its name" {
	add s 1-0 odd '{"n":1}'
	add s 2-0 '' '{"n":2}'
	add s 3-0 $'\xff\x01' '{"n":3}'
	must_exit 0 evtail s
	must_print '{"n":1}' '{"n":2}' '{"n":3}'
}

@test "several fields become an object of strings" {
	add "${entry[@]}" user $'a "b" \\' n 12 text $'tab\tline\n\x01é😀' empty ''
	local object='{"user":"a \"b\" \\","n":"12","text":"tab\tline\n\u0001é😀","empty":""}'
	must_exit 0 evtail s
	must_print "$object"
	must_exit 0 evtail -m s
	must_print "$(record '"fields":'"$object")"
	must_equal "$(jq -c .fields "$OUT")" "$object"
}

@test "fields of several keep their order and their double names" {
	add "${entry[@]}" z 1 a 2 z 3
	must_exit 0 evtail s
	must_print '{"z":"1","a":"2","z":"3"}'
}

@test "fields that are not UTF-8 lose nothing" {
	add "${entry[@]}" $'\xff\x01' a b $'\x00\xfe'
	must_exit 0 evtail -m s
	must_print "$(record '"fields":{"/wE=":"a","b":""}')"
	redis del s
	redis eval 'redis.call("XADD", KEYS[1], ARGV[1], "\255\1", "a",
		"b", "\0\254", "c\0d", "e\0f")' 1 "${entry[@]}" >/dev/null
	must_exit 0 evtail s
	must_print '{"/wE=":"a","b":{"base64":"AP4="},"c\u0000d":"e\u0000f"}'
	must_exit 0 evtail -m s
	must_print "$(record '"fields":{"/wE=":"a","b":{"base64":"AP4="},"c\u0000d":"e\u0000f"}')"
}

@test "--field that an entry lacks leaves the usual choice" {
	add s 1-0 a '{"n":1}' b '{"n":2}'
	add s 2-0 data '{"n":3}' c 1
	add s 3-0 c '{"n":4}'
	add s 4-0 x 1 y 2
	must_exit 0 evtail --field b s
	must_print '{"n":2}' '{"n":3}' '{"n":4}' '{"x":"1","y":"2"}'
}

@test "filters and programs see what is printed" {
	add s 1-0 x 1 y '"q"'
	add s 2-0 data 'plain text'
	add s 3-0 data '[1,2]'
	printf '\xff\xfe' | add_bytes s 4-0 data
	must_exit 0 evtail -j . s
	must_print '{"x":"1","y":"\"q\""}' '"plain text"' '[1,2]' '"//4="'
	must_exit 0 evtail -e '. == "plain text"' -j '$id' s
	must_print '"2-0"'
	must_exit 0 evtail -e 'type == "array"' -m s
	must_print '{"stream":"s","id":"3-0","time":"1970-01-01T00:00:00.003Z","event":[1,2]}'
	# -t and --correlation know only of events.
	must_exit 0 evtail -t '*' s
	must_equal "$output" ''
}

# Bodies that are no JSON object

@test "text that is no JSON is shown as text" {
	add "${entry[@]}" data $'it\'s "text" \\ é😀\t\x7f.'
	must_show_as '"text":"it'\''s \"text\" \\ é😀\t\u007f."'
	must_equal "$(jq -j .text "$OUT")" $'it\'s "text" \\ é😀\t\x7f.'
}

@test "text of several lines stays one line" {
	printf 'one\r\ntwo\n' | add_bytes "${entry[@]}" data
	must_exit 0 evtail s
	must_equal "${#lines[@]}" 1
	must_exit 0 evtail -m s
	must_equal "$(jq '.text | startswith("one\r\ntwo")' "$OUT")" true
}

@test "bytes that are no UTF-8 are shown in base64" {
	redis eval 'redis.call("XADD", KEYS[1], ARGV[1], "data",
		"\0\1\255{\"a\":1}\10")' 1 "${entry[@]}" >/dev/null
	must_show_as '"base64":"AAH/eyJhIjoxfQo="'
	jq -r .base64 "$OUT" | base64 -d | cmp - <(printf '\0\1\377{"a":1}\n')
}

@test "JSON with a string that is no UTF-8 is bytes" {
	printf '{"a":"\xc3\x28"}' >"$BATS_TEST_TMPDIR/bytes"
	redis eval 'redis.call("XADD", KEYS[1], ARGV[1], "data",
		"{\"a\":\"\195\40\"}")' 1 "${entry[@]}" >/dev/null
	must_show_as "\"base64\":\"$(base64 -w 0 "$BATS_TEST_TMPDIR/bytes")\""
}

@test "bytes of every length and value come back from base64" {
	redis eval 'local all = ""
		for i = 0, 255 do all = all .. string.char(i) end
		for n = 1, 256 do
			redis.call("XADD", KEYS[1], n .. "-0", "data",
				"\255" .. string.sub(all, 1, n))
		end' 1 s >/dev/null
	must_exit 0 evtail -n all -m -S 250-0 s
	local n=250 line
	while IFS= read -r line; do
		jq -r .base64 <<<"$line" | base64 -d >"$BATS_TEST_TMPDIR/one"
		must_equal "$(stat -c %s "$BATS_TEST_TMPDIR/one")" $((n + 1))
		n=$((n + 1))
	done <"$OUT"
	# All 256 values, from 0 up, behind the \xff.
	must_equal "$(tail -c +2 "$BATS_TEST_TMPDIR/one" | od -An -v -tu1 |
		grep -o '[0-9]*' | cmp - <(seq 0 255) && echo same)" \
		same
}

@test "a NUL, and what looks like JSON around one, is text" {
	redis eval 'redis.call("XADD", KEYS[1], ARGV[1], "data",
		"{\"a\":1}\0")' 1 "${entry[@]}" >/dev/null
	must_show_as '"text":"{\"a\":1}\u0000"'
}

@test "an empty value is empty text" {
	add "${entry[@]}" data ''
	must_show_as '"text":""'
}

@test "JSON that is no object is shown as it is, in a record" {
	local value
	for value in '[1, {"a": 2} ]' '"text\u00e9"' 12345678901234567890 -0.0 \
		1e400 true null ' [ ] '; do
		redis del s >/dev/null
		add "${entry[@]}" data "$value"
		must_exit 0 evtail s
		must_print "$(record "\"event\":$value")"
	done
}

@test "what is almost JSON is text" {
	local value
	for value in '{"a":1' '{"a":1}}' "{'a':1}" '{"a":01}' '{"a":NaN}' \
		'{"a":1}{"b":2}' '{"a":1,}' '{"a":"\x"}' '{a:1}' '' ' '; do
		redis del s >/dev/null
		add "${entry[@]}" data "$value"
		must_exit 0 evtail s
		must_equal "$(jq -r .text "$OUT")" "$value"
	done
}

# Bytes of events

@test "the bytes of an event stay as they are" {
	local event
	while IFS= read -r event; do
		redis del s >/dev/null
		add "${entry[@]}" data "$event"
		must_exit 0 evtail s
		printf '%s\n' "$event" | cmp - "$OUT"
		must_exit 0 evtail -m s
		must_print "$(record "\"event\":$event")"
		must_exit 0 evtail -e 'length >= 0' s
		printf '%s\n' "$event" | cmp - "$OUT"
	done < <(printf '%b\n' '{"separators":"\\u2028\\u2029\\u0085"}' \
	'  { "a" :\t[ 1 ,  2 ] , "b":{ }\t}  ' && cat <<'END'
{}
{"n":12345678901234567890,"x":0.1000,"y":1E+2,"z":-0,"h":1e400,"s":1.0}
{"escapes":"\u0041\/\b\f\n\r\t\"\\\u00e9\ud83d\ude00\u0000\u001b[31m"}
{"é":"😀 € \u007f","":"","a.b":{"":[]}}
{"a":1,"a":2,"A":3,"a":{"a":4,"a":5}}
{"lone":"\ud800","swapped":"\ude00\ud83d"}
{"data":{"data":{"data":null}},"id":1,"stream":"x","event":{}}
END
	)
}

@test "pretty JSON loses its line breaks and nothing else" {
	printf '{\n  "a": [\n    1,\n\t2\n  ],\n  "b c": "x  y"\n}\n' |
		add_bytes s 1-0 data
	printf '{\r\n  "a": 1,\r\n\r\n\r  "b": {\r\n  }\r\n}' |
		add_bytes s 2-0 data
	printf '\n\n{"a":"\\n\\r"\n}' | add_bytes s 3-0 data
	must_exit 0 evtail s
	must_print '{  "a": [    1,	2  ],  "b c": "x  y"}' \
		'{  "a": 1,  "b": {  }}' '{"a":"\n\r"}'
	must_exit 0 evtail -m -n 1 s
	must_print '{"stream":"s","id":"3-0","time":"1970-01-01T00:00:00.003Z","event":{"a":"\n\r"}}'
	must_exit 0 evtail -0 -n 1 s
	printf '{"a":"\\n\\r"}\0' | cmp - "$OUT"
	must_exit 0 evtail -n all -e '.a == 1' s
	must_print '{  "a": 1,  "b": {  }}'
}

@test "deep JSON goes through, deeper than jq can read" {
	local deep
	deep=$(printf '%900s' '' | tr ' ' '[')$(printf '%900s' '' | tr ' ' ']')
	add "${entry[@]}" data "{\"a\":$deep,\"b\":1}"
	must_exit 0 evtail s
	must_print "{\"a\":$deep,\"b\":1}"
	must_exit 0 evtail -e '.b == 1' s
	must_print "{\"a\":$deep,\"b\":1}"
	run_limited evtail -e '.b | . == 1' s
	if [ "$status" -ne 0 ]; then # jq 1.6 reads 256 levels
		must_equal "$status" 3
		must_say 's: 1795209426824-213: filter: '
		[ "${#stderr}" -lt 300 ]
	fi
}

# Sizes

# add_sized ID BYTES - an event of that many bytes
add_sized()
{
	redis eval 'redis.call("XADD", KEYS[1], ARGV[1], "data", "{\"n\":\"" ..
		string.rep("x", ARGV[2] - 8) .. "\"}")' 1 s "$@" >/dev/null
}

@test "events of any size are printed whole" {
	local size i=0
	local sizes=(8 4095 4096 65535 65536 131073 1048576 1048577 10485760 9)
	for size in "${sizes[@]}"; do
		add_sized $((++i))-0 "$size"
	done
	must_exit 0 evtail -n all s
	must_equal "$(awk '{ print length($0) }' "$OUT" | paste -sd ' ')" \
		"${sizes[*]}"
	must_equal "$(tr -d 'x\n' <"$OUT")" "$(printf '{"n":""}%.0s' "${sizes[@]}")"
	must_exit 0 evtail -n 3 -j '.n | length' s
	must_print 1048569 10485752 1
	must_exit 0 evtail -n 2 -m s
	must_equal "$(awk '{ print length($0) }' "$OUT" | paste -sd ' ')" \
		'10485828 78'
}

# peak_kb ARG... - peak memory of an evtail that has printed all that there is
peak_kb()
{
	local child
	start peak sh -c 'exec evtail -f "$@" >/dev/null' sh "$@"
	wait_until 15 follows
	child=$(child_of "$pid")
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$child/status"
	kill -TERM "$child"
	finish "$pid"
}

# What the stream of the next test holds.
mixed()
{
	local big i
	big=$(printf '%1048568s' '' | tr ' ' x)
	yes '{"n":1}' | head -n 2000
	for ((i = 0; i < 100; i++)); do
		printf '{"n":"%s"}\n' "$big"
	done
}

follows()
{
	redis info clients | grep -q '^blocked_clients:1'
}

# fill_mixed STREAM - what mixed prints, large events behind small ones
fill_mixed()
{
	redis eval 'local big = "{\"n\":\"" .. string.rep("x", 1048568) .. "\"}"
		for i = 1, 2000 do
			redis.call("XADD", KEYS[1], i .. "-0", "data", "{\"n\":1}")
		end
		for i = 2001, 2100 do
			redis.call("XADD", KEYS[1], i .. "-0", "data", big)
		end' 1 "$1" >/dev/null
}

can_measure()
{
	[ -r /proc/self/status ] || skip 'no /proc here'
	! grep -qa __asan_init "$BUILD/evtail" || skip 'a sanitizer needs memory'
}

@test "memory stays small where large events follow small ones" {
	local args kb
	can_measure
	fill_mixed s
	add t 1-0 data '{"n":1}'
	for args in '-n all s' '-n 50 s' '-n 2050 s' '-n all -m s' \
		'-n all -e .n!=2 s' '-n all s t' '-n 2050 t s'; do
		# shellcheck disable=SC2086 # several words
		kb=$(peak_kb $args)
		if [ "$kb" -gt 32768 ]; then
			echo "evtail $args takes $kb kB" >&2
			return 1
		fi
	done
}

has_bytes()
{
	[ "$(stat -c %s "$1")" -ge "$2" ]
}

@test "memory stays small where large events come at once while following" {
	local kb
	can_measure
	start follow evtail -f s t
	wait_until 10 follows
	fill_mixed t
	wait_until 15 has_bytes "$(out follow)" $((2000 * 8 + 100 * 1048577))
	kb=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' \
		"/proc/$(child_of "$pid")/status")
	if [ "$kb" -gt 32768 ]; then
		echo "evtail -f takes $kb kB" >&2
		return 1
	fi
}

@test "large events behind small ones are all printed, whole and in order" {
	local expected
	expected=$(mixed | cksum)
	start follow sh -c 'evtail -f -c 2100 s t | cksum'
	wait_until 10 follows
	fill_mixed s
	must_exit 0 sh -c 'evtail -n all s | cksum'
	must_equal "$output" "$expected"
	add u 1-0 data '{"n":1}'
	must_exit 0 sh -c 'evtail -n 2100 u s | cksum'
	must_equal "$output" "$expected"
	finish "$pid"
	must_equal "$(cat "$(out follow)")" "$expected"
}

# Terminals

# on_terminal COMMAND - what a shell command writes to a terminal, into $OUT
on_terminal()
{
	SHELL=/bin/sh must_exit 0 script -qec "$1" /dev/null
	tr -d '\r' <"$OUT" >"$OUT.lf"
	mv "$OUT.lf" "$OUT"
	output=$(cat "$OUT")
}

@test "on a terminal C1 and bidi controls are escaped, in a pipe they are not" {
	need_script
	local c1=$'\xc2\x9b31m' bidi=$'\xe2\x80\xae' isolate=$'\xe2\x81\xa6'
	local raw="{\"c1$c1\":\"a${bidi}b$isolate\",\"del\":\""$'\x7f'"\",\"é\":\"😀\"}"
	add "${entry[@]}" data "$raw"
	must_exit 0 evtail s
	printf '%s\n' "$raw" | cmp - "$OUT"
	must_exit 0 evtail -m s
	must_print "$(record "\"event\":$raw")"
	local escaped='{"c1\u009b31m":"a\u202eb\u2066","del":"\u007f","é":"😀"}'
	on_terminal 'evtail s'
	must_equal "$output" "$escaped"
	on_terminal 'evtail -m s'
	must_equal "$output" "$(record "\"event\":$escaped")"
	on_terminal 'evtail -j . s'
	must_equal "$output" "$escaped"
	must_equal "$(jq -c . <<<"$output")" "$(jq -c . <<<"$raw")"
}

@test "every control is escaped on a terminal" {
	need_script
	# U+0080 to U+009F, and all that turn or hide text.
	local code raw=
	for code in {128..159} 1564 8206 8207 {8232..8238} {8294..8297}; do
		# shellcheck disable=SC2059 # it is made here
		raw+=$(printf "\\u$(printf '%04x' "$code")")
	done
	add "${entry[@]}" data "{\"a\":\"$raw\"}"
	on_terminal 'evtail s'
	must_equal "$(LC_ALL=C tr -d ' -~\n' <"$OUT" | wc -c)" 0
	must_equal "$(jq -r .a "$OUT")" "$raw"
}

@test "colour codes of any entry can't get through to a terminal" {
	need_script
	local esc=$'\e[31mred\e]0;title\a\x9b'
	redis eval 'redis.call("XADD", KEYS[1], "1-0", "data", ARGV[1])
		redis.call("XADD", KEYS[1], "2-0", "a" .. ARGV[1], ARGV[1], "b", "c")
		redis.call("XADD", KEYS[1], "3-0", "data", "{\"a\":\"" .. ARGV[1] .. "\"}")
		redis.call("XADD", KEYS[1], "4-0", "data", "\27[31mred")
		redis.call("XADD", "e\27[31m", "5-0", "data", "text")
		redis.call("XADD", KEYS[1], "6-0", "data", "{\"a\":\"\\u001b[31m\"}")' \
		1 s "$esc" >/dev/null
	local args
	for args in '' -m '-j .' '-m -j .' "-e 'error(.)'"; do
		on_terminal "evtail $args s 'e*' || :"
		must_equal "$(LC_ALL=C tr -dc '\000-\011\013-\037\177-\377' <"$OUT" |
			od -An -tx1)" ''
		[ -n "$output" ]
	done
	on_terminal "evtail 'missing'\$(printf '\\033[31m') || :"
	must_equal "$(LC_ALL=C tr -dc '\033' <"$OUT" | wc -c)" 0
}

@test "pretty JSON is one line on a terminal too, with the same values" {
	need_script
	printf '{\n\t"a": [1,\r\n2],\n "b": "x\\ny"}' | add_bytes s 1-0 data
	on_terminal 'evtail s'
	must_equal "$(wc -l <"$OUT")" 1
	must_equal "$(jq -c . "$OUT")" '{"a":[1,2],"b":"x\ny"}'
}

@test "a terminal decides nothing but looks" {
	need_script
	add s 1-0 data '{"n": 1, "t": "x"}'
	add s 2-0 data text
	must_exit 0 evtail s
	local piped=$output
	on_terminal 'evtail s'
	must_equal "$output" "$piped"
	on_terminal 'TERM=xterm-256color evtail -m s'
	must_exit 0 evtail -m s
	printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/piped"
	on_terminal 'evtail -m s'
	cmp "$OUT" "$BATS_TEST_TMPDIR/piped"
}

@test "on a terminal each event of -f appears as it comes" {
	need_script
	start screen script -qec "evtail -f -n 0 -c 2 s" /dev/null
	wait_until 10 follows
	add s 1-0 data '{"n":1}'
	wait_until 5 has_lines "$(out screen)" 1
	add s 2-0 data '{"n":2}'
	finish "$pid"
	must_equal "$(tr -d '\r' <"$(out screen)")" $'{"n":1}\n{"n":2}'
}

need_script()
{
	script -qec true /dev/null >"$OUT" 2>&1 ||
		skip 'no script(1) of util-linux here'
}

# Pipelines

@test "evtail | evpub is an identity" {
	{
		seq 3000 | sed 's/.*/{ "n":&, "x":[1.0,"\\u00e9é"] ,"n":-0}/'
		echo '{"big":12345678901234567890,"e":1e400}'
		printf '{"long":"%100000s"}\n' ''
	} >"$BATS_TEST_TMPDIR/in"
	must_exit 0 evpub a <"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evtail -n all a | evpub b'
	must_exit 0 evtail -n all b
	cmp "$OUT" "$BATS_TEST_TMPDIR/in"
}

@test "evtail -m | jq | evpub --records goes round" {
	seq 100 | sed 's/.*/{"n":&}/' >"$BATS_TEST_TMPDIR/in"
	must_exit 0 evpub a <"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evtail -n all -m a |
		jq -c "select(.event.n % 2 == 0)" | evpub --records b'
	must_exit 0 evtail -n all -j .n b
	must_equal "$output" "$(seq 2 2 100)"
}

@test "evtail -0 | xargs -0 gets every event as one word" {
	add s 1-0 data '{"a": "it'\''s \"b\" $x"}'
	add s 2-0 data '{"a": 2}'
	must_exit 0 sh -c 'evtail -0 s | xargs -0 printf "<%s>\n"'
	must_print '<{"a": "it'\''s \"b\" $x"}>' '<{"a": 2}>'
}

@test "every line of any stream is JSON" {
	redis eval 'math.randomseed(7)
		for i = 1, 3000 do
			local bytes = {}
			for k = 1, math.random(0, 12) do
				bytes[k] = string.char(math.random(0, 255))
			end
			local text = table.concat(bytes)
			if i % 3 == 0 then
				redis.call("XADD", KEYS[1], i .. "-0", text, text, "b", text)
			else
				redis.call("XADD", KEYS[1], i .. "-0", "data", text)
			end
		end' 1 s >/dev/null
	local option
	for option in -q -m; do
		must_exit 0 evtail -n all "$option" s
		must_equal "$(wc -l <"$OUT")" 3000
		must_equal "$(jq -c type "$OUT" | sort | uniq -c | tr -s ' ')" \
			' 3000 "object"'
	done
	must_equal "$(jq -r .id "$OUT" | cmp - <(seq -f %.0f-0 3000) && echo same)" same
	# And the bytes are in there.
	must_exit 0 evtail -n all -m -e 'type == "string"' s
	jq -r 'select(.base64) | .id + " " + .base64' "$OUT" |
		sed -n '1~200p' >"$BATS_TEST_TMPDIR/some"
	[ -s "$BATS_TEST_TMPDIR/some" ]
	local id base64
	while read -r id base64; do
		must_equal "$(base64 -d <<<"$base64" | od -An -tx1)" \
			"$(redis --raw xrange s "$id" "$id" | tail -n +3 |
				head -c -1 | od -An -tx1)"
	done <"$BATS_TEST_TMPDIR/some"
}
