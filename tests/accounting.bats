# What evpub says became of its lines adds up.

load helper

setup_file()
{
	start_server
}

teardown_file()
{
	stop_server
}

setup()
{
	flush
	cd "$BATS_TEST_TMPDIR" || return
}

# The number behind the last match of a pattern in stderr.
said()
{
	sed -n "s/.*$1\([0-9]*\).*/\1/p" <<<"$stderr" | tail -n 1
}

@test "evpub names every line when the server refuses in mid-stream" {
	redis set wrong type >/dev/null
	seq 1 30000 | sed 's/.*/{"n":&}/' >lines
	must_exit 4 sh -c 'evpub wrong <lines'
	must_say 'refused: lines 1-' 'not sent: lines from '
	# Some may stand in the buffer: sent or not, they are named in between.
	must_equal "$(sed -n 's/.*lines \([0-9]*\)-\([0-9]*\) .*/\1 \2/p' \
		<<<"$stderr" | sort -n |
		awk 'NR == 1 { next_line = 1 }
			$1 != next_line { print "gap at " next_line }
			{ next_line = $2 + 1 }
			END { print next_line }')" \
		"$(said 'not sent: lines from ')"
}

@test "evpub interrupted while it waits for --rate says how many lines are stored" {
	seq 1 9 | sed 's/.*/{"n":&}/' >lines
	START_STDIN=lines start paced evpub -i --rate 2 stream
	wait_until 10 has_lines "$(out paced)" 2
	kill -TERM "$pid"
	finish "$pid" 1
	stderr=$(cat "$(err paced)")
	must_say interrupted
	must_equal "$(said 'lines up to ')" "$(redis xlen stream)"
}

@test "evpub --atomic names the line that spoilt a transaction" {
	printf '%s\n' '{"n":1}' bad '{"n":3}' '{"n":4}' '{"n":5}' >lines
	must_exit 3 sh -c 'evpub --atomic 2 stream <lines'
	must_say '<stdin>:1: not stored: line 2, of the same transaction'
	must_exit 0 evtail -n all stream
	must_print '{"n":3}' '{"n":4}' '{"n":5}'
}

@test "evpub --atomic stores no part of a transaction when it is interrupted" {
	# Open for reading and writing, the fifo blocks nobody and has no end.
	mkfifo input
	exec 4<>input
	printf '%s\n' '{"n":1}' '{"n":2}' '{"n":3}' >&4
	START_STDIN=input start atomic evpub -i --atomic 2 stream
	wait_until 10 has_lines "$(out atomic)" 2
	kill -TERM "$pid"
	finish "$pid" 1
	exec 4>&-
	stderr=$(cat "$(err atomic)")
	must_say 'lines up to 2 are done'
	must_exit 0 evtail -n all stream
	must_print '{"n":1}' '{"n":2}'
}

@test "evpub --atomic counts a transaction that was open as not sent when the connection is lost" {
	mkfifo input
	exec 4<>input
	printf '%s\n' '{"n":1}' '{"n":2}' '{"n":3}' >&4
	START_STDIN=input start atomic evpub -i --atomic 2 stream
	wait_until 10 has_lines "$(out atomic)" 2
	redis client kill type normal skipme yes >/dev/null
	finish "$pid" 4
	exec 4>&-
	stderr=$(cat "$(err atomic)")
	must_say 'confirmed: lines 1-2 (2 events)' \
		'not sent: lines 3-3 (1 events)' 'not sent: lines from 4 on'
	[[ $stderr != *unknown* ]]
}
