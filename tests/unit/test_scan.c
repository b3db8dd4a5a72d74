#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/scan.h"
#include "common/stop.h"
#include "common/when.h"
#include "tests/unit/server.h"

enum { MIB = 1 << 20 };

static struct server server;
static struct conn_options options = CONN_OPTIONS_INIT;
static struct conn *conn, *other; /* what is tested; what disturbs it */

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
	diag_init("test-scan");
	diag_set_level(DIAG_QUIET);
	stop_init();
	unsetenv("REDISCLI_AUTH");
	server_start(&server, NULL);
	options.url = server.url;
	options.retry_for_ms = 5000;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	server_stop(&server);
	return 0;
}

static struct reply *
result(struct conn *c)
{
	struct reply *r = conn_result(c);

	if (r == NULL)
		fail_msg("%s", conn_error(c));
	return r;
}

static int
open_both(void **state)
{
	(void)state;
	conn = open_conn();
	other = open_conn();
	conn_commandv(other, "FLUSHALL", NULL);
	result(other);
	return 0;
}

static int
close_both(void **state)
{
	(void)state;
	conn_close(conn);
	conn_close(other);
	return 0;
}

static struct id
at(uint64_t ms)
{
	return (struct id){ ms, 0 };
}

/* Add n entries of `size` bytes with the ids first, first + step, … */
static void
fill(const char *stream, uint64_t n, uint64_t first, uint64_t step, size_t size)
{
	static const char text[] =
		"local data = string.rep('x', ARGV[4])\n"
		"for i = 0, ARGV[1] - 1 do\n"
		"	redis.call('XADD', KEYS[1], ARGV[2] + i * ARGV[3] .. "
		"'-0', 'data', data)\n"
		"end\n";

	conn_command(other, 8);
	conn_args(other, "EVAL");
	conn_args(other, text);
	conn_argu(other, 1);
	conn_args(other, stream);
	conn_argu(other, n);
	conn_argu(other, first);
	conn_argu(other, step);
	conn_argu(other, size);
	result(other);
}

static void
disconnect(void)
{
	conn_command(other, 4);
	conn_args(other, "CLIENT");
	conn_args(other, "KILL");
	conn_args(other, "ID");
	conn_argu(other, conn_client_id(conn));
	assert_int_equal(result(other)->node[0].integer, 1);
}

static void
assert_entry(struct scan *s, uint64_t ms, size_t stream, size_t size)
{
	const char *text;
	struct entry e;
	size_t index, len;
	int rc = scan_next(s, &e, &index);

	if (rc != 1)
		fail_msg("%llu: %d %s", (unsigned long long)ms, rc,
			 rc < 0 ? conn_error(conn) : "");
	assert_int_equal(e.id.ms, ms);
	assert_int_equal(e.id.seq, 0);
	assert_int_equal(index, stream);
	assert_true(entry_body(&e, NULL, &text, &len));
	assert_int_equal(len, size);
	assert_int_equal(text[0], 'x');
	assert_int_equal(text[len - 1], 'x');
}

static void
assert_end(struct scan *s)
{
	struct entry e;
	size_t index;

	assert_int_equal(scan_next(s, &e, &index), 0);
	assert_int_equal(scan_next(s, &e, &index), 0);
}

/* The connection answers what is asked next, and nothing before. */
static void
assert_free(void)
{
	conn_commandv(conn, "ECHO", "free", NULL);
	assert_true(reply_equals(result(conn), 0, "free"));
}

static void
every_entry_comes_once_whatever_the_length(void **state)
{
	static const uint64_t lengths[] = { 0,    1,    2,    99,   100,
					    101,  499,  500,  501,  999,
					    1000, 1001, 1500, 2000, 2500 };
	struct scan s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t n = lengths[i], k;

		conn_commandv(other, "DEL", "s", NULL);
		result(other);
		fill("s", n, 1, 1, 10);
		scan_init(&s, conn, false);
		scan_add(&s, "s", ID_MIN, ID_MAX);
		for (k = 1; k <= n; k++)
			assert_entry(&s, k, 0, 10);
		assert_end(&s);
		assert_true(s.slice <= 1000);
		assert_true(n != 0 ? s.stream[0].seen.ms == n
				   : !s.stream[0].any);
		scan_release(&s);

		scan_init(&s, conn, true);
		scan_add(&s, "s", ID_MIN, ID_MAX);
		for (k = n; k >= 1; k--)
			assert_entry(&s, k, 0, 10);
		assert_end(&s);
		scan_release(&s);
		assert_free();
	}
}

static void
a_range_holds_both_its_ends(void **state)
{
	static const struct {
		uint64_t first, last, from, to;
	} ranges[] = { { 0, 9, 1, 9 },         { 5, 5, 5, 5 },
		       { 100, 200, 100, 200 }, { 101, 200, 101, 200 },
		       { 250, 900, 250, 300 }, { 301, 900, 1, 0 },
		       { 200, 100, 1, 0 } };
	struct scan s;
	size_t i;

	(void)state;
	fill("s", 300, 1, 1, 10);
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		uint64_t k;

		scan_init(&s, conn, false);
		scan_add(&s, "s", at(ranges[i].first), at(ranges[i].last));
		for (k = ranges[i].from; k <= ranges[i].to; k++)
			assert_entry(&s, k, 0, 10);
		assert_end(&s);
		scan_release(&s);
		scan_init(&s, conn, true);
		scan_add(&s, "s", at(ranges[i].first), at(ranges[i].last));
		for (k = ranges[i].to; k >= ranges[i].from; k--)
			assert_entry(&s, k, 0, 10);
		assert_end(&s);
		scan_release(&s);
	}
}

static void
the_first_and_the_last_id_there_can_be_are_read(void **state)
{
	static const char last[] = "18446744073709551615-18446744073709551615";
	struct entry e;
	struct scan s;
	size_t index;
	int backwards;

	(void)state;
	conn_commandv(other, "XADD", "s", "0-1", "data", "x", NULL);
	result(other);
	conn_commandv(other, "XADD", "s", last, "data", "x", NULL);
	result(other);
	for (backwards = 0; backwards < 2; backwards++) {
		scan_init(&s, conn, backwards == 1);
		scan_add(&s, "s", ID_MIN, ID_MAX);
		s.slice = 1;
		assert_int_equal(scan_next(&s, &e, &index), 1);
		assert_int_equal(e.id.seq == 1, backwards == 0);
		assert_int_equal(scan_next(&s, &e, &index), 1);
		assert_int_equal(e.id.seq == 1, backwards == 1);
		assert_end(&s);
		scan_release(&s);
	}
}

/* Streams a, b, c hold the multiples of 2, 3 and 5 up to 3000, and d nothing. */
static void
streams_merge_by_id_in_either_direction(void **state)
{
	static const uint64_t steps[] = { 2, 3, 5 };
	struct scan s;
	uint64_t ms;
	size_t i;

	(void)state;
	fill("a", 1500, 2, 2, 10);
	fill("b", 1000, 3, 3, 500);
	fill("c", 600, 5, 5, 10);
	scan_init(&s, conn, false);
	scan_add(&s, "a", ID_MIN, ID_MAX);
	scan_add(&s, "b", ID_MIN, ID_MAX);
	scan_add(&s, "c", ID_MIN, ID_MAX);
	scan_add(&s, "d", ID_MIN, ID_MAX);
	for (ms = 1; ms <= 3000; ms++)
		for (i = 0; i < 3; i++)
			if (ms % steps[i] == 0)
				assert_entry(&s, ms, i, i == 1 ? 500 : 10);
	assert_end(&s);
	scan_release(&s);

	scan_init(&s, conn, true);
	scan_add(&s, "a", ID_MIN, ID_MAX);
	scan_add(&s, "b", ID_MIN, ID_MAX);
	scan_add(&s, "c", ID_MIN, ID_MAX);
	for (ms = 3000; ms >= 1; ms--)
		for (i = 3; i-- > 0;)
			if (ms % steps[i] == 0)
				assert_entry(&s, ms, i, i == 1 ? 500 : 10);
	assert_end(&s);
	scan_release(&s);
}

static void
slices_follow_the_size_of_the_entries(void **state)
{
	struct entry e;
	struct scan s;
	size_t index;

	(void)state;
	fill("small", 2000, 1, 1, 10);
	fill("large", 400, 1, 1, 10 << 10);
	scan_init(&s, conn, false);
	scan_add(&s, "small", ID_MIN, ID_MAX);
	while (scan_next(&s, &e, &index) == 1)
		assert_true(s.slice <= 1000);
	assert_int_equal(s.slice, 1000);
	scan_release(&s);
	scan_init(&s, conn, false);
	scan_add(&s, "large", ID_MIN, ID_MAX);
	while (scan_next(&s, &e, &index) == 1)
		;
	assert_in_range(s.slice, 25, 100);
	scan_release(&s);
}

/* Entries of 1, 2 and 3 MiB by turns: a slice comes in many parts. */
static void
entries_of_mebibytes_come_in_parts(void **state)
{
	struct scan s;
	uint64_t k;

	(void)state;
	fill("s", 4, 1, 3, 1 * MIB);
	for (k = 0; k < 4; k++)
		fill("s2", 1, 1 + k, 1, (1 + k % 3) * MIB);
	scan_init(&s, conn, false);
	scan_add(&s, "s2", ID_MIN, ID_MAX);
	for (k = 0; k < 4; k++)
		assert_entry(&s, 1 + k, 0, (1 + k % 3) * MIB);
	assert_end(&s);
	scan_release(&s);
	scan_init(&s, conn, true);
	scan_add(&s, "s2", ID_MIN, ID_MAX);
	for (k = 4; k-- > 0;)
		assert_entry(&s, 1 + k, 0, (1 + k % 3) * MIB);
	assert_end(&s);
	scan_release(&s);

	scan_init(&s, conn, false);
	scan_add(&s, "s", ID_MIN, ID_MAX);
	scan_add(&s, "s2", ID_MIN, ID_MAX);
	assert_entry(&s, 1, 0, 1 * MIB);
	assert_entry(&s, 1, 1, 1 * MIB);
	assert_entry(&s, 2, 1, 2 * MIB);
	assert_entry(&s, 3, 1, 3 * MIB);
	assert_entry(&s, 4, 0, 1 * MIB);
	assert_entry(&s, 4, 1, 1 * MIB);
	assert_entry(&s, 7, 0, 1 * MIB);
	assert_entry(&s, 10, 0, 1 * MIB);
	assert_end(&s);
	assert_int_equal(scan_end(&s), 0);
	scan_release(&s);
	assert_free();
}

static void
memory_is_bounded_where_entries_are_large(void **state)
{
	struct scan s;
	uint64_t k;

	(void)state;
	fill("s", 40, 1, 1, MIB);
	scan_init(&s, conn, false);
	scan_add(&s, "s", ID_MIN, ID_MAX);
	for (k = 1; k <= 40; k++) {
		assert_entry(&s, k, 0, MIB);
		assert_true(s.stream[0].reply->bytes.cap <= 8 * MIB);
	}
	assert_end(&s);
	scan_release(&s);
}

static void
reading_goes_on_behind_the_last_entry_after_a_loss(void **state)
{
	static const uint64_t kills[] = { 0,   1,   99,  100,  101,
					  250, 500, 501, 1499, 1500 };
	struct scan s;
	size_t i;

	(void)state;
	fill("s", 1500, 1, 1, 10);
	for (i = 0; i < sizeof(kills) / sizeof(kills[0]); i++) {
		uint64_t k;

		scan_init(&s, conn, false);
		scan_add(&s, "s", ID_MIN, ID_MAX);
		for (k = 1; k <= 1500; k++) {
			if (k - 1 == kills[i])
				disconnect();
			assert_entry(&s, k, 0, 10);
		}
		assert_end(&s);
		scan_release(&s);
		conn_reconnect(conn);

		scan_init(&s, conn, true);
		scan_add(&s, "s", ID_MIN, ID_MAX);
		for (k = 1500; k >= 1; k--) {
			if (1500 - k == kills[i])
				disconnect();
			assert_entry(&s, k, 0, 10);
		}
		assert_end(&s);
		scan_release(&s);
		conn_reconnect(conn);
	}
}

static void
several_streams_go_on_after_a_loss(void **state)
{
	uint64_t kill, k;
	struct scan s;

	(void)state;
	fill("odd", 600, 1, 2, 10);
	fill("even", 600, 2, 2, 3000);
	for (kill = 0; kill < 1200; kill += 97) {
		scan_init(&s, conn, false);
		scan_add(&s, "odd", ID_MIN, ID_MAX);
		scan_add(&s, "even", ID_MIN, ID_MAX);
		for (k = 1; k <= 1200; k++) {
			if (k - 1 == kill)
				disconnect();
			assert_entry(&s, k, k % 2 == 0, k % 2 ? 10 : 3000);
		}
		assert_end(&s);
		scan_release(&s);
		conn_reconnect(conn);
	}
}

static void
parts_go_on_after_a_loss(void **state)
{
	uint64_t kill, k;
	struct scan s;

	(void)state;
	fill("s", 6, 1, 1, 2 * MIB);
	fill("t", 6, 1, 1, 1 * MIB);
	for (kill = 0; kill < 6; kill++) {
		scan_init(&s, conn, false);
		scan_add(&s, "s", ID_MIN, ID_MAX);
		for (k = 1; k <= 6; k++) {
			if (k - 1 == kill)
				disconnect();
			assert_entry(&s, k, 0, 2 * MIB);
		}
		assert_end(&s);
		scan_release(&s);
		conn_reconnect(conn);

		scan_init(&s, conn, true);
		scan_add(&s, "s", ID_MIN, ID_MAX);
		scan_add(&s, "t", ID_MIN, ID_MAX);
		for (k = 6; k >= 1; k--) {
			if (6 - k == kill)
				disconnect();
			assert_entry(&s, k, 1, 1 * MIB);
			assert_entry(&s, k, 0, 2 * MIB);
		}
		assert_end(&s);
		scan_release(&s);
		conn_reconnect(conn);
	}
}

static void
assert_follows(struct scan *s, int want)
{
	int rc = scan_follow(s, 2000, -1);

	if (rc < 0)
		fail_msg("%s", conn_error(conn));
	assert_int_equal(rc, want);
}

/* Whether the range or scan_follow() gives them, each comes once. */
static void
what_is_added_while_reading_comes_once(void **state)
{
	struct entry e;
	struct scan s;
	size_t index;
	uint64_t k;

	(void)state;
	fill("s", 250, 1, 1, 10);
	scan_init(&s, conn, false);
	scan_add(&s, "s", ID_MIN, ID_MAX);
	for (k = 1; k <= 50; k++)
		assert_entry(&s, k, 0, 10);
	fill("s", 1000, 251, 1, 10);
	while (k <= 1250) {
		for (; scan_next(&s, &e, &index) == 1; k++)
			assert_int_equal(e.id.ms, k);
		if (k <= 1250)
			assert_follows(&s, 1);
	}
	assert_end(&s);
	scan_release(&s);
}

static void
follows_behind_the_range_and_takes_in_new_streams(void **state)
{
	struct scan s;
	uint64_t k;

	(void)state;
	fill("a", 3, 1, 1, 10);
	scan_init(&s, conn, false);
	scan_add(&s, "a", ID_MIN, ID_MAX);
	for (k = 1; k <= 3; k++)
		assert_entry(&s, k, 0, 10);
	assert_end(&s);
	assert_int_equal(scan_follow(&s, 20, -1), 0);
	assert_end(&s);
	assert_int_equal(scan_follow(&s, 0, -1), 0);

	fill("a", 1, 4, 1, 10);
	assert_follows(&s, 1);
	assert_entry(&s, 4, 0, 10);
	assert_end(&s);

	fill("b", 2, 2, 3, 20); /* one of them older than what was seen */
	fill("a", 2, 5, 1, 10);
	scan_add(&s, "b", ID_MIN, ID_MAX);
	assert_true(scan_has(&s, "b"));
	assert_false(scan_has(&s, "c"));
	assert_follows(&s, 1);
	assert_entry(&s, 2, 1, 20);
	assert_entry(&s, 5, 0, 10);
	assert_entry(&s, 5, 1, 20);
	assert_entry(&s, 6, 0, 10);
	assert_end(&s);

	fill("b", 1, 9, 1, 20);
	assert_follows(&s, 1);
	assert_entry(&s, 9, 1, 20);
	assert_end(&s);
	assert_int_equal(scan_follow(&s, 20, -1), 0);
	scan_release(&s);
	assert_free();
}

static void
follows_a_stream_that_is_not_there_yet(void **state)
{
	struct scan s;

	(void)state;
	scan_init(&s, conn, false);
	assert_int_equal(scan_follow(&s, 10, -1), 0);
	scan_add(&s, "s", at(5), ID_MAX);
	assert_end(&s);
	assert_int_equal(scan_follow(&s, 10, -1), 0);
	fill("s", 9, 1, 1, 10);
	assert_follows(&s, 1);
	assert_entry(&s, 5, 0, 10);
	assert_entry(&s, 6, 0, 10);
	scan_release(&s);
}

/* More than one slice is waiting, also of entries that come in parts. */
static void
follows_what_has_piled_up(void **state)
{
	struct scan s;
	uint64_t k = 1;

	(void)state;
	scan_init(&s, conn, false);
	scan_add(&s, "a", ID_MIN, ID_MAX);
	scan_add(&s, "b", ID_MIN, ID_MAX);
	assert_end(&s);
	fill("a", 2500, 1, 1, 10);
	while (k <= 2500) {
		struct entry e;
		size_t index;

		assert_follows(&s, 1);
		for (; scan_next(&s, &e, &index) == 1; k++)
			assert_int_equal(e.id.ms, k);
	}
	fill("a", 5, 3000, 2, 2 * MIB);
	fill("b", 5, 3001, 2, 1 * MIB);
	for (k = 0; k < 10;) {
		uint64_t seen[2] = { 2999, 2999 };
		struct entry e;
		size_t index;

		assert_follows(&s, 1);
		for (; scan_next(&s, &e, &index) == 1; k++) {
			assert_true(e.id.ms > seen[index]);
			assert_int_equal(e.id.ms % 2, index);
			seen[index] = e.id.ms;
		}
	}
	assert_int_equal(s.stream[0].seen.ms, 3008);
	assert_int_equal(s.stream[1].seen.ms, 3009);
	assert_int_equal(scan_follow(&s, 10, -1), 0);
	scan_release(&s);
	assert_free();
}

static void
follows_on_after_a_loss(void **state)
{
	struct scan s;

	(void)state;
	fill("s", 2, 1, 1, 10);
	scan_init(&s, conn, false);
	scan_add(&s, "s", ID_MIN, ID_MAX);
	assert_entry(&s, 1, 0, 10);
	assert_entry(&s, 2, 0, 10);
	assert_end(&s);
	disconnect();
	fill("s", 2, 3, 1, 10);
	assert_follows(&s, 1);
	disconnect(); /* with entries at hand */
	assert_entry(&s, 3, 0, 10);
	assert_entry(&s, 4, 0, 10);
	assert_end(&s);
	fill("s", 1, 5, 1, 10);
	assert_follows(&s, 1);
	assert_entry(&s, 5, 0, 10);
	scan_release(&s);
}

static void
another_descriptor_ends_the_wait(void **state)
{
	int64_t started = when_monotonic();
	struct scan s;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	scan_init(&s, conn, false);
	scan_add(&s, "s", ID_MIN, ID_MAX);
	assert_end(&s);
	assert_int_equal(scan_follow(&s, 60000, fds[0]), 0);
	assert_true(when_monotonic() - started < 30000);
	fill("s", 1, 1, 1, 10);
	assert_follows(&s, 1);
	assert_entry(&s, 1, 0, 10);
	scan_release(&s);
	close(fds[0]);
	close(fds[1]);
}

static void
the_connection_is_free_after_the_end(void **state)
{
	struct scan s;
	int fds[2];

	(void)state;
	fill("s", 900, 1, 1, 10);
	fill("t", 5, 1, 1, 2 * MIB);
	scan_init(&s, conn, false);
	scan_add(&s, "s", ID_MIN, ID_MAX);
	assert_int_equal(scan_end(&s), 0); /* nothing was asked */
	assert_entry(&s, 1, 0, 10);
	assert_int_equal(scan_end(&s), 0);
	assert_free();
	scan_release(&s);

	scan_init(&s, conn, false);
	scan_add(&s, "t", ID_MIN, ID_MAX);
	assert_entry(&s, 1, 0, 2 * MIB);
	assert_int_equal(scan_end(&s), 0);
	assert_free();
	scan_release(&s);

	scan_init(&s, conn, false);
	scan_add(&s, "t", ID_MIN, ID_MAX);
	scan_add(&s, "s", ID_MIN, ID_MAX);
	assert_entry(&s, 1, 0, 2 * MIB);
	assert_int_equal(scan_end(&s), 0);
	assert_free();
	scan_release(&s);

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	scan_init(&s, conn, false);
	scan_add(&s, "nothing", ID_MIN, ID_MAX);
	assert_end(&s);
	assert_int_equal(scan_follow(&s, 100, fds[0]), 0);
	assert_int_equal(scan_end(&s), 0);
	assert_free();
	scan_release(&s);
	close(fds[0]);
	close(fds[1]);
}

static void
what_is_no_stream_is_told_by_the_servers_words(void **state)
{
	int64_t started = when_monotonic();
	struct entry e;
	struct scan s;
	size_t index;

	(void)state;
	conn_commandv(other, "SET", "s", "x", NULL);
	result(other);
	scan_init(&s, conn, false);
	scan_add(&s, "s", ID_MIN, ID_MAX);
	assert_int_equal(scan_next(&s, &e, &index), -1);
	assert_non_null(strstr(conn_error(conn), "WRONGTYPE"));
	assert_false(conn_is_lost(conn));
	assert_int_equal(scan_end(&s), 0);
	assert_free();
	assert_int_equal(scan_follow(&s, 10, -1), -1);
	assert_non_null(strstr(conn_error(conn), "WRONGTYPE"));
	assert_int_equal(scan_newest(conn, "s", &e.id), -1);
	assert_non_null(strstr(conn_error(conn), "WRONGTYPE"));
	assert_free();
	scan_release(&s);
	assert_true(when_monotonic() - started < 5000);
}

static void
add_found(void *arg, const char *name)
{
	scan_add(arg, name, ID_MIN, ID_MAX);
}

static void
finds_each_stream_of_a_pattern_once(void **state)
{
	struct scan s;
	char name[32];
	int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "order.%d", i);
		fill(name, 1, 1, 1, 1);
	}
	conn_commandv(other, "SET", "order.text", "x", NULL);
	result(other);
	fill("else", 1, 1, 1, 1);
	scan_init(&s, conn, false);
	scan_add(&s, "order.7", ID_MIN, ID_MAX);
	assert_int_equal(scan_find(&s, "order.*", add_found, &s), 0);
	assert_int_equal(s.count, 300);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "order.%d", i);
		assert_true(scan_has(&s, name));
	}
	assert_int_equal(scan_find(&s, "order.*", add_found, &s), 0);
	assert_int_equal(s.count, 300);
	assert_int_equal(scan_find(&s, "e[l]se", add_found, &s), 0);
	assert_int_equal(s.count, 301);
	scan_release(&s);
}

static void
knows_the_newest_entry(void **state)
{
	struct id id = at(77);

	(void)state;
	assert_int_equal(scan_newest(conn, "s", &id), 0);
	fill("s", 3, 5, 5, 1);
	assert_int_equal(scan_newest(conn, "s", &id), 1);
	assert_int_equal(id.ms, 15);
	conn_commandv(other, "XDEL", "s", "15-0", NULL);
	result(other);
	assert_int_equal(scan_newest(conn, "s", &id), 1);
	assert_int_equal(id.ms, 10);
}

#define test_on_server(name) \
	cmocka_unit_test_setup_teardown(name, open_both, close_both)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_on_server(every_entry_comes_once_whatever_the_length),
		test_on_server(a_range_holds_both_its_ends),
		test_on_server(the_first_and_the_last_id_there_can_be_are_read),
		test_on_server(streams_merge_by_id_in_either_direction),
		test_on_server(slices_follow_the_size_of_the_entries),
		test_on_server(entries_of_mebibytes_come_in_parts),
		test_on_server(memory_is_bounded_where_entries_are_large),
		test_on_server(
			reading_goes_on_behind_the_last_entry_after_a_loss),
		test_on_server(several_streams_go_on_after_a_loss),
		test_on_server(parts_go_on_after_a_loss),
		test_on_server(what_is_added_while_reading_comes_once),
		test_on_server(
			follows_behind_the_range_and_takes_in_new_streams),
		test_on_server(follows_a_stream_that_is_not_there_yet),
		test_on_server(follows_what_has_piled_up),
		test_on_server(follows_on_after_a_loss),
		test_on_server(another_descriptor_ends_the_wait),
		test_on_server(the_connection_is_free_after_the_end),
		test_on_server(what_is_no_stream_is_told_by_the_servers_words),
		test_on_server(finds_each_stream_of_a_pattern_once),
		test_on_server(knows_the_newest_entry),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
