#!/usr/bin/env bash
# ack-at-end.sh GROUP STREAM COMMAND [ARG...] - acknowledge what COMMAND did
#
# Runs COMMAND for each event of the stream that the group has not handled yet,
# with the event on its standard input, and acknowledges the event only if it
# succeeds.  Otherwise the event stays pending, and the first run after its
# lease (LEASE, 10m by default) takes it over.  Ends once all are handled: for
# cron.  A run should not take longer than the lease.
#
#     examples/ack-at-end.sh mail orders sh -c 'jq -r .to | xargs notify'
#
# The pipeline is the point: evsub hands out records, something in the middle
# passes on those whose work is done, evsub --settle acknowledges them.  (jq
# 1.6 rounds integers beyond 2^53; what COMMAND prints goes to stderr.)
set -euo pipefail

if [ $# -lt 3 ]; then
	echo 'usage: ack-at-end.sh GROUP STREAM COMMAND [ARG...]' >&2
	exit 2
fi
group=$1 stream=$2
shift 2

evsub -g "$group" --manual -m -E --lease "${LEASE:-10m}" "$stream" |
	while IFS= read -r record; do
		if "$@" < <(jq -c .event <<<"$record") >&2; then
			printf '%s\n' "$record"
		fi
	done |
	evsub --settle -v >/dev/null
