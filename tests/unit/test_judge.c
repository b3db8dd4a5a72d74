#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "common/judge.h"

/* One row of a group that does well; tests change what they are about. */
static const struct survey_options options = { .lease_ms = 30000 };
static struct survey_row row;
static struct survey survey;
static struct judge *judge;
static char group[] = "g";

static int
begin(void **state)
{
	(void)state;
	row = (struct survey_row){
		.stream = "s",
		.group = group,
		.length = 1000,
		.added = 1000,
		.first = { 1, 0 },
		.newest = { 1000, 0 },
		.generated = { 1000, 0 },
		.delivered = { 1000, 0 },
		.lag_exact = true,
		.consumers = 1,
		.silent_ms = 100,
	};
	survey = (struct survey){
		.row = &row,
		.count = 1,
		.now_ms = 1000000,
	};
	judge = judge_open(&options);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	judge_close(judge);
	return 0;
}

/* As survey_read() leaves it. */
static void
take(void)
{
	row.in_per_s = row.out_per_s = row.growth_per_s = (double)NAN;
	row.eta_ms = SURVEY_UNKNOWN;
	row.reason[0] = '\0';
	judge_take(judge, &survey);
}

/* After so many ms so many entries have come in, and gone out. */
static void
pass(int64_t ms, uint64_t in, uint64_t out)
{
	survey.now_ms += ms;
	row.added += (int64_t)in;
	row.length += (int64_t)in;
	row.newest.ms = row.generated.ms += in;
	row.delivered.ms += out;
	row.lag += (int64_t)in - (int64_t)out;
	take();
}

static void
assert_verdict(enum survey_verdict verdict)
{
	assert_string_equal(survey_verdict_name(row.verdict),
			    survey_verdict_name(verdict));
	if (verdict != SURVEY_OK)
		assert_true(row.reason[0] != '\0');
}

static void
one_sample_tells_no_rates(void **state)
{
	(void)state;
	take();
	assert_verdict(SURVEY_OK);
	assert_true(isnan(row.in_per_s));
	assert_true(isnan(row.out_per_s));
	assert_true(isnan(row.growth_per_s));
	assert_int_equal(row.eta_ms, 0); /* nothing is left to do */
	row.lag = 5;
	take();
	assert_int_equal(row.eta_ms, SURVEY_UNKNOWN);
}

static void
two_samples_tell_rates_and_the_time_left(void **state)
{
	(void)state;
	row.lag = 1000;
	take();
	pass(2000, 100, 300);
	assert_float_equal(row.in_per_s, 50, 0.001);
	assert_float_equal(row.out_per_s, 150, 0.001);
	assert_float_equal(row.growth_per_s, -100, 0.001);
	assert_int_equal(row.eta_ms, 8000);
	assert_verdict(SURVEY_OK);
	pass(2000, 100, 100); /* over all samples */
	assert_float_equal(row.in_per_s, 50, 0.001);
	assert_float_equal(row.out_per_s, 100, 0.001);
}

static void
what_is_unknown_tells_no_rate(void **state)
{
	(void)state;
	row.lag = 100;
	row.lag_exact = false;
	take();
	pass(1000, 10, 5);
	assert_float_equal(row.in_per_s, 10, 0.001);
	assert_true(isnan(row.out_per_s));
	assert_int_equal(row.eta_ms, SURVEY_UNKNOWN);
}

static void
without_a_counter_the_length_tells_until_the_stream_is_trimmed(void **state)
{
	(void)state;
	row.added = SURVEY_UNKNOWN;
	take();
	survey.now_ms += 1000;
	row.length += 20;
	take();
	assert_float_equal(row.in_per_s, 20, 0.001);
	survey.now_ms += 1000;
	row.length += 20;
	row.first.ms = 30;
	take();
	assert_true(isnan(row.in_per_s));
}

static void
lag_that_grows_with_its_age_is_growing(void **state)
{
	int i;

	(void)state;
	take();
	for (i = 0; i < 3; i++) {
		row.age_ms += 700;
		pass(1000, 100, 50);
		assert_verdict(SURVEY_GROWING);
	}
	pass(1000, 10, 20); /* it fell once */
	assert_verdict(SURVEY_OK);
}

static void
a_few_entries_on_their_way_are_no_growth(void **state)
{
	(void)state;
	row.lag = 2;
	row.age_ms = 3;
	take();
	row.age_ms = 8;
	pass(1000, 1000, 997);
	assert_verdict(SURVEY_OK);
}

static void
a_group_that_moves_nothing_for_a_lease_is_stalled(void **state)
{
	(void)state;
	row.lag = 50;
	row.delivered.ms = 950;
	row.age_ms = 100;
	take();
	pass(15000, 0, 0);
	assert_verdict(SURVEY_OK);
	pass(16000, 0, 0);
	assert_verdict(SURVEY_STALLED);
	assert_string_equal(row.reason, "nothing moved for 31s");
	pass(1000, 0, 1);
	assert_verdict(SURVEY_OK);
}

static void
a_group_with_nothing_to_do_is_not_stalled(void **state)
{
	(void)state;
	take();
	pass(31000, 0, 0);
	pass(31000, 0, 0);
	assert_verdict(SURVEY_OK);
	row.consumers = 0;
	row.silent_ms = SURVEY_UNKNOWN;
	pass(1000, 0, 0);
	assert_verdict(SURVEY_OK);
}

static void
consumers_that_are_all_silent_have_stopped(void **state)
{
	(void)state;
	row.silent_ms = 31000;
	take();
	assert_verdict(SURVEY_OK); /* they may wait for something to do */
	row.lag = 7;
	row.age_ms = 200;
	take();
	assert_verdict(SURVEY_OK); /* and it may just have come */
	row.age_ms = 31000;
	take();
	assert_verdict(SURVEY_STOPPED);
	assert_string_equal(row.reason, "consumers are silent for 31s");
	row.silent_ms = 29000;
	take();
	assert_verdict(SURVEY_OK);
	row.silent_ms = 40000;
	row.lag = 0;
	row.pending = 1;
	row.oldest_ms = 40000;
	take();
	assert_verdict(SURVEY_STOPPED);
}

static void
nobody_there_counts_if_there_is_something_to_do(void **state)
{
	(void)state;
	row.consumers = 0;
	row.silent_ms = SURVEY_UNKNOWN;
	take();
	assert_verdict(SURVEY_OK);
	row.lag = 1;
	take();
	assert_verdict(SURVEY_NO_CONSUMERS);
	assert_string_equal(row.reason, "nobody there, 1 waiting");
	row.lag = 10000;
	row.lag_exact = false;
	take();
	assert_string_equal(row.reason, "nobody there, ≥10k waiting");
	row.lag = SURVEY_UNKNOWN;
	take();
	assert_verdict(SURVEY_OK);
}

static void
pending_entries_that_nobody_renews_are_stuck(void **state)
{
	(void)state;
	row.pending = 3;
	row.oldest_ms = 59000;
	take();
	assert_verdict(SURVEY_OK); /* others may be about to take over */
	row.oldest_ms = 65000;
	take();
	assert_verdict(SURVEY_STUCK_PENDING);
	assert_string_equal(row.reason, "pending, and not renewed for 1m5s");
}

static void
a_group_that_was_moved_back_is_rewound_once(void **state)
{
	(void)state;
	take();
	pass(1000, 10, 10);
	row.delivered.ms = 400;
	row.lag = 610;
	survey.now_ms += 1000;
	take();
	assert_verdict(SURVEY_REWOUND);
	assert_string_equal(row.reason, "moved back to 400-0");
	assert_true(isnan(row.out_per_s)); /* nothing to compare with */
	pass(1000, 0, 100);
	assert_verdict(SURVEY_OK);
	assert_float_equal(row.out_per_s, 100, 0.001);
}

static void
a_stream_made_anew_starts_anew(void **state)
{
	(void)state;
	take();
	row.generated = row.newest = (struct id){ 10, 0 };
	row.delivered = (struct id){ 0, 0 };
	row.added = row.length = row.lag = 10;
	survey.now_ms += 1000;
	take();
	assert_verdict(SURVEY_OK);
	assert_true(isnan(row.in_per_s));
}

static void
what_has_no_group_or_no_stream_has_no_verdict(void **state)
{
	static char error[] = "no such stream";

	(void)state;
	row.group = NULL;
	take();
	assert_verdict(SURVEY_NO_VERDICT);
	assert_string_equal(row.reason, "no group");
	row.error = error;
	take();
	assert_verdict(SURVEY_NO_VERDICT);
	assert_string_equal(row.reason, "no such stream");
}

static void
what_is_unknown_is_the_reason_of_an_ok(void **state)
{
	(void)state;
	strcpy(row.unknown, "NOPERM …");
	take();
	assert_verdict(SURVEY_OK);
	assert_string_equal(row.reason, "NOPERM …");
}

static void
samples_are_kept_for_a_graph(void **state)
{
	int64_t lag[40];
	double in[40], out[40];
	size_t n;
	int i;

	(void)state;
	take();
	assert_int_equal(judge_lags(judge, &row, lag, 40), 1);
	assert_int_equal(judge_rates(judge, &row, in, out, 40), 0);
	for (i = 1; i <= 50; i++)
		pass(1000, (uint64_t)i, 0);
	n = judge_lags(judge, &row, lag, 40);
	assert_int_equal(n, JUDGE_SAMPLES);
	assert_int_equal(lag[n - 1], 50 * 51 / 2);
	assert_int_equal(lag[0], 19 * 20 / 2);
	assert_int_equal(judge_lags(judge, &row, lag, 2), 2);
	assert_int_equal(lag[1], 50 * 51 / 2);
	n = judge_rates(judge, &row, in, out, 40);
	assert_int_equal(n, JUDGE_SAMPLES - 1);
	assert_float_equal(in[n - 1], 50, 0.001);
	assert_float_equal(out[n - 1], 0, 0.001);
}

static void
samples_of_the_last_minute_count(void **state)
{
	(void)state;
	take();
	pass(50000, 5000, 5000);
	pass(20000, 20, 20);
	pass(20000, 20, 20);
	assert_float_equal(row.in_per_s, 1, 0.001);
	pass(3600000, 3600, 3600); /* the one before is kept whatever its age */
	assert_float_equal(row.in_per_s, 1, 0.001);
}

static void
rows_that_come_and_go_keep_their_own_samples(void **state)
{
	struct survey_row rows[3];
	char a[] = "a", b[] = "b", c[] = "c";
	int64_t lag[4];

	(void)state;
	rows[0] = rows[1] = rows[2] = row;
	rows[0].group = a;
	rows[1].group = b;
	rows[2].group = c;
	rows[2].lag = 3;
	survey.row = rows;
	survey.count = 3;
	take();
	survey.now_ms += 1000;
	rows[1] = rows[2]; /* b is gone */
	survey.count = 2;
	take();
	assert_int_equal(judge_lags(judge, &rows[1], lag, 4), 2);
	assert_int_equal(lag[0], 3);
	rows[2] = rows[1];
	rows[1].group = b;
	survey.count = 3;
	survey.now_ms += 1000;
	take();
	assert_int_equal(judge_lags(judge, &rows[0], lag, 4), 3);
	assert_int_equal(judge_lags(judge, &rows[1], lag, 4), 1);
	assert_int_equal(judge_lags(judge, &rows[2], lag, 4), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_sample_tells_no_rates),
		TEST(two_samples_tell_rates_and_the_time_left),
		TEST(what_is_unknown_tells_no_rate),
		TEST(without_a_counter_the_length_tells_until_the_stream_is_trimmed),
		TEST(lag_that_grows_with_its_age_is_growing),
		TEST(a_few_entries_on_their_way_are_no_growth),
		TEST(a_group_that_moves_nothing_for_a_lease_is_stalled),
		TEST(a_group_with_nothing_to_do_is_not_stalled),
		TEST(consumers_that_are_all_silent_have_stopped),
		TEST(nobody_there_counts_if_there_is_something_to_do),
		TEST(pending_entries_that_nobody_renews_are_stuck),
		TEST(a_group_that_was_moved_back_is_rewound_once),
		TEST(a_stream_made_anew_starts_anew),
		TEST(what_has_no_group_or_no_stream_has_no_verdict),
		TEST(what_is_unknown_is_the_reason_of_an_ok),
		TEST(samples_are_kept_for_a_graph),
		TEST(samples_of_the_last_minute_count),
		TEST(rows_that_come_and_go_keep_their_own_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
