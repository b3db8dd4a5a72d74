#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/conn.h"
#include "common/diag.h"
#include "common/stop.h"
#include "common/when.h"
#include "tests/unit/server.h"

static struct server server; /* that most tests share */
static struct conn_options options;

static int
setup(void **state)
{
	(void)state;
	diag_init("test-conn");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	server_start(&server, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

static const struct conn_options *
use(const char *url)
{
	options = (struct conn_options)CONN_OPTIONS_INIT;
	options.url = url;
	options.retry_for_ms = 0;
	return &options;
}

static struct conn *
open_at(const char *url)
{
	struct conn *c = conn_open(use(url));

	if (conn_error(c) != NULL)
		fail_msg("%s", conn_error(c));
	return c;
}

static void
assert_error(const struct conn *c, const char *want)
{
	if (conn_error(c) == NULL)
		fail_msg("no error, but should be: %s", want);
	if (strstr(conn_error(c), want) == NULL)
		fail_msg("%s\nshould say: %s", conn_error(c), want);
}

static void
assert_open_fails(const struct conn_options *o, bool usage, const char *why)
{
	struct conn *c = conn_open(o);

	assert_error(c, why);
	assert_int_equal(usage, conn_is_usage(c));
	assert_true(conn_is_lost(c));
	conn_close(c);
}

/* Write a file into the server's directory; returns its path. */
static const char *
make_file(const char *text)
{
	static char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/file", server.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(0, fclose(f));
	return path;
}

static void
logs_in_with_name_and_id(void **state)
{
	struct conn *c = open_at(server.url);
	struct reply *r;
	int64_t id;

	(void)state;
	assert_string_equal(server.url, conn_name(c));
	conn_commandv(c, "CLIENT", "GETNAME", NULL);
	r = conn_result(c);
	assert_non_null(r);
	assert_true(reply_equals(r, 0, "test-conn"));
	conn_commandv(c, "CLIENT", "ID", NULL);
	assert_int_equal(0, reply_number(conn_result(c), 0, &id));
	assert_int_equal(id, conn_client_id(c));
	assert_null(conn_error(c));
	conn_close(c);
}

static void
selects_the_database_of_the_url(void **state)
{
	char url[128];
	struct conn *c;
	struct reply *r;
	size_t len;

	(void)state;
	snprintf(url, sizeof(url), "%s?db=3", server.url);
	c = open_at(url);
	conn_commandv(c, "CLIENT", "INFO", NULL);
	r = conn_result(c);
	assert_non_null(r);
	assert_non_null(strstr(reply_text(r, 0, &len), " db=3 "));
	conn_close(c);

	snprintf(url, sizeof(url), "%s?db=99", server.url);
	assert_open_fails(use(url), false, "ERR DB index is out of range");
}

static void
finds_the_password_in_file_url_and_environment(void **state)
{
	const char *const with_password[] = { "--requirepass", "s3cret", NULL };
	struct conn_options o;
	struct server s;
	struct conn *c;
	char url[160];

	(void)state;
	server_start(&s, with_password);
	assert_open_fails(use(s.url), false, "NOAUTH Authentication required");
	setenv("REDISCLI_AUTH", "s3cret", 1);
	conn_close(open_at(s.url));
	unsetenv("REDISCLI_AUTH");
	snprintf(url, sizeof(url), "unix://:s3cret@%s", s.socket);
	setenv("REDISCLI_AUTH", "wrong", 1);
	c = open_at(url);
	assert_null(strstr(conn_name(c), "s3cret"));
	conn_close(c);
	unsetenv("REDISCLI_AUTH");
	snprintf(url, sizeof(url), "unix://default:wrong@%s", s.socket);
	o = *use(url);
	o.password_file = make_file("s3cret\r\nsecond line\n");
	c = conn_open(&o);
	assert_null(conn_error(c));
	conn_close(c);
	server_stop(&s);
}

static void
fails_at_once_for_a_wrong_password(void **state)
{
	const char *const with_password[] = { "--requirepass", "s3cret", NULL };
	int64_t start = when_monotonic();
	struct conn_options o;
	struct server s;
	char url[160];

	(void)state;
	server_start(&s, with_password);
	snprintf(url, sizeof(url), "unix://:wr0ng@%s", s.socket);
	o = *use(url);
	o.retry_for_ms = 60000;
	assert_open_fails(&o, false,
			  ": WRONGPASS invalid username-password pair or user "
			  "is disabled");
	o.url = s.url;
	assert_open_fails(&o, false, ": NOAUTH Authentication required");
	assert_true(when_monotonic() - start < 10000);
	server_stop(&s);
}

static void
goes_on_where_the_user_may_not_name_the_connection(void **state)
{
	struct conn *c = open_at(server.url), *limited;
	char url[160];

	(void)state;
	conn_commandv(c, "ACL", "SETUSER", "lim", "on", ">pw", "~*", "-@all",
		      "+get", NULL);
	assert_non_null(conn_result(c));
	snprintf(url, sizeof(url), "unix://lim:pw@%s", server.socket);
	limited = open_at(url);
	assert_int_equal(0, conn_client_id(limited));
	conn_commandv(limited, "SET", "k", "v", NULL);
	assert_null(conn_result(limited));
	assert_error(limited, "NOPERM");
	assert_false(conn_is_lost(limited));
	conn_close(limited);
	conn_close(c);
}

static void
goes_on_where_no_password_is_wanted(void **state)
{
	char url[160];

	(void)state;
	snprintf(url, sizeof(url), "unix://:needless@%s", server.socket);
	conn_close(open_at(url));
}

static void
tells_wrong_usage_from_a_wrong_server(void **state)
{
	struct conn_options o = *use(server.url);

	(void)state;
	assert_open_fails(use("redis+sentinel://a,b/main"), true,
			  "redis+sentinel is not supported yet");
	assert_open_fails(use("redis+cluster://a,b"), true,
			  "redis+cluster is not supported yet");
	assert_open_fails(use("gopher://a"), true, "gopher://a: ");
	assert_open_fails(use("unix:///nonexistent/socket"), false,
			  "unix:///nonexistent/socket: ");
	o.password_file = "/nonexistent/file";
	assert_open_fails(&o, true,
			  "/nonexistent/file: No such file or directory");
	o.password_file = server.dir;
	assert_open_fails(&o, true, "Is a directory");
	o.password_file = make_file("\n");
	assert_open_fails(&o, true, "there is no password in it");
}

static void
gives_up_when_the_time_for_retries_is_over(void **state)
{
	struct conn_options o = *use("unix:///nonexistent/socket");
	int64_t start = when_monotonic(), took;

	(void)state;
	o.retry_for_ms = 200;
	assert_open_fails(&o, false, "No such file or directory");
	took = when_monotonic() - start;
	assert_true(took >= 200);
	assert_true(took < 5000);
}

static void
waits_for_a_server_that_is_still_starting(void **state)
{
	struct conn_options o;
	struct server s;
	struct conn *c;

	(void)state;
	server_prepare(&s);
	o = *use(s.url);
	o.retry_for_ms = 20000;
	server_spawn(&s, NULL);
	c = conn_open(&o);
	assert_null(conn_error(c));
	assert_true(conn_now(c) > 0);
	conn_close(c);
	server_stop(&s);
}

/* Run in a child, because a stop stays; SIGTERM comes once it says so.  The
 * child must not use cmocka's checks, which would go on with the other tests. */
static int
run_and_stop(int (*run)(int ready))
{
	int ready[2], status;
	pid_t pid;
	char c;

	assert_int_equal(0, pipe(ready));
	pid = fork();
	if (pid == 0) {
		stop_init(); /* its own pipe: the parent must not stop */
		_exit(run(ready[1]));
	}
	close(ready[1]);
	assert_int_equal(1, read(ready[0], &c, 1));
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	close(ready[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
open_where_nobody_is(int ready)
{
	struct conn_options o = *use("unix:///nonexistent/socket");
	struct conn *c;

	o.retry_for_ms = INT64_MAX;
	if (write(ready, "", 1) < 0)
		return 1;
	c = conn_open(&o);
	if (conn_error(c) == NULL || !conn_is_lost(c))
		return 2;
	conn_close(c);
	return 0;
}

static int
wait_for_a_stop(int ready)
{
	struct conn *c = conn_open(use(server.url));
	int seen = 0;

	if (conn_error(c) != NULL || write(ready, "", 1) < 0)
		return 1;
	while (seen == 0)
		seen = conn_wait(c, -1, -1, false);
	if (seen != CONN_SEEN_STOP)
		return 2;
	if (conn_wait(c, -1, -1, false) != CONN_SEEN_STOP) /* it stays so */
		return 3;
	if (conn_wait(c, -1, 0, true) != 0)
		return 4;
	if (conn_now(c) < 0) /* a drain may go on asking */
		return 5;
	if (conn_reconnect(c) != -1 || conn_error(c) == NULL)
		return 6;
	conn_close(c);
	c = conn_open(use(server.url)); /* and may open another connection */
	if (conn_error(c) != NULL)
		return 7;
	conn_close(c);
	return 0;
}

static void
is_interrupted_by_a_stop(void **state)
{
	(void)state;
	assert_int_equal(0, run_and_stop(open_where_nobody_is));
	assert_int_equal(0, run_and_stop(wait_for_a_stop));
}

static void
keeps_the_connection_when_the_server_says_no(void **state)
{
	struct conn *c = open_at(server.url);
	struct reply *r;

	(void)state;
	conn_commandv(c, "SET", "text", "x", NULL);
	conn_commandv(c, "XADD", "text", "*", "data", "x", NULL);
	conn_commandv(c, "GET", "text", NULL);
	assert_non_null(conn_result(c));
	assert_null(conn_result(c));
	assert_string_equal("WRONGTYPE Operation against a key holding the "
			    "wrong kind of value",
			    conn_error(c));
	assert_false(conn_is_lost(c));
	r = conn_result(c);
	assert_non_null(r);
	assert_true(reply_equals(r, 0, "x"));
	assert_null(conn_error(c));

	conn_commandv(c, "NONSENSE", NULL);
	r = conn_reply(c, 0);
	assert_true(reply_is(r, 0, REPLY_ERROR));
	assert_null(conn_error(c));
	conn_fail_reply(c, r, 0);
	assert_error(c, "ERR unknown command");
	conn_close(c);
}

static void
ends_the_connection_over_a_reply_of_the_wrong_shape(void **state)
{
	struct conn *c = open_at(server.url);

	(void)state;
	conn_fail_shape(c, "XINFO");
	assert_error(c, ": XINFO answered in an unknown shape");
	assert_true(conn_is_lost(c));
	conn_close(c);
}

static void
sends_arguments_of_every_kind(void **state)
{
	struct conn *c = open_at(server.url);
	struct reply *r;
	size_t len;

	(void)state;
	conn_command(c, 6);
	conn_args(c, "XADD");
	conn_arg(c, "k\0\r\n", 4);
	conn_argid(c, (struct id){ UINT64_MAX, 7 });
	conn_argu(c, UINT64_MAX);
	conn_arg(c, "", 0);
	conn_args(c, "x");
	/* One word too many for XADD: the count must have been right. */
	assert_null(conn_result(c));
	conn_command(c, 5);
	conn_args(c, "XADD");
	conn_arg(c, "k\0\r\n", 4);
	conn_argid(c, (struct id){ UINT64_MAX, 7 });
	conn_argu(c, UINT64_MAX);
	conn_arg(c, "", 0);
	r = conn_result(c);
	assert_non_null(r);
	assert_true(reply_equals(r, 0, "18446744073709551615-7"));
	conn_command(c, 4);
	conn_args(c, "XRANGE");
	conn_arg(c, "k\0\r\n", 4);
	conn_args(c, "-");
	conn_args(c, "+");
	r = conn_result(c);
	assert_non_null(r);
	assert_true(reply_equals(r, 4, "18446744073709551615"));
	reply_text(r, 5, &len);
	assert_int_equal(0, len);
	conn_close(c);
}

static void
knows_the_servers_clock_and_commands(void **state)
{
	struct conn *c = open_at(server.url);
	int64_t apart = conn_now(c) - when_local_now();

	(void)state;
	assert_true(apart > -5000 && apart < 5000);
	assert_int_equal(1, conn_has_command(c, "XADD"));
	assert_int_equal(0, conn_has_command(c, "NONSENSE"));
	conn_close(c);
}

enum { PIPELINED = 100000 };

static void
append_echo(struct conn *c, int i)
{
	char text[201];

	snprintf(text, sizeof(text), "%0200d", i);
	conn_commandv(c, "ECHO", text, NULL);
}

static void
assert_echo(const struct reply *r, int i)
{
	char text[201];

	snprintf(text, sizeof(text), "%0200d", i);
	if (r == NULL || !reply_equals(r, 0, text))
		fail_msg("reply %d is another", i);
}

static void
answers_all_that_was_pipelined_before_the_first_reply(void **state)
{
	struct conn *c = open_at(server.url);
	int i;

	(void)state;
	for (i = 0; i < PIPELINED; i++)
		append_echo(c, i);
	assert_true(conn_unsent(c) > PIPELINED * 200);
	for (i = 0; i < PIPELINED; i++)
		assert_echo(conn_reply(c, 0), i);
	assert_int_equal(0, conn_unsent(c));
	conn_close(c);
}

static void
reads_while_it_writes(void **state)
{
	struct conn *c = open_at(server.url);
	int asked = 0, answered = 0;

	(void)state;
	while (answered < PIPELINED) {
		struct reply *r;
		int rc, n;

		for (n = 0; n < 1000 && asked < PIPELINED; n++)
			append_echo(c, asked++);
		assert_int_equal(0, conn_flush(c));
		while ((rc = conn_next(c, &r, 0)) == 1)
			assert_echo(r, answered++);
		assert_int_equal(0, rc);
		if (asked == PIPELINED && answered < PIPELINED)
			assert_true(conn_wait(c, -1, 10000, false) >= 0);
	}
	conn_close(c);
}

enum { ENTRIES = 3000, ENTRY_BYTES = 1024, PART_BYTES = 64 << 10 };

static void
fill(struct conn *c, const char *stream)
{
	char text[ENTRY_BYTES + 1];
	int i;

	memset(text, 'x', ENTRY_BYTES);
	text[ENTRY_BYTES] = '\0';
	for (i = 0; i < ENTRIES; i++)
		conn_commandv(c, "XADD", stream, "*", "data", text, NULL);
	for (i = 0; i < ENTRIES; i++)
		assert_non_null(conn_result(c));
}

/* Consume the whole entries; returns how many they were. */
static int
take_entries(struct reply *r, size_t from)
{
	size_t at = from, next, len;
	struct id id;
	int taken = 0;

	for (; at < r->count; at = next, taken++) {
		next = reply_skip(r, at);
		if (next == r->count && !r->complete)
			break;
		assert_int_equal(0, reply_id(r, at + 1, &id));
		assert_true(reply_equals(r, at + 3, "data"));
		reply_text(r, at + 4, &len);
		assert_int_equal(ENTRY_BYTES, len);
	}
	reply_consume(r, at);
	return taken;
}

static void
hands_over_a_range_of_3_mib_in_parts(void **state)
{
	struct conn *c = open_at(server.url);
	struct reply *r = NULL;
	int taken = 0, parts = 0;

	(void)state;
	fill(c, "parts");
	conn_commandv(c, "XRANGE", "parts", "-", "+", NULL);
	do {
		int rc = conn_next(c, &r, PART_BYTES);

		assert_true(rc >= 0);
		if (rc == 0) {
			r = NULL;
			assert_true(conn_wait(c, -1, 10000, false) > 0 ||
				    conn_unsent(c) == 0);
			continue;
		}
		assert_true(r->bytes.len < 2 * PART_BYTES);
		taken += take_entries(r, parts == 0);
		parts++;
	} while (r == NULL || !r->complete);
	assert_int_equal(ENTRIES, taken);
	assert_true(parts > 20);
	assert_true(conn_now(c) > 0);
	conn_close(c);
}

static void
wakes_for_another_descriptor_and_at_the_timeout(void **state)
{
	struct conn *c = open_at(server.url);
	int ends[2];

	(void)state;
	assert_int_equal(0, pipe(ends));
	assert_int_equal(0, conn_wait(c, ends[0], 20, false));
	assert_int_equal(1, write(ends[1], "x", 1));
	assert_int_equal(CONN_SEEN_FD, conn_wait(c, ends[0], -1, false));
	close(ends[1]);
	close(ends[0]);
	conn_close(c);
}

static void
wakes_for_replies_that_are_not_taken_yet(void **state)
{
	struct conn *c = open_at(server.url);
	struct reply *r;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		conn_commandv(c, "PING", NULL);
	assert_non_null(conn_reply(c, 0));
	while (conn_wait(c, -1, 10000, false) != CONN_SEEN_REPLY)
		;
	assert_int_equal(1, conn_next(c, &r, 0));
	while (conn_wait(c, -1, 10000, false) != CONN_SEEN_REPLY)
		;
	assert_int_equal(1, conn_next(c, &r, 0));
	assert_int_equal(0, conn_next(c, &r, 0));
	assert_int_equal(0, conn_wait(c, -1, 0, false));
	conn_close(c);
}

static void
ends_a_connection_whose_server_is_stopped(void **state)
{
	struct conn_options o;
	struct server s;
	struct conn *c;
	int64_t start;

	(void)state;
	server_start(&s, NULL);
	o = *use(s.url);
	o.reply_ms = 100;
	c = conn_open(&o);
	assert_null(conn_error(c));
	kill(s.pid, SIGSTOP);
	start = when_monotonic();
	conn_commandv(c, "PING", NULL);
	assert_null(conn_reply(c, 150));
	assert_true(when_monotonic() - start >= 250);
	assert_true(when_monotonic() - start < 5000);
	assert_error(c, ": no answer within 250ms");
	assert_true(conn_is_lost(c));
	conn_close(c);
	kill(s.pid, SIGCONT);
	server_stop(&s);
}

static void
comes_back_after_the_server_has_crashed(void **state)
{
	struct conn_options o;
	struct server s;
	struct conn *c;
	struct reply *r;

	(void)state;
	server_start(&s, NULL);
	o = *use(s.url);
	o.retry_for_ms = 20000;
	c = conn_open(&o);
	assert_true(conn_now(c) > 0);
	server_kill(&s);
	conn_commandv(c, "PING", NULL);
	assert_null(conn_reply(c, 0));
	assert_true(conn_is_lost(c));
	assert_error(c, s.url);

	/* While it is lost, nothing is kept and nothing waits. */
	conn_commandv(c, "SET", "dropped", "x", NULL);
	buf_adds(conn_out(c), "*1\r\n$4\r\nPING\r\n");
	assert_int_equal(-1, conn_flush(c));
	assert_int_equal(-1, conn_wait(c, -1, -1, false));
	assert_int_equal(-1, conn_next(c, &r, 0));
	assert_int_equal(0, conn_out(c)->len);
	buf_adds(conn_out(c), "*1\r\n$4\r\nPING\r\n");

	server_spawn(&s, NULL);
	assert_int_equal(0, conn_reconnect(c));
	assert_null(conn_error(c));
	assert_false(conn_is_lost(c));
	conn_commandv(c, "EXISTS", "dropped", NULL);
	r = conn_result(c);
	assert_non_null(r);
	assert_true(reply_is(r, 0, REPLY_INTEGER));
	assert_int_equal(0, r->node[0].integer);
	conn_close(c);
	server_stop(&s);
}

static void
reconnects_once_if_told_not_to_retry(void **state)
{
	struct server s;
	struct conn *c;

	(void)state;
	server_start(&s, NULL);
	c = open_at(s.url);
	server_stop(&s);
	assert_int_equal(-1, conn_reconnect(c));
	assert_error(c, "No such file or directory");
	assert_true(conn_is_lost(c));
	conn_close(c);
}

static void
opens_a_second_connection(void **state)
{
	struct conn_options o = *use(server.url);
	struct conn *c, *again;

	(void)state;
	o.password_file = make_file("needless\n");
	c = conn_open(&o);
	assert_null(conn_error(c));
	unlink(o.password_file); /* it was read, and may not be there again */
	again = conn_again(c);
	assert_null(conn_error(again));
	assert_true(conn_client_id(again) != conn_client_id(c));
	assert_true(conn_now(again) > 0);
	conn_close(again);
	assert_true(conn_now(c) > 0);
	conn_close(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_in_with_name_and_id),
		cmocka_unit_test(selects_the_database_of_the_url),
		cmocka_unit_test(
			finds_the_password_in_file_url_and_environment),
		cmocka_unit_test(fails_at_once_for_a_wrong_password),
		cmocka_unit_test(
			goes_on_where_the_user_may_not_name_the_connection),
		cmocka_unit_test(goes_on_where_no_password_is_wanted),
		cmocka_unit_test(tells_wrong_usage_from_a_wrong_server),
		cmocka_unit_test(gives_up_when_the_time_for_retries_is_over),
		cmocka_unit_test(waits_for_a_server_that_is_still_starting),
		cmocka_unit_test(is_interrupted_by_a_stop),
		cmocka_unit_test(keeps_the_connection_when_the_server_says_no),
		cmocka_unit_test(
			ends_the_connection_over_a_reply_of_the_wrong_shape),
		cmocka_unit_test(sends_arguments_of_every_kind),
		cmocka_unit_test(knows_the_servers_clock_and_commands),
		cmocka_unit_test(
			answers_all_that_was_pipelined_before_the_first_reply),
		cmocka_unit_test(reads_while_it_writes),
		cmocka_unit_test(hands_over_a_range_of_3_mib_in_parts),
		cmocka_unit_test(
			wakes_for_another_descriptor_and_at_the_timeout),
		cmocka_unit_test(wakes_for_replies_that_are_not_taken_yet),
		cmocka_unit_test(ends_a_connection_whose_server_is_stopped),
		cmocka_unit_test(comes_back_after_the_server_has_crashed),
		cmocka_unit_test(reconnects_once_if_told_not_to_retry),
		cmocka_unit_test(opens_a_second_connection),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
