#include "common/schema_compile_state.h"

/* Arrays. */

static struct schema_array *
array(struct schema_compiler *c)
{
	struct schema_array *a = c->rule->array;

	if (a == NULL) {
		a = FACET(c, array);
		a->max = a->max_contains = SIZE_MAX;
		a->min_contains = 1;
		a->contains_evaluates = c->resource->draft == SCHEMA_2020;
	}
	return a;
}

/* Up to draft 7 an array here is what prefixItems became. */
static int
items_7(struct schema_compiler *c, unsigned at)
{
	struct schema_array *a = array(c);

	if (node_at(c, at)->type != JSON_ARRAY) {
		a->rest_name = "items";
		return schema_compile_one(c, at, &a->rest);
	}
	if (node_at(c, at)->count == 0)
		return 0;
	return schema_compile_list(c, at, &a->prefix);
}

/* Counts only beside an array of items. */
static int
additional_items(struct schema_compiler *c, unsigned at)
{
	unsigned items = json_tree_member(c->t, c->rule->node, "items", 5);

	if (items == 0 || node_at(c, items)->type != JSON_ARRAY)
		return 0;
	array(c)->rest_name = "additionalItems";
	return schema_compile_one(c, at, &array(c)->rest);
}

int
schema_compile_arrays(struct schema_compiler *c, enum schema_key key,
		      unsigned at)
{
	struct schema_array *a = array(c);

	switch (key) {
	case KEY_MAX_ITEMS:
		return schema_compile_size(c, at, &a->max);
	case KEY_MIN_ITEMS:
		return schema_compile_size(c, at, &a->min);
	case KEY_UNIQUE:
		return schema_compile_flag(c, at, &a->unique);
	case KEY_MAX_CONTAINS:
		return schema_compile_size(c, at, &a->max_contains);
	case KEY_MIN_CONTAINS:
		return schema_compile_size(c, at, &a->min_contains);
	case KEY_PREFIX_ITEMS:
		return schema_compile_list(c, at, &a->prefix);
	case KEY_ITEMS:
		a->rest_name = "items";
		return schema_compile_one(c, at, &a->rest);
	case KEY_ITEMS_7:
		return items_7(c, at);
	case KEY_ADDITIONAL_ITEMS:
		return additional_items(c, at);
	case KEY_CONTAINS:
		return schema_compile_one(c, at, &a->contains);
	default:
		return schema_compile_one(c, at, &a->unevaluated);
	}
}
