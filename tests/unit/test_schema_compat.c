#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/schema_compat.h"

enum { PAIRS = 3000, VALUES = 60 };

static const struct schema *
parse(struct schema_set *set, const char *text)
{
	const struct schema *s =
		schema_parse(set, "urn:test", text, strlen(text));

	if (s == NULL)
		fail_msg("%s: %s", text, schema_set_error(set));
	return s;
}

static int
check(const struct schema *schema, const char *text, size_t len)
{
	struct schema_check check = { 0 };
	struct json_doc doc = { 0 };
	int rc;

	assert_int_equal(json_scan(&doc, text, len), 0);
	rc = schema_check(&check, schema, &doc.root);
	schema_check_release(&check);
	json_release(&doc);
	return rc;
}

static enum schema_compat
compare(const char *narrower, const char *wider)
{
	struct schema_set *one = schema_set_open(false);
	struct schema_set *other = schema_set_open(false);
	const struct schema *a = parse(one, narrower), *b = parse(other, wider);
	struct buf witness = { 0 };
	enum schema_compat rc = schema_compat(a, b, &witness);

	if (rc == SCHEMA_INCOMPATIBLE) {
		assert_int_equal(check(a, witness.data, witness.len), 1);
		assert_int_equal(check(b, witness.data, witness.len), 0);
	}
	buf_release(&witness);
	schema_set_close(one);
	schema_set_close(other);
	return rc;
}

#define OBJECT(rest) "{\"type\":\"object\"," rest "}"
#define REQUIRED(names, rest) OBJECT("\"required\":[" names "]," rest)

static const struct {
	const char *narrower, *wider;
	enum schema_compat there, back;
} pairs[] = {
	{ "{}", "true", SCHEMA_COMPATIBLE, SCHEMA_COMPATIBLE },
	{ "false", "{\"type\":\"null\"}", SCHEMA_COMPATIBLE,
	  SCHEMA_INCOMPATIBLE },
	{ "{\"type\":\"integer\"}", "{\"type\":[\"number\",\"null\"]}",
	  SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ "{\"enum\":[1,\"a\"]}", "{\"enum\":[\"a\",2,1.0]}", SCHEMA_COMPATIBLE,
	  SCHEMA_INCOMPATIBLE },
	{ "{\"const\":\"abc\"}", "{\"pattern\":\"^a\",\"maxLength\":3}",
	  SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ "{\"type\":\"number\",\"minimum\":2}", "{\"exclusiveMinimum\":1.9}",
	  SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ "{\"exclusiveMaximum\":2}", "{\"maximum\":2}", SCHEMA_COMPATIBLE,
	  SCHEMA_INCOMPATIBLE },
	{ "{\"multipleOf\":6}", "{\"multipleOf\":3}", SCHEMA_COMPATIBLE,
	  SCHEMA_INCOMPATIBLE },
	{ "{\"type\":\"string\",\"minLength\":2}", "{\"minLength\":1}",
	  SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ REQUIRED("\"a\",\"b\"", "\"properties\":{\"a\":{\"type\":\"null\"}}"),
	  REQUIRED("\"a\"", "\"minProperties\":2"), SCHEMA_COMPATIBLE,
	  SCHEMA_INCOMPATIBLE },
	{ OBJECT("\"properties\":{\"a\":true},\"additionalProperties\":false"),
	  OBJECT("\"properties\":{\"b\":{\"type\":\"null\"}}"),
	  SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ OBJECT("\"properties\":{\"a\":{\"type\":\"null\"}}"),
	  OBJECT("\"properties\":{\"b\":{\"type\":\"null\"}}"),
	  SCHEMA_INCOMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},"
	  "\"minItems\":2}",
	  "{\"items\":{\"type\":\"number\"},\"minItems\":1}", SCHEMA_COMPATIBLE,
	  SCHEMA_INCOMPATIBLE },
	{ "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"type\":\"object\","
	  "\"properties\":{\"kid\":{\"$ref\":\"#/$defs/t\"},"
	  "\"n\":{\"type\":\"integer\"}}}}}",
	  "{\"type\":\"object\",\"properties\":{\"kid\":{\"$ref\":\"#\"},"
	  "\"n\":{\"type\":\"number\"}}}",
	  SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ "{\"anyOf\":[{\"type\":\"null\"},{\"const\":5}]}",
	  "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}",
	  SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ "{\"type\":\"string\"}", "{\"not\":{\"type\":\"object\"}}",
	  SCHEMA_COMPATIBLE, SCHEMA_INCOMPATIBLE },
	{ "{\"not\":{\"pattern\":\"^(a|b)+$\"}}",
	  "{\"not\":{\"pattern\":\"^(a|b)+$\"}}", SCHEMA_COMPATIBLE,
	  SCHEMA_COMPATIBLE },
	{ "{\"type\":\"string\",\"pattern\":\"^[ab]{9}c$\"}",
	  "{\"type\":\"string\",\"pattern\":\"^[ab]{9}c?$\"}", SCHEMA_UNDECIDED,
	  SCHEMA_UNDECIDED },
};

static void
what_can_be_proved_is_proved_and_the_rest_has_a_witness(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		enum schema_compat there =
			compare(pairs[i].narrower, pairs[i].wider);
		enum schema_compat back =
			compare(pairs[i].wider, pairs[i].narrower);

		if (there != pairs[i].there || back != pairs[i].back)
			fail_msg("%s / %s: %d %d, not %d %d", pairs[i].narrower,
				 pairs[i].wider, there, back, pairs[i].there,
				 pairs[i].back);
	}
}

/* Random schemas that come in pairs: the second one is made by the same numbers
 * but for one of them. */
static struct {
	uint64_t state;
	unsigned drawn, changed; /* the draw that is another one; 0: none */
} dice;

static unsigned
draw(unsigned below)
{
	uint64_t n;

	dice.state = dice.state * 6364136223846793005u + 1442695040888963407u;
	n = dice.state >> 33;
	if (++dice.drawn == dice.changed)
		n += 1 + (n >> 7) % 5;
	return (unsigned)(n % below);
}

static void
put_value(struct buf *b, int depth)
{
	static const char *const plain[] = { "null", "true", "false", "0",
					     "1",    "2",    "-1",    "1.5",
					     "3",    "\"\"", "\"a\"", "\"ab\"",
					     "{}",   "[]" };
	unsigned kind = draw(depth > 0 ? 18 : 14), n, i;

	if (kind < 14) {
		buf_adds(b, plain[kind]);
		return;
	}
	n = draw(4);
	buf_addc(b, kind < 16 ? '[' : '{');
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(b, ',');
		if (kind >= 16)
			buf_addf(b, "\"%c\":", 'a' + (int)i);
		put_value(b, depth - 1);
	}
	buf_addc(b, kind < 16 ? ']' : '}');
}

static void put_schema(struct buf *b, int depth);

static void
put_list(struct buf *b, int depth)
{
	unsigned n = 1 + draw(2);

	buf_addc(b, '[');
	put_schema(b, depth);
	while (n-- > 1) {
		buf_addc(b, ',');
		put_schema(b, depth);
	}
	buf_addc(b, ']');
}

static void
put_keyword(struct buf *b, unsigned which, int depth)
{
	static const char *const types[] = { "null",   "boolean", "integer",
					     "number", "string",  "array",
					     "object" };
	static const char *const counts[] = {
		"minLength",        "maxLength",       "minItems", "maxItems",
		"minProperties",    "maxProperties",   "minimum",  "maximum",
		"exclusiveMinimum", "exclusiveMaximum"
	};
	static const char *const schemas[] = {
		"additionalProperties",
		"items",
		"contains",
		"propertyNames",
		"not",
		"if",
		"then",
		"else",
		"unevaluatedProperties",
	};
	static const char *const lists[] = { "anyOf", "oneOf", "allOf",
					     "prefixItems" };
	static const char *const maps[] = { "properties", "patternProperties",
					    "dependentSchemas", "properties" };

	if (which < 12) {
		buf_addf(b, "\"type\":[\"%s\",\"%s\"]", types[draw(7)],
			 types[draw(7)]);
	} else if (which < 22) {
		buf_addf(b, "\"%s\":%u", counts[which - 12], draw(4));
	} else if (which < 31) {
		buf_addf(b, "\"%s\":", schemas[which - 22]);
		put_schema(b, depth - 1);
	} else if (which < 35) {
		buf_addf(b, "\"%s\":", lists[which - 31]);
		put_list(b, depth - 1);
	} else if (which < 39) {
		buf_addf(b, "\"%s\":{\"%c\":", maps[which - 35],
			 'a' + (int)draw(3));
		put_schema(b, depth - 1);
		buf_adds(b, ",\"d\":");
		put_schema(b, depth - 1);
		buf_addc(b, '}');
	} else if (which < 43) {
		buf_addf(b, "\"required\":[\"%c\"]", 'a' + (int)draw(3));
	} else if (which == 43) {
		buf_adds(b, "\"enum\":[");
		put_value(b, 1);
		buf_addc(b, ',');
		put_value(b, 1);
		buf_addc(b, ']');
	} else if (which == 44) {
		buf_adds(b, "\"const\":");
		put_value(b, 1);
	} else if (which == 45) {
		buf_addf(b, "\"multipleOf\":%u", 1 + draw(3));
	} else if (which == 46) {
		buf_adds(b, "\"uniqueItems\":true");
	} else if (which == 47) {
		buf_addf(b, "\"pattern\":\"%c\"", 'a' + (int)draw(2));
	} else if (which == 48) {
		buf_adds(b, "\"items\":{\"$ref\":\"#\"}");
	} else {
		buf_adds(b, "\"dependentRequired\":{\"a\":[\"b\"]}");
	}
}

static void
put_schema(struct buf *b, int depth)
{
	uint64_t used = 0;
	unsigned n = draw(4), i;
	bool first = true;

	if (depth <= 0 || draw(12) == 0) {
		buf_adds(b, draw(3) == 0 ? "false" : "{\"type\":\"integer\"}");
		return;
	}
	buf_addc(b, '{');
	for (i = 0; i < n + 1; i++) {
		unsigned which = draw(50);
		/* Of one keyword only one. */
		unsigned key = which < 12                  ? 0
			       : which == 48               ? 23
			       : which == 38               ? 35
			       : which >= 39 && which < 43 ? 39
							   : which;

		if ((used >> key & 1) != 0)
			continue;
		used |= (uint64_t)1 << key;
		if (!first)
			buf_addc(b, ',');
		first = false;
		put_keyword(b, which, depth);
	}
	buf_addc(b, '}');
}

static void
make_pair(unsigned seed, struct buf *a, struct buf *b)
{
	unsigned drawn;

	memset(&dice, 0, sizeof(dice));
	dice.state = seed * 2654435761u;
	buf_clear(a);
	put_schema(a, 3);
	drawn = dice.drawn;
	memset(&dice, 0, sizeof(dice));
	dice.state = seed * 2654435761u;
	dice.changed = 1 + seed % (drawn + 1);
	buf_clear(b);
	put_schema(b, 3);
}

static void
a_proof_is_never_contradicted(void **state)
{
	struct buf a = { 0 }, b = { 0 }, value = { 0 };
	unsigned count[3] = { 0 }, seed, i;

	(void)state;
	for (seed = 1; seed <= PAIRS; seed++) {
		struct schema_set *one = schema_set_open(false);
		struct schema_set *other = schema_set_open(false);
		const struct schema *from, *to;
		enum schema_compat rc;

		make_pair(seed, &a, &b);
		if (strcmp(buf_text(&a), buf_text(&b)) == 0) {
			schema_set_close(one);
			schema_set_close(other);
			continue;
		}
		rc = compare(buf_text(&a), buf_text(&b));
		count[rc]++;
		from = parse(one, a.data);
		to = parse(other, b.data);
		dice.changed = 0;
		for (i = 0; rc == SCHEMA_COMPATIBLE && i < VALUES; i++) {
			buf_clear(&value);
			put_value(&value, 3);
			if (check(from, value.data, value.len) == 1 &&
			    check(to, value.data, value.len) != 1)
				fail_msg("%s accepts %s, %s does not", a.data,
					 buf_text(&value), b.data);
		}
		schema_set_close(one);
		schema_set_close(other);
	}
	print_message("%u compatible, %u incompatible, %u undecided\n",
		      count[SCHEMA_COMPATIBLE], count[SCHEMA_INCOMPATIBLE],
		      count[SCHEMA_UNDECIDED]);
	assert_true(count[SCHEMA_COMPATIBLE] > PAIRS / 20);
	assert_true(count[SCHEMA_INCOMPATIBLE] > PAIRS / 20);
	buf_release(&a);
	buf_release(&b);
	buf_release(&value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_can_be_proved_is_proved_and_the_rest_has_a_witness),
		cmocka_unit_test(a_proof_is_never_contradicted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
