#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "common/handler.h"
#include "common/text.h"
#include "tests/unit/run.h"

static struct handler *const h = &run_handler;

static void
assert_control(const char *script, int progress, const char *text,
	       int64_t retry_after_ms, const char *class, const char *error)
{
	run_script(script);
	if (h->progress != progress || strcmp(h->progress_text, text) != 0 ||
	    h->retry_after_ms != retry_after_ms ||
	    strcmp(h->error_class, class) != 0 ||
	    strcmp(h->error_text, error) != 0)
		fail_msg("%s: progress %d '%s', retry %lld, error '%s' '%s'",
			 script, h->progress, h->progress_text,
			 (long long)h->retry_after_ms, h->error_class,
			 h->error_text);
}

static void
descriptor_3_tells_how_it_goes(void **state)
{
	(void)state;
	assert_control("echo progress 40 half way there >&3", 40,
		       "half way there", -1, "", "");
	assert_true(h->progress_is_new);
	assert_true(h->beat);
	assert_control("echo 'retry-after 1m30s' >&3", -1, "", 90000, "", "");
	assert_false(h->progress_is_new);
	assert_control("echo 'error net no route to host' >&3", -1, "", -1,
		       "net", "no route to host");
	assert_control("echo error net >&3", -1, "", -1, "net", "");
	assert_control("printf 'progress 7\\nprogress 8 b\\r\\nretry-after 0\\n"
		       "error  a\\t b c \\nbeat\\nprogress 9 ' >&3",
		       9, "", 0, "a", "b c");
	assert_control("echo beat >&3", -1, "", -1, "", "");
	assert_true(h->beat);
	assert_control(":", -1, "", -1, "", "");
	assert_false(h->beat);
	run_assert_output("");
}

static void
progress_is_clamped(void **state)
{
	(void)state;
	assert_control("echo progress 0 >&3", 0, "", -1, "", "");
	assert_control("echo progress 100 >&3", 100, "", -1, "", "");
	assert_control("echo progress 101 >&3", 100, "", -1, "", "");
	assert_control("echo progress 99999999999999999999999999 >&3", 100, "",
		       -1, "", "");
	assert_control("echo progress -1 >&3", 0, "", -1, "", "");
	assert_control("echo progress 40% >&3", 40, "", -1, "", "");
	assert_control("echo progress 99.9 x >&3", 99, "x", -1, "", "");
}

static void
garbage_on_descriptor_3_is_ignored(void **state)
{
	(void)state;
	assert_control("printf 'progress 5 a\\n"
		       "progress\\nprogress x\\nprogress 1x\\nprogress -\\n"
		       "progress .5\\nprogress %%\\nprogress 1e3\\n"
		       "retry-after\\nretry-after 30\\nretry-after soon\\n"
		       "retry-after 1s 2s\\nerror\\nerror  \\n"
		       "\\n  \\nERROR x\\nerrors x\\nprogress: 7\\n"
		       "\\000\\377\\n' >&3",
		       5, "a", -1, "", "");
	assert_control("head -c 300000 /dev/urandom >&3; echo >&3; "
		       "echo progress 6 >&3",
		       6, h->progress_text, h->retry_after_ms, h->error_class,
		       h->error_text);
}

static void
overlong_lines_on_descriptor_3_are_ignored(void **state)
{
	(void)state;
	assert_control("{ echo progress 1 a; printf 'progress 2 '; "
		       "head -c 100000 /dev/zero | tr '\\0' x; echo; } >&3",
		       1, "a", -1, "", "");
	assert_control("{ head -c 100000 /dev/zero | tr '\\0' x; echo; "
		       "echo progress 3 b; } >&3",
		       3, "b", -1, "", "");
	/* As long as a line may be: 11 bytes and 4085. */
	run_script(
		"{ printf 'progress 4 '; head -c 4085 /dev/zero | tr '\\0' x; "
		"echo; } >&3");
	assert_int_equal(h->progress, 4);
	assert_int_equal(strlen(h->progress_text), 255);
	run_script(
		"{ printf 'progress 4 '; head -c 4086 /dev/zero | tr '\\0' x; "
		"echo; } >&3");
	assert_int_equal(h->progress, -1);
	assert_true(h->beat);
}

static void
texts_of_descriptor_3_are_valid_utf8(void **state)
{
	size_t len;

	(void)state;
	assert_control("printf 'error c\\377 a\\000b\\303\\251\\n' >&3", -1, "",
		       -1, "c?", "a?b\303\251");
	run_script("{ printf 'error x '; i=0; while [ $i -lt 300 ]; do "
		   "printf '\\342\\202\\254'; i=$((i + 1)); done; echo; } >&3");
	len = strlen(h->error_text);
	assert_int_equal(len, 510);
	assert_int_equal(text_utf8_prefix(h->error_text, len), len);
}

#define TEST(name) cmocka_unit_test_teardown(name, run_teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(descriptor_3_tells_how_it_goes),
		TEST(progress_is_clamped),
		TEST(garbage_on_descriptor_3_is_ignored),
		TEST(overlong_lines_on_descriptor_3_are_ignored),
		TEST(texts_of_descriptor_3_are_valid_utf8),
	};

	run_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
