#!/bin/sh
# json.sh SUITE_DIR BUILD_DIR - run the scanner on JSONTestSuite's test_parsing
#
# y_*.json must be accepted and n_*.json refused; i_*.json may be either, but
# none may crash.  The last line is "N passed, N failed, N skipped".
set -u

if [ $# -ne 2 ]; then
	echo "usage: json.sh SUITE_DIR BUILD_DIR" >&2
	exit 2
fi
check=$2/conformance/json_check
passed=0 failed=0 skipped=0

for file in "$1"/[yni]_*.json; do
	[ -e "$file" ] || continue
	name=${file##*/}
	why=$("$check" "$file" 2>&1)
	status=$?
	case $name:$status in
	y_*:0 | n_*:1 | i_*:[01])
		passed=$((passed + 1))
		;;
	*)
		failed=$((failed + 1))
		echo "$name: exit $status: ${why:-accepted}"
		;;
	esac
done
if [ $((passed + failed)) -eq 0 ]; then
	echo "json.sh: $1: no test files" >&2
	skipped=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
