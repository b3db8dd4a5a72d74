#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/num.h"

static void
assert_u64(const char *text, uint64_t want)
{
	uint64_t n = 42;

	if (num_u64(text, strlen(text), &n) < 0)
		fail_msg("refused %s", text);
	assert_true(n == want);
}

static void
assert_duration(const char *text, int64_t want)
{
	int64_t ms = -42;

	if (num_duration(text, strlen(text), &ms) < 0)
		fail_msg("refused %s", text);
	if (ms != want)
		fail_msg("%s: %lld, not %lld", text, (long long)ms,
			 (long long)want);
}

static void
assert_size(const char *text, uint64_t want)
{
	uint64_t n = 42;

	if (num_size(text, strlen(text), &n) < 0)
		fail_msg("refused %s", text);
	assert_true(n == want);
}

static void
numbers_are_decimal_digits(void **state)
{
	(void)state;
	assert_u64("0", 0);
	assert_u64("7", 7);
	assert_u64("007", 7);
	assert_u64("18446744073709551615", UINT64_MAX);
}

static void
no_other_text_is_a_number(void **state)
{
	static const char *const bad[] = {
		"",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1.0",
		"0x1",
		"1e3",
		"1k",
		"a",
		"\xd9\xa1",
		"18446744073709551616",
		"99999999999999999999",
		"184467440737095516150",
	};
	uint64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (num_u64(bad[i], strlen(bad[i]), &n) == 0)
			fail_msg("accepted %s", bad[i]);
	assert_int_equal(num_u64("1\0", 2, &n), -1);
	assert_int_equal(num_u64(NULL, 0, &n), -1);
}

static void
numbers_end_at_their_length(void **state)
{
	uint64_t n;

	(void)state;
	assert_int_equal(num_u64("1234", 2, &n), 0);
	assert_true(n == 12);
}

static void
durations_have_units(void **state)
{
	(void)state;
	assert_duration("250ms", 250);
	assert_duration("10s", 10000);
	assert_duration("5m", 300000);
	assert_duration("2h", 7200000);
	assert_duration("7d", INT64_C(604800000));
	assert_duration("2w", INT64_C(1209600000));
	assert_duration("0", 0);
	assert_duration("0s", 0);
}

static void
units_may_be_combined_in_falling_order(void **state)
{
	(void)state;
	assert_duration("1h30m", 5400000);
	assert_duration("1w2d3h4m5s6ms", INT64_C(788645006));
	assert_duration("1h90m", 9000000);
}

static void
durations_may_have_fractions(void **state)
{
	(void)state;
	assert_duration("1.5s", 1500);
	assert_duration("0.25h", 900000);
	assert_duration("0.001s", 1);
	assert_duration("1.0009s", 1000);
	assert_duration("1.99999999999999999999s", 1999);
	assert_duration("1.5ms", 1);
}

static void
no_other_text_is_a_duration(void **state)
{
	static const char *const bad[] = {
		"",
		"5",
		"00",
		"5x",
		"5S",
		"5sec",
		"s",
		"-5s",
		"+5s",
		" 5s",
		"5s ",
		"5 s",
		"5m5",
		"30m1h",
		"1h1h",
		"1ms1s",
		".5s",
		"5.s",
		"1,5s",
		"1.5",
		"1e3s",
		"5\xc2\xb5s",
		"9223372036854775808ms",
		"106751991168d",
		"99999999999999999999w",
	};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (num_duration(bad[i], strlen(bad[i]), &ms) == 0)
			fail_msg("accepted %s", bad[i]);
}

static void
the_longest_duration_is_read(void **state)
{
	(void)state;
	assert_duration("9223372036854775807ms", INT64_MAX);
	assert_duration("106751991167d7h12m55s807ms", INT64_MAX);
}

static void
sums_that_overflow_are_refused(void **state)
{
	static const char *const bad[] = {
		"106751991167d7h12m55s808ms",
		"106751991167d7h12m55.808s",
		"15250284452.48w",
		"15250284452w3.4d",
		"15250284452.4w1d",
		"106751991167.5d",
		"9223372036854775.9s",
	};
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (num_duration(bad[i], strlen(bad[i]), &ms) == 0)
			fail_msg("accepted %s", bad[i]);
}

static void
sizes_count_in_1024(void **state)
{
	(void)state;
	assert_size("0", 0);
	assert_size("512", 512);
	assert_size("512k", 524288);
	assert_size("512K", 524288);
	assert_size("10M", 10485760);
	assert_size("10m", 10485760);
	assert_size("2G", UINT64_C(2147483648));
	assert_size("1T", UINT64_C(1099511627776));
	assert_size("16777215T", UINT64_C(16777215) << 40);
}

static void
no_other_text_is_a_size(void **state)
{
	static const char *const bad[] = {
		"",    "k",  "-1",  "1.5M", "1kB",       "1KiB",
		"1 k", "1P", "1kk", "1k\n", "16777216T", "18446744073709551616",
	};
	uint64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (num_size(bad[i], strlen(bad[i]), &n) == 0)
			fail_msg("accepted %s", bad[i]);
	assert_int_equal(num_size("1\0", 2, &n), -1);
}

static void
assert_written(uint64_t n, const char *want)
{
	char text[NUM_TEXT];
	size_t len = num_put(text, n);

	assert_int_equal(len, strlen(want));
	assert_memory_equal(text, want, len);
}

static void
numbers_are_written_without_a_nul(void **state)
{
	char text[NUM_TEXT] = "xxxx";

	(void)state;
	assert_written(0, "0");
	assert_written(10, "10");
	assert_written(UINT64_MAX, "18446744073709551615");
	assert_int_equal(num_put(text, 12), 2);
	assert_memory_equal(text, "12xx", 4);
}

static void
assert_duration_written(int64_t ms, const char *want)
{
	char text[NUM_DURATION_TEXT];
	int64_t back = -1;

	assert_string_equal(num_put_duration(text, ms), want);
	assert_int_equal(num_duration(text, strlen(text), &back), 0);
	assert_true(back == ms);
}

static void
durations_are_written_as_they_are_read(void **state)
{
	(void)state;
	assert_duration_written(0, "0s");
	assert_duration_written(1, "1ms");
	assert_duration_written(1500, "1s500ms");
	assert_duration_written(5400000, "1h30m");
	assert_duration_written(125000, "2m5s");
	assert_duration_written(INT64_C(1209600000), "14d");
	assert_duration_written(INT64_MAX, "106751991167d7h12m55s807ms");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_decimal_digits),
		cmocka_unit_test(no_other_text_is_a_number),
		cmocka_unit_test(numbers_end_at_their_length),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(units_may_be_combined_in_falling_order),
		cmocka_unit_test(durations_may_have_fractions),
		cmocka_unit_test(no_other_text_is_a_duration),
		cmocka_unit_test(the_longest_duration_is_read),
		cmocka_unit_test(sums_that_overflow_are_refused),
		cmocka_unit_test(sizes_count_in_1024),
		cmocka_unit_test(no_other_text_is_a_size),
		cmocka_unit_test(numbers_are_written_without_a_nul),
		cmocka_unit_test(durations_are_written_as_they_are_read),
	};

	return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
