# Events are checked by JSON Schema, where they come in and where they go out.

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
	mkdir -p "$BATS_TEST_TMPDIR/work/d"
	cd "$BATS_TEST_TMPDIR/work" || return
	cat >d/scored.json <<-'END'
		{"type":"object","required":["game"],
		 "properties":{"game":{"type":"integer"},
		 "score":{"type":"number","minimum":0,"maximum":1},
		 "at":{"format":"date-time"}}}
	END
}

# scored DATA... - a CloudEvent with each data
scored()
{
	local data
	for data; do
		printf '{"specversion":"1.0","id":"1","source":"/s","type":"scored","data":%s}\n' \
			"$data"
	done
}

good='{"game":1,"score":0.5}'
bad='{"game":"x","score":1.7}'

# Publishing

@test "what breaks its schema is refused with its line, the rest is stored" {
	scored "$good" "$bad" "$good" >in
	must_exit 3 sh -c 'exec evpub --schema-dir d s <in'
	must_equal "$stderr" 'evpub: <stdin>:2: /data/game: "x" is not of type integer'
	must_equal "$(redis xlen s)" 2
}

@test "-v tells all that is wrong, arguments by their number" {
	must_exit 3 evpub -v --dry-run --schema-dir d s "$(scored "$good")" "$(scored "$bad")"
	must_equal "$stderr" 'evpub: argument 2: /data/game: "x" is not of type integer
evpub: argument 2: /data/score: 1.7 is greater than the maximum 1'
}

@test "--dry-run checks schemas without a server" {
	scored "$bad" >in
	must_exit 3 env EV_URL=unix:///nowhere sh -c 'exec evpub --dry-run --schema-dir d s <in'
	must_say '<stdin>:1: /data/game'
}

@test "--schema is one file for all events, whatever their type" {
	must_exit 3 evpub --schema d/scored.json s '{"game":1}' '{"a":1}'
	must_equal "$stderr" 'evpub: argument 2: "game" is missing'
	must_exit 3 evpub --schema d/scored.json --envelope none s "$(scored "$bad")"
	must_say '/data/game'
	must_exit 3 evpub --schema d/scored.json -t other s "$bad"
	must_say '/data/game'
	must_equal "$(redis xlen s)" 1
}

@test "--rejects carries all failures as JSON" {
	scored "$bad" '{' >in
	must_exit 3 sh -c 'exec evpub --schema-dir d --rejects rejects s <in'
	must_equal "$(jq -c 'select(.line == 1) | .schema[] | [.path, .keyword, .what]' rejects)" \
		'["/data/game","type","\"x\" is not of type integer"]
["/data/score","maximum","1.7 is greater than the maximum 1"]'
	must_equal "$(jq -r 'select(.line == 1) | .schema[1].where' rejects)" \
		d/scored.json#/properties/score/maximum
	must_equal "$(jq -c 'select(.line == 2) | has("schema")' rejects)" false
	must_equal "$(jq -r 'select(.line == 1).text' rejects)" "$(scored "$bad")"
}

@test "--atomic stores nothing of a transaction with a wrong event" {
	scored "$good" "$bad" >in
	must_exit 3 sh -c 'exec evpub -v --atomic 2 --schema-dir d --rejects rejects s <in'
	must_equal "$(redis exists s)" 0
	# The good event has company, but is not at fault.
	must_equal "$(jq -c '[.line, has("schema")]' rejects | sort | xargs)" \
		'[1,false] [2,true]'
}

@test "an event without a schema passes, but not with --schema-required" {
	must_exit 0 evpub --schema-dir d s '{"a":1}'
	must_exit 0 evpub --schema-dir d -t other s '{"a":1}'
	must_exit 3 evpub --schema-dir d --schema-required s '{"a":1}'
	must_say 'argument 1: no schema: the event has no type'
	must_exit 3 evpub --schema-dir d --schema-required -t other s '{"a":1}'
	must_say 'argument 1: no schema for the type "other"'
	must_equal "$(redis xlen s)" 2
}

@test "format is checked only with --assert-format" {
	must_exit 0 evpub --schema-dir d -t scored s '{"game":1,"at":"noon"}'
	must_exit 3 evpub --schema-dir d --assert-format -t scored s '{"game":1,"at":"noon"}'
	must_say '/data/at'
}

@test "absent data is checked as null" {
	must_exit 3 evpub --schema-dir d s '{"event_id":"1","event_type":"scored"}'
	must_equal "$stderr" 'evpub: argument 1: /data: missing'
	echo '{"type":["object","null"]}' >d/scored.json
	must_exit 0 evpub --schema-dir d s '{"event_id":"1","event_type":"scored"}'
}

@test "types lead out of no directory" {
	mkdir d/sub
	echo false >outside.json
	echo false >d/sub/x.json
	echo false >d/.x.json
	for type in ../outside "$PWD/outside" sub/x .x . ..; do
		must_exit 0 evpub --schema-dir d -t "$type" s '{}'
		must_exit 3 evpub --schema-required --schema-dir d -t "$type" s '{}'
		must_say "no schema for the type \"$type\""
	done
}

@test "a version has a schema of its own" {
	mkdir d/scored
	echo '{"required":["v2"]}' >d/scored/2.json
	must_exit 3 evpub --schema-dir d -t scored --ext version=2 s "$good"
	must_say '/data: "v2" is missing'
	must_exit 0 evpub --schema-dir d -t scored --ext version=1 s "$good"
}

@test "dataschema and \$schema are files by --schema-map and the config file" {
	mkdir other
	echo '{"required":["mapped"]}' >other/x.json
	event='{"specversion":"1.0","id":"1","source":"/s","type":"scored","dataschema":"https://s.example/x.json","data":{"game":1}}'
	must_exit 0 evpub --schema-dir d s "$event"
	must_exit 3 evpub --schema-dir d --schema-map https://s.example/=other s "$event"
	must_say '/data: "mapped" is missing'
	must_exit 3 evpub --schema-dir d --schema-map https://s.example/=other s \
		'{"$schema":"https://s.example/x.json"}'
	must_equal "$stderr" 'evpub: argument 1: "mapped" is missing'
	printf '%s\n' "schema-dir = $PWD/d" '[schemas]' "https://s.example/ = $PWD/other" >config
	must_exit 3 env EV_CONFIG="$PWD/config" evpub s "$event"
	must_say '/data: "mapped" is missing'
	# The setting means nothing to evlag, which takes it without a word.
	must_exit 0 env EV_CONFIG="$PWD/config" evlag --dump-config
}

@test "what is wrong with options and schema files is told at the start" {
	must_exit 2 evpub --schema-required s '{}'
	must_say '--schema-required needs --schema or --schema-dir'
	must_exit 2 evpub --schema none.json s '{}'
	must_equal "$stderr" 'evpub: none.json: No such file or directory'
	must_exit 2 evpub --schema-dir none s '{}'
	must_say '--schema-dir: none: No such file'
	must_exit 2 evpub --schema-dir d --schema-map x s '{}'
	must_say '--schema-map: "x" is not PREFIX=DIR'
	must_exit 2 evpub --schema-dir d --schema-map x=none s '{}'
	must_say '--schema-map: none: No such file'
	echo '{"properties":{"a":{"type":7}}}' >broken.json
	must_exit 2 evpub --schema broken.json s '{}'
	must_say 'evpub: broken.json: /properties/a/type: '
	must_exit 2 evtail --invalid s
	must_say '--invalid needs --schema-dir'
	must_exit 2 evsub --schema-dir none -g g s
	must_say '--schema-dir: none: No such file'
	must_equal "$(redis exists s)" 0
}

@test "a broken schema in a directory refuses the events of its type alone" {
	echo '{"pattern":"("}' >d/broken.json
	must_exit 3 evpub --schema-dir d -t broken s 1 2
	must_say 'argument 1: d/broken.json: /pattern: ' 'argument 2: d/broken.json: /pattern: '
	must_equal "$(grep -c '^evpub: d/broken.json' "$ERR")" 1
	must_exit 0 evpub --schema-dir d -t scored s "$good"
}

@test "a misspelt keyword gives a warning" {
	echo '{"requierd":["a"]}' >d/scored.json
	must_exit 0 evpub --schema-dir d -t scored s "$good"
	must_say requierd
}

@test "evpub takes up a schema that changes while it runs" {
	mkfifo pipe
	exec 4<>pipe
	START_STDIN=pipe start pub evpub -i --schema-dir d -t scored s 4>&-
	echo "$good" >&4
	wait_until 10 has_lines "$(out pub)" 1
	echo '{"required":["new"]}' >new && mv new d/scored.json
	refused()
	{
		echo "$good" >&4
		grep -q '/data: "new" is missing' "$(err pub)"
	}
	wait_until 10 refused
	# What is no schema changes nothing.
	echo '{' >new && mv new d/scored.json
	warned()
	{
		echo "$good" >&4
		grep -q 'the version before it stays' "$(err pub)"
	}
	wait_until 10 warned
	stored=$(redis xlen s)
	echo "$good" >&4
	exec 4>&-
	finish "$pid" 3
	must_equal "$(redis xlen s)" "$stored"
}

# Consuming

# dead [FIELD] - that field of the dead letters
dead()
{
	redis --json xrange '{s}:dlq' - + |
		jq -r --arg f "${1:-dead}" '.[][1] | .[index($f) + 1]'
}

publish_mixed()
{
	scored "$good" "$bad" '{"game":3}' >in
	must_exit 0 sh -c 'exec evpub s <in'
}

must_be_dead()
{
	must_equal "$(dead | jq -c '[.reason, .class, .error]')" \
		'["invalid","schema","/data/game: \"x\" is not of type integer"]'
	must_equal "$(dead data)" "$(scored "$bad")"
	must_equal "$(redis xpending s g | head -n 1)" 0
}

@test "evsub prints what keeps to its schema, the rest is dead" {
	publish_mixed
	must_exit 3 evsub -E -g g --schema-dir d -j .data.game s
	must_print 1 3
	must_say 'is dead (invalid): schema: /data/game'
	must_be_dead
}

@test "a command gets what keeps to its schema, the rest is dead" {
	publish_mixed
	must_exit 0 evsub -E -g g --schema-dir d s -- sh -c 'jq -c .data.game'
	must_print 1 3
	must_be_dead
}

@test "a coprocess gets what keeps to its schema, the rest is dead" {
	publish_mixed
	must_exit 0 evsub -E -g g --coprocess --schema-dir d s -- \
		jq -c --unbuffered '{id, ok: true}'
	must_be_dead
}

@test "what filters pass over is not checked" {
	publish_mixed
	must_exit 0 evsub -E -g g --schema-dir d -e '.data.game != "x"' -j .data.game s
	must_print 1 3
	must_equal "$(redis exists '{s}:dlq')" 0
}

@test "what is no event has no schema" {
	redis xadd s 1-0 data text >/dev/null
	redis xadd s 2-0 a 1 b 2 >/dev/null
	must_exit 0 evsub -E -g g --schema-dir d -j . s
	must_print '"text"' '{"a":"1","b":"2"}'
	must_exit 0 evtail --schema-dir d --invalid -n all s
	must_equal "$output" ''
}

# Looking

@test "evtail --invalid prints what breaks its schema" {
	publish_mixed
	must_exit 0 evtail --schema-dir d --invalid -n all s
	must_print "$(scored "$bad")"
	must_equal "$stderr" ''
	must_exit 0 evtail -v --schema-dir d --invalid -j .data.game -n all s
	must_print '"x"'
	must_say ': /data/game: "x" is not of type integer'
	must_exit 0 evtail --schema-dir d --invalid --stats --format ndjson s
	must_equal "$(jq -s 'map(.count // .events // 0) | max' "$OUT")" 1
}

@test "its records tell how it is broken, before the event" {
	publish_mixed
	must_exit 0 evtail -m --schema-dir d --invalid -n all s
	must_equal "$(jq -c '.invalid | map([.path, .keyword])' "$OUT")" \
		'[["/data/game","type"],["/data/score","maximum"]]'
	must_equal "$(jq -r 'keys_unsorted | join(" ")' "$OUT")" \
		'stream id time invalid event'
	must_exit 0 evtail -m --schema-dir d --invalid -j .data.game -n all s
	must_equal "$(jq -c '[.event, (.invalid | length)]' "$OUT")" '["x",2]'
	# They can be mended and published.
	evtail -m --schema-dir d --invalid -n all s |
		jq -c '.event.data = {game: 2}' >mended
	must_exit 0 sh -c 'exec evpub --records --schema-dir d s <mended'
}

@test "a schema that can't be used is no break: evtail says so, status 3" {
	publish_mixed
	echo '{' >d/scored.json
	must_exit 3 evtail --schema-dir d --invalid -n all s
	must_equal "$output" ''
	must_say 'schema: d/scored.json: '
}

@test "without --invalid evtail needs no schemas" {
	publish_mixed
	must_exit 0 evtail --schema-dir none -j .data.game s
	must_print 1 '"x"' 3
}
