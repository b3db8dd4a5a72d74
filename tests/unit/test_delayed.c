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

#include "common/delayed.h"
#include "common/num.h"
#include "common/stream.h"
#include "tests/unit/server.h"

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;

static int
start(void **state)
{
	(void)state;
	server_start(&server, NULL);
	options.url = server.url;
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

static struct conn *
connect_empty(void)
{
	struct conn *c = conn_open(&options);

	assert_null(conn_error(c));
	conn_commandv(c, "FLUSHALL", NULL);
	assert_non_null(conn_result(c));
	return c;
}

static int64_t
number(struct conn *c, const char *command, const char *key)
{
	struct reply *r;
	int64_t n = -1;

	conn_commandv(c, command, key, NULL);
	r = conn_result(c);
	assert_non_null(r);
	assert_int_equal(reply_number(r, 0, &n), 0);
	return n;
}

/* Schedule {"n":from} … {"n":to - 1}. */
static void
schedule(struct conn *c, const char *stream, const struct delayed_options *o,
	 int from, int to)
{
	struct script s = { .name = SCRIPT_DELAY };
	struct buf key = { 0 };
	char text[32];
	int n, asked = 0;

	assert_int_equal(script_load(c, &s), 0);
	delayed_key(&key, stream);
	for (n = from; n < to; n++) {
		int len = snprintf(text, sizeof(text), "{\"n\":%d}", n);

		delayed_add(c, &s, &key, o, PRIORITY_NORMAL, text, (size_t)len,
			    NULL);
		if (++asked < 1000 && n + 1 < to)
			continue;
		for (; asked != 0; asked--)
			assert_non_null(conn_result(c));
	}
	buf_release(&key);
}

/* The stream holds {"n":0} … {"n":count - 1}, in this order, or in any, but
 * each of them once. */
static void
check_stream(struct conn *c, const char *stream, int count, bool in_order)
{
	char from[ID_TEXT + 1] = "-";
	char *seen = calloc((size_t)count, 1);
	int next = 0;

	assert_non_null(seen);
	for (;;) {
		struct entries e = { 0 };
		struct entry entry;
		struct reply *r;
		int before = next;

		conn_commandv(c, "XRANGE", stream, from, "+", "COUNT", "5000",
			      NULL);
		r = conn_result(c);
		assert_non_null(r);
		entries_init(&e, false);
		while (entries_next(&e, r, &entry) == ENTRIES_OK) {
			const char *text;
			uint64_t n;
			size_t len;

			assert_true(entry_body(&entry, NULL, &text, &len));
			assert_true(len > 6);
			assert_memory_equal(text, "{\"n\":", 5);
			assert_int_equal(num_u64(text + 5, len - 6, &n), 0);
			assert_true(n < (uint64_t)count);
			assert_int_equal(seen[n]++, 0);
			if (in_order)
				assert_int_equal(n, next);
			next++;
			from[0] = '(';
			id_put(from + 1, entry.id);
		}
		entries_release(&e);
		if (next == before)
			break;
	}
	assert_int_equal(next, count);
	free(seen);
}

static void
many_are_promoted_in_bounded_slices(void **state)
{
	enum { MANY = 100000, SLICE = 700 };
	const struct delayed_options o = { .delay_ms = 0 };
	struct script s = { .name = SCRIPT_PROMOTE };
	struct conn *c = connect_empty();
	int64_t wait_ms = 0;
	int moved, total = 0;

	(void)state;
	schedule(c, "many", &o, 0, MANY);
	while (wait_ms == 0) {
		moved = delayed_promote(c, &s, "many", SLICE, &wait_ms);
		assert_in_range(moved, 1, SLICE);
		total += moved;
	}
	assert_int_equal(wait_ms, -1);
	assert_int_equal(total, MANY);
	assert_int_equal(number(c, "EXISTS", "{many}:delayed"), 0);
	check_stream(c, "many", MANY, true);
	conn_close(c);
}

static void
what_is_not_due_stays_and_tells_how_long(void **state)
{
	const struct delayed_options now = { .delay_ms = 0 };
	const struct delayed_options later = { .delay_ms = 60000 };
	struct script s = { .name = SCRIPT_PROMOTE };
	struct conn *c = connect_empty();
	int64_t wait_ms = 0;

	(void)state;
	assert_int_equal(delayed_promote(c, &s, "s", 10, &wait_ms), 0);
	assert_int_equal(wait_ms, -1);
	schedule(c, "s", &later, 1, 2);
	schedule(c, "s", &now, 0, 1);
	assert_int_equal(delayed_promote(c, &s, "s", 10, &wait_ms), 1);
	assert_in_range(wait_ms, 30000, 60000);
	assert_int_equal(delayed_promote(c, &s, "s", 10, &wait_ms), 0);
	assert_int_equal(number(c, "ZCARD", "{s}:delayed"), 1);
	check_stream(c, "s", 1, true);
	conn_close(c);
}

static void
due_time_goes_before_the_order_of_scheduling(void **state)
{
	struct delayed_options o = { .delay_ms = -1 };
	struct conn *c = connect_empty();
	uint64_t moved;
	int n;

	(void)state;
	o.at.kind = WHEN_TIME;
	for (n = 4; n >= 0; n--) {
		o.at.ms = 1000 + n;
		schedule(c, "s", &o, 2 * n, 2 * n + 2);
	}
	assert_int_equal(delayed_promote_all(c, "s", &moved), 0);
	assert_int_equal(moved, 10);
	check_stream(c, "s", 10, true);
	conn_close(c);
}

static void
equal_events_are_kept_apart_and_bytes_unchanged(void **state)
{
	static const char event[] = "{ \"a\" : \"\xc3\xa9:\\n\" }";
	const struct delayed_options o = { .delay_ms = 0 };
	struct script add = { .name = SCRIPT_DELAY };
	struct conn *c = connect_empty();
	struct entries e = { 0 };
	struct buf key = { 0 };
	struct entry entry;
	struct reply *r;
	uint64_t moved;
	int i, seen = 0;

	(void)state;
	assert_int_equal(script_load(c, &add), 0);
	delayed_key(&key, "s");
	for (i = 0; i < 3; i++) {
		delayed_add(c, &add, &key, &o, PRIORITY_NORMAL, event,
			    sizeof(event) - 1, NULL);
		assert_non_null(conn_result(c));
	}
	conn_commandv(c, "ZADD", "{s}:delayed", "5", event, NULL);
	assert_non_null(conn_result(c));
	assert_int_equal(delayed_promote_all(c, "s", &moved), 0);
	assert_int_equal(moved, 4);
	conn_commandv(c, "XRANGE", "s", "-", "+", NULL);
	r = conn_result(c);
	assert_non_null(r);
	entries_init(&e, false);
	while (entries_next(&e, r, &entry) == ENTRIES_OK) {
		const char *text;
		size_t len;

		assert_true(entry_body(&entry, NULL, &text, &len));
		assert_int_equal(len, sizeof(event) - 1);
		assert_memory_equal(text, event, len);
		seen++;
	}
	assert_int_equal(seen, 4);
	entries_release(&e);
	buf_release(&key);
	conn_close(c);
}

static void
a_refusal_leaves_all_scheduled(void **state)
{
	const struct delayed_options o = { .delay_ms = 0 };
	struct script s = { .name = SCRIPT_PROMOTE };
	struct conn *c = connect_empty();
	int64_t wait_ms;

	(void)state;
	schedule(c, "s", &o, 0, 5);
	conn_commandv(c, "SET", "s", "no stream", NULL);
	assert_non_null(conn_result(c));
	assert_int_equal(delayed_promote(c, &s, "s", 3, &wait_ms), -1);
	assert_non_null(strstr(conn_error(c), "WRONGTYPE"));
	assert_false(conn_is_lost(c));
	assert_int_equal(number(c, "ZCARD", "{s}:delayed"), 5);
	conn_close(c);
}

static void
a_refusal_half_way_takes_out_what_was_appended(void **state)
{
	const struct delayed_options o = { .delay_ms = 0 };
	struct script s = { .name = SCRIPT_PROMOTE };
	struct conn *c = connect_empty();
	int64_t wait_ms;

	(void)state;
	/* Two more ids, and the stream has none left. */
	conn_commandv(c, "XADD", "s",
		      "18446744073709551615-18446744073709551613", "data", "{}",
		      NULL);
	assert_non_null(conn_result(c));
	schedule(c, "s", &o, 0, 5);
	assert_int_equal(delayed_promote(c, &s, "s", 5, &wait_ms), 2);
	assert_int_equal(wait_ms, 0);
	assert_int_equal(number(c, "ZCARD", "{s}:delayed"), 3);
	assert_int_equal(number(c, "XLEN", "s"), 3);
	assert_int_equal(delayed_promote(c, &s, "s", 5, &wait_ms), -1);
	assert_int_equal(number(c, "ZCARD", "{s}:delayed"), 3);
	conn_close(c);
}

/* A promoter in a process of its own: takes what it gets until all are gone. */
static pid_t
fork_promoter(uint64_t slice)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct script s = { .name = SCRIPT_PROMOTE };
		struct conn *c;
		int64_t wait_ms = 0;

		server_die_with_parent();
		c = conn_open(&options);
		while (wait_ms == 0)
			if (delayed_promote(c, &s, "race", slice, &wait_ms) < 0)
				_exit(1);
		_exit(0);
	}
	return pid;
}

static void
two_promoters_promote_each_event_once(void **state)
{
	enum { MANY = 10000 };
	const struct delayed_options o = { .delay_ms = 0 };
	struct conn *c = connect_empty();
	pid_t pid[2];
	int i, status;

	(void)state;
	schedule(c, "race", &o, 0, MANY);
	for (i = 0; i < 2; i++)
		pid[i] = fork_promoter(i == 0 ? 7 : 11);
	for (i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(number(c, "EXISTS", "{race}:delayed"), 0);
	check_stream(c, "race", MANY, true);
	conn_close(c);
}

static void
a_mark_keeps_the_second_one_out(void **state)
{
	const struct delayed_options o = { .delay_ms = 60000 };
	const struct delayed_mark mark = { "{s}:seen:k", 10, 5000 };
	struct script s = { .name = SCRIPT_DELAY };
	struct conn *c = connect_empty();
	struct buf key = { 0 };
	struct reply *r;
	int64_t fresh = -1;
	int i;

	(void)state;
	assert_int_equal(script_load(c, &s), 0);
	delayed_key(&key, "s");
	for (i = 0; i < 2; i++) {
		delayed_add(c, &s, &key, &o, PRIORITY_LOW, "{}", 2, &mark);
		r = conn_result(c);
		assert_non_null(r);
		assert_true(reply_equals(r, 1, "0-0"));
		assert_int_equal(reply_number(r, 2, &fresh), 0);
		assert_int_equal(fresh, i == 0);
	}
	assert_int_equal(number(c, "ZCARD", "{s}:delayed"), 1);
	assert_in_range(number(c, "PTTL", "{s}:seen:k"), 1, 5000);
	buf_release(&key);
	conn_close(c);
}

static void
options_are_a_delay_or_a_time(void **state)
{
	static const struct {
		const char *at;
		bool good;
	} cases[] = {
		{ "2026-11-20T21:17:06Z", true },
		{ "2026-11-20", true },
		{ "@1795209426", true },
		{ "now", true },
		{ "90m", false }, /* that long ago, elsewhere */
		{ "start", false },
		{ "end", false },
		{ "1795209426824-0", false },
		{ "9999-12-31", true },
	};
	struct delayed_options o = DELAYED_OPTIONS_INIT;
	size_t i;

	(void)state;
	assert_false(delayed_is_wanted(&o));
	assert_null(delayed_options_error(&o));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			when_parse(cases[i].at, strlen(cases[i].at), &o.at), 0);
		assert_true(delayed_is_wanted(&o));
		assert_int_equal(delayed_options_error(&o) == NULL,
				 cases[i].good);
	}
	o.delay_ms = 0;
	assert_non_null(delayed_options_error(&o));
	o.at.kind = WHEN_UNSET;
	assert_true(delayed_is_wanted(&o));
	assert_null(delayed_options_error(&o));
	o.delay_ms = INT64_MAX;
	assert_non_null(delayed_options_error(&o));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_promoted_in_bounded_slices),
		cmocka_unit_test(what_is_not_due_stays_and_tells_how_long),
		cmocka_unit_test(due_time_goes_before_the_order_of_scheduling),
		cmocka_unit_test(
			equal_events_are_kept_apart_and_bytes_unchanged),
		cmocka_unit_test(a_refusal_leaves_all_scheduled),
		cmocka_unit_test(
			a_refusal_half_way_takes_out_what_was_appended),
		cmocka_unit_test(two_promoters_promote_each_event_once),
		cmocka_unit_test(a_mark_keeps_the_second_one_out),
		cmocka_unit_test(options_are_a_delay_or_a_time),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
