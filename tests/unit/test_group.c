#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/group.h"
#include "common/stop.h"
#include "tests/unit/server.h"

enum { MANY = 8, EACH = 100, PATIENCE_MS = 10000 };

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;
static struct conn *other;
static struct group_options group_options = {
	.name = "g",
	.consumer = "me",
	.lease_ms = 60000,
	.retry_for_ms = PATIENCE_MS,
};
static struct group g;

/* What is in hand. */
static struct id hand[MANY * EACH];
static size_t hands;

static int
setup(void **state)
{
	(void)state;
	diag_init("test-group");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	server_start(&server, NULL);
	options.url = server.url;
	options.retry_for_ms = PATIENCE_MS;
	other = conn_open(&options);
	assert_null(conn_error(other));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conn_close(other);
	server_stop(&server);
	return 0;
}

#define tell(...) tell_(__VA_ARGS__, NULL)

static struct reply *
tell_(const char *word, ...)
{
	const char *words[16];
	struct reply *r;
	size_t count = 0, i;
	va_list args;

	va_start(args, word);
	for (; word != NULL; word = va_arg(args, const char *))
		words[count++] = word;
	va_end(args);
	conn_command(other, count);
	for (i = 0; i < count; i++)
		conn_args(other, words[i]);
	r = conn_result(other);
	if (r == NULL)
		fail_msg("%s: %s", words[0], conn_error(other));
	return r;
}

static void
publish(const char *stream, int count)
{
	while (count-- != 0)
		tell("XADD", stream, "*", "data", "{}");
}

static bool
holds(void *holder, size_t stream, struct id id)
{
	size_t i;

	(void)holder;
	(void)stream;
	for (i = 0; i < hands; i++)
		if (id_compare(hand[i], id) == 0)
			return true;
	return false;
}

static void
each(void *holder, size_t stream,
     void (*tell_one)(void *to, struct id id, int64_t deliveries), void *to)
{
	size_t i;

	(void)holder;
	for (i = 0; stream == 0 && i < hands; i++)
		tell_one(to, hand[i], 3);
}

static void
open_group(size_t count)
{
	static char name[MANY][3] = { "s",  "s1", "s2", "s3",
				      "s4", "s5", "s6", "s7" };
	char *names[MANY];
	size_t i;
	struct conn *c = conn_open(&options);

	for (i = 0; i < MANY; i++)
		names[i] = name[i];
	assert_int_equal(group_open(&g, c, &group_options, names, count), 0);
	g.holds = holds;
	g.each = each;
	hands = 0;
}

static int
begin(void **state)
{
	(void)state;
	tell("FLUSHALL");
	return 0;
}

static int
end(void **state)
{
	struct conn *c = g.conn;

	(void)state;
	group_close(&g);
	conn_close(c);
	return 0;
}

/* Read once, at most `limit` of all streams; returns how many came. */
static size_t
read_once(uint64_t limit)
{
	int64_t until = when_monotonic() + PATIENCE_MS;
	struct delivery d;
	size_t before = hands;
	int rc = 0;

	while (rc == 0 && when_monotonic() < until) {
		struct pollfd p;

		rc = group_try(&g, limit, 20);
		if (rc == 0 && g.reading && conn_poll(g.conn, &p) == 0)
			poll(&p, 1, 100);
	}
	assert_in_range(rc, 1, 2);
	if (rc == 1)
		while (group_next(&g, &d) == 1)
			hand[hands++] = d.entry.id;
	return hands - before;
}

static size_t
pending_of(const char *consumer)
{
	return tell("XPENDING", "s", "g", "-", "+", "1000", consumer)
		->node[0]
		.len;
}

static void
what_is_in_hand_is_pending_again_with_its_deliveries(void **state)
{
	struct reply *r;

	(void)state;
	publish("s", 250);
	open_group(1);
	assert_int_equal(read_once(250), 250);
	assert_int_equal(group_mend(&g), 0);
	tell("XGROUP", "DESTROY", "s", "g");
	assert_int_equal(group_mend(&g), 1);
	assert_int_equal(pending_of("me"), 250);
	r = tell("XPENDING", "s", "g", "-", "+", "1");
	assert_int_equal(r->node[5].integer, 3);
	/* It is where it was: nothing comes twice. */
	assert_int_equal(read_once(250), 0);
	assert_int_equal(group_mend(&g), 0);
}

static void
what_others_hold_or_nobody_has_stays_away(void **state)
{
	char text[ID_TEXT];

	(void)state;
	publish("s", 3);
	open_group(1);
	assert_int_equal(read_once(3), 3);
	/* Another one was first: it made the group, and has an entry. */
	tell("XGROUP", "DESTROY", "s", "g");
	tell("SET", "{s}:restored:g", "0-0 1 thief");
	tell("XGROUP", "CREATE", "s", "g", "$");
	id_put(text, hand[0]);
	tell("XCLAIM", "s", "g", "thief", "0", text, "FORCE", "JUSTID");
	id_put(text, hand[1]);
	tell("XDEL", "s", text);
	assert_int_equal(group_mend(&g), 1);
	assert_int_equal(pending_of("me"), 1);
	assert_int_equal(pending_of("thief"), 1);
	assert_int_equal(group_mend(&g), 0);
}

static void
without_a_new_mark_what_is_not_pending_was_finished(void **state)
{
	char text[ID_TEXT];

	(void)state;
	publish("s", 2);
	open_group(1);
	assert_int_equal(read_once(2), 2);
	id_put(text, hand[0]);
	tell("XACK", "s", "g", text);
	assert_int_equal(group_mend(&g), 0);
	assert_int_equal(pending_of("me"), 1);
}

static struct id
delivered(void)
{
	struct reply *r = tell("XINFO", "GROUPS", "s");
	struct id id;

	assert_int_equal(
		reply_id(r, reply_field(r, 1, "last-delivered-id"), &id), 0);
	return id;
}

static void
the_group_goes_on_behind_what_is_in_hand(void **state)
{
	(void)state;
	publish("s", 3);
	open_group(1);
	assert_int_equal(read_once(3), 3);
	/* Made again by one who had read nothing. */
	tell("XGROUP", "DESTROY", "s", "g");
	tell("SET", "{s}:restored:g", "0-0 1 thief");
	tell("XGROUP", "CREATE", "s", "g", "0");
	assert_int_equal(group_mend(&g), 1);
	assert_int_equal(id_compare(delivered(), hand[2]), 0);
}

static void
a_group_that_was_set_back_stays_so(void **state)
{
	char mark[ID_TEXT + 16];

	(void)state;
	publish("s", 3);
	open_group(1);
	assert_int_equal(read_once(3), 3);
	tell("XGROUP", "DESTROY", "s", "g");
	id_put(mark, hand[1]);
	strcat(mark, " 1 thief");
	tell("SET", "{s}:restored:g", mark);
	tell("XGROUP", "CREATE", "s", "g", "0");
	assert_int_equal(group_mend(&g), 1);
	assert_int_equal(id_compare(delivered(), ID_MIN), 0);
}

static void
a_group_is_made_again_where_others_had_read_to(void **state)
{
	struct id newest;

	(void)state;
	publish("s", 1);
	open_group(1);
	assert_int_equal(read_once(1), 1);
	publish("s", 5);
	tell("XREADGROUP", "GROUP", "g", "thief", "STREAMS", "s", ">");
	newest = delivered();
	assert_int_equal(group_mend(&g), 0); /* it has looked */
	tell("XGROUP", "DESTROY", "s", "g");
	assert_int_equal(group_mend(&g), 1);
	assert_int_equal(id_compare(delivered(), newest), 0);
}

static void
a_read_takes_no_more_than_the_limit_of_all_streams(void **state)
{
	char name[] = "s0";
	uint64_t limit;
	size_t n, all = 0;
	int i;

	(void)state;
	publish("s", EACH);
	for (i = 1; i < MANY; i++) {
		name[1] = (char)('0' + i);
		publish(name, EACH);
	}
	open_group(MANY);
	for (limit = 1; all < MANY * EACH; limit = limit % 20 + 1) {
		n = read_once(limit);
		assert_in_range(n, 1, limit);
		all += n;
	}
	assert_int_equal(all, MANY * EACH);
	assert_int_equal(read_once(1), 0);
}

static void
renewing_is_done_in_parts(void **state)
{
	int parts = 1, rc;
	int i;

	(void)state;
	for (i = 0; i < 8; i++)
		publish("s", 150);
	open_group(1);
	tell("XREADGROUP", "GROUP", "g", "me", "STREAMS", "s", ">");
	tell("EVAL",
	     "for _, p in ipairs(redis.call('XPENDING', 's', 'g', '-', '+', "
	     "5000)) do redis.call('XCLAIM', 's', 'g', 'me', 0, p[1], 'IDLE', "
	     "50000, 'JUSTID') end",
	     "0");
	g.renew_due = 0;
	for (; (rc = group_renew_some(&g)) == 1; parts++)
		;
	assert_int_equal(rc, 0);
	assert_in_range(parts, 3, 6);
	assert_int_equal(
		tell("XPENDING", "s", "g", "IDLE", "40000", "-", "+", "1")
			->node[0]
			.len,
		0);
	assert_int_equal(group_renew_some(&g), 0);
}

#define test_of_groups(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_of_groups(
			what_is_in_hand_is_pending_again_with_its_deliveries),
		test_of_groups(what_others_hold_or_nobody_has_stays_away),
		test_of_groups(
			without_a_new_mark_what_is_not_pending_was_finished),
		test_of_groups(the_group_goes_on_behind_what_is_in_hand),
		test_of_groups(a_group_that_was_set_back_stays_so),
		test_of_groups(a_group_is_made_again_where_others_had_read_to),
		test_of_groups(
			a_read_takes_no_more_than_the_limit_of_all_streams),
		test_of_groups(renewing_is_done_in_parts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
