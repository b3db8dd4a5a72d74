#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/id.h"

static const struct id first = { 0, 0 }, last = { UINT64_MAX, UINT64_MAX };

static void
assert_id(struct id got, uint64_t ms, uint64_t seq)
{
	assert_true(got.ms == ms);
	assert_true(got.seq == seq);
}

static struct id
parsed(const char *text, uint64_t default_seq)
{
	struct id id = { 42, 42 };

	if (id_parse(text, strlen(text), default_seq, &id) < 0)
		fail_msg("refused %s", text);
	return id;
}

static void
ids_have_a_time_and_a_sequence_number(void **state)
{
	(void)state;
	assert_id(parsed("1795209426824-213", 9), UINT64_C(1795209426824), 213);
	assert_id(parsed("0-0", 9), 0, 0);
	assert_id(parsed("18446744073709551615-18446744073709551615", 9),
		  UINT64_MAX, UINT64_MAX);
}

static void
a_time_alone_takes_the_default_sequence_number(void **state)
{
	(void)state;
	assert_id(parsed("5", 0), 5, 0);
	assert_id(parsed("5", UINT64_MAX), 5, UINT64_MAX);
}

static void
no_other_text_is_an_id(void **state)
{
	static const char *const bad[] = {
		"",
		"-",
		"-1",
		"1-",
		"1-2-3",
		"1--2",
		"a-1",
		"1-a",
		"1 -2",
		"1-*",
		"*",
		"$",
		"+",
		" 1-2",
		"1-2 ",
		"(1-2",
		"18446744073709551616-0",
		"0-18446744073709551616",
	};
	struct id id;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (id_parse(bad[i], strlen(bad[i]), 0, &id) == 0)
			fail_msg("accepted %s", bad[i]);
	assert_int_equal(id_parse(NULL, 0, 0, &id), -1);
}

static void
ids_end_at_their_length(void **state)
{
	struct id id;

	(void)state;
	assert_int_equal(id_parse("12-345", 4, 0, &id), 0);
	assert_id(id, 12, 3);
}

static void
assert_text(struct id id, const char *want)
{
	char text[ID_TEXT];

	assert_int_equal(id_put(text, id), strlen(want));
	assert_string_equal(text, want);
}

static void
ids_are_written_as_they_are_read(void **state)
{
	(void)state;
	assert_text(first, "0-0");
	assert_text((struct id){ 12, 345 }, "12-345");
	assert_text(last, "18446744073709551615-18446744073709551615");
}

static void
time_comes_before_sequence_number(void **state)
{
	(void)state;
	assert_true(id_compare((struct id){ 1, 9 }, (struct id){ 2, 0 }) < 0);
	assert_true(id_compare((struct id){ 2, 0 }, (struct id){ 1, 9 }) > 0);
	assert_true(id_compare((struct id){ 2, 1 }, (struct id){ 2, 2 }) < 0);
	assert_true(id_compare((struct id){ 2, 2 }, (struct id){ 2, 1 }) > 0);
	assert_int_equal(id_compare((struct id){ 2, 2 }, (struct id){ 2, 2 }),
			 0);
	assert_true(id_compare(first, last) < 0);
}

static void
neighbours_carry_into_the_time(void **state)
{
	(void)state;
	assert_id(id_next((struct id){ 5, 6 }), 5, 7);
	assert_id(id_prev((struct id){ 5, 6 }), 5, 5);
	assert_id(id_next((struct id){ 5, UINT64_MAX }), 6, 0);
	assert_id(id_prev((struct id){ 5, 0 }), 4, UINT64_MAX);
}

static void
the_ends_have_no_neighbour_outside(void **state)
{
	(void)state;
	assert_id(id_next(last), UINT64_MAX, UINT64_MAX);
	assert_id(id_prev(first), 0, 0);
	assert_id(ID_MIN, 0, 0);
	assert_id(ID_MAX, UINT64_MAX, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_have_a_time_and_a_sequence_number),
		cmocka_unit_test(
			a_time_alone_takes_the_default_sequence_number),
		cmocka_unit_test(no_other_text_is_an_id),
		cmocka_unit_test(ids_end_at_their_length),
		cmocka_unit_test(ids_are_written_as_they_are_read),
		cmocka_unit_test(time_comes_before_sequence_number),
		cmocka_unit_test(neighbours_carry_into_the_time),
		cmocka_unit_test(the_ends_have_no_neighbour_outside),
	};

	return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
