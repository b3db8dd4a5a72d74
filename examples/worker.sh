#!/bin/sh
# worker.sh - a mail queue: retries, dead letters, and their second chance
#
# Publishes a few mails to send and works them off with a command per event.
# The first attempt of each mail fails, as a busy server's would, and is tried
# again; one has no address and is rejected at once.  The dead letter is looked
# at, repaired and sent back to this group alone.
#
#     examples/with-redis examples/worker.sh
#
# With MAILS set to another name it uses that stream; it leaves it behind.
set -eu

if [ -z "${EV_URL-}" ]; then
	echo 'worker.sh: no EV_URL; try: examples/with-redis examples/worker.sh' >&2
	exit 2
fi
mails=${MAILS:-mails}

# What each event is given to, on its standard input: no shell but this one.
# 75 is "try again later", 65 "this will never do" (sysexits.h).
# shellcheck disable=SC2016 # it is for that shell to expand
send='
	to=$(sed -n "s/.*\"to\":\"\([^\"]*\)\".*/\1/p")
	if [ -z "$to" ]; then
		echo "error no-address a mail without an address" >&3
		exit 65
	fi
	if [ "$EV_ATTEMPT" -lt "${ATTEMPTS_NEEDED:-1}" ]; then
		echo "retry-after 200ms" >&3
		exit 75
	fi
	echo "sent to $to (attempt $EV_ATTEMPT)"
'

evpub "$mails" '{"to":"ann@example.org"}' '{"subject":"lost"}' \
	'{"to":"bob@example.org"}'

echo '== working'
# Three events: -c counts each once, but a retry is later, so wait for it.
ATTEMPTS_NEEDED=2 evsub -g mail -w 1s -P 2 "$mails" -- sh -c "$send" | sort

echo '== dead letters'
evdlq "$mails" | sed 's/.*"reason":"\([^"]*\)","class":"\([^"]*\)".*/\1: \2/'

echo '== repaired and sent back'
evdlq "$mails" | sed 's/"subject":"lost"/"to":"eve@example.org"/' |
	evdlq --redrive --stdin -y "$mails"
evsub -g mail -E "$mails" -- sh -c "$send"
