#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_compile_state.h"

enum { WARNINGS = 100 }; /* of a set; then there is something else wrong */

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

int
schema_compile_one(struct schema_compiler *c, unsigned at, struct schema **rule)
{
	*rule = schema_rule(c->set, c->d, at);
	return *rule != NULL ? 0 : -1;
}

/* Lists of schemas. */

static int
add_rule(void *arg, unsigned at)
{
	struct schema_compiler *c = arg;

	return schema_compile_one(c, at, &c->list->rule[c->list->count++]);
}

int
schema_compile_list(struct schema_compiler *c, unsigned at,
		    struct schema_list *list)
{
	if (node_at(c, at)->type != JSON_ARRAY || node_at(c, at)->count == 0)
		return refuse(c, at, "is not an array of schemas");
	c->list = list;
	list->rule = xcalloc(node_at(c, at)->count, sizeof(struct schema *));
	return schema_children(c->t, at, SCHEMA_HOLDS_LIST, add_rule, c);
}

/* Schemas that wait to be referred to.  They are compiled even if nobody does:
 * what is wrong is told at once. */
static int
definitions(struct schema_compiler *c, unsigned at)
{
	unsigned child;
	struct schema *unused;

	if (node_at(c, at)->type != JSON_OBJECT)
		return refuse(c, at, "is not an object");
	for (child = at + 1; child < node_at(c, at)->next;
	     child = node_at(c, child)->next)
		if (schema_compile_one(c, child, &unused) < 0)
			return -1;
	return 0;
}

/* References. */

static int
reference(struct schema_compiler *c, unsigned at, struct schema **rule)
{
	const struct json_node *n = node_at(c, at);
	struct schema_document *d;
	unsigned target;

	if (n->type != JSON_STRING)
		return refuse(c, at, "is not a string");
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
dynamic_reference(struct schema_compiler *c, unsigned at)
{
	struct schema_logic *l = FACET(c, logic);
	const struct json_node *n = node_at(c, at);
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
logic(struct schema_compiler *c, enum schema_key key, unsigned at)
{
	struct schema_logic *l = FACET(c, logic);

	switch (key) {
	case KEY_ALL:
		return schema_compile_list(c, at, &l->all);
	case KEY_ANY:
		return schema_compile_list(c, at, &l->any);
	case KEY_ONE:
		return schema_compile_list(c, at, &l->one);
	case KEY_NOT:
		return schema_compile_one(c, at, &l->not );
	case KEY_IF:
		return schema_compile_one(c, at, &l->cond);
	case KEY_THEN:
		return schema_compile_one(c, at, &l->then);
	case KEY_ELSE:
		return schema_compile_one(c, at, &l->otherwise);
	case KEY_REF:
		return reference(c, at, &l->ref);
	default:
		return dynamic_reference(c, at);
	}
}

static int
keyword(struct schema_compiler *c, enum schema_key key, unsigned at)
{
	switch (key) {
	case KEY_TYPE:
		return schema_compile_types(c, at);
	case KEY_ENUM:
		return schema_compile_values(c, at, &c->rule->values, "enum");
	case KEY_CONST:
		return schema_compile_values(c, at, &c->rule->constant,
					     "const");
	case KEY_MULTIPLE:
	case KEY_MAXIMUM:
	case KEY_EXCLUSIVE_MAXIMUM:
	case KEY_MINIMUM:
	case KEY_EXCLUSIVE_MINIMUM:
		return schema_compile_numbers(c, key, at);
	case KEY_MAX_LENGTH:
	case KEY_MIN_LENGTH:
	case KEY_PATTERN:
	case KEY_FORMAT:
		return schema_compile_strings(c, key, at);
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
		return schema_compile_arrays(c, key, at);
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
		return schema_compile_objects(c, key, at);
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
		return definitions(c, at);
	case KEY_ID:
	case KEY_ID_4:
	case KEY_SCHEMA:
	case KEY_ANCHOR:
	case KEY_DYNAMIC_ANCHOR:
		return node_at(c, at)->type == JSON_STRING
			       ? 0
			       : refuse(c, at, "is not a string");
	default:
		return 0;
	}
}

/* A keyword that nobody knows is an annotation, and perhaps a misspelling. */
static void
suspect(struct schema_compiler *c, unsigned at)
{
	const struct json_node *n = node_at(c, at);
	const char *near = c->set->warn == NULL || c->set->warned == WARNINGS
				   ? NULL
				   : schema_keyword_near(c->resource->draft,
							 n->key, n->key_len);

	if (near == NULL)
		return;
	schema_fail(c->set, c->d, at, "is no keyword; did you mean %s?", near);
	c->set->warned++;
	c->set->warn(c->set->warn_arg, c->set->error);
	c->set->error[0] = '\0';
}

static int
compile_rule(struct schema_set *set, struct schema *rule)
{
	struct schema_compiler c = { .set = set,
				     .d = rule->document,
				     .t = &rule->document->tree,
				     .rule = rule,
				     .resource =
					     &set->resource[rule->resource] };
	const struct json_node *n = node_at(&c, rule->node);
	unsigned at, ref;

	if (n->type != JSON_OBJECT)
		return 0;
	ref = json_tree_member(c.t, rule->node, "$ref", 4);
	/* Before 2020-12 all beside $ref counts for nothing. */
	if (ref != 0 && c.resource->draft < SCHEMA_2020 &&
	    node_at(&c, ref)->type == JSON_STRING)
		return logic(&c, KEY_REF, ref);
	for (at = rule->node + 1; at < n->next; at = node_at(&c, at)->next) {
		const struct json_node *m = node_at(&c, at);
		const struct schema_keyword *k =
			schema_keyword(c.resource->draft, m->key, m->key_len);

		if (k != NULL &&
		    json_tree_member(c.t, rule->node, m->key, m->key_len) != at)
			return refuse(&c, at, "is there twice");
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
	struct schema_resource *r = &set->resource[resource];
	unsigned i;

	if (r->dynamic_compiled)
		return 0;
	r->dynamic_compiled = true;
	for (i = r->first_dynamic; i != 0; i = set->anchor[i - 1].next_dynamic)
		if (schema_rule(set, r->document, set->anchor[i - 1].node) ==
		    NULL)
			return -1;
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
	if (i < set->rules)
		return -1;
	set->good = i;
	return 0;
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
	schema_object_free(rule->object);
	values_free(rule->values);
	values_free(rule->constant);
	free(rule);
}
