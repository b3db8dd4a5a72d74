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

bool
schema_give_up(struct schema_check *c, const char *why)
{
	if (c->gave_up == NULL)
		c->gave_up = why;
	return false;
}

bool
schema_steps(struct schema_check *c, size_t steps)
{
	c->steps += steps;
	return c->steps <= STEPS ||
	       schema_give_up(c, "it takes too many steps");
}

bool
schema_holds(struct schema_check *c, const struct schema *r, unsigned at,
	     size_t seen)
{
	bool ok;

	c->quiet++;
	ok = schema_check_rule(c, r, at, seen);
	c->quiet--;
	return ok;
}

/* Bits, taken and given back as a stack. */

size_t
schema_bits_take(struct schema_check *c, size_t count)
{
	struct schema_scratch *s = c->scratch;
	size_t words = count / 64 + 1, at = s->words;

	if (s->cap < s->words + words) {
		s->cap = mem_grow(s->cap, s->words + words + 64);
		s->word = xreallocarray(s->word, s->cap, sizeof(*s->word));
	}
	memset(s->word + at, 0, words * sizeof(*s->word));
	s->words += words;
	c->steps += words; /* counted when the next rule is entered */
	return at + 1;
}

void
schema_bits_give(struct schema_check *c, size_t bits)
{
	c->scratch->words = bits - 1;
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
		return schema_holds(c, r, at, 0);
	own = schema_bits_take(c, count);
	ok = schema_holds(c, r, at, own);
	if (ok)
		bits_merge(c, seen, own, count);
	schema_bits_give(c, own);
	return ok;
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

		c->steps++;
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

	return rule == NULL || schema_check_rule(c, rule, at, seen);
}

static bool
check_logic(struct schema_check *c, const struct schema *r, unsigned at,
	    size_t seen)
{
	const struct schema_logic *l = r->logic;
	bool ok = true;
	size_t i;

	if (l->ref != NULL)
		ok &= schema_check_rule(c, l->ref, at, seen);
	if (l->dynamic != NULL && schema_goes_on(c, ok))
		ok &= schema_check_rule(c, dynamic_target(c, l), at, seen);
	for (i = 0; i < l->all.count && schema_goes_on(c, ok); i++)
		ok &= schema_check_rule(c, l->all.rule[i], at, seen);
	if (l->any.count != 0 && schema_goes_on(c, ok))
		ok &= check_any(c, r, at, seen);
	if (l->one.count != 0 && schema_goes_on(c, ok))
		ok &= check_one(c, r, at, seen);
	if (l->not != NULL && schema_goes_on(c, ok) &&
	    schema_holds(c, l->not, at, 0))
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

	c->steps += c->tree.node[at].count;
	for (child = at + 1; child < end && schema_goes_on(c, ok);
	     child = c->tree.node[child].next, i++) {
		if (schema_bit(c, seen, i))
			continue;
		schema_bit_set(c, seen, i);
		if (rule->never)
			ok = schema_report(c, r, child,
					   object ? "unevaluatedProperties"
						  : "unevaluatedItems",
					   "is not allowed");
		else
			ok &= schema_check_rule(c, rule, child, 0);
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
	bool ok = r->types == SCHEMA_TYPE_ALL || schema_check_type(c, r, at);

	if (r->values != NULL && schema_goes_on(c, ok))
		ok &= schema_check_values(c, r, r->values, at);
	if (r->constant != NULL && schema_goes_on(c, ok))
		ok &= schema_check_values(c, r, r->constant, at);
	if (!schema_goes_on(c, ok))
		return ok;
	if (type == JSON_OBJECT && r->object != NULL)
		ok &= schema_check_object(c, r, at, seen);
	else if (type == JSON_STRING && r->string != NULL)
		ok &= schema_check_string(c, r, at);
	else if (type == JSON_NUMBER && r->number != NULL)
		ok &= schema_check_number(c, r, at);
	else if (type == JSON_ARRAY && r->array != NULL)
		ok &= schema_check_array(c, r, at, seen);
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
	if (!schema_steps(c, 1))
		return false;
	if (c->depth == DEPTH)
		return schema_give_up(c, "it goes too deep");
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

bool
schema_check_rule(struct schema_check *c, const struct schema *r, unsigned at,
		  size_t seen)
{
	size_t own = 0, count = c->tree.node[at].count;
	bool ok, scoped;

	if (r->never)
		return schema_report(c, r, at, "false", "is not allowed");
	if (!enter(c, r, &scoped))
		return false;
	if (wants_seen(r, c->tree.node[at].type)) {
		own = schema_bits_take(c, count);
		ok = check_keywords(c, r, at, own);
		/* What fails has evaluated nothing: more would be said of it
		 * than is true. */
		if (ok)
			ok = check_unevaluated(c, r, at, own);
		if (ok && seen != 0)
			bits_merge(c, seen, own, count);
		schema_bits_give(c, own);
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
	c->scratch->told = false;
	if (json_tree_build(&c->tree, value) < 0) {
		schema_give_up(c, "it is too large");
		return -1;
	}
	ok = schema_check_rule(c, schema, 0, 0);
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
