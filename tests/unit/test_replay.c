#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/replay.h"
#include "common/replay_exact.h"
#include "common/replay_tempo.h"
#include "common/stop.h"
#include "tests/unit/server.h"

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;
static struct conn *conn, *second, *other;

static struct conn *
open_conn(void)
{
	struct conn *c = conn_open(&options);

	if (conn_error(c) != NULL)
		fail_msg("%s", conn_error(c));
	return c;
}

static int
setup(void **state)
{
	(void)state;
	diag_init("test-replay");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	server_start(&server, NULL);
	options.url = server.url;
	conn = open_conn();
	second = open_conn();
	other = open_conn();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conn_close(conn);
	conn_close(second);
	conn_close(other);
	server_stop(&server);
	return 0;
}

static int
flush(void **state)
{
	(void)state;
	conn_commandv(other, "FLUSHALL", NULL);
	assert_non_null(conn_result(other));
	return 0;
}

static int64_t
length(void)
{
	int64_t n;

	conn_commandv(other, "XLEN", "s", NULL);
	assert_int_equal(reply_number(conn_result(other), 0, &n), 0);
	return n;
}

static struct replay_exact *
open_exact(struct conn *c, uint64_t safe)
{
	struct replay_exact *x = xcalloc(1, sizeof(*x));

	if (replay_exact_open(x, c, "s", "{s}:replay:1",
			      (struct id){ safe, 0 }) < 0)
		fail_msg("%s", x->error);
	return x;
}

static void
close_exact(struct replay_exact *x)
{
	replay_exact_close(x);
	free(x);
}

static void
add(struct replay_exact *x, uint64_t from, uint64_t to)
{
	for (; from <= to; from++)
		if (replay_exact_add(x, (struct id){ from, 0 }, "{}", 2) < 0)
			fail_msg("%s", x->error);
}

static void
speeds_have_up_to_three_decimals(void **state)
{
	static const struct {
		const char *text;
		uint64_t speed;
	} good[] = { { "1", 1000 },       { "0.5", 500 },
		     { "2.25", 2250 },    { "0.001", 1 },
		     { "10.000", 10000 }, { "1000000", 1000000000 } };
	static const char *const bad[] = { "",   "0",   "0.000",  "1.",
					   ".5", "-1",  "1.2345", "x",
					   "1x", "1e3", "1000001" };
	uint64_t speed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(replay_tempo_parse(good[i].text, &speed), 0);
		assert_int_equal(speed, good[i].speed);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (replay_tempo_parse(bad[i], &speed) != -1)
			fail_msg("\"%s\" passes", bad[i]);
}

static void
assert_step(struct replay_tempo *t, uint64_t ms, int64_t now, int64_t due,
	    int64_t gap)
{
	int64_t got;

	assert_int_equal(replay_tempo_step(t, (struct id){ ms, 0 }, now, &got),
			 due);
	assert_int_equal(got, gap);
}

static void
events_are_as_far_apart_as_they_were(void **state)
{
	struct replay_tempo t = { .speed = 2000,
				  .max_gap_ms = INT64_MAX,
				  .now_ms = UINT64_MAX };

	(void)state;
	assert_step(&t, 5000, 100, 100, 0);
	assert_step(&t, 6000, 100, 600, 500);
	/* What comes late does not shift the rest. */
	assert_step(&t, 7000, 5000, 1100, 500);
	assert_step(&t, 7000, 5000, 1100, 0);
}

static void
ids_that_lie_make_no_endless_pause(void **state)
{
	struct replay_tempo t = { .speed = 1000,
				  .max_gap_ms = INT64_MAX,
				  .now_ms = 10000 };
	struct replay_tempo slow = { .speed = 1,
				     .max_gap_ms = INT64_MAX,
				     .now_ms = UINT64_MAX };
	int64_t gap;

	(void)state;
	assert_step(&t, 9000, 0, 0, 0);
	assert_step(&t, 1000, 0, 0, 0);
	assert_step(&t, 2000, 0, 1000, 1000);
	assert_step(&t, UINT64_MAX, 0, 9000, 8000);
	assert_step(&t, UINT64_MAX - 1, 0, 9000, 0);
	/* And no overflow. */
	assert_step(&slow, 0, 100, 100, 0);
	assert_true(replay_tempo_step(&slow, ID_MAX, 100, &gap) > 0);
	assert_true(gap > 0);
	assert_true(replay_tempo_step(&slow, ID_MIN, 100, &gap) > 0);
	assert_true(replay_tempo_step(&slow, ID_MAX, 100, &gap) > 0);
}

static void
pauses_have_a_cap(void **state)
{
	struct replay_tempo t = { .speed = 1000,
				  .max_gap_ms = 50,
				  .now_ms = UINT64_MAX };

	(void)state;
	assert_step(&t, 0, 0, 0, 0);
	assert_step(&t, 10, 0, 10, 10);
	assert_step(&t, 1000000, 0, 60, 50);
}

static void
loops_are_the_same_stream_by_another_name(void **state)
{
	static const char *const loop[][2] = {
		{ "s", "s" },         { "s", "{s}:high" },
		{ "{s}:low", "s" },   { "{s}:low", "{s}:critical" },
		{ "s", "s.0" },       { "s.1023", "s" },
		{ "s.1", "s.2" },     { "{a}b", "{a}b" },
		{ "{a}b", "{a}b.5" },
	};
	static const char *const none[][2] = {
		{ "s", "t" },   { "s", "{s}:dlq" },       { "s", "s.2026" },
		{ "s", "s.x" }, { "s", "{s}:redrive:g" }, { "s", "{t}:high" },
		{ "s", ".1" },  { "{a}b", "a" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(loop) / sizeof(loop[0]); i++)
		if (!replay_is_loop(loop[i][0], loop[i][1]))
			fail_msg("%s %s", loop[i][0], loop[i][1]);
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (replay_is_loop(none[i][0], none[i][1]))
			fail_msg("%s %s", none[i][0], none[i][1]);
}

static void
what_is_flushed_is_there_once_and_so_is_its_position(void **state)
{
	struct replay_exact *x = open_exact(conn, 0);

	(void)state;
	add(x, 1, 1000);
	assert_int_equal(replay_exact_flush(x), 0);
	assert_int_equal(replay_exact_flush(x), 0);
	assert_int_equal(x->done, 1000);
	assert_int_equal(length(), 1000);
	close_exact(x);
	/* What the server knows beats what the caller does. */
	x = open_exact(conn, 7);
	assert_int_equal(x->safe.ms, 1000);
	assert_int_equal(x->done, 0);
	close_exact(x);
}

static void
a_later_run_bars_the_earlier_one(void **state)
{
	struct replay_exact *x = open_exact(conn, 0), *y;

	(void)state;
	add(x, 1, 100);
	assert_int_equal(replay_exact_flush(x), 0);
	add(x, 101, 200);
	y = open_exact(second, 0);
	assert_int_equal(y->safe.ms, 100);
	assert_int_equal(replay_exact_flush(x), -1);
	assert_non_null(strstr(x->error, "taken over"));
	assert_int_equal(length(), 100);
	add(y, 101, 200);
	assert_int_equal(replay_exact_flush(y), 0);
	assert_int_equal(length(), 200);
	close_exact(x);
	close_exact(y);
}

static void
nothing_comes_behind_what_was_refused(void **state)
{
	struct replay_exact *x = open_exact(conn, 0);

	(void)state;
	add(x, 1, 10);
	assert_int_equal(replay_exact_flush(x), 0);
	/* An id that leaves room for two entries more. */
	conn_commandv(other, "XADD", "s",
		      "18446744073709551615-18446744073709551613", "data", "{}",
		      NULL);
	assert_non_null(conn_result(other));
	add(x, 11, 20);
	assert_int_equal(replay_exact_flush(x), -1);
	assert_int_equal(length(), 13);
	assert_int_equal(replay_exact_add(x, (struct id){ 21, 0 }, "{}", 2),
			 -1);
	close_exact(x);
	x = open_exact(second, 0);
	assert_int_equal(x->safe.ms, 12);
	close_exact(x);
}

static void
a_lost_connection_loses_and_doubles_nothing(void **state)
{
	struct replay_exact *x = open_exact(conn, 0);
	uint64_t i;

	(void)state;
	for (i = 0; i < 50; i++) {
		add(x, i * 600 + 1, i * 600 + 600);
		conn_commandv(other, "CLIENT", "KILL", "TYPE", "normal",
			      "SKIPME", "yes", NULL);
		assert_non_null(conn_result(other));
	}
	assert_int_equal(replay_exact_flush(x), 0);
	assert_int_equal(x->done, 30000);
	assert_int_equal(x->safe.ms, 30000);
	assert_int_equal(length(), 30000);
	close_exact(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(speeds_have_up_to_three_decimals),
		cmocka_unit_test(events_are_as_far_apart_as_they_were),
		cmocka_unit_test(ids_that_lie_make_no_endless_pause),
		cmocka_unit_test(pauses_have_a_cap),
		cmocka_unit_test(loops_are_the_same_stream_by_another_name),
		cmocka_unit_test_setup(
			what_is_flushed_is_there_once_and_so_is_its_position,
			flush),
		cmocka_unit_test_setup(a_later_run_bars_the_earlier_one, flush),
		cmocka_unit_test_setup(nothing_comes_behind_what_was_refused,
				       flush),
		cmocka_unit_test_setup(
			a_lost_connection_loses_and_doubles_nothing, flush),
	};

	return cmocka_run_group_tests_name("replay", tests, setup, teardown);
}
