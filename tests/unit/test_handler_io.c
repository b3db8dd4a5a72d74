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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/deadline.h"
#include "common/handler.h"
#include "common/mem.h"
#include "common/text.h"
#include "common/when.h"
#include "tests/unit/run.h"

enum { MIB = 1 << 20 };

static struct handler *const h = &run_handler;

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
		run_start_with("cat", event, sizes[i], INT64_MAX);
		memset(event, 'x', sizes[i] - 1); /* ours again */
		free(event);
		event = make_event(sizes[i]);
		event[sizes[i] - 1] = '\n';
		run_finish();
		run_assert_ended(HANDLER_EXITED, 0);
		assert_int_equal(run_output.len, sizes[i]);
		assert_memory_equal(run_output.data, event, sizes[i]);
		free(event);
	}
}

static void
an_empty_event_is_an_empty_input(void **state)
{
	(void)state;
	run_start_with("wc -c", NULL, 0, INT64_MAX);
	run_finish();
	assert_int_equal(atoi(buf_text(&run_output)), 0);
	run_assert_ended(HANDLER_EXITED, 0);
}

static void
a_command_need_not_read(void **state)
{
	char *event = make_event(10 << 20);

	(void)state;
	run_start_with("exit 4", event, 10 << 20, INT64_MAX);
	run_finish();
	run_assert_ended(HANDLER_EXITED, 4);
	run_start_with("exec <&-; echo went on", event, 10 << 20, INT64_MAX);
	run_finish();
	run_assert_output("went on\n");
	run_assert_ended(HANDLER_EXITED, 0);
	run_start_with("head -c 100000 | wc -c", event, 10 << 20, INT64_MAX);
	run_finish();
	assert_int_equal(atoi(buf_text(&run_output)), 100000);
	run_start_with("exec sleep 100", event, 10 << 20, 50);
	run_finish();
	assert_true(h->timed_out);
	run_assert_ended(HANDLER_KILLED, SIGTERM);
	free(event);
}

static void
output_comes_in_whole_lines(void **state)
{
	int64_t deadline = deadline_in(RUN_PATIENCE_MS);

	(void)state;
	run_start_with("printf 'one\\ntw'; read line; printf 'o\\n\\nthree'",
		       "", 0, INT64_MAX);
	while (!run_turn(deadline))
		assert_true(h->output.len == 0 ||
			    h->output.data[h->output.len - 1] == '\n');
	run_take();
	run_assert_output("one\ntwo\n\nthree\n");
	run_script(":");
	run_assert_output("");
}

/* Print a line of so many a's, and check that it comes in so many pieces. */
static void
assert_pieces(size_t len, size_t pieces)
{
	size_t i, lines = 0, longest = 0, at = 0;
	char *event = xmalloc(len + 5);

	memset(event, 'a', len);
	memcpy(event + len, "\nend\n", 5);
	run_start_with("exec cat", event, len + 5, INT64_MAX);
	free(event);
	run_finish();
	for (i = 0; i < run_output.len; i++) {
		if (run_output.data[i] != '\n')
			continue;
		if (i - at > longest)
			longest = i - at;
		at = i + 1;
		lines++;
	}
	assert_int_equal(lines, pieces + 1);
	assert_int_equal(run_output.len, len + pieces + 4);
	assert_true(longest <= HANDLER_LINE);
	assert_string_equal(buf_text(&run_output) + run_output.len - 5,
			    "\nend\n");
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
	size_t i, count = handler_poll(h, fds);

	for (i = 0; i < count; i++)
		if (fds[i].fd == fd)
			return true;
	return false;
}

static void
endless_output_waits_until_it_is_taken(void **state)
{
	int64_t deadline = deadline_in(RUN_PATIENCE_MS);
	int rounds;

	(void)state;
	run_start("exec yes");
	for (rounds = 0; rounds < 5; rounds++) {
		while (polls_for(h->out))
			assert_false(run_turn(deadline));
		assert_true(h->output.len > MIB);
		assert_true(h->output.len <= MIB + MIB / 2);
		assert_int_equal(h->output.data[h->output.len - 1], '\n');
		buf_clear(&h->output);
	}
	handler_end(h, when_monotonic(), 10000);
	run_finish();
	run_assert_ended(HANDLER_KILLED, SIGTERM);
	assert_true(h->ended);
	assert_false(h->timed_out);
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
	run_redirect_stderr(fileno(file));
	run_script(script);
	run_restore_stderr();
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
stderr_comes_through_and_its_end_is_kept(void **state)
{
	struct buf said;
	size_t i;

	(void)state;
	said = run_for_stderr("echo one >&2; printf 'ha' >&2; printf 'lf' >&2");
	assert_string_equal(said.data, "one\nhalf");
	assert_string_equal(h->said, "one\nhalf");
	run_assert_output("");
	buf_release(&said);
	said = run_for_stderr("i=0; while [ $i -lt 20000 ]; do echo line $i; "
			      "i=$((i + 1)); done >&2");
	assert_int_equal(said.len,
			 10 * 7 + 90 * 8 + 900 * 9 + 9000 * 10 + 10000 * 11);
	assert_int_equal(strlen(h->said), HANDLER_STDERR);
	assert_memory_equal(h->said, said.data + said.len - HANDLER_STDERR,
			    HANDLER_STDERR);
	for (i = 0; i < said.len; i++)
		assert_true(said.data[i] != '\0');
	buf_release(&said);
	said = run_for_stderr(":");
	assert_string_equal(h->said, "");
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
	assert_string_equal(h->said, "a?b\303\251?c?");
	buf_release(&said);
	/* The ring begins within a character. */
	said = run_for_stderr("i=0; while [ $i -lt 2000 ]; do "
			      "printf '\\342\\202\\254'; i=$((i + 1)); "
			      "done >&2");
	assert_int_equal(said.len, 6000);
	assert_int_equal(strlen(h->said), 4095);
	assert_int_equal(text_utf8_prefix(h->said, 4095), 4095);
	assert_null(strchr(h->said, '?'));
	buf_release(&said);
}

static void
endless_stderr_is_bounded(void **state)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	run_redirect_stderr(null);
	run_start_with("exec yes >&2", "", 0, 200);
	run_finish();
	run_restore_stderr();
	close(null);
	assert_true(h->timed_out);
	assert_true(h->tail_len > HANDLER_STDERR);
	assert_int_equal(strlen(h->said), HANDLER_STDERR);
}

/* What was written at once is more than is read at once. */
static void
lines_of_stderr_are_not_torn(void **state)
{
	char chunk[65536];
	int64_t deadline = deadline_in(RUN_PATIENCE_MS);
	struct buf lines = { 0 };
	size_t torn = 0, total = 0;
	bool over = false;
	int pipes[2];
	ssize_t n;

	(void)state;
	while (lines.len < 60000)
		buf_addf(&lines, "line %zu of many\n", lines.len);
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_DIRECT), 0);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	run_redirect_stderr(pipes[1]);
	run_start_with("exec 4>&2; exec dd bs=65536 count=1 2>/dev/null >&4",
		       lines.data, lines.len, INT64_MAX);
	while (!over) {
		over = run_turn(deadline);
		/* A packet is what one write wrote. */
		while ((n = read(pipes[0], chunk, sizeof(chunk))) > 0) {
			total += (size_t)n;
			torn += chunk[n - 1] != '\n';
		}
	}
	run_restore_stderr();
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(total, lines.len);
	assert_int_equal(torn, 0);
	buf_release(&lines);
}

/* Count in a process of its own what can be read; its exit status tells whether
 * it was `want`. */
static pid_t
count_bytes(int fd, size_t want)
{
	char chunk[4096];
	size_t total = 0;
	pid_t pid = fork();
	ssize_t n;

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	close(STDERR_FILENO);
	fcntl(fd, F_SETFL, 0);
	while (total < want && (n = read(fd, chunk, sizeof(chunk))) > 0)
		total += (size_t)n;
	_exit(total == want ? 0 : 1);
}

static void
a_stalled_stderr_stalls_only_the_command(void **state)
{
	int pipes[2], status = -1;
	int64_t deadline = deadline_in(RUN_PATIENCE_MS);
	pid_t reader;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	run_redirect_stderr(pipes[1]);
	close(pipes[1]);
	run_start("head -c 1000000 /dev/zero | tr '\\0' b >&2; echo done");
	while (!h->stuck)
		assert_false(run_turn(deadline));
	assert_true(polls_for(STDERR_FILENO));
	assert_false(polls_for(h->err));
	reader = count_bytes(pipes[0], 1000000);
	run_finish();
	run_restore_stderr();
	close(pipes[0]);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
	run_assert_output("done\n");
}

static void
a_stderr_that_nobody_reads_ends_too(void **state)
{
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	run_redirect_stderr(pipes[1]);
	/* First with a reader that has stalled, then with none. */
	run_start_with("head -c 300000 /dev/zero | tr '\\0' b >&2", "", 0, 200);
	run_finish();
	assert_true(h->timed_out);
	assert_false(h->killed); /* not for what we hold back */
	close(pipes[0]);
	run_script("head -c 300000 /dev/zero >&2; echo lost >&2; echo went on");
	run_restore_stderr();
	close(pipes[1]);
	run_assert_output("went on\n");
	assert_string_equal(h->said + HANDLER_STDERR - 5, "lost\n");
}

/* It has closed all but its stderr and, told to end, outlives its leader. */
static void
a_child_whose_stderr_nobody_reads_is_not_waited_for_in_vain(void **state)
{
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	run_redirect_stderr(pipes[1]);
	run_start_with(
		"{ trap 'sleep 0.3; exit' TERM\n"
		"head -c 300000 /dev/zero; } >&2 2>/dev/null 3>&- & wait",
		"", 0, 200);
	run_finish();
	run_restore_stderr();
	close(pipes[0]);
	close(pipes[1]);
	assert_true(h->timed_out);
	assert_false(h->killed);
	run_assert_ended(HANDLER_KILLED, SIGTERM);
}

#define TEST(name) cmocka_unit_test_teardown(name, run_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
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
		TEST(a_child_whose_stderr_nobody_reads_is_not_waited_for_in_vain),
	};

	run_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
