# Envelopes converted into each other: evpub --to, evtail --to.

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

CLOUDEVENT='{"specversion":"1.0","id":"1","source":"/s","type":"t",'
DOMAIN='{"event_id":"1","event_type":"t"'

@test "a CloudEvent becomes a domain event, its data byte for byte" {
	must_exit 0 evpub -T --to domain s "$CLOUDEVENT"'"subject":"u",
"time":"2026-11-20T21:17:06Z","data":{ "a" : 1.0e2 },"sequence":7,
"correlationid":"c","causationid":"a","version":"v","priority":"high",
"user":"me","traceparent":"p","datacontenttype":"application/json"}'
	must_print '{"event_id":"1","event_type":"t","aggregate_id":"u","timestamp":"2026-11-20T21:17:06Z","aggregate_version":7,"metadata":{"specversion":"1.0","source":"/s","correlation_id":"c","causation_id":"a","version":"v","priority":"high","user_id":"me","traceparent":"p","datacontenttype":"application/json"},"data":{ "a" : 1.0e2 }}'
	must_exit 0 evtail s
	cmp "$OUT" <(redis --raw xrange s - + | tail -1)
}

@test "a domain event becomes a CloudEvent; what has no place, an extension" {
	must_exit 0 evpub -T --to cloudevents s "$DOMAIN"',"aggregate_id":"u",
"aggregate_type":"game","aggregate_version":9007199254740993,
"timestamp":"2026-11-20T21:17:06Z","metadata":{"source":"/s","user_id":"me",
"tenant-id":5,"tenant_id":true,"Tags":["a", "é"],"retry":1.5,"type":"x",
"text":"a\nb","none":null},"data":[1, 2]}'
	must_print '{"specversion":"1.0","id":"1","type":"t","subject":"u","aggregatetype":"game","aggregateversion":"9007199254740993","time":"2026-11-20T21:17:06Z","source":"/s","user":"me","tenantid":5,"tenantid2":true,"tags":"[\"a\", \"\\u00e9\"]","retry":"1.5","type2":"x","text":"\"a\\nb\"","none":null,"data":[1, 2]}'
	must_exit 0 evpub --envelope cloudevents s "$output"
}

@test "values that no attribute of CloudEvents may have become extensions" {
	must_exit 0 evpub -T --to cloudevents s "$DOMAIN"',"timestamp":17,
"aggregate_id":"","metadata":{"source":"not a URI","specversion":"7",
"dataschema":"relative"}}'
	must_print '{"specversion":"1.0","id":"1","type":"t","timestamp":17,"aggregateid":"","source2":"not a URI","specversion2":"7","dataschema2":"relative","source":"urn:envelope:domain"}'
	must_exit 0 evpub -T --to cloudevents s "$DOMAIN"',"metadata":"m"}'
	must_print '{"specversion":"1.0","id":"1","type":"t","metadata":"m","source":"urn:envelope:domain"}'
}

@test "what is of that envelope stays, byte for byte" {
	must_exit 0 evpub -T --to cloudevents s "$CLOUDEVENT"'  "data" : 1}'
	must_print "$CLOUDEVENT"'  "data" : 1}'
	must_exit 0 evpub -T --to domain s "$DOMAIN }"
	must_print "$DOMAIN }"
}

@test "what can't be converted is refused with the reason" {
	EV_CONFIG=$BATS_TEST_TMPDIR/config
	printf '[envelope own]\nmatch = /own\n' >"$EV_CONFIG"
	must_exit 3 evpub --to cloudevents s '{"a":1}' '{"own":"1"}' "$DOMAIN}" \
		'{"event_id":"\n","event_type":"t"}'
	must_say 'argument 1: no envelope to convert' \
		"argument 2: the envelope own can't be converted" \
		'argument 4: no CloudEvent: id: '
	must_equal "$(redis xlen s)" 1
	must_exit 2 evpub --to other s '{}'
	must_say '--to: "other" is neither cloudevents nor domain'
	must_exit 2 evtail --to other s
	must_say '--to: "other" is neither cloudevents nor domain'
	must_exit 2 evtail --stats --to domain s
	must_say '--stats'
}

@test "more extensions than can be named are refused" {
	for n in 1000 1001; do
		seq "$n" | awk -v head="$DOMAIN" '
			{ all = all sprintf(",\"a_%d\":1", $1) }
			END { print head all "}" }'
	done >"$BATS_TEST_TMPDIR/in"
	must_exit 3 sh -c 'evpub --to cloudevents s <"$1"' - \
		"$BATS_TEST_TMPDIR/in"
	must_say '<stdin>:2: more than 1000 members have no place'
	must_equal "$(redis xlen s)" 1
}

@test "wrapped and unchecked events are converted, and routed by what they were" {
	must_exit 0 evpub -T -t a.b --source /s --to domain s '{"x":1}'
	must_equal "$(jq -c '[.event_type, .data]' <"$OUT")" '["a.b",{"x":1}]'
	must_exit 0 evpub -T --envelope none --to domain s "$CLOUDEVENT"'"A":1}'
	must_print '{"event_id":"1","event_type":"t","metadata":{"specversion":"1.0","source":"/s","A":1}}'
}

@test "evtail converts what it prints, and filters what is stored" {
	evpub s "$CLOUDEVENT"'"data":5}' '{"bare":1}' "$DOMAIN"',"data":6}'
	must_exit 3 evtail --to domain -j .event_type s
	must_print '"t"' '"t"'
	must_say "evtail: s: " ": no envelope to convert"
	must_exit 0 evtail --to domain -e .specversion -m s
	must_equal "$(jq -c '.event | [.event_id, .data]' <"$OUT")" '["1",5]'
	must_exit 0 evtail --to cloudevents -t t s
	must_equal "$(jq -c '[.specversion, .id, .data]' <"$OUT")" \
		'["1.0","1",5]
["1.0","1",6]'
	redis xadd s '*' data 'no JSON' >/dev/null
	must_exit 3 evtail -n 1 --to domain s
	must_say 'no envelope to convert'
}

# Attributes of every kind of value; some as null, in any order.
generate()
{
	jq -nc --argjson n "$1" '
	def pick($i; $of): $of[$i % ($of | length)];
	def text($i): pick($i; ["", "a", "é\u3042\ud83c\udf0d", "a\"\\/b",
		"1", "true", "{\"a\":1}", "urn:x"]);
	def value($i): pick($i; [text($i / 7 | floor), $i, -$i, true, false,
		null, text($i / 3 | floor)]);
	def name($i): pick($i; ["source2", "metadata", "domain", "x", "eventid",
		"aggregateid", "time2", "retry", "a1", "databases", "sequence",
		"version", "priority", "user", "correlationid", "causationid",
		"traceparent", "partitionkey", "key", "timestamp"]);
	range($n) | . as $i |
	[ {specversion: "1.0"}, {id: "i\($i)"}, {type: "t"}, {source: "/s"},
	  (if $i % 2 == 0 then {time: "2026-11-20T21:17:06Z"} else {} end),
	  (if $i % 3 == 0 then {subject: "é\"\($i)"}
	   elif $i % 7 == 0 then {subject: null} else {} end),
	  (if $i % 5 == 0 then {dataschema: "http://a/b"} else {} end),
	  (if $i % 11 == 0 then {datacontenttype: "text/plain"} else {} end),
	  (if $i % 4 == 0 then {data: value($i)}
	   elif $i % 4 == 1 then {data: {a: [value($i)], metadata: {id: 1}}}
	   elif $i % 4 == 2 then {data_base64: "YQ=="} else {} end),
	  (range($i % 6) | {(name($i * 7 + . * 13)): value($i * 5 + .)}) ] |
	(.[$i % length:] + .[:$i % length]) | add'
}

@test "a CloudEvent that was a domain event for a while is equal to itself" {
	generate 2000 >"$BATS_TEST_TMPDIR/in"
	must_exit 0 sh -c 'evpub --to domain s <"$1"' - "$BATS_TEST_TMPDIR/in"
	must_equal "$(redis xlen s)" 2000
	evtail -n all -e 'has("specversion")' s >"$BATS_TEST_TMPDIR/none"
	must_equal "$(wc -c <"$BATS_TEST_TMPDIR/none")" 0
	must_exit 0 evtail -n all --to cloudevents s
	cmp <(jq -cS . "$BATS_TEST_TMPDIR/in") <(jq -cS . "$OUT")
}
