#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/select.h"

static struct select_options options;
static struct select sel;
static struct out out;
static struct reply reply; /* the fields of the entry */
static struct entry entry;

static int
start(void **state)
{
	(void)state;
	options = (struct select_options)SELECT_OPTIONS_INIT;
	out = (struct out){ .fd = -1, .name = "<out>", .terminator = '\n' };
	return 0;
}

static int
end(void **state)
{
	(void)state;
	select_close(&sel);
	select_close(&sel);
	free(options.types.item);
	reply_release(&reply);
	buf_release(&out.buf);
	return 0;
}

static void
open_select(void)
{
	if (select_open(&sel, &options) < 0)
		fail_msg("%s", sel.error);
	sel.record.stream = "s";
}

/* Decide on an entry with these fields: name, value, …, NULL. */
static int
decide_fields(const char *const *words)
{
	reply_clear(&reply);
	entry = (struct entry){ .id = { 5, 7 }, .reply = &reply };
	for (; words[0] != NULL; words += 2, entry.fields++) {
		reply_push_text(&reply, REPLY_STRING, words[0],
				strlen(words[0]));
		reply_push_text(&reply, REPLY_STRING, words[1],
				strlen(words[1]));
	}
	return select_entry(&sel, &entry);
}

static int
decide(const char *body)
{
	const char *const words[] = { "data", body, NULL };

	return decide_fields(words);
}

static void
assert_kept(const char *body, int want)
{
	int rc = decide(body);

	if (rc != want)
		fail_msg("%s: %d, not %d %s", body, rc, want,
			 rc < 0 ? sel.error : "");
}

/* What the current record prints as; out's buffer is smaller than what would
 * be written. */
static void
assert_prints(const char *want, int rc)
{
	buf_clear(&out.buf);
	assert_int_equal(select_print(&sel, &out), rc);
	assert_string_equal(buf_text(&out.buf), want);
}

#define EVENT(type, rest)                                                           \
	"{\"specversion\":\"1.0\",\"id\":\"i1\",\"source\":\"/s\",\"type\":\"" type \
	"\"" rest "}"

static void
without_options_all_is_kept_and_printed_verbatim(void **state)
{
	static const char *const fields[] = { "a", "1", "b", "2", NULL };

	(void)state;
	open_select();
	assert_kept("{\"a\" : 1.0}", 1);
	assert_prints("{\"a\" : 1.0}\n", 1);
	assert_int_equal(sel.record.id.seq, 7);
	assert_kept("plain", 1);
	assert_prints("{\"stream\":\"s\",\"id\":\"5-7\",\"time\":"
		      "\"1970-01-01T00:00:00.005Z\",\"text\":\"plain\"}\n",
		      1);
	assert_int_equal(decide_fields(fields), 1);
	assert_prints("{\"a\":\"1\",\"b\":\"2\"}\n", 1);
	options.field = "b";
	assert_int_equal(decide_fields(fields), 1);
	assert_int_equal(sel.record.body, RECORD_JSON);
}

static void
types_are_globs_of_which_one_will_do(void **state)
{
	(void)state;
	options.types.item = malloc(2 * sizeof(*options.types.item));
	assert_non_null(options.types.item);
	options.types.item[0] = "order.*";
	options.types.item[1] = "x";
	options.types.count = 2;
	open_select();
	assert_kept(EVENT("order.new", ""), 1);
	assert_kept(EVENT("x", ""), 1);
	assert_kept(EVENT("ord\\u0065r.new", ""), 1);
	assert_kept(EVENT("xx", ""), 0);
	assert_kept(EVENT("reorder.new", ""), 0);
	assert_kept("{\"event_id\":\"1\",\"event_type\":\"order.old\"}", 1);
	assert_kept("{\"type\":\"x\"}", 0); /* no envelope */
	assert_kept("[1]", 0);
	assert_kept("order.new", 0);
}

static void
a_correlation_finds_the_event_itself_too(void **state)
{
	(void)state;
	options.correlation = "c1";
	open_select();
	assert_kept(EVENT("t", ",\"correlationid\":\"c1\""), 1);
	assert_kept(EVENT("t", ",\"correlationid\":\"c\\u0031\""), 1);
	assert_kept(EVENT("t", ",\"correlationid\":\"c12\""), 0);
	assert_kept(EVENT("t", ""), 0);
	assert_kept("{\"specversion\":\"1.0\",\"id\":\"c1\",\"source\":\"/s\","
		    "\"type\":\"t\"}",
		    1);
	assert_kept("c1", 0);
}

static void
a_filter_sees_event_and_names(void **state)
{
	(void)state;
	options.filter = ".n > 1 and $id == \"5-7\" and $stream == \"s\" and "
			 "$group == null and $deliveries == 2";
	open_select();
	sel.record.deliveries = 2;
	assert_kept("{\"n\":2}", 1);
	assert_kept("{\"n\":1}", 0);
	sel.record.deliveries = 0;
	assert_kept("{\"n\":2}", 0);
	assert_kept("[1]", -1); /* no members there */
	assert_true(sel.error[0] != '\0');
	sel.record.deliveries = 2;
	assert_kept("{\"n\":2}", 1);
}

static void
a_filter_sees_other_bodies_as_strings(void **state)
{
	static const char *const fields[] = { "a", "1", "b", "2", NULL };

	(void)state;
	options.filter = ". == \"/w==\" or . == \"a\\nb\" or . == {\"a\":\"1\","
			 "\"b\":\"2\"}";
	open_select();
	assert_int_equal(decide_fields(fields), 1);
	assert_kept("\xff", 1);
	assert_kept("a\nb", 1);
	assert_kept("\xfe", 0);
	assert_kept("17", 0);
}

static void
types_and_filters_must_both_agree(void **state)
{
	(void)state;
	options.types.item = malloc(sizeof(*options.types.item));
	assert_non_null(options.types.item);
	options.types.item[0] = "t";
	options.types.count = 1;
	options.filter = ".n == 1";
	open_select();
	assert_kept(EVENT("t", ",\"n\":1"), 1);
	assert_kept(EVENT("t", ",\"n\":2"), 0);
	assert_kept(EVENT("u", ",\"n\":1"), 0);
}

static void
a_program_prints_each_result_on_a_line(void **state)
{
	(void)state;
	options.program = ".a[], $id";
	open_select();
	assert_kept("{\"a\":[1,\"x\\ny\",{\"b\":2}]}", 1);
	assert_prints("1\n\"x\\ny\"\n{\"b\":2}\n\"5-7\"\n", 1);
	out.terminator = '\0';
	assert_kept("{\"a\":[1]}", 1);
	buf_clear(&out.buf);
	assert_int_equal(select_print(&sel, &out), 1);
	assert_int_equal(out.buf.len, 8);
	assert_memory_equal(out.buf.data, "1\0\"5-7\"\0", 8);
}

static void
a_failing_program_prints_what_it_made_before(void **state)
{
	(void)state;
	options.program = ".a, error(\"no\")";
	open_select();
	assert_kept("{\"a\":1}", 1);
	assert_prints("1\n", 0);
	assert_non_null(strstr(sel.error, "no"));
	assert_kept("{\"a\":2}", 1);
	assert_prints("2\n", 0);
}

static void
a_program_may_print_nothing(void **state)
{
	(void)state;
	options.program = "empty";
	open_select();
	assert_kept("{\"a\":1}", 1);
	assert_prints("", 1);
}

static void
results_become_records_with_meta(void **state)
{
	(void)state;
	options.program = ".a, 7";
	options.meta = true;
	open_select();
	sel.record.group = "g";
	sel.record.deliveries = 3;
	assert_kept("{\"a\":{\"b\":1}}", 1);
	assert_prints("{\"stream\":\"s\",\"id\":\"5-7\",\"time\":"
		      "\"1970-01-01T00:00:00.005Z\",\"group\":\"g\","
		      "\"deliveries\":3,\"event\":{\"b\":1}}\n"
		      "{\"stream\":\"s\",\"id\":\"5-7\",\"time\":"
		      "\"1970-01-01T00:00:00.005Z\",\"group\":\"g\","
		      "\"deliveries\":3,\"event\":7}\n",
		      1);
}

static void
meta_prints_records(void **state)
{
	(void)state;
	options.meta = true;
	open_select();
	assert_kept("{\"a\" : 1}", 1);
	assert_prints("{\"stream\":\"s\",\"id\":\"5-7\",\"time\":"
		      "\"1970-01-01T00:00:00.005Z\",\"event\":{\"a\" : 1}}\n",
		      1);
}

static void
failed_output_is_told(void **state)
{
	(void)state;
	open_select();
	assert_kept("{\"a\":1}", 1);
	out.error = 5;
	assert_int_equal(select_print(&sel, &out), -1);
	select_close(&sel);
	options.program = ".";
	open_select();
	assert_kept("{\"a\":1}", 1);
	assert_int_equal(select_print(&sel, &out), -1);
	options.meta = true;
	assert_int_equal(select_print(&sel, &out), -1);
}

static void
what_does_not_compile_is_told_by_its_option(void **state)
{
	(void)state;
	options.filter = ".a ==";
	assert_int_equal(select_open(&sel, &options), -1);
	assert_int_equal(strncmp(sel.error, "--filter: ", 10), 0);
	select_close(&sel);
	options.filter = NULL;
	options.program = "nosuch(";
	assert_int_equal(select_open(&sel, &options), -1);
	assert_int_equal(strncmp(sel.error, "--jq: ", 6), 0);
}

#define test_select(name) cmocka_unit_test_setup_teardown(name, start, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_select(without_options_all_is_kept_and_printed_verbatim),
		test_select(types_are_globs_of_which_one_will_do),
		test_select(a_correlation_finds_the_event_itself_too),
		test_select(a_filter_sees_event_and_names),
		test_select(a_filter_sees_other_bodies_as_strings),
		test_select(types_and_filters_must_both_agree),
		test_select(a_program_prints_each_result_on_a_line),
		test_select(a_failing_program_prints_what_it_made_before),
		test_select(a_program_may_print_nothing),
		test_select(results_become_records_with_meta),
		test_select(meta_prints_records),
		test_select(failed_output_is_told),
		test_select(what_does_not_compile_is_told_by_its_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
