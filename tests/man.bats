# What the manual pages show is what happens.
#
# An example is a literal display whose first line starts with "$ ".  Lines of
# "$ " are commands, those of ">" go on with the one above, all others are the
# output, of both descriptors, that the commands before them give.  In it …
# stands for anything within a line.  The examples of a page run in their order
# in one directory, on a server that is empty at first.

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
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return
}

# take_examples PAGE - write its examples as 1.command and 1.expected, and so on
take_examples()
{
	awk -v into="$BATS_TEST_TMPDIR/" '
	function plain(line)
	{
		gsub(/\\&/, "", line)
		gsub(/\\e/, "\\", line)
		return line
	}
	function finish()
	{
		close(into n ".command")
		close(into n ".expected")
	}
	/^\.Bd -literal/ { display = 1; first = 1; next }
	/^\.Ed/ { display = 0; next }
	!display { next }
	first { example = /^\$ /; first = 0 }
	!example { next }
	/^\$ / {
		if (n != 0)
			finish()
		n++
		printf "" >(into n ".expected")
		print plain(substr($0, 3)) >(into n ".command")
		next
	}
	/^>/ { print plain(substr($0, 3)) >(into n ".command"); next }
	{ print plain($0) >(into n ".expected") }' "$EV_TOP/man/$1"
}

# matches EXPECTED ACTUAL - whether the files agree but for what … stands for
matches()
{
	local want have pattern
	while IFS= read -r want <&4 || [ -n "$want" ]; do
		IFS= read -r have <&5 || return 1
		# Quoted, all but the … is literal.
		pattern=${want//[\\*?[]/\\&}
		# shellcheck disable=SC2053 # it is a pattern
		[[ $have == ${pattern//…/*} ]] || return 1
	done 4<"$1" 5<"$2"
	[ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ]
}

# run_examples PAGE LEAST - run them; there must be so many commands at least
run_examples()
{
	local n=1 page=$BATS_TEST_TMPDIR
	take_examples "$1"
	while [ -e "$page/$n.command" ]; do
		timeout -k 2 "$LIMIT" sh "$page/$n.command" \
			>"$page/actual" 2>&1 </dev/null 3>&- || {
			echo "status $? of example $n of $1:" >&2
			cat "$page/$n.command" "$page/actual" >&2
			return 1
		}
		if ! matches "$page/$n.expected" "$page/actual"; then
			echo "example $n of $1:" >&2
			cat "$page/$n.command" >&2
			diff "$page/$n.expected" "$page/actual" >&2
			return 1
		fi
		n=$((n + 1))
	done
	if [ "$n" -le "$2" ]; then
		echo "$1 has only $((n - 1)) examples" >&2
		return 1
	fi
}

@test "what ev(7) shows happens" {
	run_examples ev.7 18
}

@test "what evpub(1) shows happens" {
	run_examples evpub.1 12
}

@test "what evsub(1) shows happens" {
	run_examples evsub.1 9
}

@test "what evtail(1) shows happens" {
	run_examples evtail.1 12
}

@test "what evdlq(1) shows happens" {
	run_examples evdlq.1 15
}

@test "what evtrim(1) shows happens" {
	run_examples evtrim.1 15
}

@test "what evlag(1) shows happens" {
	run_examples evlag.1 10
}

@test "what evreplay(1) shows happens" {
	run_examples evreplay.1 16
}

@test "every example of every page is taken" {
	for page in "$EV_TOP"/man/*.[17]; do
		take_examples "${page##*/}"
		set -- "$BATS_TEST_TMPDIR"/*.command
		must_equal "$#" "$(grep -c '^\$ ' "$page")"
		rm "$@"
	done
}

@test "a wrong output is noticed" {
	printf '%s\n' '{"a":"…"}' '[1]*' >expected
	printf '%s\n' '{"a":"x"}' '[1]*' >actual
	matches expected actual
	for wrong in '{"a":"x"}\n1*' '{"b":"x"}\n[1]*' '{"a":"x"}' \
		'{"a":"x"}\n[1]*\nmore' '{"a":"x"}\n[1]x'; do
		# shellcheck disable=SC2059 # it is a format
		printf "$wrong\n" >actual
		! matches expected actual || return 1
	done
}

@test "exit statuses in ev(7) are those of the programs" {
	in_page=$(sed -n '/^\.Sh EXIT STATUS/,/^\.El/s/^\.It //p' \
		"$EV_TOP/man/ev.7" | tr '\n' ' ')
	in_header=$(sed -n 's/^	EXIT_[A-Z]* = \([0-9]*\).*/\1/p' \
		"$EV_TOP/common/diag.h" | tr '\n' ' ')
	[ -n "$in_header" ]
	must_equal "$in_page" "$in_header"
}

@test "variables in ev(7) are those that options name" {
	names=$(cat "$EV_TOP"/common/{opt,conn}.[ch] |
		sed -n 's/.*"\([A-Z_ ]*EV_[A-Z_ ]*\)".*/\1/p')
	[ -n "$names" ]
	for name in $names; do
		grep -q "^\.It Ev .*$name" "$EV_TOP/man/ev.7" || {
			echo "not in ev(7): $name" >&2
			return 1
		}
	done
}
