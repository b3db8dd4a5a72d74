#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/compare.h"
#include "common/mem.h"

/* What an expression says of a document: 1, 0 or -1. */
static int
verdict(const char *expression, const char *document)
{
	struct compare c = { 0 };
	struct json_doc doc = { 0 };
	int rc;

	if (compare_parse(&c, expression) < 0)
		fail_msg("not plain: %s", expression);
	if (json_scan(&doc, document, strlen(document)) < 0)
		fail_msg("not JSON: %s", document);
	rc = compare_match(&c, &doc);
	json_release(&doc);
	compare_release(&c);
	return rc;
}

struct example {
	const char *expression, *document;
	int verdict;
};

static void
check(const struct example *e, size_t count)
{
	for (; count > 0; count--, e++)
		if (verdict(e->expression, e->document) != e->verdict)
			fail_msg("%s of %s is %d, expected %d", e->expression,
				 e->document,
				 verdict(e->expression, e->document),
				 e->verdict);
}

#define CHECK(table) check(table, sizeof(table) / sizeof((table)[0]))

static void
reads_every_form_of_a_path(void **state)
{
	static const struct example table[] = {
		{ ". == 7", "7", 1 },
		{ ".a == 1", "{\"a\":1}", 1 },
		{ "._x9 == 1", "{\"_x9\":1}", 1 },
		{ ".and == 1", "{\"and\":1}", 1 },
		{ ".a.b.c == 1", "{\"a\":{\"b\":{\"c\":1}}}", 1 },
		{ ".\"a b\" == 1", "{\"a b\":1}", 1 },
		{ ".a.\"b c\" == 1", "{\"a\":{\"b c\":1}}", 1 },
		{ ". \"a b\" == 1", "{\"a b\":1}", 1 },
		{ ".[\"a\"] == 1", "{\"a\":1}", 1 },
		{ ". [ \"a\" ] [ 1 ] .b == 1", "{\"a\":[0,{\"b\":1}]}", 1 },
		{ ".a[\"b\"] == 1", "{\"a\":{\"b\":1}}", 1 },
		{ ".a[0] == 1", "{\"a\":[1,2]}", 1 },
		{ ".a[1][0] == 2", "{\"a\":[1,[2]]}", 1 },
		{ ".[2] == null", "[1,2]", 1 },
		{ ".a .b == 1", "{\"a\":{\"b\":1}}", 1 },
		{ ". .a == 1", "{\"a\":1}", 1 },
		{ "\n\t.a\n==\t1\n", "{\"a\":1}", 1 },
	};

	(void)state;
	CHECK(table);
}

static void
takes_a_missing_member_for_null(void **state)
{
	static const struct example table[] = {
		{ ".a == null", "{}", 1 },
		{ ".a.b.c == null", "{}", 1 },
		{ ".a.b == null", "{\"a\":null}", 1 },
		{ ".a[3] == null", "{\"a\":[1]}", 1 },
		{ ".a[0] == null", "{}", 1 },
		{ ".a == false", "{}", 0 },
		{ ".a < false", "{}", 1 },
		{ ".a", "{}", 0 },
		{ ".a == null", "null", 1 },
	};

	(void)state;
	CHECK(table);
}

static void
orders_the_types_as_jq_does(void **state)
{
	static const char *const rising[] = { "null", "false", "true", "-3",
					      "0",    "\"\"",  "\"a\"" };
	static const char *const above[] = { "[]", "{}" };
	char expression[64];
	int i, k;

	(void)state;
	for (i = 0; i < 7; i++)
		for (k = 0; k < 7; k++) {
			snprintf(expression, sizeof(expression), ". < %s",
				 rising[k]);
			assert_int_equal(verdict(expression, rising[i]), i < k);
			snprintf(expression, sizeof(expression), "%s <= .",
				 rising[k]);
			assert_int_equal(verdict(expression, rising[i]),
					 k <= i);
		}
	for (i = 0; i < 2; i++) {
		assert_int_equal(verdict(". > \"zzz\"", above[i]), 1);
		assert_int_equal(verdict(". == \"zzz\"", above[i]), 0);
	}
}

static void
applies_each_operator_from_either_side(void **state)
{
	static const struct example table[] = {
		{ ".a == 2", "{\"a\":2}", 1 }, { ".a == 2", "{\"a\":3}", 0 },
		{ ".a != 2", "{\"a\":2}", 0 }, { ".a != 2", "{\"a\":3}", 1 },
		{ ".a < 2", "{\"a\":1}", 1 },  { ".a < 2", "{\"a\":2}", 0 },
		{ ".a <= 2", "{\"a\":2}", 1 }, { ".a <= 2", "{\"a\":3}", 0 },
		{ ".a > 2", "{\"a\":3}", 1 },  { ".a > 2", "{\"a\":2}", 0 },
		{ ".a >= 2", "{\"a\":2}", 1 }, { ".a >= 2", "{\"a\":1}", 0 },
		{ "2 == .a", "{\"a\":2}", 1 }, { "2 != .a", "{\"a\":2}", 0 },
		{ "2 < .a", "{\"a\":3}", 1 },  { "2 < .a", "{\"a\":2}", 0 },
		{ "2 <= .a", "{\"a\":2}", 1 }, { "2 <= .a", "{\"a\":1}", 0 },
		{ "2 > .a", "{\"a\":1}", 1 },  { "2 > .a", "{\"a\":2}", 0 },
		{ "2 >= .a", "{\"a\":2}", 1 }, { "2 >= .a", "{\"a\":3}", 0 },
	};

	(void)state;
	CHECK(table);
}

static void
takes_a_path_alone_as_a_truth(void **state)
{
	static const struct example table[] = {
		{ ".a", "{\"a\":true}", 1 },
		{ ".a", "{\"a\":0}", 1 },
		{ ".a", "{\"a\":\"\"}", 1 },
		{ ".a", "{\"a\":[]}", 1 },
		{ ".a", "{\"a\":{}}", 1 },
		{ ".a", "{\"a\":false}", 0 },
		{ ".a", "{\"a\":null}", 0 },
		{ "(.a)", "{\"a\":1}", 1 },
		{ ".", "{}", 1 },
		{ ".", "false", 0 },
		{ ".a[0]", "{\"a\":[1]}", 1 },
	};

	(void)state;
	CHECK(table);
}

static void
binds_and_tighter_than_or(void **state)
{
	static const struct example table[] = {
		{ ".t or .t and .f", "{\"t\":1}", 1 },
		{ "(.t or .t) and .f", "{\"t\":1}", 0 },
		{ ".f and .t or .t", "{\"t\":1}", 1 },
		{ ".f and (.t or .t)", "{\"t\":1}", 0 },
		{ ".f or .f or .t", "{\"t\":1}", 1 },
		{ ".t and .t and .f", "{\"t\":1}", 0 },
		{ "(.f or (.t and (.f or .t))) and .t", "{\"t\":1}", 1 },
		{ ".f or .t == 1 and .f == null", "{\"t\":1}", 1 },
	};

	(void)state;
	CHECK(table);
}

static void
does_not_reach_a_failing_side_it_does_not_need(void **state)
{
	static const struct example table[] = {
		{ ".a or .a.b", "{\"a\":1}", 1 },
		{ ".f and .a.b", "{\"a\":1}", 0 },
		{ ".a and .a.b", "{\"a\":1}", -1 },
		{ ".f or .a.b", "{\"a\":1}", -1 },
		{ ".a.b or .a", "{\"a\":1}", -1 },
		{ ".a.b and .f", "{\"a\":1}", -1 },
		{ "(.f and .a.b) or .a", "{\"a\":1}", 1 },
		{ "(.a or .a.b) and .f", "{\"a\":1}", 0 },
	};

	(void)state;
	CHECK(table);
}

static void
says_what_cannot_be_indexed(void **state)
{
	static const struct {
		const char *expression, *document, *reason;
	} table[] = {
		{ ".a.b", "{\"a\":1}", "Cannot index number with \"b\"" },
		{ ".a.b", "{\"a\":\"x\"}", "Cannot index string with \"b\"" },
		{ ".a.b", "{\"a\":true}", "Cannot index boolean with \"b\"" },
		{ ".a.b", "{\"a\":[]}", "Cannot index array with \"b\"" },
		{ ".a", "[]", "Cannot index array with \"a\"" },
		{ ".a[0]", "{\"a\":{}}", "Cannot index object with number" },
		{ ".a[0]", "{\"a\":\"x\"}", "Cannot index string with number" },
		{ ".\"\\n\"", "1", "Cannot index number with \"\\n\"" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct compare c = { 0 };
		struct json_doc doc = { 0 };

		assert_int_equal(compare_parse(&c, table[i].expression), 0);
		assert_int_equal(json_scan(&doc, table[i].document,
					   strlen(table[i].document)),
				 0);
		assert_int_equal(compare_match(&c, &doc), -1);
		assert_string_equal(compare_error(&c), table[i].reason);
		json_release(&doc);
		compare_release(&c);
	}
}

static void
compares_strings_by_what_they_mean(void **state)
{
	static const struct example table[] = {
		{ ".a == \"x/y\"", "{\"a\":\"x\\/y\"}", 1 },
		{ ".a == \"\\u0041\\t\"", "{\"a\":\"A\\u0009\"}", 1 },
		{ ".a == \"\\ud83d\\ude00\"", "{\"a\":\"\xf0\x9f\x98\x80\"}",
		  1 },
		{ ".a == \"\xf0\x9f\x98\x80\"", "{\"a\":\"\\uD83D\\uDE00\"}",
		  1 },
		{ ".a == \"\\ud800\"", "{\"a\":\"\\udfff\"}", 1 },
		{ ".a == \"\xef\xbf\xbd!\"", "{\"a\":\"\\ud800!\"}", 1 },
		{ ".a == \"a\\u0000b\"", "{\"a\":\"a\\u0000b\"}", 1 },
		{ ".a > \"a\"", "{\"a\":\"a\\u0000\"}", 1 },
		{ ".a < \"b\"", "{\"a\":\"abc\"}", 1 },
		{ ".a < \"abc\"", "{\"a\":\"ab\"}", 1 },
		{ ".a < \"ab\"", "{\"a\":\"abc\"}", 0 },
		{ ".a == \"\"", "{\"a\":\"\"}", 1 },
		{ ".a > \"z\"", "{\"a\":\"\xc3\xa9\"}", 1 },
		/* U+FFFF comes before U+1F600, not as in UTF-16. */
		{ ".a < \"\xf0\x9f\x98\x80\"", "{\"a\":\"\xef\xbf\xbf\"}", 1 },
		{ ".a == \"\\\\\"", "{\"a\":\"\\\\\"}", 1 },
	};

	(void)state;
	CHECK(table);
}

static void
compares_numbers_by_their_exact_values(void **state)
{
	static const struct example table[] = {
		{ ".a == 100", "{\"a\":1e2}", 1 },
		{ ".a == 1.0", "{\"a\":1}", 1 },
		{ ".a == 1E+2", "{\"a\":100.00}", 1 },
		{ ".a == -0", "{\"a\":0}", 1 },
		{ ".a > -1.5e3", "{\"a\":-1499}", 1 },
		{ "-1 < .a", "{\"a\":0}", 1 },
		{ ".a == 9007199254740993", "{\"a\":9007199254740992}", 0 },
		{ ".a == 9007199254740993", "{\"a\":9007199254740993}", 1 },
		{ ".a < 9007199254740993", "{\"a\":9007199254740992}", 1 },
	};

	(void)state;
	CHECK(table);
}

static void
lets_the_last_duplicate_key_count(void **state)
{
	static const struct example table[] = {
		{ ".a == 2", "{\"a\":1,\"a\":2}", 1 },
		{ ".a == 2", "{\"a\":1,\"\\u0061\":2}", 1 },
		{ ".a == 2", "{\"\\u0061\":1,\"a\":2}", 1 },
		{ ".o.a == 2", "{\"o\":{\"a\":1,\"\\u0061\":2}}", 1 },
		{ ".o.a == null", "{\"o\":{\"a\":1},\"o\":{}}", 1 },
		{ ".\"\\u0061\" == 2", "{\"a\":2}", 1 },
	};

	(void)state;
	CHECK(table);
}

static void
leaves_everything_else_to_jq(void **state)
{
	static const char *const others[] = {
		"",
		" ",
		"true",
		"1",
		"\"x\"",
		".a == .b",
		"1 == 1",
		".a == 1 == true",
		".a == 1 | not",
		".a | . == 1",
		".a, .b",
		".a?",
		".a // 1",
		".a == [1]",
		".a == {}",
		".[]",
		".a[]",
		".a[-1]",
		".a[1:2]",
		".a[1.5]",
		".a[9999999999]",
		".a[.b]",
		"..",
		"..a",
		".a..b",
		".5 == .a",
		".a == .5",
		".a == 5.",
		".a == 01",
		".a == 1.5.5",
		".a == - 1",
		".a == 1 - 1",
		".a == 1and .b",
		"-.a",
		".a = 1",
		".a === 1",
		".a =< 1",
		".a <> 1",
		".a == \"\\(1)\"",
		".a == \"\\x\"",
		".a == \"x",
		".a == 'x'",
		".a == \"x\ty\"",
		".a == \"\xff\"",
		".\"a\\(1)\"",
		".a.[\"b\"]",
		".a[\"b\"",
		".a\"b\"",
		".a and",
		"and .a",
		".a and and .b",
		".a or not",
		".a and not .b",
		".a andb",
		".a and::b",
		".a == nullx",
		".a == nan",
		".a == true::x",
		".a == null.b",
		".a::b",
		"(.a",
		".a)",
		"()",
		"(.a).b",
		"(.a) == 1",
		"(.a == 1) == true",
		"not(.a)",
		"$id == .a",
		".a == $id",
		".a # comment",
		".a == 1; .b",
		".a\r",
		".a as $x | $x",
		"def f: 1; .a",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct compare c = { 0 };

		if (compare_parse(&c, others[i]) == 0)
			fail_msg("taken for plain: %s", others[i]);
		assert_null(c.test);
		compare_release(&c);
	}
}

static char *
repeat(const char *start, const char *part, size_t count, const char *end)
{
	struct buf b = { 0 };

	buf_adds(&b, start);
	while (count-- > 0)
		buf_adds(&b, part);
	buf_adds(&b, end);
	buf_text(&b);
	return b.data;
}

static void
reads_long_expressions(void **state)
{
	char *either = repeat("", ".a == 1 or ", 20000, ".a == 2");
	char *both = repeat("", "2 >= .a and ", 20000, ".a == 2");

	(void)state;
	assert_int_equal(verdict(either, "{\"a\":2}"), 1);
	assert_int_equal(verdict(either, "{\"a\":3}"), 0);
	assert_int_equal(verdict(both, "{\"a\":2}"), 1);
	assert_int_equal(verdict(both, "{\"a\":1}"), 0);
	free(either);
	free(both);
}

static void
leaves_too_many_parentheses_to_jq(void **state)
{
	char *deep = repeat("", "(", 100000, ".a");
	struct compare c = { 0 };

	(void)state;
	assert_int_equal(compare_parse(&c, deep), -1);
	free(deep);
	assert_int_equal(verdict("((((((((.a))))))))", "{\"a\":2}"), 1);
}

static void
does_not_keep_the_text(void **state)
{
	char *text = xstrdup(".\"k\" == \"value\" and .n == 15 and .abc");
	const char document[] = "{\"k\":\"value\",\"n\":15,\"abc\":1}";
	struct compare c = { 0 };
	struct json_doc doc = { 0 };

	(void)state;
	assert_int_equal(compare_parse(&c, text), 0);
	memset(text, 'x', strlen(text));
	free(text);
	assert_int_equal(json_scan(&doc, document, strlen(document)), 0);
	assert_int_equal(compare_match(&c, &doc), 1);
	json_release(&doc);
	compare_release(&c);
	compare_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_form_of_a_path),
		cmocka_unit_test(takes_a_missing_member_for_null),
		cmocka_unit_test(orders_the_types_as_jq_does),
		cmocka_unit_test(applies_each_operator_from_either_side),
		cmocka_unit_test(takes_a_path_alone_as_a_truth),
		cmocka_unit_test(binds_and_tighter_than_or),
		cmocka_unit_test(
			does_not_reach_a_failing_side_it_does_not_need),
		cmocka_unit_test(says_what_cannot_be_indexed),
		cmocka_unit_test(compares_strings_by_what_they_mean),
		cmocka_unit_test(compares_numbers_by_their_exact_values),
		cmocka_unit_test(lets_the_last_duplicate_key_count),
		cmocka_unit_test(leaves_everything_else_to_jq),
		cmocka_unit_test(reads_long_expressions),
		cmocka_unit_test(leaves_too_many_parentheses_to_jq),
		cmocka_unit_test(does_not_keep_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
