#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/pace.h"
#include "common/stop.h"
#include "common/when.h"
#include "tests/unit/link.h"

static struct conn *conn, *other;
static struct publish_options publish_options = { .stream = "s" };
static struct publish *pub;

static int
setup(void **state)
{
	(void)state;
	link_start("test-pace", 0);
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

static int
open_publish(void **state)
{
	(void)state;
	conn_commandv(other, "FLUSHALL", NULL);
	assert_non_null(conn_result(other));
	pub = publish_open(conn, &publish_options);
	assert_non_null(pub);
	return 0;
}

static int
close_publish(void **state)
{
	(void)state;
	publish_close(pub);
	return 0;
}

static void
send_one(struct pace *p, uint64_t line)
{
	int rc = pace_wait(p, pub);

	if (rc != 1)
		fail_msg("line %llu: %d", (unsigned long long)line, rc);
	assert_int_equal(publish_send(pub, line, "{}", 2, NULL, 0), 0);
}

static int64_t
count(void)
{
	int64_t n;

	conn_commandv(other, "XLEN", "s", NULL);
	assert_int_equal(reply_number(conn_result(other), 0, &n), 0);
	return n;
}

static void
lags_are_a_number_and_perhaps_a_group(void **state)
{
	static const struct {
		const char *text;
		uint64_t max_lag;
		const char *group;
	} good[] = { { "1", 1, NULL },
		     { "18446744073709551615", UINT64_MAX, NULL },
		     { "100:g", 100, "g" },
		     { "5:a:b c", 5, "a:b c" },
		     { "7", 7, NULL } };
	static const char *const bad[] = {
		"",   "0",  "-1",  "1k",  " 1",
		":g", "5:", "x:g", "0:g", "18446744073709551616"
	};
	struct pace p = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(pace_parse_lag(&p, good[i].text), 0);
		assert_int_equal(p.max_lag, good[i].max_lag);
		if (good[i].group == NULL)
			assert_null(p.group);
		else
			assert_string_equal(p.group, good[i].group);
	}
	pace_close(&p);
	pace_close(&p);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pace q = { 0 };

		if (pace_parse_lag(&q, bad[i]) != -1)
			fail_msg("\"%s\" passes", bad[i]);
		pace_close(&q);
	}
}

static void
without_limits_nothing_waits(void **state)
{
	struct pace p = { 0 };
	uint64_t i;

	(void)state;
	assert_int_equal(pace_open(&p, conn, "s"), 0);
	assert_null(p.conn);
	for (i = 1; i <= 5000; i++)
		send_one(&p, i);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(count(), 5000);
	pace_close(&p);
}

static void
a_rate_spreads_events_evenly(void **state)
{
	struct pace p = { .rate = 100 };
	int64_t started, now;
	uint64_t i;

	(void)state;
	assert_int_equal(pace_open(&p, conn, "s"), 0);
	started = when_monotonic();
	for (i = 0; i < 31; i++) {
		send_one(&p, i + 1);
		now = when_monotonic() - started;
		/* event number i is due after i * 10 ms, the first at once */
		assert_true(now + 1 >= (int64_t)i * 10);
	}
	assert_true(when_monotonic() - started < 10000);
	/* while it waits, what was sent goes out and is confirmed */
	assert_true(publish_confirmed(pub) >= 29);
	assert_int_equal(publish_drain(pub), 0);
	pace_close(&p);
}

/* What was not used in a minute without input does not all go out at once. */
static void
a_pause_of_the_input_earns_no_burst(void **state)
{
	struct pace p = { .rate = 100 };
	int64_t started;
	uint64_t i;

	(void)state;
	assert_int_equal(pace_open(&p, conn, "s"), 0);
	p.started -= 60000;
	started = when_monotonic();
	for (i = 1; i <= 40; i++)
		send_one(&p, i);
	assert_true(when_monotonic() - started >= 250);
	assert_int_equal(publish_drain(pub), 0);
	pace_close(&p);
}

static int pauses;

static void
count_pause(void *arg)
{
	assert_ptr_equal(arg, &pauses);
	pauses++;
}

static void
the_caller_is_asked_before_each_wait(void **state)
{
	struct pace p = { .rate = 20, .pausing = count_pause, .arg = &pauses };

	(void)state;
	assert_int_equal(pace_open(&p, conn, "s"), 0);
	send_one(&p, 1);
	assert_int_equal(pauses, 0);
	send_one(&p, 2);
	assert_true(pauses > 0);
	assert_int_equal(publish_drain(pub), 0);
	pace_close(&p);
}

static void
the_group_is_never_further_behind(void **state)
{
	struct pace p = { 0 };
	uint64_t line;

	(void)state;
	conn_commandv(other, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM",
		      NULL);
	assert_non_null(conn_result(other));
	conn_commandv(other, "XGROUP", "CREATE", "s", "idle", "0", NULL);
	assert_non_null(conn_result(other));
	assert_int_equal(pace_parse_lag(&p, "10:g"), 0);
	assert_int_equal(pace_open(&p, conn, "s"), 0);
	for (line = 1; line <= 100; line++) {
		send_one(&p, line);
		if (line % 10 != 0)
			continue;
		assert_int_equal(publish_drain(pub), 0);
		assert_int_equal(count(), line);
		conn_commandv(other, "XREADGROUP", "GROUP", "g", "c", "COUNT",
			      "10", "STREAMS", "s", ">", NULL);
		assert_int_equal(conn_result(other)->node[3].len, 10);
	}
	pace_close(&p);
}

static void
a_group_that_is_missing_holds_nothing_up(void **state)
{
	struct pace p = { 0 };
	uint64_t line;

	(void)state;
	assert_int_equal(pace_parse_lag(&p, "3:nobody"), 0);
	assert_int_equal(pace_open(&p, conn, "s"), 0);
	for (line = 1; line <= 20; line++)
		send_one(&p, line);
	assert_int_equal(publish_drain(pub), 0);
	assert_int_equal(count(), 20);
	pace_close(&p);
}

static void
a_lag_that_cant_be_read_is_told(void **state)
{
	struct pace p = { 0 };

	(void)state;
	conn_commandv(other, "SET", "s", "x", NULL);
	assert_non_null(conn_result(other));
	assert_int_equal(pace_parse_lag(&p, "3"), 0);
	assert_int_equal(pace_open(&p, conn, "s"), 0);
	assert_int_equal(pace_wait(&p, pub), -2);
	assert_non_null(strstr(conn_error(p.conn), "WRONGTYPE"));
	pace_close(&p);
}

/* The last of all: a stop can't be taken back. */
static void
a_stop_ends_either_wait(void **state)
{
	struct pace slow = { .rate = 1 }, lag = { 0 };

	(void)state;
	assert_int_equal(pace_open(&slow, conn, "s"), 0);
	send_one(&slow, 1);
	assert_int_equal(publish_drain(pub), 0);
	conn_commandv(other, "XGROUP", "CREATE", "s", "g", "0", NULL);
	assert_non_null(conn_result(other));
	assert_int_equal(pace_parse_lag(&lag, "1"), 0);
	assert_int_equal(pace_open(&lag, conn, "s"), 0);
	stop_request();
	assert_int_equal(pace_wait(&slow, pub), 0);
	assert_int_equal(pace_wait(&lag, pub), 0);
	pace_close(&slow);
	pace_close(&lag);
}

#define test_on_server(name) \
	cmocka_unit_test_setup_teardown(name, open_publish, close_publish)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lags_are_a_number_and_perhaps_a_group),
		test_on_server(without_limits_nothing_waits),
		test_on_server(a_rate_spreads_events_evenly),
		test_on_server(a_pause_of_the_input_earns_no_burst),
		test_on_server(the_caller_is_asked_before_each_wait),
		test_on_server(the_group_is_never_further_behind),
		test_on_server(a_group_that_is_missing_holds_nothing_up),
		test_on_server(a_lag_that_cant_be_read_is_told),
		test_on_server(a_stop_ends_either_wait),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
