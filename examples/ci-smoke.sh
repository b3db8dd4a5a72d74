#!/bin/sh
# ci-smoke.sh [--schema-dir DIR] FILE... - check events as a CI job would
#
# First without a server: every line is an event, a CloudEvent among them is a
# valid one, and with --schema-dir each has a schema in DIR and keeps to it; what
# is wrong is told for all files before the build fails.  Then on a private server (with-redis): what is published
# comes back byte for byte, once per group, and nothing is left over.
#
#     examples/ci-smoke.sh --schema-dir schemas tests/fixtures/*.ndjson
#
# Exits with 0 if all is well, else with the status of what failed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
schemas=
if [ "${1-}" = --schema-dir ] && [ $# -gt 2 ]; then
	schemas=$2
	shift 2
fi
if [ $# -eq 0 ] || [ "$1" = --schema-dir ]; then
	echo 'usage: ci-smoke.sh [--schema-dir DIR] FILE...' >&2
	exit 2
fi
if [ -z "${CI_SMOKE_SERVER-}" ]; then
	status=0
	for file in "$@"; do
		evpub -v --dry-run \
			${schemas:+--schema-dir "$schemas" --schema-required} \
			smoke <"$file" || {
			status=$?
			echo "ci-smoke: $file: broken" >&2
		}
	done
	[ "$status" -eq 0 ] || exit "$status"
	export CI_SMOKE_SERVER=yes
	exec "$here/with-redis" "$0" "$@"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

for file in "$@"; do
	# What evpub stores, in order: the events without blank lines, CR, BOM.
	evpub --dry-run -T smoke <"$file" >"$work/sent"
	evpub smoke <"$file"
	evsub -g ci -E smoke >"$work/received"
	if ! cmp "$work/sent" "$work/received"; then
		echo "ci-smoke: $file: came back otherwise" >&2
		exit 1
	fi
	echo "ci-smoke: $file: $(wc -l <"$work/sent" | tr -d ' ') events"
done
if [ -n "$(evsub -g ci -E smoke)" ]; then
	echo 'ci-smoke: events were left over' >&2
	exit 1
fi
