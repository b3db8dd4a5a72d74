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

static struct json_doc doc;

/* Scan a copy that ends where its memory ends, for AddressSanitizer to see what
 * is read behind it. */
static int
scan_bytes(const char *text, size_t len)
{
	static char *copy;

	free(copy);
	copy = len != 0 ? xmalloc(len) : NULL;
	if (len != 0)
		memcpy(copy, text, len);
	return json_scan(&doc, copy, len);
}

static int
scan(const char *text)
{
	return scan_bytes(text, strlen(text));
}

static void
assert_accepted(const char *text)
{
	if (scan(text) < 0)
		fail_msg("refused %s: %s at %zu", text, doc.error,
			 doc.error_at);
	assert_null(doc.error);
	assert_int_not_equal(doc.root.type, JSON_NONE);
}

static void
assert_refused(const char *text, size_t at, const char *error)
{
	if (scan(text) == 0)
		fail_msg("accepted %s", text);
	assert_string_equal(doc.error, error);
	if (doc.error_at != at)
		fail_msg("%s: error at %zu, not %zu", text, doc.error_at, at);
	assert_int_equal(doc.root.type, JSON_NONE);
	assert_int_equal(doc.count, 0);
}

static void
assert_span(const struct json_value *value, enum json_type type,
	    const char *text)
{
	assert_int_equal(value->type, type);
	assert_int_equal(value->len, strlen(text));
	assert_memory_equal(value->text, text, value->len);
}

static void
every_kind_of_value_can_be_a_document(void **state)
{
	static const struct {
		const char *text;
		enum json_type type;
	} values[] = {
		{ "null", JSON_NULL },       { "true", JSON_TRUE },
		{ "false", JSON_FALSE },     { "0", JSON_NUMBER },
		{ "\"\"", JSON_STRING },     { "[]", JSON_ARRAY },
		{ "{}", JSON_OBJECT },       { "[1,[],{}]", JSON_ARRAY },
		{ "\"text\"", JSON_STRING }, { "{\"a\":1}", JSON_OBJECT },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_accepted(values[i].text);
		assert_span(&doc.root, values[i].type, values[i].text);
	}
}

static void
blanks_may_stand_around_every_token(void **state)
{
	(void)state;
	assert_accepted(
		" \t\r\n{ \n\"a\"\t:\r[ 1 , { } , [ ] ] , \"b\" : 2 } \n");
	assert_int_equal(doc.count, 2);
	assert_int_equal(doc.root.text[0], '{');
	assert_int_equal(doc.root.text[doc.root.len - 1], '}');
	assert_span(&doc.member[0].value, JSON_ARRAY, "[ 1 , { } , [ ] ]");
	assert_span(&doc.member[1].value, JSON_NUMBER, "2");
	assert_refused("\f1", 0, "expected a value");
	assert_refused("\v1", 0, "expected a value");
	assert_refused("\xc2\xa0"
		       "1",
		       0, "expected a value");
	assert_refused("\xef\xbb\xbf{}", 0, "expected a value");
}

static void
numbers_follow_the_grammar(void **state)
{
	static const char *const good[] = {
		"0",      "-0",    "1",
		"-1",     "10",    "1234567890",
		"0.0",    "-0.5",  "1.25",
		"1e1",    "1E1",   "1e+1",
		"1e-1",   "0e0",   "0.1E-9",
		"1e0001", "-0e-0", "[0]",
		"[-1]",   "[1e1]", "1e999999999999999999999999",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_accepted(good[i]);
	assert_refused("01", 1, "more than one value");
	assert_refused("-01", 2, "more than one value");
	assert_refused("-", 1, "unexpected end");
	assert_refused("[-]", 2, "expected a digit");
	assert_refused("[1.]", 3, "expected a digit");
	assert_refused("[.5]", 1, "expected a value");
	assert_refused("[+1]", 1, "expected a value");
	assert_refused("[1e]", 3, "expected a digit");
	assert_refused("[1e+]", 4, "expected a digit");
	assert_refused("[1.e1]", 3, "expected a digit");
	assert_refused("[-.1]", 2, "expected a digit");
	assert_refused("[1.5.5]", 4, "expected ',' or ']'");
	assert_refused("[0x1]", 2, "expected ',' or ']'");
	assert_refused("[1 2]", 3, "expected ',' or ']'");
	assert_refused("1e", 2, "unexpected end");
	assert_refused("NaN", 0, "expected a value");
	assert_refused("Infinity", 0, "expected a value");
}

static void
words_are_spelt_in_full_and_in_lower_case(void **state)
{
	(void)state;
	assert_refused("nul", 3, "unexpected end");
	assert_refused("[nul]", 4, "expected null, true or false");
	assert_refused("[trUe]", 3, "expected null, true or false");
	assert_refused("[fals ]", 5, "expected null, true or false");
	assert_refused("[True]", 1, "expected a value");
	assert_refused("nullx", 4, "more than one value");
}

static void
brackets_commas_and_colons_must_match(void **state)
{
	(void)state;
	assert_refused("", 0, "unexpected end");
	assert_refused("  ", 2, "unexpected end");
	assert_refused("[", 1, "unexpected end");
	assert_refused("{", 1, "unexpected end");
	assert_refused("[1", 2, "unexpected end");
	assert_refused("[1,", 3, "unexpected end");
	assert_refused("[1,]", 3, "expected a value");
	assert_refused("[,1]", 1, "expected a value");
	assert_refused("[1}", 2, "expected ',' or ']'");
	assert_refused("{\"a\"}", 4, "expected ':'");
	assert_refused("{\"a\":}", 5, "expected a value");
	assert_refused("{\"a\":1", 6, "unexpected end");
	assert_refused("{\"a\":1,}", 7, "expected a key");
	assert_refused("{\"a\":1]", 6, "expected ',' or '}'");
	assert_refused("{\"a\":1 \"b\":2}", 7, "expected ',' or '}'");
	assert_refused("{a:1}", 1, "expected a key");
	assert_refused("{1:1}", 1, "expected a key");
	assert_refused("{'a':1}", 1, "expected a key");
	assert_refused("[{\"a\":1,}]", 8, "expected a key");
	assert_refused("[{\"a\" 1}]", 6, "expected ':'");
	assert_refused("[{\"a\":1]]", 7, "expected ',' or '}'");
	assert_refused("[[1}]", 3, "expected ',' or ']'");
	assert_refused("{} {}", 3, "more than one value");
	assert_refused("[]]", 2, "more than one value");
	assert_refused("{}}", 2, "more than one value");
	assert_refused("// c\n{}", 0, "expected a value");
	assert_refused("{}#", 2, "more than one value");
}

static void
escapes_are_those_of_the_grammar(void **state)
{
	(void)state;
	assert_accepted("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uABCD\\uabcd\"");
	assert_accepted("\"\\ud800\""); /* the grammar pairs no surrogates */
	assert_refused("\"\\x\"", 2, "invalid escape");
	assert_refused("\"\\'\"", 2, "invalid escape");
	assert_refused("\"\\U0041\"", 2, "invalid escape");
	assert_refused("\"\\u12g4\"", 5, "expected a hexadecimal digit");
	assert_refused("\"\\u123\"", 6, "expected a hexadecimal digit");
	assert_refused("\"\\u@AAA\"", 3, "expected a hexadecimal digit");
	assert_refused("\"\\uG000\"", 3, "expected a hexadecimal digit");
	assert_refused("\"\\u`000\"", 3, "expected a hexadecimal digit");
	assert_refused("\"\\u:000\"", 3, "expected a hexadecimal digit");
	assert_refused("\"\\u\x10"
		       "000\"",
		       3, "expected a hexadecimal digit");
	assert_refused("\"\\u12", 5, "unexpected end");
	assert_refused("\"\\", 2, "unexpected end");
	assert_refused("\"\\\"", 3, "unexpected end");
}

static void
every_byte_alone_is_judged_rightly(void **state)
{
	char text[] = "[?]", string[] = "\"?\"";
	int c;

	(void)state;
	for (c = 0; c < 256; c++) {
		bool digit = c >= '0' && c <= '9';
		bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';

		text[1] = string[1] = (char)c;
		assert_int_equal(scan_bytes(text, 3), digit || blank ? 0 : -1);
		assert_int_equal(scan_bytes(string, 3),
				 c >= 0x20 && c < 0x80 && c != '"' && c != '\\'
					 ? 0
					 : -1);
	}
}

static void
nul_bytes_are_refused_everywhere(void **state)
{
	static const char text[] = "{\"ab\":\"cd\"}";
	char copy[sizeof(text)];
	size_t i;

	(void)state;
	for (i = 0; i <= sizeof(text) - 1; i++) {
		memcpy(copy, text, i);
		copy[i] = '\0';
		memcpy(copy + i + 1, text + i, sizeof(text) - 1 - i);
		assert_int_equal(scan_bytes(copy, sizeof(text)), -1);
		assert_int_equal(doc.error_at, i);
	}
	assert_int_equal(scan_bytes("1\0", 2), -1);
	assert_int_equal(doc.error_at, 1);
}

/* Sequences of bytes and whether they are UTF-8 (RFC 3629, section 4). */
static const struct sequence {
	const char *bytes;
	bool valid;
} sequences[] = {
	{ "\x7f", true },
	{ "\xc2\x80", true },
	{ "\xdf\xbf", true },
	{ "\xe0\xa0\x80", true },
	{ "\xec\xbf\xbf", true },
	{ "\xed\x9f\xbf", true },
	{ "\xee\x80\x80", true },
	{ "\xef\xbf\xbf", true },
	{ "\xf0\x90\x80\x80", true },
	{ "\xf1\x80\x80\x80", true },
	{ "\xf4\x8f\xbf\xbf", true },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", true },
	{ "\x80", false }, /* a tail alone */
	{ "\xbf", false },
	{ "\xc3\xa4\xa4", false }, /* a tail too many */
	{ "\xc0\x80", false },     /* overlong */
	{ "\xc0\xaf", false },
	{ "\xc1\xbf", false },
	{ "\xe0\x80\x80", false },
	{ "\xe0\x9f\xbf", false },
	{ "\xf0\x80\x80\x80", false },
	{ "\xf0\x8f\xbf\xbf", false },
	{ "\xed\xa0\x80", false }, /* surrogates */
	{ "\xed\xbf\xbf", false },
	{ "\xf4\x90\x80\x80", false }, /* above U+10FFFF */
	{ "\xf5\x80\x80\x80", false },
	{ "\xf8\x88\x80\x80\x80", false },
	{ "\xfe", false },
	{ "\xff", false },
	{ "\xc3", false }, /* cut short */
	{ "\xe2\x82", false },
	{ "\xe2", false },
	{ "\xf0\x9f\x98", false },
	{ "\xf0\x9f", false },
	{ "\xf0", false },
	{ "\xc3\x41", false }, /* a tail that is none */
	{ "\xe2\x41\x80", false },
	{ "\xe2\x82\x41", false },
	{ "\xf0\x41\x98\x80", false },
	{ "\xf0\x9f\x41\x80", false },
	{ "\xf0\x9f\x98\x41", false },
	{ "\xe2\x82\xc0", false },
};

/* Each at every place in a block, and every distance from the end. */
static void
utf8_is_checked_in_strings(void **state)
{
	size_t i, before, after;

	(void)state;
	for (i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		const struct sequence *s = &sequences[i];
		size_t len = strlen(s->bytes);

		for (before = 0; before < 34; before++) {
			for (after = 0; after < 34; after++) {
				char text[80];
				size_t total = before + len + after + 2;

				memset(text, 'x', sizeof(text));
				text[0] = text[total - 1] = '"';
				memcpy(text + 1 + before, s->bytes, len);
				assert_int_equal(scan_bytes(text, total),
						 s->valid ? 0 : -1);
				/* with the text's end in the middle of it */
				assert_int_equal(scan_bytes(text, before + len),
						 -1);
			}
		}
	}
}

static void
bad_utf8_is_reported_where_its_character_begins(void **state)
{
	(void)state;
	assert_refused("\"ab\xe2\x82x\"", 3, "invalid UTF-8");
	assert_refused("{\"k\":\"\xc3\xa4\xc3\"}", 8, "invalid UTF-8");
	assert_refused("{\"\xff\":1}", 2, "invalid UTF-8");
	assert_refused("\"a\nb\"", 2, "control character in a string");
	assert_refused("[\xc3\xa4]", 1, "expected a value");
}

/* A byte that matters, at every place of strings of every length. */
static void
strings_are_scanned_at_every_alignment(void **state)
{
	static const char odd[] = { '"', '\\', '\n', '\x1f', '\0', '\x80' };
	char text[72];
	size_t len, i, k;

	(void)state;
	for (len = 2; len < sizeof(text); len++) {
		for (i = 1; i + 1 < len; i++) {
			memset(text, 'a', len);
			text[0] = text[len - 1] = '"';
			assert_int_equal(scan_bytes(text, len), 0);
			assert_int_equal(scan_bytes(text, len - 1), -1);
			assert_int_equal(doc.error_at, len - 1);
			text[i] = (char)0x7f;
			assert_int_equal(scan_bytes(text, len), 0);
			for (k = 0; k < sizeof(odd); k++) {
				text[i] = odd[k];
				assert_int_equal(scan_bytes(text, len), -1);
			}
			text[i] = '\\';
			text[i + 1] = 'n';
			assert_int_equal(scan_bytes(text, len),
					 i + 2 < len ? 0 : -1);
		}
	}
}

static void
every_cut_of_a_document_is_refused(void **state)
{
	static const char text[] =
		"{\"id\":\"\xc3\xa4\\u00e4\",\"n\":[-1.5e+3,true,false,null],"
		"\"o\":{\"a\":{},\"b\":[]},\"long\":\"0123456789abcdef01\"}";
	size_t i;

	(void)state;
	assert_accepted(text);
	for (i = 0; i < sizeof(text) - 1; i++)
		assert_int_equal(scan_bytes(text, i), -1);
}

static int
scan_nested(size_t depth, const char *open, const char *inner,
	    const char *close)
{
	struct buf b = { 0 };
	size_t i;
	int rc;

	for (i = 0; i < depth; i++)
		buf_adds(&b, open);
	buf_adds(&b, inner);
	for (i = 0; i < depth; i++)
		buf_adds(&b, close);
	rc = scan_bytes(b.data, b.len);
	buf_release(&b);
	return rc;
}

static void
values_nest_to_the_depth_allowed(void **state)
{
	(void)state;
	assert_int_equal(scan_nested(1024, "[", "", "]"), 0);
	assert_int_equal(scan_nested(1025, "[", "", "]"), -1);
	assert_string_equal(doc.error, "nested too deeply");
	assert_int_equal(doc.error_at, 1024);
	assert_int_equal(scan_nested(1024, "[", "1", "]"), 0);
	assert_int_equal(scan_nested(1025, "[", "1", "]"), -1);
	assert_int_equal(scan_nested(1024, "{\"\":", "1", "}"), 0);
	assert_int_equal(scan_nested(1025, "{\"\":", "1", "}"), -1);
	assert_int_equal(scan_nested(1023, "{\"\":", "[]", "}"), 0);
	assert_int_equal(scan_nested(1024, "{\"\":", "{}", "}"), -1);
	assert_int_equal(scan_nested(512, "[{\"\":", "1", "}]"), 0);
	assert_int_equal(scan_nested(512, "[{\"\":", "[]", "}]"), -1);
	assert_int_equal(scan_nested(512, "[{\"\":", "1", "]}"), -1);
	assert_int_equal(scan_nested(100000, "[", "", ""), -1);
}

/* The kinds of 70 nested values are told apart across words of bits. */
static void
each_bracket_is_closed_by_its_own_kind(void **state)
{
	size_t wrong, i;

	(void)state;
	for (wrong = 0; wrong <= 70; wrong++) {
		struct buf b = { 0 };

		for (i = 0; i < 70; i++)
			buf_adds(&b, i % 3 == 0 ? "{\"\":" : "[");
		buf_addc(&b, '0');
		for (i = 70; i-- > 0;)
			buf_addc(&b, (i % 3 == 0) != (i == wrong) ? '}' : ']');
		assert_int_equal(scan_bytes(b.data, b.len),
				 wrong == 70 ? 0 : -1);
		buf_release(&b);
	}
}

static void
a_string_of_a_mebibyte_is_accepted(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "{\"a\":\"");
	memset(buf_reserve(&b, 1 << 20), 'x', 1 << 20);
	b.len += 1 << 20;
	buf_adds(&b, "\"}");
	assert_int_equal(scan_bytes(b.data, b.len), 0);
	assert_int_equal(doc.member[0].value.len, (1 << 20) + 2);
	b.data[b.len - 3] = '\n';
	assert_int_equal(scan_bytes(b.data, b.len), -1);
	assert_int_equal(doc.error_at, b.len - 3);
	buf_release(&b);
}

static void
members_of_an_object_are_noted_in_order(void **state)
{
	(void)state;
	assert_accepted("{\"a\":1, \"b\\n\" : \"x\\\"y\" ,\"\":[{\"c\":2}],"
			"\"a\":{\"d\":null},\"\xc3\xa4\":true}");
	assert_int_equal(doc.count, 5);
	assert_int_equal(doc.member[0].key_len, 1);
	assert_memory_equal(doc.member[0].key, "a", 1);
	assert_false(doc.member[0].key_escaped);
	assert_span(&doc.member[0].value, JSON_NUMBER, "1");
	assert_int_equal(doc.member[1].key_len, 3);
	assert_memory_equal(doc.member[1].key, "b\\n", 3);
	assert_true(doc.member[1].key_escaped);
	assert_span(&doc.member[1].value, JSON_STRING, "\"x\\\"y\"");
	assert_int_equal(doc.member[2].key_len, 0);
	assert_false(doc.member[2].key_escaped);
	assert_span(&doc.member[2].value, JSON_ARRAY, "[{\"c\":2}]");
	assert_span(&doc.member[3].value, JSON_OBJECT, "{\"d\":null}");
	assert_int_equal(doc.member[4].key_len, 2);
	assert_span(&doc.member[4].value, JSON_TRUE, "true");
	assert_accepted("[{\"a\":1}]");
	assert_int_equal(doc.count, 0);
}

static void
a_document_can_have_many_members(void **state)
{
	struct buf b = { 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++)
		buf_addf(&b, "%s\"k%u\":%u", i == 0 ? "{" : ",", i, i);
	buf_addc(&b, '}');
	assert_int_equal(scan_bytes(b.data, b.len), 0);
	assert_int_equal(doc.count, 1000);
	assert_span(&doc.member[999].value, JSON_NUMBER, "999");
	buf_release(&b);
	assert_accepted("{\"a\":1}");
	assert_int_equal(doc.count, 1);
}

static void
a_released_document_can_be_used_again(void **state)
{
	(void)state;
	assert_accepted("{\"a\":1}");
	json_release(&doc);
	json_release(&doc);
	assert_int_equal(doc.count, 0);
	assert_accepted("{\"a\":1}");
	assert_int_equal(doc.count, 1);
}

static void
types_have_names(void **state)
{
	(void)state;
	assert_string_equal(json_type_name(JSON_NONE), "nothing");
	assert_string_equal(json_type_name(JSON_NULL), "null");
	assert_string_equal(json_type_name(JSON_FALSE), "boolean");
	assert_string_equal(json_type_name(JSON_TRUE), "boolean");
	assert_string_equal(json_type_name(JSON_NUMBER), "number");
	assert_string_equal(json_type_name(JSON_STRING), "string");
	assert_string_equal(json_type_name(JSON_ARRAY), "array");
	assert_string_equal(json_type_name(JSON_OBJECT), "object");
}

static int
release(void **state)
{
	(void)state;
	scan(""); /* frees the copy */
	json_release(&doc);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_can_be_a_document),
		cmocka_unit_test(blanks_may_stand_around_every_token),
		cmocka_unit_test(numbers_follow_the_grammar),
		cmocka_unit_test(words_are_spelt_in_full_and_in_lower_case),
		cmocka_unit_test(brackets_commas_and_colons_must_match),
		cmocka_unit_test(escapes_are_those_of_the_grammar),
		cmocka_unit_test(every_byte_alone_is_judged_rightly),
		cmocka_unit_test(nul_bytes_are_refused_everywhere),
		cmocka_unit_test(utf8_is_checked_in_strings),
		cmocka_unit_test(
			bad_utf8_is_reported_where_its_character_begins),
		cmocka_unit_test(strings_are_scanned_at_every_alignment),
		cmocka_unit_test(every_cut_of_a_document_is_refused),
		cmocka_unit_test(values_nest_to_the_depth_allowed),
		cmocka_unit_test(each_bracket_is_closed_by_its_own_kind),
		cmocka_unit_test(a_string_of_a_mebibyte_is_accepted),
		cmocka_unit_test(members_of_an_object_are_noted_in_order),
		cmocka_unit_test(a_document_can_have_many_members),
		cmocka_unit_test(a_released_document_can_be_used_again),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, release);
}
