#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_compile_state.h"

/* Numbers. */

static int
number(struct schema_compiler *c, unsigned at, struct json_value *out)
{
	if (node_at(c, at)->type != JSON_NUMBER)
		return refuse(c, at, "is not a number");
	*out = schema_value_of(node_at(c, at));
	return 0;
}

static int
multiple(struct schema_compiler *c, unsigned at, struct json_value *out)
{
	if (number(c, at, out) < 0)
		return -1;
	if (*out->text == '-' || json_number_digits(out) == 0)
		return refuse(c, at, "is not above 0");
	if (json_number_digits(out) > JSON_DIVISOR_DIGITS)
		return refuse(c, at, "has too many digits");
	return 0;
}

/* Up to draft 4 exclusive bounds are booleans beside the bounds. */
static int
exclusive_4(struct schema_compiler *c, unsigned at, struct json_value *bound,
	    struct json_value *exclusive, const char *name)
{
	unsigned beside =
		json_tree_member(c->t, c->rule->node, name, strlen(name));

	if (node_at(c, at)->type == JSON_FALSE)
		return 0;
	if (node_at(c, at)->type != JSON_TRUE)
		return refuse(c, at, "is not a boolean (draft 4)");
	if (beside == 0 || number(c, beside, exclusive) < 0)
		return refuse(c, at, "has no bound beside it");
	*bound = (struct json_value){ 0 };
	return 0;
}

int
schema_compile_numbers(struct schema_compiler *c, enum schema_key key,
		       unsigned at)
{
	bool old = c->resource->draft == SCHEMA_4;
	struct schema_number *n = FACET(c, number);

	switch (key) {
	case KEY_MULTIPLE:
		return multiple(c, at, &n->multiple);
	case KEY_MAXIMUM:
		return n->below.type != JSON_NONE && old
			       ? 0
			       : number(c, at, &n->maximum);
	case KEY_MINIMUM:
		return n->above.type != JSON_NONE && old
			       ? 0
			       : number(c, at, &n->minimum);
	case KEY_EXCLUSIVE_MAXIMUM:
		return old ? exclusive_4(c, at, &n->maximum, &n->below,
					 "maximum")
			   : number(c, at, &n->below);
	default:
		return old ? exclusive_4(c, at, &n->minimum, &n->above,
					 "minimum")
			   : number(c, at, &n->above);
	}
}

/* A number of things: a whole number of 0 or more. */
int
schema_compile_size(struct schema_compiler *c, unsigned at, size_t *out)
{
	struct json_value v = schema_value_of(node_at(c, at));
	char *end;
	double n;

	if (v.type != JSON_NUMBER || *v.text == '-' ||
	    !json_number_is_whole(&v))
		return v.type == JSON_NUMBER && json_number_digits(&v) == 0
			       ? (*out = 0, 0)
			       : refuse(c, at,
					"is not a whole number from 0 on");
	n = strtod(v.text, &end);
	*out = n < 1e15 ? (size_t)n : SIZE_MAX;
	return 0;
}

int
schema_compile_flag(struct schema_compiler *c, unsigned at, bool *out)
{
	enum json_type type = node_at(c, at)->type;

	if (type != JSON_TRUE && type != JSON_FALSE)
		return refuse(c, at, "is not a boolean");
	*out = type == JSON_TRUE;
	return 0;
}

/* Types and values. */

static int
one_type(struct schema_compiler *c, unsigned at, unsigned *types)
{
	static const struct {
		const char *name;
		unsigned bits;
	} names[] = {
		{ "null", 1u << JSON_NULL },
		{ "boolean", 1u << JSON_FALSE | 1u << JSON_TRUE },
		{ "number", 1u << JSON_NUMBER | SCHEMA_TYPE_INTEGER },
		{ "integer", SCHEMA_TYPE_INTEGER },
		{ "string", 1u << JSON_STRING },
		{ "array", 1u << JSON_ARRAY },
		{ "object", 1u << JSON_OBJECT },
	};
	const struct json_node *n = node_at(c, at);
	size_t i;

	for (i = 0;
	     n->type == JSON_STRING && i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i].name) == n->len &&
		    memcmp(names[i].name, n->text, n->len) == 0) {
			*types |= names[i].bits;
			return 0;
		}
	return refuse(c, at, "is no type");
}

int
schema_compile_types(struct schema_compiler *c, unsigned at)
{
	const struct json_node *n = node_at(c, at);
	unsigned child, bits = 0;

	if (n->type != JSON_ARRAY) {
		if (one_type(c, at, &bits) < 0)
			return -1;
	} else {
		if (n->count == 0)
			return refuse(c, at, "names no type");
		for (child = at + 1; child < n->next;
		     child = node_at(c, child)->next)
			if (one_type(c, child, &bits) < 0)
				return -1;
	}
	c->rule->types = bits;
	return 0;
}

size_t
schema_slots_for(size_t count)
{
	size_t n = 8;

	while (n < count * 2)
		n *= 2;
	return n;
}

static void
add_value(struct schema_compiler *c, struct schema_values *v, unsigned at)
{
	size_t slot;

	v->node[v->count] = at;
	v->hash[v->count] = schema_hash(c->t, at);
	slot = v->hash[v->count] & (v->slots - 1);
	while (v->slot[slot] != 0)
		slot = (slot + 1) & (v->slots - 1);
	v->slot[slot] = (unsigned)++v->count;
}

int
schema_compile_values(struct schema_compiler *c, unsigned at,
		      struct schema_values **out, const char *keyword)
{
	const struct json_node *n = node_at(c, at);
	bool list = strcmp(keyword, "enum") == 0;
	struct schema_values *v;
	size_t count = list ? n->count : 1;
	unsigned child;

	if (list && n->type != JSON_ARRAY)
		return refuse(c, at, "is not an array");
	v = *out = xcalloc(1, sizeof(*v));
	v->keyword = keyword;
	v->node = xcalloc(count, sizeof(*v->node));
	v->hash = xcalloc(count, sizeof(*v->hash));
	v->slots = schema_slots_for(count);
	v->slot = xcalloc(v->slots, sizeof(*v->slot));
	if (!list)
		add_value(c, v, at);
	for (child = at + 1; list && child < n->next;
	     child = node_at(c, child)->next)
		add_value(c, v, child);
	return 0;
}

/* Strings. */

int
schema_compile_pattern(struct schema_compiler *c, unsigned at, const char *text,
		       size_t len, struct schema_pattern **out)
{
	char why[160];

	*out = schema_pattern_compile(text, len, why, sizeof(why));
	if (*out != NULL)
		return 0;
	return schema_fail(c->set, c->d, at, "pattern %.*s: %s",
			   (int)(len < 60 ? len : 60), text, why);
}

static int
string_pattern(struct schema_compiler *c, unsigned at, struct schema_string *s)
{
	const struct json_node *n = node_at(c, at);

	if (n->type != JSON_STRING)
		return refuse(c, at, "is not a string");
	s->pattern_text = n->text;
	s->pattern_len = n->len;
	return schema_compile_pattern(c, at, n->text, n->len, &s->pattern);
}

static int
format(struct schema_compiler *c, unsigned at)
{
	const struct json_node *n = node_at(c, at);

	if (n->type != JSON_STRING)
		return refuse(c, at, "is not a string");
	if (c->set->assert_format || c->resource->asserts_format)
		FACET(c, string)->format = schema_format_find(n->text, n->len);
	return 0;
}

int
schema_compile_strings(struct schema_compiler *c, enum schema_key key,
		       unsigned at)
{
	struct schema_string *s = c->rule->string;

	if (s == NULL) {
		s = FACET(c, string);
		s->max = SIZE_MAX;
	}
	switch (key) {
	case KEY_MAX_LENGTH:
		return schema_compile_size(c, at, &s->max);
	case KEY_MIN_LENGTH:
		return schema_compile_size(c, at, &s->min);
	case KEY_PATTERN:
		return string_pattern(c, at, s);
	default:
		return format(c, at);
	}
}
