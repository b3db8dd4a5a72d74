# Envelopes of the config file: [envelope NAME].

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
	export EV_CONFIG=$BATS_TEST_TMPDIR/config
	cat >"$EV_CONFIG" <<-'END'
		[envelope acme]
		match = /head/kind /sent
		id = /head/key
		type = /head/kind
		time = /sent
		correlation = /head/trace/root
		priority = /head/urgency
		[envelope plain]
		id = /a~1b
		type = /what
	END
}

# event KEY KIND [MEMBER...] - an event of acme; the members are its head's
event()
{
	printf '{"head":{"key":"%s","kind":"%s"' "$1" "$2"
	shift 2
	printf '%s' "${@/#/,}"
	printf '},"sent":"2026-11-20T21:17:06Z"}\n'
}

# must_refuse TEXT - the config is refused, by each program that reads events
must_refuse()
{
	local command
	for command in 'evpub s {}' 'evtail s' 'evsub -g g -E s' 'evdlq s'; do
		# shellcheck disable=SC2086 # words
		must_exit 2 $command
		must_say "${command%% *}: $EV_CONFIG$1"
	done
}

@test "what is recognised is checked" {
	must_exit 3 evpub s "$(event 1 a)" "$(event '' a)" \
		'{"head":{"kind":"b"},"sent":"2026-11-20T21:17:06Z"}' \
		'{"head":{"kind":"b","key":"5"},"sent":"today"}' \
		'{"head":{"kind":"b","key":7},"sent":"2026-11-20T21:17:06Z"}' \
		'{"head":{"kind":"b"}}' \
		'{"head":{"kind":"b","kind":"c","key":"1"},"sent":"x"}' \
		'{"a/b":"","what":"w"}'
	must_say 'argument 2: head/key: "" is empty' \
		'argument 3: head/key: missing' \
		'argument 4: sent: "today" is not an RFC 3339 date-time' \
		'argument 5: head/key: 7 is not a string' \
		'argument 7: kind: given twice' \
		'argument 8: a/b: "" is empty'
	must_equal "$(evtail -n all s | wc -l)" 2
}

@test "--envelope demands it, and --fill fills it" {
	must_exit 3 evpub --envelope acme s '{"specversion":"1.0"}'
	must_say 'argument 1: head/key: missing'
	must_exit 2 evpub --envelope other s '{}'
	must_say '--envelope: no profile "other"'
	must_exit 0 evpub --fill -T s \
		'{"sent":"2026-11-20T21:17:06Z","head":{"kind":"k"}}'
	must_equal "$(jq -r '.head.key | length' <"$OUT")" 36
}

@test "duplicates are known by its id, priorities by its priority" {
	must_exit 0 evpub --dedup 1m -i s "$(event 1 a)" "$(event 1 b)"
	must_equal "${lines[0]}" "${lines[1]}"
	must_equal "$(redis exists '{s}:seen:1')" 1
	must_exit 0 evpub --priority s "$(event 2 a '"urgency":"high"')"
	must_equal "$(redis xlen '{s}:high')" 1
}

@test "types and correlations are filtered by, and routed by" {
	evpub s "$(event 1 game.on)" "$(event 2 order '"trace":{"root":"1"}')" \
		'{"a/b":"3","what":"game.off"}' "$(event 4 order)"
	must_exit 0 evtail -t 'game.*' -j '.head.key // ."a/b"' s
	must_print '"1"' '"3"'
	must_exit 0 evtail --correlation 1 -j .head.key s
	must_print '"1"' '"2"'
	must_exit 0 evsub -g g -t order -E -j .head.key s
	must_print '"2"' '"4"'
	printf '[routes]\norder = o\n' >>"$EV_CONFIG"
	must_exit 0 evpub --route "$(event 5 order)"
	must_equal "$(redis xlen o)" 1
}

@test "commands get its roles, and dead letters keep them" {
	# shellcheck disable=SC2016 # expanded by that shell
	evpub s "$(event 1 a '"trace":{"root":"r"}')"
	# shellcheck disable=SC2016 # expanded by that shell
	must_exit 0 evsub -q -g g -E --attempts 1 s -- \
		sh -c 'echo "$EV_ID $EV_TYPE $EV_CORRELATION"; exit 1'
	must_print '1 a r'
	must_exit 0 evdlq -t a s
	must_equal "$(jq -c '[.dead.event_id, .dead.type]' <"$OUT")" '["1","a"]'
}

@test "the file's envelopes are tried in its order, before the built-in ones" {
	cat >"$EV_CONFIG" <<-'END'
		[envelope first]
		match = /specversion /mine
		type = /mine
		[envelope second]
		match = /specversion
		type = /other
	END
	evpub s '{"specversion":"1.0","mine":"m","other":"o"}' \
		'{"specversion":"1.0","other":"o"}' \
		'{"event_id":"1","event_type":"d"}'
	must_exit 0 evtail -n all -t m -t d -j '.mine // .event_type' s
	must_print '"m"' '"d"'
	must_exit 0 evtail -t o -j .other s
	must_print '"o"'
}

@test "what is wrong in the file is said with its line" {
	local text said
	while IFS='|' read -r text said; do
		printf %b "$text" >"$EV_CONFIG"
		must_refuse "$said"
	done <<-'END'
		[envelope a]\nid = id\n|:2: id: not a JSON Pointer as /a/b
		[envelope a]\nid = /i\ntype = /a~2\n|:3: type: not a JSON Pointer as /a/b
		[envelope a]\nid = /1/2/3/4/5/6/7/8/9\n|:2: id: more than 8 names deep
		[envelope a]\nmatch = /a b\n|:2: match: not a JSON Pointer as /a/b
		[envelope a]\nmatch =\n|:2: match: no JSON Pointer
		[envelope a]\nmatch = /1 /2 /3 /4 /5 /6 /7 /8 /9\n|:2: match: more than 8 pointers
		[envelope a]\ncolour = /c\n|:2: colour: neither match nor a role
		[envelope a]\nid = /i\n|: [envelope a]: needs match, or both id and type
		[envelope a]\n|: [envelope a]: needs match, or both id and type
		[envelope]\nid = /i\n|: [envelope]: an envelope has a name
		[envelope A b]\nid = /i\n|: [envelope A b]: a name is of a-z 0-9 - and _
		[envelope none]\nid = /i\n|: [envelope none]: this name means something else
		[envelope domain]\nid = /i\n|: [envelope domain]: there is an envelope of this name
		[envelope a]\nmatch = /i\n[envelope  a]\nmatch = /i\n|: [envelope  a]: there is an envelope of this name
	END
}

@test "a section may come again, and the last line of a name counts" {
	cat >"$EV_CONFIG" <<-'END'
		[envelope a]
		id = /x
		match = /n
		[routes]
		a = b
		[envelope a]
		id = /i
		type = /t
		match = /i
	END
	must_exit 3 evpub s '{"i":"1","t":"u"}' '{"i":""}' '{"n":"1"}'
	must_say 'argument 2: i: "" is empty'
	must_exit 0 evtail -n all -t u s
	must_print '{"i":"1","t":"u"}'
}

@test "an envelope is not a profile of settings" {
	must_exit 2 evtail --profile 'envelope acme' s
	must_say '[envelope acme] is not a profile'
}
