#!/usr/bin/env bash
# request-reply.sh [ITEM...] - ask a service for prices, through two streams
#
# The service is evsub with a handler; what the handler prints becomes an event
# on the stream of replies, with the correlation of the request it answers.  The
# client is evpub: it publishes a request for each item and prints the reply that
# has its correlation.  Any number of clients and services may share the two
# streams, on any number of machines.
#
#     examples/with-redis examples/request-reply.sh tea coffee
#
# The server is that of EV_URL.  An item that the service does not know is not
# worth a retry: exit status 65 makes its request a dead letter.  It has no reply
# within WAIT (10s), and the exit status is evpub's: 1.
set -euo pipefail

[ $# -gt 0 ] || set -- tea coffee

# shellcheck disable=SC2016 # these are jq's dollars
evsub -q -g prices -O replies --output-type price.told requests -- \
	jq -c '.data.item as $item
		| {tea: 3, coffee: 4}[$item] // ("no \($item)\n" | halt_error(65))
		| {item: $item, price: .}' &
service=$!
trap 'kill "$service"; wait "$service" || :' EXIT

for item; do
	jq -nc --arg item "$item" '{$item}'
done |
	evpub -t price.asked --source /examples/client --await replies \
		-w "${WAIT:-10s}" requests |
	jq -c .data
