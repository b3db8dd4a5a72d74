#!/usr/bin/env bash
# request-reply.sh [QUESTION...] - ask a service through two streams
#
# The service is evsub with a handler; what the handler prints becomes an event
# on the stream of replies, with the correlation of the request it answers.  The
# client is evpub: it publishes a request for each question and prints the reply
# that has its correlation.  Any number of clients and services may share the
# two streams, on any number of machines.
#
#     examples/with-redis examples/request-reply.sh '2+3' '6*7'
#
# The server is that of EV_URL.  The exit status is evpub's: 1 if a question was
# not answered in time.
set -euo pipefail

[ $# -gt 0 ] || set -- 2+3 '6*7'
questions=requests replies=replies

# The handler: an event on standard input, the answer on standard output.  A
# question that is none is not worth a retry: 65 makes it a dead letter.
answer='question=$(jq -er .data.question) || exit 65
case $question in
"" | *[!0-9+*\ ()-]*) exit 65 ;;
esac
printf "{\"question\":\"%s\",\"answer\":%d}\n" "$question" "$(($question))"'

evsub -q -g calculator -O "$replies" --output-type question.answered \
	"$questions" -- sh -c "$answer" &
service=$!
trap 'kill "$service"; wait "$service" || :' EXIT

for question; do
	jq -nc --arg question "$question" '{$question}'
done |
	evpub -t question.asked --source /examples/client --await "$replies" \
		-w "${WAIT:-10s}" "$questions" |
	jq -c .data
