#!/bin/sh
# schema_differential.sh BUILD_DIR [SEED [COUNT]] - compare our verdicts with
# those of python3-jsonschema
#
# COUNT pairs of a random schema and a random value; schema_pairs.py says what
# is left out.  The last line is "N passed, N failed, N skipped".
set -u

if [ $# -lt 1 ]; then
	echo "usage: schema_differential.sh BUILD_DIR [SEED [COUNT]]" >&2
	exit 2
fi
program=$1/conformance/schema_verdicts
seed=${2:-1}
count=${3:-4000}
name="schemas: the verdicts of python3-jsonschema"

dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 2' HUP INT TERM

# The first python3 may not be the one that has the package.
status=77
for python in python3 /usr/bin/python3; do
	if [ $status -ne 77 ] || ! command -v $python >/dev/null; then
		continue
	fi
	$python -W ignore tests/conformance/schema_pairs.py "$seed" "$count" \
		>"$dir/pairs"
	status=$?
done
if [ "$status" -eq 77 ]; then
	echo "ok - $name # skip python3-jsonschema is not installed"
	exit 0
fi
[ "$status" -eq 0 ] || exit 1
cut -f 1,2 "$dir/pairs" | "$program" >"$dir/verdicts" || exit 1
paste "$dir/pairs" "$dir/verdicts" | awk -F '\t' -v count="$count" '
	$3 != $4 && ++failed <= 5 {
		print "schema " $1 "\nvalue  " $2
		print "theirs " $3 ", ours " $4
	}
	END {
		if (NR != count)
			failed += count - NR
		print NR - failed " passed, " failed + 0 " failed, 0 skipped"
		exit failed != 0
	}'
