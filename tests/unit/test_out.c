#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/out.h"
#include "common/stop.h"
#include "tests/unit/server.h"

static int fds[2]; /* a pipe, whose writing end is out's */
static struct out out;

static int
open_pipe(void **state)
{
	(void)state;
	assert_int_equal(pipe(fds), 0);
	out_init(&out, fds[1], "<test>");
	return 0;
}

static int
close_pipe(void **state)
{
	(void)state;
	buf_release(&out.buf);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static void
write_text(const char *text)
{
	assert_int_equal(out_write(&out, text, strlen(text)), 0);
}

/* What is in the pipe now, and nothing else. */
static void
assert_arrived(const char *want)
{
	struct pollfd pfd = { .fd = fds[0], .events = POLLIN };
	char got[1024];
	ssize_t n = 0;

	if (poll(&pfd, 1, 0) == 1)
		n = read(fds[0], got, sizeof(got));
	if (n != (ssize_t)strlen(want) || memcmp(got, want, (size_t)n) != 0)
		fail_msg("\"%.*s\", not \"%s\"", (int)n, got, want);
}

static void
bytes_go_out_when_flushed(void **state)
{
	char got[8];

	(void)state;
	write_text("a");
	assert_int_equal(out_end(&out), 0);
	assert_int_equal(out_write(&out, "\0\n", 2), 0);
	assert_arrived("");
	assert_int_equal(out_flush(&out), 0);
	assert_int_equal(out.error, 0);
	assert_int_equal(out.buf.len, 0);
	out.terminator = '\0';
	assert_int_equal(out_end(&out), 0);
	assert_int_equal(out_flush(&out), 0);
	assert_int_equal(read(fds[0], got, sizeof(got)), 5);
	assert_memory_equal(got, "a\n\0\n\0", 5);
}

static void
bytes_go_out_when_there_are_many(void **state)
{
	static const char line[100];
	char path[] = "/tmp/ev-out.XXXXXX";
	int fd = mkstemp(path);
	struct out file;
	size_t i;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	out_init(&file, fd, "<file>");
	for (i = 0; lseek(fd, 0, SEEK_END) == 0; i++) {
		assert_true(i < 2000);
		assert_int_equal(out_write(&file, line, sizeof(line)), 0);
		assert_true(file.buf.len <= 64 << 10);
	}
	assert_int_equal(file.buf.len, 0);
	assert_int_equal(out_close(&file, EXIT_OK), EXIT_OK);
}

static void
json_takes_one_line(void **state)
{
	static const char pretty[] = "\n{\r\n\t\"a\" : [1,\n\n 2],\r\"b\": "
				     "\"\\n\xc2\x9b\x7f\xe2\x80\xae\"\n}\r\n";

	(void)state;
	assert_int_equal(out_json(&out, pretty, strlen(pretty)), 0);
	assert_int_equal(out_json(&out, "", 0), 0);
	assert_int_equal(out_json(&out, "\n", 1), 0);
	assert_int_equal(out_end(&out), 0);
	assert_int_equal(out_flush(&out), 0);
	assert_arrived("{\t\"a\" : [1, 2],\"b\": "
		       "\"\\n\xc2\x9b\x7f\xe2\x80\xae\"}\n");
}

/* Both ends of a terminal that changes nothing; -1 where there is none. */
static int
open_terminal(int *reader)
{
	struct termios raw;
	int fd;

	*reader = posix_openpt(O_RDWR | O_NOCTTY);
	if (*reader < 0 || grantpt(*reader) < 0 || unlockpt(*reader) < 0)
		return -1;
	fd = open(ptsname(*reader), O_RDWR | O_NOCTTY);
	if (fd < 0 || tcgetattr(fd, &raw) < 0)
		return -1;
	cfmakeraw(&raw);
	return tcsetattr(fd, TCSANOW, &raw) < 0 ? -1 : fd;
}

static void
what_could_drive_a_terminal_is_escaped_on_one(void **state)
{
	static const char json[] =
		"{\n\t\"a\":\"\xc2\x9b"
		"31m \x7f\xe2\x80\xae\xe2\x81\xa6 \xc3\xa9\xf0\x9f\x98\x80\"}";
	static const char want[] =
		"{  \"a\":\"\\u009b31m \\u007f\\u202e\\u2066 "
		"\xc3\xa9\xf0\x9f\x98\x80\"}\n";
	char got[256];
	int reader, fd = open_terminal(&reader);
	struct out term;
	ssize_t n;

	(void)state;
	if (fd < 0)
		skip();
	out_init(&term, fd, "<terminal>");
	assert_true(term.terminal);
	assert_int_equal(out_watch_fd(&term), -1);
	assert_int_equal(out_json(&term, json, strlen(json)), 0);
	assert_int_equal(out_end(&term), 0); /* and flushes */
	n = read(reader, got, sizeof(got));
	if (n != (ssize_t)strlen(want) || memcmp(got, want, (size_t)n) != 0)
		fail_msg("%.*s", (int)n, got);
	assert_int_equal(out_close(&term, EXIT_OK), EXIT_OK);
	close(reader);
}

static void
the_first_failing_write_counts_for_ever(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct out full;
	int i;

	(void)state;
	if (fd < 0)
		skip();
	out_init(&full, fd, "<full>");
	assert_int_equal(out_write(&full, "x", 1), 0);
	assert_int_equal(out_end(&full), 0);
	assert_int_equal(out_flush(&full), -1);
	assert_int_equal(full.error, ENOSPC);
	for (i = 0; i < 3; i++) {
		assert_int_equal(out_write(&full, "x", 1), -1);
		assert_int_equal(out_json(&full, "{}", 2), -1);
		assert_int_equal(out_end(&full), -1);
		assert_int_equal(out_flush(&full), -1);
		assert_int_equal(full.buf.len, 0);
	}
	assert_int_equal(full.error, ENOSPC);
	assert_int_equal(out_close(&full, EXIT_OK), EXIT_OUTPUT);
}

static void
a_write_that_fails_at_the_end_is_told_by_close(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct out full;

	(void)state;
	if (fd < 0)
		skip();
	out_init(&full, fd, "<full>");
	assert_int_equal(out_write(&full, "x", 1), 0);
	assert_int_equal(out_close(&full, EXIT_INPUT), EXIT_OUTPUT);
}

static void
a_full_buffer_whose_write_fails_is_told_at_once(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	char *much = xmalloc(1 << 20);
	struct out full;

	(void)state;
	if (fd < 0)
		skip();
	memset(much, 'x', 1 << 20);
	out_init(&full, fd, "<full>");
	assert_int_equal(out_write(&full, much, 1 << 20), -1);
	assert_int_equal(out_close(&full, EXIT_OK), EXIT_OUTPUT);
	free(much);
}

static void
a_closed_pipe_ends_quietly(void **state)
{
	static const enum exit_status statuses[] = { EXIT_OK, EXIT_NO,
						     EXIT_SERVER };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct out lone;
		int pair[2];

		assert_int_equal(pipe(pair), 0);
		out_init(&lone, pair[1], "<pipe>");
		assert_int_equal(out_write(&lone, "x", 1), 0);
		close(pair[0]);
		assert_int_equal(out_flush(&lone), -1);
		assert_int_equal(lone.error, EPIPE);
		assert_int_equal(out_close(&lone, statuses[i]), statuses[i]);
	}
}

static void
a_pipe_whose_reader_has_gone_is_noticed(void **state)
{
	struct pollfd pfd = { .fd = out_watch_fd(&out) };

	(void)state;
	assert_int_equal(pfd.fd, fds[1]);
	assert_false(out_is_abandoned(&out));
	assert_int_equal(poll(&pfd, 1, 0), 0);
	close(fds[0]);
	assert_int_equal(poll(&pfd, 1, 1000), 1);
	assert_true(out_is_abandoned(&out));
	assert_int_equal(out.error, EPIPE);
	assert_int_equal(out_write(&out, "x", 1), -1);
	fds[0] = dup(fds[1]); /* for close_pipe() */
}

static void
a_file_is_not_watched(void **state)
{
	char path[] = "/tmp/ev-out.XXXXXX", got[4];
	int fd = mkstemp(path);
	struct out file;

	(void)state;
	assert_true(fd >= 0);
	out_init(&file, fd, "<file>");
	assert_int_equal(out_watch_fd(&file), -1);
	assert_false(out_is_abandoned(&file));
	assert_int_equal(out_write(&file, "abc", 3), 0);
	assert_int_equal(out_close(&file, EXIT_NO), EXIT_NO);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, got, sizeof(got)), 3);
	assert_memory_equal(got, "abc", 3);
	close(fd);
	unlink(path);
}

/* A child that reads all of the pipe; its status is 0 if there were `want`
 * bytes, each the same as its place. */
static pid_t
start_reader(size_t want)
{
	pid_t pid = fork();
	size_t at = 0;
	ssize_t n, i;

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	server_die_with_parent();
	close(fds[1]);
	for (;;) {
		char got[1000];

		n = read(fds[0], got, sizeof(got));
		if (n <= 0)
			_exit(n == 0 && at == want ? 0 : 1);
		for (i = 0; i < n; i++)
			if (got[i] != (char)at++)
				_exit(2);
	}
}

/* Another process may have made a shared descriptor non-blocking. */
static void
a_pipe_that_does_not_block_is_waited_for(void **state)
{
	enum { SIZE = 2 << 20 };
	char *much = xmalloc(SIZE);
	pid_t reader = start_reader(SIZE);
	int status, i;

	(void)state;
	for (i = 0; i < SIZE; i++)
		much[i] = (char)i;
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(out_write(&out, much, SIZE), 0);
	assert_int_equal(out_close(&out, EXIT_OK), EXIT_OK);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	free(much);
	fds[1] = dup(fds[0]); /* for close_pipe() */
}

static int interruptions;

/* The third interruption lets the reader go on. */
static void
count_interruption(void *arg)
{
	if (++interruptions == 3)
		kill(*(pid_t *)arg, SIGCONT);
}

static void
a_write_that_blocks_can_be_interrupted_and_goes_on(void **state)
{
	enum { SIZE = 2 << 20 };
	char *much = xmalloc(SIZE);
	pid_t reader = start_reader(SIZE);
	int status, i;

	(void)state;
	assert_int_equal(kill(reader, SIGSTOP), 0);
	assert_int_equal(waitpid(reader, &status, WUNTRACED), reader);
	for (i = 0; i < SIZE; i++)
		much[i] = (char)i;
	out.interrupted = count_interruption;
	out.arg = &reader;
	stop_tick(20);
	assert_int_equal(out_write(&out, much, SIZE), 0);
	stop_tick(0);
	assert_true(interruptions >= 3);
	assert_int_equal(out_close(&out, EXIT_OK), EXIT_OK);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	free(much);
	fds[1] = dup(fds[0]); /* for close_pipe() */
}

static void
request_stop(void *arg)
{
	(void)arg;
	stop_request();
}

/* From here on, since a stop can't be taken back. */
static void
a_stop_ends_a_write_that_blocks(void **state)
{
	enum { SIZE = 2 << 20 };
	char *much = xcalloc(1, SIZE);

	(void)state;
	out.interrupted = request_stop;
	stop_tick(20);
	assert_int_equal(out_write(&out, much, SIZE), -1);
	stop_tick(0);
	assert_int_equal(out.error, EINTR);
	assert_int_equal(out_close(&out, EXIT_NO), EXIT_NO);
	free(much);
}

static void
a_reader_that_reads_gets_all_even_after_a_stop(void **state)
{
	enum { SIZE = 1 << 20 };
	char *much = xmalloc(SIZE);
	pid_t reader = start_reader(SIZE);
	int status, i;

	(void)state;
	for (i = 0; i < SIZE; i++)
		much[i] = (char)i;
	assert_int_equal(out_write(&out, much, SIZE), 0);
	assert_int_equal(out_close(&out, EXIT_OK), EXIT_OK);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	free(much);
	fds[1] = dup(fds[0]); /* for close_pipe() */
}

#define test_on_pipe(name) \
	cmocka_unit_test_setup_teardown(name, open_pipe, close_pipe)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_pipe(bytes_go_out_when_flushed),
		cmocka_unit_test(bytes_go_out_when_there_are_many),
		test_on_pipe(json_takes_one_line),
		cmocka_unit_test(what_could_drive_a_terminal_is_escaped_on_one),
		cmocka_unit_test(the_first_failing_write_counts_for_ever),
		cmocka_unit_test(
			a_write_that_fails_at_the_end_is_told_by_close),
		cmocka_unit_test(
			a_full_buffer_whose_write_fails_is_told_at_once),
		cmocka_unit_test(a_closed_pipe_ends_quietly),
		test_on_pipe(a_pipe_whose_reader_has_gone_is_noticed),
		cmocka_unit_test(a_file_is_not_watched),
		test_on_pipe(a_pipe_that_does_not_block_is_waited_for),
		test_on_pipe(
			a_write_that_blocks_can_be_interrupted_and_goes_on),
		test_on_pipe(a_stop_ends_a_write_that_blocks),
		test_on_pipe(a_reader_that_reads_gets_all_even_after_a_stop),
	};

	diag_init("test-out");
	diag_set_level(DIAG_QUIET);
	stop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
