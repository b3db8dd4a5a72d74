load helper

setup()
{
	TMPDIR=$BATS_TEST_TMPDIR
	# A unix socket's path is short; bats' directories may not be.
	[ ${#TMPDIR} -le 60 ] || TMPDIR=$(mktemp -d /tmp/with.XXXXXX)
	export TMPDIR
}

teardown()
{
	end_started
	[ "$TMPDIR" = "$BATS_TEST_TMPDIR" ] || rm -rf "$TMPDIR"
}

nothing_left()
{
	[ -z "$(find "$TMPDIR" -name 'with-redis.*')" ]
}

# ping URL - whether a server answers there
ping()
{
	redis-cli -s "${1#unix://}" ping >/dev/null 2>&1
}

gone()
{
	! ping "$1"
}

# shellcheck disable=SC2016 # COMMAND's shell expands it
talk='redis-cli -s "${EV_URL#unix://}"'

@test "COMMAND finds an empty server at EV_URL" {
	must_exit 0 with-redis sh -c "$talk dbsize"
	must_print 0
}

@test "the exit status is COMMAND's" {
	must_exit 0 with-redis true
	must_exit 7 with-redis sh -c 'exit 7'
	must_exit 127 with-redis no-such-command-here
}

@test "COMMAND reads our standard input" {
	run_limited with-redis cat <<<'a line'
	must_print 'a line'
}

@test "a pipeline ends when COMMAND ends" {
	run_limited sh -c 'with-redis echo done | cat'
	must_print 'done'
}

@test "arguments stay what they are" {
	must_exit 0 with-redis printf '<%s>' 'a b' '' '$HOME'
	must_print '<a b><><$HOME>'
}

@test "nothing is left afterwards" {
	# shellcheck disable=SC2016
	must_exit 0 with-redis sh -c 'echo "$EV_URL"'
	nothing_left
	gone "$output"
}

@test "nothing is left when COMMAND dies of a signal" {
	# shellcheck disable=SC2016
	must_exit 143 with-redis sh -c 'kill -TERM $$'
	nothing_left
}

@test "two at once have a server each" {
	must_exit 0 with-redis sh -c "$talk set k outer >/dev/null; \
		with-redis sh -c '$talk exists k'; $talk get k"
	must_print 0 outer
}

@test "EV_REDIS_OPTIONS reach the server" {
	export EV_REDIS_OPTIONS='--maxmemory 12345678'
	must_exit 0 with-redis sh -c "$talk config get maxmemory"
	must_print maxmemory 12345678
}

@test "a server that asks for a password is a server that is up" {
	export EV_REDIS_OPTIONS='--requirepass sesame'
	must_exit 0 with-redis sh -c "$talk -a sesame --no-auth-warning ping"
	must_print PONG
}

@test "a server that can't start is status 4 with its reason" {
	export EV_REDIS_OPTIONS='--no-such-option 1'
	must_exit 4 with-redis echo unreached
	must_say no-such-option 'did not start'
	must_equal "$output" ''
	nothing_left
}

@test "no COMMAND is status 2" {
	must_exit 2 with-redis
	must_say usage
}

# begin - start it with a COMMAND that says where its server is; sets url
begin()
{
	start with with-redis sh -c 'echo "$EV_URL"; echo $$; exec sleep 60'
	wait_until 10 has_lines "$(out with)" 2
	{ read -r url && read -r command; } <"$(out with)"
	with=$(child_of "$pid")
	ping "$url"
}

@test "when it is ended, COMMAND and the server end too" {
	begin
	kill -TERM "$with"
	wait_until 10 gone "$url"
	wait_until 10 is_gone "$command"
	wait_until 10 nothing_left
}

@test "when it is killed with -9, COMMAND and the server end too" {
	begin
	kill -KILL "$with"
	wait_until 10 gone "$url"
	wait_until 10 is_gone "$command"
	wait_until 10 nothing_left
}

@test "a server that was stopped is removed as well" {
	begin
	kill -STOP "$(redis-cli -s "${url#unix://}" info server |
		sed -n 's/^process_id:\([0-9]*\).*/\1/p')"
	kill -TERM "$command"
	finish "$pid" 143
	nothing_left
}
