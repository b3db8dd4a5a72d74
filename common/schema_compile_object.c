#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_compile_state.h"

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
object(struct schema_compiler *c)
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
	o->slots = schema_slots_for(n);
	o->slot = xcalloc(o->slots, sizeof(*o->slot));
	return o;
}

static int
properties(struct schema_compiler *c, unsigned at)
{
	struct schema_object *o = object(c);
	const struct json_node *n = node_at(c, at);
	unsigned child;

	if (n->type != JSON_OBJECT)
		return refuse(c, at, "is not an object");
	for (child = at + 1; child < n->next; child = node_at(c, child)->next) {
		const struct json_node *m = node_at(c, child);

		if (schema_compile_one(c, child,
				       &property(o, m->key, m->key_len)->rule) <
		    0)
			return -1;
	}
	return 0;
}

static int
pattern_properties(struct schema_compiler *c, unsigned at)
{
	struct schema_object *o = object(c);
	const struct json_node *n = node_at(c, at);
	unsigned child;

	if (n->type != JSON_OBJECT)
		return refuse(c, at, "is not an object");
	o->patterned = xcalloc(n->count, sizeof(*o->patterned));
	for (child = at + 1; child < n->next; child = node_at(c, child)->next) {
		const struct json_node *m = node_at(c, child);
		struct schema_pattern_property *p =
			&o->patterned[o->patterns++];

		if (schema_compile_pattern(c, child, m->key, m->key_len,
					   &p->pattern) < 0 ||
		    schema_compile_one(c, child, &p->rule) < 0)
			return -1;
	}
	return 0;
}

static int
required(struct schema_compiler *c, unsigned at)
{
	struct schema_object *o = object(c);
	const struct json_node *n = node_at(c, at);
	unsigned child;

	if (n->type != JSON_ARRAY)
		return refuse(c, at, "is not an array of names");
	for (child = at + 1; child < n->next; child = node_at(c, child)->next) {
		const struct json_node *m = node_at(c, child);

		if (m->type != JSON_STRING)
			return refuse(c, child, "is not a name");
		o->property[noted(o, m->text, m->len)].required = true;
	}
	return 0;
}

/* One member of dependentRequired, dependentSchemas or dependencies. */
static int
dependent(struct schema_compiler *c, unsigned at, struct schema_dependent *dep,
	  const char *keyword)
{
	struct schema_object *o = c->rule->object;
	const struct json_node *n = node_at(c, at);
	unsigned child;

	dep->keyword = keyword;
	dep->property = noted(o, n->key, n->key_len);
	if (n->type != JSON_ARRAY)
		return schema_compile_one(c, at, &dep->rule);
	dep->needed = xcalloc(n->count, sizeof(*dep->needed));
	for (child = at + 1; child < n->next; child = node_at(c, child)->next) {
		const struct json_node *m = node_at(c, child);

		if (m->type != JSON_STRING)
			return refuse(c, child, "is not a name");
		dep->needed[dep->count++] = noted(o, m->text, m->len);
	}
	return 0;
}

static int
dependents(struct schema_compiler *c, unsigned at, enum schema_key key)
{
	struct schema_object *o = object(c);
	const struct json_node *n = node_at(c, at);
	const char *keyword =
		key == KEY_DEPENDENT_REQUIRED  ? "dependentRequired"
		: key == KEY_DEPENDENT_SCHEMAS ? "dependentSchemas"
					       : "dependencies";
	unsigned child;

	if (n->type != JSON_OBJECT)
		return refuse(c, at, "is not an object");
	o->dependent = xreallocarray(o->dependent, o->dependents + n->count,
				     sizeof(*o->dependent));
	for (child = at + 1; child < n->next; child = node_at(c, child)->next) {
		struct schema_dependent *dep = &o->dependent[o->dependents++];
		bool names = node_at(c, child)->type == JSON_ARRAY;

		*dep = (struct schema_dependent){ 0 };
		if (key == KEY_DEPENDENT_REQUIRED && !names)
			return refuse(c, child, "is not an array of names");
		if (key == KEY_DEPENDENT_SCHEMAS && names)
			return refuse(c, child, "is not a schema");
		if (dependent(c, child, dep, keyword) < 0)
			return -1;
	}
	return 0;
}

int
schema_compile_objects(struct schema_compiler *c, enum schema_key key,
		       unsigned at)
{
	struct schema_object *o = object(c);

	switch (key) {
	case KEY_MAX_PROPERTIES:
		return schema_compile_size(c, at, &o->max);
	case KEY_MIN_PROPERTIES:
		return schema_compile_size(c, at, &o->min);
	case KEY_REQUIRED:
		return required(c, at);
	case KEY_PROPERTIES:
		return properties(c, at);
	case KEY_PATTERN_PROPERTIES:
		return pattern_properties(c, at);
	case KEY_ADDITIONAL:
		return schema_compile_one(c, at, &o->additional);
	case KEY_NAMES:
		return schema_compile_one(c, at, &o->names);
	case KEY_UNEVALUATED:
		return schema_compile_one(c, at, &o->unevaluated);
	default:
		return dependents(c, at, key);
	}
}

void
schema_object_free(struct schema_object *o)
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
