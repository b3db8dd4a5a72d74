#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cloudevent.h"
#include "common/json.h"

/* What is said of a document; "" if it is a CloudEvent. */
static const char *
verdict(const char *text, size_t len)
{
	static char error[256];
	struct json_doc doc = { 0 };
	struct buf tmp = { 0 };

	error[0] = '\0';
	if (json_scan(&doc, text, len) < 0)
		fail_msg("%.*s: %s", (int)len, text, doc.error);
	if (cloudevent_check(&doc, error, sizeof(error), &tmp) < 0)
		assert_string_not_equal("", error);
	else
		assert_string_equal("", error);
	json_release(&doc);
	buf_release(&tmp);
	return error;
}

static void
assert_says(const char *want, const char *text)
{
	const char *got = verdict(text, strlen(text));

	if (strcmp(want, got) != 0)
		fail_msg("%s:\n want \"%s\"\n  got \"%s\"", text, want, got);
}

/* The same of the shortest CloudEvent with some members more. */
static void
assert_says_with(const char *want, const char *members)
{
	struct buf b = { 0 };

	buf_adds(&b, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\","
		     "\"type\":\"t\",");
	buf_adds(&b, members);
	buf_adds(&b, "}");
	assert_says(want, buf_text(&b));
	buf_release(&b);
}

static void
events_of_the_specification_pass(void **state)
{
	(void)state;
	assert_says("",
		    "{\"specversion\":\"1.0\","
		    "\"type\":\"com.github.pull_request.opened\","
		    "\"source\":\"https://github.com/cloudevents/spec/pull\","
		    "\"subject\":\"123\",\"id\":\"A234-1234-1234\","
		    "\"time\":\"2018-04-05T17:31:00Z\","
		    "\"comexampleextension1\":\"value\","
		    "\"comexampleothervalue\":5,"
		    "\"datacontenttype\":\"text/xml\","
		    "\"data\":\"<much wow=\\\"xml\\\"/>\"}");
	assert_says("", "{\"specversion\":\"1.0\",\"id\":\"1\","
			"\"source\":\"/mycontext\",\"type\":\"t\"}");
}

static void
specversion_is_one_zero(void **state)
{
#define REST "\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}"
	(void)state;
	assert_says("", "{\"specversion\":\"1\\u002e0\"," REST);
	assert_says("", "{\"specversio\\u006e\":\"1.0\"," REST);
	assert_says("specversion: missing", "{" REST);
	assert_says("specversion: missing", "{}");
	assert_says("specversion: missing", "{\"specversion\":null," REST);
	assert_says("specversion: \"0.3\" is not \"1.0\"",
		    "{\"specversion\":\"0.3\"," REST);
	assert_says("specversion: \"1.0.2\" is not \"1.0\"",
		    "{\"specversion\":\"1.0.2\"," REST);
	assert_says("specversion: \"\" is not \"1.0\"",
		    "{\"specversion\":\"\"," REST);
	assert_says("specversion: 1.0 is not a string",
		    "{\"specversion\":1.0," REST);
	/* It explains what follows, so it is told first. */
	assert_says("specversion: \"0.1\" is not \"1.0\"",
		    "{\"eventType\":\"t\",\"specversion\":\"0.1\"}");
#undef REST
}

static void
required_attributes_are_there(void **state)
{
#define HEAD "{\"specversion\":\"1.0\","
	(void)state;
	assert_says("id: missing", HEAD "\"source\":\"/s\",\"type\":\"t\"}");
	assert_says("source: missing", HEAD "\"id\":\"1\",\"type\":\"t\"}");
	assert_says("type: missing", HEAD "\"id\":\"1\",\"source\":\"/s\"}");
	assert_says("id: missing",
		    HEAD "\"id\":null,\"source\":\"/s\",\"type\":\"t\"}");
	assert_says("source: missing",
		    HEAD "\"id\":\"1\",\"source\":null,\"type\":\"t\"}");
	assert_says("type: missing",
		    HEAD "\"id\":\"1\",\"source\":\"/s\",\"type\":null}");
}

static void
required_attributes_are_strings_and_not_empty(void **state)
{
	(void)state;
	assert_says("id: \"\" is empty",
		    HEAD "\"id\":\"\",\"source\":\"/s\",\"type\":\"t\"}");
	assert_says("id: 7 is not a string",
		    HEAD "\"id\":7,\"source\":\"/s\",\"type\":\"t\"}");
	assert_says("type: \"\" is empty",
		    HEAD "\"id\":\"1\",\"source\":\"/s\",\"type\":\"\"}");
	assert_says("type: [] is not a string",
		    HEAD "\"id\":\"1\",\"source\":\"/s\",\"type\":[]}");
	assert_says("source: \"\" is not a URI-reference (RFC 3986)",
		    HEAD "\"id\":\"1\",\"source\":\"\",\"type\":\"t\"}");
	assert_says("source: {} is not a string",
		    HEAD "\"id\":\"1\",\"source\":{},\"type\":\"t\"}");
}

static void
source_is_a_uri_reference(void **state)
{
	(void)state;
	assert_says("", HEAD "\"id\":\"1\",\"type\":\"t\","
			     "\"source\":\"https:\\/\\/a.example\\/b#c\"}");
	assert_says("source: \"a b\" is not a URI-reference (RFC 3986)",
		    HEAD "\"id\":\"1\",\"source\":\"a b\",\"type\":\"t\"}");
	assert_says("source: \"/\\u0000\" is not a URI-reference (RFC 3986)",
		    HEAD
		    "\"id\":\"1\",\"source\":\"/\\u0000\",\"type\":\"t\"}");
#undef HEAD
}

static void
no_attribute_stands_twice(void **state)
{
	(void)state;
	assert_says_with("specversion: given twice", "\"specversion\":\"1.0\"");
	assert_says_with("id: given twice", "\"id\":\"1\"");
	assert_says_with("id: given twice", "\"id\":null");
	assert_says_with("source: given twice", "\"source\":\"/s\"");
	assert_says_with("type: given twice", "\"type\":\"t\"");
	assert_says_with("time: given twice", "\"time\":null,\"time\":null");
	assert_says_with("subject: given twice",
			 "\"subject\":\"a\",\"subject\":\"b\"");
	assert_says_with("dataschema: given twice",
			 "\"dataschema\":\"a:b\",\"dataschema\":\"a:b\"");
	assert_says_with("datacontenttype: given twice",
			 "\"datacontenttype\":\"a/b\","
			 "\"datacontenttype\":\"a/b\"");
	assert_says_with("data: given twice", "\"data\":1,\"data\":1");
	assert_says_with("data_base64: given twice",
			 "\"data_base64\":\"\",\"data_base64\":\"\"");
	assert_says_with("ext: given twice", "\"ext\":1,\"b\":2,\"ext\":1");
	assert_says_with("ext: given twice", "\"ext\":null,\"ext\":1");
	/* data's own members are its own affair */
	assert_says_with("", "\"data\":{\"a\":1,\"a\":2,\"B\":3}");
}

static void
an_escaped_name_is_the_same_name(void **state)
{
	(void)state;
	assert_says_with("\\u0069d: given twice", "\"\\u0069d\":\"1\"");
	assert_says_with("e\\u0078t: given twice", "\"ext\":1,\"e\\u0078t\":1");
	assert_says_with("ex\\u0074: given twice",
			 "\"e\\u0078t\":1,\"ex\\u0074\":1");
	assert_says_with("", "\"e\\u0078t\":1,\"e\\u0078\":1,\"ex\\u0074s\":1");
	assert_says_with("ti\\u006De: 1 is not a string", "\"ti\\u006De\":1");
	assert_says_with("", "\"data\\u005fbase64\":\"QQ==\"");
}

static void
many_extensions_are_told_apart(void **state)
{
	struct buf b = { 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < 50000; i++)
		buf_addf(&b, "%s\"x%u\":%u", i == 0 ? "" : ",", i, i);
	assert_says_with("", buf_text(&b));
	buf_adds(&b, ",\"\\u00784711\":true");
	assert_says_with("\\u00784711: given twice", buf_text(&b));
	buf_release(&b);
}

static void
names_are_of_small_letters_and_digits(void **state)
{
#define NAMES ": attribute names are of a-z and 0-9"
	(void)state;
	assert_says_with("", "\"a\":1,\"0\":1,\"z9\":1");
	assert_says_with("", "\"averyveryverylongattributename\":1");
	assert_says_with("Type" NAMES, "\"Type\":\"t\"");
	assert_says_with("my_ext" NAMES, "\"my_ext\":1");
	assert_says_with("my-ext" NAMES, "\"my-ext\":null");
	assert_says_with("a.b" NAMES, "\"a.b\":1");
	assert_says_with("a b" NAMES, "\"a b\":1");
	assert_says_with("é" NAMES, "\"é\":1");
	assert_says_with("\\u0041" NAMES, "\"\\u0041\":1");
	assert_says_with("\\u0161" NAMES, "\"\\u0161\":1");
	assert_says_with("\\n" NAMES, "\"\\n\":1");
	assert_says_with("a\\u0000" NAMES, "\"a\\u0000\":1");
	assert_says_with(": an attribute needs a name", "\"\":1");
	assert_says_with("data_base6" NAMES, "\"data_base6\":\"\"");
#undef NAMES
}

static void
subject_is_not_empty(void **state)
{
	(void)state;
	assert_says_with("", "\"subject\":\"x\"");
	assert_says_with("", "\"subject\":null");
	assert_says_with("subject: \"\" is empty", "\"subject\":\"\"");
	assert_says_with("subject: true is not a string", "\"subject\":true");
}

static void
time_is_of_rfc_3339(void **state)
{
	(void)state;
	assert_says_with("", "\"time\":\"2026-11-20T21:17:06.824Z\"");
	assert_says_with("", "\"time\":\"2026-11-20T21:17:06Z\"");
	assert_says_with("", "\"time\":\"2026-11-20T21:17:06.1234567+01:00\"");
	assert_says_with("", "\"time\":\"2026-11-20T21\\u003a17:06Z\"");
	assert_says_with("", "\"time\":null");
	assert_says_with("time: \"yesterday\" is not an RFC 3339 date-time",
			 "\"time\":\"yesterday\"");
	assert_says_with("time: \"\" is not an RFC 3339 date-time",
			 "\"time\":\"\"");
	assert_says_with("time: \"2026-02-29T00:00:00Z\" is not an RFC 3339 "
			 "date-time",
			 "\"time\":\"2026-02-29T00:00:00Z\"");
	assert_says_with("time: \"2026-11-20T21:17:06\" is not an RFC 3339 "
			 "date-time",
			 "\"time\":\"2026-11-20T21:17:06\"");
	assert_says_with("time: 1795209426 is not a string",
			 "\"time\":1795209426");
}

/* The usual form of a time is looked at apart: each of its bytes must count. */
static void
the_usual_form_of_a_time_is_no_way_around(void **state)
{
	static const char *const usual[] = { "2026-11-20T21:17:06.824Z",
					     "2026-11-20T21:17:06Z" };
	static const char *const bad[] = {
		"2026-00-20T21:17:06Z", "2026-13-20T21:17:06Z",
		"2026-11-00T21:17:06Z", "2026-11-31T21:17:06Z",
		"2026-11-20T24:17:06Z", "2026-11-20T21:60:06Z",
		"2026-11-20T21:17:61Z", "2026-11-20T21:17:60Z"
	};
	char time[32], member[64], want[128];
	size_t i, at;

	(void)state;
	for (i = 0; i < 2; i++)
		for (at = 0; at < strlen(usual[i]); at++) {
			strcpy(time, usual[i]);
			time[at] = 'x';
			snprintf(member, sizeof(member), "\"time\":\"%s\"",
				 time);
			snprintf(want, sizeof(want),
				 "time: \"%s\" is not an RFC 3339 date-time",
				 time);
			assert_says_with(want, member);
		}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(member, sizeof(member), "\"time\":\"%s\"", bad[i]);
		snprintf(want, sizeof(want),
			 "time: \"%s\" is not an RFC 3339 date-time", bad[i]);
		assert_says_with(want, member);
	}
}

static void
dataschema_is_an_absolute_uri(void **state)
{
	(void)state;
	assert_says_with("", "\"dataschema\":\"https://a.example/s.json\"");
	assert_says_with("", "\"dataschema\":null");
	assert_says_with("dataschema: \"/s\" is not an absolute URI (RFC 3986)",
			 "\"dataschema\":\"/s\"");
	assert_says_with(
		"dataschema: \"a:b#c\" is not an absolute URI (RFC 3986)",
		"\"dataschema\":\"a:b#c\"");
	assert_says_with("dataschema: \"\" is not an absolute URI (RFC 3986)",
			 "\"dataschema\":\"\"");
	assert_says_with("dataschema: 1 is not a string", "\"dataschema\":1");
}

static void
datacontenttype_is_a_media_type(void **state)
{
	(void)state;
	assert_says_with("", "\"datacontenttype\":\"application/json\"");
	assert_says_with(
		"", "\"datacontenttype\":\"text\\/xml; charset=\\\"a\\\"\"");
	assert_says_with("", "\"datacontenttype\":null");
	assert_says_with(
		"datacontenttype: \"json\" is not a media type (RFC 2046)",
		"\"datacontenttype\":\"json\"");
	assert_says_with("datacontenttype: \"\" is not a media type (RFC 2046)",
			 "\"datacontenttype\":\"\"");
	assert_says_with("datacontenttype: [] is not a string",
			 "\"datacontenttype\":[]");
}

static void
data_may_be_any_json(void **state)
{
	(void)state;
	assert_says_with("", "\"data\":null");
	assert_says_with("", "\"data\":1e999");
	assert_says_with("", "\"data\":\"\\ud800 \\u0000\"");
	assert_says_with("", "\"data\":[{\"A_b\":[]}]");
	assert_says_with("", "\"datacontenttype\":\"text/xml\",\"data\":{}");
}

static void
data_base64_is_base64(void **state)
{
	(void)state;
	assert_says_with("", "\"data_base64\":\"QUJD\"");
	assert_says_with("", "\"data_base64\":\"+\\/+\\/\"");
	assert_says_with("", "\"data_base64\":\"\"");
	assert_says_with("", "\"data_base64\":null");
	assert_says_with("data_base64: \"QUI\" is not base64 (RFC 4648)",
			 "\"data_base64\":\"QUI\"");
	assert_says_with("data_base64: 1234 is not a string",
			 "\"data_base64\":1234");
}

static void
data_and_data_base64_exclude_each_other(void **state)
{
	(void)state;
	assert_says_with("data_base64: data and data_base64 are both given",
			 "\"data\":1,\"data_base64\":\"QQ==\"");
	assert_says_with("data: data and data_base64 are both given",
			 "\"data_base64\":\"QQ==\",\"data\":1");
	assert_says_with("", "\"data\":null,\"data_base64\":\"QQ==\"");
	assert_says_with("", "\"data\":1,\"data_base64\":null");
}

static void
extensions_are_strings_booleans_or_integers(void **state)
{
	(void)state;
	assert_says_with("", "\"e\":\"\",\"f\":true,\"g\":false,\"h\":null");
	assert_says_with("", "\"e\":0,\"f\":-0,\"g\":2147483647,"
			     "\"h\":-2147483648");
	assert_says_with("e: 2147483648 is not an integer of 32 bits",
			 "\"e\":2147483648");
	assert_says_with("e: -2147483649 is not an integer of 32 bits",
			 "\"e\":-2147483649");
	assert_says_with("e: 99999999999999999999 is not an integer of 32 bits",
			 "\"e\":99999999999999999999");
	assert_says_with("e: 1.0 is not an integer of 32 bits", "\"e\":1.0");
	assert_says_with("e: 1e2 is not an integer of 32 bits", "\"e\":1e2");
	assert_says_with("e: {} is not a string, boolean or integer",
			 "\"e\":{}");
	assert_says_with("e: [1] is not a string, boolean or integer",
			 "\"e\":[1]");
}

/* The value, with the code point that it must not hold; NULL: all is well. */
static void
assert_string(const char *code, const char *value)
{
	static const char *const names[] = { "subject", "ext" };
	struct buf want = { 0 }, member = { 0 };
	size_t i;

	for (i = 0; i < 2; i++) {
		buf_clear(&want);
		buf_clear(&member);
		buf_addf(&member, "\"%s\":\"%s\"", names[i], value);
		if (code != NULL)
			buf_addf(&want,
				 "%s: \"%s\" holds %s, which CloudEvents "
				 "strings may not",
				 names[i], value, code);
		assert_says_with(buf_text(&want), buf_text(&member));
	}
	buf_release(&want);
	buf_release(&member);
}

static void
strings_hold_no_control_characters(void **state)
{
	(void)state;
	assert_string(NULL, " ~");
	assert_string(NULL, "\\u0020\\u007e\\u00a0\\\\\\\"\\/");
	assert_string(NULL, "\xc2\xa0");
	assert_string("U+0000", "\\u0000");
	assert_string("U+000A", "a\\nb");
	assert_string("U+0009", "\\t");
	assert_string("U+000D", "\\r");
	assert_string("U+0008", "\\b");
	assert_string("U+000C", "\\f");
	assert_string("U+001F", "\\u001f");
	assert_string("U+007F", "\x7f");
	assert_string("U+007F", "\\u007F");
	assert_string("U+0080", "\xc2\x80");
	assert_string("U+009F", "abcdefgh\xc2\x9f");
	assert_string("U+0085", "\\u0085");
}

static void
strings_hold_no_surrogates_and_noncharacters(void **state)
{
	(void)state;
	assert_string(NULL, "\xf0\x9f\x98\x80");
	assert_string(NULL, "\\ud83d\\ude0A");
	assert_string(NULL, "\xef\xb7\x8f\xef\xb7\xb0\xef\xbf\xbd");
	assert_string(NULL, "\\ufdcf\\ufdf0\\ufffd\\ud7ff\\ue000");
	assert_string("U+DEAD", "\\uDEAD");
	assert_string("U+D800", "\\ud800");
	assert_string("U+D800", "\\ud800x");
	assert_string("U+D800", "\\ud800\\n");
	assert_string("U+D83D", "\\ud83d\\ud83d\\ude0a");
	assert_string("U+DE0A", "\\ud83d\\ude0a\\ude0a");
	assert_string("U+FDD0", "\xef\xb7\x90");
	assert_string("U+FDEF", "\\ufdef");
	assert_string("U+FFFE", "\xef\xbf\xbe");
	assert_string("U+FFFF", "\\uffff");
	assert_string("U+1FFFE", "\xf0\x9f\xbf\xbe");
	assert_string("U+1FFFF", "\\ud83f\\udfff");
	assert_string("U+10FFFF", "\xf4\x8f\xbf\xbf");
}

/* Strings are looked at in words; each place in a word must count. */
static void
a_bad_character_is_found_wherever_it_stands(void **state)
{
	char value[40];
	size_t len, at;

	(void)state;
	for (len = 1; len < 26; len++)
		for (at = 0; at < len; at++) {
			memset(value, 'a', len);
			value[len] = '\0';
			assert_string(NULL, value);
			value[at] = 0x7f;
			assert_string("U+007F", value);
		}
}

static void
long_values_are_cut_between_characters(void **state)
{
	struct buf value = { 0 }, member = { 0 }, want = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		buf_adds(&value, "é");
	buf_addf(&member, "\"time\":\"%s\"", buf_text(&value));
	buf_addf(&want, "time: \"%.58s… is not an RFC 3339 date-time",
		 buf_text(&value));
	assert_says_with(buf_text(&want), buf_text(&member));
	buf_release(&value);
	buf_release(&member);
	buf_release(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_of_the_specification_pass),
		cmocka_unit_test(specversion_is_one_zero),
		cmocka_unit_test(required_attributes_are_there),
		cmocka_unit_test(required_attributes_are_strings_and_not_empty),
		cmocka_unit_test(source_is_a_uri_reference),
		cmocka_unit_test(no_attribute_stands_twice),
		cmocka_unit_test(an_escaped_name_is_the_same_name),
		cmocka_unit_test(many_extensions_are_told_apart),
		cmocka_unit_test(names_are_of_small_letters_and_digits),
		cmocka_unit_test(subject_is_not_empty),
		cmocka_unit_test(time_is_of_rfc_3339),
		cmocka_unit_test(the_usual_form_of_a_time_is_no_way_around),
		cmocka_unit_test(dataschema_is_an_absolute_uri),
		cmocka_unit_test(datacontenttype_is_a_media_type),
		cmocka_unit_test(data_may_be_any_json),
		cmocka_unit_test(data_base64_is_base64),
		cmocka_unit_test(data_and_data_base64_exclude_each_other),
		cmocka_unit_test(extensions_are_strings_booleans_or_integers),
		cmocka_unit_test(strings_hold_no_control_characters),
		cmocka_unit_test(strings_hold_no_surrogates_and_noncharacters),
		cmocka_unit_test(a_bad_character_is_found_wherever_it_stands),
		cmocka_unit_test(long_values_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
