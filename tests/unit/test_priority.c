#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/priority.h"

/* Four queues, and a reader with so much room that takes from them. */
struct bench {
	struct priority_quota q;
	uint64_t there[PRIORITY_COUNT];
	uint64_t taken[PRIORITY_COUNT], reads;
	char order[256]; /* a letter for each event taken */
	size_t len;
};

/* One read.  False once there is nothing any more. */
static bool
step(struct bench *b, uint64_t room)
{
	uint64_t count, got, i;
	enum priority p = priority_choose(&b->q, room, &count);

	if (p == PRIORITY_COUNT)
		return false;
	assert_true(count >= 1 && count <= room);
	got = b->there[p] < count ? b->there[p] : count;
	b->there[p] -= got;
	b->taken[p] += got;
	b->reads++;
	for (i = 0; i < got && b->len + 1 < sizeof(b->order); i++)
		b->order[b->len++] = "chnl"[p];
	priority_took(&b->q, p, count, got);
	return true;
}

static void
all_busy_are_served_eight_four_two_one(void **state)
{
	uint64_t room;

	(void)state;
	for (room = 1; room <= 64; room++) {
		struct bench b = { .there = { 9999, 9999, 9999, 9999 } };

		while (b.taken[PRIORITY_LOW] < 20)
			assert_true(step(&b, room));
		assert_int_equal(b.taken[PRIORITY_CRITICAL],
				 8 * b.taken[PRIORITY_LOW]);
		assert_int_equal(b.taken[PRIORITY_HIGH],
				 4 * b.taken[PRIORITY_LOW]);
		assert_int_equal(b.taken[PRIORITY_NORMAL],
				 2 * b.taken[PRIORITY_LOW]);
	}
}

static void
urgent_ones_come_first_in_a_round(void **state)
{
	struct bench b = { .there = { 99, 99, 99, 99 } };

	(void)state;
	while (b.len < 30)
		step(&b, 1);
	b.order[30] = '\0';
	assert_string_equal(b.order, "cccccccchhhhnnl"
				     "cccccccchhhhnnl");
}

static void
what_one_leaves_the_next_one_takes(void **state)
{
	struct bench b = { .there = { 0, 0, 1000, 0 } };

	(void)state;
	while (b.taken[PRIORITY_NORMAL] < 140)
		assert_true(step(&b, 7));
	/* Of every round all but the share of low: 14 events in 2 reads. */
	assert_true(b.reads <= 10 * 5);
	assert_int_equal(b.len, 140);
}

static void
all_is_taken_and_then_nothing_is_chosen(void **state)
{
	uint64_t room;

	(void)state;
	for (room = 1; room < 40; room += 3) {
		struct bench b = { .there = { 3, 50, 0, 17 } };
		uint64_t count;

		while (step(&b, room))
			assert_true(b.reads < 1000);
		assert_int_equal(b.there[PRIORITY_CRITICAL] +
					 b.there[PRIORITY_HIGH] +
					 b.there[PRIORITY_LOW],
				 0);
		assert_int_equal(priority_choose(&b.q, room, &count),
				 PRIORITY_COUNT);
		priority_again(&b.q);
		b.there[PRIORITY_LOW] = 1;
		while (step(&b, room))
			;
		assert_int_equal(b.there[PRIORITY_LOW], 0);
	}
}

static void
an_urgent_event_waits_for_the_rest_of_a_round_at_most(void **state)
{
	struct bench b = { .there = { 0, 0, 0, 1000 } };
	uint64_t before;

	(void)state;
	while (b.taken[PRIORITY_LOW] < 100)
		step(&b, 1);
	b.there[PRIORITY_CRITICAL] = 1;
	before = b.taken[PRIORITY_LOW];
	while (b.taken[PRIORITY_CRITICAL] == 0)
		step(&b, 1);
	assert_true(b.taken[PRIORITY_LOW] - before <= 15);
}

static void
much_room_is_filled_in_a_few_reads(void **state)
{
	struct bench b = { .there = { 0, 0, 5000, 0 } };

	(void)state;
	while (b.taken[PRIORITY_NORMAL] < 5000)
		assert_true(step(&b, 1000));
	assert_true(b.reads <= 30);
}

static enum priority
of(const char *json)
{
	struct event ev = { 0 };
	struct buf tmp = { 0 };
	enum priority p;

	assert_int_equal(event_parse(&ev, json, strlen(json)), 0);
	event_recognise(&ev, EVENT_ROLE(ROLE_PRIORITY));
	p = priority_of(&ev, &tmp);
	event_release(&ev);
	buf_release(&tmp);
	return p;
}

static void
the_role_tells_the_priority(void **state)
{
	(void)state;
	assert_int_equal(of("{\"specversion\":\"1.0\",\"priority\":\"low\"}"),
			 PRIORITY_LOW);
	assert_int_equal(of("{\"specversion\":\"1.0\",\"priority\":\"HIGH\"}"),
			 PRIORITY_HIGH);
	assert_int_equal(
		of("{\"specversion\":\"1.0\",\"priority\":\"cr\\u0069tical\"}"),
		PRIORITY_CRITICAL);
	assert_int_equal(of("{\"event_id\":\"1\",\"event_type\":\"t\","
			    "\"metadata\":{\"priority\":\"high\"}}"),
			 PRIORITY_HIGH);
	assert_int_equal(of("{\"specversion\":\"1.0\",\"priority\":\"lower\"}"),
			 PRIORITY_NORMAL);
	assert_int_equal(of("{\"specversion\":\"1.0\",\"priority\":7}"),
			 PRIORITY_NORMAL);
	assert_int_equal(of("{\"specversion\":\"1.0\"}"), PRIORITY_NORMAL);
	assert_int_equal(of("{\"priority\":\"high\"}"), PRIORITY_NORMAL);
}

static void
streams_are_named_by_priority(void **state)
{
	struct buf name = { 0 };

	(void)state;
	priority_stream(&name, "orders", PRIORITY_CRITICAL);
	assert_string_equal(name.data, "{orders}:critical");
	priority_stream(&name, "orders", PRIORITY_NORMAL);
	assert_string_equal(name.data, "orders");
	priority_stream(&name, "{a}b", PRIORITY_LOW);
	assert_string_equal(name.data, "{a}b:low");
	buf_release(&name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_busy_are_served_eight_four_two_one),
		cmocka_unit_test(urgent_ones_come_first_in_a_round),
		cmocka_unit_test(what_one_leaves_the_next_one_takes),
		cmocka_unit_test(all_is_taken_and_then_nothing_is_chosen),
		cmocka_unit_test(
			an_urgent_event_waits_for_the_rest_of_a_round_at_most),
		cmocka_unit_test(much_room_is_filled_in_a_few_reads),
		cmocka_unit_test(the_role_tells_the_priority),
		cmocka_unit_test(streams_are_named_by_priority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
