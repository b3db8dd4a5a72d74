load helper

setup()
{
	cd "$EV_TOP" || return 1
	export BUILD=$BATS_TEST_TMPDIR/build TALLY=$BATS_TEST_TMPDIR/tally
}

# tallied STATUS COUNTS LINE... - tally's verdict on a part that prints these
tallied()
{
	local expected=$1 counts=$2
	shift 2
	must_exit "$expected" tools/tally part printf '%s\n' "$@"
	must_equal "$(tail -n 1 "$TALLY")" "part $counts"
}

@test "tally counts what passed, failed and was skipped" {
	tallied 0 '2 0 1' 'ok 1 - a' 'ok 2 - b' 'ok 3 - c # skip no c here'
	must_print 'part: 2 passed, 0 failed, 1 skipped'
	tallied 1 '1 1 0' 'ok 1 - a' 'not ok 2 - b'
	tallied 0 '1 0 1' '1..2' 'ok 1 - a' 'not ok 2 # SKIP c'
	tallied 1 '5 2 3' '4 passed, 2 failed, 3 skipped' 'ok - a'
}

@test "tally shows failures with what belongs to them, and nothing else" {
	tallied 1 '2 1 0' 'ok 1' '# fine' 'not ok 2' '# because' 'ok 3' '# fine'
	must_equal "${lines[0]}|${lines[1]}|${lines[2]}" \
		'not ok 2|# because|part: 2 passed, 1 failed, 0 skipped'
}

@test "tally fails a part that ends before its plan" {
	tallied 1 '1 1 0' '1..2' 'ok 1'
}

@test "tally fails a part that tested nothing" {
	tallied 1 '0 1 0' 'hello'
}

@test "tally fails a part that fails without a failed test" {
	must_exit 1 tools/tally part sh -c 'echo ok 1; kill -SEGV $$'
	must_equal "$(tail -n 1 "$TALLY")" 'part 1 1 0'
}

# embedded FILE - what a C program sees of the file
embedded()
{
	local name=${1##*/} kind=${1##*.}
	name=${name%.*}
	tools/embed "$kind" "$1" >"$BATS_TEST_TMPDIR/embedded.h" || return
	printf '#include "embedded.h"\n#include <stdio.h>\n%s\n' \
		"int main(void) { return fputs(${kind}_${name//-/_}, stdout) < 0; }" \
		>"$BATS_TEST_TMPDIR/main.c"
	${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror \
		-o "$BATS_TEST_TMPDIR/main" "$BATS_TEST_TMPDIR/main.c" &&
		"$BATS_TEST_TMPDIR/main"
}

@test "embedded scripts lose their comment lines and nothing else" {
	cat >"$BATS_TEST_TMPDIR/one.lua" <<-'END'
	-- head
	local s = "\n\\\"??=" -- a trailing comment

	  -- indented
		return s .. 'x' .. "%d%s"
	END
	embedded "$BATS_TEST_TMPDIR/one.lua" >"$BATS_TEST_TMPDIR/seen"
	grep -v '^[[:blank:]]*--' "$BATS_TEST_TMPDIR/one.lua" | grep . |
		diff - "$BATS_TEST_TMPDIR/seen"
}

@test "embedded scripts may be longer than a C string must be" {
	for i in {1..400}; do
		echo "local name_$i = 'some text that takes space'"
	done >"$BATS_TEST_TMPDIR/long.lua"
	embedded "$BATS_TEST_TMPDIR/long.lua" | diff - "$BATS_TEST_TMPDIR/long.lua"
}

@test "embedded JSON stays as it is" {
	cat >"$BATS_TEST_TMPDIR/one-schema.json" <<-'END'
	{"pattern":"^\\u0041\"??=--$",

	-- not a comment here
	"$defs":{}}
	END
	embedded "$BATS_TEST_TMPDIR/one-schema.json" |
		diff "$BATS_TEST_TMPDIR/one-schema.json" -
}

@test "a file whose name is no identifier is not embedded" {
	echo '{}' >"$BATS_TEST_TMPDIR/7.json"
	must_exit 1 tools/embed json "$BATS_TEST_TMPDIR/7.json"
	must_say 'the name of a file must be a C identifier'
}

@test "a block comment in a script is refused" {
	printf '%s\n' '--[[ a' 'b ]]' >"$BATS_TEST_TMPDIR/block.lua"
	must_exit 1 tools/embed lua "$BATS_TEST_TMPDIR/block.lua"
	must_say 'block.lua:1: block comments'
}

@test "deps says what to install when nothing is there" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in sh sed awk sort tr uname id head grep; do
		ln -s "$(command -v $tool)" "$BATS_TEST_TMPDIR/bin/$tool"
	done
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/bin/dnf"
	chmod +x "$BATS_TEST_TMPDIR/bin/dnf"
	[ "$(uname -s)" = Linux ] || skip 'the hint is for brew'
	must_exit 1 env PATH="$BATS_TEST_TMPDIR/bin" CC=cc \
		tools/deps --hint build check
	must_say 'dnf install -y' hiredis-devel libcmocka-devel jq-devel
}

@test "deps is silent when all is there" {
	must_exit 0 tools/deps --hint build check
	must_equal "$output$stderr" ''
}
