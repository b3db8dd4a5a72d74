# TLS: who is talked to, and how a fault of it is told.

load helper

setup_file()
{
	export CERTS=$BATS_FILE_TMPDIR/certs
	mkdir "$CERTS"
	"$EV_TESTS/tls/make-certs" "$CERTS"
	TLS_PORT=$(free_port)
	PLAIN_PORT=$(free_port)
	export TLS_PORT PLAIN_PORT NO_TLS=
	if ! has_tls; then
		export NO_TLS=yes
		return
	fi
	start_tls "$TLS_PORT" server --tls-auth-clients no \
		--port "$PLAIN_PORT" --bind 127.0.0.1 -::1
}

teardown_file()
{
	stop_server
}

setup()
{
	[ -z "$NO_TLS" ] || skip 'this redis-server has no TLS'
	flush
	own=
	began=$(now_ms)
	url=rediss://localhost:$TLS_PORT
	ca=(--cacert "$CERTS/ca.crt")
	unset EV_URL
}

teardown()
{
	end_started
	[ -z "$own" ] || stop_server
}

# A server that was built without TLS does not know the option.
has_tls()
{
	local program=${EV_REDIS_SERVER:-$(command -v redis-server ||
		command -v valkey-server)}
	local said
	said=$(timeout 5 "$program" --port 0 --tls-port 1 \
		--tls-cert-file /nowhere/cert --tls-key-file /nowhere/key \
		2>&1 </dev/null || :)
	[[ $said == *"configure TLS"* ]]
}

# start_tls PORT CERT OPTION... - a server with this certificate
start_tls()
{
	local port=$1 cert=$2
	shift 2
	start_server --tls-port "$port" --tls-cert-file "$CERTS/$cert.crt" \
		--tls-key-file "$CERTS/$cert.key" \
		--tls-ca-cert-file "$CERTS/ca.crt" "$@"
}

# own_tls CERT OPTION... - the same, for this test alone; url is its address
own_tls()
{
	local port
	port=$(free_port)
	SERVER_DIR=
	own=yes
	start_tls "$port" "$@"
	unset EV_URL
	url=rediss://localhost:$port
}

# each STATUS OPTION... - all three programs end so, at once
each()
{
	local expected=$1
	shift
	must_exit "$expected" evpub "$@" s '{"n":1}'
	must_say "${said[@]}"
	must_exit "$expected" evtail "$@" s
	must_say "${said[@]}"
	must_exit "$expected" evsub -g g -E "$@" s
	must_say "${said[@]}"
	if [ $(($(now_ms) - began)) -gt 5000 ]; then
		echo 'it was tried again' >&2
		return 1
	fi
}

@test "a server is known by its name and by its address" {
	must_exit 0 evpub -u "$url" "${ca[@]}" s '{"n":1}'
	must_exit 0 evtail -u "$url" "${ca[@]}" s
	must_print '{"n":1}'
	must_exit 0 evsub -g g -E -u "rediss://127.0.0.1:$TLS_PORT" "${ca[@]}" s
	must_print '{"n":1}'
	must_equal "$(redis xlen s)" 1
	(exec 4<>"/dev/tcp/::1/$TLS_PORT") 2>/dev/null || skip 'no IPv6 here'
	must_exit 0 evtail -u "rediss://[::1]:$TLS_PORT" "${ca[@]}" s
	must_print '{"n":1}'
}

@test "100 000 events arrive as they were" {
	seq -f '{"n":%.0f,"text":"some bytes more of it, to fill records"}' \
		100000 >"$BATS_TEST_TMPDIR/events"
	must_exit 0 evpub -u "$url" "${ca[@]}" s <"$BATS_TEST_TMPDIR/events"
	must_exit 0 evtail -n all -u "$url" "${ca[@]}" s
	cmp "$OUT" "$BATS_TEST_TMPDIR/events"
	must_exit 0 evsub -g g -E -u "$url" "${ca[@]}" s
	cmp "$OUT" "$BATS_TEST_TMPDIR/events"
	must_equal "$(redis xpending s g | head -n 1)" 0
}

@test "following through TLS shows an event at once" {
	start tail evtail -f -u "$url" "${ca[@]}" s
	start sub evsub -g g -c 1 -u "$url" "${ca[@]}" s
	sub=$pid
	must_exit 0 evpub -u "$url" "${ca[@]}" s '{"n":1}'
	wait_until 10 has_lines "$(out tail)" 1
	finish "$sub"
	must_equal "$(cat "$(out tail)" "$(out sub)" | sort -u)" '{"n":1}'
}

@test "a CA that nobody knows is refused" {
	said=("$url: cannot verify the server: certificate is from an unknown CA")
	each 4 -u "$url"
	said=("$url: cannot verify the server: ")
	each 4 -u "$url" --cacert "$CERTS/self.crt"
	must_equal "$(redis exists s)" 0
}

@test "a certificate for another host is refused, by name and by address" {
	own_tls other
	said=("$url: cannot verify the server: certificate is not for host \"localhost\"")
	each 4 -u "$url" "${ca[@]}"
	ip=${url/localhost/127.0.0.1}
	said=("$ip: cannot verify the server: certificate is not for host \"127.0.0.1\"")
	each 4 -u "$ip" "${ca[@]}"
	must_equal "$(redis exists s)" 0
}

@test "--sni names the host that is meant" {
	own_tls other --tls-auth-clients no
	must_exit 0 evpub -u "$url" "${ca[@]}" --sni other.example s '{"n":1}'
	must_exit 0 evtail -u "$url" "${ca[@]}" --sni other.example s
	must_print '{"n":1}'
	said=('certificate is not for host "third.example"')
	each 4 -u "$url" "${ca[@]}" --sni third.example
}

@test "an expired certificate is refused" {
	own_tls expired
	said=("$url: cannot verify the server: certificate has expired")
	each 4 -u "$url" "${ca[@]}"
}

@test "--insecure verifies nothing" {
	own_tls expired --tls-auth-clients no
	must_exit 0 evpub -u "$url" --insecure s '{"n":1}'
	must_exit 0 evtail -u "$url" --insecure s
	must_print '{"n":1}'
	must_exit 0 evsub -g g -E -u "$url" --insecure s
	must_print '{"n":1}'
}

@test "a server that wants a client certificate: without, with, with another's" {
	own_tls server --tls-auth-clients yes
	said=("$url: " 'client certificate')
	each 4 -u "$url" "${ca[@]}"
	mine=(--cert "$CERTS/client.crt" --cert-key "$CERTS/client.key")
	must_exit 0 evpub -u "$url" "${ca[@]}" "${mine[@]}" s '{"n":1}'
	must_exit 0 evtail -u "$url" "${ca[@]}" "${mine[@]}" s
	must_print '{"n":1}'
	must_exit 0 evsub -g g -E -u "$url" "${ca[@]}" "${mine[@]}" s
	must_print '{"n":1}'
	cat "$CERTS/client.crt" "$CERTS/client.key" >"$BATS_TEST_TMPDIR/both"
	must_exit 0 evtail -u "$url" "${ca[@]}" --cert "$BATS_TEST_TMPDIR/both" s
	must_print '{"n":1}'
	said=("$url: ")
	each 4 -u "$url" "${ca[@]}" --cert "$CERTS/self.crt" \
		--cert-key "$CERTS/self.key"
	must_equal "$(redis xlen s)" 1
}

@test "files that are missing or no certificates are the user's: status 2" {
	said=(/nowhere)
	each 2 -u "$url" --cacert /nowhere
	each 2 -u "$url" "${ca[@]}" --cert /nowhere
	said=("$CERTS/server.key")
	each 2 -u "$url" --cacert "$CERTS/server.key"
	said=("$CERTS/locked.key: the key needs a passphrase")
	each 2 -u "$url" "${ca[@]}" --cert "$CERTS/client.crt" \
		--cert-key "$CERTS/locked.key"
}

@test "a plain server spoken to by TLS is refused, not waited for" {
	export EV_URL=rediss://localhost:$PLAIN_PORT
	start pub evpub "${ca[@]}" s '{"n":1}'
	pub=$pid
	start tail evtail "${ca[@]}" s
	tail=$pid
	start sub evsub -g g -E "${ca[@]}" s
	# It takes one attempt to connect, not all of --retry-for.
	finish "$pid" 4
	finish "$pub" 4
	finish "$tail" 4
	for name in pub tail sub; do
		grep -q "$EV_URL: .*the server does not speak TLS" \
			"$(err "$name")"
	done
}

@test "a TLS server spoken to in plain: status 4 with a hint" {
	said=("redis://localhost:$TLS_PORT: " 'a server with TLS has a rediss:// URL')
	each 4 -u "redis://localhost:$TLS_PORT" --retry-for 300ms
}

@test "a server that is killed in mid-stream: the report is what it has" {
	own_tls server --tls-auth-clients no --appendonly yes \
		--appendfsync always
	mkfifo "$BATS_TEST_TMPDIR/lines"
	seq -f '{"n":%.0f}' 10000000 >"$BATS_TEST_TMPDIR/lines" 3>&- &
	START_STDIN=$BATS_TEST_TMPDIR/lines
	start pub evpub -i -u "$url" "${ca[@]}" s
	wait_until 10 has_lines "$(out pub)" 5000
	kill_server
	finish "$pid" 4
	confirmed=$(sed -n 's/.*: confirmed: lines 1-\([0-9]*\) .*/\1/p' \
		"$(err pub)")
	unknown=$(sed -n 's/.*: unknown: lines [0-9]*-\([0-9]*\) .*/\1/p' \
		"$(err pub)")
	must_equal "$(wc -l <"$(out pub)")" "$confirmed"
	start_server --appendonly yes --appendfsync always
	stored=$(redis xlen s)
	echo "confirmed $confirmed, stored $stored, unknown up to $unknown"
	[ "$confirmed" -le "$stored" ]
	[ "$stored" -le "${unknown:-$confirmed}" ]
}
