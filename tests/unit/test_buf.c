#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"

static void
assert_holds(struct buf *b, const char *want)
{
	assert_int_equal(b->len, strlen(want));
	assert_string_equal(buf_text(b), want);
}

static void
a_zeroed_buffer_is_empty(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add(&b, NULL, 0);
	assert_holds(&b, "");
	buf_release(&b);
	buf_release(&b);
	assert_null(b.data);
}

static void
bytes_are_appended_in_order(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add(&b, "abc", 2);
	buf_adds(&b, "cd");
	buf_addc(&b, 'e');
	buf_addu(&b, UINT64_MAX);
	buf_addf(&b, "-%s-%d", "x", -5);
	assert_holds(&b, "abcde18446744073709551615-x--5");
	buf_release(&b);
}

static void
nul_bytes_are_kept(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_addc(&b, '\0');
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "a\0b\0", 4);
	buf_release(&b);
}

static void
the_nul_at_the_end_is_not_counted(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "abc");
	buf_text(&b);
	buf_adds(&b, "d");
	assert_holds(&b, "abcd");
	buf_release(&b);
}

static void
a_buffer_grows_to_what_it_holds(void **state)
{
	struct buf b = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 100000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	assert_int_equal(b.len, 100000);
	assert_true(b.cap >= b.len);
	for (i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_release(&b);
}

static void
a_format_may_exceed_what_is_there(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_addf(&b, "%0200d", 7);
	assert_int_equal(b.len, 200);
	assert_int_equal(b.data[199], '7');
	buf_addf(&b, "%s", "");
	assert_int_equal(b.len, 200);
	buf_release(&b);
}

static void
reserved_room_is_not_yet_filled(void **state)
{
	struct buf b = { 0 };
	char *end;

	(void)state;
	buf_adds(&b, "ab");
	end = buf_reserve(&b, 1000);
	assert_ptr_equal(end, b.data + 2);
	assert_int_equal(b.len, 2);
	memset(end, 'x', 1000);
	b.len += 1000;
	assert_int_equal(b.data[1001], 'x');
	buf_release(&b);
}

static void
clearing_keeps_the_memory(void **state)
{
	struct buf b = { 0 };
	size_t cap;

	(void)state;
	buf_addf(&b, "%0500d", 1);
	cap = b.cap;
	buf_clear(&b);
	assert_int_equal(b.cap, cap);
	assert_holds(&b, "");
	buf_release(&b);
}

static void
bytes_are_consumed_from_the_front(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_consume(&b, 0);
	buf_adds(&b, "abcdef");
	buf_consume(&b, 2);
	assert_holds(&b, "cdef");
	buf_consume(&b, 0);
	assert_holds(&b, "cdef");
	buf_consume(&b, 4);
	assert_holds(&b, "");
	buf_release(&b);
}

static void
json_strings_are_quoted_and_escaped(void **state)
{
	static const char text[] = "a\"\\\n\x1b\xe2\x82\xac\xe2\x80\xae";
	struct buf b = { 0 };

	(void)state;
	buf_add_json(&b, "", 0);
	buf_add_json(&b, text, strlen(text));
	buf_add_json(&b, "\0", 1);
	assert_holds(&b, "\"\"\"a\\\"\\\\\\n\\u001b\xe2\x82\xac\\u202e\""
			 "\"\\u0000\"");
	buf_release(&b);
}

static void
members_are_separated_and_their_texts_may_be_any_bytes(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_addc(&b, '{');
	buf_add_member(&b, "none", NULL);
	buf_add_member(&b, "a", "\"\xe2\x82\xac");
	buf_add_name(&b, "n");
	buf_adds(&b, "1");
	buf_add_member(&b, "b", "\xff");
	buf_addc(&b, '}');
	assert_holds(&b, "{\"a\":\"\\\"\xe2\x82\xac\",\"n\":1,"
			 "\"b\":{\"base64\":\"/w==\"}}");
	buf_release(&b);
}

static void
assert_base64(const char *bytes, size_t len, const char *want)
{
	struct buf b = { 0 };

	buf_add_base64(&b, bytes, len);
	assert_holds(&b, want);
	buf_release(&b);
}

/* The examples of RFC 4648, section 10, and bytes above 127. */
static void
base64_is_padded(void **state)
{
	(void)state;
	assert_base64("", 0, "");
	assert_base64("f", 1, "Zg==");
	assert_base64("fo", 2, "Zm8=");
	assert_base64("foo", 3, "Zm9v");
	assert_base64("foob", 4, "Zm9vYg==");
	assert_base64("fooba", 5, "Zm9vYmE=");
	assert_base64("foobar", 6, "Zm9vYmFy");
	assert_base64("\xff\xfe\xfd", 3, "//79");
	assert_base64("\xfb\xff", 2, "+/8=");
	assert_base64("\0", 1, "AA==");
}

static void
base64_is_appended(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "x:");
	buf_add_base64(&b, "foo", 3);
	assert_holds(&b, "x:Zm9v");
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_buffer_is_empty),
		cmocka_unit_test(bytes_are_appended_in_order),
		cmocka_unit_test(nul_bytes_are_kept),
		cmocka_unit_test(the_nul_at_the_end_is_not_counted),
		cmocka_unit_test(a_buffer_grows_to_what_it_holds),
		cmocka_unit_test(a_format_may_exceed_what_is_there),
		cmocka_unit_test(reserved_room_is_not_yet_filled),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(bytes_are_consumed_from_the_front),
		cmocka_unit_test(json_strings_are_quoted_and_escaped),
		cmocka_unit_test(
			members_are_separated_and_their_texts_may_be_any_bytes),
		cmocka_unit_test(base64_is_padded),
		cmocka_unit_test(base64_is_appended),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
