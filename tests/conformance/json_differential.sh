#!/bin/sh
# json_differential.sh BUILD_DIR [SEED [COUNT]] - compare our reading with jq's
#
# Each of COUNT random documents is rewritten by our scanner, and jq must read
# the rewritten one as it reads the first.  The last line is "N passed, N
# failed, N skipped".
set -u

if [ $# -lt 1 ]; then
	echo "usage: json_differential.sh BUILD_DIR [SEED [COUNT]]" >&2
	exit 2
fi
program=$1/conformance/json_differential
seed=${2:-1}
count=${3:-5000}

if ! command -v jq >/dev/null; then
	echo "json_differential.sh: jq is not installed" >&2
	echo "0 passed, 0 failed, $count skipped"
	exit 0
fi
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 2' HUP INT TERM

"$program" make "$seed" "$count" >"$dir/made" &&
	"$program" read <"$dir/made" >"$dir/read"
status=$?
jq -cS . <"$dir/made" >"$dir/made.jq" || status=1
jq -cS . <"$dir/read" >"$dir/read.jq" || status=1
lines=$(wc -l <"$dir/made.jq")
failed=$(paste -d '\n' "$dir/made.jq" "$dir/read.jq" | awk '
	NR % 2 { made = $0; next }
	made "" != $0 "" { n++; if (n <= 5) print made "\n" $0 >"/dev/stderr" }
	END { print n + 0 }')
[ "$lines" -eq "$count" ] || failed=$((failed + count - lines))
[ "$status" -eq 0 ] || [ "$failed" -ne 0 ] || failed=1
echo "$((count - failed)) passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
