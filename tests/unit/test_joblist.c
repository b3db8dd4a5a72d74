#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/joblist.h"

static struct joblist_job job;
static struct buf buf;

static int
begin(void **state)
{
	(void)state;
	job = (struct joblist_job){ .percent = -1 };
	return 0;
}

static int
end(void **state)
{
	(void)state;
	free(job.text);
	buf_release(&buf);
	buf = (struct buf){ 0 };
	return 0;
}

static void
assert_progress(const char *json, const char *want)
{
	joblist_take_progress(&job, json, strlen(json));
	buf_clear(&buf);
	joblist_put_progress(&buf, &job);
	assert_string_equal(buf_text(&buf), want);
}

static void
progress_is_a_bar(void **state)
{
	(void)state;
	assert_progress("{\"percent\":0}", "[··········] 0%");
	assert_progress("{\"percent\":39}", "[###·······] 39%");
	assert_progress("{\"percent\":100}", "[##########] 100%");
	assert_progress("{\"percent\":1000}", "[##########] 100%");
	assert_progress("{\"percent\":50,\"text\":\"a \\u00e9\"}",
			"[#####·····] 50% a é");
}

static void
progress_may_be_text_alone(void **state)
{
	(void)state;
	assert_progress("{\"text\":\"half\",\"time\":\"1970-01-01T00:00:01Z\"}",
			"half");
	assert_int_equal(job.told_ms, 1000);
}

static void
what_is_no_progress_changes_nothing(void **state)
{
	static const char *const wrong[] = {
		"",
		"[",
		"[1]",
		"7",
		"{\"a\":1}",
		"{\"percent\":-1}",
		"{\"percent\":\"7\"}",
		"{\"percent\":1.5}",
		"{\"text\":7,\"time\":\"\"}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_progress(wrong[i], "");
	assert_int_equal(job.percent, -1);
	assert_null(job.text);
	assert_int_equal(job.told_ms, 0);
}

static void
an_empty_list_is_valid(void **state)
{
	struct joblist list = { 0 };
	struct out out = { .fd = -1, .terminator = '\n' };

	(void)state;
	joblist_print_ndjson(&list, &out);
	joblist_print_table(&list, 0, 10, 80, false, &out);
	assert_int_equal(out.buf.len, 0);
	joblist_release(&list);
	joblist_release(&list);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(progress_is_a_bar),
		TEST(progress_may_be_text_alone),
		TEST(what_is_no_progress_changes_nothing),
		TEST(an_empty_list_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
