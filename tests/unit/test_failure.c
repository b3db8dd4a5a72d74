#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/failure.h"
#include "common/json.h"
#include "common/mem.h"

static void
reasons_have_names(void **state)
{
	(void)state;
	assert_string_equal(failure_reason_name(FAILURE_CRASH_LOOP),
			    "crash-loop");
	assert_true(failure_is_reason("exhausted"));
	assert_true(failure_is_reason("trimmed"));
	assert_false(failure_is_reason("trimme"));
	assert_false(failure_is_reason(""));
}

/* Compare a fingerprint; the text ends where its memory ends. */
static void
assert_print(const char *text, const char *want)
{
	size_t len = strlen(text);
	char *copy = xmalloc(len);
	struct buf out = { 0 };

	memcpy(copy, text, len);
	failure_fingerprint(&out, "exit", copy, len);
	assert_string_equal(buf_text(&out), want);
	buf_release(&out);
	free(copy);
}

static void
fingerprint_takes_the_last_line_that_is_not_blank(void **state)
{
	(void)state;
	assert_print("one\ntwo", "exit: two");
	assert_print("one\ntwo\n", "exit: two");
	assert_print("one\r\ntwo\r\n \t\r\n\n", "exit: two");
	assert_print("\n  spaced \t  out  \n", "exit: spaced out");
	assert_print("\x1b[31mred\x1b[0m", "exit: [#mred [#m");
	assert_print("", "exit");
	assert_print(" \n\t\n", "exit");
}

static void
fingerprint_masks_numbers(void **state)
{
	(void)state;
	assert_print("order 17 failed", "exit: order # failed");
	assert_print("order-17/18: 1.5s at 10.0.0.1:6379",
		     "exit: order-#/#: #s at #:#");
	assert_print("line17 of 12.", "exit: line# of #.");
	assert_print("utf8 .5 v1.2.3", "exit: utf# .# v#");
	assert_print("0x7ffe12 0XFF", "exit: # #");
}

static void
fingerprint_masks_hexadecimal_words_and_not_english(void **state)
{
	(void)state;
	assert_print("commit 3f2a9c lost", "exit: commit # lost");
	assert_print("bad face added", "exit: bad face added");
	assert_print("key deadbeefcafe", "exit: key #");
	assert_print("cafe1 is not cafe", "exit: # is not cafe");
	assert_print("wide7", "exit: wide#");
}

static void
fingerprint_masks_uuids(void **state)
{
	(void)state;
	assert_print("no 0198d0f2-5c1e-7b0a-9d3e-2f1a6b7c8d9e here",
		     "exit: no # here");
	assert_print("(AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE)", "exit: (#)");
	/* a digit too many is no UUID, but is still masked */
	assert_print("0198d0f2-5c1e-7b0a-9d3e-2f1a6b7c8d9e0",
		     "exit: #-#-#-#-#");
}

static void
fingerprint_is_cut_between_characters(void **state)
{
	struct buf text = { 0 }, out = { 0 };
	int i;

	(void)state;
	buf_adds(&text, "x");
	for (i = 0; i < 100; i++)
		buf_adds(&text, "\xc3\xa4");
	failure_fingerprint(&out, "a", text.data, text.len);
	assert_int_equal(out.len, strlen("a: ") + 119);
	buf_clear(&text);
	buf_clear(&out);
	for (i = 0; i < 119; i++)
		buf_adds(&text, "z");
	buf_adds(&text, " z");
	failure_fingerprint(&out, "a", text.data, text.len);
	assert_int_equal(out.len, strlen("a: ") + 119);
	buf_release(&text);
	buf_release(&out);
}

static void
two_failures_of_one_kind_have_one_fingerprint(void **state)
{
	struct buf a = { 0 }, b = { 0 };
	const char *one = "at 1a2b: user 9f1 of order 12 not found\n",
		   *two = "warning 7\nat 99: user 7 of order 3.5 not found";

	(void)state;
	failure_fingerprint(&a, "exit", one, strlen(one));
	failure_fingerprint(&b, "exit", two, strlen(two));
	assert_string_equal(buf_text(&a), buf_text(&b));
	buf_release(&a);
	buf_release(&b);
}

static void
ledger_holds_what_applies(void **state)
{
	struct failure f = { .attempts = 1, .due_ms = 7, .exit = -1 };
	struct buf out = { 0 };

	(void)state;
	failure_put_ledger(&out, &f);
	assert_string_equal(buf_text(&out), "{\"attempts\":1,\"due\":7}");
	buf_clear(&out);
	f = (struct failure){
		.class = "exit",
		.error = "a \"b\"\nsecond line",
		.exit = 3,
		.first_ms = 1795209426824,
		.last_ms = 1795209436824,
		.attempts = 2,
		.due_ms = 1795209446824,
	};
	failure_put_ledger(&out, &f);
	assert_string_equal(buf_text(&out),
			    "{\"attempts\":2,\"due\":1795209446824,"
			    "\"first_failed\":\"2026-11-20T21:17:06.824Z\","
			    "\"last_failed\":\"2026-11-20T21:17:16.824Z\","
			    "\"class\":\"exit\",\"error\":\"a \\\"b\\\"\","
			    "\"exit\":3}");
	buf_release(&out);
}

static void
ledger_reads_back(void **state)
{
	struct failure f = {
		.class = "signal",
		.exit = -1,
		.first_ms = 1795209426824,
		.last_ms = 1795209436824,
		.attempts = 4,
		.due_ms = 1795209446824,
	};
	struct failure back;
	struct buf out = { 0 };

	(void)state;
	failure_put_ledger(&out, &f);
	failure_read_ledger(&back, out.data, out.len);
	assert_int_equal(back.attempts, 4);
	assert_int_equal(back.due_ms, 1795209446824);
	assert_int_equal(back.first_ms, 1795209426824);
	assert_int_equal(back.last_ms, 1795209436824);
	assert_int_equal(back.exit, -1);
	assert_int_equal(back.duration_ms, -1);
	buf_release(&out);
}

static void
ledger_that_is_none_counts_as_nothing_failed(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"7",
		"[1]",
		"{\"attempts\":\"2\",\"due\":-1,\"first_failed\":7}",
		"{\"attempts\":1e3,\"due\":99999999999999999999,"
		"\"first_failed\":\"then\",\"last_failed\":null}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct failure f;

		failure_read_ledger(&f, bad[i], strlen(bad[i]));
		assert_int_equal(f.attempts, 0);
		assert_int_equal(f.due_ms, 0);
		assert_int_equal(f.first_ms, 0);
		assert_int_equal(f.last_ms, 0);
	}
}

static void
dead_holds_all_that_is_known(void **state)
{
	struct failure f = {
		.class = "exit",
		.error = "exited with 3",
		.exit = 3,
		.said = "warning\norder 17 not found\n",
		.first_ms = 1795209426824,
		.last_ms = 1795209436824,
		.attempts = 5,
		.duration_ms = 12,
	};
	struct failure_event e = {
		.stream = "orders",
		.group = "billing",
		.consumer = "web1:412",
		.handler = "charge",
		.id = { 1, 0 },
		.event_id = "e1",
		.event_id_len = 2,
		.type = "order.created",
		.type_len = 13,
		.deliveries = 6,
		.redrives = 2,
	};
	struct buf out = { 0 };

	(void)state;
	failure_put_dead(&out, FAILURE_EXHAUSTED, &f, &e);
	assert_string_equal(
		buf_text(&out),
		"{\"reason\":\"exhausted\",\"class\":\"exit\","
		"\"stream\":\"orders\",\"id\":\"1-0\",\"group\":\"billing\","
		"\"event_id\":\"e1\",\"type\":\"order.created\",\"attempts\":5,"
		"\"deliveries\":6,"
		"\"first_failed\":\"2026-11-20T21:17:06.824Z\","
		"\"last_failed\":\"2026-11-20T21:17:16.824Z\","
		"\"error\":\"exited with 3\",\"exit\":3,"
		"\"stderr\":\"warning\\norder 17 not found\\n\","
		"\"handler\":\"charge\",\"consumer\":\"web1:412\","
		"\"duration_ms\":12,"
		"\"fingerprint\":\"exit: order # not found\",\"redrives\":2}");
	buf_release(&out);
}

static void
dead_leaves_out_what_does_not_apply(void **state)
{
	struct failure f = { .exit = -1, .duration_ms = -1 };
	struct failure_event e = { .stream = "s",
				   .group = "g",
				   .id = { 7, 8 } };
	struct buf out = { 0 };

	(void)state;
	failure_put_dead(&out, FAILURE_TRIMMED, &f, &e);
	assert_string_equal(buf_text(&out),
			    "{\"reason\":\"trimmed\",\"stream\":\"s\","
			    "\"id\":\"7-8\",\"group\":\"g\",\"attempts\":0,"
			    "\"fingerprint\":\"trimmed\",\"redrives\":0}");
	buf_release(&out);
}

static void
dead_is_json_whatever_the_names_hold(void **state)
{
	struct failure f = {
		.class = "a\xff",
		.error = "\xc3",
		.said = " \n",
		.exit = -1,
		.duration_ms = -1,
	};
	struct failure_event e = {
		.stream = "s\x01\xfft",
		.group = "\"g\"",
		.event_id = "a\0b",
		.event_id_len = 3,
	};
	struct json_doc doc = { 0 };
	struct buf out = { 0 };

	(void)state;
	failure_put_dead(&out, FAILURE_INVALID, &f, &e);
	assert_int_equal(json_scan(&doc, out.data, out.len), 0);
	assert_non_null(
		strstr(buf_text(&out), "\"stream\":\"s\\u0001\xef\xbf\xbdt\""));
	assert_non_null(strstr(out.data, "\"event_id\":\"a\\u0000b\""));
	json_release(&doc);
	buf_release(&out);
}

static void
dead_keeps_512_bytes_of_an_error(void **state)
{
	char error[1000];
	struct failure f = { .error = error, .exit = -1, .duration_ms = -1 };
	struct failure_event e = { .stream = "s", .group = "g" };
	struct json_doc doc = { 0 };
	struct buf out = { 0 };

	(void)state;
	memset(error, 'e', sizeof(error) - 1);
	error[sizeof(error) - 1] = '\0';
	memcpy(error + 511, "\xc3\xa4", 2); /* 512 would split it */
	failure_put_dead(&out, FAILURE_REJECTED, &f, &e);
	assert_int_equal(json_scan(&doc, out.data, out.len), 0);
	assert_int_equal(json_doc_member(&doc, "error", 5)->value.len,
			 511 + 2 /* quotes */);
	json_release(&doc);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_have_names),
		cmocka_unit_test(
			fingerprint_takes_the_last_line_that_is_not_blank),
		cmocka_unit_test(fingerprint_masks_numbers),
		cmocka_unit_test(
			fingerprint_masks_hexadecimal_words_and_not_english),
		cmocka_unit_test(fingerprint_masks_uuids),
		cmocka_unit_test(fingerprint_is_cut_between_characters),
		cmocka_unit_test(two_failures_of_one_kind_have_one_fingerprint),
		cmocka_unit_test(ledger_holds_what_applies),
		cmocka_unit_test(ledger_reads_back),
		cmocka_unit_test(ledger_that_is_none_counts_as_nothing_failed),
		cmocka_unit_test(dead_holds_all_that_is_known),
		cmocka_unit_test(dead_leaves_out_what_does_not_apply),
		cmocka_unit_test(dead_is_json_whatever_the_names_hold),
		cmocka_unit_test(dead_keeps_512_bytes_of_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
