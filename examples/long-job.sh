#!/bin/sh
# long-job.sh - a job that takes many leases, and tells how far it is
#
# The command below takes STEPS steps (10) of STEP seconds (0.2) each.  While it
# runs, evsub renews its lease, so no other worker takes it over however long it
# is; it writes "progress PERCENT TEXT" to descriptor 3, which anybody can
# look at in the hash {STREAM}:progress:GROUP.
#
#     examples/with-redis examples/long-job.sh
set -eu

if [ -z "${EV_URL-}" ]; then
	echo 'long-job.sh: no EV_URL; try: examples/with-redis examples/long-job.sh' >&2
	exit 2
fi
stream=${JOBS:-jobs}
export STEPS="${STEPS:-10}" STEP="${STEP:-0.2}"

# shellcheck disable=SC2016 # it is for that shell to expand
job='
	i=0
	while [ "$i" -lt "$STEPS" ]; do
		sleep "$STEP" # the work
		i=$((i + 1))
		echo "progress $((i * 100 / STEPS)) step $i of $STEPS" >&3
	done
	echo "done after $STEPS steps, attempt $EV_ATTEMPT"
'

evpub "$stream" '{"job":"report"}'

# Two workers, with a lease much shorter than the job: it runs once all the same.
# They take on nothing new after 3 seconds, and finish what they have begun.
evsub -g reports --lease 500ms -w 3s "$stream" -- sh -c "$job" &
evsub -g reports --lease 500ms -w 3s "$stream" -- sh -c "$job" &
wait
