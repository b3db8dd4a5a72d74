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
#include "common/text.h"
#include "common/when.h"

enum { PATIENCE_MS = 30000, MIB = 1 << 20 };

extern char **environ;

static struct handler h;
static struct buf output; /* what was taken of h.output */

static void
start_command(char *const *argv, const char *input, size_t len,
	      int64_t timeout_ms)
{
	struct handler_command command = { .argv = argv,
					   .env = environ,
					   .input = input,
					   .len = len,
					   .timeout_ms = timeout_ms };

	handler_release(&h);
	buf_clear(&output);
	handler_start(&h, &command);
}

/* Start "sh -c script". */
static void
start_with(const char *script, const char *input, size_t len,
	   int64_t timeout_ms)
{
	char sh[] = "sh", dash_c[] = "-c";
	char *text = xstrdup(script);
	char *argv[] = { sh, dash_c, text, NULL };

	start_command(argv, input, len, timeout_ms);
	free(text);
	if (h.state != HANDLER_RUNNING)
		fail_msg("%s: not started: %s", script, strerror(h.code));
}

static void
start(const char *script)
{
	start_with(script, "", 0, INT64_MAX);
}

static void
take(void)
{
	buf_add(&output, h.output.data, h.output.len);
	buf_clear(&h.output);
}

/* Wait for something to happen, and do it; returns whether the run is over. */
static bool
turn(int64_t deadline)
{
	struct pollfd fds[1 + HANDLER_FDS];
	int64_t due = handler_due(&h);
	size_t count;

	if (deadline_left(deadline) == 0)
		fail_msg("still runs");
	fds[0] = (struct pollfd){ .fd = handler_child_fd(), .events = POLLIN };
	count = handler_poll(&h, fds + 1);
	assert_true(count <= HANDLER_FDS);
	if (poll(fds, 1 + count,
		 deadline_left(due < deadline ? due : deadline)) > 0) {
		if (fds[0].revents != 0)
			handler_child_seen();
		handler_step(&h, fds + 1, count);
	}
	return handler_reap(&h, when_monotonic());
}

static void
finish(void)
{
	int64_t deadline = deadline_in(PATIENCE_MS);

	while (!turn(deadline))
		take();
	take();
}

/* Go on until the command has printed so much. */
static void
finish_until(const char *text)
{
	int64_t deadline = deadline_in(PATIENCE_MS);

	while (strstr(buf_text(&output), text) == NULL) {
		if (turn(deadline))
			fail_msg("ended before it said %s", text);
		take();
	}
}

static void
run(const char *script)
{
	start(script);
	finish();
}

static void
assert_ended(enum handler_state state, int code)
{
	if (h.state != state || h.code != code)
		fail_msg("state %d, code %d; not %d, %d", (int)h.state, h.code,
			 (int)state, code);
}

static void
assert_output(const char *want)
{
	assert_string_equal(buf_text(&output), want);
}

/* A pipe that whatever we start inherits: it is at its end when all of them
 * have ended. */
static int witness[2];

static void
open_witness(void)
{
	assert_int_equal(pipe(witness), 0);
	fcntl(witness[0], F_SETFD, FD_CLOEXEC);
}

static bool
everyone_ends(int patience_ms)
{
	struct pollfd pfd = { .fd = witness[0], .events = POLLIN };
	int n;

	close(witness[1]);
	do
		n = poll(&pfd, 1, patience_ms);
	while (n < 0 && errno == EINTR);
	close(witness[0]);
	return n == 1;
}

/* Our own stderr, for tests of what comes through to it. */
static int real_stderr = -1;

static void
redirect_stderr(int fd)
{
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(real_stderr >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

static void
restore_stderr(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	real_stderr = -1;
}

static int
teardown(void **state)
{
	(void)state;
	if (real_stderr >= 0)
		restore_stderr();
	handler_free(&h);
	buf_release(&output);
	return 0;
}

/* Run, and return all that came through to stderr. */
static struct buf
run_for_stderr(const char *script)
{
	struct buf said = { 0 };
	FILE *file = tmpfile();
	size_t n;

	assert_non_null(file);
	fcntl(fileno(file), F_SETFD, FD_CLOEXEC);
	redirect_stderr(fileno(file));
	run(script);
	restore_stderr();
	rewind(file);
	do {
		n = fread(buf_reserve(&said, 65536), 1, 65536, file);
		said.len += n;
	} while (n > 0);
	fclose(file);
	buf_text(&said);
	return said;
}

static void
exit_statuses_are_told(void **state)
{
	(void)state;
	run("exit 0");
	assert_ended(HANDLER_EXITED, 0);
	run("exit 3");
	assert_ended(HANDLER_EXITED, 3);
	run("exit 255");
	assert_ended(HANDLER_EXITED, 255);
	assert_false(h.timed_out);
	assert_false(h.ended);
	assert_true(h.started <= h.finished);
}

static void
signals_are_told(void **state)
{
	(void)state;
	run("kill -KILL $$");
	assert_ended(HANDLER_KILLED, SIGKILL);
	run("kill -TERM $$");
	assert_ended(HANDLER_KILLED, SIGTERM);
}

static void
assert_broken(const char *name, int error)
{
	char *copy = xstrdup(name);
	char *argv[] = { copy, NULL };

	start_command(argv, "event", 5, INT64_MAX);
	if (h.state != HANDLER_BROKEN || h.code != error)
		fail_msg("%s: state %d, %s", name, (int)h.state,
			 strerror(h.code));
	assert_true(handler_reap(&h, when_monotonic()));
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
	start_command(argv, "", 0, INT64_MAX);
	finish();
	assert_output("first\n");
	unlink(first);
	start_command(argv, "", 0, INT64_MAX);
	finish();
	assert_output("second\n");
	unlink(second);
	assert_broken(name, ENOENT);
	setenv("PATH", old, 1);
	free(old);
	rmdir(first_dir);
	rmdir(dir);
}

static char *
make_event(size_t len)
{
	char *event = xmalloc(len + 1);
	size_t i;

	for (i = 0; i < len; i++)
		event[i] = (char)(i * 2654435761u >> 11);
	return event;
}

static void
events_of_any_size_arrive_whole(void **state)
{
	static const size_t sizes[] = { 1,     4096,    65535,   65536,
					65537, 1 << 20, 10 << 20 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *event = make_event(sizes[i]);

		event[sizes[i] - 1] = '\n';
		start_with("cat", event, sizes[i], INT64_MAX);
		memset(event, 'x', sizes[i] - 1); /* ours again */
		free(event);
		event = make_event(sizes[i]);
		event[sizes[i] - 1] = '\n';
		finish();
		assert_ended(HANDLER_EXITED, 0);
		assert_int_equal(output.len, sizes[i]);
		assert_memory_equal(output.data, event, sizes[i]);
		free(event);
	}
}

static void
an_empty_event_is_an_empty_input(void **state)
{
	(void)state;
	start_with("wc -c", NULL, 0, INT64_MAX);
	finish();
	assert_int_equal(atoi(buf_text(&output)), 0);
	assert_ended(HANDLER_EXITED, 0);
}

static void
a_command_need_not_read(void **state)
{
	char *event = make_event(10 << 20);

	(void)state;
	start_with("exit 4", event, 10 << 20, INT64_MAX);
	finish();
	assert_ended(HANDLER_EXITED, 4);
	start_with("exec <&-; echo went on", event, 10 << 20, INT64_MAX);
	finish();
	assert_output("went on\n");
	assert_ended(HANDLER_EXITED, 0);
	start_with("head -c 100000 | wc -c", event, 10 << 20, INT64_MAX);
	finish();
	assert_int_equal(atoi(buf_text(&output)), 100000);
	start_with("exec sleep 100", event, 10 << 20, 50);
	finish();
	assert_true(h.timed_out);
	assert_ended(HANDLER_KILLED, SIGTERM);
	free(event);
}

static void
output_comes_in_whole_lines(void **state)
{
	int64_t deadline = deadline_in(PATIENCE_MS);

	(void)state;
	start_with("printf 'one\\ntw'; read line; printf 'o\\n\\nthree'", "", 0,
		   INT64_MAX);
	while (!turn(deadline))
		assert_true(h.output.len == 0 ||
			    h.output.data[h.output.len - 1] == '\n');
	take();
	assert_output("one\ntwo\n\nthree\n");
	run(":");
	assert_output("");
}

/* Print a line of so many a's, and check that it comes in so many pieces. */
static void
assert_pieces(size_t len, size_t pieces)
{
	char script[96];
	size_t i, lines = 0, longest = 0, at = 0;

	snprintf(script, sizeof(script),
		 "head -c %zu /dev/zero | tr '\\0' a; echo; echo end", len);
	run(script);
	for (i = 0; i < output.len; i++) {
		if (output.data[i] != '\n')
			continue;
		if (i - at > longest)
			longest = i - at;
		at = i + 1;
		lines++;
	}
	assert_int_equal(lines, pieces + 1);
	assert_int_equal(output.len, len + pieces + 4);
	assert_true(longest <= HANDLER_LINE);
	assert_int_equal(strcmp(buf_text(&output) + output.len - 5, "\nend\n"),
			 0);
}

static void
very_long_lines_are_cut_in_pieces(void **state)
{
	(void)state;
	assert_pieces(HANDLER_LINE - 1, 1);
	assert_pieces(HANDLER_LINE, 1);
	assert_pieces(HANDLER_LINE + 1, 2);
	assert_pieces(2 * HANDLER_LINE, 2);
	assert_pieces(2 * HANDLER_LINE + 1, 3);
}

static bool
polls_for(int fd)
{
	struct pollfd fds[HANDLER_FDS];
	size_t i, count = handler_poll(&h, fds);

	for (i = 0; i < count; i++)
		if (fds[i].fd == fd)
			return true;
	return false;
}

static void
endless_output_waits_until_it_is_taken(void **state)
{
	int64_t deadline = deadline_in(PATIENCE_MS);
	int rounds;

	(void)state;
	start("exec yes");
	for (rounds = 0; rounds < 5; rounds++) {
		while (polls_for(h.out))
			assert_false(turn(deadline));
		assert_true(h.output.len > MIB);
		assert_true(h.output.len <= MIB + MIB / 2);
		assert_int_equal(h.output.data[h.output.len - 1], '\n');
		buf_clear(&h.output);
	}
	handler_end(&h, when_monotonic(), 10000);
	finish();
	assert_ended(HANDLER_KILLED, SIGTERM);
	assert_true(h.ended);
	assert_false(h.timed_out);
}

static void
stderr_comes_through_and_its_end_is_kept(void **state)
{
	struct buf said;
	size_t i;

	(void)state;
	said = run_for_stderr("echo one >&2; printf 'ha' >&2; printf 'lf' >&2");
	assert_string_equal(said.data, "one\nhalf");
	assert_string_equal(h.said, "one\nhalf");
	assert_output("");
	buf_release(&said);
	said = run_for_stderr("i=0; while [ $i -lt 20000 ]; do echo line $i; "
			      "i=$((i + 1)); done >&2");
	assert_int_equal(said.len,
			 10 * 7 + 90 * 8 + 900 * 9 + 9000 * 10 + 10000 * 11);
	assert_int_equal(strlen(h.said), HANDLER_STDERR);
	assert_memory_equal(h.said, said.data + said.len - HANDLER_STDERR,
			    HANDLER_STDERR);
	for (i = 0; i < said.len; i++)
		assert_true(said.data[i] != '\0');
	buf_release(&said);
	said = run_for_stderr(":");
	assert_string_equal(h.said, "");
	assert_int_equal(said.len, 0);
	buf_release(&said);
}

static void
what_is_kept_of_stderr_is_valid_utf8(void **state)
{
	struct buf said;

	(void)state;
	said = run_for_stderr("printf 'a\\377b\\303\\251\\0c\\303' >&2");
	assert_int_equal(said.len, 8);
	assert_memory_equal(said.data, "a\377b\303\251\0c\303", 8);
	assert_string_equal(h.said, "a?b\303\251?c?");
	buf_release(&said);
	/* The ring begins within a character. */
	said = run_for_stderr("i=0; while [ $i -lt 2000 ]; do "
			      "printf '\\342\\202\\254'; i=$((i + 1)); "
			      "done >&2");
	assert_int_equal(said.len, 6000);
	assert_int_equal(strlen(h.said), 4095);
	assert_int_equal(text_utf8_prefix(h.said, 4095), 4095);
	assert_null(strchr(h.said, '?'));
	buf_release(&said);
}

static void
endless_stderr_is_bounded(void **state)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	redirect_stderr(null);
	start_with("exec yes >&2", "", 0, 200);
	finish();
	restore_stderr();
	close(null);
	assert_true(h.timed_out);
	assert_true(h.tail_len > HANDLER_STDERR);
	assert_int_equal(strlen(h.said), HANDLER_STDERR);
}

/* Whole writes go through in one piece however small the reads of others. */
static void
lines_of_stderr_are_not_torn(void **state)
{
	char chunk[65536];
	int pipes[2];
	ssize_t n;
	size_t torn = 0, total = 0;
	int64_t deadline = deadline_in(PATIENCE_MS);
	bool over = false;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_DIRECT), 0);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	redirect_stderr(pipes[1]);
	start("i=0; while [ $i -lt 2000 ]; do echo line line line $i; "
	      "i=$((i + 1)); done >&2");
	while (!over) {
		over = turn(deadline);
		/* A packet is what one write wrote. */
		while ((n = read(pipes[0], chunk, sizeof(chunk))) > 0) {
			total += (size_t)n;
			torn += chunk[n - 1] != '\n';
		}
	}
	restore_stderr();
	close(pipes[0]);
	close(pipes[1]);
	assert_true(total > 2000 * 17);
	assert_int_equal(torn, 0);
}

static void
a_stalled_stderr_stalls_only_the_command(void **state)
{
	char chunk[65536];
	int pipes[2];
	size_t total = 0;
	ssize_t n;
	int64_t deadline = deadline_in(PATIENCE_MS);
	bool over = false;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	redirect_stderr(pipes[1]);
	start("head -c 1000000 /dev/zero | tr '\\0' b >&2; echo done");
	while (!h.stuck)
		assert_false(turn(deadline));
	assert_true(polls_for(STDERR_FILENO));
	assert_false(polls_for(h.err));
	while (!over) {
		n = read(pipes[0], chunk, sizeof(chunk));
		if (n > 0)
			total += (size_t)n;
		over = turn(deadline);
	}
	restore_stderr();
	while ((n = read(pipes[0], chunk, sizeof(chunk))) > 0)
		total += (size_t)n;
	close(pipes[0]);
	close(pipes[1]);
	take();
	assert_output("done\n");
	assert_int_equal(total, 1000000);
}

static void
a_stderr_that_nobody_reads_ends_too(void **state)
{
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	redirect_stderr(pipes[1]);
	/* First with a reader that has stalled, then with none. */
	start_with("head -c 300000 /dev/zero | tr '\\0' b >&2", "", 0, 200);
	finish();
	assert_true(h.timed_out);
	close(pipes[0]);
	run("echo lost >&2; echo went on");
	restore_stderr();
	close(pipes[1]);
	assert_output("went on\n");
	assert_string_equal(h.said, "lost\n");
}

static void
children_left_behind_are_not_waited_for(void **state)
{
	(void)state;
	open_witness();
	run("sleep 1000 & echo $!; echo said >&3; exit 5");
	assert_ended(HANDLER_EXITED, 5);
	assert_true(atoi(output.data) > 1);
	assert_true(h.beat);
	assert_int_equal(kill(atoi(output.data), SIGKILL), 0);
	assert_true(everyone_ends(PATIENCE_MS));
}

static void
endless_output_of_one_left_behind_ends_the_run_too(void **state)
{
	(void)state;
	open_witness();
	run("yes & head -c 1000 /dev/zero >/dev/null");
	assert_ended(HANDLER_EXITED, 0);
	/* yes dies by SIGPIPE now. */
	assert_true(everyone_ends(PATIENCE_MS));
}

static void
a_timeout_ends_the_command(void **state)
{
	(void)state;
	start_with("exec sleep 1000", "", 0, 50);
	assert_true(handler_due(&h) <= when_monotonic() + 50);
	finish();
	assert_ended(HANDLER_KILLED, SIGTERM);
	assert_true(h.timed_out);
	assert_false(h.ended);
	start_with("trap 'echo tidied; exit 7' TERM; echo ready; "
		   "while :; do sleep 0.01; done",
		   "", 0, 60000);
	finish_until("ready");
	handler_reap(&h, when_monotonic() + 60000);
	finish();
	assert_ended(HANDLER_EXITED, 7);
	assert_true(h.timed_out);
	assert_output("ready\ntidied\n");
}

static void
sigterm_ignored_is_followed_by_sigkill(void **state)
{
	int64_t now;

	(void)state;
	open_witness();
	start_with("trap '' TERM; echo ready; while :; do sleep 0.01; done", "",
		   0, 60000);
	finish_until("ready");
	now = when_monotonic() + 60000;
	assert_false(handler_reap(&h, now));
	assert_true(h.timed_out);
	assert_int_equal(handler_due(&h), now + HANDLER_TERM_MS);
	assert_false(handler_reap(&h, now + HANDLER_TERM_MS - 1));
	assert_false(h.killed);
	handler_reap(&h, now + HANDLER_TERM_MS);
	assert_true(h.killed);
	finish();
	assert_ended(HANDLER_KILLED, SIGKILL);
	assert_true(everyone_ends(PATIENCE_MS));
}

static void
ending_can_be_hastened(void **state)
{
	(void)state;
	start("trap '' TERM; echo ready; while :; do sleep 0.01; done");
	finish_until("ready");
	handler_end(&h, when_monotonic(), 60000);
	handler_end(&h, when_monotonic(), 120000);
	assert_true(handler_due(&h) <= when_monotonic() + 60000);
	assert_false(h.killed);
	handler_end(&h, when_monotonic(), 0);
	assert_true(h.killed);
	finish();
	assert_ended(HANDLER_KILLED, SIGKILL);
	assert_true(h.ended);
	assert_false(h.timed_out);
	handler_end(&h, when_monotonic(), 0); /* too late: nothing */
	assert_ended(HANDLER_KILLED, SIGKILL);
}

static void
children_of_an_ended_command_get_their_time(void **state)
{
	(void)state;
	open_witness();
	start("(trap 'echo tidied; exit' TERM; echo ready; "
	      "while :; do sleep 0.01; done) & wait");
	finish_until("ready");
	handler_end(&h, when_monotonic(), 60000);
	finish();
	assert_ended(HANDLER_KILLED, SIGTERM);
	assert_output("ready\ntidied\n");
	assert_true(everyone_ends(PATIENCE_MS));
}

static void
children_of_an_ended_command_are_killed(void **state)
{
	(void)state;
	open_witness();
	start("(trap '' TERM; echo ready; while :; do sleep 0.01; done) & wait");
	finish_until("ready");
	handler_end(&h, when_monotonic(), 300);
	finish();
	assert_ended(HANDLER_KILLED, SIGTERM);
	assert_true(everyone_ends(PATIENCE_MS));
	/* Also those that hold no pipe. */
	open_witness();
	start("(trap '' TERM; echo ready; exec >&- 2>&- 3>&-; "
	      "while :; do sleep 0.01; done) & wait");
	finish_until("ready");
	handler_end(&h, when_monotonic(), 60000);
	finish();
	assert_ended(HANDLER_KILLED, SIGTERM);
	assert_true(everyone_ends(PATIENCE_MS));
}

static void
a_stopped_command_ends_at_its_timeout(void **state)
{
	(void)state;
	start_with("kill -STOP $$; echo went on", "", 0, 50);
	finish();
	assert_true(h.timed_out);
	assert_ended(HANDLER_KILLED, SIGTERM);
	start_with("trap '' TERM; kill -STOP $$; echo went on; kill -STOP $$",
		   "", 0, 50);
	finish_until("went on");
	handler_end(&h, when_monotonic(), 0);
	finish();
	assert_ended(HANDLER_KILLED, SIGKILL);
}

static void
release_kills_what_runs(void **state)
{
	(void)state;
	open_witness();
	start("trap '' TERM; (trap '' TERM; while :; do sleep 0.01; done) & "
	      "echo ready; kill -STOP $$");
	finish_until("ready");
	handler_release(&h);
	assert_int_equal(h.state, HANDLER_IDLE);
	assert_true(everyone_ends(PATIENCE_MS));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	handler_release(&h);
}

static void
assert_control(const char *script, int progress, const char *text,
	       int64_t retry_after_ms, const char *class, const char *error)
{
	run(script);
	if (h.progress != progress || strcmp(h.progress_text, text) != 0 ||
	    h.retry_after_ms != retry_after_ms ||
	    strcmp(h.error_class, class) != 0 ||
	    strcmp(h.error_text, error) != 0)
		fail_msg("%s: progress %d '%s', retry %lld, error '%s' '%s'",
			 script, h.progress, h.progress_text,
			 (long long)h.retry_after_ms, h.error_class,
			 h.error_text);
}

static void
descriptor_3_tells_how_it_goes(void **state)
{
	(void)state;
	assert_control("echo progress 40 half way there >&3", 40,
		       "half way there", -1, "", "");
	assert_true(h.progress_is_new);
	assert_true(h.beat);
	assert_control("echo 'retry-after 1m30s' >&3", -1, "", 90000, "", "");
	assert_false(h.progress_is_new);
	assert_control("echo 'error net no route to host' >&3", -1, "", -1,
		       "net", "no route to host");
	assert_control("echo error net >&3", -1, "", -1, "net", "");
	assert_control("printf 'progress 7\\nprogress 8 b\\r\\nretry-after 0\\n"
		       "error  a\\t b c \\nbeat\\nprogress 9 ' >&3",
		       9, "", 0, "a", "b c");
	assert_control("echo beat >&3", -1, "", -1, "", "");
	assert_true(h.beat);
	assert_control(":", -1, "", -1, "", "");
	assert_false(h.beat);
	assert_output("");
}

static void
progress_is_clamped(void **state)
{
	(void)state;
	assert_control("echo progress 0 >&3", 0, "", -1, "", "");
	assert_control("echo progress 100 >&3", 100, "", -1, "", "");
	assert_control("echo progress 101 >&3", 100, "", -1, "", "");
	assert_control("echo progress 99999999999999999999999999 >&3", 100, "",
		       -1, "", "");
	assert_control("echo progress -1 >&3", 0, "", -1, "", "");
	assert_control("echo progress 40% >&3", 40, "", -1, "", "");
	assert_control("echo progress 99.9 x >&3", 99, "x", -1, "", "");
}

static void
garbage_on_descriptor_3_is_ignored(void **state)
{
	(void)state;
	assert_control("printf 'progress 5 a\\n"
		       "progress\\nprogress x\\nprogress 1x\\nprogress -\\n"
		       "progress .5\\nprogress %%\\nprogress 1e3\\n"
		       "retry-after\\nretry-after 30\\nretry-after soon\\n"
		       "retry-after 1s 2s\\nerror\\nerror  \\n"
		       "\\n  \\nERROR x\\nerrors x\\nprogress: 7\\n"
		       "\\000\\377\\n' >&3",
		       5, "a", -1, "", "");
	assert_control("head -c 300000 /dev/urandom >&3; echo >&3; "
		       "echo progress 6 >&3",
		       6, h.progress_text, h.retry_after_ms, h.error_class,
		       h.error_text);
}

static void
overlong_lines_on_descriptor_3_are_ignored(void **state)
{
	(void)state;
	assert_control("{ echo progress 1 a; printf 'progress 2 '; "
		       "head -c 100000 /dev/zero | tr '\\0' x; echo; } >&3",
		       1, "a", -1, "", "");
	assert_control("{ head -c 100000 /dev/zero | tr '\\0' x; echo; "
		       "echo progress 3 b; } >&3",
		       3, "b", -1, "", "");
	/* As long as a line may be: 11 bytes and 4085. */
	run("{ printf 'progress 4 '; head -c 4085 /dev/zero | tr '\\0' x; "
	    "echo; } >&3");
	assert_int_equal(h.progress, 4);
	assert_int_equal(strlen(h.progress_text), 255);
	run("{ printf 'progress 4 '; head -c 4086 /dev/zero | tr '\\0' x; "
	    "echo; } >&3");
	assert_int_equal(h.progress, -1);
	assert_true(h.beat);
}

static void
texts_of_descriptor_3_are_valid_utf8(void **state)
{
	size_t len;

	(void)state;
	assert_control("printf 'error c\\377 a\\000b\\303\\251\\n' >&3", -1, "",
		       -1, "c?", "a?b\303\251");
	run("{ printf 'error x '; i=0; while [ $i -lt 300 ]; do "
	    "printf '\\342\\202\\254'; i=$((i + 1)); done; echo; } >&3");
	len = strlen(h.error_text);
	assert_int_equal(len, 510);
	assert_int_equal(text_utf8_prefix(h.error_text, len), len);
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
	buf_clear(&output);
	handler_start(&h, &command);
	finish();
	assert_output("EV_ID=1-0\nEMPTY=\nB= x\ty\n");
}

static void
signals_and_group_are_as_at_a_fresh_start(void **state)
{
	sigset_t set, old;

	(void)state;
	run("kill -PIPE $$; echo ignored");
	assert_ended(HANDLER_KILLED, SIGPIPE);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	run("kill -USR1 $$; echo blocked");
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_ended(HANDLER_KILLED, SIGUSR1);
	run("kill -s 0 -- -$$");
	assert_ended(HANDLER_EXITED, 0);
}

static void
assert_four_descriptors(void)
{
	/* ls has one more, for the directory. */
	start_with("cat; echo progress 1 >&3; echo e >&2; ls /dev/fd | wc -l",
		   "in\n", 3, INT64_MAX);
	finish();
	assert_ended(HANDLER_EXITED, 0);
	assert_int_equal(h.progress, 1);
	assert_string_equal(h.said, "e\n");
	assert_memory_equal(buf_text(&output), "in\n", 3);
	assert_int_equal(atoi(output.data + 3), 5);
}

static void
it_has_descriptors_0_to_3_alone(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd, kept[3], i;

	(void)state;
	redirect_stderr(null);
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
	start_with("cat; echo progress 1 >&3; exit 9", "in\n", 3, INT64_MAX);
	finish();
	for (fd = 0; fd < 3; fd++) {
		dup2(kept[fd], fd);
		close(kept[fd]);
	}
	assert_ended(HANDLER_EXITED, 9);
	assert_int_equal(h.progress, 1);
	assert_output("in\n");
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
	run(":");
	handler_release(&h);
	before = count_descriptors();
	for (i = 0; i < 1000; i++) {
		start_command(argv, "event", 5, INT64_MAX);
		finish();
		assert_ended(HANDLER_EXITED, 0);
		if (i % 10 != 0)
			continue;
		start_command(broken, "event", 5, INT64_MAX);
		assert_ended(HANDLER_BROKEN, ENOENT);
		start_command(argv, "event", 5, INT64_MAX);
		handler_release(&h);
	}
	handler_release(&h);
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

		start_command(argv, "event", 5, INT64_MAX);
		if (h.state == HANDLER_RUNNING)
			started = true;
		else
			assert_ended(HANDLER_BROKEN, EMFILE);
		broken = broken || h.state == HANDLER_BROKEN;
		handler_release(&h);
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
	int64_t deadline = deadline_in(PATIENCE_MS);

	(void)state;
	handler_child_seen();
	assert_int_equal(poll(&pfd, 1, 0), 0);
	start("exit 0");
	while (poll(&pfd, 1, deadline_left(deadline)) < 0)
		assert_int_equal(errno, EINTR);
	assert_int_equal(pfd.revents, POLLIN);
	handler_child_seen();
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_true(handler_reap(&h, when_monotonic()));
	assert_int_equal(handler_due(&h), INT64_MAX);
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

/* SIGCHLD as a careless parent leaves it; what other descriptors we inherited
 * is not for the commands. */
static void
prepare(void)
{
	sigset_t child;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (fd = 3; fd < 256; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(exit_statuses_are_told),
		TEST(signals_are_told),
		TEST(what_cannot_start_is_broken),
		TEST(a_command_that_moved_is_found_again),
		TEST(events_of_any_size_arrive_whole),
		TEST(an_empty_event_is_an_empty_input),
		TEST(a_command_need_not_read),
		TEST(output_comes_in_whole_lines),
		TEST(very_long_lines_are_cut_in_pieces),
		TEST(endless_output_waits_until_it_is_taken),
		TEST(stderr_comes_through_and_its_end_is_kept),
		TEST(what_is_kept_of_stderr_is_valid_utf8),
		TEST(endless_stderr_is_bounded),
		TEST(lines_of_stderr_are_not_torn),
		TEST(a_stalled_stderr_stalls_only_the_command),
		TEST(a_stderr_that_nobody_reads_ends_too),
		TEST(children_left_behind_are_not_waited_for),
		TEST(endless_output_of_one_left_behind_ends_the_run_too),
		TEST(a_timeout_ends_the_command),
		TEST(sigterm_ignored_is_followed_by_sigkill),
		TEST(ending_can_be_hastened),
		TEST(children_of_an_ended_command_get_their_time),
		TEST(children_of_an_ended_command_are_killed),
		TEST(a_stopped_command_ends_at_its_timeout),
		TEST(release_kills_what_runs),
		TEST(descriptor_3_tells_how_it_goes),
		TEST(progress_is_clamped),
		TEST(garbage_on_descriptor_3_is_ignored),
		TEST(overlong_lines_on_descriptor_3_are_ignored),
		TEST(texts_of_descriptor_3_are_valid_utf8),
		TEST(the_environment_is_what_is_given),
		TEST(signals_and_group_are_as_at_a_fresh_start),
		TEST(it_has_descriptors_0_to_3_alone),
		TEST(a_thousand_runs_leave_nothing_behind),
		TEST(no_descriptors_left_is_broken),
		TEST(the_child_descriptor_tells_of_exits),
		TEST(an_idle_handler_does_nothing),
	};

	prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
