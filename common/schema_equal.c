#include <string.h>

#include "common/schema_state.h"

enum { FEW = 16 }; /* members that are as quickly looked through */

uint64_t
schema_hash_text(const char *text, size_t len)
{
	uint64_t hash = 0x9e3779b97f4a7c15 ^ len, word;

	for (; len >= 8; text += 8, len -= 8) {
		memcpy(&word, text, 8);
		hash = (hash ^ word) * 0xff51afd7ed558ccd;
		hash ^= hash >> 32;
	}
	if (len > 0) {
		word = 0;
		memcpy(&word, text, len);
		hash = (hash ^ word) * 0xff51afd7ed558ccd;
		hash ^= hash >> 32;
	}
	return hash;
}

/*
 * Nodes are looked at in the order of the document, so that no recursion is
 * needed: what a node adds depends on its place in arrays and on its name in
 * objects, whose order doesn't count.
 */
uint64_t
schema_hash(const struct json_tree *t, unsigned i)
{
	unsigned end = t->node[i].next, at;
	uint64_t sum = 0;

	for (at = i; at < end; at++) {
		const struct json_node *n = &t->node[at];
		struct json_value v = schema_value_of(n);
		uint64_t h = n->type;

		if (n->type == JSON_STRING)
			h ^= schema_hash_text(n->text, n->len);
		else if (n->type == JSON_NUMBER)
			h ^= json_number_hash(&v);
		else
			h += n->count * 0x9e3779b97f4a7c15;
		if (at != i && n->key != NULL)
			h ^= schema_hash_text(n->key, n->key_len) << 1;
		h *= 0xc4ceb9fe1a85ec53;
		sum += h ^ h >> 29;
	}
	return sum;
}

static bool
same_scalar(const struct json_node *a, const struct json_node *b)
{
	struct json_value x = schema_value_of(a), y = schema_value_of(b);

	if (a->type == JSON_NUMBER)
		return json_number_compare(&x, &y) == 0;
	if (a->type == JSON_STRING)
		return a->len == b->len &&
		       memcmp(a->text, b->text, a->len) == 0;
	return true;
}

static bool
is_named(const struct json_node *n, const struct json_node *as)
{
	return n->key_len == as->key_len &&
	       memcmp(n->key, as->key, n->key_len) == 0;
}

/* The same in large objects, whose members are found by hash. */
static unsigned
find_by_hash(struct schema_table *names, const struct json_tree *t, unsigned k,
	     const struct json_node *as)
{
	size_t at = 0;
	unsigned i, found = 0;

	if (names->count == 0)
		for (i = k + 1; i < t->node[k].next; i = t->node[i].next)
			schema_table_add(names,
					 schema_hash_text(t->node[i].key,
							  t->node[i].key_len),
					 i);
	while (schema_table_next(names, schema_hash_text(as->key, as->key_len),
				 &at, &i))
		if (is_named(&t->node[i], as))
			found = i;
	return found;
}

static bool
same_members(const struct json_tree *a, unsigned i, const struct json_tree *b,
	     unsigned k)
{
	unsigned at, other, next = k + 1, end = b->node[k].next;
	struct schema_table names = { 0 };
	bool same = true;

	for (at = i + 1; same && at < a->node[i].next; at = a->node[at].next) {
		const struct json_node *n = &a->node[at];

		/* Mostly they stand in the same order. */
		if (next < end && is_named(&b->node[next], n))
			other = next;
		else if (b->node[k].count > FEW)
			other = find_by_hash(&names, b, k, n);
		else
			other = json_tree_member(b, k, n->key, n->key_len);
		same = other != 0 && schema_equal(a, at, b, other);
		if (same)
			next = b->node[other].next;
	}
	schema_table_release(&names);
	return same;
}

bool
schema_equal(const struct json_tree *a, unsigned i, const struct json_tree *b,
	     unsigned k)
{
	const struct json_node *x = &a->node[i], *y = &b->node[k];
	unsigned at, other;

	if (x->type != y->type || x->count != y->count)
		return false;
	if (x->type == JSON_OBJECT)
		return same_members(a, i, b, k);
	if (x->type != JSON_ARRAY)
		return same_scalar(x, y);
	for (at = i + 1, other = k + 1; at < x->next;
	     at = a->node[at].next, other = b->node[other].next)
		if (!schema_equal(a, at, b, other))
			return false;
	return true;
}
