#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/schema_state.h"

enum { FEW = 16 }; /* children that are as quickly looked through */

long
schema_find_resource(const struct schema_set *set, const char *uri)
{
	uint64_t hash = schema_hash_text(uri, strlen(uri));
	size_t at = 0;
	unsigned i;

	while (schema_table_next(&set->by_uri, hash, &at, &i))
		if (strcmp(set->resource[i].uri, uri) == 0)
			return (long)i;
	return -1;
}

void
schema_add_resource(struct schema_set *set, const struct schema_resource *r)
{
	if (set->resources == set->resource_cap) {
		set->resource_cap =
			mem_grow(set->resource_cap, set->resources + 16);
		set->resource = xreallocarray(set->resource, set->resource_cap,
					      sizeof(*set->resource));
	}
	schema_table_add(&set->by_uri, schema_hash_text(r->uri, strlen(r->uri)),
			 (unsigned)set->resources);
	set->resource[set->resources++] = *r;
}

void
schema_add_name(struct schema_set *set, struct schema_document *d,
		const char *uri)
{
	struct schema_resource r = set->resource[schema_resource_of(d, 0)];

	if (schema_find_resource(set, uri) >= 0)
		return;
	r.uri = xstrdup(uri);
	schema_add_resource(set, &r);
}

static uint64_t
name_hash(unsigned of, const char *name, size_t len)
{
	return schema_hash_text(name, len) ^ of * 0x9e3779b97f4a7c15;
}

const struct schema_anchor *
schema_anchor(const struct schema_set *set, unsigned resource, const char *name,
	      size_t len)
{
	uint64_t hash = name_hash(resource, name, len);
	size_t at = 0;
	unsigned i;

	while (schema_table_next(&set->by_name, hash, &at, &i)) {
		const struct schema_anchor *a = &set->anchor[i];

		if (a->resource == resource && a->len == len &&
		    memcmp(a->name, name, len) == 0)
			return a;
	}
	return NULL;
}

void
schema_add_anchor(struct schema_set *set, const struct schema_anchor *a)
{
	if (set->anchors == set->anchor_cap) {
		set->anchor_cap = mem_grow(set->anchor_cap, set->anchors + 16);
		set->anchor = xreallocarray(set->anchor, set->anchor_cap,
					    sizeof(*set->anchor));
	}
	schema_table_add(&set->by_name, name_hash(a->resource, a->name, a->len),
			 (unsigned)set->anchors);
	set->anchor[set->anchors++] = *a;
	if (a->dynamic) {
		struct schema_resource *r = &set->resource[a->resource];

		set->anchor[set->anchors - 1].next_dynamic = r->first_dynamic;
		r->first_dynamic = (unsigned)set->anchors;
	}
}

void
schema_drop_names(struct schema_set *set, size_t resources, size_t anchors)
{
	while (set->anchors > anchors) {
		struct schema_anchor *a = &set->anchor[--set->anchors];

		schema_table_drop(&set->by_name,
				  name_hash(a->resource, a->name, a->len),
				  (unsigned)set->anchors);
	}
	while (set->resources > resources) {
		struct schema_resource *r = &set->resource[--set->resources];

		schema_table_drop(&set->by_uri,
				  schema_hash_text(r->uri, strlen(r->uri)),
				  (unsigned)set->resources);
		free(r->uri);
	}
}

/* The resource of that URI, which may have to be loaded. */
static long
need_resource(struct schema_set *set, const char *uri, enum schema_draft draft)
{
	long found = schema_find_resource(set, uri);

	if (found < 0 && schema_load_uri(set, uri, draft) != NULL)
		found = schema_find_resource(set, uri);
	return found;
}

unsigned
schema_resource_of(const struct schema_document *d, unsigned node)
{
	while (d->resource_of[node] == 0)
		node = d->tree.node[node].parent;
	return d->resource_of[node] - 1;
}

static uint64_t
child_hash(const struct json_tree *t, unsigned i)
{
	const struct json_node *n = &t->node[i];

	return n->key != NULL ? name_hash(n->parent, n->key, n->key_len)
			      : name_hash(n->parent, NULL, 0) ^ n->key_len;
}

/* A document whose references point into large objects gets a table. */
static void
index_members(struct schema_document *d)
{
	const struct json_tree *t = &d->tree;
	unsigned i;

	for (i = 1; i < t->count; i++)
		if (t->node[t->node[i].parent].count > FEW)
			schema_table_add(&d->members, child_hash(t, i), i);
}

/* Member of a node, the last one of that name; 0 if there is none. */
static unsigned
member(struct schema_document *d, unsigned node, const char *name, size_t len)
{
	const struct json_tree *t = &d->tree;
	uint64_t hash = name_hash(node, name, len);
	unsigned found = 0, i;
	size_t at = 0;

	if (t->node[node].count <= FEW)
		return json_tree_member(t, node, name, len);
	if (d->members.count == 0)
		index_members(d);
	while (schema_table_next(&d->members, hash, &at, &i))
		if (t->node[i].parent == node && t->node[i].key_len == len &&
		    t->node[i].key != NULL &&
		    memcmp(t->node[i].key, name, len) == 0)
			found = i;
	return found;
}

/* Element of a node by its index as text; 0 if there is none. */
static unsigned
element(struct schema_document *d, unsigned node, const char *text, size_t len)
{
	const struct json_tree *t = &d->tree;
	unsigned i = node + 1;
	size_t at = 0;
	unsigned long n;

	if (len == 0 || len > 9 || strspn(text, "0123456789") < len ||
	    (len > 1 && *text == '0'))
		return 0;
	n = strtoul(text, NULL, 10);
	if (n >= t->node[node].count)
		return 0;
	if (t->node[node].count <= FEW) {
		while (t->node[i].key_len != n)
			i = t->node[i].next;
		return i;
	}
	if (d->members.count == 0)
		index_members(d);
	while (schema_table_next(&d->members, name_hash(node, NULL, 0) ^ n, &at,
				 &i))
		if (t->node[i].parent == node && t->node[i].key == NULL &&
		    t->node[i].key_len == n)
			return i;
	return 0;
}

/* Child of a node by a reference token, decoded; 0 if there is none. */
static unsigned
child(struct schema_document *d, unsigned node, const char *token, size_t len)
{
	switch (d->tree.node[node].type) {
	case JSON_OBJECT:
		return member(d, node, token, len);
	case JSON_ARRAY:
		return element(d, node, token, len);
	default:
		return 0;
	}
}

/* Follow a JSON Pointer (decoded of its %XX) from a node; 0 if it leads
 * nowhere. */
static bool
follow(struct schema_document *d, unsigned *node, const char *pointer)
{
	struct buf token = { 0 };
	bool found = true;

	while (found && *pointer == '/') {
		const char *stop;

		pointer++;
		stop = pointer + strcspn(pointer, "/");
		buf_clear(&token);
		for (; pointer < stop; pointer++)
			if (*pointer == '~' && pointer[1] == '1') {
				buf_addc(&token, '/');
				pointer++;
			} else if (*pointer == '~' && pointer[1] == '0') {
				buf_addc(&token, '~');
				pointer++;
			} else {
				buf_addc(&token, *pointer);
			}
		*node = child(d, *node, buf_text(&token), token.len);
		found = *node != 0;
	}
	buf_release(&token);
	return found;
}

int
schema_resolve(struct schema_set *set, unsigned resource, const char *ref,
	       size_t len, struct schema_document **d, unsigned *node)
{
	struct buf uri = { 0 }, fragment = { 0 };
	size_t at =
		schema_uri_resolve(&uri, set->resource[resource].uri, ref, len);
	const struct schema_anchor *anchor;
	const char *name;
	long found = -1;
	bool ok = false;

	schema_add_decoded(&fragment, ref + at, len - at);
	name = buf_text(&fragment);
	set->error[0] = '\0';
	/* No URI holds a NUL, and no pointer here. */
	if (strlen(buf_text(&uri)) == uri.len && strlen(name) == fragment.len)
		found = need_resource(set, uri.data,
				      set->resource[resource].draft);
	if (found >= 0) {
		*d = set->resource[found].document;
		*node = set->resource[found].node;
		ok = true;
		if (*name == '/') {
			ok = follow(*d, node, name);
		} else if (*name != '\0') {
			/* It may have two URIs. */
			found = (*d)->resource_of[*node] - 1;
			anchor = schema_anchor(set, (unsigned)found, name,
					       fragment.len);
			ok = anchor != NULL;
			if (ok)
				*node = anchor->node;
		}
	}
	buf_release(&uri);
	buf_release(&fragment);
	return ok ? 0 : -1;
}
