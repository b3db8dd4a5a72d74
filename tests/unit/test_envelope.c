#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/envelope.h"
#include "common/event.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define NOW INT64_C(1795209426824)
#define NOW_TEXT "2026-11-20T21:17:06.824Z"
#define NOW_HEX "01a1fad1-f788" /* the same in the first bits of a UUIDv7 */

static bool
is_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdef") >= len;
}

static void
assert_uuid(const char *id)
{
	static const int dash[] = { 8, 13, 18, 23 };
	size_t i;

	assert_true(is_hex(id, 8) && is_hex(id + 9, 4) && is_hex(id + 14, 4) &&
		    is_hex(id + 19, 4) && is_hex(id + 24, 12));
	for (i = 0; i < COUNT(dash); i++)
		assert_int_equal('-', id[dash[i]]);
	assert_int_equal('7', id[14]);
	assert_non_null(strchr("89ab", id[19]));
}

/* The time of an id, in ms. */
static long long
uuid_ms(const char *id)
{
	char hex[13];

	memcpy(hex, id, 8);
	memcpy(hex + 8, id + 9, 4);
	hex[12] = '\0';
	return strtoll(hex, NULL, 16);
}

/* Compare with a pattern in which $ stands for a UUID. */
static void
assert_matches(const char *pattern, const char *got)
{
	const char *p = pattern, *g = got;

	for (; *p != '\0'; p++) {
		if (*p == '$') {
			if (strlen(g) < 36)
				break;
			assert_uuid(g);
			g += 36;
		} else if (*p != *g++) {
			break;
		}
	}
	if (*p != '\0' || *g != '\0')
		fail_msg("\n want %s\n  got %s", pattern, got);
}

static void
assert_is_cloudevent(const char *text)
{
	struct event ev = { 0 };

	if (event_parse(&ev, text, strlen(text)) < 0 ||
	    event_check(&ev, event_profile_find("cloudevents")) < 0)
		fail_msg("%s: %s", text, ev.error);
	event_release(&ev);
}

static void
assert_wraps(const char *pattern, struct envelope *e, const char *text,
	     bool as_text)
{
	struct buf out = { 0 };

	if (envelope_init(e) < 0)
		fail_msg("%s", e->error);
	buf_adds(&out, "kept ");
	envelope_wrap(e, &out, NOW, text, strlen(text), as_text);
	assert_memory_equal("kept ", out.data, 5);
	buf_consume(&out, 5);
	assert_matches(pattern, buf_text(&out));
	assert_is_cloudevent(buf_text(&out));
	buf_release(&out);
	envelope_release(e);
}

static void
assert_refused(const char *error, struct envelope *e)
{
	assert_int_equal(-1, envelope_init(e));
	assert_string_equal(error, e->error);
	envelope_release(e);
}

static void
uuids_hold_their_time_version_and_variant(void **state)
{
	char id[ENVELOPE_UUID];

	(void)state;
	envelope_uuid(id, NOW);
	assert_int_equal(36, strlen(id));
	assert_uuid(id);
	assert_memory_equal(NOW_HEX, id, strlen(NOW_HEX));
}

/* More than one ms' share, past several refills of the random bytes. */
static void
uuids_of_one_millisecond_rise(void **state)
{
	char last[ENVELOPE_UUID], id[ENVELOPE_UUID];
	int i;

	(void)state;
	envelope_uuid(last, NOW);
	for (i = 0; i < 100000; i++) {
		envelope_uuid(id, NOW);
		if (strcmp(last, id) >= 0)
			fail_msg("%s is not before %s", last, id);
		memcpy(last, id, sizeof(id));
	}
	assert_uuid(id);
	assert_int_equal(NOW, uuid_ms(id));
}

static void
uuids_rise_also_when_the_clock_steps_back(void **state)
{
	static const int64_t clock[] = { NOW + 5,   NOW + 4, 0,       -1,
					 INT64_MIN, NOW,     NOW + 6, NOW + 6 };
	char last[ENVELOPE_UUID] = "", id[ENVELOPE_UUID];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(clock); i++) {
		envelope_uuid(id, clock[i]);
		assert_uuid(id);
		if (strcmp(last, id) >= 0)
			fail_msg("%s is not before %s", last, id);
		memcpy(last, id, sizeof(id));
	}
	assert_int_equal(NOW + 6, uuid_ms(id));
}

static void
uuids_end_at_random(void **state)
{
	char a[ENVELOPE_UUID], b[ENVELOPE_UUID];
	int same = 0, i;

	(void)state;
	envelope_uuid(a, NOW);
	for (i = 0; i < 3; i++) {
		envelope_uuid(b, NOW);
		same += strcmp(a + 24, b + 24) == 0;
	}
	assert_int_equal(0, same);
}

static void
an_event_is_wrapped_in_the_order_promised(void **state)
{
	const struct envelope_ext ext[] = { { "tenant", "a" },
					    { "shard", "b" } };
	struct envelope e = { .type = "t",
			      .source = "/s",
			      .subject = "u",
			      .correlation = "c",
			      .causation = "a",
			      .traceparent = "p",
			      .ext = ext,
			      .ext_count = COUNT(ext) };

	(void)state;
	assert_wraps("{\"specversion\":\"1.0\",\"id\":\"$\",\"source\":\"/s\","
		     "\"type\":\"t\",\"time\":\"" NOW_TEXT "\","
		     "\"subject\":\"u\",\"correlationid\":\"c\","
		     "\"causationid\":\"a\",\"traceparent\":\"p\","
		     "\"tenant\":\"a\",\"shard\":\"b\","
		     "\"datacontenttype\":\"application/json\","
		     "\"data\":{ \"a\" : [1.0, 1e400] }}",
		     &e, "{ \"a\" : [1.0, 1e400] }", false);
}

#define WRAPPED                                                    \
	"{\"specversion\":\"1.0\",\"id\":\"$\",\"source\":\"/s\"," \
	"\"type\":\"t\",\"time\":\"" NOW_TEXT "\",\"datacontenttype\":"

static void
text_becomes_a_json_string(void **state)
{
	struct envelope e = { .type = "t", .source = "/s" };

	(void)state;
	assert_wraps(WRAPPED "\"text/plain\",\"data\":\"\"}", &e, "", true);
	assert_wraps(WRAPPED "\"text/plain\",\"data\":\"plain\"}", &e, "plain",
		     true);
	assert_wraps(WRAPPED "\"text/plain\",\"data\":"
			     "\"\\\"a\\\\b\\\"\\tc \\u0001é😀\\u007f\"}",
		     &e, "\"a\\b\"\tc \1é😀\x7f", true);
}

/* Longer than what is escaped at a time, with characters across its ends. */
static void
long_text_is_wrapped_whole(void **state)
{
	struct envelope e = { .type = "t", .source = "/s" };
	struct buf text = { 0 }, want = { 0 };
	int shift, i;

	(void)state;
	for (shift = 0; shift < 4; shift++) {
		buf_clear(&text);
		buf_clear(&want);
		buf_adds(&want, WRAPPED "\"text/plain\",\"data\":\"");
		for (i = 0; i < shift; i++) {
			buf_addc(&text, 'x');
			buf_addc(&want, 'x');
		}
		for (i = 0; i < 1000; i++) {
			buf_adds(&text, "😀\1");
			buf_adds(&want, "😀\\u0001");
		}
		buf_adds(&want, "\"}");
		assert_wraps(buf_text(&want), &e, buf_text(&text), true);
	}
	buf_release(&text);
	buf_release(&want);
}

static void
a_content_type_of_one_s_own_takes_the_place_of_ours(void **state)
{
	const struct envelope_ext ext[] = {
		{ "datacontenttype", "text/csv" },
		{ "dataschema", "urn:example:a" },
	};
	struct envelope e = {
		.type = "t", .source = "/s", .ext = ext, .ext_count = 2
	};

	(void)state;
	assert_wraps(WRAPPED "\"text/csv\",\"dataschema\":\"urn:example:a\","
			     "\"data\":\"a,b\"}",
		     &e, "a,b", true);
}

static void
texts_are_escaped(void **state)
{
	struct envelope e = { .type = "\"t\\", .source = "/s", .subject = "é" };

	(void)state;
	assert_wraps("{\"specversion\":\"1.0\",\"id\":\"$\",\"source\":\"/s\","
		     "\"type\":\"\\\"t\\\\\",\"time\":\"" NOW_TEXT "\","
		     "\"subject\":\"é\",\"datacontenttype\":"
		     "\"application/json\",\"data\":1}",
		     &e, "1", false);
}

static void
the_source_is_this_host_by_default(void **state)
{
	static const char start[] = ",\"source\":\"urn:host:";
	struct envelope e = { .type = "t" };
	struct buf out = { 0 };
	const char *at;

	(void)state;
	assert_int_equal(0, envelope_init(&e));
	envelope_wrap(&e, &out, NOW, "1", 1, false);
	assert_is_cloudevent(buf_text(&out));
	at = strstr(out.data, start);
	assert_non_null(at);
	assert_int_not_equal('"', at[strlen(start)]);
	buf_release(&out);
	envelope_release(&e);
	envelope_release(&e);
}

static void
each_event_has_an_id_of_its_own(void **state)
{
	struct envelope e = { .type = "t", .source = "/s" };
	struct buf a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(0, envelope_init(&e));
	envelope_wrap(&e, &a, NOW, "1", 1, false);
	envelope_wrap(&e, &b, NOW, "1", 1, false);
	assert_int_equal(a.len, b.len);
	assert_true(memcmp(a.data, b.data, a.len) < 0);
	buf_release(&a);
	buf_release(&b);
	envelope_release(&e);
}

static void
texts_that_make_no_cloudevent_are_refused(void **state)
{
	const struct envelope_ext twice[] = { { "a", "1" }, { "a", "2" } };
	const struct envelope_ext bad[] = { { "my-ext", "1" }, { "id", "1" },
					    { "a", "\x01" },   { "a", "\xff" },
					    { "\xff", "a" },   { "data", "a" },
					    { "", "a" } };
	static const char *const error[] = {
		"my-ext: attribute names are of a-z and 0-9",
		"id: given twice",
		"a: \"\\u0001\" holds U+0001, which CloudEvents strings may not",
		"a: not valid UTF-8",
		"extension: not valid UTF-8",
		"data: given twice",
		": an attribute needs a name"
	};
	size_t i;

	(void)state;
	assert_refused("type: missing", &(struct envelope){ 0 });
	assert_refused("type: \"\" is empty", &(struct envelope){ .type = "" });
	assert_refused("source: \"a b\" is not a URI-reference (RFC 3986)",
		       &(struct envelope){ .type = "t", .source = "a b" });
	assert_refused("subject: \"\" is empty",
		       &(struct envelope){ .type = "t", .subject = "" });
	assert_refused("subject: not valid UTF-8",
		       &(struct envelope){ .type = "t", .subject = "a\xc3" });
	assert_refused("correlationid: \"\\n\" holds U+000A, which CloudEvents "
		       "strings may not",
		       &(struct envelope){ .type = "t", .correlation = "\n" });
	assert_refused("a: given twice", &(struct envelope){ .type = "t",
							     .ext = twice,
							     .ext_count = 2 });
	for (i = 0; i < COUNT(bad); i++)
		assert_refused(error[i], &(struct envelope){ .type = "t",
							     .ext = &bad[i],
							     .ext_count = 1 });
}

static void
an_envelope_may_be_prepared_again(void **state)
{
	struct envelope e = { .type = "", .source = "/s" };

	(void)state;
	assert_int_equal(-1, envelope_init(&e));
	e.type = "t";
	assert_int_equal(0, envelope_init(&e));
	assert_wraps(WRAPPED "\"application/json\",\"data\":1}", &e, "1",
		     false);
}

/* Fill under the profile that is recognised, or the one named; NULL wants the
 * event to stay as it is. */
static void
assert_fills_as(const char *pattern, const char *text, const char *profile)
{
	struct event ev = { 0 };
	struct buf out = { 0 };
	int rc;

	if (event_parse(&ev, text, strlen(text)) < 0)
		fail_msg("%s: %s", text, ev.error);
	event_recognise(&ev, EVENT_ALL_ROLES);
	if (profile != NULL)
		ev.profile = event_profile_find(profile);
	buf_adds(&out, "kept ");
	rc = envelope_fill(&ev, &out, NOW + 60000);
	assert_memory_equal("kept ", out.data, 5);
	buf_consume(&out, 5);
	if (pattern == NULL && rc != 0)
		fail_msg("filled to %s", buf_text(&out));
	assert_int_equal(pattern != NULL, rc);
	assert_matches(pattern != NULL ? pattern : "", buf_text(&out));
	if (pattern != NULL && event_parse(&ev, out.data, out.len) < 0)
		fail_msg("%s: %s", out.data, ev.error);
	event_release(&ev);
	buf_release(&out);
}

static void
assert_fills(const char *pattern, const char *text)
{
	assert_fills_as(pattern, text, NULL);
}

#define LATER "2026-11-20T21:18:06.824Z"

static void
what_is_missing_is_put_behind_the_brace(void **state)
{
	(void)state;
	assert_fills("{\"id\":\"$\",\"time\":\"" LATER "\","
		     "\"specversion\":\"1.0\"}",
		     "{\"specversion\":\"1.0\"}");
	assert_fills(" {\"id\":\"$\",\n \"specversion\" : \"1.0\" , "
		     "\"time\":\"x\", \"a\":1.0e0 } ",
		     " {\n \"specversion\" : \"1.0\" , "
		     "\"time\":\"x\", \"a\":1.0e0 } ");
	assert_fills("{\"time\":\"" LATER "\",\"specversion\":\"1.0\","
		     "\"\\u0069d\":\"1\"}",
		     "{\"specversion\":\"1.0\",\"\\u0069d\":\"1\"}");
	assert_fills("{\"timestamp\":\"" LATER "\",\"event_id\":\"1\","
		     "\"event_type\":\"t\"}",
		     "{\"event_id\":\"1\",\"event_type\":\"t\"}");
}

static void
what_is_null_or_empty_is_replaced_in_place(void **state)
{
	(void)state;
	assert_fills("{\"specversion\":\"1.0\",\"time\": \"" LATER "\" ,"
		     "\"id\":\"$\"}",
		     "{\"specversion\":\"1.0\",\"time\": null ,\"id\":\"\"}");
	assert_fills("{\"time\":\"" LATER "\",\"id\":\"$\","
		     "\"specversion\":\"1.0\"}",
		     "{\"id\":null,\"specversion\":\"1.0\"}");
	assert_fills("{\"event_id\":\"$\",\"event_type\":\"t\","
		     "\"timestamp\":\"" LATER "\"}",
		     "{\"event_id\":\"\",\"event_type\":\"t\","
		     "\"timestamp\":\"\"}");
}

static void
what_is_there_stays(void **state)
{
	(void)state;
	assert_fills(NULL, "{\"specversion\":\"1.0\",\"id\":\"1\","
			   "\"time\":\"x\"}");
	assert_fills(NULL, "{\"specversion\":\"1.0\",\"id\":0,\"time\":[]}");
	assert_fills(NULL, "{\"event_id\":\"1\",\"event_type\":\"t\","
			   "\"timestamp\":0}");
}

static void
a_cloudevent_without_its_specversion_gets_one(void **state)
{
	(void)state;
	assert_fills("{\"specversion\":\"1.0\",\"id\":\"$\",\"time\":\"" LATER
		     "\",\"type\":\"t\",\"source\":\"/s\"}",
		     "{\"type\":\"t\",\"source\":\"/s\"}");
	assert_fills("{\"type\":\"t\",\"specversion\":\"1.0\","
		     "\"source\":\"/s\",\"id\":\"1\",\"time\":\"x\"}",
		     "{\"type\":\"t\",\"specversion\":null,"
		     "\"source\":\"/s\",\"id\":\"1\",\"time\":\"x\"}");
}

static void
what_is_no_envelope_stays(void **state)
{
	(void)state;
	assert_fills(NULL, "{}");
	assert_fills(NULL, "{\"type\":\"t\"}");
	assert_fills(NULL, "{\"source\":\"/s\"}");
	assert_fills(NULL, "{\"type\":1,\"source\":\"/s\"}");
	assert_fills(NULL, "{\"type\":\"t\",\"source\":null}");
	assert_fills(NULL, "{\"type\":\"t\",\"source\":\"/s\","
			   "\"specversion\":1}");
	assert_fills(NULL, "{\"event_type\":\"t\"}");
}

static void
a_demanded_profile_is_filled(void **state)
{
	(void)state;
	assert_fills_as("{\"event_id\":\"$\",\"timestamp\":\"" LATER "\","
			"\"event_type\":\"t\"}",
			"{\"event_type\":\"t\"}", "domain");
	assert_fills_as("{\"event_id\":\"$\",\"timestamp\":\"" LATER "\"}",
			"{}", "domain");
	assert_fills_as("{\"event_id\":\"$\",\"timestamp\":\"" LATER "\" }",
			"{ }", "domain");
}

/* NULL: it can't be marked. */
static void
assert_marks_as(const char *want, const char *text)
{
	struct event ev = { 0 };
	struct buf out = { 0 };
	int rc;

	assert_int_equal(event_parse(&ev, text, strlen(text)), 0);
	event_recognise(&ev, 0);
	rc = envelope_mark(&ev, &out, "replayof", "a\"b/1-0");
	assert_int_equal(rc, want != NULL);
	assert_string_equal(buf_text(&out), want != NULL ? want : "");
	buf_release(&out);
	event_release(&ev);
}

static void
a_mark_is_put_in_and_all_else_stays(void **state)
{
#define MARK "\"replayof\":\"a\\\"b/1-0\""
	(void)state;
	assert_marks_as("{" MARK ",\"specversion\":\"1.0\", \"n\": 1.0}",
			"{\"specversion\":\"1.0\", \"n\": 1.0}");
	assert_marks_as("{ \"specversion\":\"1.0\"," MARK "}",
			"{ \"specversion\":\"1.0\",\"replayof\":[1]}");
	assert_marks_as("{\"specversion\":\"1.0\"," MARK ",\"z\":1}",
			"{\"specversion\":\"1.0\",\"replayof\":null,\"z\":1}");
	assert_marks_as(
		"{\"event_id\":\"e\",\"event_type\":\"t\",\"metadata\":{" MARK
		",\"a\":1}}",
		"{\"event_id\":\"e\",\"event_type\":\"t\",\"metadata\":"
		"{\"a\":1}}");
	assert_marks_as("{\"metadata\":{" MARK "},\"event_id\":\"e\","
			"\"event_type\":\"t\"}",
			"{\"event_id\":\"e\",\"event_type\":\"t\"}");
	assert_marks_as("{\"event_id\":\"e\",\"event_type\":\"t\","
			"\"metadata\":{" MARK "}}",
			"{\"event_id\":\"e\",\"event_type\":\"t\","
			"\"metadata\":null}");
	assert_marks_as(NULL, "{\"event_id\":\"e\",\"event_type\":\"t\","
			      "\"metadata\":\"m\"}");
	assert_marks_as(NULL, "{\"n\":1}");
#undef MARK
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuids_hold_their_time_version_and_variant),
		cmocka_unit_test(uuids_of_one_millisecond_rise),
		cmocka_unit_test(an_event_is_wrapped_in_the_order_promised),
		cmocka_unit_test(uuids_rise_also_when_the_clock_steps_back),
		cmocka_unit_test(uuids_end_at_random),
		cmocka_unit_test(text_becomes_a_json_string),
		cmocka_unit_test(long_text_is_wrapped_whole),
		cmocka_unit_test(
			a_content_type_of_one_s_own_takes_the_place_of_ours),
		cmocka_unit_test(texts_are_escaped),
		cmocka_unit_test(the_source_is_this_host_by_default),
		cmocka_unit_test(each_event_has_an_id_of_its_own),
		cmocka_unit_test(texts_that_make_no_cloudevent_are_refused),
		cmocka_unit_test(an_envelope_may_be_prepared_again),
		cmocka_unit_test(what_is_missing_is_put_behind_the_brace),
		cmocka_unit_test(what_is_null_or_empty_is_replaced_in_place),
		cmocka_unit_test(what_is_there_stays),
		cmocka_unit_test(a_cloudevent_without_its_specversion_gets_one),
		cmocka_unit_test(what_is_no_envelope_stays),
		cmocka_unit_test(a_demanded_profile_is_filled),
		cmocka_unit_test(a_mark_is_put_in_and_all_else_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
