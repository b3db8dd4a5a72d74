#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/answer.h"

static struct answer a;

static void
read_line(const char *line)
{
	if (answer_parse(&a, line, strlen(line)) < 0)
		fail_msg("refused %s: %s", line, a.wrong);
}

static void
assert_refused(const char *line, const char *why)
{
	/* Of its own size, for what reads beyond it. */
	size_t len = strlen(line);
	char *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, line, len);
	assert_int_equal(answer_parse(&a, copy, len), -1);
	if (strstr(a.wrong, why) == NULL)
		fail_msg("%s: said \"%s\", not \"%s\"", line, a.wrong, why);
	free(copy);
}

static void
verdicts_are_read(void **state)
{
	(void)state;
	read_line("{\"id\":\"5-7\",\"ok\":true}");
	assert_int_equal(a.kind, ANSWER_OK);
	assert_true(a.has_id && a.id.ms == 5 && a.id.seq == 7);
	assert_null(a.stream);
	read_line("{\"id\":\"5-7\",\"retry\":\"1m30s\",\"error\":\"busy\"}");
	assert_int_equal(a.kind, ANSWER_RETRY);
	assert_true(a.retry_ms == 90000);
	assert_string_equal(a.error, "busy");
	read_line(" {\"dead\" : true, \"class\":\"http\", \"id\":\"1-1\"} ");
	assert_int_equal(a.kind, ANSWER_DEAD);
	assert_string_equal(a.class, "http");
	assert_string_equal(a.error, "");
	read_line("{\"id\":\"5-7\",\"progress\":40.9,\"text\":\"half\"}");
	assert_int_equal(a.kind, ANSWER_PROGRESS);
	assert_int_equal(a.progress, 40);
	assert_string_equal(a.text, "half");
}

static void
a_retry_without_a_time_takes_the_usual_one(void **state)
{
	static const char *const lines[] = {
		"{\"retry\":true}",
		"{\"retry\":null}",
		"{\"ok\":false}",
		"{\"error\":\"why\"}",
		"{\"ok\":false,\"retry\":null,\"error\":\"why\"}",
		"{\"retry\":true,\"dead\":false}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		read_line(lines[i]);
		assert_int_equal(a.kind, ANSWER_RETRY);
		assert_true(a.retry_ms == -1);
		assert_false(a.has_id);
	}
}

static void
what_says_nothing_is_none(void **state)
{
	static const char *const lines[] = {
		"{}",
		"{\"id\":\"1-1\"}",
		"{\"retry\":false,\"dead\":false,\"error\":null}",
		"{\"stream\":\"s\",\"id\":\"1-1\",\"event\":{\"ok\":true}}",
		"{\"stream\":\"s\",\"id\":\"1-1\",\"text\":\"ok\"}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		read_line(lines[i]);
		assert_int_equal(a.kind, ANSWER_NONE);
	}
}

static void
escapes_are_undone(void **state)
{
	(void)state;
	read_line("{\"\\u0069d\":\"1\\u002d2\",\"o\\u006b\":true,"
		  "\"stream\":\"a\\/b\",\"error\":null}");
	assert_int_equal(a.kind, ANSWER_OK);
	assert_true(a.id.ms == 1 && a.id.seq == 2);
	assert_int_equal(a.stream_len, 3);
	assert_memory_equal(a.stream, "a/b", 3);
}

static void
errors_are_one_line_that_fits(void **state)
{
	struct buf line = { 0 };
	int i;

	(void)state;
	read_line("{\"dead\":true,\"error\":\"one\\ntwo\"}");
	assert_string_equal(a.error, "one");
	buf_adds(&line, "{\"dead\":true,\"error\":\"x");
	for (i = 0; i < 1000; i++)
		buf_adds(&line, "é");
	buf_adds(&line, "\"}");
	read_line(buf_text(&line));
	assert_int_equal(strlen(a.error), sizeof(a.error) - 1);
	buf_release(&line);
	buf_adds(&line, "{\"dead\":true,\"error\":\"");
	for (i = 0; i < 1000; i++)
		buf_adds(&line, "é");
	buf_adds(&line, "\"}");
	read_line(buf_text(&line));
	assert_int_equal(strlen(a.error), sizeof(a.error) - 2);
	buf_release(&line);
}

static void
progress_is_kept_in_range(void **state)
{
	(void)state;
	read_line("{\"progress\":-5}");
	assert_int_equal(a.progress, 0);
	read_line("{\"progress\":99999999999999999999}");
	assert_int_equal(a.progress, 100);
}

static void
what_is_wrong_is_said(void **state)
{
	(void)state;
	assert_refused("", "not JSON");
	assert_refused("{\"id\":\"1-1\",\"ok\"", "not JSON");
	assert_refused("[]", "not an object but array");
	assert_refused("{\"id\":7}", "\"id\" is not a string");
	assert_refused("{\"id\":\"x\"}", "\"id\" is no entry id");
	assert_refused("{\"stream\":7}", "\"stream\" is not a string");
	assert_refused("{\"ok\":1}", "\"ok\" is not true or false");
	assert_refused("{\"dead\":{}}", "\"dead\" is not true or false");
	assert_refused("{\"retry\":30}", "\"retry\" is no duration");
	assert_refused("{\"retry\":\"30\"}", "\"retry\" is no duration");
	assert_refused("{\"error\":{}}", "\"error\" is not a string");
	assert_refused("{\"progress\":\"4\"}", "\"progress\" is not a number");
	assert_refused("{\"progress\":1e9}", "\"progress\" is no number");
	assert_refused("{\"ok\":true,\"dead\":true}", "both ok and dead");
	assert_refused("{\"ok\":true,\"retry\":\"1s\"}", "both ok and retry");
	assert_refused("{\"dead\":true,\"retry\":null}", "both dead and retry");
}

static int
release(void **state)
{
	(void)state;
	answer_release(&a);
	answer_release(&a);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_are_read),
		cmocka_unit_test(a_retry_without_a_time_takes_the_usual_one),
		cmocka_unit_test(what_says_nothing_is_none),
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(errors_are_one_line_that_fits),
		cmocka_unit_test(progress_is_kept_in_range),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, release);
}
