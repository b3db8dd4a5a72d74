#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/parser.h"

enum { MAX_BYTES = 4 << 20 };

static void
feed(struct parser *p, const char *text)
{
	parser_feed(p, text, strlen(text));
}

/* Write the nodes of a reply as text, such as "[2 +OK :-1". */
static const char *
show(const struct reply *r)
{
	static char out[1024];
	size_t at = 0, i, len;

	for (i = 0; i < r->count; i++) {
		const struct reply_node *n = &r->node[i];
		static const char marks[] = "_$+-:[";
		char *end = out + at;
		size_t room = sizeof(out) - at;

		if (n->type == REPLY_NIL)
			at += (size_t)snprintf(end, room, "_ ");
		else if (n->type == REPLY_INTEGER)
			at += (size_t)snprintf(end, room, ":%lld ",
					       (long long)n->integer);
		else if (n->type == REPLY_ARRAY)
			at += (size_t)snprintf(end, room, "[%zu ", n->len);
		else
			at += (size_t)snprintf(end, room, "%c%s ",
					       marks[n->type],
					       reply_text(r, i, &len));
	}
	out[at] = '\0';
	return out;
}

static void
understands_every_type_in_pieces_of_any_size(void **state)
{
	static const char bytes[] = "*7\r\n$3\r\nabc\r\n+OK\r\n-ERR no\r\n"
				    ":-12\r\n$-1\r\n*-1\r\n*0\r\n"
				    "$0\r\n\r\n*1\r\n*1\r\n:5\r\n";
	struct parser *p = parser_open(MAX_BYTES);
	struct reply *r;
	size_t piece, at;

	(void)state;
	for (piece = 1; piece <= sizeof(bytes); piece++) {
		char seen[256] = "";
		int replies = 0;

		for (at = 0; at < sizeof(bytes) - 1; at += piece) {
			size_t left = sizeof(bytes) - 1 - at;

			parser_feed(p, bytes + at, left < piece ? left : piece);
			while (parser_next(p, &r, 0) == 1) {
				assert_true(r->complete);
				strcat(seen, show(r));
				strcat(seen, "| ");
				replies++;
			}
		}
		assert_string_equal("[7 $abc +OK -ERR no :-12 _ _ [0 | $ | "
				    "[1 [1 :5 | ",
				    seen);
		assert_int_equal(3, replies);
		assert_string_equal("", parser_error(p));
	}
	parser_close(p);
}

static void
assert_garbage(const char *bytes, const char *complaint)
{
	struct parser *p = parser_open(MAX_BYTES);
	struct reply *r;

	feed(p, bytes);
	if (parser_next(p, &r, 0) != -1)
		fail_msg("%s passes as a reply", bytes);
	if (strstr(parser_error(p), complaint) == NULL)
		fail_msg("%s: %s", bytes, parser_error(p));
	feed(p, "+OK\r\n");
	assert_int_equal(-1, parser_next(p, &r, 0));
	parser_reset(p);
	feed(p, "+OK\r\n");
	assert_int_equal(1, parser_next(p, &r, 0));
	assert_string_equal("+OK ", show(r));
	parser_close(p);
}

static void
refuses_what_is_not_the_protocol_until_it_is_reset(void **state)
{
	(void)state;
	assert_garbage("HTTP/1.1 400 Bad Request\r\n", "protocol error: ");
	assert_garbage("\x15\x03\x01", "protocol error: ");
	assert_garbage("$abc\r\n", "protocol error: ");
	assert_garbage("$-5\r\n", "protocol error: ");
	assert_garbage(":12x\r\n", "protocol error: ");
	assert_garbage("*-2\r\n", "protocol error: ");
	assert_garbage("*9999999999999999999999\r\n", "protocol error: ");
}

static void
refuses_the_types_of_resp3(void **state)
{
	(void)state;
	assert_garbage("%1\r\n+a\r\n+b\r\n", "protocol error: ");
	assert_garbage("~1\r\n+a\r\n", "protocol error: ");
	assert_garbage(">1\r\n+a\r\n", "protocol error: ");
	assert_garbage("*2\r\n,1.5\r\n+a\r\n", "protocol error: ");
	assert_garbage("#t\r\n", "protocol error: ");
	assert_garbage("=7\r\ntxt:abc\r\n", "protocol error: ");
}

static void
refuses_arrays_nested_without_end(void **state)
{
	(void)state;
	assert_garbage("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
		       "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
		       "nested");
}

static void
takes_the_nesting_that_redis_uses(void **state)
{
	struct parser *p = parser_open(MAX_BYTES);
	struct reply *r;

	(void)state;
	feed(p, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:5\r\n");
	assert_int_equal(1, parser_next(p, &r, 0));
	assert_string_equal("[1 [1 [1 [1 [1 [1 :5 ", show(r));
	parser_close(p);
}

static void
believes_no_length_of_an_array(void **state)
{
	struct parser *p = parser_open(MAX_BYTES);
	struct reply *r;

	(void)state;
	feed(p, "*1000000000\r\n*1000000000\r\n+a\r\n");
	assert_int_equal(0, parser_next(p, &r, 0));
	feed(p, "+b\r\n");
	assert_int_equal(1, parser_next(p, &r, 1));
	assert_int_equal(4, r->count);
	assert_true(r->cap < 1000);
	parser_close(p);
}

/* Feed the same piece until the parser says no; returns the bytes fed. */
static size_t
feed_until_refused(struct parser *p, const char *piece, size_t len)
{
	struct reply *r;
	size_t fed = 0;

	while (parser_next(p, &r, 0) == 0) {
		assert_true(fed < 100u << 20);
		parser_feed(p, piece, len);
		fed += len;
	}
	return fed;
}

static void
bounds_a_text_that_never_ends(void **state)
{
	struct parser *p = parser_open(MAX_BYTES);
	char piece[PARSER_FEED];

	(void)state;
	memset(piece, 'x', sizeof(piece));
	feed(p, "$99999999999\r\n");
	assert_true(feed_until_refused(p, piece, sizeof(piece)) <=
		    MAX_BYTES + PARSER_FEED);
	assert_string_equal(
		"the server sent an element of more than 4194304 bytes",
		parser_error(p));
	parser_close(p);
}

static void
bounds_a_line_that_never_ends(void **state)
{
	static const char *const starts[] = { "+", "-ERR", ":", "$", "*" };
	char piece[PARSER_FEED];
	size_t i;

	(void)state;
	memset(piece, '1', sizeof(piece));
	for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct parser *p = parser_open((size_t)64 << 20);

		feed(p, starts[i]);
		assert_true(feed_until_refused(p, piece, sizeof(piece)) <=
			    2 << 20);
		assert_non_null(strstr(parser_error(p), "a line of more than"));
		parser_close(p);
	}
}

static void
bounds_a_reply_that_never_ends(void **state)
{
	struct parser *p = parser_open(MAX_BYTES);

	(void)state;
	feed(p, "*1000000000\r\n");
	feed_until_refused(p, ":1\r\n:1\r\n:1\r\n:1\r\n", 16);
	assert_string_equal(
		"the server sent a reply of more than 8388608 bytes",
		parser_error(p));
	parser_close(p);
}

static void
takes_an_element_as_large_as_allowed(void **state)
{
	struct parser *p = parser_open(100000);
	struct reply *r;
	char *text = calloc(1, 100000);
	size_t at;

	(void)state;
	feed(p, "$99000\r\n");
	for (at = 0; at < 99000; at += 9000) {
		assert_int_equal(0, parser_next(p, &r, 0));
		parser_feed(p, text, 9000);
	}
	feed(p, "\r\n");
	assert_int_equal(1, parser_next(p, &r, 0));
	assert_int_equal(99000, r->node[0].len);
	free(text);
	parser_close(p);
}

static void
hands_over_a_large_reply_in_parts(void **state)
{
	struct parser *p = parser_open(MAX_BYTES);
	struct reply *r;
	int taken = 0, parts = 0, rc;

	(void)state;
	feed(p, "*100\r\n");
	for (int i = 0; i < 100; i++) {
		feed(p, "$10\r\n0123456789\r\n");
		rc = parser_next(p, &r, 200);
		if (rc == 0)
			continue;
		assert_int_equal(1, rc);
		assert_int_equal(i == 99, r->complete);
		taken += (int)r->count;
		parts += !r->complete;
		reply_consume(r, r->count);
		assert_int_equal(0, r->complete ? 0 : parser_next(p, &r, 200));
	}
	assert_int_equal(101, taken);
	assert_true(parts > 10);
	feed(p, "+OK\r\n");
	assert_int_equal(1, parser_next(p, &r, 200));
	assert_string_equal("+OK ", show(r));
	parser_close(p);
}

static void
hands_over_no_part_that_has_not_grown(void **state)
{
	struct parser *p = parser_open(MAX_BYTES);
	struct reply *r;

	(void)state;
	feed(p, "*9\r\n+aaaaaaaaaaaa\r\n$100\r\nabc");
	assert_int_equal(1, parser_next(p, &r, 1));
	assert_int_equal(2, r->count);
	assert_int_equal(0, parser_next(p, &r, 1));
	feed(p, "def");
	assert_int_equal(0, parser_next(p, &r, 1));
	parser_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understands_every_type_in_pieces_of_any_size),
		cmocka_unit_test(
			refuses_what_is_not_the_protocol_until_it_is_reset),
		cmocka_unit_test(refuses_the_types_of_resp3),
		cmocka_unit_test(refuses_arrays_nested_without_end),
		cmocka_unit_test(takes_the_nesting_that_redis_uses),
		cmocka_unit_test(believes_no_length_of_an_array),
		cmocka_unit_test(bounds_a_text_that_never_ends),
		cmocka_unit_test(bounds_a_line_that_never_ends),
		cmocka_unit_test(bounds_a_reply_that_never_ends),
		cmocka_unit_test(takes_an_element_as_large_as_allowed),
		cmocka_unit_test(hands_over_a_large_reply_in_parts),
		cmocka_unit_test(hands_over_no_part_that_has_not_grown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
