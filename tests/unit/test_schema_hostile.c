#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/deadline.h"
#include "common/schema.h"

/* Nothing here takes a second; what is quadratic takes minutes. */
enum { MANY = 100000, DEEP = 1000, PATIENCE_MS = 20000 };

static struct schema_set *set;
static struct schema_check checker;
static struct json_doc doc;
static struct buf text;
static int64_t deadline;
static unsigned failures;

static void
failed(void *arg, const struct schema_failure *f)
{
	(void)arg;
	assert_true(strlen(f->what) < 2000);
	failures++;
}

static int
start(void **state)
{
	(void)state;
	set = schema_set_open(true);
	checker = (struct schema_check){ .failed = failed };
	failures = 0;
	deadline = deadline_in(PATIENCE_MS);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	assert_true(deadline_left(deadline) > 0);
	schema_set_close(set);
	schema_check_release(&checker);
	json_release(&doc);
	buf_release(&text);
	return 0;
}

static const struct schema *
parse(const char *schema)
{
	const struct schema *s =
		schema_parse(set, "test:", schema, strlen(schema));

	if (s == NULL)
		fail_msg("%s", schema_set_error(set));
	return s;
}

static int
check(const struct schema *schema, const char *value)
{
	if (json_scan(&doc, value, strlen(value)) < 0)
		fail_msg("%s", doc.error);
	return schema_check(&checker, schema, &doc.root);
}

static void
repeat(const char *what, unsigned times)
{
	for (; times > 0; times--)
		buf_adds(&text, what);
}

static void
deep_values_are_checked_or_given_up(void **state)
{
	const struct schema *list =
		parse("{\"$defs\":{\"any\":{\"anyOf\":[{\"$ref\":\"#\"},"
		      "{\"type\":\"null\"}]}},\"type\":\"array\",\"items\":{"
		      "\"$ref\":\"#/$defs/any\"},\"unevaluatedItems\":false}");

	(void)state;
	repeat("[", DEEP);
	buf_adds(&text, "null");
	repeat("]", DEEP);
	assert_int_equal(check(list, buf_text(&text)), 1);
	text.data[DEEP] = '1';
	text.data[DEEP + 1] = '1';
	text.data[DEEP + 2] = '1';
	text.data[DEEP + 3] = '1';
	assert_int_equal(check(list, buf_text(&text)), 0);
}

static void
deep_schemas_are_compiled(void **state)
{
	const struct schema *s;

	(void)state;
	repeat("{\"items\":", DEEP);
	buf_adds(&text, "{\"type\":\"null\"}");
	repeat("}", DEEP);
	s = parse(buf_text(&text));
	buf_clear(&text);
	repeat("[", DEEP + 1);
	repeat("]", DEEP + 1);
	assert_int_equal(check(s, buf_text(&text)), 0);
	assert_int_equal(failures, 1);
}

static void
circles_of_references_are_given_up(void **state)
{
	(void)state;
	assert_int_equal(check(parse("{\"$ref\":\"#\"}"), "1"), -1);
	assert_string_equal(checker.gave_up, "it goes too deep");
	assert_int_equal(failures, 0);
}

static void
alternatives_that_multiply_are_given_up(void **state)
{
	const struct schema *s;
	int i;

	(void)state;
	buf_adds(&text, "{\"$ref\":\"#/$defs/a0\",\"$defs\":{");
	for (i = 0; i < 60; i++)
		buf_addf(&text,
			 "\"a%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/a%d\"},"
			 "{\"$ref\":\"#/$defs/a%d\"}]},",
			 i, i + 1, i + 1);
	buf_adds(&text, "\"a60\":false}}");
	s = parse(buf_text(&text));
	assert_int_equal(check(s, "1"), -1);
	assert_string_equal(checker.gave_up, "it takes too many steps");
}

static void
catastrophic_patterns_are_given_up(void **state)
{
	static const char *const patterns[] = {
		"^(a+)+$",     "(a*)*b",
		"(a|aa)+$",    "^(([a-z])+.)+[A-Z]([a-z])+$",
		"a*a*a*a*a*b", "(?=(a+))a*b\\\\1",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		struct buf schema = { 0 };
		const struct schema *s;
		char uri[16];

		snprintf(uri, sizeof(uri), "test:%zu", i);
		buf_addf(&schema, "{\"pattern\":\"%s\"}", patterns[i]);
		s = schema_parse(set, uri, schema.data, schema.len);
		assert_non_null(s);
		buf_release(&schema);
		buf_clear(&text);
		buf_addc(&text, '"');
		repeat("a", MANY);
		buf_adds(&text, "!\"");
		/* It may see at once that there is no b. */
		assert_int_not_equal(check(s, buf_text(&text)), 1);
		if (i == 0)
			assert_string_equal(checker.gave_up,
					    "a pattern takes too many steps");
	}
}

static void
long_lists_match_a_pattern_of_lists(void **state)
{
	(void)state;
	buf_addc(&text, '"');
	repeat("item,", 2000);
	buf_adds(&text, "item\"");
	assert_int_equal(check(parse("{\"pattern\":\"^([a-z]+,)*[a-z]+$\"}"),
			       buf_text(&text)),
			 1);
}

static void
many_definitions_ids_and_anchors_are_found(void **state)
{
	const struct schema *s;
	unsigned i;

	(void)state;
	buf_adds(&text, "{\"properties\":{");
	for (i = 0; i < MANY; i++)
		buf_addf(&text, "\"p%u\":{\"$ref\":\"%s%u\"},", i,
			 i % 3 == 0   ? "#/$defs/d"
			 : i % 3 == 1 ? "#a"
				      : "urn:u:",
			 i);
	buf_adds(&text, "\"last\":{}},\"$defs\":{");
	for (i = 0; i < MANY; i++)
		if (i % 3 == 2)
			buf_addf(&text, "\"d%u\":{\"$id\":\"urn:u:%u\"},", i,
				 i);
		else
			buf_addf(&text,
				 "\"d%u\":{\"$%sAnchor\":\"a%u\",\"const\":%u"
				 "},",
				 i, i % 2 ? "dynamic" : "", i, i);
	buf_adds(&text, "\"last\":{}}}");
	/* "$Anchor" is no keyword. */
	for (i = 0; i + 8 < text.len; i++)
		if (memcmp(text.data + i, "\"$Anchor\"", 9) == 0)
			memcpy(text.data + i, "\"$anchor\"", 9);
	s = parse(buf_text(&text));
	assert_int_equal(check(s, "{\"p30000\":30000,\"p70\":70,\"p8\":1}"), 1);
	assert_int_equal(check(s, "{\"p40\":70}"), 0);
}

static void
many_values_of_an_enum_are_found(void **state)
{
	const struct schema *s;
	unsigned i;

	(void)state;
	buf_adds(&text, "{\"items\":{\"enum\":[");
	for (i = 0; i < MANY * 5; i++)
		buf_addf(&text, "\"value %u\",", i);
	buf_adds(&text, "null]}}");
	s = parse(buf_text(&text));
	buf_clear(&text);
	buf_addc(&text, '[');
	for (i = 0; i < MANY; i++)
		buf_addf(&text, "\"value %u\",", i * 5);
	buf_adds(&text, "null]");
	assert_int_equal(check(s, buf_text(&text)), 1);
}

static void
large_objects_are_equal_in_any_order(void **state)
{
	unsigned i;

	(void)state;
	buf_adds(&text, "[{");
	for (i = 0; i < MANY; i++)
		buf_addf(&text, "\"m%u\":%u,", i, i);
	buf_adds(&text, "\"z\":1},{\"z\":1");
	for (i = MANY; i-- > 0;)
		buf_addf(&text, ",\"m%u\":%u", i, i);
	buf_adds(&text, "}]");
	assert_int_equal(
		check(parse("{\"uniqueItems\":true}"), buf_text(&text)), 0);
}

static void
many_failures_are_told_in_linear_time(void **state)
{
	(void)state;
	checker.all = true;
	buf_adds(&text, "[");
	repeat("1,", MANY * 2);
	buf_adds(&text, "1]");
	assert_int_equal(check(parse("{\"items\":{\"type\":\"null\"}}"),
			       buf_text(&text)),
			 0);
	assert_int_equal(failures, MANY * 2 + 1);
}

static void
many_misspellings_are_warned_of_some_times(void **state)
{
	unsigned i;

	(void)state;
	buf_adds(&text, "{");
	for (i = 0; i < MANY; i++)
		buf_addf(&text, "\"requierd%u\":1,", i);
	buf_adds(&text, "\"a\":1}");
	parse(buf_text(&text));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(deep_values_are_checked_or_given_up),
		TEST(deep_schemas_are_compiled),
		TEST(circles_of_references_are_given_up),
		TEST(alternatives_that_multiply_are_given_up),
		TEST(catastrophic_patterns_are_given_up),
		TEST(long_lists_match_a_pattern_of_lists),
		TEST(many_definitions_ids_and_anchors_are_found),
		TEST(many_values_of_an_enum_are_found),
		TEST(large_objects_are_equal_in_any_order),
		TEST(many_failures_are_told_in_linear_time),
		TEST(many_misspellings_are_warned_of_some_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
