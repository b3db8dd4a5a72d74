#include <string.h>

#include "common/schema_check_state.h"

static const struct schema_property *
find_property(const struct schema_object *o, const struct json_node *n)
{
	uint64_t hash = schema_hash_text(n->key, n->key_len);
	size_t slot = hash & (o->slots - 1);

	for (; o->slot[slot] != 0; slot = (slot + 1) & (o->slots - 1)) {
		const struct schema_property *p =
			&o->property[o->slot[slot] - 1];

		if (p->hash == hash && p->len == n->key_len &&
		    memcmp(p->name, n->key, p->len) == 0)
			return p;
	}
	return NULL;
}

/* The member's value by what patternProperties and additionalProperties say. */
static bool
check_others(struct schema_check *c, const struct schema *r, unsigned child,
	     size_t i, bool known, size_t seen)
{
	const struct schema_object *o = r->object;
	const struct json_node *n = &c->tree.node[child];
	bool ok = true;
	size_t k;

	for (k = 0; k < o->patterns && schema_goes_on(c, ok); k++) {
		if (schema_matches(c, o->patterned[k].pattern, n->key,
				   n->key_len) != 1)
			continue;
		known = true;
		schema_bit_set(c, seen, i);
		ok &= schema_check_rule(c, o->patterned[k].rule, child, 0);
	}
	if (known || o->additional == NULL)
		return ok;
	schema_bit_set(c, seen, i);
	if (o->additional->never)
		return schema_report(c, r, child, "additionalProperties",
				     "is not allowed");
	return schema_check_rule(c, o->additional, child, 0) && ok;
}

/* A name is checked as a value of its own, in a tree of its own. */
static bool
check_name(struct schema_check *c, const struct schema *r, unsigned child)
{
	const struct json_node *n = &c->tree.node[child];
	struct json_node name = { .type = JSON_STRING,
				  .next = 1,
				  .text = n->key,
				  .len = n->key_len };
	struct json_tree whole = c->tree;
	bool ok;

	c->tree = (struct json_tree){ .node = &name, .count = 1 };
	ok = schema_holds(c, r->object->names, 0, 0);
	c->tree = whole;
	if (ok || c->gave_up != NULL)
		return ok;
	return schema_report_name(c, r, child);
}

static bool
check_dependents(struct schema_check *c, const struct schema *r, unsigned at,
		 size_t there, size_t seen)
{
	const struct schema_object *o = r->object;
	bool ok = true;
	size_t i, k;

	for (i = 0; i < o->dependents && schema_goes_on(c, ok); i++) {
		const struct schema_dependent *d = &o->dependent[i];
		const struct schema_property *p = &o->property[d->property];

		if (!schema_bit(c, there, p->bit - 1))
			continue;
		if (d->rule != NULL)
			ok &= schema_check_rule(c, d->rule, at, seen);
		for (k = 0; k < d->count; k++) {
			const struct schema_property *need =
				&o->property[d->needed[k]];

			if (!schema_bit(c, there, need->bit - 1))
				ok = schema_report_missing(c, r, at, d->keyword,
							   need, p);
		}
	}
	return ok;
}

static bool
check_required(struct schema_check *c, const struct schema *r, unsigned at,
	       size_t there)
{
	const struct schema_object *o = r->object;
	bool ok = true;
	size_t i;

	for (i = 0; i < o->count && schema_goes_on(c, ok); i++)
		if (o->property[i].required &&
		    !schema_bit(c, there, o->property[i].bit - 1))
			ok = schema_report_missing(c, r, at, "required",
						   &o->property[i], NULL);
	return ok;
}

static bool
check_members(struct schema_check *c, const struct schema *r, unsigned at,
	      size_t there, size_t seen)
{
	const struct schema_object *o = r->object;
	unsigned child, end = c->tree.node[at].next;
	bool ok = true;
	size_t i = 0;

	for (child = at + 1; child < end && schema_goes_on(c, ok);
	     child = c->tree.node[child].next, i++) {
		const struct schema_property *p =
			find_property(o, &c->tree.node[child]);

		if (p != NULL && p->bit != 0)
			schema_bit_set(c, there, p->bit - 1);
		if (p != NULL && p->rule != NULL) {
			schema_bit_set(c, seen, i);
			ok &= schema_check_rule(c, p->rule, child, 0);
		}
		if (o->patterns != 0 || o->additional != NULL)
			ok &= check_others(c, r, child, i,
					   p != NULL && p->rule != NULL, seen);
		if (o->names != NULL)
			ok &= check_name(c, r, child);
	}
	return ok;
}

bool
schema_check_object(struct schema_check *c, const struct schema *r, unsigned at,
		    size_t seen)
{
	const struct schema_object *o = r->object;
	unsigned count = c->tree.node[at].count;
	size_t there = schema_bits_take(c, o->bits);
	bool ok = true;

	c->steps += count + o->count / 4;
	if (count < o->min)
		ok = schema_report_size(c, r, at, "minProperties", count,
					o->min);
	if (count > o->max)
		ok = schema_report_size(c, r, at, "maxProperties", count,
					o->max);
	if (schema_goes_on(c, ok))
		ok &= check_members(c, r, at, there, seen);
	if (schema_goes_on(c, ok) && o->bits != 0)
		ok &= check_required(c, r, at, there);
	if (schema_goes_on(c, ok))
		ok &= check_dependents(c, r, at, there, seen);
	schema_bits_give(c, there);
	return ok;
}
