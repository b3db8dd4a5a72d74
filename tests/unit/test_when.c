#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/when.h"

#define DAY INT64_C(86400000)

/* Parse a copy that ends where its memory ends, so that AddressSanitizer sees
 * a byte read too much. */
static int
rfc3339(const char *text, int64_t *ms)
{
	size_t len = strlen(text);
	char *copy = xmalloc(len);
	int rc;

	memcpy(copy, text, len);
	rc = when_rfc3339(copy, len, ms);
	free(copy);
	return rc;
}

static int
parse(const char *text, struct when *when)
{
	size_t len = strlen(text);
	char *copy = xmalloc(len);
	int rc;

	memcpy(copy, text, len);
	rc = when_parse(copy, len, when);
	free(copy);
	return rc;
}

static void
assert_time(const char *text, int64_t want)
{
	int64_t ms = -42;

	if (rfc3339(text, &ms) < 0)
		fail_msg("refused %s", text);
	if (ms != want)
		fail_msg("%s: %lld, not %lld", text, (long long)ms,
			 (long long)want);
}

static void
assert_no_time(const char *text)
{
	int64_t ms = 0;

	if (rfc3339(text, &ms) == 0)
		fail_msg("accepted %s", text);
}

static void
assert_when(const char *text, enum when_kind kind, int64_t ms)
{
	struct when when;

	if (parse(text, &when) < 0)
		fail_msg("refused %s", text);
	if (when.kind != kind || when.ms != ms)
		fail_msg("%s: kind %d, %lld ms", text, (int)when.kind,
			 (long long)when.ms);
}

static void
assert_put(int64_t ms, const char *want)
{
	char text[WHEN_TEXT];

	assert_int_equal(when_put(text, ms), 24);
	assert_string_equal(text, want);
}

static void
date_times_count_from_1970(void **state)
{
	(void)state;
	assert_time("1970-01-01T00:00:00Z", 0);
	assert_time("1970-01-01T00:00:00.001Z", 1);
	assert_time("2026-11-20T21:17:06.824Z", INT64_C(1795209426824));
	assert_time("2000-02-29T12:00:00Z", INT64_C(951825600000));
	assert_time("9999-12-31T23:59:59.999Z", INT64_C(253402300799999));
}

static void
times_before_1970_are_negative(void **state)
{
	(void)state;
	assert_time("1969-12-31T23:59:59.999Z", -1);
	assert_time("1900-03-01T00:00:00Z", INT64_C(-2203891200000));
	assert_time("0000-01-01T00:00:00Z", INT64_C(-62167219200000));
}

static void
the_examples_of_rfc_3339_are_read(void **state)
{
	(void)state;
	assert_time("1985-04-12T23:20:50.52Z", INT64_C(482196050520));
	assert_time("1996-12-19T16:39:57-08:00", INT64_C(851042397000));
	assert_time("1990-12-31T23:59:60Z", INT64_C(662687999000));
	assert_time("1990-12-31T15:59:60-08:00", INT64_C(662687999000));
	assert_time("1937-01-01T12:00:27.87+00:20", INT64_C(-1041337172130));
}

static void
t_and_z_may_be_lower_case(void **state)
{
	(void)state;
	assert_time("1970-01-01t00:00:01z", 1000);
}

static void
offsets_are_subtracted(void **state)
{
	(void)state;
	assert_time("1970-01-01T05:30:00+05:30", 0);
	assert_time("1969-12-31T16:00:00-08:00", 0);
	assert_time("1970-01-01T23:59:00+23:59", 0);
	assert_time("1970-01-01T00:00:00-00:00", 0);
	assert_no_time("1970-01-01T00:00:00+24:00");
	assert_no_time("1970-01-01T00:00:00+00:60");
	assert_no_time("1970-01-01T00:00:00+0000");
	assert_no_time("1970-01-01T00:00:00+00");
	assert_no_time("1970-01-01T00:00:00");
	assert_no_time("1970-01-01T00:00:00Z+00:00");
}

static void
fractions_finer_than_a_ms_are_cut(void **state)
{
	(void)state;
	assert_time("1970-01-01T00:00:00.1Z", 100);
	assert_time("1970-01-01T00:00:00.12Z", 120);
	assert_time("1970-01-01T00:00:00.9999999999999999999999Z", 999);
	assert_time("1970-01-01T00:00:00.0009Z", 0);
	assert_no_time("1970-01-01T00:00:00.Z");
	assert_no_time("1970-01-01T00:00:00,5Z");
}

static void
leap_seconds_end_a_month_of_utc(void **state)
{
	(void)state;
	assert_time("2016-12-31T23:59:60Z", INT64_C(1483228799000));
	assert_time("2016-12-31T23:59:60.5Z", INT64_C(1483228799500));
	assert_time("2017-01-01T05:29:60+05:30", INT64_C(1483228799000));
	assert_time("2016-02-29T23:59:60Z", INT64_C(1456790399000));
	assert_no_time("2016-02-28T23:59:60Z");
	assert_no_time("2016-12-31T23:58:60Z");
	assert_no_time("2016-12-31T22:59:60Z");
	assert_no_time("2016-12-31T23:59:61Z");
	assert_no_time("2017-01-01T12:00:60Z");
	assert_no_time("2016-12-31T23:59:60+01:00");
}

static void
fields_out_of_range_are_refused(void **state)
{
	(void)state;
	assert_no_time("2026-00-10T00:00:00Z");
	assert_no_time("2026-13-10T00:00:00Z");
	assert_no_time("2026-01-00T00:00:00Z");
	assert_no_time("2026-01-32T00:00:00Z");
	assert_no_time("2026-04-31T00:00:00Z");
	assert_no_time("2026-01-01T24:00:00Z");
	assert_no_time("2026-01-01T00:60:00Z");
	assert_no_time("2026-01-01T00:00:61Z");
}

static void
february_follows_the_gregorian_calendar(void **state)
{
	(void)state;
	assert_time("2024-02-29T00:00:00Z", INT64_C(1709164800000));
	assert_no_time("2023-02-29T00:00:00Z");
	assert_no_time("1900-02-29T00:00:00Z");
	assert_no_time("2000-02-30T00:00:00Z");
}

static void
other_spellings_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-20",
		"2026-11-20 21:17:06Z",
		"20261120T211706Z",
		"2026-11-20T21:17Z",
		"2026-1-20T21:17:06Z",
		"2026-11-20T1:17:06Z",
		"02026-11-20T21:17:06Z",
		"+2026-11-20T21:17:06Z",
		"-026-11-20T21:17:06Z",
		" 2026-11-20T21:17:06Z",
		"2026-11-20T21:17:06Z ",
		"2026-11-20T21:17:06 Z",
		"2026-11-20T21:17:06X",
		"2026/11/20T21:17:06Z",
		"2026-11-20T21.17.06Z",
		"\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa6-11-20T21:17:06Z",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_no_time(bad[i]);
}

static void
every_cut_of_a_date_time_is_refused(void **state)
{
	static const char text[] = "2026-11-20T21:17:06.8+01:00";
	size_t len;
	int64_t ms;

	(void)state;
	for (len = 0; len < strlen(text); len++)
		assert_int_equal(when_rfc3339(text, len, &ms), -1);
	assert_int_equal(when_rfc3339(text, len, &ms), 0);
}

static void
a_nul_is_no_separator(void **state)
{
	int64_t ms;

	(void)state;
	assert_int_equal(when_rfc3339("2026-11-20\0"
				      "21:17:06Z",
				      20, &ms),
			 -1);
}

static void
words_name_the_ends_and_now(void **state)
{
	(void)state;
	assert_when("start", WHEN_START, 0);
	assert_when("end", WHEN_END, 0);
	assert_when("now", WHEN_AGO, 0);
}

static void
seconds_since_1970_follow_an_at(void **state)
{
	(void)state;
	assert_when("@0", WHEN_TIME, 0);
	assert_when("@1795209426", WHEN_TIME, INT64_C(1795209426000));
	assert_when("@1795209426.824", WHEN_TIME, INT64_C(1795209426824));
	assert_when("@1795209426.8249", WHEN_TIME, INT64_C(1795209426824));
}

static void
durations_are_that_long_ago(void **state)
{
	(void)state;
	assert_when("90m", WHEN_AGO, INT64_C(5400000));
	assert_when("1h30m", WHEN_AGO, INT64_C(5400000));
	assert_when("250ms", WHEN_AGO, 250);
	assert_when("7d", WHEN_AGO, 7 * DAY);
}

static void
dates_are_their_midnight(void **state)
{
	(void)state;
	assert_when("2026-11-20", WHEN_TIME, INT64_C(1795132800000));
	assert_when("1970-01-02", WHEN_TIME, DAY);
}

static void
a_blank_may_stand_for_the_t(void **state)
{
	(void)state;
	assert_when("2026-11-20 21:17:06.824Z", WHEN_TIME,
		    INT64_C(1795209426824));
	assert_when("2026-11-20T21:17:06.824Z", WHEN_TIME,
		    INT64_C(1795209426824));
}

static void
entry_ids_are_kept_whole(void **state)
{
	struct when when;

	(void)state;
	assert_int_equal(parse("1795209426824-213", &when), 0);
	assert_int_equal(when.kind, WHEN_ENTRY);
	assert_true(when.id.ms == UINT64_C(1795209426824));
	assert_true(when.id.seq == 213);
	assert_int_equal(
		parse("18446744073709551615-18446744073709551615", &when), 0);
	assert_int_equal(id_compare(when.id, ID_MAX), 0);
}

static void
nothing_else_is_a_point_in_time(void **state)
{
	static const char *const bad[] = {
		"0",
		"5",
		"1795209426",
		"1795209426824",
		"-",
		"-5m",
		"5m ",
		"5x",
		"@",
		"@.5",
		"@1.",
		"@1x",
		"@-1",
		"@99999999999999999999",
		"@9223372036854775807",
		"yesterday",
		"Now",
		"starts",
		"1-2-3",
		"1-",
		"-1",
		"18446744073709551616-0",
		"2026-11-20T21:17:06",
		"2026-02-30",
		"2026-11-20  21:17:06Z",
	};
	struct when when;
	size_t i;

	(void)state;
	assert_int_equal(when_parse("", 0, &when), -1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &when) == 0)
			fail_msg("accepted %s", bad[i]);
}

static void
a_refused_text_leaves_the_point_alone(void **state)
{
	struct when when = { .kind = WHEN_END, .ms = 7 };

	(void)state;
	assert_int_equal(parse("@12x", &when), -1);
	assert_int_equal(when.kind, WHEN_END);
	assert_int_equal(when.ms, 7);
}

static void
assert_bounds(const char *text, int64_t now, struct id first, struct id last)
{
	struct when when;

	assert_int_equal(parse(text, &when), 0);
	if (id_compare(when_first_id(&when, now), first) != 0)
		fail_msg("%s: another first id", text);
	if (id_compare(when_last_id(&when, now), last) != 0)
		fail_msg("%s: another last id", text);
}

static void
a_time_bounds_the_ids_of_its_millisecond(void **state)
{
	(void)state;
	assert_bounds("@1.5", 0, (struct id){ 1500, 0 },
		      (struct id){ 1500, UINT64_MAX });
	assert_bounds("5s", 7000, (struct id){ 2000, 0 },
		      (struct id){ 2000, UINT64_MAX });
	assert_bounds("now", 7000, (struct id){ 7000, 0 },
		      (struct id){ 7000, UINT64_MAX });
}

static void
an_entry_bounds_itself(void **state)
{
	(void)state;
	assert_bounds("5-3", 0, (struct id){ 5, 3 }, (struct id){ 5, 3 });
}

static void
the_ends_are_both_bounds(void **state)
{
	(void)state;
	assert_bounds("start", 9, ID_MIN, ID_MIN);
	assert_bounds("end", 9, ID_MAX, ID_MAX);
}

static void
no_entry_is_older_than_1970(void **state)
{
	(void)state;
	assert_bounds("1969-12-31", 0, ID_MIN, ID_MIN);
	assert_bounds("8s", 7000, ID_MIN, ID_MIN);
	assert_bounds("1000000000d", -1, ID_MIN, ID_MIN);
}

static void
an_unset_point_bounds_nothing(void **state)
{
	struct when unset = { 0 };

	(void)state;
	assert_int_equal(id_compare(when_first_id(&unset, 5), ID_MIN), 0);
	assert_int_equal(id_compare(when_last_id(&unset, 5), ID_MAX), 0);
}

static void
only_what_is_relative_needs_the_clock(void **state)
{
	static const char *const fixed[] = { "start", "end", "5-0", "@5",
					     "2026-11-20" };
	struct when when = { 0 };
	size_t i;

	(void)state;
	assert_false(when_needs_now(&when));
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		assert_int_equal(parse(fixed[i], &when), 0);
		assert_false(when_needs_now(&when));
	}
	assert_int_equal(parse("now", &when), 0);
	assert_true(when_needs_now(&when));
	assert_int_equal(parse("5m", &when), 0);
	assert_true(when_needs_now(&when));
}

static void
times_are_written_with_ms(void **state)
{
	(void)state;
	assert_put(0, "1970-01-01T00:00:00.000Z");
	assert_put(INT64_C(1795209426824), "2026-11-20T21:17:06.824Z");
	assert_put(-1, "1969-12-31T23:59:59.999Z");
	assert_put(INT64_C(951825599999), "2000-02-29T11:59:59.999Z");
}

static void
times_that_need_five_digits_of_year_are_clamped(void **state)
{
	(void)state;
	assert_put(INT64_C(253402300799999), "9999-12-31T23:59:59.999Z");
	assert_put(INT64_C(253402300800000), "9999-12-31T23:59:59.999Z");
	assert_put(INT64_MAX, "9999-12-31T23:59:59.999Z");
	assert_put(INT64_C(-62167219200001), "0000-01-01T00:00:00.000Z");
	assert_put(INT64_MIN, "0000-01-01T00:00:00.000Z");
}

static void
every_day_is_read_back_as_written(void **state)
{
	int64_t day;

	(void)state;
	for (day = -719528; day <= 2932896; day++) {
		char text[WHEN_TEXT];
		int64_t ms;

		when_put(text, day * DAY);
		if (when_rfc3339(text, 24, &ms) < 0 || ms != day * DAY)
			fail_msg("day %lld: %s", (long long)day, text);
	}
}

static void
clocks_go_forward(void **state)
{
	int64_t before = when_monotonic();

	(void)state;
	assert_true(when_monotonic() >= before);
	assert_true(when_local_now() > INT64_C(1700000000000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(date_times_count_from_1970),
		cmocka_unit_test(times_before_1970_are_negative),
		cmocka_unit_test(the_examples_of_rfc_3339_are_read),
		cmocka_unit_test(t_and_z_may_be_lower_case),
		cmocka_unit_test(offsets_are_subtracted),
		cmocka_unit_test(fractions_finer_than_a_ms_are_cut),
		cmocka_unit_test(leap_seconds_end_a_month_of_utc),
		cmocka_unit_test(fields_out_of_range_are_refused),
		cmocka_unit_test(february_follows_the_gregorian_calendar),
		cmocka_unit_test(other_spellings_are_refused),
		cmocka_unit_test(every_cut_of_a_date_time_is_refused),
		cmocka_unit_test(a_nul_is_no_separator),
		cmocka_unit_test(words_name_the_ends_and_now),
		cmocka_unit_test(seconds_since_1970_follow_an_at),
		cmocka_unit_test(durations_are_that_long_ago),
		cmocka_unit_test(dates_are_their_midnight),
		cmocka_unit_test(a_blank_may_stand_for_the_t),
		cmocka_unit_test(entry_ids_are_kept_whole),
		cmocka_unit_test(nothing_else_is_a_point_in_time),
		cmocka_unit_test(a_refused_text_leaves_the_point_alone),
		cmocka_unit_test(a_time_bounds_the_ids_of_its_millisecond),
		cmocka_unit_test(an_entry_bounds_itself),
		cmocka_unit_test(the_ends_are_both_bounds),
		cmocka_unit_test(no_entry_is_older_than_1970),
		cmocka_unit_test(an_unset_point_bounds_nothing),
		cmocka_unit_test(only_what_is_relative_needs_the_clock),
		cmocka_unit_test(times_are_written_with_ms),
		cmocka_unit_test(
			times_that_need_five_digits_of_year_are_clamped),
		cmocka_unit_test(every_day_is_read_back_as_written),
		cmocka_unit_test(clocks_go_forward),
	};

	return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
