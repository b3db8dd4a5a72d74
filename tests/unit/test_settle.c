#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/settle.h"
#include "tests/unit/link.h"
#include "tests/unit/server.h"

static struct conn *conn, *other;
static struct settle result;

static int
setup(void **state)
{
	(void)state;
	link_start("test-settle", 5000);
	conn = link_open();
	other = link_open();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conn_close(conn);
	conn_close(other);
	link_stop();
	return 0;
}

/* Streams s and t with 3000 entries 1-0 …, all pending in group g. */
static int
fill(void **state)
{
	static const char text[] =
		"for _, s in ipairs(KEYS) do\n"
		"	for i = 1, 3000 do\n"
		"		redis.call('XADD', s, i .. '-0', 'data', '{}')\n"
		"	end\n"
		"	redis.call('XGROUP', 'CREATE', s, 'g', 0)\n"
		"	redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', "
		"s, '>')\n"
		"end\n";

	(void)state;
	conn_commandv(other, "FLUSHALL", NULL);
	link_result(other);
	conn_commandv(other, "EVAL", text, "2", "s", "t", NULL);
	link_result(other);
	return 0;
}

static int64_t
pending(const char *stream)
{
	conn_commandv(other, "XPENDING", stream, "g", NULL);
	return link_result(other)->node[1].integer;
}

static int
run(struct out *out, int fd, const char *group)
{
	static const struct select_options all = SELECT_OPTIONS_INIT;
	struct settle_options o = { .group = group };
	struct select select;
	int rc;

	assert_int_equal(select_open(&select, &all), 0);
	rc = settle_run(&result, &o, conn, &select, out, fd);
	select_close(&select);
	return rc;
}

/* Settle a text; returns what was passed on. */
static const char *
settle(const char *text, const char *group, int want)
{
	static char passed[1 << 19];
	char in[] = "/tmp/ev-in.XXXXXX", to[] = "/tmp/ev-out.XXXXXX";
	int fd = mkstemp(in), out_fd = mkstemp(to), rc;
	struct out out;
	ssize_t n;

	assert_true(fd >= 0 && out_fd >= 0);
	unlink(in);
	unlink(to);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	lseek(fd, 0, SEEK_SET);
	out_init(&out, out_fd, "<out>");
	rc = run(&out, fd, group);
	if (rc != want)
		fail_msg("%d: %s", rc, rc < 0 ? conn_error(conn) : "");
	assert_int_equal(out_flush(&out), 0);
	n = pread(out_fd, passed, sizeof(passed) - 1, 0);
	assert_true(n >= 0);
	passed[n] = '\0';
	buf_release(&out.buf);
	close(fd);
	close(out_fd);
	return passed;
}

static void
assert_counts(uint64_t settled, uint64_t unknown, uint64_t refused)
{
	assert_int_equal(result.settled, settled);
	assert_int_equal(result.unknown, unknown);
	assert_int_equal(result.refused, refused);
}

static void
records_are_acknowledged_and_passed_on_as_they_are(void **state)
{
	static const char lines[] =
		"{\"stream\":\"s\",\"id\":\"1-0\",\"group\":\"g\",\"event\":"
		"{\"n\" : 1.0}}\n"
		"{\"id\":\"2-0\",\"ok\":true,\"stream\":\"s\",\"group\":\"g\"}\n"
		"{\"stream\":\"t\",\"id\":\"7-0\",\"group\":\"g\",\"text\":"
		"\"x\"}\n";

	(void)state;
	assert_string_equal(settle(lines, NULL, 0), lines);
	assert_counts(3, 0, 0);
	assert_int_equal(pending("s"), 2998);
	assert_int_equal(pending("t"), 2999);
}

static void
a_group_is_taken_from_the_record_else_from_the_caller(void **state)
{
	(void)state;
	settle("{\"stream\":\"s\",\"id\":\"1-0\"}\n"
	       "{\"stream\":\"s\",\"id\":\"2-0\",\"group\":null}\n"
	       "{\"stream\":\"s\",\"id\":\"3-0\",\"group\":\"other\"}\n",
	       "g", 0);
	assert_counts(2, 1, 0);
	assert_int_equal(pending("s"), 2998);
	settle("{\"stream\":\"s\",\"id\":\"4-0\"}\n", NULL, 0);
	assert_counts(0, 0, 1);
	assert_int_equal(pending("s"), 2998);
}

static void
what_is_not_pending_is_counted_apart(void **state)
{
	static const char line[] =
		"{\"stream\":\"s\",\"id\":\"1-0\",\"group\":\"g\"}\n";

	(void)state;
	settle(line, NULL, 0);
	assert_counts(1, 0, 0);
	assert_string_equal(settle(line, NULL, 0), line);
	assert_counts(0, 1, 0);
	settle("{\"stream\":\"none\",\"id\":\"1-0\",\"group\":\"g\"}\n", NULL,
	       0);
	assert_counts(0, 1, 0);
}

static void
lines_that_cant_be_used_are_refused_and_not_passed_on(void **state)
{
	static const char good[] =
		"{\"stream\":\"s\",\"id\":\"9-0\",\"group\":\"g\"}\n";
	char text[2048];

	(void)state;
	snprintf(
		text, sizeof(text), "%s%s",
		"rubbish\n"
		"[]\n"
		"{\"id\":\"1-0\",\"group\":\"g\"}\n"
		"{\"stream\":\"s\",\"group\":\"g\"}\n"
		"{\"stream\":\"s\",\"id\":null,\"group\":\"g\"}\n"
		"{\"stream\":\"s\",\"id\":\"x\",\"group\":\"g\"}\n"
		"{\"stream\":\"s\",\"id\":1,\"group\":\"g\"}\n"
		"{\"stream\":\"s\",\"id\":\"1-0\",\"group\":\"g\",\"ok\":false}"
		"\n"
		"{\"stream\":\"s\",\"id\":\"1-0\",\"group\":\"g\",\"retry\":"
		"\"30s\"}\n"
		"{\"stream\":\"s\",\"id\":\"1-0\",\"group\":\"g\",\"dead\":"
		"true}\n",
		good);
	assert_string_equal(settle(text, NULL, 0), good);
	assert_counts(1, 0, 10);
	assert_int_equal(pending("s"), 2999);
}

/* Write the records 1 … n, which change stream every `turn` lines. */
static char *
make_lines(int n, int turn)
{
	struct buf b = { 0 };
	int i;

	for (i = 1; i <= n; i++)
		buf_addf(&b,
			 "{\"stream\":\"%s\",\"id\":\"%d-0\",\"group\":"
			 "\"g\"}\n",
			 i / turn % 2 == 0 ? "s" : "t", i);
	buf_text(&b);
	return b.data;
}

static void
many_records_are_settled_in_batches(void **state)
{
	static const int counts[] = { 999, 1000, 1001, 2500 };
	size_t i;

	for (i = 0; i < 4; i++) {
		char *lines = make_lines(counts[i], 1 << 20);

		fill(state);
		assert_string_equal(settle(lines, NULL, 0), lines);
		assert_counts((uint64_t)counts[i], 0, 0);
		assert_int_equal(pending("s"), 3000 - counts[i]);
		free(lines);
	}
}

static void
streams_may_take_turns(void **state)
{
	char *lines = make_lines(600, 7);

	(void)state;
	assert_string_equal(settle(lines, NULL, 0), lines);
	assert_counts(600, 0, 0);
	assert_int_equal(pending("s") + pending("t"), 6000 - 600);
	free(lines);
}

static void
a_lost_connection_is_made_again(void **state)
{
	char *lines = make_lines(1500, 100);

	(void)state;
	conn_command(other, 4);
	conn_args(other, "CLIENT");
	conn_args(other, "KILL");
	conn_args(other, "ID");
	conn_argu(other, conn_client_id(conn));
	link_result(other);
	assert_string_equal(settle(lines, NULL, 0), lines);
	assert_counts(1500, 0, 0);
	free(lines);
}

static void
a_refusing_server_ends_it_and_nothing_is_passed_on(void **state)
{
	(void)state;
	conn_commandv(other, "SET", "text", "x", NULL);
	link_result(other);
	assert_string_equal(
		settle("{\"stream\":\"text\",\"id\":\"1-0\",\"group\":\"g\"}\n",
		       NULL, -1),
		"");
	assert_non_null(strstr(conn_error(conn), "WRONGTYPE"));
	assert_int_equal(result.settled, 0);
}

static void
a_read_that_fails_is_told(void **state)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct out out = { .fd = -1, .name = "<out>" };

	(void)state;
	errno = 0;
	assert_int_equal(run(&out, fd, "g"), -2);
	assert_int_equal(errno, EISDIR);
	close(fd);
}

/* What was read is settled before the next line comes. */
static void
records_do_not_wait_for_further_input(void **state)
{
	static const char first[] =
		"{\"stream\":\"s\",\"id\":\"1-0\",\"group\":\"g\"}\n";
	int in[2], back[2], status;
	struct out out;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(back), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) { /* writes the second record when the first came back */
		char got[sizeof(first)];
		ssize_t n = 0;

		server_die_with_parent();
		close(back[1]);
		if (write(in[1], first, strlen(first)) > 0)
			n = read(back[0], got, sizeof(got));
		if (n == (ssize_t)strlen(first) &&
		    write(in[1], first, strlen(first)) > 0)
			_exit(0);
		_exit(1);
	}
	close(in[1]);
	out_init(&out, back[1], "<out>");
	assert_int_equal(run(&out, in[0], NULL), 0);
	assert_counts(1, 1, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	buf_release(&out.buf);
	close(in[0]);
	close(back[0]);
	close(back[1]);
}

#define test_filled(name) cmocka_unit_test_setup(name, fill)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_filled(records_are_acknowledged_and_passed_on_as_they_are),
		test_filled(
			a_group_is_taken_from_the_record_else_from_the_caller),
		test_filled(what_is_not_pending_is_counted_apart),
		test_filled(
			lines_that_cant_be_used_are_refused_and_not_passed_on),
		cmocka_unit_test(many_records_are_settled_in_batches),
		test_filled(streams_may_take_turns),
		test_filled(a_lost_connection_is_made_again),
		test_filled(a_refusing_server_ends_it_and_nothing_is_passed_on),
		test_filled(a_read_that_fails_is_told),
		test_filled(records_do_not_wait_for_further_input),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
