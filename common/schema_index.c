#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_state.h"

static const struct {
	const char *uri;
	enum schema_draft draft;
} drafts[] = {
	{ "http://json-schema.org/draft-04/schema", SCHEMA_4 },
	{ "http://json-schema.org/draft-06/schema", SCHEMA_6 },
	{ "http://json-schema.org/draft-07/schema", SCHEMA_7 },
	{ "https://json-schema.org/draft/2020-12/schema", SCHEMA_2020 },
};

#define VOCABULARY "https://json-schema.org/draft/2020-12/vocab/"

static bool
is_text(const char *text, size_t len, const char *want)
{
	return strlen(want) == len && memcmp(text, want, len) == 0;
}

static const struct json_node *
member(const struct schema_document *d, unsigned node, const char *name)
{
	unsigned at = json_tree_member(&d->tree, node, name, strlen(name));

	return at != 0 ? &d->tree.node[at] : NULL;
}

/* What the meta-schema's $vocabulary asks for. */
static int
read_vocabulary(struct schema_set *set, struct schema_resource *r,
		const struct schema_resource *meta)
{
	static const char *const known[] = {
		"core",
		"applicator",
		"unevaluated",
		"validation",
		"meta-data",
		"format-annotation",
		"format-assertion",
		"content",
	};
	const struct schema_document *d = meta->document;
	const struct json_tree *t = &d->tree;
	unsigned list = json_tree_member(t, meta->node, "$vocabulary", 11), at;
	size_t i, n = strlen(VOCABULARY),
		  count = sizeof(known) / sizeof(*known);

	if (list == 0 || t->node[list].type != JSON_OBJECT)
		return 0;
	r->validates = false;
	for (at = list + 1; at < t->node[list].next; at = t->node[at].next) {
		const struct json_node *v = &t->node[at];

		for (i = 0; i < count; i++)
			if (v->key_len > n &&
			    memcmp(v->key, VOCABULARY, n) == 0 &&
			    is_text(v->key + n, v->key_len - n, known[i]))
				break;
		if (i == count && v->type == JSON_TRUE)
			return schema_fail(set, d, at,
					   "needs a vocabulary that is not "
					   "known");
		r->validates |= i == 3;
		r->asserts_format |= i == 6;
	}
	return 0;
}

/* Set draft and vocabularies from $schema. */
static int
read_dialect(struct schema_set *set, struct schema_resource *r)
{
	struct schema_document *d = r->document, *of;
	const struct json_node *v = member(d, r->node, "$schema");
	unsigned node, self = (unsigned)(r - set->resource);
	struct schema_resource *meta;
	size_t i, len;

	if (v == NULL)
		return 0;
	if (v->type != JSON_STRING)
		return schema_fail(set, d, r->node, "$schema is no string");
	len = v->len - (v->len > 0 && v->text[v->len - 1] == '#');
	for (i = 0; i < sizeof(drafts) / sizeof(*drafts); i++)
		if (is_text(v->text, len, drafts[i].uri)) {
			r->draft = drafts[i].draft;
			return 0;
		}
	if (schema_resolve(set, self, v->text, len, &of, &node) < 0 ||
	    of->resource_of[node] == 0)
		return schema_fail(set, d, r->node,
				   "$schema %.*s is not supported (drafts 4, "
				   "6, 7 and 2020-12 are)",
				   (int)(v->len < 100 ? v->len : 100), v->text);
	r = &set->resource[self]; /* they may have moved */
	meta = &set->resource[of->resource_of[node] - 1];
	r->draft = meta->draft;
	return read_vocabulary(set, r, meta);
}

static int
add_anchor(struct schema_set *set, struct schema_document *d, unsigned resource,
	   unsigned node, const char *name, size_t len, bool dynamic)
{
	const struct schema_anchor *a = schema_anchor(set, resource, name, len);

	if (a != NULL && a->node != node)
		return schema_fail(set, d, node, "anchor %.*s is there twice",
				   (int)(len < 100 ? len : 100), name);
	if (a == NULL || dynamic)
		schema_add_anchor(set,
				  &(struct schema_anchor){ resource, node, name,
							   len, dynamic, 0 });
	return 0;
}

/* Begin a resource; a name can be that of one only. */
static int
add_resource(struct schema_set *set, struct schema_document *d, unsigned node,
	     const char *uri, const struct schema_resource *parent)
{
	struct schema_resource r = *parent;
	long found = schema_find_resource(set, uri);

	if (found >= 0)
		return schema_fail(set, d, node, "%.200s is already %.200s",
				   uri, set->resource[found].document->name);
	r.uri = xstrdup(uri);
	r.node = node;
	r.first_dynamic = 0;
	schema_add_resource(set, &r);
	d->resource_of[node] = (unsigned)set->resources;
	return 0;
}

/* The schema's own name, as its draft has it; NULL: it has none. */
static const struct json_node *
own_id(const struct schema_document *d, unsigned node, enum schema_draft draft)
{
	const struct json_node *id =
		member(d, node, draft == SCHEMA_4 ? "id" : "$id");

	/* Before 2020-12 all beside $ref counts for nothing. */
	if (draft < SCHEMA_2020 && node != 0 && member(d, node, "$ref") != NULL)
		return NULL;
	return id != NULL && id->type == JSON_STRING ? id : NULL;
}

/* Note the schema's own name, by which a resource may begin. */
static int
note_id(struct schema_set *set, struct schema_document *d, unsigned node,
	unsigned *resource)
{
	struct schema_resource parent = set->resource[*resource];
	const struct json_node *id = own_id(d, node, parent.draft);
	struct buf uri = { 0 };
	size_t at;
	int rc = 0;

	if (id == NULL)
		return 0;
	at = schema_uri_resolve(&uri, parent.uri, id->text, id->len);
	if (memchr(id->text, '\0', id->len) != NULL) {
		rc = schema_fail(set, d, node, "its name holds a NUL");
	} else if (parent.draft == SCHEMA_2020 && at < id->len) {
		rc = schema_fail(set, d, node, "$id must not have a fragment");
	} else if (id->len != 0 && *id->text != '#' && node != 0) {
		rc = add_resource(set, d, node, buf_text(&uri), &parent);
		*resource = (unsigned)set->resources - 1;
		if (rc == 0)
			rc = read_dialect(set, &set->resource[*resource]);
	}
	buf_release(&uri);
	if (rc == 0 && at < id->len)
		rc = add_anchor(set, d, *resource, node, id->text + at,
				id->len - at, false);
	return rc;
}

/* Note what names this schema has. */
static int
note_names(struct schema_set *set, struct schema_document *d, unsigned node,
	   unsigned *resource)
{
	static const char *const names[] = { "$anchor", "$dynamicAnchor" };
	const struct json_node *v;
	int i;

	if (note_id(set, d, node, resource) < 0)
		return -1;
	for (i = 0; i < 2; i++) {
		v = set->resource[*resource].draft == SCHEMA_2020
			    ? member(d, node, names[i])
			    : NULL;
		if (v != NULL && v->type == JSON_STRING &&
		    add_anchor(set, d, *resource, node, v->text, v->len,
			       i == 1) < 0)
			return -1;
	}
	return 0;
}

int
schema_children(const struct json_tree *t, unsigned at, enum schema_holds holds,
		int (*visit)(void *arg, unsigned node), void *arg)
{
	const struct json_node *n = &t->node[at];
	unsigned child;
	int rc = 0;

	if (holds == SCHEMA_HOLDS_NONE)
		return 0;
	if (holds == SCHEMA_HOLDS_ONE ||
	    (holds == SCHEMA_HOLDS_EITHER && n->type != JSON_ARRAY))
		return n->type == JSON_ARRAY ? 0 : visit(arg, at);
	if (n->type != (holds == SCHEMA_HOLDS_MAP || holds == SCHEMA_HOLDS_MIXED
				? JSON_OBJECT
				: JSON_ARRAY))
		return 0;
	for (child = at + 1; rc == 0 && child < n->next;
	     child = t->node[child].next)
		if (holds != SCHEMA_HOLDS_MIXED ||
		    t->node[child].type != JSON_ARRAY)
			rc = visit(arg, child);
	return rc;
}

struct walk {
	struct schema_set *set;
	struct schema_document *d;
	unsigned *todo;
	size_t count, cap;
};

static int
push(void *arg, unsigned node)
{
	struct walk *w = arg;

	if (w->d->tree.node[node].type != JSON_OBJECT)
		return 0;
	if (w->count == w->cap) {
		w->cap = mem_grow(w->cap, w->count + 64);
		w->todo = xreallocarray(w->todo, w->cap, sizeof(*w->todo));
	}
	w->todo[w->count++] = node;
	return 0;
}

/* Look at one schema and push those in it. */
static int
visit(struct walk *w, unsigned node)
{
	const struct json_tree *t = &w->d->tree;
	unsigned resource = schema_resource_of(w->d, node), at;

	if (note_names(w->set, w->d, node, &resource) < 0)
		return -1;
	for (at = node + 1; at < t->node[node].next; at = t->node[at].next) {
		const struct schema_keyword *k =
			schema_keyword(w->set->resource[resource].draft,
				       t->node[at].key, t->node[at].key_len);

		if (k != NULL)
			schema_children(t, at, k->holds, push, w);
	}
	return 0;
}

/* The document's root is a resource; if it has an $id it is known by that, too. */
static int
add_root(struct schema_set *set, struct schema_document *d, const char *uri,
	 enum schema_draft draft)
{
	struct schema_resource root = { .document = d,
					.draft = draft,
					.validates = true };
	unsigned r = (unsigned)set->resources;
	const struct json_node *id;
	struct buf own = { 0 };
	int rc = 0;

	if (add_resource(set, d, 0, uri, &root) < 0)
		return -1;
	if (d->tree.node[0].type != JSON_OBJECT)
		return 0;
	if (read_dialect(set, &set->resource[r]) < 0)
		return -1;
	id = own_id(d, 0, set->resource[r].draft);
	if (id == NULL || id->len == 0 || *id->text == '#')
		return 0;
	schema_uri_resolve(&own, uri, id->text, id->len);
	root = set->resource[r];
	/* A copy of what is built in stands back behind it. */
	if (strcmp(buf_text(&own), uri) != 0 &&
	    (schema_meta(own.data) == NULL ||
	     schema_find_resource(set, own.data) < 0))
		rc = add_resource(set, d, 0, own.data, &root);
	buf_release(&own);
	return rc;
}

int
schema_index(struct schema_set *set, struct schema_document *d, const char *uri,
	     enum schema_draft draft)
{
	struct walk w = { .set = set, .d = d };
	int rc;

	if (d->tree.node[0].type != JSON_OBJECT &&
	    d->tree.node[0].type != JSON_TRUE &&
	    d->tree.node[0].type != JSON_FALSE)
		return schema_fail(set, d, 0,
				   "a schema is an object or a boolean");
	rc = add_root(set, d, uri, draft);
	if (rc == 0)
		push(&w, 0);
	while (rc == 0 && w.count > 0)
		rc = visit(&w, w.todo[--w.count]);
	free(w.todo);
	return rc;
}
