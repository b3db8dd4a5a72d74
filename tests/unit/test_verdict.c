#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/stop.h"
#include "common/verdict.h"
#include "common/when.h"
#include "tests/unit/server.h"

enum { REPLY_MS = 300, PATIENCE_MS = 10000 };

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;
static struct conn *other; /* looks at what became of it */
static struct verdict v;
static struct id id[3];

static int
setup(void **state)
{
	(void)state;
	diag_init("test-verdict");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	server_start(&server, NULL);
	options.url = server.url;
	options.retry_for_ms = PATIENCE_MS;
	options.reply_ms = REPLY_MS;
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

/* Three entries that consumer `me` of the group has pending. */
static int
begin(void **state)
{
	size_t i;

	(void)state;
	tell("FLUSHALL");
	tell("SCRIPT", "FLUSH");
	tell("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
	for (i = 0; i < 3; i++)
		assert_int_equal(reply_id(tell("XADD", "s", "*", "data", "{}"),
					  0, &id[i]),
				 0);
	tell("XREADGROUP", "GROUP", "g", "me", "STREAMS", "s", ">");
	assert_int_equal(verdict_open(&v, conn_open(&options), "g", "me"), 0);
	verdict_add_stream(&v, "s", "s");
	return 0;
}

static int
end(void **state)
{
	struct conn *c = v.conn;

	(void)state;
	verdict_close(&v);
	conn_close(c);
	return 0;
}

static int64_t
pending(void)
{
	struct reply *r = tell("XPENDING", "s", "g");

	return r->node[1].integer;
}

/* What the statistics of this minute and of the one before say. */
static int64_t
counted(const char *field)
{
	uint64_t minute = (uint64_t)verdict_now(&v) / 60000, back, n, sum = 0;
	struct buf key = { 0 };

	for (back = 0; back < 2; back++) {
		struct reply *r;
		const char *text;
		size_t len;

		buf_clear(&key);
		buf_adds(&key, "{s}:stats:g:");
		buf_addu(&key, minute - back);
		r = tell("HGET", buf_text(&key), field);
		if (!reply_is(r, 0, REPLY_STRING))
			continue;
		text = reply_text(r, 0, &len);
		assert_int_equal(num_u64(text, len, &n), 0);
		sum += n;
	}
	buf_release(&key);
	return (int64_t)sum;
}

static int64_t
length(const char *command, const char *key)
{
	return tell(command, key)->node[0].integer;
}

static void
lose_to_another(size_t i)
{
	char text[ID_TEXT];

	id_put(text, id[i]);
	tell("XCLAIM", "s", "g", "thief", "0", text, "JUSTID");
}

static struct failure
failed(int64_t attempts)
{
	return (struct failure){
		.class = "exit",
		.error = "why",
		.exit = 1,
		.first_ms = 1,
		.last_ms = 2,
		.attempts = attempts,
		.due_ms = verdict_now(&v) + 1000,
		.duration_ms = 7,
	};
}

static int
bury(size_t i)
{
	struct failure f = failed(1);
	struct failure_event e = {
		.stream = "s",
		.group = "g",
		.consumer = "me",
		.id = id[i],
		.deliveries = 1,
	};

	return verdict_dead(&v, FAILURE_REJECTED, &f, &e, 0, "{}", 2);
}

static void
what_is_done_is_collected_and_acknowledged_together(void **state)
{
	(void)state;
	assert_int_equal(verdict_done(&v, 0, id[0], 5), 0);
	assert_int_equal(verdict_done(&v, 0, id[2], 6), 0);
	assert_int_equal(verdict_untold(&v), 2);
	assert_true(verdict_is_untold(&v, 0, id[0]));
	assert_false(verdict_is_untold(&v, 0, id[1]));
	assert_int_equal(pending(), 3);
	assert_int_equal(verdict_flush(&v), 0);
	assert_int_equal(verdict_untold(&v), 0);
	assert_int_equal(pending(), 1);
	assert_int_equal(counted("ok"), 2);
	assert_int_equal(counted("ms"), 11);
}

static void
push(void)
{
	int64_t until = when_monotonic() + PATIENCE_MS;

	while (verdict_untold(&v) != 0 && when_monotonic() < until) {
		struct pollfd p;

		assert_int_equal(verdict_push(&v), 0);
		if (!verdict_poll(&v, &p) && verdict_untold(&v) != 0)
			poll(&p, 1, 10);
	}
	assert_int_equal(verdict_untold(&v), 0);
}

static void
a_push_does_not_wait_and_ends_the_same(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(verdict_done(&v, 0, id[i], 1), 0);
		push();
		assert_int_equal(pending(), 2 - (int)i);
		tell("SCRIPT", "FLUSH");
	}
	assert_int_equal(counted("ok"), 3);
}

static void
what_failed_stays_pending_and_is_in_the_ledger(void **state)
{
	struct failure f = failed(1), read;

	(void)state;
	assert_int_equal(verdict_fail(&v, 0, id[1], &f), 1);
	assert_int_equal(pending(), 3);
	assert_int_equal(verdict_ledger(&v, 0, id[1], &read), 0);
	assert_int_equal(read.attempts, 1);
	assert_int_equal(read.due_ms, f.due_ms);
	assert_int_equal(verdict_ledger(&v, 0, id[0], &read), 0);
	assert_int_equal(read.attempts, 0);
	assert_int_equal(counted("retry"), 1);
	assert_int_equal(counted("ms"), 7);
	/* Done in the end, it is forgotten. */
	assert_int_equal(verdict_done(&v, 0, id[1], 1), 0);
	assert_int_equal(verdict_flush(&v), 0);
	assert_int_equal(length("HLEN", "{s}:fail:g"), 0);
}

static void
what_is_dead_is_kept_with_its_bytes_and_pending_no_more(void **state)
{
	struct failure f = failed(1);
	struct reply *r;

	(void)state;
	assert_int_equal(verdict_fail(&v, 0, id[0], &f), 1);
	assert_int_equal(bury(0), 1);
	assert_int_equal(pending(), 2);
	assert_int_equal(length("HLEN", "{s}:fail:g"), 0);
	r = tell("XRANGE", "{s}:dlq", "-", "+");
	assert_int_equal(r->node[0].len, 1);
	assert_true(reply_equals(r, 4, "data"));
	assert_true(reply_equals(r, 5, "{}"));
	assert_true(reply_equals(r, 6, "dead"));
	assert_int_equal(counted("dead"), 1);
}

static void
an_emission_goes_with_its_acknowledgement(void **state)
{
	const struct script_arg event[] = { { "{\"a\":1}", 7 },
					    { "{\"a\":2}", 7 } };

	(void)state;
	assert_int_equal(verdict_emit(&v, 0, id[0], 1, "{s}:out", event, 2), 1);
	assert_int_equal(length("XLEN", "{s}:out"), 2);
	assert_int_equal(pending(), 2);
	/* Told again it is not ours any more. */
	assert_int_equal(verdict_emit(&v, 0, id[0], 1, "{s}:out", event, 2), 0);
	assert_int_equal(length("XLEN", "{s}:out"), 2);
}

static void
no_verdict_but_done_counts_on_another_consumers_entry(void **state)
{
	const struct script_arg event = { "{\"a\":1}", 7 };
	struct failure f = failed(1);
	struct reply *r;
	struct id lost;

	(void)state;
	lose_to_another(1);
	assert_int_equal(verdict_fail(&v, 0, id[1], &f), 0);
	assert_int_equal(bury(1), 0);
	assert_int_equal(verdict_emit(&v, 0, id[1], 1, "{s}:out", &event, 1),
			 0);
	r = verdict_take(&v, 0, id[1], true);
	assert_non_null(r);
	assert_true(reply_is(r, 0, REPLY_NIL));
	r = verdict_hold(&v, 0, id, 3);
	assert_non_null(r);
	assert_int_equal(r->node[0].len, 1);
	assert_int_equal(reply_id(r, 1, &lost), 0);
	assert_int_equal(id_compare(lost, id[1]), 0);
	assert_int_equal(tell("EXISTS", "{s}:fail:g", "{s}:dlq", "{s}:out")
				 ->node[0]
				 .integer,
			 0);
	assert_int_equal(counted("retry") + counted("dead") + counted("ok"), 0);
	r = tell("XPENDING", "s", "g", "-", "+", "9", "thief");
	assert_int_equal(r->node[0].len, 1);
	/* What is done is done. */
	assert_int_equal(verdict_done(&v, 0, id[1], 1), 0);
	assert_int_equal(verdict_flush(&v), 0);
	assert_int_equal(pending(), 2);
}

/* From now on the server does what it is told on that connection and says
 * nothing, until the connection is given up. */
static void
mute(void)
{
	conn_commandv(v.conn, "CLIENT", "REPLY", "OFF", NULL);
	assert_int_equal(conn_flush(v.conn), 0);
}

static void
an_answer_that_is_lost_is_asked_for_again(void **state)
{
	struct failure f = failed(1);

	(void)state;
	/* The scripts are loaded. */
	assert_int_equal(verdict_fail(&v, 0, id[0], &f), 1);
	assert_int_equal(bury(1), 1);
	mute();
	assert_int_equal(verdict_fail(&v, 0, id[0], &f), 1);
	assert_int_equal(length("HLEN", "{s}:fail:g"), 1);
	assert_int_equal(counted("retry"), 3); /* in the statistics alone */
	/* It was acknowledged the first time, so that the second finds that it
	 * is not ours, and writes no second letter. */
	mute();
	assert_int_equal(bury(2), 0);
	assert_int_equal(length("XLEN", "{s}:dlq"), 2);
	assert_int_equal(pending(), 1);
}

static void
what_was_done_before_the_answer_was_lost_is_told_again(void **state)
{
	(void)state;
	assert_int_equal(verdict_done(&v, 0, id[0], 1), 0);
	assert_int_equal(verdict_flush(&v), 0);
	mute();
	assert_int_equal(verdict_done(&v, 0, id[1], 1), 0);
	assert_int_equal(verdict_push(&v), 0);
	assert_true(verdict_is_untold(&v, 0, id[1]));
	assert_int_equal(verdict_done(&v, 0, id[2], 1), 0);
	push();
	assert_int_equal(pending(), 0);
	assert_int_equal(counted("ok"), 4);
}

static int mended;

/* What group_mend() would do. */
static int
mend(void *keeper)
{
	char text[ID_TEXT];

	mended++;
	if (keeper == NULL)
		return 0;
	id_put(text, *(struct id *)keeper);
	tell("XGROUP", "CREATE", "s", "g", "$");
	tell("XCLAIM", "s", "g", "me", "0", text, "FORCE", "JUSTID");
	return 1;
}

static void
a_group_that_vanished_is_no_lost_lease(void **state)
{
	struct failure f = failed(1);

	(void)state;
	mended = 0;
	v.mend = mend;
	v.keeper = &id[0];
	assert_int_equal(verdict_fail(&v, 0, id[0], &f), 1);
	assert_int_equal(mended, 0); /* it was ours */
	tell("XGROUP", "DESTROY", "s", "g");
	assert_int_equal(verdict_fail(&v, 0, id[0], &f), 1);
	assert_int_equal(mended, 1);
	assert_int_equal(pending(), 1);
	tell("XGROUP", "DESTROY", "s", "g");
	v.keeper = &id[1];
	assert_int_equal(bury(1), 1);
	assert_int_equal(mended, 2);
	assert_int_equal(length("XLEN", "{s}:dlq"), 1);
	/* If there is nothing to mend the answer stands. */
	v.keeper = NULL;
	assert_int_equal(bury(2), 0);
	assert_int_equal(mended, 3);
	assert_int_equal(length("XLEN", "{s}:dlq"), 1);
}

#define test_of_verdicts(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_of_verdicts(
			what_is_done_is_collected_and_acknowledged_together),
		test_of_verdicts(a_push_does_not_wait_and_ends_the_same),
		test_of_verdicts(
			what_failed_stays_pending_and_is_in_the_ledger),
		test_of_verdicts(
			what_is_dead_is_kept_with_its_bytes_and_pending_no_more),
		test_of_verdicts(an_emission_goes_with_its_acknowledgement),
		test_of_verdicts(
			no_verdict_but_done_counts_on_another_consumers_entry),
		test_of_verdicts(an_answer_that_is_lost_is_asked_for_again),
		test_of_verdicts(
			what_was_done_before_the_answer_was_lost_is_told_again),
		test_of_verdicts(a_group_that_vanished_is_no_lost_lease),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
