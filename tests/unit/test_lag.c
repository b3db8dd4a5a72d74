#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/lag.h"
#include "common/stop.h"
#include "tests/unit/server.h"

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;
static struct conn *conn;

static int
setup(void **state)
{
	(void)state;
	diag_init("test-lag");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	server_start(&server, NULL);
	options.url = server.url;
	options.retry_for_ms = 0;
	conn = conn_open(&options);
	assert_null(conn_error(conn));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conn_close(conn);
	server_stop(&server);
	return 0;
}

/* Run a command given as words with blanks between them. */
static struct reply *
run(const char *command)
{
	char text[128], *word, *at = NULL;
	size_t argc = 1, i;
	struct reply *r;

	strncpy(text, command, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (i = 0; text[i] != '\0'; i++)
		argc += text[i] == ' ';
	conn_command(conn, argc);
	for (word = strtok_r(text, " ", &at); word != NULL;
	     word = strtok_r(NULL, " ", &at))
		conn_args(conn, word);
	r = conn_result(conn);
	if (r == NULL)
		fail_msg("%s: %s", command, conn_error(conn));
	return r;
}

/* A stream with the entries 1-0 … n-0. */
static void
fill(uint64_t n)
{
	static const char text[] = "for i = 1, ARGV[1] do\n"
				   "	redis.call('XADD', KEYS[1], i .. '-0', "
				   "'data', '{}')\n"
				   "end\n";

	run("FLUSHALL");
	conn_command(conn, 5);
	conn_args(conn, "EVAL");
	conn_args(conn, text);
	conn_args(conn, "1");
	conn_args(conn, "s");
	conn_argu(conn, n);
	assert_non_null(conn_result(conn));
}

static void
assert_lag(const char *group, uint64_t limit, int rc, uint64_t entries,
	   bool exact)
{
	struct lag lag;
	int got = lag_read(conn, "s", group, limit, &lag);

	if (got < 0)
		fail_msg("%s", conn_error(conn));
	assert_int_equal(got, rc);
	assert_int_equal(lag.entries, entries);
	if (rc == 1)
		assert_int_equal(lag.exact, exact);
}

static void
entries_behind_the_group_are_counted(void **state)
{
	(void)state;
	fill(2500);
	run("XGROUP CREATE s start 0");
	run("XGROUP CREATE s middle 1000-0");
	run("XGROUP CREATE s end $");
	run("XGROUP CREATE s ahead 9999-0");
	assert_lag("start", 100000, 1, 2500, true);
	assert_lag("middle", 100000, 1, 1500, true);
	assert_lag("end", 100000, 1, 0, true);
	assert_lag("ahead", 100000, 1, 0, true);
	run("XREADGROUP GROUP middle c COUNT 300 STREAMS s >");
	assert_lag("middle", 100000, 1, 1200, true);
}

static void
no_more_than_the_limit_is_counted(void **state)
{
	static const uint64_t limits[] = { 1, 999, 1000, 1001, 1500, 2499 };
	size_t i;

	(void)state;
	fill(2500);
	run("XGROUP CREATE s g 0");
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		assert_lag("g", limits[i], 1, limits[i], false);
	assert_lag("g", 2501, 1, 2500, true);
}

static void
without_a_name_the_group_furthest_behind_counts(void **state)
{
	(void)state;
	fill(100);
	assert_lag(NULL, 1000, 0, 0, true);
	run("XGROUP CREATE s near 90-0");
	run("XGROUP CREATE s far 20-0");
	run("XGROUP CREATE s end $");
	assert_lag(NULL, 1000, 1, 80, true);
}

static void
what_is_not_there_has_no_lag(void **state)
{
	(void)state;
	run("FLUSHALL");
	assert_lag("g", 1000, 0, 0, true);
	fill(10);
	run("XGROUP CREATE s g 0");
	assert_lag("other", 1000, 0, 0, true);
	assert_lag("g", 1000, 1, 10, true);
}

/* Where the server's own figure is nil or wrong. */
static void
deletions_and_trims_leave_it_right(void **state)
{
	(void)state;
	fill(100);
	run("XGROUP CREATE s g 0");
	run("XREADGROUP GROUP g c COUNT 10 STREAMS s >");
	run("XDEL s 50-0 51-0 5-0");
	assert_lag("g", 1000, 1, 88, true);
	run("XTRIM s MINID 40");
	assert_lag("g", 1000, 1, 59, true);
	run("XTRIM s MAXLEN 0");
	assert_lag("g", 1000, 1, 0, true);
}

static void
what_is_no_stream_is_told_in_the_servers_words(void **state)
{
	struct lag lag;

	(void)state;
	run("FLUSHALL");
	run("SET s x");
	assert_int_equal(lag_read(conn, "s", "g", 10, &lag), -1);
	assert_non_null(strstr(conn_error(conn), "WRONGTYPE"));
	assert_false(conn_is_lost(conn));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_behind_the_group_are_counted),
		cmocka_unit_test(no_more_than_the_limit_is_counted),
		cmocka_unit_test(
			without_a_name_the_group_furthest_behind_counts),
		cmocka_unit_test(what_is_not_there_has_no_lag),
		cmocka_unit_test(deletions_and_trims_leave_it_right),
		cmocka_unit_test(
			what_is_no_stream_is_told_in_the_servers_words),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
