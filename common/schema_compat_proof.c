#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_compat_state.h"

enum { PAIRS = 64, STEPS = 20000, DEPTH = 40 };

enum {
	NUMBERS = 1 << JSON_NUMBER | SCHEMA_TYPE_INTEGER,
	FEW_VALUES = 1 << JSON_NULL | 1 << JSON_FALSE | 1 << JSON_TRUE
};

/* What is being proved, from the outermost pair in. */
struct proof {
	struct pair {
		struct compat_rules from;
		const struct schema *to;
		unsigned descents; /* into members and elements, on the way */
	} pair[PAIRS];
	size_t pairs;
	unsigned descents, steps;
};

static bool prove(struct proof *p, const struct compat_rules *from,
		  const struct schema *to);

static unsigned
types_of(const struct compat_rules *l)
{
	unsigned types = SCHEMA_TYPE_ALL;
	size_t i;

	for (i = 0; i < l->count; i++)
		types &= l->rule[i]->never ? 0 : l->rule[i]->types;
	return types;
}

static bool
prove_below(struct proof *p, const struct compat_rules *from,
	    const struct schema *to)
{
	bool ok;

	p->descents++;
	ok = prove(p, from, to);
	p->descents--;
	return ok;
}

static bool
prove_with(struct proof *p, const struct compat_rules *from,
	   const struct schema *more, const struct schema *to)
{
	struct compat_rules l = *from;

	if (to == NULL)
		return true;
	compat_add(&l, more, false);
	return prove(p, &l, to);
}

/* The bound b is no stricter than one that holds: sign 1 for lower bounds. */
static bool
is_bounded(const struct compat_rules *l, const struct json_value *b,
	   bool exclusive, int sign)
{
	size_t i;

	if (b->type == JSON_NONE)
		return true;
	for (i = 0; i < l->count; i++) {
		const struct schema_number *n = l->rule[i]->number;
		const struct json_value *closed, *open;

		if (n == NULL)
			continue;
		closed = sign > 0 ? &n->minimum : &n->maximum;
		open = sign > 0 ? &n->above : &n->below;
		if (open->type != JSON_NONE &&
		    sign * json_number_compare(open, b) >= 0)
			return true;
		if (closed->type != JSON_NONE &&
		    sign * json_number_compare(closed, b) >= exclusive)
			return true;
	}
	return false;
}

static bool
is_multiple(const struct compat_rules *l, const struct json_value *of,
	    unsigned types)
{
	static const struct json_value one = { JSON_NUMBER, "1", 1 };
	size_t i;

	if (of->type == JSON_NONE)
		return true;
	if ((types & 1 << JSON_NUMBER) == 0 &&
	    json_number_is_multiple(&one, of))
		return true;
	for (i = 0; i < l->count; i++) {
		const struct schema_number *n = l->rule[i]->number;

		if (n != NULL && n->multiple.type != JSON_NONE &&
		    json_number_is_multiple(&n->multiple, of))
			return true;
	}
	return false;
}

static bool
prove_number(const struct compat_rules *l, const struct schema_number *n,
	     unsigned types)
{
	return is_bounded(l, &n->minimum, false, 1) &&
	       is_bounded(l, &n->above, true, 1) &&
	       is_bounded(l, &n->maximum, false, -1) &&
	       is_bounded(l, &n->below, true, -1) &&
	       is_multiple(l, &n->multiple, types);
}

static bool
prove_string(const struct compat_rules *l, const struct schema_string *s)
{
	bool min = s->min == 0, max = s->max == SIZE_MAX,
	     pattern = s->pattern == NULL, format = s->format == NULL;
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct schema_string *a = l->rule[i]->string;

		if (a == NULL)
			continue;
		min = min || a->min >= s->min;
		max = max || a->max <= s->max;
		format = format || a->format == s->format;
		pattern = pattern || (a->pattern != NULL &&
				      a->pattern_len == s->pattern_len &&
				      memcmp(a->pattern_text, s->pattern_text,
					     s->pattern_len) == 0);
	}
	return min && max && pattern && format;
}

static bool
prove_contains(struct proof *p, const struct compat_rules *l,
	       const struct schema_array *b)
{
	size_t i;

	if (b->contains == NULL || b->unevaluated != NULL)
		return b->unevaluated == NULL;
	if (b->max_contains != SIZE_MAX)
		return false;
	for (i = 0; i < l->count; i++) {
		const struct schema_array *a = l->rule[i]->array;
		struct compat_rules below = { .count = 0 };

		if (a == NULL || a->contains == NULL ||
		    a->min_contains < b->min_contains)
			continue;
		compat_add(&below, a->contains, false);
		if (prove_below(p, &below, b->contains))
			return true;
	}
	return b->min_contains == 0;
}

static bool
prove_array(struct proof *p, const struct compat_rules *l,
	    const struct schema_array *b)
{
	size_t min = 0, max = SIZE_MAX, last = b->prefix.count, i;
	bool unique = false;

	for (i = 0; i < l->count; i++) {
		const struct schema_array *a = l->rule[i]->array;

		if (a == NULL)
			continue;
		min = a->min > min ? a->min : min;
		max = a->max < max ? a->max : max;
		unique = unique || a->unique;
		last = a->prefix.count > last ? a->prefix.count : last;
	}
	if (min < b->min || max > b->max || (b->unique && !unique && max > 1) ||
	    !prove_contains(p, l, b))
		return false;
	for (i = 0; i <= last && i < max; i++) {
		const struct schema *to =
			i < b->prefix.count ? b->prefix.rule[i] : b->rest;
		struct compat_rules below = { .count = 0 };

		compat_element(l, i, &below, false);
		if (to != NULL && !prove_below(p, &below, to))
			return false;
	}
	return true;
}

static bool
is_required(const struct compat_rules *l, const struct schema_property *name)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		const struct schema_object *o = l->rule[i]->object;
		const struct schema_property *p =
			o == NULL ? NULL
				  : compat_property(o, name->name, name->len);

		if (p != NULL && p->required)
			return true;
	}
	return false;
}

/* What the rules say of a member is enough for b's rules of it. */
static bool
prove_member(struct proof *p, const struct compat_rules *l,
	     const struct schema *b, const struct schema_property *name)
{
	struct compat_rules below = { .count = 0 }, wanted = { .count = 0 };
	const struct compat_rules only = { .rule = { b }, .count = 1 };
	size_t i;

	compat_member(l, name->name, name->len, &below, false);
	compat_member(&only, name->name, name->len, &wanted, false);
	for (i = 0; i < wanted.count; i++)
		if (!prove_below(p, &below, wanted.rule[i]))
			return false;
	return !wanted.full;
}

/* Of names that no "properties" mentions. */
static bool
prove_others(struct proof *p, const struct compat_rules *l,
	     const struct schema_object *b)
{
	struct compat_rules below = { .count = 0 };
	size_t i;

	if (b->additional == NULL && b->patterns == 0)
		return true;
	for (i = 0; i < l->count; i++) {
		const struct schema_object *a = l->rule[i]->object;

		if (a != NULL && a->patterns == 0)
			compat_add(&below, a->additional, false);
	}
	for (i = 0; i < b->patterns; i++)
		if (!prove_below(p, &below, b->patterned[i].rule))
			return false;
	return b->additional == NULL || prove_below(p, &below, b->additional);
}

static bool
prove_object(struct proof *p, const struct compat_rules *l,
	     const struct schema *to)
{
	const struct schema_object *b = to->object;
	size_t min = 0, max = SIZE_MAX, required, i, k;

	if (b->unevaluated != NULL || b->names != NULL || b->dependents != 0)
		return false;
	for (i = 0; i < b->count; i++) {
		if (b->property[i].required && !is_required(l, &b->property[i]))
			return false;
		if (!prove_member(p, l, to, &b->property[i]))
			return false;
	}
	for (i = 0; i < l->count; i++) {
		const struct schema_object *a = l->rule[i]->object;

		if (a == NULL)
			continue;
		for (k = required = 0; k < a->count; k++) {
			required += a->property[k].required;
			if (!prove_member(p, l, to, &a->property[k]))
				return false;
		}
		min = a->min > min ? a->min : min;
		min = required > min ? required : min;
		max = a->max < max ? a->max : max;
	}
	return min >= b->min && max <= b->max && prove_others(p, l, b);
}

static bool
are_disjoint(const struct compat_rules *l, const struct schema *other)
{
	struct compat_rules o = { .count = 0 };

	compat_add(&o, other, false);
	return (types_of(l) & types_of(&o)) == 0;
}

static bool
prove_logic(struct proof *p, const struct compat_rules *l,
	    const struct schema_logic *g)
{
	bool found = g->any.count == 0;
	size_t i, k;

	if (g->dynamic != NULL)
		return false;
	for (i = 0; i < g->any.count && !found; i++)
		found = prove(p, l, g->any.rule[i]);
	if (!found)
		return false;
	found = g->one.count == 0;
	for (i = 0; i < g->one.count && !found; i++) {
		found = prove(p, l, g->one.rule[i]);
		for (k = 0; k < g->one.count && found; k++)
			found = k == i || are_disjoint(l, g->one.rule[k]);
	}
	if (!found || (g->not != NULL && !are_disjoint(l, g->not )))
		return false;
	return g->cond == NULL || (prove_with(p, l, g->cond, g->then) &&
				   prove_with(p, l, NULL, g->otherwise));
}

/* One rule, without what it refers to. */
static bool
prove_rule(struct proof *p, const struct compat_rules *l,
	   const struct schema *b)
{
	unsigned types = types_of(l);

	if (b->never || b->values != NULL || b->constant != NULL ||
	    (types & ~b->types) != 0)
		return false;
	if (b->number != NULL && (types & NUMBERS) != 0 &&
	    !prove_number(l, b->number, types))
		return false;
	if (b->string != NULL && (types & 1 << JSON_STRING) != 0 &&
	    !prove_string(l, b->string))
		return false;
	if (b->array != NULL && (types & 1 << JSON_ARRAY) != 0 &&
	    !prove_array(p, l, b->array))
		return false;
	if (b->object != NULL && (types & 1 << JSON_OBJECT) != 0 &&
	    !prove_object(p, l, b))
		return false;
	return b->logic == NULL || prove_logic(p, l, b->logic);
}

/* A value may pass if some rule refuses it; else `to` must accept it. */
static bool
passes(const struct compat_rules *l, const struct schema *to, const char *text,
       size_t len)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (compat_check(l->rule[i], text, len) == 0)
			return true;
	return compat_check(to, text, len) == 1;
}

/* What accepts few values is proved by trying each.  1, 0, or -1: it is not so. */
static int
prove_values(const struct compat_rules *l, const struct schema *to)
{
	static const struct {
		enum json_type type;
		const char *text;
	} few[] = { { JSON_NULL, "null" },
		    { JSON_FALSE, "false" },
		    { JSON_TRUE, "true" } };
	const struct schema_values *v = NULL;
	const struct schema *rule = NULL;
	struct buf text = { 0 };
	int ok = 1;
	size_t i;

	for (i = 0; i < l->count && v == NULL; i++) {
		rule = l->rule[i];
		v = rule->constant != NULL ? rule->constant : rule->values;
	}
	if (v == NULL && (types_of(l) & ~(unsigned)FEW_VALUES) != 0)
		return -1;
	for (i = 0; v == NULL && i < 3 && ok; i++)
		ok = (types_of(l) >> few[i].type & 1) == 0 ||
		     passes(l, to, few[i].text, strlen(few[i].text));
	for (i = 0; v != NULL && i < v->count && ok; i++) {
		buf_clear(&text);
		compat_put(&text, &rule->document->tree, v->node[i]);
		ok = passes(l, to, text.data, text.len);
	}
	buf_release(&text);
	return ok;
}

/* If one of several must hold, each of them must do. */
static bool
prove_cases(struct proof *p, const struct compat_rules *l,
	    const struct schema *to)
{
	size_t i, k;

	for (i = 0; i < l->count; i++) {
		const struct schema_logic *g = l->rule[i]->logic;
		const struct schema_list *list = g == NULL           ? NULL
						 : g->any.count != 0 ? &g->any
								     : &g->one;

		if (list == NULL || list->count == 0)
			continue;
		for (k = 0; k < list->count; k++) {
			struct compat_rules more = *l;

			compat_add(&more, list->rule[k], false);
			if (more.count == l->count || !prove(p, &more, to))
				break;
		}
		if (k == list->count)
			return true;
	}
	return false;
}

static bool
is_same(const struct compat_rules *a, const struct compat_rules *b)
{
	return a->count == b->count &&
	       memcmp(a->rule, b->rule, a->count * sizeof(*a->rule)) == 0;
}

/* What is being proved further out may be taken for true, but only of a value
 * that lies deeper: then it is induction, else a circle. */
static bool
prove(struct proof *p, const struct compat_rules *from, const struct schema *to)
{
	struct compat_rules wanted = { .count = 0 };
	bool ok = true;
	size_t i;
	int rc;

	if (types_of(from) == 0)
		return true;
	for (i = p->pairs; i-- > 0;)
		if (p->pair[i].to == to && is_same(&p->pair[i].from, from))
			return p->pair[i].descents < p->descents;
	if (from->full || p->steps++ > STEPS || p->pairs == DEPTH)
		return false;
	rc = prove_values(from, to);
	if (rc >= 0)
		return rc != 0;
	p->pair[p->pairs++] = (struct pair){ *from, to, p->descents };
	compat_add(&wanted, to, false);
	for (i = 0; i < wanted.count && ok; i++)
		ok = prove_rule(p, from, wanted.rule[i]);
	ok = (ok && !wanted.full) || prove_cases(p, from, to);
	p->pairs--;
	return ok;
}

/* The same text, which refers to nothing outside. */
static bool
are_copies(const struct schema *a, const struct schema *b)
{
	return a->document->set->documents == 1 &&
	       b->document->set->documents == 1 && a->node == b->node &&
	       schema_equal(&a->document->tree, 0, &b->document->tree, 0);
}

/* A dynamic reference means something else for a part than for the whole. */
static bool
is_dynamic(const struct schema_set *set)
{
	size_t i;

	for (i = 0; i < set->anchors; i++)
		if (set->anchor[i].dynamic)
			return true;
	return false;
}

bool
compat_prove(const struct schema *narrower, const struct schema *wider)
{
	struct compat_rules from = { .count = 0 };
	struct proof *proof;
	bool ok;

	if (are_copies(narrower, wider))
		return true;
	if (is_dynamic(narrower->document->set) ||
	    is_dynamic(wider->document->set))
		return false;
	proof = xcalloc(1, sizeof(*proof));
	compat_add(&from, narrower, false);
	ok = prove(proof, &from, wider);
	free(proof);
	return ok;
}
