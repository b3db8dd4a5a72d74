#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/delayed.h"
#include "common/delayed_scan.h"
#include "tests/unit/server.h"

enum { EVENTS = 5000 };

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;
static struct conn *conn, *other;

static int
start(void **state)
{
	(void)state;
	server_start(&server, NULL);
	options.url = server.url;
	conn = conn_open(&options);
	other = conn_open(&options);
	return conn_error(conn) != NULL || conn_error(other) != NULL;
}

static int
stop(void **state)
{
	(void)state;
	conn_close(conn);
	conn_close(other);
	server_stop(&server);
	return 0;
}

static int
empty(void **state)
{
	(void)state;
	conn_commandv(other, "FLUSHALL", NULL);
	return conn_result(other) == NULL;
}

/* The member of event n, with the tail of a UUID that sorts as n does. */
static const char *
member_of(int n)
{
	static char text[80];

	snprintf(text, sizeof(text), "0199e0b5-6a01-7c3e-8d2f-%012dn{\"n\":%d}",
		 n, n);
	return text;
}

static void
add(int n, const char *score)
{
	conn_commandv(other, "ZADD", "{s}:delayed", score, member_of(n), NULL);
	assert_non_null(conn_result(other));
}

static void
drop(int n)
{
	conn_commandv(other, "ZREM", "{s}:delayed", member_of(n), NULL);
	assert_non_null(conn_result(other));
}

/* Events 0 to EVENTS, `each` of them due in each ms. */
static void
schedule(int each)
{
	char score[32];
	int n;

	for (n = 0; n < EVENTS; n++) {
		snprintf(score, sizeof(score), "%d", 1000 + n / each);
		conn_commandv(other, "ZADD", "{s}:delayed", score, member_of(n),
			      NULL);
	}
	for (n = 0; n < EVENTS; n++)
		assert_non_null(conn_result(other));
}

static int
number_in(const struct delayed_event *e)
{
	assert_true(e->len > 5);
	assert_memory_equal(e->event, "{\"n\":", 5);
	return atoi(e->event + 5);
}

/* Read all while something happens to the set after each event. */
static void
must_read_once(void (*meanwhile)(int n), bool (*is_sure)(int n))
{
	static int seen[3 * EVENTS];
	struct delayed_scan s;
	struct delayed_event e;
	int n, rc, before = -1;

	memset(seen, 0, sizeof(seen));
	delayed_scan_init(&s, conn, INT64_MIN, INT64_MAX);
	delayed_scan_add(&s, "s");
	while ((rc = delayed_scan_next(&s, &e)) == 1) {
		n = number_in(&e);
		assert_in_range(n, 0, 3 * EVENTS - 1);
		if (seen[n]++ != 0)
			fail_msg("%d a second time", n);
		if (n < EVENTS && n <= before)
			fail_msg("%d after %d", n, before);
		if (n < EVENTS)
			before = n;
		if (meanwhile != NULL)
			meanwhile(n);
	}
	assert_int_equal(rc, 0);
	for (n = 0; n < EVENTS; n++)
		if (is_sure(n) && seen[n] != 1)
			fail_msg("%d was not read", n);
	delayed_scan_release(&s);
	delayed_scan_release(&s);
}

static bool
always(int n)
{
	(void)n;
	return true;
}

static bool
is_odd(int n)
{
	return n % 2 == 1;
}

/* As a reader of the stream does: what was read first goes. */
static void
promote(int n)
{
	drop(n);
}

/* All that was read but the last one; and that one stays as a mark. */
static void
promote_before(int n)
{
	if (n > 0)
		drop(n - 1);
}

/* Even ones go, wherever they are. */
static void
cancel(int n)
{
	drop((n * 2) % EVENTS);
}

/* More come, due before what is read: with numbers of their own. */
static void
schedule_before(int n)
{
	if (n < EVENTS)
		add(EVENTS + n, "500");
}

/* More come within the same ms, before and behind. */
static void
schedule_beside(int n)
{
	char text[80];

	if (n >= EVENTS || n % 3 != 0)
		return;
	snprintf(text, sizeof(text), "0199e0b5-6a01-7c3e-8d2f-%012dh{\"n\":%d}",
		 n / 2, EVENTS + n);
	conn_commandv(other, "ZADD", "{s}:delayed", "1000", text, NULL);
	assert_non_null(conn_result(other));
}

static void
all_is_read_in_the_order_of_due_times(void **state)
{
	static const int each[] = { 1, 7, 199, 200, 201, EVENTS };
	size_t i;

	for (i = 0; i < sizeof(each) / sizeof(*each); i++) {
		empty(state);
		schedule(each[i]);
		must_read_once(NULL, always);
	}
}

static void
what_goes_or_comes_meanwhile_hides_and_doubles_nothing(void **state)
{
	static const int each[] = { 1, 100, EVENTS };
	static const struct {
		void (*meanwhile)(int n);
		bool (*is_sure)(int n);
	} cases[] = {
		{ promote, always },         { promote_before, always },
		{ cancel, is_odd },          { schedule_before, always },
		{ schedule_beside, always },
	};
	size_t i, k;

	for (i = 0; i < sizeof(each) / sizeof(*each); i++)
		for (k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
			empty(state);
			schedule(each[i]);
			must_read_once(cases[k].meanwhile, cases[k].is_sure);
		}
}

static int
count(int64_t first, int64_t last)
{
	struct delayed_scan s;
	struct delayed_event e;
	int n = 0;

	delayed_scan_init(&s, conn, first, last);
	delayed_scan_add(&s, "none");
	delayed_scan_add(&s, "s");
	while (delayed_scan_next(&s, &e) == 1) {
		assert_int_equal(e.stream, 1);
		assert_in_range(e.due_ms, first < 0 ? 0 : first, last);
		n++;
	}
	assert_null(conn_error(conn));
	delayed_scan_release(&s);
	return n;
}

static void
a_range_is_inclusive(void **state)
{
	(void)state;
	schedule(10);
	assert_int_equal(count(INT64_MIN, INT64_MAX), EVENTS);
	assert_int_equal(count(1000, 1000), 10);
	assert_int_equal(count(0, 999), 0);
	assert_int_equal(count(1001, 1100), 1000);
	assert_int_equal(count(1499, INT64_MAX), 10);
	assert_int_equal(count(1500, INT64_MAX), 0);
	assert_int_equal(count(1100, 1000), 0);
}

static void
scores_may_be_anything(void **state)
{
	struct delayed_scan s;
	struct delayed_event e;

	(void)state;
	add(3, "inf");
	add(2, "1e300");
	add(1, "-5.5");
	add(0, "-inf");
	delayed_scan_init(&s, conn, INT64_MIN, INT64_MAX);
	delayed_scan_add(&s, "s");
	assert_int_equal(delayed_scan_next(&s, &e), 1);
	assert_int_equal(number_in(&e), 0);
	assert_true(e.due_ms < 0);
	assert_int_equal(delayed_scan_next(&s, &e), 1);
	assert_int_equal(e.due_ms, -5);
	assert_int_equal(delayed_scan_next(&s, &e), 1);
	assert_true(e.due_ms > 1000000000000000);
	assert_int_equal(delayed_scan_next(&s, &e), 1);
	assert_int_equal(number_in(&e), 3);
	assert_int_equal(delayed_scan_next(&s, &e), 0);
	delayed_scan_release(&s);
}

static void
another_type_is_an_error_that_names_the_key(void **state)
{
	struct delayed_scan s;
	struct delayed_event e;

	(void)state;
	conn_commandv(other, "SET", "{s}:delayed", "1", NULL);
	assert_non_null(conn_result(other));
	delayed_scan_init(&s, conn, INT64_MIN, INT64_MAX);
	delayed_scan_add(&s, "s");
	assert_int_equal(delayed_scan_next(&s, &e), -1);
	assert_non_null(strstr(conn_error(conn), "{s}:delayed"));
	assert_non_null(strstr(conn_error(conn), "WRONGTYPE"));
	delayed_scan_release(&s);
}

static void
assert_member(const char *member, size_t len, bool whole, enum priority want,
	      const char *event)
{
	const char *text;
	enum priority p;
	size_t text_len;

	assert_int_equal(delayed_read_member(member, len, &p, &text, &text_len),
			 whole);
	assert_int_equal(p, want);
	assert_int_equal(text_len, strlen(event));
	assert_memory_equal(text, event, text_len);
}

#define UUID "0199e0b5-6a01-7c3e-8d2f-51a3f0c4d7e2"
#define MEMBER(text) text, sizeof(text) - 1

static void
a_member_is_read_or_taken_whole(void **state)
{
	enum priority p;
	const char *text;
	size_t len;

	(void)state;
	assert_false(delayed_read_member(MEMBER(UUID "\0{}"), &p, &text, &len));
	assert_int_equal(len, 39);
	assert_member(MEMBER(UUID "c{}"), true, PRIORITY_CRITICAL, "{}");
	assert_member(MEMBER(UUID "h{}"), true, PRIORITY_HIGH, "{}");
	assert_member(MEMBER(UUID "n"), true, PRIORITY_NORMAL, "");
	assert_member(MEMBER(UUID "l{}"), true, PRIORITY_LOW, "{}");
	assert_member(MEMBER("{\"a\":1}"), true, PRIORITY_NORMAL, "{\"a\":1}");
	assert_member(MEMBER(""), false, PRIORITY_NORMAL, "");
	assert_member(MEMBER(UUID), false, PRIORITY_NORMAL, UUID);
	assert_member(MEMBER(UUID "x{}"), false, PRIORITY_NORMAL, UUID "x{}");
	assert_member(MEMBER("job:17"), false, PRIORITY_NORMAL, "job:17");
	assert_member(MEMBER("0199e0b5-6a01-7c3e-8d2f-51a3f0c4d7eZn{}"), false,
		      PRIORITY_NORMAL,
		      "0199e0b5-6a01-7c3e-8d2f-51a3f0c4d7eZn{}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_is_read_in_the_order_of_due_times,
				       empty),
		cmocka_unit_test_setup(
			what_goes_or_comes_meanwhile_hides_and_doubles_nothing,
			empty),
		cmocka_unit_test_setup(a_range_is_inclusive, empty),
		cmocka_unit_test_setup(scores_may_be_anything, empty),
		cmocka_unit_test_setup(
			another_type_is_an_error_that_names_the_key, empty),
		cmocka_unit_test(a_member_is_read_or_taken_whole),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
