#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/status.h"
#include "tests/unit/server.h"

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;
static struct conn *conn;

static int
start(void **state)
{
	(void)state;
	server_start(&server, NULL);
	options.url = server.url;
	conn = conn_open(&options);
	return conn_error(conn) != NULL;
}

static int
stop(void **state)
{
	(void)state;
	conn_close(conn);
	server_stop(&server);
	return 0;
}

/* Entries 1-0 to 6-0, of which the group was given 4, and 2-0 is done. */
static int
fill(void **state)
{
	static const char script[] =
		"redis.call('FLUSHALL') "
		"for i = 1, 6 do redis.call('XADD', 's', i .. '-0', 'data', '{}') end "
		"redis.call('XGROUP', 'CREATE', 's', 'g', '0') "
		"redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '4', "
		"'STREAMS', 's', '>') "
		"redis.call('XACK', 's', 'g', '2-0')";

	(void)state;
	conn_commandv(conn, "EVAL", script, "0", NULL);
	return conn_result(conn) == NULL;
}

static void
say(const char *a, const char *b, const char *c, const char *d)
{
	conn_commandv(conn, a, b, c, d, NULL);
	assert_non_null(conn_result(conn));
}

static void
assert_status(struct status *s, uint64_t ms, enum status_name want)
{
	struct record r = { 0 };

	assert_int_equal(status_read(s, (struct id){ ms, 0 }, &r), want);
	assert_string_equal(r.status, status_text(want));
	if (want == STATUS_PENDING || want == STATUS_RETRYING)
		assert_string_equal(r.consumer, "c");
	else
		assert_null(r.consumer);
}

static void
names_make_a_set(void **state)
{
	unsigned set = 0;

	(void)state;
	assert_int_equal(status_parse("pending", &set), 0);
	assert_int_equal(set, STATUS_SET(STATUS_PENDING));
	assert_int_equal(status_parse("dead,waiting,dead", &set), 0);
	assert_int_equal(set, STATUS_SET(STATUS_PENDING) |
				      STATUS_SET(STATUS_DEAD) |
				      STATUS_SET(STATUS_WAITING));
	assert_int_equal(status_parse("done,retrying", &set), 0);
	assert_int_equal(set, STATUS_ALL);
	assert_int_equal(status_parse("", &set), -1);
	assert_int_equal(status_parse("done,", &set), -1);
	assert_int_equal(status_parse(",done", &set), -1);
	assert_int_equal(status_parse("doneX", &set), -1);
	assert_int_equal(status_parse("Done", &set), -1);
}

static void
ids_may_be_asked_for_in_any_order(void **state)
{
	struct status s;

	(void)state;
	assert_int_equal(status_open(&s, conn, "s", "g"), 1);
	say("HSET", "{s}:fail:g", "3-0", "{\"attempts\":2}");
	assert_status(&s, 6, STATUS_WAITING);
	assert_status(&s, 3, STATUS_RETRYING);
	assert_status(&s, 1, STATUS_PENDING);
	assert_status(&s, 2, STATUS_DONE);
	assert_status(&s, 4, STATUS_PENDING);
	assert_status(&s, 0, STATUS_DONE);
	status_close(&s);
	status_close(&s);
}

static void
it_is_looked_at_again_when_told_to(void **state)
{
	struct status s;

	(void)state;
	assert_int_equal(status_open(&s, conn, "s", "g"), 1);
	assert_status(&s, 1, STATUS_PENDING);
	say("XACK", "s", "g", "3-0");
	assert_status(&s, 3, STATUS_PENDING); /* of the slice */
	status_forget(&s);
	assert_status(&s, 3, STATUS_DONE);
	status_close(&s);
}

static void
what_is_not_there(void **state)
{
	struct record r = { 0 };
	struct status s;

	(void)state;
	assert_int_equal(status_open(&s, conn, "s", "nix"), 0);
	status_close(&s);
	assert_int_equal(status_open(&s, conn, "nix", "g"), 0);
	status_close(&s);
	assert_int_equal(status_open(&s, conn, "s", "g"), 1);
	conn_commandv(conn, "XGROUP", "DESTROY", "s", "g", NULL);
	assert_non_null(conn_result(conn));
	assert_int_equal(status_read(&s, (struct id){ 1, 0 }, &r), -1);
	assert_memory_equal(conn_error(conn), "s: ", 3);
	assert_non_null(strstr(conn_error(conn), "the group has gone"));
	status_close(&s);
}

static void
assert_range(unsigned set, uint64_t from, uint64_t to)
{
	struct id first = ID_MIN, last = ID_MAX;
	struct status s;

	assert_int_equal(status_open(&s, conn, "s", "g"), 1);
	assert_int_equal(status_range(&s, set, &first, &last), 0);
	if (from <= to) {
		assert_int_equal(first.ms, from);
		assert_int_equal(last.ms, to);
	} else {
		assert_true(id_compare(first, last) > 0);
	}
	status_close(&s);
}

static void
a_range_is_no_wider_than_its_states(void **state)
{
	const unsigned held = STATUS_SET(STATUS_PENDING);
	const unsigned waiting = STATUS_SET(STATUS_WAITING);
	const unsigned past = STATUS_SET(STATUS_DEAD);

	(void)state;
	say("XACK", "s", "g", "1-0");
	assert_range(held, 3, 4);
	assert_range(waiting, 4, UINT64_MAX); /* from 4-1 on */
	assert_range(held | waiting, 3, UINT64_MAX);
	assert_range(past, 0, 4);
	assert_range(past | held, 0, 4);
	assert_range(STATUS_ALL, 0, UINT64_MAX);
}

static void
nothing_pending_is_an_empty_range(void **state)
{
	(void)state;
	say("XACK", "s", "g", "1-0");
	say("XACK", "s", "g", "3-0");
	say("XACK", "s", "g", "4-0");
	assert_range(STATUS_SET(STATUS_RETRYING), 1, 0);
	assert_range(STATUS_SET(STATUS_RETRYING) | STATUS_SET(STATUS_WAITING),
		     4, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_make_a_set),
		cmocka_unit_test_setup(ids_may_be_asked_for_in_any_order, fill),
		cmocka_unit_test_setup(it_is_looked_at_again_when_told_to,
				       fill),
		cmocka_unit_test_setup(what_is_not_there, fill),
		cmocka_unit_test_setup(a_range_is_no_wider_than_its_states,
				       fill),
		cmocka_unit_test_setup(nothing_pending_is_an_empty_range, fill),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
