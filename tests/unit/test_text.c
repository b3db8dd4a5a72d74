#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/text.h"

/* Measure a copy that ends where its memory ends. */
static size_t
prefix(const char *text, size_t len)
{
	char *copy = xmalloc(len);
	size_t n;

	memcpy(copy, text, len);
	n = text_utf8_prefix(copy, len);
	free(copy);
	return n;
}

static void
assert_prefix(const char *text, size_t want)
{
	size_t n = prefix(text, strlen(text));

	if (n != want)
		fail_msg("%s: %zu, not %zu", text, n, want);
}

static void
valid_utf8_is_valid_to_its_end(void **state)
{
	(void)state;
	assert_int_equal(text_utf8_prefix(NULL, 0), 0);
	assert_prefix("plain", 5);
	assert_prefix("\xc2\x80 \xdf\xbf", 5);
	assert_prefix("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12);
	assert_prefix("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8);
	assert_int_equal(prefix("a\0b", 3), 3);
}

static void
invalid_utf8_ends_the_prefix(void **state)
{
	static const char *const bad[] = {
		"\x80",             /* a tail byte alone */
		"\xc0\x80",         /* overlong NUL */
		"\xc1\xbf",         /* overlong DEL */
		"\xe0\x9f\xbf",     /* overlong in three */
		"\xf0\x8f\xbf\xbf", /* overlong in four */
		"\xed\xa0\x80",     /* the first surrogate */
		"\xed\xbf\xbf",     /* the last one */
		"\xf4\x90\x80\x80", /* U+110000 */
		"\xf5\x80\x80\x80",
		"\xff",
		"\xfe",
		"\xc3(",
		"\xe2\x82(",
		"\xf0\x9f\x98(",
		"\xe2(\xac",
		"\xf0(\x98\x80",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[16] = "ok";

		strcat(text, bad[i]);
		assert_prefix(bad[i], 0);
		assert_prefix(text, 2);
	}
}

static void
a_character_cut_short_is_not_counted(void **state)
{
	(void)state;
	assert_int_equal(prefix("a\xc3\xa9", 2), 1);
	assert_int_equal(prefix("a\xe2\x82\xac", 2), 1);
	assert_int_equal(prefix("a\xe2\x82\xac", 3), 1);
	assert_int_equal(prefix("a\xf0\x9f\x98\x80", 4), 1);
	assert_int_equal(prefix("a\xf0\x9f\x98\x80", 5), 5);
}

static void
characters_have_their_length(void **state)
{
	(void)state;
	assert_int_equal(text_utf8_len(NULL, 0), 0);
	assert_int_equal(text_utf8_len("ab", 2), 1);
	assert_int_equal(text_utf8_len("\xc3\xa9x", 3), 2);
	assert_int_equal(text_utf8_len("\xe2\x82\xac", 3), 3);
	assert_int_equal(text_utf8_len("\xf0\x9f\x98\x80", 4), 4);
}

static void
every_code_point_is_written_as_valid_utf8(void **state)
{
	unsigned code;

	(void)state;
	for (code = 0; code <= 0x10ffff; code++) {
		char text[4];
		size_t len = text_utf8_put(text, code);
		size_t want = code < 0x80      ? 1
			      : code < 0x800   ? 2
			      : code < 0x10000 ? 3
					       : 4;
		bool surrogate = code >= 0xd800 && code <= 0xdfff;

		if (len != want ||
		    text_utf8_prefix(text, len) != (surrogate ? 0 : len))
			fail_msg("U+%04X", code);
	}
}

static bool
is_control(unsigned code)
{
	char text[4];

	return text_is_control(text, text_utf8_put(text, code));
}

static void
what_drives_terminals_is_a_control(void **state)
{
	static const unsigned controls[] = {
		0,      0x1b,   0x1f,   0x7f,   0x80,   0x85,
		0x9b,   0x9f,   0x61c,  0x200e, 0x200f, 0x2028,
		0x202a, 0x202e, 0x2066, 0x2069, '\n',   '\t',
	};
	static const unsigned others[] = { ' ',    '~',    0xa0,   0x61b,
					   0x200d, 0x2010, 0x2027, 0x202f,
					   0x2065, 0x206a, 0xfeff, 0x1f600 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		if (!is_control(controls[i]))
			fail_msg("U+%04X is none", controls[i]);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (is_control(others[i]))
			fail_msg("U+%04X is one", others[i]);
}

static void
assert_escape(const char *text, size_t len, const char *want)
{
	char out[6];
	size_t n = text_json_escape(out, text, len);

	assert_int_equal(n, strlen(want));
	assert_memory_equal(out, want, n);
}

static void
json_escapes_are_the_shortest(void **state)
{
	(void)state;
	assert_escape("a", 1, "a");
	assert_escape("/", 1, "/");
	assert_escape("\"", 1, "\\\"");
	assert_escape("\\", 1, "\\\\");
	assert_escape("\b", 1, "\\b");
	assert_escape("\f", 1, "\\f");
	assert_escape("\n", 1, "\\n");
	assert_escape("\r", 1, "\\r");
	assert_escape("\t", 1, "\\t");
	assert_escape("\0", 1, "\\u0000");
	assert_escape("\x1b", 1, "\\u001b");
	assert_escape("\x7f", 1, "\\u007f");
	assert_escape("\xc2\x9b", 2, "\\u009b");
	assert_escape("\xe2\x80\xae", 3, "\\u202e");
	assert_escape("\xe2\x82\xac", 3, "\xe2\x82\xac");
	assert_escape("\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80");
}

static void
patterns_are_told_from_names(void **state)
{
	(void)state;
	assert_true(text_is_glob("a*"));
	assert_true(text_is_glob("?"));
	assert_true(text_is_glob("[ab]"));
	assert_true(text_is_glob("\\\\*"));
	assert_false(text_is_glob(""));
	assert_false(text_is_glob("orders"));
	assert_false(text_is_glob("a\\*b"));
	assert_false(text_is_glob("{orders}:dlq"));
	assert_false(text_is_glob("a\\"));
}

static void
assert_glob(const char *pattern, const char *text, bool want)
{
	if (text_glob(pattern, text, strlen(text)) != want)
		fail_msg("%s %s %s", pattern, want ? "misses" : "matches",
			 text);
}

static void
globs_match_the_whole_text(void **state)
{
	(void)state;
	assert_glob("", "", true);
	assert_glob("", "a", false);
	assert_glob("a", "a", true);
	assert_glob("a", "", false);
	assert_glob("a", "ab", false);
	assert_glob("ab", "a", false);
	assert_glob("A", "a", false);
	assert_true(text_glob("", NULL, 0));
	assert_true(text_glob("*", NULL, 0));
	assert_false(text_glob("?", NULL, 0));
}

static void
a_star_matches_any_bytes(void **state)
{
	(void)state;
	assert_glob("*", "", true);
	assert_glob("**", "", true);
	assert_glob("order.*", "order.", true);
	assert_glob("order.*", "order.placed.v2", true);
	assert_glob("order.*", "order", false);
	assert_glob("*.placed", "order.placed", true);
	assert_glob("*.placed", "order.placed.v2", false);
	assert_glob("a*b*c", "a-b-b-c", true);
	assert_glob("a*b*c", "a-c-b", false);
	assert_glob("*ab", "aab", true);
	assert_glob("*a?", "aab", true);
	assert_true(text_glob("a*c", "a\0\nc", 4));
}

static void
a_question_mark_matches_one_byte(void **state)
{
	(void)state;
	assert_glob("a?c", "abc", true);
	assert_glob("a?c", "ac", false);
	assert_glob("?", "\xc3\xa9", false);
	assert_glob("??", "\xc3\xa9", true);
}

static void
classes_match_one_of_their_bytes(void **state)
{
	(void)state;
	assert_glob("[abc]", "b", true);
	assert_glob("[abc]", "d", false);
	assert_glob("[a-c]x", "bx", true);
	assert_glob("[c-a]", "b", true);
	assert_glob("[^a-c]", "b", false);
	assert_glob("[^a-c]", "d", true);
	assert_glob("[^]", "a", true);
	assert_glob("[]", "a", false);
	assert_glob("[a\\]]", "]", true);
	assert_glob("[\\a-c]", "b", false);
	assert_glob("[\\a-c]", "-", true);
	assert_glob("[-a]", "-", true);
	assert_glob("[\x80-\xff]", "\xc3", true);
	assert_glob("*[0-9]", "orders.7", true);
}

static void
an_unclosed_class_ends_with_the_pattern(void **state)
{
	(void)state;
	assert_glob("[ab", "b", true);
	assert_glob("[ab", "c", false);
	assert_glob("[a-]", "^", true); /* a range to ], as in Redis */
	assert_glob("[", "a", false);
	assert_glob("[^", "a", true);
}

static void
a_backslash_takes_away_meaning(void **state)
{
	(void)state;
	assert_glob("a\\*", "a*", true);
	assert_glob("a\\*", "ab", false);
	assert_glob("\\?", "?", true);
	assert_glob("\\?", "a", false);
	assert_glob("\\[a]", "[a]", true);
	assert_glob("\\\\", "\\", true);
	assert_glob("a\\", "a\\", true);
}

static void
many_stars_take_no_exponential_time(void **state)
{
	char text[4096];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_false(text_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text,
			       sizeof(text)));
}

static void
assert_masked(const char *url, const char *want)
{
	char out[128];

	text_mask_url(out, sizeof(out), url);
	assert_string_equal(out, want);
	assert_int_equal(text_url_has_password(url), strcmp(url, want) != 0);
}

static void
passwords_in_urls_are_masked(void **state)
{
	(void)state;
	assert_masked("redis://u:secret@h:1/2", "redis://u:***@h:1/2");
	assert_masked("redis://:secret@h", "redis://:***@h");
	assert_masked("redis+sentinel://u:s@h1:1,h2:2/M",
		      "redis+sentinel://u:***@h1:1,h2:2/M");
	assert_masked("unix://u:secret@/tmp/s", "unix://u:***@/tmp/s");
	assert_masked("unix://u:secret@/tmp/a:b@c", "unix://u:***@/tmp/a:b@c");
}

static void
malformed_urls_hide_all_that_may_be_a_password(void **state)
{
	(void)state;
	assert_masked("redis://u:se/cr:et@h", "redis://u:***@h");
	assert_masked("redis://u:se@cret@h", "redis://u:***@h");
	assert_masked("u:secret@h", "u:***@h");
	assert_masked("ftp://u:secret@h", "ftp://u:***@h");
	assert_masked("redis:/u:secret@h", "redis:***@h");
}

static void
urls_without_a_password_stay(void **state)
{
	(void)state;
	assert_masked("", "");
	assert_masked("localhost:6379", "localhost:6379");
	assert_masked("redis://u@h:6379", "redis://u@h:6379");
	assert_masked("redis://u:@h", "redis://u:@h");
	assert_masked("redis://[::1]:6379/0", "redis://[::1]:6379/0");
	assert_masked("/tmp/a:b@c", "/tmp/a:b@c");
	assert_masked("unix:///tmp/a:b@c", "unix:///tmp/a:b@c");
}

static void
a_masked_url_is_cut_to_size(void **state)
{
	char out[12];

	(void)state;
	text_mask_url(out, sizeof(out), "redis://u:secret@h");
	assert_string_equal(out, "redis://u:*");
	text_mask_url(out, 1, "redis://u:secret@h");
	assert_string_equal(out, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_utf8_is_valid_to_its_end),
		cmocka_unit_test(invalid_utf8_ends_the_prefix),
		cmocka_unit_test(a_character_cut_short_is_not_counted),
		cmocka_unit_test(characters_have_their_length),
		cmocka_unit_test(every_code_point_is_written_as_valid_utf8),
		cmocka_unit_test(what_drives_terminals_is_a_control),
		cmocka_unit_test(json_escapes_are_the_shortest),
		cmocka_unit_test(patterns_are_told_from_names),
		cmocka_unit_test(globs_match_the_whole_text),
		cmocka_unit_test(a_star_matches_any_bytes),
		cmocka_unit_test(a_question_mark_matches_one_byte),
		cmocka_unit_test(classes_match_one_of_their_bytes),
		cmocka_unit_test(an_unclosed_class_ends_with_the_pattern),
		cmocka_unit_test(a_backslash_takes_away_meaning),
		cmocka_unit_test(many_stars_take_no_exponential_time),
		cmocka_unit_test(passwords_in_urls_are_masked),
		cmocka_unit_test(
			malformed_urls_hide_all_that_may_be_a_password),
		cmocka_unit_test(urls_without_a_password_stay),
		cmocka_unit_test(a_masked_url_is_cut_to_size),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
