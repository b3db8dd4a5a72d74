#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/record.h"

static struct record rec;
static struct record_line line;
static struct out out;

static int
start(void **state)
{
	(void)state;
	rec = (struct record){ .stream = "s", .id = { 1795209426824, 213 } };
	line = (struct record_line){ 0 };
	out = (struct out){ .fd = -1, .name = "<test>", .terminator = '\n' };
	return 0;
}

static int
end(void **state)
{
	(void)state;
	record_release(&rec);
	record_release(&rec);
	record_line_release(&line);
	record_line_release(&line);
	buf_release(&out.buf);
	return 0;
}

/* What was printed, without the end of the line; it stays in out's buffer,
 * which is smaller than what would be written. */
static const char *
print(bool meta)
{
	buf_clear(&out.buf);
	assert_int_equal(record_print(&rec, &out, meta), 0);
	assert_int_equal(out.buf.data[--out.buf.len], out.terminator);
	return buf_text(&out.buf);
}

static void
set_body(const char *text)
{
	record_set_body(&rec, text, strlen(text));
}

static int
parse(const char *text)
{
	/* a copy that ends where its memory ends */
	static char *copy;
	size_t len = strlen(text);

	free(copy);
	copy = xmalloc(len == 0 ? 1 : len);
	memcpy(copy, text, len);
	return record_parse(&line, copy, len);
}

static void
assert_event(const char *want, size_t len, enum record_body body)
{
	assert_int_equal(line.body, body);
	assert_int_equal(line.event_len, len);
	assert_memory_equal(line.event, want, len);
}

#define HEAD                                              \
	"{\"stream\":\"s\",\"id\":\"1795209426824-213\"," \
	"\"time\":\"2026-11-20T21:17:06.824Z\","

static void
a_body_is_what_its_bytes_are(void **state)
{
	static const struct {
		const char *text;
		enum record_body body;
		const char *record;
	} bodies[] = {
		{ "{}", RECORD_EVENT, HEAD "\"event\":{}}" },
		{ " {\"b\" : 1.50}", RECORD_EVENT,
		  HEAD "\"event\": {\"b\" : 1.50}}" },
		{ "{\n\t\"a\": 1\r\n}\n", RECORD_EVENT,
		  HEAD "\"event\":{\t\"a\": 1}}" },
		{ "[1]", RECORD_JSON, HEAD "\"event\":[1]}" },
		{ "null", RECORD_JSON, HEAD "\"event\":null}" },
		{ "\"x\"", RECORD_JSON, HEAD "\"event\":\"x\"}" },
		{ "17", RECORD_JSON, HEAD "\"event\":17}" },
		{ "", RECORD_TEXT, HEAD "\"text\":\"\"}" },
		{ "{\"a\":}", RECORD_TEXT, HEAD "\"text\":\"{\\\"a\\\":}\"}" },
		{ "two\nlines\t\x1b[31m \xc2\x9b \xe2\x80\xae \xc3\xa9",
		  RECORD_TEXT,
		  HEAD "\"text\":\"two\\nlines\\t\\u001b[31m \\u009b "
		       "\\u202e \xc3\xa9\"}" },
		{ "\xff", RECORD_BASE64, HEAD "\"base64\":\"/w==\"}" },
		{ "ab\xfe", RECORD_BASE64, HEAD "\"base64\":\"YWL+\"}" },
		{ "{\"a\":\"\xc3\x28\"}", RECORD_BASE64,
		  HEAD "\"base64\":\"eyJhIjoiwygifQ==\"}" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const char *text = bodies[i].text;
		bool bare = bodies[i].body == RECORD_EVENT;

		set_body(text);
		assert_int_equal(rec.body, bodies[i].body);
		assert_int_equal(record_is_bare(&rec), bare);
		assert_string_equal(print(true), bodies[i].record);
		if (!bare)
			assert_string_equal(print(false), bodies[i].record);
		/* and back */
		assert_int_equal(parse(bodies[i].record), 0);
		assert_string_equal(line.stream, "s");
		assert_int_equal(id_compare(line.id, rec.id), 0);
		assert_null(line.group);
		if (rec.body == RECORD_TEXT || rec.body == RECORD_BASE64)
			assert_event(text, strlen(text), rec.body);
		else
			assert_int_equal(line.body, RECORD_EVENT);
	}
}

static void
an_event_is_printed_verbatim(void **state)
{
	static const char text[] = "{\"n\":1.0e+07,\"n\":0,\"s\":\"\\u0041/\\/"
				   "\x7f\xc2\x9b\xe2\x80\xa8\" , \"z\":[ ] }";

	(void)state;
	set_body(text);
	assert_string_equal(print(false), text);
	print(true);
	assert_int_equal(parse(out.buf.data), 0);
	assert_event(text, strlen(text), RECORD_EVENT);
	out.terminator = '\0';
	assert_string_equal(print(false), text);
}

static void
a_record_says_what_applies_and_nothing_else(void **state)
{
	(void)state;
	rec.group = "billing";
	rec.consumer = "web1:\"4\"";
	rec.deliveries = 2;
	rec.attempts = INT64_MAX;
	set_body("{}");
	assert_string_equal(print(true),
			    HEAD "\"group\":\"billing\",\"consumer\":"
				 "\"web1:\\\"4\\\"\",\"deliveries\":2,"
				 "\"attempts\":9223372036854775807,"
				 "\"event\":{}}");
	rec.stream = NULL;
	rec.group = NULL;
	rec.consumer = NULL;
	rec.deliveries = rec.attempts = 0;
	assert_string_equal(print(true),
			    "{\"id\":\"1795209426824-213\",\"time\":"
			    "\"2026-11-20T21:17:06.824Z\",\"event\":{}}");
}

static void
what_a_group_made_of_it_and_when_it_is_due(void **state)
{
	(void)state;
	rec.group = "g";
	rec.status = "retrying";
	rec.consumer = "c";
	rec.deliveries = 2;
	rec.attempts = 1;
	rec.due_ms = 1795209426825;
	set_body("{}");
	assert_string_equal(print(true),
			    HEAD "\"group\":\"g\",\"status\":\"retrying\","
				 "\"consumer\":\"c\",\"deliveries\":2,"
				 "\"attempts\":1,"
				 "\"due\":\"2026-11-20T21:17:06.825Z\","
				 "\"event\":{}}");
	rec = (struct record){ .stream = "s",
			       .scheduled = true,
			       .priority = "low" };
	set_body("1");
	assert_string_equal(print(false),
			    "{\"stream\":\"s\","
			    "\"due\":\"1970-01-01T00:00:00.000Z\","
			    "\"priority\":\"low\",\"event\":1}");
}

static void
any_id_has_a_time(void **state)
{
	(void)state;
	set_body("1");
	rec.id = ID_MIN;
	assert_string_equal(print(true),
			    "{\"stream\":\"s\",\"id\":\"0-0\",\"time\":"
			    "\"1970-01-01T00:00:00.000Z\",\"event\":1}");
	rec.id = ID_MAX;
	assert_string_equal(print(true),
			    "{\"stream\":\"s\",\"id\":\"18446744073709551615-"
			    "18446744073709551615\",\"time\":"
			    "\"9999-12-31T23:59:59.999Z\",\"event\":1}");
	assert_int_equal(parse(out.buf.data), 0);
	assert_int_equal(id_compare(line.id, ID_MAX), 0);
}

static void
several_fields_become_one_object(void **state)
{
	static const char want[] =
		"{\"a\":\"1\",\"b \\\"\":\"x\\n\\u0000y\",\"\":\"\","
		"\"bin\":{\"base64\":\"/wA=\"},\"/w==\":\"v\"}";

	(void)state;
	record_begin_fields(&rec);
	record_add_field(&rec, "a", 1, "1", 1);
	record_add_field(&rec, "b \"", 3, "x\n\0y", 4);
	record_add_field(&rec, "", 0, "", 0);
	record_add_field(&rec, "bin", 3, "\xff\0", 2);
	record_add_field(&rec, "\xff", 1, "v", 1);
	record_end_fields(&rec);
	assert_int_equal(rec.body, RECORD_FIELDS);
	assert_true(record_is_bare(&rec));
	assert_string_equal(print(false), want);
	print(true);
	assert_non_null(strstr(out.buf.data, ",\"fields\":{\"a\":"));
	assert_int_equal(parse(out.buf.data), 0);
	assert_event(want, strlen(want), RECORD_FIELDS);

	record_begin_fields(&rec);
	record_end_fields(&rec);
	assert_string_equal(print(false), "{}");
}

static void
names_of_any_bytes_leave_the_record_json(void **state)
{
	(void)state;
	rec.stream = "a\"\\\x1b\xe2\x80\xae";
	set_body("{}");
	print(true);
	assert_non_null(strstr(out.buf.data, "\"a\\\"\\\\\\u001b\\u202e\""));
	assert_int_equal(parse(out.buf.data), 0);
	assert_string_equal(line.stream, rec.stream);
	rec.stream = "a\xff";
	print(true);
	assert_int_equal(parse(out.buf.data), 0);
}

static void
a_terminal_is_not_driven_by_events(void **state)
{
	int fds[2];
	char got[256];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	out.fd = fds[1];
	out.terminal = true;
	set_body("{\"a\":\"\xc2\x9b\x7f\xe2\x81\xa9\"}");
	assert_int_equal(record_print(&rec, &out, true), 0);
	n = read(fds[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, HEAD "\"event\":{\"a\":\"\\u009b\\u007f"
				      "\\u2069\"}}\n");
	close(fds[0]);
	close(fds[1]);
}

static void
every_length_of_bytes_comes_back_from_base64(void **state)
{
	unsigned char bytes[260];
	size_t len, i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(255 - i);
	for (len = 1; len <= sizeof(bytes); len++) {
		record_set_body(&rec, (const char *)bytes, len);
		assert_int_equal(rec.body, RECORD_BASE64);
		print(true);
		assert_int_equal(parse(out.buf.data), 0);
		assert_event((const char *)bytes, len, RECORD_BASE64);
	}
}

static void
records_that_others_wrote_are_read(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"event\":{\"a\":1}}"), 0);
	assert_null(line.stream);
	assert_null(line.group);
	assert_int_equal(id_compare(line.id, ID_MIN), 0);
	assert_event("{\"a\":1}", 7, RECORD_EVENT);

	/* any order and any notation, null as absent, other keys passed over */
	assert_int_equal(
		parse(" { \"event\" : [1, 2] ,\"x\":{\"id\":7},\"group\""
		      ":null,\"id\":\"7-8\",\"str\\u0065am\":\"\\u0061"
		      "\\u00e9\",\"retry\":\"30s\"} "),
		0);
	assert_string_equal(line.stream, "a\xc3\xa9");
	assert_null(line.group);
	assert_int_equal(line.id.ms, 7);
	assert_int_equal(line.id.seq, 8);
	assert_event("[1, 2]", 6, RECORD_EVENT);
	assert_non_null(json_doc_member(&line.doc, "retry", 5));

	assert_int_equal(parse("{\"stream\":\"s\",\"group\":\"\",\"text\":"
			       "\"a\\n\\u0000\\ud83d\\ude00\"}"),
			 0);
	assert_string_equal(line.group, "");
	assert_event("a\n\0\xf0\x9f\x98\x80", 7, RECORD_TEXT);

	/* writers that escape the solidus are right too */
	assert_int_equal(parse("{\"base64\":\"\\/w==\"}"), 0);
	assert_event("\xff", 1, RECORD_BASE64);
	assert_int_equal(parse("{\"base64\":\"YW\\u004a\\u002f\"}"), 0);
	assert_event("ab\x7f", 3, RECORD_BASE64);
	assert_int_equal(parse("{\"base64\":\"\"}"), 0);
	assert_event("", 0, RECORD_BASE64);

	assert_int_equal(parse("{}"), 0);
	assert_null(line.event);
	assert_null(line.stream);
}

static void
nothing_is_left_of_the_record_before(void **state)
{
	(void)state;
	assert_int_equal(
		parse("{\"stream\":\"s\",\"group\":\"g\",\"id\":\"1-2\","
		      "\"text\":\"\\n\"}"),
		0);
	assert_int_equal(parse("{\"id\":\"5-6\"}"), 0);
	assert_null(line.stream);
	assert_null(line.group);
	assert_null(line.event);
	assert_int_equal(line.event_len, 0);
	assert_int_equal(line.id.ms, 5);
}

static void
what_is_no_record_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "byte 1: " },
		{ "{\"a\":1", "byte 7: " },
		{ "{\"a\":\"\xff\"}", "byte 7: " },
		{ "[1]", "not a record but" },
		{ "null", "not a record but null" },
		{ "{\"stream\":1}", "\"stream\" is not a string" },
		{ "{\"group\":{}}", "\"group\" is not a string" },
		{ "{\"id\":1}", "\"id\" is not a string" },
		{ "{\"stream\":\"a\\u0000b\"}", "\"stream\" holds a NUL" },
		{ "{\"id\":\"\"}", "\"id\" is no entry id" },
		{ "{\"id\":\"x-1\"}", "\"id\" is no entry id" },
		{ "{\"id\":\"1-18446744073709551616\"}", "\"id\" is no entry" },
		{ "{\"text\":1}", "\"text\" is not a string" },
		{ "{\"text\":null}", "\"text\" is not a string" },
		{ "{\"base64\":{}}", "\"base64\" is not base64" },
		{ "{\"base64\":\"a\"}", "\"base64\" is not base64" },
		{ "{\"base64\":\"ab=c\"}", "\"base64\" is not base64" },
		{ "{\"base64\":\"====\"}", "\"base64\" is not base64" },
		{ "{\"base64\":\"a===\"}", "\"base64\" is not base64" },
		{ "{\"base64\":\"ab c\"}", "\"base64\" is not base64" },
		{ "{\"base64\":\"ab-_\"}", "\"base64\" is not base64" },
		{ "{\"base64\":\"YWJj\\n\"}", "\"base64\" is not base64" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i].text) != -1)
			fail_msg("%s passes", bad[i].text);
		if (strstr(line.error, bad[i].why) == NULL)
			fail_msg("%s: %s, not %s", bad[i].text, line.error,
				 bad[i].why);
	}
}

static void
nothing_is_collected_once_output_has_failed(void **state)
{
	int i;

	(void)state;
	set_body("{}");
	out.error = 5;
	for (i = 0; i < 100; i++) {
		assert_int_equal(record_print(&rec, &out, true), -1);
		assert_int_equal(record_print(&rec, &out, false), -1);
	}
	assert_int_equal(out.buf.len, 0);
}

#define test_record(name) cmocka_unit_test_setup_teardown(name, start, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_record(a_body_is_what_its_bytes_are),
		test_record(an_event_is_printed_verbatim),
		test_record(a_record_says_what_applies_and_nothing_else),
		test_record(what_a_group_made_of_it_and_when_it_is_due),
		test_record(any_id_has_a_time),
		test_record(several_fields_become_one_object),
		test_record(names_of_any_bytes_leave_the_record_json),
		test_record(a_terminal_is_not_driven_by_events),
		test_record(every_length_of_bytes_comes_back_from_base64),
		test_record(records_that_others_wrote_are_read),
		test_record(nothing_is_left_of_the_record_before),
		test_record(what_is_no_record_is_refused_with_the_reason),
		test_record(nothing_is_collected_once_output_has_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
