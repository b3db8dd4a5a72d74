#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/schema_state.h"

static struct schema_set *set;
static struct schema_check checker;
static struct json_doc doc;
static struct buf said, warned;
static char dir[] = "/tmp/test_schema.XXXXXX";

static void
failed(void *arg, const struct schema_failure *f)
{
	(void)arg;
	buf_addf(&said, "%s%s: %s (%s)", said.len != 0 ? "; " : "", f->path,
		 f->what, f->keyword);
}

static void
warn(void *arg, const char *text)
{
	(void)arg;
	buf_addf(&warned, "%s%s", warned.len != 0 ? "; " : "", text);
}

static int
start(void **state)
{
	(void)state;
	set = schema_set_open(true);
	schema_set_warn(set, warn, NULL);
	checker = (struct schema_check){ .failed = failed };
	return 0;
}

static int
end(void **state)
{
	(void)state;
	schema_set_close(set);
	schema_check_release(&checker);
	schema_check_release(&checker);
	json_release(&doc);
	buf_release(&said);
	buf_release(&warned);
	return 0;
}

static const struct schema *
parse(const char *text)
{
	static unsigned count;
	char uri[32];

	snprintf(uri, sizeof(uri), "test:%u", count++);
	return schema_parse(set, uri, text, strlen(text));
}

/* What is said of a value: "" if it is valid. */
static const char *
check(const struct schema *schema, const char *value)
{
	int rc;

	if (schema == NULL)
		fail_msg("%s", schema_set_error(set));
	if (json_scan(&doc, value, strlen(value)) < 0)
		fail_msg("%s: %s", value, doc.error);
	buf_clear(&said);
	rc = schema_check(&checker, schema, &doc.root);
	if (rc < 0)
		return checker.gave_up;
	assert_int_equal(rc, said.len == 0);
	return buf_text(&said);
}

struct expected {
	const char *schema, *value, *says;
};

static void
check_table(const struct expected *e, size_t count)
{
	for (; count > 0; count--, e++)
		assert_string_equal(check(parse(e->schema), e->value), e->says);
}

#define CHECK_TABLE(t) check_table(t, sizeof(t) / sizeof(*(t)))
#define DRAFT_4 "\"$schema\":\"http://json-schema.org/draft-04/schema#\","
#define DRAFT_7 "\"$schema\":\"http://json-schema.org/draft-07/schema#\","

static void
keywords_of_any_value_hold_or_say_what_is_wrong(void **state)
{
	static const struct expected table[] = {
		{ "true", "1", "" },
		{ "false", "1", ": 1 is not allowed (false)" },
		{ "{}", "null", "" },
		{ "{\"type\":\"string\"}", "\"a\"", "" },
		{ "{\"type\":\"string\"}", "7",
		  ": 7 is not of type string (type)" },
		{ "{\"type\":[\"null\",\"integer\"]}", "1.5",
		  ": 1.5 is not of type null or integer (type)" },
		{ "{\"type\":\"integer\"}", "1.0", "" },
		{ "{" DRAFT_4 "\"type\":\"integer\"}", "1.0",
		  ": 1.0 is not of type integer (type)" },
		{ "{\"type\":\"boolean\"}", "false", "" },
		{ "{\"enum\":[\"a\",{\"b\":[1,2]}]}", "{\"b\":[1.0,2e0]}", "" },
		{ "{\"enum\":[\"a\",2]}", "\"c\"",
		  ": \"c\" is none of \"a\", 2 (enum)" },
		{ "{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2,\"a\":1}", "" },
		{ "{\"const\":0}", "false", ": false is not 0 (const)" },
	};

	(void)state;
	CHECK_TABLE(table);
}

static void
keywords_of_numbers_hold_or_say_what_is_wrong(void **state)
{
	static const struct expected table[] = {
		{ "{\"maximum\":1}", "1", "" },
		{ "{\"maximum\":1}", "1.7",
		  ": 1.7 is greater than the maximum 1 (maximum)" },
		{ "{\"minimum\":0}", "-0", "" },
		{ "{\"minimum\":0}", "-1e-400",
		  ": -1e-400 is less than the minimum 0 (minimum)" },
		{ "{\"maximum\":9007199254740992}", "9007199254740993",
		  ": 9007199254740993 is greater than the maximum "
		  "9007199254740992 (maximum)" },
		{ "{\"exclusiveMinimum\":1}", "1.0",
		  ": 1.0 is not greater than 1 (exclusiveMinimum)" },
		{ "{\"exclusiveMaximum\":1}", "0.9999999999999999999999", "" },
		{ "{\"exclusiveMaximum\":1}", "1",
		  ": 1 is not less than 1 (exclusiveMaximum)" },
		{ "{" DRAFT_4 "\"maximum\":1,\"exclusiveMaximum\":true}", "1",
		  ": 1 is not less than 1 (exclusiveMaximum)" },
		{ "{" DRAFT_4 "\"exclusiveMinimum\":false,\"minimum\":1}", "1",
		  "" },
		{ "{\"multipleOf\":0.01}", "19.99", "" },
		{ "{\"multipleOf\":0.01}", "19.999",
		  ": 19.999 is not a multiple of 0.01 (multipleOf)" },
		{ "{\"multipleOf\":3}", "1e1000000000",
		  ": 1e1000000000 is not a multiple of 3 (multipleOf)" },
	};

	(void)state;
	CHECK_TABLE(table);
}

static void
keywords_of_strings_hold_or_say_what_is_wrong(void **state)
{
	static const struct expected table[] = {
		{ "{\"minLength\":2}", "\"\\ud83d\\ude00\"",
		  ": \"😀\" has 1 character, fewer than 2 (minLength)" },
		{ "{\"minLength\":1}", "\"\\ud83d\\ude00\"", "" },
		{ "{\"maxLength\":2}", "\"äöü\"",
		  ": \"äöü\" has 3 characters, more than 2 (maxLength)" },
		{ "{\"pattern\":\"^[a-z]+$\"}", "\"abc\"", "" },
		{ "{\"pattern\":\"^[a-z]+$\"}", "\"abc\\n\"",
		  ": \"abc\\n\" does not match ^[a-z]+$ (pattern)" },
		{ "{\"pattern\":\"b\"}", "\"abc\"", "" },
		{ "{\"format\":\"date\"}", "\"2024-02-29\"", "" },
		{ "{\"format\":\"date\"}", "\"2023-02-29\"",
		  ": \"2023-02-29\" is no date (format)" },
		{ "{\"format\":\"no-such\"}", "\"x\"", "" },
		{ "{\"format\":\"date\"}", "17", "" },
	};

	(void)state;
	CHECK_TABLE(table);
}

static void
keywords_of_arrays_hold_or_say_what_is_wrong(void **state)
{
	static const struct expected table[] = {
		{ "{\"minItems\":2}", "[1]",
		  ": [1] has 1 element, fewer than 2 (minItems)" },
		{ "{\"maxItems\":0}", "[]", "" },
		{ "{\"maxItems\":1}", "[1,2]",
		  ": [1,2] has 2 elements, more than 1 (maxItems)" },
		{ "{\"uniqueItems\":true}", "[1,[1],\"1\",true]", "" },
		{ "{\"uniqueItems\":true}",
		  "[0,{\"a\":1,\"b\":2},1,"
		  "{\"b\":2.0,\"a\":1}]",
		  ": [0,{\"a\":1,\"b\":2},1,{\"b\":2.0,\"a\":1}] has equal "
		  "elements, 1 and 3 (uniqueItems)" },
		{ "{\"prefixItems\":[{},{\"type\":\"null\"}]}", "[1,2]",
		  "/1: 2 is not of type null (type)" },
		{ "{\"items\":{\"type\":\"null\"}}", "[null,2]",
		  "/1: 2 is not of type null (type)" },
		{ "{\"prefixItems\":[true],\"items\":false}", "[1]", "" },
		{ "{\"prefixItems\":[true],\"items\":false}", "[1,2]",
		  "/1: 2 is one element too many (items)" },
		{ "{" DRAFT_7 "\"items\":[true,false],\"additionalItems\":{}}",
		  "[1,2]", "/1: 2 is not allowed (false)" },
		{ "{" DRAFT_7 "\"items\":[true],\"additionalItems\":false}",
		  "[1,2]", "/1: 2 is one element too many (additionalItems)" },
		{ "{\"contains\":{\"const\":2}}", "[1,2]", "" },
		{ "{\"contains\":{\"const\":2}}", "[1]",
		  ": [1] has 0 elements that match, fewer than 1 (contains)" },
		{ "{\"contains\":true,\"minContains\":3}", "[1]",
		  ": [1] has 1 elements that match, fewer than 3 "
		  "(minContains)" },
		{ "{\"contains\":true,\"maxContains\":1}", "[1,2]",
		  ": [1,2] has 2 elements that match, more than 1 "
		  "(maxContains)" },
		{ "{\"contains\":{\"const\":1},\"unevaluatedItems\":false}",
		  "[1,2]", "/1: 2 is not allowed (unevaluatedItems)" },
	};

	(void)state;
	CHECK_TABLE(table);
}

static void
keywords_of_objects_hold_or_say_what_is_wrong(void **state)
{
	static const struct expected table[] = {
		{ "{\"minProperties\":1}", "{}",
		  ": {} has 0 members, fewer than 1 (minProperties)" },
		{ "{\"maxProperties\":1}", "{\"a\":1,\"b\":2}",
		  ": {\"a\":1,\"b\":2} has 2 members, more than 1 "
		  "(maxProperties)" },
		{ "{\"required\":[\"a\"]}", "{\"a\":null}", "" },
		{ "{\"required\":[\"a\",\"b c\"]}", "{\"a\":1}",
		  ": \"b c\" is missing (required)" },
		{ "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"c\":1}", "" },
		{ "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
		  ": \"b\" is missing, since there is \"a\" "
		  "(dependentRequired)" },
		{ "{\"dependentSchemas\":{\"a\":{\"maxProperties\":1}}}",
		  "{\"a\":1,\"b\":2}",
		  ": {\"a\":1,\"b\":2} has 2 members, more than 1 "
		  "(maxProperties)" },
		{ "{" DRAFT_7 "\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1}",
		  ": \"b\" is missing, since there is \"a\" (dependencies)" },
		{ "{\"properties\":{\"a/~\":{\"type\":\"null\"}}}",
		  "{\"a/~\":1}", "/a~1~0: 1 is not of type null (type)" },
		{ "{\"patternProperties\":{\"^x\":{\"type\":\"null\"}}}",
		  "{\"y\":1,\"x1\":1}", "/x1: 1 is not of type null (type)" },
		{ "{\"properties\":{\"a\":{}},\"additionalProperties\":false}",
		  "{\"a\":1,\"b\":2}",
		  "/b: 2 is not allowed (additionalProperties)" },
		{ "{\"additionalProperties\":{\"type\":\"null\"}}", "{\"b\":2}",
		  "/b: 2 is not of type null (type)" },
		{ "{\"propertyNames\":{\"maxLength\":1}}", "{\"ab\":2}",
		  "/ab: \"ab\" is a name that is not allowed "
		  "(propertyNames)" },
		{ "{\"properties\":{\"a\":{}},"
		  "\"unevaluatedProperties\":false}",
		  "{\"a\":1,\"b\":2}",
		  "/b: 2 is not allowed (unevaluatedProperties)" },
	};

	(void)state;
	CHECK_TABLE(table);
}

static void
keywords_that_combine_schemas_hold_or_say_what_is_wrong(void **state)
{
	static const struct expected table[] = {
		{ "{\"allOf\":[{\"type\":\"number\"},{\"maximum\":1}]}", "2",
		  ": 2 is greater than the maximum 1 (maximum)" },
		{ "{\"anyOf\":[{\"type\":\"null\"},{\"maximum\":1}]}", "1",
		  "" },
		{ "{\"anyOf\":[{\"type\":\"null\"},{\"maximum\":1}]}", "2",
		  ": 2 matches none of 2 schemas (anyOf)" },
		{ "{\"oneOf\":[{\"minimum\":3},{\"maximum\":1}]}", "2",
		  ": 2 matches none of 2 schemas (oneOf)" },
		{ "{\"oneOf\":[{\"minimum\":1},{\"type\":\"null\"},true]}", "2",
		  ": 2 matches schemas 0 and 2, and must match one (oneOf)" },
		{ "{\"not\":{\"type\":\"null\"}}", "null",
		  ": null matches what it must not match (not)" },
		{ "{\"if\":{\"type\":\"null\"},\"then\":false,\"else\":{"
		  "\"maximum\":1}}",
		  "2", ": 2 is greater than the maximum 1 (maximum)" },
		{ "{\"$ref\":\"#/$defs/a%20b\",\"$defs\":{\"a b\":{\"type\":"
		  "\"null\"}}}",
		  "2", ": 2 is not of type null (type)" },
		{ "{\"$ref\":\"#here\",\"$defs\":{\"a\":{\"$anchor\":\"here\","
		  "\"type\":\"null\"}}}",
		  "2", ": 2 is not of type null (type)" },
		{ "{\"$dynamicRef\":\"#here\",\"$defs\":{\"a\":{"
		  "\"$dynamicAnchor\":\"here\",\"type\":\"null\"}}}",
		  "2", ": 2 is not of type null (type)" },
		{ "{\"$ref\":\"http://json-schema.org/draft-07/schema#\"}",
		  "{\"type\":7}",
		  "/type: 7 matches none of 2 schemas (anyOf)" },
	};

	(void)state;
	CHECK_TABLE(table);
}

static void
all_failures_are_told_on_demand(void **state)
{
	const struct schema *s = parse(
		"{\"required\":[\"a\",\"b\"],\"minProperties\":3,"
		"\"properties\":{\"c\":{\"maximum\":1,\"multipleOf\":5}}}");

	(void)state;
	assert_string_equal(
		check(s, "{\"c\":7}"),
		": {\"c\":7} has 1 member, fewer than 3 (minProperties)");
	assert_string_equal(check(s, "{\"a\":1,\"b\":1,\"c\":7}"),
			    "/c: 7 is greater than the maximum 1 (maximum)");
	checker.all = true;
	checker.path = "/data";
	assert_string_equal(
		check(s, "{\"c\":7}"),
		"/data: {\"c\":7} has 1 member, fewer than 3 (minProperties); "
		"/data/c: 7 is greater than the maximum 1 (maximum); "
		"/data/c: 7 is not a multiple of 5 (multipleOf); "
		"/data: \"a\" is missing (required); "
		"/data: \"b\" is missing (required)");
}

static void
what_a_failed_schema_evaluated_is_not_told_as_unevaluated(void **state)
{
	const struct schema *s =
		parse("{\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"null\"}}"
		      "}],\"unevaluatedProperties\":false}");

	(void)state;
	checker.all = true;
	assert_string_equal(check(s, "{\"a\":1}"),
			    ": {\"a\":1} matches none of 1 schemas (anyOf)");
}

static void
note_where(void *arg, const struct schema_failure *f)
{
	(void)arg;
	buf_adds(&said, f->where);
}

static void
failures_name_the_place_in_the_schema(void **state)
{
	const char *text = "{\"$defs\":{\"a\":{\"maximum\":1}},\"items\":{"
			   "\"$ref\":\"#/$defs/a\"}}";
	const struct schema *s =
		schema_parse(set, "test:where", text, strlen(text));

	(void)state;
	checker.failed = note_where;
	assert_string_equal(check(s, "[2]"), "test:where#/$defs/a/maximum");
}

static void
long_values_are_cut_at_a_character(void **state)
{
	char value[203];

	(void)state;
	memset(value, 'x', sizeof(value));
	value[0] = value[201] = '"';
	value[202] = '\0';
	memcpy(value + 60, "ä", 2);
	check(parse("{\"type\":\"null\"}"), value);
	/* ': "' and 59 of them. */
	assert_int_equal(strncmp(said.data + 62, "…\" is", 7), 0);
}

static void
bad_schemas_are_refused_with_pointer_and_reason(void **state)
{
	static const char *const table[][2] = {
		{ "{", "byte 1: " },
		{ "7", "a schema is an object or a boolean" },
		{ "{\"type\":7}", "/type: is no type" },
		{ "{\"type\":\"int\"}", "/type: is no type" },
		{ "{\"items\":[{}]}", "/items: is array, not a schema" },
		{ "{\"properties\":{\"a/b\":{\"minLength\":-1}}}",
		  "/properties/a~1b/minLength: is not a whole number from 0" },
		{ "{\"minItems\":1.5}", "/minItems: is not a whole number" },
		{ "{\"pattern\":\"(\"}", "/pattern: pattern (: missing" },
		{ "{\"patternProperties\":{\"[\":{}}}",
		  "/patternProperties/[: pattern [: missing" },
		{ "{\"required\":\"a\"}", "/required: is not an array of" },
		{ "{\"required\":[1]}", "/required/0: is not a name" },
		{ "{\"multipleOf\":0}", "/multipleOf: is not above 0" },
		{ "{\"multipleOf\":-1}", "/multipleOf: is not above 0" },
		{ "{\"maximum\":\"1\"}", "/maximum: is not a number" },
		{ "{\"enum\":1}", "/enum: is not an array" },
		{ "{\"allOf\":[]}", "/allOf: is not an array of schemas" },
		{ "{\"uniqueItems\":1}", "/uniqueItems: is not a boolean" },
		{ "{\"$defs\":{\"unused\":{\"type\":7}}}",
		  "/$defs/unused/type: is no type" },
		{ "{\"$anchor\":7}", "/$anchor: is not a string" },
		{ "{\"type\":\"null\",\"type\":\"null\"}",
		  "/type: is there twice" },
		{ "{\"$ref\":\"#/no\"}",
		  "/$ref: reference #/no leads nowhere" },
		{ "{\"$ref\":\"other.json\"}",
		  "/$ref: reference other.json leads nowhere" },
		{ "{\"$ref\":\"a\\u0000b\"}", "/$ref: reference a" },
		{ "{\"$ref\":\"#/required\",\"required\":[]}",
		  "/required: is array, not a schema" },
		{ "{\"$id\":\"a#b\"}", "$id must not have a fragment" },
		{ "{\"$schema\":\"https://json-schema.org/draft/2019-09/"
		  "schema\"}",
		  "$schema https://json-schema.org/draft/2019-09/schema is "
		  "not supported (drafts 4, 6, 7 and 2020-12 are)" },
		{ "{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":"
		  "\"x\"}}}",
		  "anchor x is there twice" },
		{ "{\"$defs\":{\"a\":{\"$id\":\"urn:x\"},\"b\":{\"$id\":"
		  "\"urn:x\"}}}",
		  "urn:x is already " },
		{ "{" DRAFT_4 "\"exclusiveMaximum\":1}",
		  "/exclusiveMaximum: is not a boolean (draft 4)" },
		{ "{" DRAFT_7 "\"properties\":{\"a\":{\"if\":3}}}",
		  "/properties/a/if: is number, not a schema" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_null(parse(table[i][0]));
		if (strstr(schema_set_error(set), table[i][1]) == NULL)
			fail_msg("%s: \"%s\" instead of \"%s\"", table[i][0],
				 schema_set_error(set), table[i][1]);
		assert_int_equal(strncmp(schema_set_error(set), "test:", 5), 0);
	}
	/* Nothing is left of them. */
	assert_int_equal(
		set->documents + set->resources + set->anchors + set->rules, 0);
	assert_string_equal(check(parse("{\"$id\":\"urn:x\"}"), "1"), "");
}

static void
a_near_miss_gets_a_warning(void **state)
{
	(void)state;
	assert_non_null(parse("{\"requierd\":[\"a\"],\"x-owner\":\"us\","
			      "\"properties\":{\"tpye\":{\"maxLenght\":3}}}"));
	assert_non_null(strstr(warned.data, "/requierd: is no keyword; did you "
					    "mean required?; "));
	assert_non_null(strstr(warned.data,
			       "/properties/tpye/maxLenght: is no keyword; did "
			       "you mean maxLength?"));
	assert_null(strstr(warned.data, "owner"));
	assert_string_equal(schema_set_error(set), "");
}

static void
formats_are_checked_on_demand_only(void **state)
{
	struct schema_set *asserting = set;
	const char *text = "{\"format\":\"date\"}";

	(void)state;
	set = schema_set_open(false);
	assert_string_equal(check(parse(text), "\"x\""), "");
	schema_set_close(set);
	set = asserting;
	assert_string_equal(check(parse(text), "\"x\""),
			    ": \"x\" is no date (format)");
}

static void
patterns_are_those_of_ecma_262(void **state)
{
	static const struct {
		const char *pattern, *text;
		int matches; /* -1: refused */
	} table[] = {
		{ "^a$", "a\n", 0 },
		{ "^.$", "\r", 0 },
		{ "^.$", "\xe2\x80\xa8", 0 },
		{ "^[.]$", "x", 0 },
		{ "^\\v$", "\v", 1 },
		{ "^\\v$", "\n", 0 },
		{ "^\\s$", "\xc2\xa0", 1 },
		{ "^\\S$", "\xc2\xa0", 0 },
		{ "^\\d$", "\xd9\xa1", 0 },
		{ "^\\w$", "ä", 0 },
		{ "^\\p{Letter}+$", "äö", 1 },
		{ "^\\P{Lu}$", "A", 0 },
		{ "^\\p{Script=Greek}$", "\xce\xb1", 1 },
		{ "^\\ud83d\\ude00$", "😀", 1 },
		{ "^\\u{1f600}$", "😀", 1 },
		{ "^.$", "😀", 1 },
		{ "[^]", "\n", 1 },
		{ "[]", "a", 0 },
		{ "^[[]$", "[", 1 },
		{ "^\\cj$", "\n", 1 },
		{ "^(?<n>a)\\k<n>$", "aa", 1 },
		{ "^(?=a)(?!b)(?<=)a(?<!b)$", "a", 1 },
		{ "(?i)a", "", -1 },
		{ "(?>a)", "", -1 },
		{ "(*COMMIT)a", "", -1 },
		{ "\\Qa\\E", "", -1 },
		{ "\\a", "", -1 },
		{ "\\Z", "", -1 },
		{ "\\p{No_Such}", "", -1 },
		{ "(", "", -1 },
		{ "\\", "", -1 },
	};
	char error[128];
	size_t i, steps = 0;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *text = table[i].text;
		struct schema_pattern *p = schema_pattern_compile(
			table[i].pattern, strlen(table[i].pattern), error,
			sizeof(error));
		int rc = p == NULL ? -1
				   : schema_pattern_match(p, text, strlen(text),
							  &steps);

		if (rc != table[i].matches)
			fail_msg("%s on %s: %d", table[i].pattern, text, rc);
		schema_pattern_free(p);
	}
}

static void
formats_hold_or_do_not(void **state)
{
	static const char *const table[][3] = {
		{ "email", "a.b@example.com", "a..b@example.com" },
		{ "email", "\"a\\\\\"@[127.0.0.1]", "\"\\\\\"x\"@a.b" },
		{ "email", "\"a b\"@a.b", "\"ä\"@a.b" },
		{ "time", "23:59:60Z", "22:59:60Z" },
		{ "date-time", "2024-02-29t00:00:00z", "2024-02-29 00:00:00Z" },
		{ "duration", "P1Y2M3DT4H5M6S", "P1Y3D" },
		{ "uuid", "00000000-0000-0000-0000-00000000000A",
		  "00000000-0000-0000-0000-00000000000g" },
		{ "uri", "urn:a:b", "/a" },
		{ "uri-reference", "/a#b", "\\a" },
		{ "hostname", "xn--bcher-kva.example", "-a.example" },
		{ "ipv4", "127.0.0.1", "127.0.0.01" },
		{ "ipv6", "::ffff:127.0.0.1", "::ffff:127.0.0" },
		{ "json-pointer", "/a~1b", "/a~2b" },
		{ "relative-json-pointer", "1/a", "01/a" },
		{ "regex", "^(a|b)*$", "(a" },
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++)
		for (k = 1; k < 3; k++) {
			const char *name = table[i][0], *text = table[i][k];
			const struct schema_format *f =
				schema_format_find(name, strlen(name));

			assert_non_null(f);
			if (f->valid(text, strlen(text)) != (k == 1))
				fail_msg("%s: %s", name, text);
		}
	assert_null(schema_format_find("iri", 3));
}

static void
write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const struct schema *
load(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return schema_load(set, path);
}

static void
assert_refused(const char *name, const char *why)
{
	assert_null(load(name));
	if (strstr(schema_set_error(set), why) == NULL)
		fail_msg("%s", schema_set_error(set));
}

static void
files_refer_to_files_beside_and_below_only(void **state)
{
	char map[128];

	(void)state;
	write_file("below/b.json", "{\"$ref\":\"c.json\"}");
	write_file("below/c.json", "{\"type\":\"null\"}");
	write_file("a.json", "{\"$ref\":\"below/b.json\"}");
	write_file("below/up.json", "{\"$ref\":\"../a.json\"}");
	write_file("below/up2.json", "{\"$ref\":\"%2e%2e/a.json\"}");
	write_file("below/id.json", "{\"$id\":\"../x/\",\"$ref\":\"a.json\"}");
	write_file("mapped.json",
		   "{\"$ref\":\"https://example.com/s/c.json\"}");
	write_file("broken.json", "{\"$ref\":\"bad.json\"}");
	write_file("bad.json", "{\"type\":7}");
	assert_refused("below/up.json", "reference ../a.json leads nowhere");
	assert_refused("below/up2.json", "%2e%2e/a.json leads nowhere");
	assert_refused("below/id.json", "reference a.json leads nowhere");
	assert_refused("mapped.json", "leads nowhere");
	assert_refused("broken.json", "/bad.json: /type: is no type");
	assert_refused("none.json", "none.json: No such file");
	assert_refused(".", "Is a directory");
	assert_string_equal(check(load("a.json"), "1"),
			    ": 1 is not of type null (type)");
	/* It was loaded with the first. */
	assert_string_equal(check(load("below/c.json"), "null"), "");
	assert_int_equal(schema_set_map(set, "nothing"), -1);
	snprintf(map, sizeof(map), "https://example.com/s/=%s/below", dir);
	assert_int_equal(schema_set_map(set, map), 0);
	assert_string_equal(check(load("mapped.json"), "1"),
			    ": 1 is not of type null (type)");
	assert_int_equal(set->documents, 4);
}

static void
uri_references_are_resolved_as_rfc_3986_has_it(void **state)
{
	/* Section 5.4; fragments are not part of what is resolved. */
	static const char *const table[][2] = {
		{ "g:h", "g:h" },
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q" },
		{ "g#s", "http://a/b/c/g" },
		{ "g?y#s", "http://a/b/c/g?y" },
		{ ";x", "http://a/b/c/;x" },
		{ "g;x", "http://a/b/c/g;x" },
		{ "g;x?y#s", "http://a/b/c/g;x?y" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "./", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" },
		{ "../../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ ".g", "http://a/b/c/.g" },
		{ "g..", "http://a/b/c/g.." },
		{ "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" },
		{ "./g/.", "http://a/b/c/g/" },
		{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" },
		{ "g;x=1/./y", "http://a/b/c/g;x=1/y" },
		{ "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/./x", "http://a/b/c/g?y/./x" },
		{ "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "g#s/./x", "http://a/b/c/g" },
		{ "g#s/../x", "http://a/b/c/g" },
		{ "http:g", "http:g" },
	};
	struct buf out = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *ref = table[i][0], *hash = strchr(ref, '#');
		size_t at;

		buf_clear(&out);
		at = schema_uri_resolve(&out, "http://a/b/c/d;p?q", ref,
					strlen(ref));
		assert_string_equal(buf_text(&out), table[i][1]);
		assert_int_equal(at, hash != NULL ? (size_t)(hash + 1 - ref)
						  : strlen(ref));
	}
	buf_release(&out);
}

static struct json_value
number(const char *text)
{
	return (struct json_value){ JSON_NUMBER, text, strlen(text) };
}

static void
numbers_are_compared_as_decimals(void **state)
{
	static const struct {
		const char *a, *of;
		bool multiple;
	} table[] = {
		{ "0", "7", true },
		{ "-0.0", "0.3", true },
		{ "21", "7", true },
		{ "-21", "7", true },
		{ "22", "7", false },
		{ "0.0075", "0.0001", true },
		{ "0.00751", "0.0001", false },
		{ "1e308", "0.123456789", false },
		{ "1e308", "0.5", true },
		{ "123456789012345678901234567890", "10", true },
		{ "123456789012345678901234567891", "3", false },
		{ "123456789012345678901234567890", "3", true },
		{ "1e1000000000000", "1024", true },
		{ "1e-1000000000000", "1", false },
		{ "9007199254740993", "2", false },
		{ "1000000000000000000000000000001", "1000000000001", false },
		{ "1000000000002000000000001", "1000000000001", true },
	};
	struct json_value a, b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		a = number(table[i].a);
		b = number(table[i].of);
		if (json_number_is_multiple(&a, &b) != table[i].multiple)
			fail_msg("%s of %s", table[i].a, table[i].of);
	}
	a = number("100e-2");
	b = number("1.0");
	assert_int_equal(json_number_compare(&a, &b), 0);
	assert_true(json_number_hash(&a) == json_number_hash(&b));
	assert_true(json_number_is_whole(&a));
	assert_int_equal(json_number_digits(&a), 1);
	a = number("1e100000000000000000000");
	b = number("10e99999999999999999999");
	assert_int_equal(json_number_compare(&a, &b), 0);
	assert_true(json_number_hash(&a) == json_number_hash(&b));
	a = number("0.001e2");
	assert_false(json_number_is_whole(&a));
}

static void
a_tree_holds_what_the_text_does(void **state)
{
	struct json_tree t = { 0 };
	struct buf at = { 0 };
	const char *text = " { \"a\" : [1, \"\\u00e4\\n\" ],\"~/\":{},"
			   "\"\\u0062\":\"x\", \"b\":-1.5e3 }";

	(void)state;
	assert_int_equal(json_scan(&doc, text, strlen(text)), 0);
	assert_int_equal(json_tree_build(&t, &doc.root), 0);
	assert_int_equal(t.count, 7);
	assert_int_equal(t.node[0].count, 4);
	assert_int_equal(t.node[0].next, 7);
	assert_int_equal(t.node[1].next, 4);
	assert_int_equal(t.node[3].key_len, 1); /* its index */
	assert_int_equal(t.node[3].len, 3);
	assert_memory_equal(t.node[3].text, "ä\n", 3);
	assert_int_equal(json_tree_member(&t, 0, "b", 1), 6);
	assert_int_equal(json_tree_member(&t, 0, "c", 1), 0);
	assert_int_equal(json_tree_member(&t, 1, "c", 1), 0);
	json_tree_pointer(&t, 3, &at);
	json_tree_pointer(&t, 4, &at);
	json_tree_pointer(&t, 0, &at);
	assert_string_equal(buf_text(&at), "/a/1/~0~1");
	assert_int_equal(t.node[6].len, 6);
	buf_release(&at);
	json_tree_release(&t);
	json_tree_release(&t);
}

static int
make_dir(void **state)
{
	char below[64];

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(below, sizeof(below), "%s/below", dir);
	return mkdir(below, 0700);
}

static int
remove_dir(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keywords_of_any_value_hold_or_say_what_is_wrong),
		TEST(keywords_of_numbers_hold_or_say_what_is_wrong),
		TEST(keywords_of_strings_hold_or_say_what_is_wrong),
		TEST(keywords_of_arrays_hold_or_say_what_is_wrong),
		TEST(keywords_of_objects_hold_or_say_what_is_wrong),
		TEST(keywords_that_combine_schemas_hold_or_say_what_is_wrong),
		TEST(all_failures_are_told_on_demand),
		TEST(what_a_failed_schema_evaluated_is_not_told_as_unevaluated),
		TEST(failures_name_the_place_in_the_schema),
		TEST(long_values_are_cut_at_a_character),
		TEST(bad_schemas_are_refused_with_pointer_and_reason),
		TEST(a_near_miss_gets_a_warning),
		TEST(formats_are_checked_on_demand_only),
		TEST(patterns_are_those_of_ecma_262),
		TEST(formats_hold_or_do_not),
		TEST(files_refer_to_files_beside_and_below_only),
		TEST(uri_references_are_resolved_as_rfc_3986_has_it),
		TEST(numbers_are_compared_as_decimals),
		TEST(a_tree_holds_what_the_text_does),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
