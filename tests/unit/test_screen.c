#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/screen.h"

static struct screen screen = { .columns = 6, .rows = 3, .utf8 = true };
static struct buf out;

static int
end(void **state)
{
	(void)state;
	buf_release(&out);
	return 0;
}

static void
assert_puts(const char *page, const char *want)
{
	buf_clear(&out);
	screen_put(&screen, page, strlen(page), &out);
	assert_string_equal(buf_text(&out), want);
}

#define BEGIN "\033[?2026h\033[H"
#define END "\033[?2026l"
#define REST "\033[0m\033[K"

static void
a_page_is_painted_over_the_last_one(void **state)
{
	(void)state;
	assert_puts("", BEGIN "\033[J" END);
	assert_puts("a\nbc\n", BEGIN "a" REST "\r\nbc" REST "\r\n\033[J" END);
	assert_puts("a\n\nc\n", BEGIN "a" REST "\r\n" REST "\r\nc" REST END);
}

static void
what_is_too_much_is_cut(void **state)
{
	(void)state;
	assert_puts("1\n2\n3\n4\n",
		    BEGIN "1" REST "\r\n2" REST "\r\n3" REST END);
	assert_puts("123456\n", BEGIN "123456\033[0m\r\n\033[J" END);
	assert_puts("1234567\n", BEGIN "123456\033[0m\r\n\033[J" END);
	assert_puts("▁▂▃▄▅▆▇█\n", BEGIN "▁▂▃▄▅▆\033[0m\r\n\033[J" END);
}

static void
colours_take_no_room_and_are_not_cut(void **state)
{
	(void)state;
	assert_puts("\033[31m12345678\033[0m\n",
		    BEGIN "\033[31m123456\033[0m\033[0m\r\n\033[J" END);
	assert_puts("\033[31m12\033[0m\n",
		    BEGIN "\033[31m12\033[0m" REST "\r\n\033[J" END);
}

static void
without_utf8_there_is_only_ascii(void **state)
{
	(void)state;
	screen.utf8 = false;
	assert_puts("▁▄█≥…é\n", BEGIN "_=#>~?\033[0m\r\n\033[J" END);
	screen.utf8 = true;
}

static void
assert_key(const char *bytes, int want, size_t want_taken)
{
	size_t taken;

	assert_int_equal(screen_parse_key(bytes, strlen(bytes), &taken), want);
	assert_int_equal(taken, want_taken);
}

static void
keys_are_parsed(void **state)
{
	(void)state;
	assert_key("", SCREEN_KEY_NONE, 0);
	assert_key("qx", 'q', 1);
	assert_key("\033", SCREEN_KEY_ESCAPE, 1);
	assert_key("\033[A", SCREEN_KEY_UP, 3);
	assert_key("\033OBq", SCREEN_KEY_DOWN, 3);
	assert_key("\033[5~q", SCREEN_KEY_PAGE_UP, 4);
	assert_key("\033[6~", SCREEN_KEY_PAGE_DOWN, 4);
	assert_key("\033[1~", SCREEN_KEY_HOME, 4);
	assert_key("\033OF", SCREEN_KEY_END, 3);
	/* What is not known is one key that does nothing. */
	assert_key("\033[15;2~q", SCREEN_KEY_NONE, 7);
	assert_key("\033[12", SCREEN_KEY_NONE, 4);
}

static void
locales_tell_their_character_set(void **state)
{
	(void)state;
	assert_true(screen_is_utf8("C.UTF-8"));
	assert_true(screen_is_utf8("de_DE.utf8"));
	assert_true(screen_is_utf8("de_DE.utf8@euro"));
	assert_false(screen_is_utf8("C"));
	assert_false(screen_is_utf8(""));
	assert_false(screen_is_utf8("de_DE.ISO-8859-1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_painted_over_the_last_one),
		cmocka_unit_test(what_is_too_much_is_cut),
		cmocka_unit_test(colours_take_no_room_and_are_not_cut),
		cmocka_unit_test(without_utf8_there_is_only_ascii),
		cmocka_unit_test(keys_are_parsed),
		cmocka_unit_test(locales_tell_their_character_set),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
