#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/flights.h"

enum { MANY = 1000 };

static struct flights f;

static struct flight *
add(uint64_t ms, uint64_t seq, size_t stream)
{
	struct job job = { .id = { ms, seq }, .stream = stream };

	return flights_add(&f, &job);
}

static struct flight *
find(uint64_t ms, uint64_t seq)
{
	return flights_find(&f, (struct id){ ms, seq }, NULL);
}

static void
each_is_found_until_it_is_removed(void **state)
{
	uint64_t i, round;

	(void)state;
	flights_init(&f, MANY);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < MANY; i++)
			add(i / 7, i % 7, 0);
		assert_int_equal(f.count, MANY);
		assert_null(find(MANY, 0));
		for (i = 0; i < MANY; i++) {
			struct flight *flight = find(i / 7, i % 7);

			assert_non_null(flight);
			flights_remove(&f, flight);
			assert_null(find(i / 7, i % 7));
		}
		assert_int_equal(f.count, 0);
		assert_null(f.oldest);
		assert_null(f.newest);
	}
	flights_release(&f);
}

static void
the_order_is_that_of_hand_over(void **state)
{
	struct flight *a, *b, *c;

	(void)state;
	flights_init(&f, 3);
	a = add(9, 0, 0);
	b = add(5, 0, 0);
	c = add(7, 0, 0);
	assert_ptr_equal(f.oldest, a);
	assert_ptr_equal(flights_newer(a), b);
	flights_remove(&f, b);
	assert_ptr_equal(flights_newer(a), c);
	assert_null(flights_newer(c));
	flights_remove(&f, a);
	assert_ptr_equal(f.oldest, c);
	b = add(5, 0, 0);
	assert_ptr_equal(f.newest, b);
	flights_remove(&f, b);
	assert_ptr_equal(f.newest, c);
	flights_release(&f);
}

static void
one_id_of_two_streams_is_found_twice(void **state)
{
	struct flight *one, *two;

	(void)state;
	flights_init(&f, 4);
	add(1, 1, 0);
	add(1, 1, 1);
	add(1, 2, 0);
	one = find(1, 1);
	assert_non_null(one);
	two = flights_find(&f, one->job.id, one);
	assert_non_null(two);
	assert_int_not_equal(one->job.stream, two->job.stream);
	assert_null(flights_find(&f, one->job.id, two));
	flights_release(&f);
}

static void
a_note_starts_anew_with_its_event(void **state)
{
	struct flight *flight;
	struct flight_note *note;

	(void)state;
	flights_init(&f, 1);
	flight = add(1, 1, 0);
	note = flights_note(flight);
	assert_int_equal(note->percent, -1);
	note->percent = 40;
	note->fresh = true;
	assert_ptr_equal(flights_note(flight), note);
	flights_remove(&f, flight);
	flight = add(1, 2, 0);
	assert_false(flights_note(flight)->fresh);
	assert_int_equal(flights_note(flight)->percent, -1);
	flights_release(&f);
	flights_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_found_until_it_is_removed),
		cmocka_unit_test(the_order_is_that_of_hand_over),
		cmocka_unit_test(one_id_of_two_streams_is_found_twice),
		cmocka_unit_test(a_note_starts_anew_with_its_event),
	};

	return cmocka_run_group_tests_name("flights", tests, NULL, NULL);
}
