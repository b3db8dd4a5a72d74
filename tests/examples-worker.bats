# The examples of workers do what they say.

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
	cd "$EV_TOP" || return
}

@test "worker.sh: tried again, dead, looked at, repaired and redriven" {
	must_exit 0 examples/worker.sh
	must_print '== working' 'sent to ann@example.org (attempt 2)' \
		'sent to bob@example.org (attempt 2)' '== dead letters' \
		'rejected: no-address' '== repaired and sent back' \
		'mails: redriven 1 to {mails}:redrive:mail' \
		'sent to eve@example.org (attempt 1)'
	must_say 'is dead (rejected)'
	must_equal "$(redis xpending mails mail | head -n 1)" 0
	must_equal "$(redis xlen '{mails}:dlq')" 0
}

@test "long-job.sh: the job runs once, and tells how far it is" {
	start job examples/long-job.sh
	wait_until 10 eval 'redis --raw hvals {jobs}:progress:reports |
		grep -q "\"percent\":[1-9]0,\"text\":\"step [1-9] of 10\""'
	finish "$pid"
	must_equal "$(cat "$(out job)")" 'done after 10 steps, attempt 1'
	must_equal "$(cat "$(err job)")" ''
	must_equal "$(redis exists '{jobs}:progress:reports')" 0
	must_equal "$(redis xpending jobs reports | head -n 1)" 0
}

@test "the examples of workers without a server say how to run them" {
	must_exit 2 env -u EV_URL examples/worker.sh
	must_say 'with-redis examples/worker.sh'
	must_exit 2 env -u EV_URL examples/long-job.sh
	must_say 'with-redis examples/long-job.sh'
}
