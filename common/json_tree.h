/*
 * json_tree.h - a checked JSON value as a flat tree, for what must look around
 *
 * The scanner needs no tree; JSON Schema does: it looks at members by name, at
 * counts and at decoded strings, again and again.  The nodes stand in the order
 * of the document, so that {"a":[1,2],"b":"x"} is
 *
 *     0 object, 2 members, next 5
 *     1   "a" array, 2 elements, next 4
 *     2     1
 *     3     2
 *     4   "b" string x
 *
 * and the children of node i are i + 1, then next of each, up to next of i.  A
 * tree is reused from one value to the next and allocates nothing once it has
 * grown.
 */
#ifndef COMMON_JSON_TREE_H
#define COMMON_JSON_TREE_H

#include <stddef.h>

#include "common/buf.h"
#include "common/json.h"

struct json_node {
	enum json_type type;
	unsigned next;    /* the node behind this one and all that is in it */
	unsigned count;   /* members or elements */
	unsigned parent;  /* the node it is in; of the root itself */
	const char *text; /* a string's characters, decoded; else the bytes as
			   * they stand */
	size_t len;
	const char *key; /* of a member, decoded; NULL */
	size_t key_len;  /* of an element its index */
};

/* A zeroed struct is valid. */
struct json_tree {
	struct json_node *node; /* node[0] is the root */
	unsigned count;
	unsigned cap;       /* private */
	struct buf decoded; /* what needed decoding */
};

/*
 * Build the tree of a value that json_scan() or json_iter_next() gave.  Texts
 * are borrowed from its bytes, or from the tree where they held escapes, and
 * valid until the next call.  Returns 0, or -1 for a value of more than 2^32 - 2
 * nodes.
 */
int json_tree_build(struct json_tree *t, const struct json_value *value);
void json_tree_release(struct json_tree *t);

/* The last member of that name of object i, or 0 (the root is no member). */
unsigned json_tree_member(const struct json_tree *t, unsigned i,
			  const char *name, size_t len);

/* Append the JSON Pointer (RFC 6901) of node i, as text. */
void json_tree_pointer(const struct json_tree *t, unsigned i, struct buf *out);

#endif
