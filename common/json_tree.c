#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_bytes.h"
#include "common/json_tree.h"
#include "common/mem.h"

struct builder {
	struct json_tree *t;
	const char *text, *at, *end;
};

static struct json_node *
push(struct json_tree *t)
{
	if (t->count == t->cap) {
		t->cap = (unsigned)mem_grow(t->cap, (size_t)t->count + 64);
		t->node = xreallocarray(t->node, t->cap, sizeof(*t->node));
	}
	return &t->node[t->count++];
}

/*
 * The characters of the string that begins here; steps behind it.  What is
 * decoded is never longer than all of the document, so that its buffer, once
 * there, never moves.
 */
static void
take_string(struct builder *b, const char **text, size_t *len)
{
	struct buf *decoded = &b->t->decoded;
	const char *at = ++b->at;
	bool escaped = false;

	for (;;) {
		at = block_find(block_quotes, b->text, at, b->end);
		assert(at < b->end);
		if (*at == '"')
			break;
		escaped = true;
		at += 2;
	}
	*text = b->at;
	*len = (size_t)(at - b->at);
	b->at = at + 1;
	if (!escaped)
		return;
	if (decoded->len == 0)
		buf_reserve(decoded, (size_t)(b->end - b->text));
	at = *text;
	*text = decoded->data + decoded->len;
	*len = json_unescape(decoded->data + decoded->len, at, *len);
	decoded->len += *len;
}

static void
skip_blanks(struct builder *b)
{
	while (b->at < b->end &&
	       (json_is_blank(*b->at) || *b->at == ',' || *b->at == ':'))
		b->at++;
}

static void
take_scalar(struct builder *b, struct json_node *n)
{
	n->text = b->at;
	while (b->at < b->end && *b->at != ',' && *b->at != '}' &&
	       *b->at != ']' && !json_is_blank(*b->at))
		b->at++;
	n->len = (size_t)(b->at - n->text);
}

/* Take the value here as a child of `parent`; returns its number. */
static unsigned
take_value(struct builder *b, unsigned parent)
{
	struct json_node *n = push(b->t);
	unsigned self = b->t->count - 1;

	*n = (struct json_node){ .parent = parent, .next = self + 1 };
	if (self != 0 && b->t->node[parent].type == JSON_OBJECT) {
		take_string(b, &n->key, &n->key_len);
		skip_blanks(b);
	}
	if (self != 0 && n->key == NULL)
		n->key_len = b->t->node[parent].count;
	if (self != 0)
		b->t->node[parent].count++;
	n->type = json_type_at(b->at);
	n->text = b->at;
	if (n->type == JSON_STRING)
		take_string(b, &n->text, &n->len);
	else if (n->type == JSON_OBJECT || n->type == JSON_ARRAY)
		b->at++;
	else
		take_scalar(b, n);
	return self;
}

int
json_tree_build(struct json_tree *t, const struct json_value *value)
{
	struct builder b = { t, value->text, value->text,
			     value->text + value->len };
	unsigned open = 0, i;

	/* A node takes a byte at least, but for the comma before it. */
	if (value->len >= UINT_MAX)
		return -1;
	t->count = 0;
	buf_clear(&t->decoded);
	for (;;) {
		struct json_node *n;

		skip_blanks(&b);
		if (b.at < b.end && *b.at != '}' && *b.at != ']') {
			i = take_value(&b, open);
			n = &t->node[i];
			if (n->type == JSON_OBJECT || n->type == JSON_ARRAY)
				open = i;
			else if (i == 0)
				return 0;
			continue;
		}
		n = &t->node[open];
		b.at++;
		n->len = (size_t)(b.at - n->text);
		n->next = t->count;
		if (open == 0)
			return 0;
		open = n->parent;
	}
}

void
json_tree_release(struct json_tree *t)
{
	free(t->node);
	buf_release(&t->decoded);
	*t = (struct json_tree){ 0 };
}

unsigned
json_tree_member(const struct json_tree *t, unsigned i, const char *name,
		 size_t len)
{
	unsigned at, found = 0;

	if (t->node[i].type != JSON_OBJECT)
		return 0;
	for (at = i + 1; at < t->node[i].next; at = t->node[at].next)
		if (t->node[at].key_len == len &&
		    memcmp(t->node[at].key, name, len) == 0)
			found = at;
	return found;
}

static void
add_token(struct buf *out, const char *key, size_t len)
{
	size_t i;

	buf_addc(out, '/');
	for (i = 0; i < len; i++)
		if (key[i] == '~')
			buf_adds(out, "~0");
		else if (key[i] == '/')
			buf_adds(out, "~1");
		else
			buf_addc(out, key[i]);
}

void
json_tree_pointer(const struct json_tree *t, unsigned i, struct buf *out)
{
	unsigned path[JSON_DEPTH + 1], depth = 0;

	for (; i != 0; i = t->node[i].parent) {
		assert(depth < JSON_DEPTH);
		path[depth++] = i;
	}
	while (depth-- > 0) {
		const struct json_node *n = &t->node[path[depth]];

		if (n->key != NULL) {
			add_token(out, n->key, n->key_len);
		} else {
			buf_addc(out, '/');
			buf_addu(out, n->key_len);
		}
	}
}
