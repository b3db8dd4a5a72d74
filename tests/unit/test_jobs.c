/*
 * test_jobs.c - the queues of a worker: order, lanes, and that they are fast
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/jobs.h"
#include "common/when.h"

enum { MANY = 100000, SLOW_MS = 5000 };

static struct job
make(uint64_t n, uint64_t lane, int64_t due)
{
	return (struct job){ .id = { .ms = n }, .lane = lane, .due = due };
}

static void
ready(struct jobs *j, uint64_t n, uint64_t lane)
{
	struct job job = make(n, lane, 0);

	jobs_ready(j, &job, false);
}

static void
waiting(struct jobs *j, uint64_t n, int64_t due)
{
	struct job job = make(n, 0, due);

	jobs_wait(j, &job);
}

/* The next one to start, 0 if there is none. */
static uint64_t
next(struct jobs *j, int64_t now, struct job *job)
{
	struct job scratch;

	if (job == NULL)
		job = &scratch;
	return jobs_next(j, now, true, job) ? job->id.ms : 0;
}

static void
ready_ones_come_in_the_order_of_arrival(void **state)
{
	struct jobs j = { 0 };
	struct job first = make(9, 0, 0);
	uint64_t n;

	(void)state;
	for (n = 1; n <= 50; n++)
		ready(&j, n, 0);
	jobs_ready(&j, &first, true);
	assert_int_equal(next(&j, 0, NULL), 9);
	for (n = 1; n <= 50; n++)
		assert_int_equal(next(&j, 0, NULL), n);
	assert_int_equal(next(&j, 0, NULL), 0);
	assert_int_equal(j.ready_count, 0);
	jobs_release(&j);
}

static void
waiting_ones_come_by_their_time_and_not_before(void **state)
{
	struct jobs j = { 0 };
	int64_t last = 0;
	uint64_t n;
	struct job job;

	(void)state;
	assert_int_equal(jobs_due(&j), INT64_MAX);
	srandom(7);
	for (n = 1; n <= 1000; n++)
		waiting(&j, n, 100 + random() % 500);
	assert_int_equal(next(&j, 99, NULL), 0);
	for (n = 0; n < 1000; n++) {
		assert_int_equal(next(&j, jobs_due(&j) - 1, NULL), 0);
		assert_true(jobs_next(&j, jobs_due(&j), true, &job));
		assert_true(job.due >= last);
		last = job.due;
	}
	assert_int_equal(j.waiting_count, 0);
	jobs_release(&j);
}

static void
what_is_due_comes_before_what_is_ready(void **state)
{
	struct jobs j = { 0 };

	(void)state;
	ready(&j, 1, 0);
	waiting(&j, 2, 100);
	assert_int_equal(next(&j, 100, NULL), 2);
	assert_int_equal(next(&j, 100, NULL), 1);
	jobs_release(&j);
}

static void
one_of_a_lane_at_a_time(void **state)
{
	struct jobs j = { 0 };
	struct job a, b, job = make(5, 7, 0);

	(void)state;
	ready(&j, 1, 7);
	ready(&j, 2, 7);
	ready(&j, 3, 8);
	ready(&j, 4, 0);
	assert_int_equal(next(&j, 0, &a), 1);
	assert_true(a.occupies);
	assert_int_equal(next(&j, 0, &b), 3);
	assert_int_equal(next(&j, 0, NULL), 4);
	assert_int_equal(next(&j, 0, NULL), 0);
	assert_false(jobs_enter(&j, &job));
	jobs_leave(&j, &a);
	/* The lane is free, but another one waits longer. */
	assert_false(jobs_enter(&j, &job));
	assert_int_equal(next(&j, 0, &a), 2);
	jobs_leave(&j, &a);
	assert_true(jobs_enter(&j, &job));
	assert_true(job.occupies);
	jobs_leave(&j, &job);
	jobs_leave(&j, &b);
	jobs_release(&j);
}

static void
a_lane_stays_occupied_between_attempts(void **state)
{
	struct jobs j = { 0 };
	struct job a;

	(void)state;
	ready(&j, 1, 7);
	ready(&j, 2, 7);
	assert_int_equal(next(&j, 0, &a), 1);
	a.due = 100;
	jobs_wait(&j, &a);
	assert_int_equal(next(&j, 99, NULL), 0);
	assert_int_equal(next(&j, 100, &a), 1);
	assert_int_equal(next(&j, 100, NULL), 0);
	jobs_leave(&j, &a);
	assert_int_equal(next(&j, 100, &a), 2);
	jobs_leave(&j, &a);
	jobs_release(&j);
}

static void
reclaimed_ones_are_passed_over_unless_asked_for(void **state)
{
	struct jobs j = { 0 };
	struct job job = make(1, 0, 0);

	(void)state;
	job.reclaimed = true;
	jobs_ready(&j, &job, false);
	ready(&j, 2, 0);
	assert_int_equal(j.reclaimed, 1);
	assert_true(jobs_next(&j, 0, false, &job));
	assert_int_equal(job.id.ms, 2);
	assert_false(jobs_next(&j, 0, false, &job));
	assert_true(jobs_next(&j, 0, true, &job));
	assert_int_equal(job.id.ms, 1);
	assert_int_equal(j.reclaimed, 0);
	jobs_release(&j);
}

static void
they_are_found_and_dropped(void **state)
{
	struct jobs j = { 0 };
	struct job job;
	uint64_t seen = 0;

	(void)state;
	ready(&j, 1, 7);
	ready(&j, 2, 0);
	waiting(&j, 4, 100);
	assert_true(jobs_has(&j, 0, (struct id){ .ms = 1 }));
	assert_true(jobs_has(&j, 0, (struct id){ .ms = 4 }));
	assert_false(jobs_has(&j, 1, (struct id){ .ms = 1 }));
	assert_false(jobs_has(&j, 0, (struct id){ .ms = 3 }));
	while (jobs_drop(&j, &job))
		seen |= job.id.ms;
	assert_int_equal(seen, 7);
	assert_int_equal(j.ready_count + j.waiting_count, 0);
	jobs_release(&j);
	jobs_release(&j);
}

static void
a_lane_is_the_hash_of_its_key(void **state)
{
	(void)state;
	assert_true(jobs_lane("a", 1) != jobs_lane("b", 1));
	assert_true(jobs_lane("a\0b", 3) != jobs_lane("a\0c", 3));
	assert_int_equal(jobs_lane("abc", 2), jobs_lane("abd", 2));
	assert_true(jobs_lane("", 0) != 0);
}

static void
a_hundred_thousand_wait_without_cost(void **state)
{
	struct jobs j = { 0 };
	int64_t begin = when_monotonic();
	uint64_t n;

	(void)state;
	for (n = 1; n <= MANY; n++)
		waiting(&j, n, (int64_t)(n * 7919 % MANY));
	for (n = 1; n <= MANY; n++)
		assert_int_not_equal(next(&j, MANY, NULL), 0);
	assert_true(when_monotonic() - begin < SLOW_MS);
	jobs_release(&j);
}

static void
a_hundred_thousand_lanes_come_and_go(void **state)
{
	struct jobs j = { 0 };
	int64_t begin = when_monotonic();
	struct job job;
	uint64_t n;

	(void)state;
	for (n = 1; n <= MANY; n++) {
		char key[32];

		snprintf(key, sizeof(key), "%llu", (unsigned long long)n);
		job = make(n, jobs_lane(key, strlen(key)), 0);
		assert_true(jobs_enter(&j, &job));
		jobs_leave(&j, &job);
	}
	assert_true(j.lane_cap <= 1024);
	assert_true(when_monotonic() - begin < SLOW_MS);
	jobs_release(&j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_ones_come_in_the_order_of_arrival),
		cmocka_unit_test(
			waiting_ones_come_by_their_time_and_not_before),
		cmocka_unit_test(what_is_due_comes_before_what_is_ready),
		cmocka_unit_test(one_of_a_lane_at_a_time),
		cmocka_unit_test(a_lane_stays_occupied_between_attempts),
		cmocka_unit_test(
			reclaimed_ones_are_passed_over_unless_asked_for),
		cmocka_unit_test(they_are_found_and_dropped),
		cmocka_unit_test(a_lane_is_the_hash_of_its_key),
		cmocka_unit_test(a_hundred_thousand_wait_without_cost),
		cmocka_unit_test(a_hundred_thousand_lanes_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
