#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/intake.h"

static struct intake in;
static char rejects[32];

/* Give the intake these lines. */
static void
use(const char *text, size_t len)
{
	char path[] = "/tmp/ev-in.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	lseek(fd, 0, SEEK_SET);
	line_init(&in.lines, fd, "<stdin>", 200);
}

static void
use_lines(const char *text)
{
	use(text, strlen(text));
}

static int
start(void **state)
{
	(void)state;
	in = (struct intake){ .check = true };
	in.lines.fd = -1;
	strcpy(rejects, "/tmp/ev-rejects.XXXXXX");
	close(mkstemp(rejects));
	in.rejects = fopen(rejects, "w");
	assert_non_null(in.rejects);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	intake_close(&in);
	if (in.lines.fd >= 0)
		close(in.lines.fd);
	unlink(rejects);
	return 0;
}

static void
assert_event(uint64_t number, const char *want)
{
	int rc = intake_next(&in);

	if (rc != 1)
		fail_msg("%d, not %s", rc, want);
	assert_int_equal(in.number, number);
	if (in.event.len != strlen(want) ||
	    memcmp(in.event.text, want, in.event.len) != 0)
		fail_msg("%.*s, not %s", (int)in.event.len, in.event.text,
			 want);
}

static void
assert_refused(uint64_t number)
{
	uint64_t before = in.refused;
	int rc = intake_next(&in);

	if (rc != -1)
		fail_msg("line %llu: %d %.*s", (unsigned long long)number, rc,
			 (int)in.event.len, in.event.text);
	assert_int_equal(in.number, number);
	assert_int_equal(in.refused, before + 1);
}

/* Close, and compare what was kept of the refused; "*" in want stands for any
 * bytes but a newline. */
static void
assert_rejects(const char *want)
{
	char got[4096], *at = got;
	size_t n;
	FILE *f;

	assert_int_equal(intake_close(&in), 0);
	f = fopen(rejects, "r");
	assert_non_null(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	fclose(f);
	for (; *want != '\0'; want++) {
		if (*want == '*') {
			at += strcspn(at, ",\n");
			continue;
		}
		if (*at++ != *want)
			fail_msg("%s\nnot at: %s", got, want);
	}
	assert_string_equal(at, "");
}

static void
events_are_taken_and_others_refused(void **state)
{
	(void)state;
	use_lines("\xef\xbb\xbf{\"a\" : 1.0}\r\n"
		  "\n"
		  "[1]\n"
		  "{\"a\":1\n"
		  "{\"a\":\"\xff\"}\n"
		  "{}");
	assert_event(1, "{\"a\" : 1.0}");
	assert_refused(3);
	assert_refused(4);
	assert_refused(5);
	assert_event(6, "{}");
	assert_int_equal(intake_next(&in), 0);
	assert_int_equal(in.refused, 3);
	assert_rejects("{\"line\":3,\"error\":\"*,\"text\":\"[1]\"}\n"
		       "{\"line\":4,\"error\":\"byte 7: *,\"text\":"
		       "\"{\\\"a\\\":1\"}\n"
		       "{\"line\":5,\"error\":\"byte 7: *,\"base64\":"
		       "\"eyJhIjoi/yJ9\"}\n");
}

static void
a_nul_is_refused_and_a_long_line_too(void **state)
{
	char lines[600];
	size_t n;

	(void)state;
	memcpy(lines, "{\"a\":\"x\0\"}\n", 11);
	memset(lines + 11, 'y', 300);
	memcpy(lines + 311, "\n{\"b\":2}\n", 9);
	n = 320;
	use(lines, n);
	assert_refused(1);
	assert_refused(2);
	assert_event(3, "{\"b\":2}");
	assert_int_equal(intake_next(&in), 0);
}

static void
envelopes_are_checked_where_they_are_recognised(void **state)
{
	static const char good[] = "{\"specversion\":\"1.0\",\"id\":\"1\","
				   "\"source\":\"/s\",\"type\":\"t\"}";
	static const char bad[] = "{\"specversion\":\"1.0\",\"id\":\"1\","
				  "\"source\":\"/s\"}";
	char lines[512];

	(void)state;
	snprintf(lines, sizeof(lines), "%s\n%s\n{\"a\":1}\n%s\n%s\n{\"a\":1}\n",
		 good, bad, bad, good);
	use_lines(lines);
	assert_event(1, good);
	assert_refused(2);
	assert_event(3, "{\"a\":1}");
	in.check = false;
	assert_event(4, bad);
	in.check = true;
	in.required = event_profile_find("cloudevents");
	assert_non_null(in.required);
	assert_event(5, good);
	assert_refused(6);
	assert_int_equal(intake_next(&in), 0);
}

static void
events_are_taken_out_of_records(void **state)
{
	(void)state;
	in.records = true;
	use_lines("{\"stream\":\"s\",\"id\":\"1-0\",\"event\":{\"a\" : 1}}\n"
		  "{\"text\":\"{\\\"b\\\":2}\"}\n"
		  "{\"fields\":{\"c\":\"3\"}}\n"
		  "{\"base64\":\"e30=\"}\n"
		  "{\"stream\":\"s\",\"id\":\"1-0\"}\n"
		  "{\"event\":[1]}\n"
		  "{\"a\":1}\n"
		  "rubbish\n"
		  "{\"event\":{}}\n");
	assert_event(1, "{\"a\" : 1}");
	assert_event(2, "{\"b\":2}");
	assert_event(3, "{\"c\":\"3\"}");
	assert_event(4, "{}");
	assert_refused(5);
	assert_refused(6);
	assert_refused(7);
	assert_refused(8);
	assert_event(9, "{}");
	assert_int_equal(intake_next(&in), 0);
}

static void
begin_wrapping(void)
{
	in.wrap = true;
	in.envelope = (struct envelope){ .type = "t", .source = "/s" };
	assert_int_equal(envelope_init(&in.envelope), 0);
}

/* The current event is a CloudEvent with this data. */
static void
assert_wrapped(uint64_t number, const char *data)
{
	const struct json_member *m;

	assert_int_equal(intake_next(&in), 1);
	assert_int_equal(in.number, number);
	m = json_doc_member(&in.event.doc, "data", 4);
	assert_non_null(m);
	assert_int_equal(m->value.len, strlen(data));
	assert_memory_equal(m->value.text, data, strlen(data));
	assert_non_null(json_doc_member(&in.event.doc, "specversion", 11));
}

static void
any_json_is_wrapped_as_data(void **state)
{
	(void)state;
	begin_wrapping();
	use_lines("{\"a\" : 1}\n17\n\"x\"\nplain\n[1\n{}\n");
	assert_wrapped(1, "{\"a\" : 1}");
	assert_wrapped(2, "17");
	assert_wrapped(3, "\"x\"");
	assert_refused(4);
	assert_refused(5);
	assert_wrapped(6, "{}");
	assert_int_equal(intake_next(&in), 0);
}

static void
any_text_is_wrapped_as_a_string(void **state)
{
	(void)state;
	begin_wrapping();
	in.text = true;
	use_lines("plain \"text\"\n{}\nbad \xff\n\xc3\xa9\n");
	assert_wrapped(1, "\"plain \\\"text\\\"\"");
	assert_wrapped(2, "\"{}\"");
	assert_refused(3);
	assert_wrapped(4, "\"\xc3\xa9\"");
	assert_int_equal(intake_next(&in), 0);
	assert_rejects("{\"line\":3,\"error\":\"byte 5: *,\"base64\":"
		       "\"YmFkIP8=\"}\n");
}

static void
missing_ids_are_filled_in(void **state)
{
	const struct json_member *m;

	(void)state;
	in.fill = true;
	use_lines("{\"type\":\"t\",\"source\":\"/s\"}\n"
		  "{\"a\":1}\n");
	assert_int_equal(intake_next(&in), 1);
	m = json_doc_member(&in.event.doc, "id", 2);
	assert_non_null(m);
	assert_int_equal(m->value.len, 38);
	assert_non_null(json_doc_member(&in.event.doc, "time", 4));
	assert_event(2, "{\"a\":1}");
	assert_int_equal(intake_next(&in), 0);
}

static void
arguments_are_taken_instead_of_lines(void **state)
{
	char one[] = "{\"a\":1}", bad[] = "x", empty[] = "", last[] = "{}";
	char two[] = "{\"b\":\n2}", longer[300];
	char *arg[] = { one, bad, two, empty, longer, last };

	(void)state;
	memset(longer, ' ', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	use_lines("{\"never\":\"read\"}\n");
	in.arg = arg;
	in.args = 6;
	assert_event(1, "{\"a\":1}");
	assert_refused(2);
	assert_event(3, "{\"b\":\n2}");
	assert_refused(4);
	assert_refused(5);
	assert_event(6, "{}");
	assert_int_equal(intake_next(&in), 0);
	assert_int_equal(intake_next(&in), 0);
}

static void
a_caller_may_refuse_later(void **state)
{
	(void)state;
	use_lines("{\"a\":1}\n");
	assert_event(1, "{\"a\":1}");
	intake_refuse(&in, "no \"key\"", in.number, in.event.text,
		      in.event.len);
	assert_int_equal(in.refused, 1);
	assert_rejects("{\"line\":1,\"error\":\"no \\\"key\\\"\",\"text\":"
		       "\"{\\\"a\\\":1}\"}\n");
}

static void
rejects_that_cant_be_written_are_told_at_the_end(void **state)
{
	(void)state;
	fclose(in.rejects);
	in.rejects = fopen("/dev/full", "w");
	if (in.rejects == NULL)
		skip();
	use_lines("x\n");
	assert_refused(1);
	errno = 0;
	assert_int_equal(intake_close(&in), -1);
	assert_int_not_equal(errno, 0);
}

static void
a_read_that_fails_is_told(void **state)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	line_init(&in.lines, fd, "<stdin>", 200);
	errno = 0;
	assert_int_equal(intake_next(&in), -2);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(in.refused, 0);
}

#define test_intake(name) cmocka_unit_test_setup_teardown(name, start, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_intake(events_are_taken_and_others_refused),
		test_intake(a_nul_is_refused_and_a_long_line_too),
		test_intake(envelopes_are_checked_where_they_are_recognised),
		test_intake(events_are_taken_out_of_records),
		test_intake(any_json_is_wrapped_as_data),
		test_intake(any_text_is_wrapped_as_a_string),
		test_intake(missing_ids_are_filled_in),
		test_intake(arguments_are_taken_instead_of_lines),
		test_intake(a_caller_may_refuse_later),
		test_intake(rejects_that_cant_be_written_are_told_at_the_end),
		test_intake(a_read_that_fails_is_told),
	};

	diag_init("test-intake");
	diag_set_level(DIAG_QUIET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
