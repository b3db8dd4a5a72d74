# What the documents at the top of the tree say is so.

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
	cd "$EV_TOP" || return
	documents=(README.md INSTALL ARCHITECTURE.md CONTRIBUTING.md
		CHANGELOG.md)
}

# take_blocks FILE - write its blocks marked "sh runnable" to N.sh, and the
# block marked "text output" that follows one to N.expected
take_blocks()
{
	awk -v into="$BATS_TEST_TMPDIR/" '
	/^```sh runnable$/ { file = sprintf("%s%02d.sh", into, ++n); next }
	/^```text output$/ { file = sprintf("%s%02d.expected", into, n); next }
	/^```/ { file = ""; next }
	file != "" { print >file }' "$1"
}

@test "every runnable block of the README runs and prints what it shows" {
	take_blocks README.md
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work"
	count=0
	for block in ../[0-9]*.sh; do
		must_exit 0 sh -eu "$block"
		expected=${block%.sh}.expected
		[ ! -e "$expected" ] || diff "$expected" "$OUT" || {
			cat "$block" "$ERR"
			return 1
		}
		count=$((count + 1))
	done
	[ "$count" -ge 8 ]
}

@test "the README's table names every program" {
	for program in evpub evsub evtail evlag evtrim evdlq evreplay; do
		grep -q "^| \`$program\` | " README.md || {
			echo "$program: not in README.md" >&2
			return 1
		}
	done
}

@test "documents name make targets and files that exist" {
	targets=$(grep -ohE '(^    |`)([A-Z_]+=[^ ]* )*(sudo )?make [a-z-]+' \
		"${documents[@]}" | sed 's/.*make //' | sort -u)
	[[ $targets == *demo* && $targets == *install* ]]
	for target in $targets; do
		grep -q "^$target:" Makefile || {
			echo "no make target: $target" >&2
			return 1
		}
	done
	files=$(grep -ohE '\]\([A-Za-z][^):]*\)' "${documents[@]}" |
		sed 's/](\(.*\))/\1/' | sort -u)
	[[ $files == *LICENSE* ]]
	for file in $files; do
		[ -e "$file" ] || {
			echo "no file: $file" >&2
			return 1
		}
	done
}

# The packages that build and check need, of all managers.
packages()
{
	sed -n "/^table='/,/^'/p" tools/deps | awk '
	/^(mandoc|shellcheck|cppcheck|clang|clang-.*|fuzzer) / { next }
	NF > 3 && $1 != "#" {
		for (i = 2; i <= NF; i++) {
			gsub(/[|,]/, "\n", $i)
			print $i
		}
	}' | sort -u
}

@test "INSTALL names every package that tools/deps would install" {
	tr -s ' ()' '\n' <INSTALL | sort -u >"$BATS_TEST_TMPDIR/named"
	packages >"$BATS_TEST_TMPDIR/needed"
	grep -qx libjq-dev "$BATS_TEST_TMPDIR/needed"
	must_equal "$(comm -13 "$BATS_TEST_TMPDIR/named" \
		"$BATS_TEST_TMPDIR/needed")" ''
}

# layer_of MODULE - by tests/lint/layers
layer_of()
{
	awk -v module="$1" '
	/^layers=/ { inside = 1; next }
	/^'\''/ { inside = 0 }
	inside {
		for (i = 2; i <= NF; i++)
			if ($i == module)
				print $1
	}' tests/lint/layers
}

@test "ARCHITECTURE.md shows the layers that lint checks" {
	for file in common/*.h; do
		module=${file#common/}
		module=${module%%[._]*}
		layer=$(layer_of "$module")
		grep "^| L$layer " ARCHITECTURE.md | tr ' ' '\n' |
			grep -qx "$module" || {
			echo "$module is not in layer $layer there" >&2
			return 1
		}
	done
}

@test "CONTRIBUTING.md shows the letters that options may have" {
	diff <(sed -n '/letters\[\] = {/,/^};/s/^\t{ .\(.\)., { \(.*\) } },$/\1 \2/p' \
		common/opt_names.c | tr -d '",' | tr ' ' '\n' | sort) \
		<(sed -n 's/^| `-\(.\)` | \(.*\) | .*/\1 \2/p' CONTRIBUTING.md |
			tr -d '`,' | sed 's/--//g' | tr ' ' '\n' | sort)
}
