#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/num.h"
#include "common/schema_state.h"

/* One schema being compiled. */
struct compiler {
	struct schema_set *set;
	struct schema_document *d;
	const struct json_tree *t;
	struct schema *rule;
	const struct schema_resource *resource;
	struct schema_list *list;     /* for add_rule() */
	struct schema_object *object; /* for add_…property() */
};

#define FACET(c, name)             \
	((c)->rule->name != NULL   \
		 ? (c)->rule->name \
		 : ((c)->rule->name = xcalloc(1, sizeof(*(c)->rule->name))))

static const struct json_node *
node(const struct compiler *c, unsigned at)
{
	return &c->t->node[at];
}

static int
fail(struct compiler *c, unsigned at, const char *what)
{
	return schema_fail(c->set, c->d, at, "%s", what);
}

static struct json_value
value_of(const struct json_node *n)
{
	return (struct json_value){ n->type, n->text, n->len };
}

struct schema *
schema_rule(struct schema_set *set, struct schema_document *d, unsigned at)
{
	enum json_type type = d->tree.node[at].type;
	struct schema *r = d->rule[at];

	if (r != NULL)
		return r;
	if (type != JSON_OBJECT && type != JSON_TRUE && type != JSON_FALSE) {
		schema_fail(set, d, at, "is %s, not a schema",
			    json_type_name(type));
		return NULL;
	}
	r = xcalloc(1, sizeof(*r));
	r->document = d;
	r->node = at;
	r->resource = schema_resource_of(d, at);
	r->types = SCHEMA_TYPE_ALL;
	r->never = type == JSON_FALSE;
	d->rule[at] = r;
	if (set->rules == set->rule_cap) {
		set->rule_cap = mem_grow(set->rule_cap, set->rules + 64);
		set->all = xreallocarray(set->all, set->rule_cap,
					 sizeof(struct schema *));
	}
	set->all[set->rules++] = r;
	return r;
}

static int
one_rule(struct compiler *c, unsigned at, struct schema **rule)
{
	*rule = schema_rule(c->set, c->d, at);
	return *rule != NULL ? 0 : -1;
}

/* Numbers. */

static int
number(struct compiler *c, unsigned at, struct json_value *out)
{
	if (node(c, at)->type != JSON_NUMBER)
		return fail(c, at, "is not a number");
	*out = value_of(node(c, at));
	return 0;
}

static int
multiple(struct compiler *c, unsigned at, struct json_value *out)
{
	if (number(c, at, out) < 0)
		return -1;
	if (*out->text == '-' || json_number_digits(out) == 0)
		return fail(c, at, "is not above 0");
	if (json_number_digits(out) > JSON_DIVISOR_DIGITS)
		return fail(c, at, "has too many digits");
	return 0;
}

/* Up to draft 4 exclusive bounds are booleans beside the bounds. */
static int
exclusive_4(struct compiler *c, unsigned at, struct json_value *bound,
	    struct json_value *exclusive, const char *name)
{
	unsigned beside =
		json_tree_member(c->t, c->rule->node, name, strlen(name));

	if (node(c, at)->type == JSON_FALSE)
		return 0;
	if (node(c, at)->type != JSON_TRUE)
		return fail(c, at, "is not a boolean (draft 4)");
	if (beside == 0 || number(c, beside, exclusive) < 0)
		return fail(c, at, "has no bound beside it");
	*bound = (struct json_value){ 0 };
	return 0;
}

/* A number of things: a whole number of 0 or more. */
static int
size(struct compiler *c, unsigned at, size_t *out)
{
	struct json_value v = value_of(node(c, at));
	char *end;
	double n;

	if (v.type != JSON_NUMBER || *v.text == '-' ||
	    !json_number_is_whole(&v))
		return v.type == JSON_NUMBER && json_number_digits(&v) == 0
			       ? (*out = 0, 0)
			       : fail(c, at, "is not a whole number from 0 on");
	n = strtod(v.text, &end);
	*out = n < 1e15 ? (size_t)n : SIZE_MAX;
	return 0;
}

static int
flag(struct compiler *c, unsigned at, bool *out)
{
	enum json_type type = node(c, at)->type;

	if (type != JSON_TRUE && type != JSON_FALSE)
		return fail(c, at, "is not a boolean");
	*out = type == JSON_TRUE;
	return 0;
}

/* Types and values. */

static int
one_type(struct compiler *c, unsigned at, unsigned *types)
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
	const struct json_node *n = node(c, at);
	size_t i;

	for (i = 0;
	     n->type == JSON_STRING && i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i].name) == n->len &&
		    memcmp(names[i].name, n->text, n->len) == 0) {
			*types |= names[i].bits;
			return 0;
		}
	return fail(c, at, "is no type");
}

static int
types(struct compiler *c, unsigned at)
{
	const struct json_node *n = node(c, at);
	unsigned child, bits = 0;

	if (n->type != JSON_ARRAY) {
		if (one_type(c, at, &bits) < 0)
			return -1;
	} else {
		if (n->count == 0)
			return fail(c, at, "names no type");
		for (child = at + 1; child < n->next;
		     child = node(c, child)->next)
			if (one_type(c, child, &bits) < 0)
				return -1;
	}
	c->rule->types = bits;
	return 0;
}

static size_t
slots_for(size_t count)
{
	size_t n = 8;

	while (n < count * 2)
		n *= 2;
	return n;
}

static void
add_value(struct compiler *c, struct schema_values *v, unsigned at)
{
	size_t slot;

	v->node[v->count] = at;
	v->hash[v->count] = schema_hash(c->t, at);
	slot = v->hash[v->count] & (v->slots - 1);
	while (v->slot[slot] != 0)
		slot = (slot + 1) & (v->slots - 1);
	v->slot[slot] = (unsigned)++v->count;
}

static int
values(struct compiler *c, unsigned at, struct schema_values **out,
       const char *keyword)
{
	const struct json_node *n = node(c, at);
	bool list = strcmp(keyword, "enum") == 0;
	struct schema_values *v;
	size_t count = list ? n->count : 1;
	unsigned child;

	if (list && n->type != JSON_ARRAY)
		return fail(c, at, "is not an array");
	v = *out = xcalloc(1, sizeof(*v));
	v->keyword = keyword;
	v->node = xcalloc(count, sizeof(*v->node));
	v->hash = xcalloc(count, sizeof(*v->hash));
	v->slots = slots_for(count);
	v->slot = xcalloc(v->slots, sizeof(*v->slot));
	if (!list)
		add_value(c, v, at);
	for (child = at + 1; list && child < n->next;
	     child = node(c, child)->next)
		add_value(c, v, child);
	return 0;
}

/* Strings. */

static int
pattern(struct compiler *c, unsigned at, const char *text, size_t len,
	struct schema_pattern **out)
{
	char why[160];

	*out = schema_pattern_compile(text, len, why, sizeof(why));
	if (*out != NULL)
		return 0;
	return schema_fail(c->set, c->d, at, "pattern %.*s: %s",
			   (int)(len < 60 ? len : 60), text, why);
}

static int
string_pattern(struct compiler *c, unsigned at, struct schema_string *s)
{
	const struct json_node *n = node(c, at);

	if (n->type != JSON_STRING)
		return fail(c, at, "is not a string");
	s->pattern_text = n->text;
	s->pattern_len = n->len;
	return pattern(c, at, n->text, n->len, &s->pattern);
}

static int
format(struct compiler *c, unsigned at)
{
	const struct json_node *n = node(c, at);

	if (n->type != JSON_STRING)
		return fail(c, at, "is not a string");
	if (c->set->assert_format || c->resource->asserts_format)
		FACET(c, string)->format = schema_format_find(n->text, n->len);
	return 0;
}

/* Lists of schemas. */

static int
add_rule(void *arg, unsigned at)
{
	struct compiler *c = arg;

	return one_rule(c, at, &c->list->rule[c->list->count++]);
}

static int
rules(struct compiler *c, unsigned at, struct schema_list *list)
{
	if (node(c, at)->type != JSON_ARRAY || node(c, at)->count == 0)
		return fail(c, at, "is not an array of schemas");
	c->list = list;
	list->rule = xcalloc(node(c, at)->count, sizeof(struct schema *));
	return schema_children(c->t, at, SCHEMA_HOLDS_LIST, add_rule, c);
}

/* Objects. */

static struct schema_property *
property(struct schema_object *o, const char *name, size_t len)
{
	uint64_t hash = schema_hash_text(name, len);
	size_t slot = hash & (o->slots - 1);
	struct schema_property *p;

	for (; o->slot[slot] != 0; slot = (slot + 1) & (o->slots - 1)) {
		p = &o->property[o->slot[slot] - 1];
		if (p->hash == hash && p->len == len &&
		    memcmp(p->name, name, len) == 0)
			return p;
	}
	p = &o->property[o->count++];
	*p = (struct schema_property){ .name = name, .len = len, .hash = hash };
	o->slot[slot] = (unsigned)o->count;
	return p;
}

/* The same, and note whether an object has it. */
static unsigned
noted(struct schema_object *o, const char *name, size_t len)
{
	struct schema_property *p = property(o, name, len);

	if (p->bit == 0)
		p->bit = (unsigned)++o->bits;
	return (unsigned)(p - o->property);
}

/* How many names a keyword may bring. */
static size_t
names_in(const struct json_tree *t, unsigned at)
{
	unsigned child;
	size_t n = t->node[at].count;

	if (t->node[at].type == JSON_OBJECT)
		for (child = at + 1; child < t->node[at].next;
		     child = t->node[child].next)
			n += t->node[child].count;
	return n;
}

/* Make room for all the names that this schema mentions. */
static struct schema_object *
object(struct compiler *c)
{
	static const char *const keywords[] = {
		"properties",       "required",     "dependentRequired",
		"dependentSchemas", "dependencies",
	};
	struct schema_object *o = c->rule->object;
	size_t i, n = 0;

	if (o != NULL)
		return o;
	o = FACET(c, object);
	o->max = SIZE_MAX;
	for (i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		unsigned at = json_tree_member(c->t, c->rule->node, keywords[i],
					       strlen(keywords[i]));

		n += at != 0 ? names_in(c->t, at) : 0;
	}
	o->property = xcalloc(n, sizeof(*o->property));
	o->slots = slots_for(n);
	o->slot = xcalloc(o->slots, sizeof(*o->slot));
	return o;
}

static int
properties(struct compiler *c, unsigned at)
{
	struct schema_object *o = object(c);
	const struct json_node *n = node(c, at);
	unsigned child;

	if (n->type != JSON_OBJECT)
		return fail(c, at, "is not an object");
	for (child = at + 1; child < n->next; child = node(c, child)->next) {
		const struct json_node *m = node(c, child);

		if (one_rule(c, child, &property(o, m->key, m->key_len)->rule) <
		    0)
			return -1;
	}
	return 0;
}

static int
pattern_properties(struct compiler *c, unsigned at)
{
	struct schema_object *o = object(c);
	const struct json_node *n = node(c, at);
	unsigned child;

	if (n->type != JSON_OBJECT)
		return fail(c, at, "is not an object");
	o->patterned = xcalloc(n->count, sizeof(*o->patterned));
	for (child = at + 1; child < n->next; child = node(c, child)->next) {
		const struct json_node *m = node(c, child);
		struct schema_pattern_property *p =
			&o->patterned[o->patterns++];

		if (pattern(c, child, m->key, m->key_len, &p->pattern) < 0 ||
		    one_rule(c, child, &p->rule) < 0)
			return -1;
	}
	return 0;
}

static int
required(struct compiler *c, unsigned at)
{
	struct schema_object *o = object(c);
	const struct json_node *n = node(c, at);
	unsigned child;

	if (n->type != JSON_ARRAY)
		return fail(c, at, "is not an array of names");
	for (child = at + 1; child < n->next; child = node(c, child)->next) {
		const struct json_node *m = node(c, child);

		if (m->type != JSON_STRING)
			return fail(c, child, "is not a name");
		o->property[noted(o, m->text, m->len)].required = true;
	}
	return 0;
}

/* One member of dependentRequired, dependentSchemas or dependencies. */
static int
dependent(struct compiler *c, unsigned at, struct schema_dependent *dep,
	  const char *keyword)
{
	struct schema_object *o = c->rule->object;
	const struct json_node *n = node(c, at);
	unsigned child;

	dep->keyword = keyword;
	dep->property = noted(o, n->key, n->key_len);
	if (n->type != JSON_ARRAY)
		return one_rule(c, at, &dep->rule);
	dep->needed = xcalloc(n->count, sizeof(*dep->needed));
	for (child = at + 1; child < n->next; child = node(c, child)->next) {
		const struct json_node *m = node(c, child);

		if (m->type != JSON_STRING)
			return fail(c, child, "is not a name");
		dep->needed[dep->count++] = noted(o, m->text, m->len);
	}
	return 0;
}

static int
dependents(struct compiler *c, unsigned at, enum schema_key key)
{
	struct schema_object *o = object(c);
	const struct json_node *n = node(c, at);
	unsigned child;

	if (n->type != JSON_OBJECT)
		return fail(c, at, "is not an object");
	o->dependent = xreallocarray(o->dependent, o->dependents + n->count,
				     sizeof(*o->dependent));
	for (child = at + 1; child < n->next; child = node(c, child)->next) {
		struct schema_dependent *dep = &o->dependent[o->dependents++];
		bool names = node(c, child)->type == JSON_ARRAY;

		*dep = (struct schema_dependent){ 0 };
		if (key == KEY_DEPENDENT_REQUIRED && !names)
			return fail(c, child, "is not an array of names");
		if (key == KEY_DEPENDENT_SCHEMAS && names)
			return fail(c, child, "is not a schema");
		if (dependent(c, child, dep, node(c, at)->key) < 0)
			return -1;
	}
	return 0;
}

/* Arrays. */

static struct schema_array *
array(struct compiler *c)
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
items_7(struct compiler *c, unsigned at)
{
	struct schema_array *a = array(c);

	if (node(c, at)->type != JSON_ARRAY) {
		a->rest_name = "items";
		return one_rule(c, at, &a->rest);
	}
	if (node(c, at)->count == 0)
		return 0;
	return rules(c, at, &a->prefix);
}

/* Counts only beside an array of items. */
static int
additional_items(struct compiler *c, unsigned at)
{
	unsigned items = json_tree_member(c->t, c->rule->node, "items", 5);

	if (items == 0 || node(c, items)->type != JSON_ARRAY)
		return 0;
	array(c)->rest_name = "additionalItems";
	return one_rule(c, at, &array(c)->rest);
}

/* References. */

static int
reference(struct compiler *c, unsigned at, struct schema **rule)
{
	const struct json_node *n = node(c, at);
	struct schema_document *d;
	unsigned target;

	if (n->type != JSON_STRING)
		return fail(c, at, "is not a string");
	if (schema_resolve(c->set, c->rule->resource, n->text, n->len, &d,
			   &target) < 0) {
		char why[SCHEMA_ERROR];

		snprintf(why, sizeof(why), "%s", c->set->error);
		return schema_fail(c->set, c->d, at,
				   "reference %.*s leads nowhere%s%.250s",
				   (int)(n->len < 200 ? n->len : 200), n->text,
				   *why != '\0' ? ": " : "", why);
	}
	/* Loading may have moved the resources. */
	c->resource = &c->set->resource[c->rule->resource];
	*rule = schema_rule(c->set, d, target);
	return *rule != NULL ? 0 : -1;
}

static int
dynamic_reference(struct compiler *c, unsigned at)
{
	struct schema_logic *l = FACET(c, logic);
	const struct json_node *n = node(c, at);
	const struct schema_anchor *a;
	const char *hash;

	if (reference(c, at, &l->dynamic) < 0)
		return -1;
	hash = memchr(n->text, '#', n->len);
	if (hash == NULL)
		return 0;
	hash++;
	/* It is dynamic only if what it leads to at first is. */
	a = schema_anchor(c->set, l->dynamic->resource, hash,
			  n->len - (size_t)(hash - n->text));
	if (a != NULL && a->dynamic && a->node == l->dynamic->node) {
		l->dynamic_name = a->name;
		l->dynamic_len = a->len;
	}
	return 0;
}

static int
logic(struct compiler *c, enum schema_key key, unsigned at)
{
	struct schema_logic *l = FACET(c, logic);

	switch (key) {
	case KEY_ALL:
		return rules(c, at, &l->all);
	case KEY_ANY:
		return rules(c, at, &l->any);
	case KEY_ONE:
		return rules(c, at, &l->one);
	case KEY_NOT:
		return one_rule(c, at, &l->not );
	case KEY_IF:
		return one_rule(c, at, &l->cond);
	case KEY_THEN:
		return one_rule(c, at, &l->then);
	case KEY_ELSE:
		return one_rule(c, at, &l->otherwise);
	case KEY_REF:
		return reference(c, at, &l->ref);
	default:
		return dynamic_reference(c, at);
	}
}

static int
numbers(struct compiler *c, enum schema_key key, unsigned at)
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

static int
strings(struct compiler *c, enum schema_key key, unsigned at)
{
	struct schema_string *s = c->rule->string;

	if (s == NULL) {
		s = FACET(c, string);
		s->max = SIZE_MAX;
	}
	switch (key) {
	case KEY_MAX_LENGTH:
		return size(c, at, &s->max);
	case KEY_MIN_LENGTH:
		return size(c, at, &s->min);
	case KEY_PATTERN:
		return string_pattern(c, at, s);
	default:
		return format(c, at);
	}
}

static int
arrays(struct compiler *c, enum schema_key key, unsigned at)
{
	struct schema_array *a = array(c);

	switch (key) {
	case KEY_MAX_ITEMS:
		return size(c, at, &a->max);
	case KEY_MIN_ITEMS:
		return size(c, at, &a->min);
	case KEY_UNIQUE:
		return flag(c, at, &a->unique);
	case KEY_MAX_CONTAINS:
		return size(c, at, &a->max_contains);
	case KEY_MIN_CONTAINS:
		return size(c, at, &a->min_contains);
	case KEY_PREFIX_ITEMS:
		return rules(c, at, &a->prefix);
	case KEY_ITEMS:
		a->rest_name = "items";
		return one_rule(c, at, &a->rest);
	case KEY_ITEMS_7:
		return items_7(c, at);
	case KEY_ADDITIONAL_ITEMS:
		return additional_items(c, at);
	case KEY_CONTAINS:
		return one_rule(c, at, &a->contains);
	default:
		return one_rule(c, at, &a->unevaluated);
	}
}

static int
objects(struct compiler *c, enum schema_key key, unsigned at)
{
	struct schema_object *o = object(c);

	switch (key) {
	case KEY_MAX_PROPERTIES:
		return size(c, at, &o->max);
	case KEY_MIN_PROPERTIES:
		return size(c, at, &o->min);
	case KEY_REQUIRED:
		return required(c, at);
	case KEY_PROPERTIES:
		return properties(c, at);
	case KEY_PATTERN_PROPERTIES:
		return pattern_properties(c, at);
	case KEY_ADDITIONAL:
		return one_rule(c, at, &o->additional);
	case KEY_NAMES:
		return one_rule(c, at, &o->names);
	case KEY_UNEVALUATED:
		return one_rule(c, at, &o->unevaluated);
	default:
		return dependents(c, at, key);
	}
}

static int
keyword(struct compiler *c, enum schema_key key, unsigned at)
{
	switch (key) {
	case KEY_TYPE:
		return types(c, at);
	case KEY_ENUM:
		return values(c, at, &c->rule->values, "enum");
	case KEY_CONST:
		return values(c, at, &c->rule->constant, "const");
	case KEY_MULTIPLE:
	case KEY_MAXIMUM:
	case KEY_EXCLUSIVE_MAXIMUM:
	case KEY_MINIMUM:
	case KEY_EXCLUSIVE_MINIMUM:
		return numbers(c, key, at);
	case KEY_MAX_LENGTH:
	case KEY_MIN_LENGTH:
	case KEY_PATTERN:
	case KEY_FORMAT:
		return strings(c, key, at);
	case KEY_MAX_ITEMS:
	case KEY_MIN_ITEMS:
	case KEY_UNIQUE:
	case KEY_MAX_CONTAINS:
	case KEY_MIN_CONTAINS:
	case KEY_PREFIX_ITEMS:
	case KEY_ITEMS:
	case KEY_ITEMS_7:
	case KEY_ADDITIONAL_ITEMS:
	case KEY_CONTAINS:
	case KEY_UNEVALUATED_ITEMS:
		return arrays(c, key, at);
	case KEY_MAX_PROPERTIES:
	case KEY_MIN_PROPERTIES:
	case KEY_REQUIRED:
	case KEY_DEPENDENT_REQUIRED:
	case KEY_DEPENDENT_SCHEMAS:
	case KEY_DEPENDENCIES:
	case KEY_PROPERTIES:
	case KEY_PATTERN_PROPERTIES:
	case KEY_ADDITIONAL:
	case KEY_NAMES:
	case KEY_UNEVALUATED:
		return objects(c, key, at);
	case KEY_ALL:
	case KEY_ANY:
	case KEY_ONE:
	case KEY_NOT:
	case KEY_IF:
	case KEY_THEN:
	case KEY_ELSE:
	case KEY_REF:
	case KEY_DYNAMIC_REF:
		return logic(c, key, at);
	case KEY_DEFS:
		return node(c, at)->type == JSON_OBJECT
			       ? 0
			       : fail(c, at, "is not an object");
	default:
		return 0;
	}
}

/* A keyword that nobody knows is an annotation, and perhaps a misspelling. */
static void
suspect(struct compiler *c, unsigned at)
{
	const struct json_node *n = node(c, at);
	const char *near = c->set->warn == NULL
				   ? NULL
				   : schema_keyword_near(c->resource->draft,
							 n->key, n->key_len);

	if (near == NULL)
		return;
	schema_fail(c->set, c->d, at, "is no keyword; did you mean %s?", near);
	c->set->warn(c->set->warn_arg, c->set->error);
	c->set->error[0] = '\0';
}

static int
compile_rule(struct schema_set *set, struct schema *rule)
{
	struct compiler c = { .set = set,
			      .d = rule->document,
			      .t = &rule->document->tree,
			      .rule = rule,
			      .resource = &set->resource[rule->resource] };
	const struct json_node *n = node(&c, rule->node);
	unsigned at, ref;

	if (n->type != JSON_OBJECT)
		return 0;
	ref = json_tree_member(c.t, rule->node, "$ref", 4);
	/* Before 2020-12 all beside $ref counts for nothing. */
	if (ref != 0 && c.resource->draft < SCHEMA_2020 &&
	    node(&c, ref)->type == JSON_STRING)
		return logic(&c, KEY_REF, ref);
	for (at = rule->node + 1; at < n->next; at = node(&c, at)->next) {
		const struct json_node *m = node(&c, at);
		const struct schema_keyword *k =
			schema_keyword(c.resource->draft, m->key, m->key_len);

		if (k != NULL &&
		    json_tree_member(c.t, rule->node, m->key, m->key_len) != at)
			return fail(&c, at, "is there twice");
		if (k == NULL)
			suspect(&c, at);
		else if (c.resource->validates || !k->validation)
			if (keyword(&c, k->key, at) < 0)
				return -1;
	}
	return 0;
}

/* A dynamic reference may lead to any resource that has been entered. */
static int
need_dynamic(struct schema_set *set, unsigned resource)
{
	size_t i;

	for (i = 0; i < set->anchors; i++) {
		const struct schema_anchor *a = &set->anchor[i];

		if (a->dynamic && a->resource == resource &&
		    schema_rule(set, set->resource[resource].document,
				a->node) == NULL)
			return -1;
	}
	return 0;
}

int
schema_compile(struct schema_set *set)
{
	size_t i;

	for (i = set->good; i < set->rules; i++)
		if (compile_rule(set, set->all[i]) < 0 ||
		    need_dynamic(set, set->all[i]->resource) < 0)
			break;
	if (i == set->rules) {
		set->good = i;
		return 0;
	}
	/* None of them may be taken for whole: they are compiled again when
	 * they are needed, and fail again. */
	while (set->rules > set->good) {
		struct schema *rule = set->all[--set->rules];

		rule->document->rule[rule->node] = NULL;
		schema_rule_free(rule);
	}
	return -1;
}

static void
values_free(struct schema_values *v)
{
	if (v == NULL)
		return;
	free(v->node);
	free(v->hash);
	free(v->slot);
	free(v);
}

static void
object_free(struct schema_object *o)
{
	size_t i;

	if (o == NULL)
		return;
	for (i = 0; i < o->patterns; i++)
		schema_pattern_free(o->patterned[i].pattern);
	for (i = 0; i < o->dependents; i++)
		free(o->dependent[i].needed);
	free(o->patterned);
	free(o->dependent);
	free(o->property);
	free(o->slot);
	free(o);
}

void
schema_rule_free(struct schema *rule)
{
	if (rule->string != NULL)
		schema_pattern_free(rule->string->pattern);
	if (rule->array != NULL)
		free(rule->array->prefix.rule);
	if (rule->logic != NULL) {
		free(rule->logic->all.rule);
		free(rule->logic->any.rule);
		free(rule->logic->one.rule);
	}
	free(rule->number);
	free(rule->string);
	free(rule->array);
	free(rule->logic);
	object_free(rule->object);
	values_free(rule->values);
	values_free(rule->constant);
	free(rule);
}
