#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_check_state.h"

/*
 * A value is checked by recursion over rules and values together, bounded in
 * depth and in steps: neither a reference in a circle nor a schema that
 * multiplies its alternatives can hold it up.
 *
 * Whether members and elements were evaluated, for unevaluatedProperties and
 * unevaluatedItems, is noted only while somebody wants it: `seen` is then where
 * their bits begin (offset + 1), else 0.
 */
enum { DEPTH = 4096, STEPS = 20000000 };

static bool check(struct schema_check *c, const struct schema *r, unsigned at,
		  size_t seen);

static bool
give_up(struct schema_check *c, const char *why)
{
	if (c->gave_up == NULL)
		c->gave_up = why;
	return false;
}

/* The same without a word: whether it holds is part of another question. */
static bool
holds(struct schema_check *c, const struct schema *r, unsigned at, size_t seen)
{
	bool ok;

	c->quiet++;
	ok = check(c, r, at, seen);
	c->quiet--;
	return ok;
}

/* Bits, taken and given back as a stack. */

static size_t
bits_take(struct schema_check *c, size_t count)
{
	struct schema_scratch *s = c->scratch;
	size_t words = count / 64 + 1, at = s->words;

	if (s->cap < s->words + words) {
		s->cap = mem_grow(s->cap, s->words + words + 64);
		s->word = xreallocarray(s->word, s->cap, sizeof(*s->word));
	}
	memset(s->word + at, 0, words * sizeof(*s->word));
	s->words += words;
	return at + 1;
}

static void
bits_give(struct schema_check *c, size_t bits)
{
	c->scratch->words = bits - 1;
}

static void
bit_set(struct schema_check *c, size_t bits, size_t i)
{
	if (bits != 0)
		c->scratch->word[bits - 1 + i / 64] |= (uint64_t)1 << i % 64;
}

static bool
bit(const struct schema_check *c, size_t bits, size_t i)
{
	return (c->scratch->word[bits - 1 + i / 64] >> i % 64 & 1) != 0;
}

static void
bits_merge(struct schema_check *c, size_t into, size_t from, size_t count)
{
	size_t i;

	for (i = 0; i <= count / 64; i++)
		c->scratch->word[into - 1 + i] |=
			c->scratch->word[from - 1 + i];
}

/* Whether an alternative holds; only then does what it evaluated count. */
static bool
alternative(struct schema_check *c, const struct schema *r, unsigned at,
	    size_t seen)
{
	size_t count = c->tree.node[at].count, own;
	bool ok;

	if (seen == 0)
		return holds(c, r, at, 0);
	own = bits_take(c, count);
	ok = holds(c, r, at, own);
	if (ok)
		bits_merge(c, seen, own, count);
	bits_give(c, own);
	return ok;
}

static struct json_value
value_of(const struct json_node *n)
{
	return (struct json_value){ n->type, n->text, n->len };
}

static bool
check_type(struct schema_check *c, const struct schema *r, unsigned at)
{
	const struct json_node *n = &c->tree.node[at];
	struct json_value v = value_of(n);

	if ((r->types >> n->type & 1) != 0)
		return true;
	if (n->type == JSON_NUMBER && (r->types & SCHEMA_TYPE_INTEGER) != 0 &&
	    json_number_is_whole(&v) &&
	    (c->set->resource[r->resource].draft != SCHEMA_4 ||
	     memchr(n->text, '.', n->len) == NULL))
		return true;
	return schema_report_type(c, r, at);
}

static bool
check_number(struct schema_check *c, const struct schema *r, unsigned at)
{
	const struct schema_number *s = r->number;
	struct json_value v = value_of(&c->tree.node[at]);
	bool ok = true;

	if (s->minimum.type != JSON_NONE &&
	    json_number_compare(&v, &s->minimum) < 0)
		ok = schema_report_bound(c, r, at, "minimum", &s->minimum);
	if (s->maximum.type != JSON_NONE &&
	    json_number_compare(&v, &s->maximum) > 0)
		ok = schema_report_bound(c, r, at, "maximum", &s->maximum);
	if (s->above.type != JSON_NONE &&
	    json_number_compare(&v, &s->above) <= 0)
		ok = schema_report_bound(c, r, at, "exclusiveMinimum",
					 &s->above);
	if (s->below.type != JSON_NONE &&
	    json_number_compare(&v, &s->below) >= 0)
		ok = schema_report_bound(c, r, at, "exclusiveMaximum",
					 &s->below);
	if (s->multiple.type != JSON_NONE &&
	    !json_number_is_multiple(&v, &s->multiple))
		ok = schema_report_bound(c, r, at, "multipleOf", &s->multiple);
	return ok;
}

size_t
schema_characters(const char *text, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* 1, 0, or -1 with the check given up. */
static int
matches(struct schema_check *c, const struct schema_pattern *p,
	const char *text, size_t len)
{
	int rc = schema_pattern_match(p, text, len);

	c->steps += len / 16;
	if (rc < 0)
		give_up(c, "a pattern takes too many steps");
	return rc;
}

static bool
check_string(struct schema_check *c, const struct schema *r, unsigned at)
{
	const struct schema_string *s = r->string;
	const struct json_node *n = &c->tree.node[at];
	size_t chars = s->min == 0 && s->max >= n->len
			       ? n->len
			       : schema_characters(n->text, n->len);
	bool ok = true;

	if (chars < s->min)
		ok = schema_report_size(c, r, at, "minLength", chars, s->min);
	if (chars > s->max)
		ok = schema_report_size(c, r, at, "maxLength", chars, s->max);
	if (s->pattern != NULL && matches(c, s->pattern, n->text, n->len) == 0)
		ok = schema_report(
			c, r, at, "pattern", "does not match %.*s",
			(int)(s->pattern_len < 200 ? s->pattern_len : 200),
			s->pattern_text);
	if (s->format != NULL && !s->format->valid(n->text, n->len))
		ok = schema_report(c, r, at, "format", "is no %s",
				   s->format->name);
	return ok;
}

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
	/* Pairs of hash and node in a table beside the bits. */
	words = slots * 2;
	table = bits_take(c, words * 64);
	for (child = at + 1; child < n->next;
	     child = c->tree.node[child].next, i++) {
		uint64_t hash = schema_hash(&c->tree, child);

		word = c->scratch->word + table - 1;
		slot = hash & (slots - 1);
		for (used = 0; word[slot * 2 + 1] != 0 && used < slots;
		     used++) {
			unsigned other = (unsigned)word[slot * 2 + 1] - 1;

			if (++c->steps > STEPS) {
				bits_give(c, table);
				return give_up(c, "it takes too many steps");
			}
			if (word[slot * 2] == hash &&
			    schema_equal(&c->tree, child, &c->tree, other)) {
				*first = other;
				*second = child;
				bits_give(c, table);
				return true;
			}
			slot = (slot + 1) & (slots - 1);
		}
		word[slot * 2] = hash;
		word[slot * 2 + 1] = (uint64_t)child + 1;
	}
	bits_give(c, table);
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
		if (!holds(c, a->contains, child, 0))
			continue;
		found++;
		if (a->contains_evaluates)
			bit_set(c, seen, i);
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

static bool
check_array(struct schema_check *c, const struct schema *r, unsigned at,
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
			ok &= check(c, rule, child, 0);
		bit_set(c, seen, i);
	}
	if (a->contains != NULL && schema_goes_on(c, ok))
		ok &= check_contains(c, r, at, seen);
	return ok;
}

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
		if (matches(c, o->patterned[k].pattern, n->key, n->key_len) !=
		    1)
			continue;
		known = true;
		bit_set(c, seen, i);
		ok &= check(c, o->patterned[k].rule, child, 0);
	}
	if (known || o->additional == NULL)
		return ok;
	bit_set(c, seen, i);
	if (o->additional->never)
		return schema_report(c, r, child, "additionalProperties",
				     "is not allowed");
	return check(c, o->additional, child, 0) && ok;
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
	ok = holds(c, r->object->names, 0, 0);
	c->tree = whole;
	if (ok || c->gave_up != NULL)
		return ok;
	return schema_report(c, r, child, "propertyNames",
			     "is a name that is not allowed");
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

		if (!bit(c, there, p->bit - 1))
			continue;
		if (d->rule != NULL)
			ok &= check(c, d->rule, at, seen);
		for (k = 0; k < d->count; k++) {
			const struct schema_property *need =
				&o->property[d->needed[k]];

			if (!bit(c, there, need->bit - 1))
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
		    !bit(c, there, o->property[i].bit - 1))
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
			bit_set(c, there, p->bit - 1);
		if (p != NULL && p->rule != NULL) {
			bit_set(c, seen, i);
			ok &= check(c, p->rule, child, 0);
		}
		if (o->patterns != 0 || o->additional != NULL)
			ok &= check_others(c, r, child, i,
					   p != NULL && p->rule != NULL, seen);
		if (o->names != NULL)
			ok &= check_name(c, r, child);
	}
	return ok;
}

static bool
check_object(struct schema_check *c, const struct schema *r, unsigned at,
	     size_t seen)
{
	const struct schema_object *o = r->object;
	unsigned count = c->tree.node[at].count;
	size_t there = bits_take(c, o->bits);
	bool ok = true;

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
	bits_give(c, there);
	return ok;
}

static bool
check_values(struct schema_check *c, const struct schema *r,
	     const struct schema_values *v, unsigned at)
{
	uint64_t hash = schema_hash(&c->tree, at);
	size_t slot = hash & (v->slots - 1);

	for (; v->slot[slot] != 0; slot = (slot + 1) & (v->slots - 1)) {
		unsigned i = v->slot[slot] - 1;

		if (v->hash[i] == hash &&
		    schema_equal(&c->tree, at, &r->document->tree, v->node[i]))
			return true;
	}
	return schema_report_values(c, r, v, at);
}

/* What a dynamic reference means here: the outermost resource on the way that
 * has the name says so. */
static const struct schema *
dynamic_target(struct schema_check *c, const struct schema_logic *l)
{
	struct schema_scratch *s = c->scratch;
	size_t i;

	if (l->dynamic_name == NULL)
		return l->dynamic;
	for (i = 0; i < s->scopes; i++) {
		const struct schema_anchor *a = schema_anchor(
			c->set, s->scope[i], l->dynamic_name, l->dynamic_len);

		if (a == NULL || !a->dynamic)
			continue;
		return c->set->resource[s->scope[i]].document->rule[a->node];
	}
	return l->dynamic;
}

static bool
check_any(struct schema_check *c, const struct schema *r, unsigned at,
	  size_t seen)
{
	const struct schema_list *any = &r->logic->any;
	size_t i, found = 0;

	for (i = 0; i < any->count && (found == 0 || seen != 0); i++)
		found += alternative(c, any->rule[i], at, seen);
	return found != 0 ||
	       schema_report(c, r, at, "anyOf", "matches none of %zu schemas",
			     any->count);
}

static bool
check_one(struct schema_check *c, const struct schema *r, unsigned at,
	  size_t seen)
{
	const struct schema_list *one = &r->logic->one;
	size_t i, found = 0, first = 0;

	for (i = 0; i < one->count && found < 2; i++)
		if (alternative(c, one->rule[i], at, seen)) {
			if (found++ == 0)
				first = i;
			else
				return schema_report(
					c, r, at, "oneOf",
					"matches schemas %zu and %zu, and must "
					"match one",
					first, i);
		}
	return found == 1 ||
	       schema_report(c, r, at, "oneOf", "matches none of %zu schemas",
			     one->count);
}

static bool
check_condition(struct schema_check *c, const struct schema *r, unsigned at,
		size_t seen)
{
	const struct schema_logic *l = r->logic;
	const struct schema *rule =
		alternative(c, l->cond, at, seen) ? l->then : l->otherwise;

	return rule == NULL || check(c, rule, at, seen);
}

static bool
check_logic(struct schema_check *c, const struct schema *r, unsigned at,
	    size_t seen)
{
	const struct schema_logic *l = r->logic;
	bool ok = true;
	size_t i;

	if (l->ref != NULL)
		ok &= check(c, l->ref, at, seen);
	if (l->dynamic != NULL && schema_goes_on(c, ok))
		ok &= check(c, dynamic_target(c, l), at, seen);
	for (i = 0; i < l->all.count && schema_goes_on(c, ok); i++)
		ok &= check(c, l->all.rule[i], at, seen);
	if (l->any.count != 0 && schema_goes_on(c, ok))
		ok &= check_any(c, r, at, seen);
	if (l->one.count != 0 && schema_goes_on(c, ok))
		ok &= check_one(c, r, at, seen);
	if (l->not != NULL && schema_goes_on(c, ok) && holds(c, l->not, at, 0))
		ok = schema_report(c, r, at, "not",
				   "matches what it must not match");
	if (l->cond != NULL && schema_goes_on(c, ok))
		ok &= check_condition(c, r, at, seen);
	return ok;
}

static bool
check_unevaluated(struct schema_check *c, const struct schema *r, unsigned at,
		  size_t seen)
{
	bool object = c->tree.node[at].type == JSON_OBJECT, ok = true;
	const struct schema *rule =
		object ? r->object->unevaluated : r->array->unevaluated;
	unsigned child, end = c->tree.node[at].next;
	size_t i = 0;

	for (child = at + 1; child < end && schema_goes_on(c, ok);
	     child = c->tree.node[child].next, i++) {
		if (bit(c, seen, i))
			continue;
		bit_set(c, seen, i);
		if (rule->never)
			ok = schema_report(c, r, child,
					   object ? "unevaluatedProperties"
						  : "unevaluatedItems",
					   "is not allowed");
		else
			ok &= check(c, rule, child, 0);
	}
	return ok;
}

static bool
wants_seen(const struct schema *r, enum json_type type)
{
	if (type == JSON_OBJECT)
		return r->object != NULL && r->object->unevaluated != NULL;
	return type == JSON_ARRAY && r->array != NULL &&
	       r->array->unevaluated != NULL;
}

/* All that a rule says of a value but what is left unevaluated. */
static bool
check_keywords(struct schema_check *c, const struct schema *r, unsigned at,
	       size_t seen)
{
	enum json_type type = c->tree.node[at].type;
	bool ok = r->types == SCHEMA_TYPE_ALL || check_type(c, r, at);

	if (r->values != NULL && schema_goes_on(c, ok))
		ok &= check_values(c, r, r->values, at);
	if (r->constant != NULL && schema_goes_on(c, ok))
		ok &= check_values(c, r, r->constant, at);
	if (!schema_goes_on(c, ok))
		return ok;
	if (type == JSON_OBJECT && r->object != NULL)
		ok &= check_object(c, r, at, seen);
	else if (type == JSON_STRING && r->string != NULL)
		ok &= check_string(c, r, at);
	else if (type == JSON_NUMBER && r->number != NULL)
		ok &= check_number(c, r, at);
	else if (type == JSON_ARRAY && r->array != NULL)
		ok &= check_array(c, r, at, seen);
	if (r->logic != NULL && schema_goes_on(c, ok))
		ok &= check_logic(c, r, at, seen);
	return ok;
}

static bool
enter(struct schema_check *c, const struct schema *r, bool *scoped)
{
	struct schema_scratch *s = c->scratch;

	if (c->gave_up != NULL)
		return false;
	if (++c->steps > STEPS)
		return give_up(c, "it takes too many steps");
	if (c->depth == DEPTH)
		return give_up(c, "it goes too deep");
	c->depth++;
	*scoped = s->scopes == 0 || s->scope[s->scopes - 1] != r->resource;
	if (!*scoped)
		return true;
	if (s->scopes == s->scope_cap) {
		s->scope_cap = mem_grow(s->scope_cap, s->scopes + 16);
		s->scope = xreallocarray(s->scope, s->scope_cap,
					 sizeof(*s->scope));
	}
	s->scope[s->scopes++] = r->resource;
	return true;
}

static bool
check(struct schema_check *c, const struct schema *r, unsigned at, size_t seen)
{
	size_t own = 0, count = c->tree.node[at].count;
	bool ok, scoped;

	if (r->never)
		return schema_report(c, r, at, "false", "is not allowed");
	if (!enter(c, r, &scoped))
		return false;
	if (wants_seen(r, c->tree.node[at].type)) {
		own = bits_take(c, count);
		ok = check_keywords(c, r, at, own);
		if (schema_goes_on(c, ok))
			ok &= check_unevaluated(c, r, at, own);
		if (ok && seen != 0)
			bits_merge(c, seen, own, count);
		bits_give(c, own);
	} else {
		ok = check_keywords(c, r, at, seen);
	}
	c->scratch->scopes -= scoped;
	c->depth--;
	return ok && c->gave_up == NULL;
}

int
schema_check(struct schema_check *c, const struct schema *schema,
	     const struct json_value *value)
{
	bool ok;

	if (c->scratch == NULL)
		c->scratch = xcalloc(1, sizeof(*c->scratch));
	c->set = schema->document->set;
	c->steps = 0;
	c->depth = c->quiet = 0;
	c->gave_up = NULL;
	c->scratch->words = c->scratch->scopes = 0;
	if (json_tree_build(&c->tree, value) < 0) {
		give_up(c, "it is too large");
		return -1;
	}
	ok = check(c, schema, 0, 0);
	return c->gave_up != NULL ? -1 : ok;
}

void
schema_check_release(struct schema_check *c)
{
	json_tree_release(&c->tree);
	if (c->scratch != NULL) {
		free(c->scratch->word);
		free(c->scratch->scope);
		buf_release(&c->scratch->path);
		buf_release(&c->scratch->what);
		buf_release(&c->scratch->where);
		free(c->scratch);
	}
	c->scratch = NULL;
}
