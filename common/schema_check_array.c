#include <string.h>

#include "common/schema_check_state.h"

/* Where two equal elements are; false if all differ. */
static bool
find_equal(struct schema_check *c, unsigned at, unsigned *first,
	   unsigned *second)
{
	const struct json_node *n = &c->tree.node[at];
	size_t slots = 8, words, slot, used, table;
	unsigned child, i = 0;
	uint64_t *word;

	if (n->count < 2)
		return false;
	while (slots < (size_t)n->count * 2)
		slots *= 2;
	if (!schema_steps(c, n->next - at + n->len / 64))
		return false;
	/* Pairs of hash and node in a table beside the bits. */
	words = slots * 2;
	table = schema_bits_take(c, words * 64);
	for (child = at + 1; child < n->next;
	     child = c->tree.node[child].next, i++) {
		uint64_t hash = schema_hash(&c->tree, child);

		word = c->scratch->word + table - 1;
		slot = hash & (slots - 1);
		for (used = 0; word[slot * 2 + 1] != 0 && used < slots;
		     used++) {
			unsigned other = (unsigned)word[slot * 2 + 1] - 1;

			if (!schema_steps(c, 1)) {
				schema_bits_give(c, table);
				return false;
			}
			if (word[slot * 2] == hash &&
			    schema_equal(&c->tree, child, &c->tree, other)) {
				*first = other;
				*second = child;
				schema_bits_give(c, table);
				return true;
			}
			slot = (slot + 1) & (slots - 1);
		}
		word[slot * 2] = hash;
		word[slot * 2 + 1] = (uint64_t)child + 1;
	}
	schema_bits_give(c, table);
	return false;
}

static bool
check_contains(struct schema_check *c, const struct schema *r, unsigned at,
	       size_t seen)
{
	const struct schema_array *a = r->array;
	const struct json_node *n = &c->tree.node[at];
	unsigned child, i = 0;
	size_t found = 0;

	for (child = at + 1; child < n->next;
	     child = c->tree.node[child].next, i++) {
		if (!schema_holds(c, a->contains, child, 0))
			continue;
		found++;
		if (a->contains_evaluates)
			schema_bit_set(c, seen, i);
	}
	if (found < a->min_contains)
		return schema_report(c, r, at,
				     a->min_contains == 1 ? "contains"
							  : "minContains",
				     "has %zu elements that match, fewer than "
				     "%zu",
				     found, a->min_contains);
	if (found > a->max_contains)
		return schema_report(c, r, at, "maxContains",
				     "has %zu elements that match, more than "
				     "%zu",
				     found, a->max_contains);
	return true;
}

bool
schema_check_array(struct schema_check *c, const struct schema *r, unsigned at,
		   size_t seen)
{
	const struct schema_array *a = r->array;
	const struct json_node *n = &c->tree.node[at];
	unsigned child, i = 0, first, second;
	bool ok = true;

	if (n->count < a->min)
		ok = schema_report_size(c, r, at, "minItems", n->count, a->min);
	if (n->count > a->max)
		ok = schema_report_size(c, r, at, "maxItems", n->count, a->max);
	if (a->unique && find_equal(c, at, &first, &second))
		ok = schema_report_equal(c, r, at, first, second);
	for (child = at + 1; child < n->next && schema_goes_on(c, ok);
	     child = c->tree.node[child].next, i++) {
		const struct schema *rule =
			i < a->prefix.count ? a->prefix.rule[i] : a->rest;

		if (rule == NULL)
			break;
		if (rule->never && i >= a->prefix.count)
			ok = schema_report(c, r, child, a->rest_name,
					   "is one element too many");
		else
			ok &= schema_check_rule(c, rule, child, 0);
		schema_bit_set(c, seen, i);
	}
	if (a->contains != NULL && schema_goes_on(c, ok))
		ok &= check_contains(c, r, at, seen);
	return ok;
}
