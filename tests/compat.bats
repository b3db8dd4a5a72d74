# Two versions of a schema: evpub --compat.  What is proved is tested in
# tests/unit/test_schema_compat.c.

load helper

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	export EV_URL=unix:///nowhere
	echo '{"type":"object","required":["id"],"properties":{
		"id":{"type":"string"},"kind":{"enum":["a","b"]}}}' >old.json
	echo '{"type":"object","required":["id"],"properties":{
		"id":{"type":"string"},"kind":{"enum":["a","b","c"]},
		"new":true}}' >wider.json
	echo '{"pattern":"^[ab]{9}c$"}' >nine.json
	echo '{"pattern":"^(a|b){9}c$"}' >same.json
}

@test "a proof, a witness and neither have a status each" {
	must_exit 0 evpub --compat backward old.json wider.json
	must_print 'backward: compatible'
	must_exit 1 evpub --compat forward old.json wider.json
	[[ $output == 'forward: incompatible {'*'"kind":"c"'* ]]
	must_exit 3 evpub --compat backward nine.json same.json
	must_print 'backward: undecided'
}

@test "full asks both, and a no beats what is undecided" {
	must_exit 0 evpub --compat full old.json old.json
	must_print 'backward: compatible' 'forward: compatible'
	must_exit 1 evpub --compat full wider.json old.json
	must_equal "$(cut -d ' ' -f 1,2 <"$OUT")" 'backward: incompatible
forward: compatible'
	echo '{"type":"string","pattern":"^[ab]{9}c$"}' >narrow.json
	must_exit 1 evpub --compat full nine.json narrow.json
	must_equal "$(cut -d ' ' -f 1,2 <"$OUT")" 'backward: incompatible
forward: compatible'
}

@test "schemas that are none, and wrong words, are usage errors" {
	must_exit 2 evpub --compat both old.json wider.json
	must_say '--compat: "both" is none of backward, forward, full'
	must_exit 2 evpub --compat full old.json
	must_say '--compat takes two schema files'
	echo '{"type":7}' >bad.json
	must_exit 2 evpub --compat full old.json bad.json
	must_say 'bad.json: /type: '
	must_exit 2 evpub --compat full missing.json old.json
	must_say 'missing.json'
}

@test "what the versions refer to is found by --schema-map and --schema-dir" {
	mkdir -p shared catalog/thing
	echo '{"$defs":{"n":{"type":"integer"}}}' >shared/common.json
	cp shared/common.json catalog/
	echo '{"$ref":"https://x.example/common.json#/$defs/n"}' >mapped.json
	must_exit 2 evpub --compat full mapped.json mapped.json
	must_exit 0 evpub --compat full --schema-map https://x.example/=shared \
		mapped.json mapped.json
	echo '{"$ref":"../common.json#/$defs/n"}' >catalog/thing/1.json
	echo '{"type":["number","string"]}' >catalog/thing/2.json
	must_exit 2 evpub --compat backward catalog/thing/1.json \
		catalog/thing/2.json
	must_exit 0 evpub --compat backward --schema-dir catalog \
		catalog/thing/1.json catalog/thing/2.json
}
