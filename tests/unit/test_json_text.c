#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

/* A value in memory that ends where it does; the caller frees its text. */
static struct json_value
value_of(const char *text)
{
	struct json_doc doc = { 0 };
	size_t len = strlen(text);
	char *copy = xmalloc(len);
	struct json_value v;

	memcpy(copy, text, len);
	if (json_scan(&doc, copy, len) < 0)
		fail_msg("refused %s: %s", text, doc.error);
	v = doc.root;
	json_release(&doc);
	return v;
}

static void
assert_reads(const char *json, const char *expected, size_t expected_len)
{
	struct json_value v = value_of(json);
	struct buf tmp = { 0 };
	const char *text;
	size_t len;

	buf_adds(&tmp, "what the last value left");
	json_text(&v, &tmp, &text, &len);
	if (len != expected_len || memcmp(text, expected, len) != 0)
		fail_msg("%s reads %.*s", json, (int)len, text);
	free((void *)(uintptr_t)v.text);
	buf_release(&tmp);
}

static void
text_without_escapes_is_borrowed(void **state)
{
	static const char json[] = "\"pl\xc3\xa4in\"";
	struct json_value v = { JSON_STRING, json, sizeof(json) - 1 };
	struct buf tmp = { 0 };
	const char *text;
	size_t len;

	(void)state;
	json_text(&v, &tmp, &text, &len);
	assert_ptr_equal(text, json + 1);
	assert_int_equal(len, sizeof(json) - 3);
	assert_null(tmp.data);
}

static void
other_values_read_as_they_stand(void **state)
{
	(void)state;
	assert_reads("1.50", "1.50", 4);
	assert_reads("true", "true", 4);
	assert_reads("[ \"\\n\" ]", "[ \"\\n\" ]", 8);
	assert_reads("\"\"", "", 0);
}

static void
nothing_reads_as_no_text(void **state)
{
	struct json_value none = { 0 };
	struct buf tmp = { 0 };
	const char *text;
	size_t len = 1;

	(void)state;
	json_text(&none, &tmp, &text, &len);
	assert_int_equal(len, 0);
}

static void
escapes_are_resolved(void **state)
{
	(void)state;
	assert_reads("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	assert_reads("\"a\\nb\"", "a\nb", 3);
	assert_reads("\"\\u0041\\u007f\"", "A\x7f", 2);
	assert_reads("\"\\u0080\\u07ff\"", "\xc2\x80\xdf\xbf", 4);
	assert_reads("\"\\u0800\\uFFFF\"", "\xe0\xa0\x80\xef\xbf\xbf", 6);
	assert_reads("\"\\ud7ff\\uE000\"", "\xed\x9f\xbf\xee\x80\x80", 6);
	assert_reads("\"\\uaBcD\"", "\xea\xaf\x8d", 3);
	assert_reads("\"a\\u0000b\"", "a\0b", 3);
	assert_reads("\"\\\\u0041\"", "\\u0041", 6);
	assert_reads("\"\\\\\\u0041\\\\\"", "\\A\\", 3);
	assert_reads("\"\xc3\xa4\\u00e4\xc3\xa4\"", "\xc3\xa4\xc3\xa4\xc3\xa4",
		     6);
}

static void
surrogate_pairs_become_one_character(void **state)
{
	(void)state;
	assert_reads("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4);
	assert_reads("\"\\uD800\\uDC00\"", "\xf0\x90\x80\x80", 4);
	assert_reads("\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf", 4);
	assert_reads("\"x\\ud83d\\ude00y\"", "x\xf0\x9f\x98\x80y", 6);
}

#define FFFD "\xef\xbf\xbd"

static void
lone_surrogates_become_replacement_characters(void **state)
{
	(void)state;
	assert_reads("\"\\ud800\"", FFFD, 3);
	assert_reads("\"\\udfff\"", FFFD, 3);
	assert_reads("\"\\ud800x\"", FFFD "x", 4);
	assert_reads("\"\\ud800\\n\"", FFFD "\n", 4);
	assert_reads("\"\\ud800abcdefgh\"", FFFD "abcdefgh", 11);
	assert_reads("\"\\ud800\\u0041\"", FFFD "A", 4);
	assert_reads("\"\\ude00\\ud83d\"", FFFD FFFD, 6);
	assert_reads("\"\\ude00\\ude01\"", FFFD FFFD, 6);
	assert_reads("\"\\ud800\\ue000\"", FFFD "\xee\x80\x80", 6);
	assert_reads("\"\\ud83d\\ud83d\\ude00\"", FFFD "\xf0\x9f\x98\x80", 7);
	assert_reads("\"\\ud83d\\\\ude00\"", FFFD "\\ude00", 9);
}

static int
compare(const char *a, const char *b)
{
	struct json_value x = value_of(a), y = value_of(b);
	int there = json_number_compare(&x, &y);
	int back = json_number_compare(&y, &x);

	there = (there > 0) - (there < 0);
	if (there != (back < 0) - (back > 0))
		fail_msg("%s and %s differ by the order asked", a, b);
	if (json_number_compare(&x, &x) != 0)
		fail_msg("%s is not equal to itself", a);
	free((void *)(uintptr_t)x.text);
	free((void *)(uintptr_t)y.text);
	return there;
}

static void
assert_less(const char *a, const char *b)
{
	if (compare(a, b) >= 0)
		fail_msg("%s is not below %s", a, b);
}

static void
assert_same(const char *a, const char *b)
{
	if (compare(a, b) != 0)
		fail_msg("%s is not %s", a, b);
}

static void
numbers_are_equal_in_any_notation(void **state)
{
	(void)state;
	assert_same("1", "1.0");
	assert_same("1", "10e-1");
	assert_same("1", "0.1E+1");
	assert_same("100", "1e2");
	assert_same("100", "1.00e+02");
	assert_same("0.001", "1e-3");
	assert_same("0.00120", "12e-4");
	assert_same("-12.5", "-125e-1");
	assert_same("123456789012345678901234567890",
		    "1.23456789012345678901234567890e29");
	assert_same("1e0", "1e-0");
}

static void
zero_has_no_sign_and_no_exponent(void **state)
{
	(void)state;
	assert_same("0", "-0");
	assert_same("0", "0.0000");
	assert_same("-0.0e5", "0e-99999999999999999999999");
	assert_less("0", "1e-99999999999999999999999");
	assert_less("-1e-99999999999999999999999", "0");
	assert_less("-1", "-0");
	assert_less("0e10", "1");
}

static void
numbers_are_ordered_exactly(void **state)
{
	(void)state;
	assert_less("1", "2");
	assert_less("-2", "-1");
	assert_less("-1", "1");
	assert_less("9", "10");
	assert_less("-10", "-9");
	assert_less("0.09", "0.1");
	assert_less("0.1", "0.11");
	assert_less("1.7", "1.70000000000000000000000000000000000001");
	assert_less("9007199254740992", "9007199254740993");
	assert_less("9007199254740992.9", "9007199254740993");
	assert_less("99999999999999999999999999999999999999",
		    "100000000000000000000000000000000000000");
	assert_less("0.1", "0.1000000000000000055511151231257827");
	assert_less("9e9", "1e10");
	assert_less("1e-10", "9e-10");
	assert_less("99e-1", "10");
}

static void
exponents_may_be_of_any_length(void **state)
{
	(void)state;
	assert_less("1e999999999999999999999", "1e1000000000000000000000");
	assert_less("1e999999999999999999999", "2e999999999999999999999");
	assert_less("1", "1e999999999999999999999");
	assert_less("1e-999999999999999999999", "1");
	assert_less("1e-1000000000000000000000", "1e-999999999999999999999");
	assert_less("-1e999999999999999999999", "-1");
	assert_same("10e999999999999999999999", "1e1000000000000000000000");
	assert_same("0.01e1000000000000000000001", "1e999999999999999999999");
	assert_same("1000e-1000000000000000000002", "1e-999999999999999999999");
	assert_same("1e00000000000000000000000000000000001", "10");
	assert_less("9e18446744073709551615", "1e18446744073709551616");
	assert_less("1e0", "1e18446744073709551616");
	assert_less("1e-18446744073709551616", "1e-1");
	assert_less("1e-5", "1e5");
	assert_less("1e-99999999999999999999", "1e99999999999999999999");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_without_escapes_is_borrowed),
		cmocka_unit_test(other_values_read_as_they_stand),
		cmocka_unit_test(nothing_reads_as_no_text),
		cmocka_unit_test(escapes_are_resolved),
		cmocka_unit_test(surrogate_pairs_become_one_character),
		cmocka_unit_test(lone_surrogates_become_replacement_characters),
		cmocka_unit_test(numbers_are_equal_in_any_notation),
		cmocka_unit_test(zero_has_no_sign_and_no_exponent),
		cmocka_unit_test(numbers_are_ordered_exactly),
		cmocka_unit_test(exponents_may_be_of_any_length),
	};

	return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
