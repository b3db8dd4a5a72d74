#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/deadline.h"
#include "common/handler.h"
#include "common/mem.h"
#include "common/when.h"
#include "tests/unit/run.h"

static struct handler *const h = &run_handler;

static void
exit_statuses_are_told(void **state)
{
	(void)state;
	run_script("exit 0");
	run_assert_ended(HANDLER_EXITED, 0);
	run_script("exit 3");
	run_assert_ended(HANDLER_EXITED, 3);
	run_script("exit 255");
	run_assert_ended(HANDLER_EXITED, 255);
	assert_false(h->timed_out);
	assert_false(h->ended);
	assert_true(h->started <= h->finished);
}

static void
signals_are_told(void **state)
{
	(void)state;
	run_script("kill -KILL $$");
	run_assert_ended(HANDLER_KILLED, SIGKILL);
	run_script("kill -TERM $$");
	run_assert_ended(HANDLER_KILLED, SIGTERM);
}

static void
assert_broken(const char *name, int error)
{
	char *copy = xstrdup(name);
	char *argv[] = { copy, NULL };

	run_start_argv(argv, "event", 5, INT64_MAX);
	if (h->state != HANDLER_BROKEN || h->code != error)
		fail_msg("%s: state %d, %s", name, (int)h->state,
			 strerror(h->code));
	assert_true(handler_reap(h, when_monotonic()));
	free(copy);
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
}

static void
what_cannot_start_is_broken(void **state)
{
	char dir[] = "/tmp/ev-handler.XXXXXX", path[64], *old;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/plain", dir);
	write_file(path, "#!/bin/sh\n", 0644);
	assert_broken("ev-no-such-command", ENOENT);
	assert_broken("/no/such/command", ENOENT);
	assert_broken("", ENOENT);
	assert_broken(path, EACCES);
	assert_broken(dir, EACCES);
	old = xstrdup(getenv("PATH"));
	setenv("PATH", dir, 1);
	assert_broken("plain", EACCES);
	setenv("PATH", old, 1);
	free(old);
	write_file(path, "exit 0\n", 0755);
	assert_broken(path, ENOEXEC);
	unlink(path);
	rmdir(dir);
}

static void
a_command_that_moved_is_found_again(void **state)
{
	char dir[] = "/tmp/ev-handler.XXXXXX", name[] = "ev-moves";
	char first[64], second[64], first_dir[64], path[64], *old;
	char *argv[] = { name, NULL };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(first_dir, sizeof(first_dir), "%s/1", dir);
	assert_int_equal(mkdir(first_dir, 0700), 0);
	snprintf(first, sizeof(first), "%s/1/ev-moves", dir);
	snprintf(second, sizeof(second), "%s/ev-moves", dir);
	write_file(first, "#!/bin/sh\necho first\n", 0755);
	write_file(second, "#!/bin/sh\necho second\n", 0755);
	snprintf(path, sizeof(path), "/no/dir:%s/1:%s", dir, dir);
	old = xstrdup(getenv("PATH"));
	setenv("PATH", path, 1);
	run_start_argv(argv, "", 0, INT64_MAX);
	run_finish();
	run_assert_output("first\n");
	unlink(first);
	run_start_argv(argv, "", 0, INT64_MAX);
	run_finish();
	run_assert_output("second\n");
	unlink(second);
	assert_broken(name, ENOENT);
	setenv("PATH", old, 1);
	free(old);
	rmdir(first_dir);
	rmdir(dir);
}

static void
children_left_behind_are_not_waited_for(void **state)
{
	(void)state;
	run_open_witness();
	run_script("sleep 1000 & echo $!; echo said >&3; exit 5");
	run_assert_ended(HANDLER_EXITED, 5);
	assert_true(atoi(run_output.data) > 1);
	assert_true(h->beat);
	assert_int_equal(kill(atoi(run_output.data), SIGKILL), 0);
	assert_true(run_everyone_ends());
}

static void
endless_output_of_one_left_behind_ends_the_run_too(void **state)
{
	(void)state;
	run_open_witness();
	run_script("yes & head -c 1000 /dev/zero >/dev/null");
	run_assert_ended(HANDLER_EXITED, 0);
	/* yes dies by SIGPIPE now. */
	assert_true(run_everyone_ends());
}

static void
a_timeout_ends_the_command(void **state)
{
	(void)state;
	run_start_with("exec sleep 1000", "", 0, 50);
	assert_true(handler_due(h) <= when_monotonic() + 50);
	run_finish();
	run_assert_ended(HANDLER_KILLED, SIGTERM);
	assert_true(h->timed_out);
	assert_false(h->ended);
	run_start_with("trap 'echo tidied; exit 7' TERM; echo ready; "
		       "while :; do sleep 0.01; done",
		       "", 0, 60000);
	run_until("ready");
	handler_reap(h, when_monotonic() + 60000);
	run_finish();
	run_assert_ended(HANDLER_EXITED, 7);
	assert_true(h->timed_out);
	run_assert_output("ready\ntidied\n");
}

static void
sigterm_ignored_is_followed_by_sigkill(void **state)
{
	int64_t now;

	(void)state;
	run_open_witness();
	run_start_with("trap '' TERM; echo ready; while :; do sleep 0.01; done",
		       "", 0, 60000);
	run_until("ready");
	now = when_monotonic() + 60000;
	assert_false(handler_reap(h, now));
	assert_true(h->timed_out);
	assert_int_equal(handler_due(h), now + HANDLER_TERM_MS);
	assert_false(handler_reap(h, now + HANDLER_TERM_MS - 1));
	assert_false(h->killed);
	handler_reap(h, now + HANDLER_TERM_MS);
	assert_true(h->killed);
	run_finish();
	run_assert_ended(HANDLER_KILLED, SIGKILL);
	assert_true(run_everyone_ends());
}

static void
ending_can_be_hastened(void **state)
{
	(void)state;
	run_start("trap '' TERM; echo ready; while :; do sleep 0.01; done");
	run_until("ready");
	handler_end(h, when_monotonic(), 60000);
	handler_end(h, when_monotonic(), 120000);
	assert_true(handler_due(h) <= when_monotonic() + 60000);
	assert_false(h->killed);
	handler_end(h, when_monotonic(), 0);
	assert_true(h->killed);
	run_finish();
	run_assert_ended(HANDLER_KILLED, SIGKILL);
	assert_true(h->ended);
	assert_false(h->timed_out);
	handler_end(h, when_monotonic(), 0); /* too late: nothing */
	run_assert_ended(HANDLER_KILLED, SIGKILL);
}

static void
children_of_an_ended_command_get_their_time(void **state)
{
	(void)state;
	run_open_witness();
	run_start("(trap 'echo tidied; exit' TERM; echo ready; "
		  "while :; do sleep 0.01; done) & wait");
	run_until("ready");
	handler_end(h, when_monotonic(), 60000);
	run_finish();
	run_assert_ended(HANDLER_KILLED, SIGTERM);
	run_assert_output("ready\ntidied\n");
	assert_true(run_everyone_ends());
}

static void
children_of_an_ended_command_are_killed(void **state)
{
	(void)state;
	run_open_witness();
	run_start(
		"(trap '' TERM; echo ready; while :; do sleep 0.01; done) & wait");
	run_until("ready");
	handler_end(h, when_monotonic(), 300);
	run_finish();
	run_assert_ended(HANDLER_KILLED, SIGTERM);
	assert_true(run_everyone_ends());
	/* Also those that hold no pipe. */
	run_open_witness();
	run_start("(trap '' TERM; echo ready; exec >&- 2>&- 3>&-; "
		  "while :; do sleep 0.01; done) & wait");
	run_until("ready");
	handler_end(h, when_monotonic(), 60000);
	run_finish();
	run_assert_ended(HANDLER_KILLED, SIGTERM);
	assert_true(run_everyone_ends());
}

static void
a_stopped_command_ends_at_its_timeout(void **state)
{
	(void)state;
	run_start_with("kill -STOP $$; echo went on", "", 0, 50);
	run_finish();
	assert_true(h->timed_out);
	run_assert_ended(HANDLER_KILLED, SIGTERM);
	run_start_with(
		"trap '' TERM; kill -STOP $$; echo went on; kill -STOP $$", "",
		0, 50);
	run_until("went on");
	handler_end(h, when_monotonic(), 0);
	run_finish();
	run_assert_ended(HANDLER_KILLED, SIGKILL);
}

static void
release_kills_what_runs(void **state)
{
	(void)state;
	run_open_witness();
	run_start(
		"trap '' TERM; (trap '' TERM; while :; do sleep 0.01; done) & "
		"echo ready; kill -STOP $$");
	run_until("ready");
	handler_release(h);
	assert_int_equal(h->state, HANDLER_IDLE);
	assert_true(run_everyone_ends());
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	handler_release(h);
}

static void
the_environment_is_what_is_given(void **state)
{
	char env[] = "env", a[] = "EV_ID=1-0", b[] = "EMPTY=", c[] = "B= x\ty";
	char *argv[] = { env, NULL }, *vars[] = { a, b, c, NULL };
	struct handler_command command = {
		.argv = argv, .env = vars, .input = "", .timeout_ms = INT64_MAX
	};

	(void)state;
	buf_clear(&run_output);
	handler_start(h, &command);
	run_finish();
	run_assert_output("EV_ID=1-0\nEMPTY=\nB= x\ty\n");
}

static void
signals_and_group_are_as_at_a_fresh_start(void **state)
{
	sigset_t set, old;

	(void)state;
	run_script("kill -PIPE $$; echo ignored");
	run_assert_ended(HANDLER_KILLED, SIGPIPE);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	run_script("kill -USR1 $$; echo blocked");
	sigprocmask(SIG_SETMASK, &old, NULL);
	run_assert_ended(HANDLER_KILLED, SIGUSR1);
	run_script("kill -s 0 -- -$$");
	run_assert_ended(HANDLER_EXITED, 0);
}

static void
assert_four_descriptors(void)
{
	/* ls has one more, for the directory. */
	run_start_with(
		"cat; echo progress 1 >&3; echo e >&2; ls /dev/fd | wc -l",
		"in\n", 3, INT64_MAX);
	run_finish();
	run_assert_ended(HANDLER_EXITED, 0);
	assert_int_equal(h->progress, 1);
	assert_string_equal(h->said, "e\n");
	assert_memory_equal(buf_text(&run_output), "in\n", 3);
	assert_int_equal(atoi(run_output.data + 3), 5);
}

static void
it_has_descriptors_0_to_3_alone(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd, kept[3], i;

	(void)state;
	run_redirect_stderr(null);
	close(null);
	/* 3 and those above it taken in all ways the pipes may meet them. */
	for (i = 0; i < 10; i++) {
		int holes[10], n;

		for (n = 0; n < i; n++)
			holes[n] = fcntl(0, F_DUPFD_CLOEXEC, 3);
		assert_four_descriptors();
		for (n = 0; n < i; n++)
			close(holes[n]);
	}
	/* Ours are closed: the pipes take their numbers. */
	for (fd = 0; fd < 3; fd++) {
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 20);
		close(fd);
	}
	run_start_with("cat; echo progress 1 >&3; exit 9", "in\n", 3,
		       INT64_MAX);
	run_finish();
	for (fd = 0; fd < 3; fd++) {
		dup2(kept[fd], fd);
		close(kept[fd]);
	}
	run_assert_ended(HANDLER_EXITED, 9);
	assert_int_equal(h->progress, 1);
	run_assert_output("in\n");
}

static int
count_descriptors(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
a_thousand_runs_leave_nothing_behind(void **state)
{
	char name[] = "true", none[] = "/no/such/command";
	char *argv[] = { name, NULL }, *broken[] = { none, NULL };
	int i, before;

	(void)state;
	run_script(":");
	handler_release(h);
	before = count_descriptors();
	for (i = 0; i < 1000; i++) {
		run_start_argv(argv, "event", 5, INT64_MAX);
		run_finish();
		run_assert_ended(HANDLER_EXITED, 0);
		if (i % 10 != 0)
			continue;
		run_start_argv(broken, "event", 5, INT64_MAX);
		run_assert_ended(HANDLER_BROKEN, ENOENT);
		run_start_argv(argv, "event", 5, INT64_MAX);
		handler_release(h);
	}
	handler_release(h);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
no_descriptors_left_is_broken(void **state)
{
	struct rlimit old, low;
	int fds[64], count = 0, left;
	bool broken = false, started = false;

	(void)state;
	handler_child_fd();
	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &low);
	while (count < 64 && (fds[count] = fcntl(0, F_DUPFD_CLOEXEC, 3)) >= 0)
		count++;
	for (left = 0; left < 12; left++) {
		char name[] = "true", *argv[] = { name, NULL };

		run_start_argv(argv, "event", 5, INT64_MAX);
		if (h->state == HANDLER_RUNNING)
			started = true;
		else
			run_assert_ended(HANDLER_BROKEN, EMFILE);
		broken = broken || h->state == HANDLER_BROKEN;
		handler_release(h);
		close(fds[--count]);
	}
	while (count > 0)
		close(fds[--count]);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_true(broken);
	assert_true(started);
}

static void
the_child_descriptor_tells_of_exits(void **state)
{
	struct pollfd pfd = { .fd = handler_child_fd(), .events = POLLIN };
	int64_t deadline = deadline_in(RUN_PATIENCE_MS);

	(void)state;
	handler_child_seen();
	assert_int_equal(poll(&pfd, 1, 0), 0);
	run_start("exit 0");
	while (poll(&pfd, 1, deadline_left(deadline)) < 0)
		assert_int_equal(errno, EINTR);
	assert_int_equal(pfd.revents, POLLIN);
	handler_child_seen();
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_true(handler_reap(h, when_monotonic()));
	assert_int_equal(handler_due(h), INT64_MAX);
	assert_int_equal(handler_child_fd(), pfd.fd);
}

static void
an_idle_handler_does_nothing(void **state)
{
	struct handler idle = { 0 };
	struct pollfd fds[HANDLER_FDS];

	(void)state;
	assert_int_equal(handler_poll(&idle, fds), 0);
	assert_true(handler_reap(&idle, when_monotonic()));
	assert_int_equal(handler_due(&idle), INT64_MAX);
	handler_end(&idle, when_monotonic(), 0);
	handler_release(&idle);
	handler_free(&idle);
	handler_free(&idle);
	assert_int_equal(idle.state, HANDLER_IDLE);
}

#define TEST(name) cmocka_unit_test_teardown(name, run_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(exit_statuses_are_told),
		TEST(signals_are_told),
		TEST(what_cannot_start_is_broken),
		TEST(a_command_that_moved_is_found_again),
		TEST(children_left_behind_are_not_waited_for),
		TEST(endless_output_of_one_left_behind_ends_the_run_too),
		TEST(a_timeout_ends_the_command),
		TEST(sigterm_ignored_is_followed_by_sigkill),
		TEST(ending_can_be_hastened),
		TEST(children_of_an_ended_command_get_their_time),
		TEST(children_of_an_ended_command_are_killed),
		TEST(a_stopped_command_ends_at_its_timeout),
		TEST(release_kills_what_runs),
		TEST(the_environment_is_what_is_given),
		TEST(signals_and_group_are_as_at_a_fresh_start),
		TEST(it_has_descriptors_0_to_3_alone),
		TEST(a_thousand_runs_leave_nothing_behind),
		TEST(no_descriptors_left_is_broken),
		TEST(the_child_descriptor_tells_of_exits),
		TEST(an_idle_handler_does_nothing),
	};

	run_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
