#include <string.h>

#include "common/schema_state.h"

/* JSON Schema, validation and core of each draft.  In the order of names, but
 * for those that mean different things in different drafts. */
static const struct schema_keyword keywords[] = {
#define ALL SCHEMA_4, SCHEMA_2020
#define SINCE(draft) draft, SCHEMA_2020
	{ "$anchor", KEY_ANCHOR, SINCE(SCHEMA_2020), SCHEMA_HOLDS_NONE, false },
	{ "$comment", KEY_ANNOTATION, SINCE(SCHEMA_7), SCHEMA_HOLDS_NONE,
	  false },
	{ "$defs", KEY_DEFS, SINCE(SCHEMA_2020), SCHEMA_HOLDS_MAP, false },
	{ "$dynamicAnchor", KEY_DYNAMIC_ANCHOR, SINCE(SCHEMA_2020),
	  SCHEMA_HOLDS_NONE, false },
	{ "$dynamicRef", KEY_DYNAMIC_REF, SINCE(SCHEMA_2020), SCHEMA_HOLDS_NONE,
	  false },
	{ "$id", KEY_ID, SINCE(SCHEMA_6), SCHEMA_HOLDS_NONE, false },
	{ "$ref", KEY_REF, ALL, SCHEMA_HOLDS_NONE, false },
	{ "$schema", KEY_SCHEMA, ALL, SCHEMA_HOLDS_NONE, false },
	{ "$vocabulary", KEY_VOCABULARY, SINCE(SCHEMA_2020), SCHEMA_HOLDS_NONE,
	  false },
	{ "additionalItems", KEY_ADDITIONAL_ITEMS, SCHEMA_4, SCHEMA_7,
	  SCHEMA_HOLDS_ONE, false },
	{ "additionalProperties", KEY_ADDITIONAL, ALL, SCHEMA_HOLDS_ONE,
	  false },
	{ "allOf", KEY_ALL, ALL, SCHEMA_HOLDS_LIST, false },
	{ "anyOf", KEY_ANY, ALL, SCHEMA_HOLDS_LIST, false },
	{ "const", KEY_CONST, SINCE(SCHEMA_6), SCHEMA_HOLDS_NONE, true },
	{ "contains", KEY_CONTAINS, SINCE(SCHEMA_6), SCHEMA_HOLDS_ONE, false },
	{ "contentEncoding", KEY_ANNOTATION, SINCE(SCHEMA_7), SCHEMA_HOLDS_NONE,
	  false },
	{ "contentMediaType", KEY_ANNOTATION, SINCE(SCHEMA_7),
	  SCHEMA_HOLDS_NONE, false },
	{ "contentSchema", KEY_ANNOTATION, SINCE(SCHEMA_2020), SCHEMA_HOLDS_ONE,
	  false },
	{ "default", KEY_ANNOTATION, ALL, SCHEMA_HOLDS_NONE, false },
	{ "definitions", KEY_DEFS, ALL, SCHEMA_HOLDS_MAP, false },
	{ "dependencies", KEY_DEPENDENCIES, ALL, SCHEMA_HOLDS_MIXED, false },
	{ "dependentRequired", KEY_DEPENDENT_REQUIRED, SINCE(SCHEMA_2020),
	  SCHEMA_HOLDS_NONE, true },
	{ "dependentSchemas", KEY_DEPENDENT_SCHEMAS, SINCE(SCHEMA_2020),
	  SCHEMA_HOLDS_MAP, false },
	{ "deprecated", KEY_ANNOTATION, SINCE(SCHEMA_2020), SCHEMA_HOLDS_NONE,
	  false },
	{ "description", KEY_ANNOTATION, ALL, SCHEMA_HOLDS_NONE, false },
	{ "else", KEY_ELSE, SINCE(SCHEMA_7), SCHEMA_HOLDS_ONE, false },
	{ "enum", KEY_ENUM, ALL, SCHEMA_HOLDS_NONE, true },
	{ "examples", KEY_ANNOTATION, SINCE(SCHEMA_6), SCHEMA_HOLDS_NONE,
	  false },
	{ "exclusiveMaximum", KEY_EXCLUSIVE_MAXIMUM, ALL, SCHEMA_HOLDS_NONE,
	  true },
	{ "exclusiveMinimum", KEY_EXCLUSIVE_MINIMUM, ALL, SCHEMA_HOLDS_NONE,
	  true },
	{ "format", KEY_FORMAT, ALL, SCHEMA_HOLDS_NONE, false },
	{ "id", KEY_ID_4, SCHEMA_4, SCHEMA_4, SCHEMA_HOLDS_NONE, false },
	{ "if", KEY_IF, SINCE(SCHEMA_7), SCHEMA_HOLDS_ONE, false },
	{ "items", KEY_ITEMS_7, SCHEMA_4, SCHEMA_7, SCHEMA_HOLDS_EITHER,
	  false },
	{ "items", KEY_ITEMS, SINCE(SCHEMA_2020), SCHEMA_HOLDS_ONE, false },
	{ "maxContains", KEY_MAX_CONTAINS, SINCE(SCHEMA_2020),
	  SCHEMA_HOLDS_NONE, true },
	{ "maxItems", KEY_MAX_ITEMS, ALL, SCHEMA_HOLDS_NONE, true },
	{ "maxLength", KEY_MAX_LENGTH, ALL, SCHEMA_HOLDS_NONE, true },
	{ "maxProperties", KEY_MAX_PROPERTIES, ALL, SCHEMA_HOLDS_NONE, true },
	{ "maximum", KEY_MAXIMUM, ALL, SCHEMA_HOLDS_NONE, true },
	{ "minContains", KEY_MIN_CONTAINS, SINCE(SCHEMA_2020),
	  SCHEMA_HOLDS_NONE, true },
	{ "minItems", KEY_MIN_ITEMS, ALL, SCHEMA_HOLDS_NONE, true },
	{ "minLength", KEY_MIN_LENGTH, ALL, SCHEMA_HOLDS_NONE, true },
	{ "minProperties", KEY_MIN_PROPERTIES, ALL, SCHEMA_HOLDS_NONE, true },
	{ "minimum", KEY_MINIMUM, ALL, SCHEMA_HOLDS_NONE, true },
	{ "multipleOf", KEY_MULTIPLE, ALL, SCHEMA_HOLDS_NONE, true },
	{ "not", KEY_NOT, ALL, SCHEMA_HOLDS_ONE, false },
	{ "oneOf", KEY_ONE, ALL, SCHEMA_HOLDS_LIST, false },
	{ "pattern", KEY_PATTERN, ALL, SCHEMA_HOLDS_NONE, true },
	{ "patternProperties", KEY_PATTERN_PROPERTIES, ALL, SCHEMA_HOLDS_MAP,
	  false },
	{ "prefixItems", KEY_PREFIX_ITEMS, SINCE(SCHEMA_2020),
	  SCHEMA_HOLDS_LIST, false },
	{ "properties", KEY_PROPERTIES, ALL, SCHEMA_HOLDS_MAP, false },
	{ "propertyNames", KEY_NAMES, SINCE(SCHEMA_6), SCHEMA_HOLDS_ONE,
	  false },
	{ "readOnly", KEY_ANNOTATION, SINCE(SCHEMA_7), SCHEMA_HOLDS_NONE,
	  false },
	{ "required", KEY_REQUIRED, ALL, SCHEMA_HOLDS_NONE, true },
	{ "then", KEY_THEN, SINCE(SCHEMA_7), SCHEMA_HOLDS_ONE, false },
	{ "title", KEY_ANNOTATION, ALL, SCHEMA_HOLDS_NONE, false },
	{ "type", KEY_TYPE, ALL, SCHEMA_HOLDS_NONE, true },
	{ "unevaluatedItems", KEY_UNEVALUATED_ITEMS, SINCE(SCHEMA_2020),
	  SCHEMA_HOLDS_ONE, false },
	{ "unevaluatedProperties", KEY_UNEVALUATED, SINCE(SCHEMA_2020),
	  SCHEMA_HOLDS_ONE, false },
	{ "uniqueItems", KEY_UNIQUE, ALL, SCHEMA_HOLDS_NONE, true },
	{ "writeOnly", KEY_ANNOTATION, SINCE(SCHEMA_7), SCHEMA_HOLDS_NONE,
	  false },
#undef ALL
#undef SINCE
};

enum {
	KEYWORDS = sizeof(keywords) / sizeof(*keywords),
	LONGEST = 24 /* of a name that may be a misspelling */
};

const struct schema_keyword *
schema_keyword(enum schema_draft draft, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < KEYWORDS; i++) {
		const struct schema_keyword *k = &keywords[i];

		if (len != 0 && *name == *k->name && draft >= k->from &&
		    draft <= k->to && strlen(k->name) == len &&
		    memcmp(name, k->name, len) == 0)
			return k;
	}
	return NULL;
}

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned n = a < b ? a : b;

	return n < c ? n : c;
}

/* Changes of one character that make one name the other (Levenshtein), where
 * two neighbours that changed places count as one, too. */
static unsigned
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned row[3][LONGEST + 1];
	size_t i, k;

	for (k = 0; k <= b_len; k++)
		row[0][k] = (unsigned)k;
	for (i = 1; i <= a_len; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3];
		unsigned *earlier = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (k = 1; k <= b_len; k++) {
			now[k] = least(last[k] + 1, now[k - 1] + 1,
				       last[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1] && earlier[k - 2] + 1 < now[k])
				now[k] = earlier[k - 2] + 1;
		}
	}
	return row[a_len % 3][b_len];
}

const char *
schema_keyword_near(enum schema_draft draft, const char *name, size_t len)
{
	unsigned best = 3, d;
	const char *near = NULL;
	size_t i;

	if (len < 3 || len > LONGEST)
		return NULL;
	for (i = 0; i < KEYWORDS; i++) {
		const struct schema_keyword *k = &keywords[i];
		size_t k_len = strlen(k->name);

		if (draft < k->from || draft > k->to || k_len > LONGEST ||
		    k_len + best <= len || len + best <= k_len)
			continue;
		d = distance(name, len, k->name, k_len);
		/* Of short names two changes leave too little. */
		if (d < best && d * 4 <= k_len) {
			best = d;
			near = k->name;
		}
	}
	return near;
}
