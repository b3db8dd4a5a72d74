#include <string.h>

#include "common/schema_compat_state.h"

static bool
has(const struct compat_rules *l, const struct schema *rule)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (l->rule[i] == rule)
			return true;
	return false;
}

static void
add_list(struct compat_rules *l, const struct schema_list *list, bool loose)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		compat_add(l, list->rule[i], loose);
}

void
compat_add(struct compat_rules *l, const struct schema *rule, bool loose)
{
	const struct schema_logic *g;
	size_t i;

	if (rule == NULL || has(l, rule))
		return;
	if (l->count == COMPAT_RULES) {
		l->full = true;
		return;
	}
	l->rule[l->count++] = rule;
	g = rule->logic;
	if (g != NULL) {
		compat_add(l, g->ref, loose);
		add_list(l, &g->all, loose);
	}
	if (!loose)
		return;
	if (g != NULL) {
		add_list(l, &g->any, true);
		add_list(l, &g->one, true);
		compat_add(l, g->not, true);
		compat_add(l, g->cond, true);
		compat_add(l, g->then, true);
		compat_add(l, g->otherwise, true);
	}
	for (i = 0; rule->object != NULL && i < rule->object->dependents; i++)
		compat_add(l, rule->object->dependent[i].rule, true);
}

const struct schema_property *
compat_property(const struct schema_object *o, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < o->count; i++)
		if (o->property[i].len == len &&
		    memcmp(o->property[i].name, name, len) == 0)
			return &o->property[i];
	return NULL;
}

void
compat_member(const struct compat_rules *l, const char *name, size_t len,
	      struct compat_rules *out, bool loose)
{
	size_t i, k;

	for (i = 0; i < l->count; i++) {
		const struct schema_object *o = l->rule[i]->object;
		const struct schema_property *p;
		bool matched = false;

		if (o == NULL)
			continue;
		p = compat_property(o, name, len);
		if (p != NULL && p->rule != NULL) {
			matched = true;
			compat_add(out, p->rule, loose);
		}
		for (k = 0; k < o->patterns; k++) {
			size_t steps = 0;
			int rc = schema_pattern_match(o->patterned[k].pattern,
						      name, len, &steps);

			matched = matched || rc != 0;
			out->full = out->full || rc < 0;
			if (rc == 1)
				compat_add(out, o->patterned[k].rule, loose);
		}
		if (!matched)
			compat_add(out, o->additional, loose);
	}
}

void
compat_element(const struct compat_rules *l, size_t i, struct compat_rules *out,
	       bool loose)
{
	size_t k;

	for (k = 0; k < l->count; k++) {
		const struct schema_array *a = l->rule[k]->array;

		if (a != NULL)
			compat_add(out,
				   i < a->prefix.count ? a->prefix.rule[i]
						       : a->rest,
				   loose);
	}
}

void
compat_put(struct buf *out, const struct json_tree *t, unsigned i)
{
	const struct json_node *n = &t->node[i];
	bool object = n->type == JSON_OBJECT;
	unsigned child;

	if (n->type == JSON_STRING) {
		buf_add_json(out, n->text, n->len);
		return;
	}
	if (!object && n->type != JSON_ARRAY) {
		buf_add(out, n->text, n->len);
		return;
	}
	buf_addc(out, object ? '{' : '[');
	for (child = i + 1; child < n->next; child = t->node[child].next) {
		if (child != i + 1)
			buf_addc(out, ',');
		if (object) {
			buf_add_json(out, t->node[child].key,
				     t->node[child].key_len);
			buf_addc(out, ':');
		}
		compat_put(out, t, child);
	}
	buf_addc(out, object ? '}' : ']');
}

int
compat_check(const struct schema *rule, const char *text, size_t len)
{
	struct schema_check check = { 0 };
	struct json_doc doc = { 0 };
	int rc = -1;

	if (json_scan(&doc, text, len) == 0)
		rc = schema_check(&check, rule, &doc.root);
	schema_check_release(&check);
	json_release(&doc);
	return rc;
}

enum schema_compat
schema_compat(const struct schema *narrower, const struct schema *wider,
	      struct buf *witness)
{
	buf_clear(witness);
	if (compat_prove(narrower, wider))
		return SCHEMA_COMPATIBLE;
	if (compat_witness(narrower, wider, witness))
		return SCHEMA_INCOMPATIBLE;
	return SCHEMA_UNDECIDED;
}
