#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/event.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char cloudevent[] =
	"{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/s\","
	"\"type\":\"t\",\"subject\":\"u\",\"time\":\"2026-11-20T21:17:06Z\","
	"\"sequence\":\"q\",\"correlationid\":\"c\",\"causationid\":\"a\","
	"\"traceparent\":\"p\",\"version\":\"v\",\"priority\":\"high\","
	"\"user\":\"me\",\"partitionkey\":\"k\",\"data\":{\"id\":\"no\"}}";

static const char domain[] =
	"{\"event_id\":\"i\",\"event_type\":\"t\",\"aggregate_id\":\"u\","
	"\"aggregate_version\":7,\"timestamp\":\"2026-11-20T21:17:06Z\","
	"\"metadata\":{\"correlation_id\":\"c\",\"causation_id\":\"a\","
	"\"source\":\"/s\",\"version\":\"v\",\"priority\":\"high\","
	"\"user_id\":\"me\",\"event_id\":\"no\"},\"data\":{}}";

static const struct {
	enum event_role role;
	const char *in_cloudevent, *in_domain; /* NULL: absent */
} roles[] = {
	{ ROLE_ID, "i", "i" },
	{ ROLE_TYPE, "t", "t" },
	{ ROLE_SOURCE, "/s", "/s" },
	{ ROLE_SUBJECT, "u", "u" },
	{ ROLE_TIME, "2026-11-20T21:17:06Z", "2026-11-20T21:17:06Z" },
	{ ROLE_SEQUENCE, "q", "7" },
	{ ROLE_CORRELATION, "c", "c" },
	{ ROLE_CAUSATION, "a", "a" },
	{ ROLE_TRACEPARENT, "p", NULL },
	{ ROLE_VERSION, "v", "v" },
	{ ROLE_PRIORITY, "high", "high" },
	{ ROLE_USER, "me", "me" },
	{ ROLE_KEY, "k", NULL },
};

static void
parse(struct event *ev, const char *text)
{
	if (event_parse(ev, text, strlen(text)) < 0)
		fail_msg("%s: %s", text, ev->error);
}

static void
assert_role(const struct event *ev, enum event_role role, const char *want)
{
	struct buf tmp = { 0 };
	const char *text = NULL;
	size_t len = 1;
	bool found = event_role_text(ev, role, &tmp, &text, &len);

	if (found != (want != NULL))
		fail_msg("role %d is %s", (int)role, found ? text : "absent");
	if (want == NULL)
		want = "";
	assert_int_equal(strlen(want), len);
	assert_memory_equal(want, text, len);
	buf_release(&tmp);
}

/* What event_check() says; "" if it passes. */
static void
assert_checks(const char *want, const char *text, const char *profile)
{
	struct event ev = { 0 };
	const struct event_profile *required = NULL;
	int rc;

	if (profile != NULL) {
		required = event_profile_find(profile);
		assert_non_null(required);
	}
	parse(&ev, text);
	rc = event_check(&ev, required);
	if (strcmp(want, ev.error) != 0)
		fail_msg("%s:\n want \"%s\"\n  got \"%s\"", text, want,
			 ev.error);
	assert_int_equal(*want == '\0' ? 0 : -1, rc);
	event_release(&ev);
}

static void
assert_profile(const char *want, const char *text)
{
	struct event ev = { 0 };

	parse(&ev, text);
	assert_null(ev.profile);
	event_recognise(&ev, EVENT_ALL_ROLES);
	if (want == NULL)
		assert_null(ev.profile);
	else if (ev.profile == NULL)
		fail_msg("%s: not recognised", text);
	else
		assert_string_equal(want, event_profile_name(ev.profile));
	event_release(&ev);
}

static void
profiles_are_found_by_name(void **state)
{
	(void)state;
	assert_string_equal(
		"cloudevents",
		event_profile_name(event_profile_find("cloudevents")));
	assert_string_equal("domain",
			    event_profile_name(event_profile_find("domain")));
	assert_null(event_profile_find("none"));
	assert_null(event_profile_find(""));
}

static void
an_event_is_one_json_object(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "[]", "not an object but an array" },
		{ "1", "not an object but a number" },
		{ " \"x\" ", "not an object but a string" },
		{ "true", "not an object but a boolean" },
		{ "null", "not an object but null" },
	};
	struct event ev = { 0 };
	size_t i;

	(void)state;
	parse(&ev, " {\"a\":[1]} ");
	assert_int_equal(1, ev.doc.count);
	assert_int_equal(11, ev.len);
	for (i = 0; i < COUNT(bad); i++) {
		assert_int_equal(
			-1, event_parse(&ev, bad[i].text, strlen(bad[i].text)));
		assert_string_equal(bad[i].error, ev.error);
	}
	event_release(&ev);
	event_release(&ev);
}

static void
a_syntax_error_names_its_byte_from_one(void **state)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
		{ "x", "byte 1: " },
		{ "{\"a\":1,}", "byte 8: " },
		{ "{\"a\":1} x", "byte 9: " },
		{ "{\"a\":1", "byte 7: " },
		{ "", "byte 1: " },
	};
	struct event ev = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		assert_int_equal(
			-1, event_parse(&ev, bad[i].text, strlen(bad[i].text)));
		if (strncmp(bad[i].where, ev.error, strlen(bad[i].where)) != 0)
			fail_msg("%s: %s", bad[i].text, ev.error);
		assert_true(strlen(ev.error) > strlen(bad[i].where));
	}
	event_release(&ev);
}

static void
an_envelope_is_recognised_by_its_strings(void **state)
{
	(void)state;
	assert_profile("cloudevents", cloudevent);
	assert_profile("cloudevents", "{\"specversion\":\"0.3\"}");
	assert_profile("cloudevents", "{\"\\u0073pecversion\":\"\"}");
	assert_profile("cloudevents",
		       "{\"event_id\":\"1\",\"event_type\":\"t\","
		       "\"specversion\":\"1.0\"}");
	assert_profile("domain", domain);
	assert_profile("domain", "{\"event_id\":\"\",\"event_type\":\"\"}");
	assert_profile("domain", "{\"specversion\":1,\"event_id\":\"1\","
				 "\"event_typ\\u0065\":\"t\"}");
	assert_profile(NULL, "{}");
	assert_profile(NULL, "{\"specversion\":1.0}");
	assert_profile(NULL, "{\"specversion\":null}");
	assert_profile(NULL, "{\"data\":{\"specversion\":\"1.0\"}}");
	assert_profile(NULL, "{\"Specversion\":\"1.0\"}");
	assert_profile(NULL, "{\"event_id\":1,\"event_type\":\"t\"}");
	assert_profile(NULL, "{\"event_id\":\"1\",\"event_type\":null}");
	assert_profile(NULL, "{\"event_type\":\"t\"}");
	assert_profile(NULL, "{\"event_id\":\"1\"}");
}

static void
roles_are_noted(void **state)
{
	struct event ev = { 0 };
	size_t i;

	(void)state;
	assert_int_equal(ROLE_COUNT, COUNT(roles));
	parse(&ev, cloudevent);
	event_recognise(&ev, EVENT_ALL_ROLES);
	for (i = 0; i < COUNT(roles); i++)
		assert_role(&ev, roles[i].role, roles[i].in_cloudevent);
	parse(&ev, domain);
	for (i = 0; i < COUNT(roles); i++)
		assert_role(&ev, roles[i].role, NULL);
	assert_int_equal(0, event_check(&ev, NULL));
	for (i = 0; i < COUNT(roles); i++)
		assert_role(&ev, roles[i].role, roles[i].in_domain);
	event_release(&ev);
}

static void
nothing_is_noted_without_an_envelope(void **state)
{
	struct event ev = { 0 };
	size_t i;

	(void)state;
	parse(&ev, "{\"id\":\"1\",\"event_id\":\"2\",\"metadata\":{"
		   "\"source\":\"s\"}}");
	event_recognise(&ev, EVENT_ALL_ROLES);
	for (i = 0; i < COUNT(roles); i++)
		assert_role(&ev, roles[i].role, NULL);
	event_release(&ev);
}

static void
null_is_absent_and_empty_is_not(void **state)
{
	struct event ev = { 0 };

	(void)state;
	parse(&ev, "{\"specversion\":\"1.0\",\"subject\":null,\"id\":\"\"}");
	event_recognise(&ev, EVENT_ALL_ROLES);
	assert_role(&ev, ROLE_SUBJECT, NULL);
	assert_role(&ev, ROLE_ID, "");
	assert_role(&ev, ROLE_TYPE, NULL);
	event_release(&ev);
}

static void
a_role_s_text_is_unescaped(void **state)
{
	struct event ev = { 0 };

	(void)state;
	parse(&ev, "{\"specversion\":\"1.0\",\"i\\u0064\":\"a\\u00e9\\/\","
		   "\"type\":\"plain\",\"sequence\":12}");
	event_recognise(&ev, EVENT_ALL_ROLES);
	assert_role(&ev, ROLE_ID, "aé/");
	assert_role(&ev, ROLE_TYPE, "plain");
	assert_role(&ev, ROLE_SEQUENCE, "12");
	event_release(&ev);
}

static void
of_doubled_members_the_last_is_noted(void **state)
{
	struct event ev = { 0 };

	(void)state;
	parse(&ev,
	      "{\"event_id\":\"1\",\"event_id\":\"2\",\"event_type\":\"t\","
	      "\"metadata\":{\"source\":\"a\",\"version\":\"1\"},"
	      "\"metadata\":{\"source\":\"b\",\"source\":\"c\"}}");
	event_recognise(&ev, EVENT_ALL_ROLES);
	assert_role(&ev, ROLE_ID, "2");
	assert_role(&ev, ROLE_SOURCE, "c");
	assert_role(&ev, ROLE_VERSION, NULL);
	parse(&ev, "{\"event_id\":\"1\",\"event_type\":\"t\",\"metadata\":{"
		   "\"source\":\"a\"},\"metadata\":null}");
	event_recognise(&ev, EVENT_ALL_ROLES);
	assert_role(&ev, ROLE_SOURCE, NULL);
	event_release(&ev);
}

static void
an_event_without_an_envelope_passes(void **state)
{
	(void)state;
	assert_checks("", "{}", NULL);
	assert_checks("", "{\"id\":1,\"id\":2,\"Time\":\"x\"}", NULL);
}

static void
what_is_recognised_is_checked(void **state)
{
	(void)state;
	assert_checks("", cloudevent, NULL);
	assert_checks("", domain, NULL);
	assert_checks("id: missing", "{\"specversion\":\"1.0\"}", NULL);
	assert_checks("specversion: \"0.3\" is not \"1.0\"",
		      "{\"specversion\":\"0.3\"}", NULL);
	assert_checks("event_type: \"\" is empty",
		      "{\"event_id\":\"1\",\"event_type\":\"\"}", NULL);
}

static void
a_demanded_envelope_must_be_there(void **state)
{
	(void)state;
	assert_checks("", cloudevent, "cloudevents");
	assert_checks("", domain, "domain");
	assert_checks("specversion: missing", "{}", "cloudevents");
	assert_checks("specversion: missing", domain, "cloudevents");
	assert_checks("event_id: missing", "{}", "domain");
	assert_checks("event_id: missing", cloudevent, "domain");
	assert_checks("event_id: missing",
		      "{\"event_id\":null,\"event_type\":\"t\"}", "domain");
	assert_checks("event_type: missing", "{\"event_id\":\"1\"}", "domain");
	assert_checks("event_id: 7 is not a string",
		      "{\"event_id\":7,\"event_type\":\"t\"}", "domain");
	assert_checks("event_type: {} is not a string",
		      "{\"event_id\":\"1\",\"event_type\":{}}", "domain");
	assert_checks("event_id: \"\" is empty",
		      "{\"event_id\":\"\",\"event_type\":\"t\"}", "domain");
}

#define DOMAIN "{\"event_id\":\"1\",\"event_type\":\"t\","

static void
a_domain_event_s_time_is_of_rfc_3339(void **state)
{
	(void)state;
	assert_checks("", DOMAIN "\"timestamp\":\"2026-11-20T21:17:06.8Z\"}",
		      NULL);
	assert_checks("",
		      DOMAIN "\"timestamp\":\"2026-11-20T21\\u003a17:06Z\"}",
		      NULL);
	assert_checks("", DOMAIN "\"timestamp\":1795209426}", NULL);
	assert_checks("", DOMAIN "\"timestamp\":null}", NULL);
	assert_checks("timestamp: \"now\" is not an RFC 3339 date-time",
		      DOMAIN "\"timestamp\":\"now\"}", NULL);
	assert_checks("timestamp: \"\" is not an RFC 3339 date-time",
		      DOMAIN "\"timestamp\":\"\"}", NULL);
}

static void
a_role_is_not_given_twice(void **state)
{
	(void)state;
	assert_checks("id: given twice",
		      "{\"specversion\":\"1.0\",\"id\":\"1\",\"id\":\"1\"}",
		      NULL);
	assert_checks("event_id: given twice", DOMAIN "\"event_id\":\"2\"}",
		      NULL);
	assert_checks("\\u0065vent_id: given twice",
		      DOMAIN "\"\\u0065vent_id\":\"2\"}", NULL);
	assert_checks("timestamp: given twice",
		      DOMAIN "\"timestamp\":null,\"timestamp\":null}", NULL);
	assert_checks("correlation_id: given twice",
		      DOMAIN "\"metadata\":{\"correlation_id\":\"1\","
			     "\"correlation_id\":\"1\"}}",
		      NULL);
	assert_checks("metadata: given twice",
		      DOMAIN "\"metadata\":{\"source\":\"a\"},"
			     "\"metadata\":{\"source\":\"b\"}}",
		      NULL);
}

static void
other_members_may_be_given_twice(void **state)
{
	(void)state;
	assert_checks("",
		      DOMAIN "\"data\":1,\"data\":2,\"metadata\":{\"x\":1,"
			     "\"x\":2,\"event_id\":3,\"event_id\":4},"
			     "\"source\":1,\"source\":2}",
		      NULL);
}

static void
parents_of_roles_may_be_absent_or_no_objects(void **state)
{
	(void)state;
	assert_checks("", DOMAIN "\"data\":{}}", NULL);
	assert_checks("", DOMAIN "\"metadata\":null}", NULL);
	assert_checks("", DOMAIN "\"metadata\":[\"source\"]}", NULL);
	assert_checks("", DOMAIN "\"metadata\":\"source\"}", NULL);
}

static void
a_used_event_forgets_the_last_one(void **state)
{
	struct event ev = { 0 };

	(void)state;
	parse(&ev, "{\"specversion\":\"9\"}");
	assert_int_equal(-1, event_check(&ev, NULL));
	parse(&ev, "{}");
	assert_string_equal("", ev.error);
	assert_int_equal(0, event_check(&ev, NULL));
	assert_null(ev.profile);
	assert_int_equal(-1, event_parse(&ev, "[", 1));
	parse(&ev, cloudevent);
	assert_int_equal(0, event_check(&ev, NULL));
	assert_role(&ev, ROLE_ID, "i");
	event_release(&ev);
}

static void
a_role_has_its_place_also_where_it_is_absent(void **state)
{
	const struct event_profile *profile = event_profile_find("domain");
	struct event ev = { 0 };
	struct json_value object;
	const char *name;
	size_t len;

	(void)state;
	parse(&ev, " {\"metadata\":{ }} ");
	assert_true(event_profile_place(profile, &ev.doc, ROLE_ID, &object,
					&name, &len));
	assert_ptr_equal(ev.doc.root.text, object.text);
	assert_int_equal(8, len);
	assert_memory_equal("event_id", name, len);
	assert_true(event_profile_place(profile, &ev.doc, ROLE_USER, &object,
					&name, &len));
	assert_int_equal(3, object.len);
	assert_memory_equal("{ }", object.text, object.len);
	assert_memory_equal("user_id", name, len);
	assert_false(event_profile_place(profile, &ev.doc, ROLE_KEY, &object,
					 &name, &len));
	parse(&ev, "{\"metadata\":[]}");
	assert_false(event_profile_place(profile, &ev.doc, ROLE_USER, &object,
					 &name, &len));
	event_release(&ev);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_are_found_by_name),
		cmocka_unit_test(an_event_is_one_json_object),
		cmocka_unit_test(a_syntax_error_names_its_byte_from_one),
		cmocka_unit_test(an_envelope_is_recognised_by_its_strings),
		cmocka_unit_test(roles_are_noted),
		cmocka_unit_test(nothing_is_noted_without_an_envelope),
		cmocka_unit_test(null_is_absent_and_empty_is_not),
		cmocka_unit_test(a_role_s_text_is_unescaped),
		cmocka_unit_test(of_doubled_members_the_last_is_noted),
		cmocka_unit_test(an_event_without_an_envelope_passes),
		cmocka_unit_test(what_is_recognised_is_checked),
		cmocka_unit_test(a_demanded_envelope_must_be_there),
		cmocka_unit_test(a_domain_event_s_time_is_of_rfc_3339),
		cmocka_unit_test(a_role_is_not_given_twice),
		cmocka_unit_test(other_members_may_be_given_twice),
		cmocka_unit_test(parents_of_roles_may_be_absent_or_no_objects),
		cmocka_unit_test(a_used_event_forgets_the_last_one),
		cmocka_unit_test(a_role_has_its_place_also_where_it_is_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
