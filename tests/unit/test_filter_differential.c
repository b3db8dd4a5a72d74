/*
 * test_filter_differential - the plain expressions of compare.h against libjq
 *
 * Makes expressions at random, from a fixed seed, and asks both for a verdict
 * on each of the documents below.  So that jq 1.6, which takes 20 ms to start,
 * is not started for each of them, it is given many in one program, which
 * answers with an array of 1, 0 and -1 (an error).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/filter.h"

enum { BATCH = 100, BATCHES = 10 };

static const struct filter_names no_names = { .deliveries = -1 };

static const char *const paths[] = {
	".",
	".a",
	".b",
	".a.b",
	".a.b.c",
	".\"a\"",
	".[\"a\"]",
	".a[\"b\"]",
	". [ \"a\" ].b",
	".\"a b\"",
	".a.\"b c\"",
	".\"\\u0061\"",
	".\"\\n\"",
	".[0]",
	".a[0]",
	".a[1].b",
	".b[2][0]",
	".and",
	".missing",
	". .b",
	".\"\"",
	".\"\xc3\xa9\"",
};

static const char *const constants[] = {
	"null",
	"true",
	"false",
	"0",
	"-0",
	"1",
	"-1",
	"1.0",
	"1e2",
	"100",
	"0.1",
	"1E-1",
	"-12.5",
	"123456789012345",
	"1e300",
	"\"\"",
	"\"a\"",
	"\"b\"",
	"\"ab\"",
	"\"A\"",
	"\"\\u0041\"",
	"\"\\/\\\\\\b\\f\\n\\r\\t\\\"\"",
	"\"\\ud83d\\ude00\"",
	"\"\xf0\x9f\x98\x80\"",
	"\"\xef\xbf\xbf\"",
	"\"\xc3\xa9\"",
	"\"\\u0000\"",
	"\"1\"",
	"\"\\udc00\"",
};

static const char *const documents[] = {
	"{}",
	"null",
	"true",
	"false",
	"0",
	"-0.0",
	"1",
	"100",
	"1e2",
	"\"\"",
	"\"a\"",
	"\"\\u0061\"",
	"[]",
	"[1]",
	"[{\"b\":1}]",
	"{\"a\":1}",
	"{\"a\":1.0,\"b\":2}",
	"{\"a\":null,\"b\":false}",
	"{\"a\":true,\"b\":{}}",
	"{\"a\":false,\"b\":[]}",
	"{\"a\":0.1,\"b\":1e-1}",
	"{\"a\":-1,\"b\":-12.50}",
	"{\"a\":123456789012345,\"b\":1E300}",
	"{\"a\":123456789012346,\"b\":1.0000000001e300}",
	"{\"a\":\"\",\"b\":\"a\"}",
	"{\"a\":\"ab\",\"b\":\"A\"}",
	"{\"a\":\"\\u0041\",\"b\":\"\\/\\\\\\b\\f\\n\\r\\t\\\"\"}",
	"{\"a\":\"\\ud83d\\ude00\",\"b\":\"\xef\xbf\xbf\"}",
	"{\"a\":\"\xf0\x9f\x98\x80\",\"b\":\"\xc3\xa9\"}",
	"{\"a\":\"\\u0000\",\"b\":\"\\u0000\\u0000\"}",
	"{\"a\":\"\\ud800\",\"b\":\"\\udc00\"}",
	"{\"a\":\"1\",\"and\":1}",
	"{\"a\":{\"b\":1}}",
	"{\"a\":{\"b\":{\"c\":\"a\"}}}",
	"{\"a\":{\"b\":{\"c\":null}},\"b\":0}",
	"{\"a\":{\"b c\":1,\"b\":\"b\"},\"a b\":\"ab\"}",
	"{\"a\":[0,{\"b\":100}],\"b\":[1,2,[3]]}",
	"{\"a\":[[]],\"b\":[0,0,[\"a\"]]}",
	"{\"a\":1,\"a\":2,\"b\":{\"b\":1,\"b\":null}}",
	"{\"a\":1,\"\\u0061\":\"a\"}",
	"{\"\\u0061\":\"a\",\"a\":1}",
	"{\"\\n\":1,\"\":\"a\",\"\xc3\xa9\":0}",
	"{\"\\u00e9\":100,\"\\u0022\":1}",
	"{ \"a\" : { \"b\" : [ 1 , { \"c\" : 2 } ] } , \"b\" : \"b\" }",
};

/* On these a jq that compares doubles is wrong; see compare.h. */
static const char *const long_constants[] = {
	"9007199254740992",
	"9007199254740993",
	"100000000000000000001",
	"0.1000000000000000055511151231257827021181583404541015625",
};
static const char *const long_documents[] = {
	"{\"a\":9007199254740992}",
	"{\"a\":9007199254740993}",
	"{\"a\":100000000000000000000}",
	"{\"a\":0.1}",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static uint64_t seed = 0x9e3779b97f4a7c15;

/* xorshift64: the same on every machine. */
static size_t
below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed >> 11) % n;
}

static void
add_blanks(struct buf *b)
{
	static const char *const blanks[] = { "", "", " ", " ", "\n", "\t  " };

	buf_adds(b, blanks[below(COUNT(blanks))]);
}

static void
add_test(struct buf *b)
{
	static const char *const ops[] = { "==", "!=", "<", "<=", ">", ">=" };
	const char *path = paths[below(COUNT(paths))];
	const char *constant = constants[below(COUNT(constants))];
	const char *op = ops[below(COUNT(ops))];
	size_t form = below(8);

	buf_adds(b, form == 1 ? constant : path);
	if (form == 0)
		return;
	add_blanks(b);
	buf_adds(b, op);
	add_blanks(b);
	buf_adds(b, form == 1 ? path : constant);
}

static void
add_expression(struct buf *b, int depth)
{
	size_t terms = 1 + below(3);

	while (terms-- > 0) {
		add_blanks(b);
		if (depth > 0 && below(3) == 0) {
			buf_addc(b, '(');
			add_expression(b, depth - 1);
			buf_addc(b, ')');
		} else {
			add_test(b);
		}
		if (terms != 0)
			buf_adds(b, below(2) ? " and " : " or ");
	}
	add_blanks(b);
}

static struct filter *
open_filter(const char *text)
{
	char error[FILTER_ERROR];
	struct filter *f = filter_open(text, error);

	if (f == NULL)
		fail_msg("%s: %s", text, error);
	return f;
}

/* One program for all expressions, which jq alone can run. */
static struct filter *
open_reference(struct buf *expressions, size_t count)
{
	struct buf program = { 0 };
	struct filter *f;
	size_t i;

	buf_addc(&program, '[');
	for (i = 0; i < count; i++)
		buf_addf(&program, "%s(try (if %s then 1 else 0 end) catch -1)",
			 i == 0 ? "" : ",", buf_text(&expressions[i]));
	buf_addc(&program, ']');
	f = open_filter(buf_text(&program));
	assert_false(filter_is_plain(f));
	buf_release(&program);
	return f;
}

static int seen[3]; /* verdicts -1, 0 and 1 */

static void
compare_on(const char *document, struct buf *expressions,
	   struct filter *reference, struct filter **plain, size_t count)
{
	struct json_doc doc = { 0 }, answer = { 0 };
	struct buf out = { 0 };
	struct json_iter it;
	size_t i;

	assert_int_equal(json_scan(&doc, document, strlen(document)), 0);
	if (filter_run(reference, &doc, &no_names, &out, '\n') < 0)
		fail_msg("%s: %s", document, filter_error(reference));
	assert_int_equal(json_scan(&answer, out.data, out.len), 0);
	json_iter_init(&it, &answer.root);
	for (i = 0; i < count; i++) {
		int got = filter_match(plain[i], &doc, &no_names), expected;

		assert_true(json_iter_next(&it));
		expected = atoi(it.member.value.text);
		if (got != expected)
			fail_msg("%s of %s: %d, but %d in jq",
				 buf_text(&expressions[i]), document, got,
				 expected);
		seen[got + 1]++;
	}
	assert_false(json_iter_next(&it));
	json_release(&doc);
	json_release(&answer);
	buf_release(&out);
}

static void
compare_all(struct buf *expressions, size_t count, const char *const *over,
	    size_t documents_count)
{
	struct filter *plain[BATCH], *reference;
	size_t i;

	assert_true(count <= BATCH);
	for (i = 0; i < count; i++) {
		plain[i] = open_filter(buf_text(&expressions[i]));
		if (!filter_is_plain(plain[i]))
			fail_msg("not plain: %s", expressions[i].data);
	}
	reference = open_reference(expressions, count);
	for (i = 0; i < documents_count; i++)
		compare_on(over[i], expressions, reference, plain, count);
	for (i = 0; i < count; i++) {
		filter_close(plain[i]);
		buf_release(&expressions[i]);
	}
	filter_close(reference);
}

static void
agrees_on_random_expressions(void **state)
{
	struct buf expressions[BATCH] = { { 0 } };
	int batch, i;

	(void)state;
	for (batch = 0; batch < BATCHES; batch++) {
		for (i = 0; i < BATCH; i++)
			add_expression(&expressions[i], 3);
		compare_all(expressions, BATCH, documents, COUNT(documents));
	}
	/* Else the test would not be worth much. */
	for (i = 0; i < 3; i++)
		assert_true(seen[i] > BATCH * BATCHES);
}

static void
agrees_on_every_path_and_constant(void **state)
{
	struct buf expressions[BATCH] = { { 0 } };
	size_t i, k, count;

	(void)state;
	for (i = 0; i < COUNT(paths); i++) {
		count = 0;
		buf_adds(&expressions[count++], paths[i]);
		for (k = 0; k < COUNT(constants); k++) {
			buf_addf(&expressions[count++], "%s <= %s", paths[i],
				 constants[k]);
			buf_addf(&expressions[count++], "%s == %s",
				 constants[k], paths[i]);
		}
		compare_all(expressions, count, documents, COUNT(documents));
	}
}

static void
agrees_on_long_numbers_where_jq_is_exact(void **state)
{
	struct buf expressions[BATCH] = { { 0 } };
	struct filter *probe = open_filter(".a == 9007199254740992 | .");
	struct json_doc doc = { 0 };
	size_t i, count = 0;
	int exact;

	(void)state;
	assert_int_equal(
		json_scan(&doc, long_documents[1], strlen(long_documents[1])),
		0);
	exact = filter_match(probe, &doc, &no_names) == 0;
	filter_close(probe);
	json_release(&doc);
	if (!exact)
		skip();
	for (i = 0; i < COUNT(long_constants); i++) {
		buf_addf(&expressions[count++], ".a == %s", long_constants[i]);
		buf_addf(&expressions[count++], ".a < %s", long_constants[i]);
	}
	compare_all(expressions, count, long_documents, COUNT(long_documents));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_on_random_expressions),
		cmocka_unit_test(agrees_on_every_path_and_constant),
		cmocka_unit_test(agrees_on_long_numbers_where_jq_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
