#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/tally.h"

static struct tally tally;
static struct record record;

static int
end(void **state)
{
	(void)state;
	tally_release(&tally);
	tally_release(&tally);
	record_release(&record);
	record = (struct record){ 0 };
	return 0;
}

static void
add(uint64_t ms, const char *text, size_t len)
{
	record.id = (struct id){ ms, 0 };
	record_set_body(&record, text, len);
	tally_add(&tally, &record);
}

static void
nothing_was_counted(void **state)
{
	(void)state;
	tally_init(&tally, false, false);
	assert_int_equal(tally_percentile(&tally, 50), 0);
	assert_int_equal(tally_percentile(&tally, 100), 0);
	assert_true(tally_rate(&tally) < 0);
}

/* Against sizes sorted: never less, and at most 1/32 more. */
static void
percentiles_are_at_most_a_class_too_large(void **state)
{
	static const unsigned percents[] = { 1, 10, 50, 90, 95, 99, 100 };
	enum { COUNT = 5000 };
	static char text[400000];
	uint64_t sizes[COUNT];
	size_t i, k;

	(void)state;
	memset(text, 'x', sizeof(text));
	tally_init(&tally, false, false);
	for (i = 0; i < COUNT; i++)
		sizes[i] = i < 1000 ? i % 200 : (i - 999) * 80;
	for (i = 0; i < COUNT; i++)
		add(i, text, (size_t)sizes[(i * 7919) % COUNT]);
	for (i = 1; i < COUNT; i++) {
		uint64_t value = sizes[i];

		for (k = i; k > 0 && sizes[k - 1] > value; k--)
			sizes[k] = sizes[k - 1];
		sizes[k] = value;
	}
	for (i = 0; i < sizeof(percents) / sizeof(*percents); i++) {
		uint64_t exact = sizes[COUNT * percents[i] / 100 - 1];
		uint64_t told = tally_percentile(&tally, percents[i]);

		if (told < exact || told > exact + exact / 32 + 1)
			fail_msg("p%u: %llu, exactly %llu", percents[i],
				 (unsigned long long)told,
				 (unsigned long long)exact);
	}
	assert_int_equal(tally_percentile(&tally, 100), tally.largest);
}

static void
values_are_told_apart_by_all_their_bytes_up_to_a_bound(void **state)
{
	char text[2000];
	size_t i;

	(void)state;
	tally_init(&tally, true, false);
	record.stream = "s";
	for (i = 0; i < TALLY_VALUES + 5; i++) {
		int len = snprintf(
			text, sizeof(text),
			"{\"specversion\":\"1.0\",\"type\":\"a\\u0000%zu\"}",
			i);

		add(i, text, (size_t)len);
		add(i, text, (size_t)len);
	}
	record.stream = NULL;
	assert_int_equal(tally.by[TALLY_TYPE].count, TALLY_VALUES);
	assert_int_equal(tally.by[TALLY_TYPE].others, 10);
	assert_int_equal(tally.by[TALLY_TYPE].value[17].count, 2);
	assert_int_equal(tally.by[TALLY_TYPE].value[17].len, 4);
	assert_memory_equal(tally.by[TALLY_TYPE].value[17].text,
			    "a\0"
			    "17",
			    5);
	assert_int_equal(tally.by[TALLY_STREAM].count, 1);
	assert_int_equal(tally.by[TALLY_STREAM].value[0].count,
			 2 * TALLY_VALUES + 10);
	assert_int_equal(tally.by[TALLY_SOURCE].none, 2 * TALLY_VALUES + 10);
}

static void
a_long_value_is_cut_between_characters(void **state)
{
	char text[1000];
	struct tally_values *v = &tally.by[TALLY_TYPE];
	int len;

	(void)state;
	tally_init(&tally, false, false);
	len = snprintf(text, sizeof(text),
		       "{\"specversion\":\"1.0\",\"type\":\"%0*d\xc3\xbc\"}",
		       TALLY_TEXT - 1, 0);
	add(1, text, (size_t)len);
	assert_int_equal(v->count, 1);
	assert_int_equal(v->value[0].len, TALLY_TEXT - 1);
}

static void
the_busiest_minute_is_the_first_of_its_kind(void **state)
{
	static const uint64_t times[] = { 5,      59999,  60000,  60001, 119999,
					  120000, 120001, 120002, 600000 };
	size_t i;

	(void)state;
	tally_init(&tally, false, false);
	for (i = 0; i < sizeof(times) / sizeof(*times); i++)
		add(times[i], "{}", 2);
	assert_int_equal(tally.peak, 3);
	assert_int_equal(tally.peak_minute, 1);
	assert_true(tally_rate(&tally) > 0.015);
	assert_true(tally_rate(&tally) < 0.0151);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_was_counted, end),
		cmocka_unit_test_teardown(
			percentiles_are_at_most_a_class_too_large, end),
		cmocka_unit_test_teardown(
			values_are_told_apart_by_all_their_bytes_up_to_a_bound,
			end),
		cmocka_unit_test_teardown(
			a_long_value_is_cut_between_characters, end),
		cmocka_unit_test_teardown(
			the_busiest_minute_is_the_first_of_its_kind, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
