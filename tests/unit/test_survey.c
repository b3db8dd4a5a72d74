#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/stop.h"
#include "common/survey.h"
#include "tests/unit/server.h"

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;
static struct conn *conn;
static struct survey_options survey_options;
static struct survey survey;

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
	diag_init("test-survey");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	server_start(&server, NULL);
	options.url = server.url;
	options.retry_for_ms = 0;
	conn = open_conn();
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

/* Send a command given as words with blanks between them; an error of the server
 * is an answer. */
static struct reply *
ask(const char *fmt, ...)
{
	char text[512], *word, *at = NULL;
	size_t argc = 1, i;
	struct reply *r;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (i = 0; text[i] != '\0'; i++)
		argc += text[i] == ' ';
	conn_command(conn, argc);
	for (word = strtok_r(text, " ", &at); word != NULL;
	     word = strtok_r(NULL, " ", &at))
		conn_args(conn, word);
	r = conn_reply(conn, 0);
	if (r == NULL)
		fail_msg("%s: %s", fmt, conn_error(conn));
	return r;
}

static struct reply *
run(const char *command)
{
	struct reply *r = ask("%s", command);

	if (reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(conn, r, 0);
		fail_msg("%s: %s", command, conn_error(conn));
	}
	return r;
}

static void
eval(const char *script)
{
	conn_commandv(conn, "EVAL", script, "0", NULL);
	if (conn_result(conn) == NULL)
		fail_msg("%s", conn_error(conn));
}

static int
begin(void **state)
{
	(void)state;
	run("FLUSHALL");
	survey_options = (struct survey_options){
		.lease_ms = 30000,
		.most = SURVEY_COUNT,
	};
	survey_init(&survey, &survey_options);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	survey_release(&survey);
	return 0;
}

static void
look(void)
{
	if (survey_read(&survey, conn) < 0)
		fail_msg("%s", conn_error(conn));
}

static const struct survey_row *
row_of(const char *stream, const char *group)
{
	const struct survey_row *row = survey_row(&survey, stream, group);

	if (row == NULL)
		fail_msg("no row of %s %s", stream,
			 group != NULL ? group : "without a group");
	return row;
}

/* Read s, and look at the lag of its group g. */
static void
assert_lag(int64_t lag, bool exact)
{
	const struct survey_row *row;

	survey_add(&survey, "s");
	look();
	row = row_of("s", "g");
	assert_int_equal(row->lag, lag);
	assert_int_equal(row->lag_exact, exact);
	assert_string_equal(row->error != NULL ? row->error : "", "");
}

/* Entries of the current time. */
static void
add(int n)
{
	while (n-- > 0)
		run("XADD s * data {}");
}

/* Lag, one case after the other */

static void
entries_deleted_ahead_of_a_group_are_no_lag(void **state)
{
	(void)state;
	run("XGROUP CREATE s g 0 MKSTREAM");
	eval("for i = 1, 20 do redis.call('XADD', 's', i .. '-0', 'a', '') end");
	run("XREADGROUP GROUP g c COUNT 5 STREAMS s >");
	run("XDEL s 10-0 11-0 20-0");
	assert_lag(12, true);
	run("XREADGROUP GROUP g c COUNT 8 STREAMS s >");
	assert_lag(4, true);
	run("XREADGROUP GROUP g c COUNT 8 STREAMS s >");
	assert_lag(0, true);
}

static void
entries_trimmed_past_a_group_are_no_lag(void **state)
{
	(void)state;
	run("XGROUP CREATE s g 0 MKSTREAM");
	add(50);
	run("XREADGROUP GROUP g c COUNT 10 STREAMS s >");
	run("XTRIM s MAXLEN 20");
	assert_lag(20, true);
	run("XREADGROUP GROUP g c COUNT 5 STREAMS s >");
	assert_lag(15, true);
	add(3);
	assert_lag(18, true);
}

static void
a_group_may_stand_at_any_id(void **state)
{
	(void)state;
	eval("for i = 1, 300 do redis.call('XADD', 's', i .. '-0', 'a', '') end");
	run("XGROUP CREATE s g 40-7");
	assert_lag(260, true);
	run("XGROUP SETID s g 299-0");
	assert_lag(1, true);
	run("XGROUP SETID s g 300-0");
	assert_lag(0, true);
	run("XGROUP SETID s g 9999-0");
	assert_lag(0, true);
	run("XGROUP SETID s g 18446744073709551615-18446744073709551615");
	assert_lag(0, true);
	run("XGROUP SETID s g 0");
	assert_lag(300, true);
}

static void
a_group_at_the_end_of_an_empty_stream_has_no_lag(void **state)
{
	(void)state;
	run("XGROUP CREATE s g $ MKSTREAM");
	assert_lag(0, true);
	assert_int_equal(row_of("s", "g")->age_ms, 0);
	add(2);
	assert_lag(2, true);
	run("XTRIM s MAXLEN 0");
	assert_lag(0, true);
}

static void
ids_of_the_future_count_as_others_but_tell_no_age(void **state)
{
	(void)state;
	add(1);
	run("XGROUP CREATE s g 0");
	run("XADD s 99999999999999-1 a b");
	run("XADD s 99999999999999-* a b");
	assert_lag(3, true);
	assert_true(row_of("s", "g")->age_ms >= 0);
	run("XREADGROUP GROUP g c COUNT 1 STREAMS s >");
	assert_lag(2, true);
	assert_int_equal(row_of("s", "g")->age_ms, SURVEY_UNKNOWN);
	assert_non_null(strstr(row_of("s", "g")->unknown, "in the future"));
	run("XREADGROUP GROUP g c COUNT 5 STREAMS s >");
	assert_lag(0, true);
	assert_int_equal(row_of("s", "g")->age_ms, 0);
}

static void
ids_that_are_no_times_tell_no_age(void **state)
{
	(void)state;
	run("XADD s 1-1 a b");
	run("XGROUP CREATE s g 0");
	assert_lag(1, true);
	assert_int_equal(row_of("s", "g")->age_ms, SURVEY_UNKNOWN);
	assert_non_null(strstr(row_of("s", "g")->unknown, "no time"));
}

static void
tombstones_everywhere_change_nothing(void **state)
{
	(void)state;
	eval("for i = 1, 2000 do redis.call('XADD', 's', i .. '-0', 'a', '') end "
	     "redis.call('XGROUP', 'CREATE', 's', 'g', '0') "
	     "redis.call('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 500, "
	     "'STREAMS', 's', '>') "
	     "for i = 1, 2000, 2 do redis.call('XDEL', 's', i .. '-0') end");
	assert_lag(750, true);
	run("XSETID s 5000-0");
	assert_lag(750, true);
}

static void
counters_set_by_hand_are_not_believed(void **state)
{
	(void)state;
	add(60);
	run("XGROUP CREATE s g 0");
	run("XREADGROUP GROUP g c COUNT 10 STREAMS s >");
	if (reply_is(ask("XGROUP SETID s g %s ENTRIESREAD 55", "0"), 0,
		     REPLY_ERROR))
		skip(); /* before Redis 7.0 there are none */
	run("XREADGROUP GROUP g c COUNT 1 STREAMS s >");
	assert_lag(59, true);
	run("XGROUP SETID s g 0 ENTRIESREAD 0");
	run("XREADGROUP GROUP g c COUNT 30 STREAMS s >");
	assert_lag(30, true);
}

/* A long lag of a stream from which nothing was removed is known without
 * counting all of it. */
static void
no_more_is_counted_than_was_asked_for(void **state)
{
	bool counter;

	(void)state;
	survey_options.most = 2500;
	eval("for i = 1, 5000 do redis.call('XADD', 's', '*', 'a', '') end");
	run("XGROUP CREATE s g 0");
	assert_lag(5000, true);
	run("XREADGROUP GROUP g c COUNT 1 STREAMS s >");
	survey_add(&survey, "s");
	look();
	counter = row_of("s", "g")->added >= 0;
	assert_lag(counter ? 4999 : 2500, counter);
	run("XDEL s 1-1");
	run("XTRIM s MAXLEN 4999");
	run("XREADGROUP GROUP g c COUNT 1 STREAMS s >");
	assert_lag(2500, false);
	assert_true(row_of("s", "g")->age_ms >= 0);
	survey_options.most = 1000000;
	assert_lag(4998, true);
}

static void
large_entries_are_counted_in_small_slices(void **state)
{
	(void)state;
	eval("for i = 1, 400 do redis.call('XADD', 's', '*', 'a', "
	     "i % 3 == 0 and string.rep('x', 300000) or 'x') end "
	     "redis.call('XDEL', 's', redis.call('XADD', 's', '*', 'a', ''))");
	run("XGROUP CREATE s g 0");
	run("XREADGROUP GROUP g c COUNT 1 STREAMS s >");
	assert_lag(399, true);
}

/* Lag, compared with all there is */

static uint64_t random_state;

static unsigned
below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 11) % n;
}

static const char *const groups[] = { "g0", "g1", "g2" };

static void
change(bool lies)
{
	const char *group = groups[below(3)];
	unsigned id = 1 + below(400);

	switch (below(lies ? 12 : 10)) {
	case 0:
	case 1:
		ask("XADD s * a b");
		break;
	case 2:
		ask("EVAL for%si=1,%u%sdo%sredis.call('XADD','s','*','a','')"
		    "%send 0",
		    "\t", lies ? 20 : 1 + below(300), "\t", "\t", "\t");
		break;
	case 3:
		ask("EVAL local%st=redis.call('XRANGE','s','-','+')%sfor%s"
		    "i=1,%u%sdo%sif%s#t>0%sthen%s"
		    "redis.call('XDEL','s',t[(i*%u)%%#t+1][1])%send%send 0",
		    "\t", "\t", "\t", 1 + below(6), "\t", "\t", "\t", "\t",
		    "\t", id, "\t", "\t");
		break;
	case 4:
		ask("XTRIM s MAXLEN %u", below(400));
		break;
	case 5:
		/* Any entry's id, and the id of none. */
		ask("EVAL local%st=redis.call('XRANGE','s','-','+')%sif%s"
		    "#t>0%sthen%sredis.call('XGROUP','SETID','s','%s',"
		    "t[%u%%#t+1][1])%send 0",
		    "\t", "\t", "\t", "\t", "\t", group, id, "\t");
		break;
	case 6:
		ask("XGROUP SETID s %s %s", group, below(2) ? "0" : "$");
		break;
	case 7:
	case 8:
		ask("XREADGROUP GROUP %s c COUNT %u STREAMS s >", group,
		    1 + below(lies ? 10 : 150));
		break;
	case 9:
		ask("EVAL for%s_,p%sin%sipairs(redis.call('XPENDING','s','%s',"
		    "'-','+',50))%sdo%sredis.call('XACK','s','%s',p[1])%send 0",
		    "\t", "\t", "\t", group, "\t", "\t", group, "\t");
		break;
	case 10:
		ask("XGROUP SETID s %s 0 ENTRIESREAD %u", group, below(200));
		break;
	case 11:
		ask("EVAL local%sx=redis.call('XINFO','STREAM','s')%sredis"
		    ".call('XSETID','s',x[8],'ENTRIESADDED',%u,"
		    "'MAXDELETEDID','0-0') 0",
		    "\t", "\t", 400 + below(10));
		break;
	}
}

static int64_t
count_all(struct id after)
{
	struct reply *r;

	conn_command(conn, 4);
	conn_args(conn, "XRANGE");
	conn_args(conn, "s");
	conn_argid(conn, id_next(after));
	conn_args(conn, "+");
	r = conn_result(conn);
	assert_non_null(r);
	return (int64_t)r->node[0].len;
}

static void
compare_with_all(unsigned round, unsigned step)
{
	size_t i;

	look();
	for (i = 0; i < 3; i++) {
		const struct survey_row *row = row_of("s", groups[i]);
		int64_t all = count_all(row->delivered);
		bool right =
			row->lag_exact
				? row->lag == all
				: row->lag < all && row->lag > 0 &&
					  row->lag ==
						  (int64_t)survey_options.most;

		if (!right)
			fail_msg("round %u, step %u, %s: lag %s%lld, not %lld",
				 round, step, groups[i],
				 row->lag_exact ? "" : ">=",
				 (long long)row->lag, (long long)all);
		if (all == 0)
			assert_int_equal(row->age_ms, 0);
	}
}

static void
lag_is_what_counting_all_entries_gives(void **state)
{
	unsigned round, step;
	size_t i;

	(void)state;
	survey_add(&survey, "s");
	for (round = 0; round < 300; round++) {
		random_state = 88172645463325252u + round;
		survey_options.most =
			round % 3 == 0 ? 1 + below(200) : SURVEY_COUNT;
		run("DEL s");
		for (i = 0; i < 3; i++)
			ask("XGROUP CREATE s %s %s MKSTREAM", groups[i],
			    below(2) ? "0" : "$");
		for (step = 0; step < 12; step++) {
			change(round % 2 == 1);
			compare_with_all(round, step);
		}
	}
}

/* What can't be read */

static void
what_is_no_stream_has_a_row_that_says_so(void **state)
{
	(void)state;
	add(1);
	run("XGROUP CREATE s g 0");
	run("SET string x");
	survey_add(&survey, "missing");
	survey_add(&survey, "string");
	survey_add(&survey, "s");
	look();
	assert_int_equal(survey.count, 3);
	assert_string_equal(row_of("missing", NULL)->error, "no such stream");
	assert_string_equal(row_of("string", NULL)->error, "not a stream");
	assert_int_equal(row_of("string", NULL)->lag, SURVEY_UNKNOWN);
	assert_int_equal(row_of("string", NULL)->length, SURVEY_UNKNOWN);
	assert_int_equal(row_of("string", NULL)->dead, SURVEY_UNKNOWN);
	assert_null(row_of("s", "g")->error);
	run("DEL s");
	run("SET s x");
	look();
	assert_string_equal(row_of("s", NULL)->error, "not a stream");
}

static void
a_stream_without_groups_has_a_row(void **state)
{
	(void)state;
	add(3);
	survey_add(&survey, "s");
	look();
	assert_int_equal(survey.count, 1);
	assert_int_equal(row_of("s", NULL)->length, 3);
	assert_int_equal(row_of("s", NULL)->lag, SURVEY_UNKNOWN);
	assert_int_equal(row_of("s", NULL)->verdict, SURVEY_NO_VERDICT);
}

static void
a_companion_of_another_type_leaves_its_figure_unknown(void **state)
{
	(void)state;
	add(1);
	run("XGROUP CREATE s g 0");
	run("SET {s}:dlq x");
	run("XREADGROUP GROUP g c STREAMS s >");
	run("SET {s}:fail:g x");
	assert_lag(0, true);
	assert_int_equal(row_of("s", "g")->dead, SURVEY_UNKNOWN);
	assert_int_equal(row_of("s", "g")->retrying, SURVEY_UNKNOWN);
	assert_int_equal(row_of("s", "g")->scheduled, 0);
	assert_non_null(strstr(row_of("s", "g")->unknown, "WRONGTYPE"));
}

static void
a_lost_server_leaves_the_rows_of_the_last_time(void **state)
{
	(void)state;
	add(2);
	run("XGROUP CREATE s g 0");
	assert_lag(2, true);
	server_kill(&server);
	assert_int_equal(survey_read(&survey, conn), -1);
	assert_non_null(conn_error(conn));
	assert_int_equal(survey.count, 1);
	assert_int_equal(row_of("s", "g")->lag, 2);
	server_spawn(&server, NULL);
	conn_close(conn);
	options.retry_for_ms = 10000;
	conn = open_conn();
	options.retry_for_ms = 0;
	add(1);
	look();
	assert_int_equal(survey.count, 1);
	assert_int_equal(row_of("s", NULL)->length, 1);
}

/* Which streams and groups */

static void
patterns_find_streams_but_no_dead_letters(void **state)
{
	(void)state;
	run("XADD orders * a b");
	run("XADD other * a b");
	run("XADD ev:audit * a b");
	run("XADD {orders}:dlq * a b");
	run("SET orders.txt x");
	assert_int_equal(survey_find(&survey, conn, "or*"), 0);
	look();
	assert_int_equal(survey.count, 1);
	assert_int_equal(survey_find(&survey, conn, "*"), 0);
	look();
	assert_int_equal(survey.count, 2);
	assert_int_equal(survey_find(&survey, conn, "ev:audi?"), 0);
	look();
	assert_int_equal(survey.count, 2);
	assert_int_equal(survey_find(&survey, conn, "*:dlq"), 0);
	assert_int_equal(survey_find(&survey, conn, "*audit"), 0);
	look();
	assert_int_equal(survey.count, 4);
	run("DEL orders"); /* nobody named it: it is gone */
	look();
	assert_int_equal(survey.count, 3);
}

static void
groups_are_chosen_by_a_glob(void **state)
{
	(void)state;
	add(1);
	run("XGROUP CREATE s billing 0");
	run("XGROUP CREATE s stock 0");
	run("XADD bare * a b");
	survey_options.group = "bi*";
	survey_add(&survey, "s");
	survey_add(&survey, "bare");
	survey_add(&survey, "missing");
	look();
	assert_int_equal(survey.count, 2);
	assert_non_null(survey_row(&survey, "s", "billing"));
	assert_non_null(row_of("missing", NULL)->error);
}

static void
what_was_redriven_has_rows_beside_the_streams(void **state)
{
	const struct survey_row *row;

	(void)state;
	add(1);
	run("XGROUP CREATE s billing 0");
	run("XGROUP CREATE s stock 0");
	run("XADD {s}:redrive:billing * data {}");
	survey_add(&survey, "s");
	look();
	look();
	assert_int_equal(survey.count, 3);
	/* Nobody has read it yet, so that the server knows of no group. */
	row = row_of("{s}:redrive:billing", "billing");
	assert_int_equal(row->lag, 1);
	assert_true(row->lag_exact);
	assert_true(row->age_ms >= 0);
	assert_int_equal(row->consumers, 0);
	run("XGROUP CREATE {s}:redrive:billing billing 0");
	run("XREADGROUP GROUP billing c STREAMS {s}:redrive:billing >");
	look();
	row = row_of("{s}:redrive:billing", "billing");
	assert_int_equal(row->lag, 0);
	assert_int_equal(row->pending, 1);
	assert_int_equal(row->consumers, 1);
}

static void
rows_are_in_the_order_of_names(void **state)
{
	size_t i;

	(void)state;
	eval("for _, s in ipairs({ 'b', 'a', '{b}:x', 'c' }) do "
	     "for _, g in ipairs({ 'z', 'y' }) do "
	     "redis.call('XGROUP', 'CREATE', s, g, '0', 'MKSTREAM') end end "
	     "redis.call('XADD', '{b}:redrive:y', '*', 'a', 'b')");
	survey_add(&survey, "b");
	assert_int_equal(survey_find(&survey, conn, "*"), 0);
	survey_add(&survey, "a");
	look();
	assert_int_equal(survey.count, 9);
	for (i = 1; i < survey.count; i++) {
		const struct survey_row *a = &survey.row[i - 1], *b = a + 1;
		int order = strcmp(a->stream, b->stream);

		assert_true(order < 0 ||
			    (order == 0 && strcmp(a->group, b->group) < 0));
	}
}

/* The other figures */

static void
pending_entries_tell_their_longest_silence(void **state)
{
	const struct survey_row *row;

	(void)state;
	eval("for i = 1, 3000 do redis.call('XADD', 's', i .. '-0', 'a', '') end");
	run("XGROUP CREATE s g 0");
	assert_lag(3000, true);
	assert_int_equal(row_of("s", "g")->oldest_ms, 0);
	run("XREADGROUP GROUP g c STREAMS s >");
	look();
	row = row_of("s", "g");
	assert_int_equal(row->pending, 3000);
	assert_in_range(row->oldest_ms, 0, 20000);
	/* One, far behind the first that are looked at. */
	run("XCLAIM s g c 0 2500-0 IDLE 3600000 JUSTID");
	run("XCLAIM s g c 0 150-0 IDLE 60000 JUSTID");
	look();
	row = row_of("s", "g");
	assert_in_range(row->oldest_ms, 3600000, 3620000);
	assert_int_equal(row->consumers, 1);
	assert_in_range(row->silent_ms, 0, 20000);
}

static void
failed_entries_and_attempts_are_counted(void **state)
{
	const struct survey_row *row;
	struct reply *r;
	int64_t s;

	(void)state;
	add(3);
	run("XGROUP CREATE s g 0");
	run("XREADGROUP GROUP g c COUNT 2 STREAMS s >");
	run("HSET {s}:fail:g 1-0 {} 2-0 {} 3-0 {}"); /* of which one is gone */
	run("ZADD {s}:delayed 9999999999999 x 9999999999998 y");
	r = run("TIME");
	assert_int_equal(reply_number(r, 1, &s), 0);
	ask("HSET {s}:stats:g:%lld ok 7 retry 2 ms 90", (long long)s / 60);
	ask("HSET {s}:stats:g:%lld ok 10 dead 1 ms 10", (long long)s / 60 - 2);
	ask("HSET {s}:stats:g:%lld ok 1000 dead 1", (long long)s / 60 - 7);
	survey_add(&survey, "s");
	look();
	row = row_of("s", "g");
	assert_int_equal(row->retrying, 2);
	assert_int_equal(row->scheduled, 2);
	assert_int_equal(row->work.ok, 17);
	assert_int_equal(row->work.retry, 2);
	assert_int_equal(row->work.dead, 1);
	assert_int_equal(row->work.ms, 100);
}

static void
dead_letters_are_counted_by_group(void **state)
{
	(void)state;
	add(1);
	run("XGROUP CREATE s billing 0");
	run("XGROUP CREATE s stock 0");
	run("XGROUP CREATE s idle 0");
	run("XADD {s}:dlq * data {} dead {\"group\":\"billing\"}");
	run("XADD {s}:dlq * data {} dead {\"group\":\"billing\"}");
	run("XADD {s}:dlq * data {\"group\":\"stock\"} dead {\"n\":1}");
	run("XADD {s}:dlq * data {} dead {\"group\":\"gone\"}");
	run("XADD {s}:dlq * data {} dead {\"reason\":\"x\",\"group\":\"stock\"}");
	run("XADD {s}:dlq * data {}");
	survey_add(&survey, "s");
	look();
	assert_int_equal(row_of("s", "billing")->dead, 2);
	assert_int_equal(row_of("s", "stock")->dead, 1);
	assert_int_equal(row_of("s", "idle")->dead, 0);
	assert_true(row_of("s", "billing")->dead_exact);
	assert_true(row_of("s", "idle")->dead_exact);
	eval("for i = 1, 1500 do redis.call('XADD', '{s}:dlq', '*', 'data', "
	     "'{}', 'dead', '{\"group\":\"billing\"}') end");
	look();
	assert_false(row_of("s", "billing")->dead_exact);
	assert_in_range(row_of("s", "billing")->dead, 900, 1000);
	assert_false(row_of("s", "idle")->dead_exact);
}

static void
hundreds_of_streams_are_read_at_once(void **state)
{
	size_t i;

	(void)state;
	eval("for s = 1, 700 do for i = 1, s do "
	     "redis.call('XADD', 's' .. s, i .. '-0', 'a', '') end "
	     "for _, g in ipairs({ 'a', 'b' }) do "
	     "redis.call('XGROUP', 'CREATE', 's' .. s, g, '0') "
	     "redis.call('XREADGROUP', 'GROUP', g, 'c', 'COUNT', 1, 'STREAMS',"
	     "'s' .. s, '>') end "
	     "redis.call('XDEL', 's' .. s, '1-0', '3-0') end");
	assert_int_equal(survey_find(&survey, conn, "s*"), 0);
	look();
	assert_int_equal(survey.count, 1400);
	for (i = 0; i < survey.count; i++) {
		const struct survey_row *row = &survey.row[i];
		long n = strtol(row->stream + 1, NULL, 10);

		assert_int_equal(row->lag, n >= 3 ? n - 2 : n - 1);
		assert_int_equal(row->pending, 1);
		assert_true(row->lag_exact);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entries_deleted_ahead_of_a_group_are_no_lag),
		TEST(entries_trimmed_past_a_group_are_no_lag),
		TEST(a_group_may_stand_at_any_id),
		TEST(a_group_at_the_end_of_an_empty_stream_has_no_lag),
		TEST(ids_of_the_future_count_as_others_but_tell_no_age),
		TEST(ids_that_are_no_times_tell_no_age),
		TEST(tombstones_everywhere_change_nothing),
		TEST(counters_set_by_hand_are_not_believed),
		TEST(no_more_is_counted_than_was_asked_for),
		TEST(large_entries_are_counted_in_small_slices),
		TEST(lag_is_what_counting_all_entries_gives),
		TEST(what_is_no_stream_has_a_row_that_says_so),
		TEST(a_stream_without_groups_has_a_row),
		TEST(a_companion_of_another_type_leaves_its_figure_unknown),
		TEST(a_lost_server_leaves_the_rows_of_the_last_time),
		TEST(patterns_find_streams_but_no_dead_letters),
		TEST(groups_are_chosen_by_a_glob),
		TEST(what_was_redriven_has_rows_beside_the_streams),
		TEST(rows_are_in_the_order_of_names),
		TEST(pending_entries_tell_their_longest_silence),
		TEST(failed_entries_and_attempts_are_counted),
		TEST(dead_letters_are_counted_by_group),
		TEST(hundreds_of_streams_are_read_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
