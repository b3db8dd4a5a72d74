#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_bytes.h"
#include "common/mem.h"
#include "common/num.h"

/* All that is walked here was checked, so that only strings and brackets need
 * to be looked at. */

static const char *
skip_string(const char *text, const char *at, const char *end)
{
	at++;
	for (;;) {
		at = block_find(block_quotes, text, at, end);
		assert(at < end);
		if (*at == '"')
			return at + 1;
		at += 2;
	}
}

static const char *
skip_tree(const char *text, const char *at, const char *end)
{
	size_t depth = 0;

	do {
		at = block_find(block_brackets, text, at, end);
		assert(at < end);
		if (*at == '"') {
			at = skip_string(text, at, end);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else
			depth--;
		at++;
	} while (depth != 0);
	return at;
}

static const char *
skip_scalar(const char *at, const char *end)
{
	while (at < end && *at != ',' && *at != '}' && *at != ']' &&
	       !json_is_blank(*at))
		at++;
	return at;
}

static const char *
skip_value(const char *text, const char *at, const char *end)
{
	switch (json_type_at(at)) {
	case JSON_STRING:
		return skip_string(text, at, end);
	case JSON_ARRAY:
	case JSON_OBJECT:
		return skip_tree(text, at, end);
	default:
		return skip_scalar(at, end);
	}
}

/* Blanks, and the one comma or colon that may stand between them. */
static const char *
skip_between(const char *at, const char *end)
{
	while (at < end && (json_is_blank(*at) || *at == ',' || *at == ':'))
		at++;
	return at;
}

void
json_iter_init(struct json_iter *it, const struct json_value *value)
{
	*it = (struct json_iter){ 0 };
	if (value->type != JSON_OBJECT && value->type != JSON_ARRAY)
		return;
	it->in_object = value->type == JSON_OBJECT;
	it->text = value->text;
	it->at = value->text + 1;
	it->end = value->text + value->len - 1; /* the closing bracket */
}

bool
json_iter_next(struct json_iter *it)
{
	struct json_member *m = &it->member;
	const char *at = skip_between(it->at, it->end);

	*m = (struct json_member){ 0 };
	if (at == it->end)
		return false;
	if (it->in_object) {
		m->key = at + 1;
		at = skip_string(it->text, at, it->end);
		m->key_len = (size_t)(at - 1 - m->key);
		m->key_escaped =
			m->key_len != 0 && memchr(m->key, '\\', m->key_len);
		at = skip_between(at, it->end);
	}
	m->value.type = json_type_at(at);
	m->value.text = at;
	it->at = skip_value(it->text, at, it->end);
	m->value.len = (size_t)(it->at - at);
	return true;
}

struct json_value
json_member(const struct json_value *object, const char *name, size_t len)
{
	struct json_value found = { 0 };
	struct json_iter it;

	json_iter_init(&it, object);
	if (!it.in_object)
		return found;
	while (json_iter_next(&it))
		if (json_key_is(&it.member, name, len))
			found = it.member.value;
	return found;
}

static struct json_value
element(const struct json_value *array, size_t index)
{
	struct json_iter it;

	json_iter_init(&it, array);
	while (json_iter_next(&it))
		if (index-- == 0)
			return it.member.value;
	return (struct json_value){ 0 };
}

const struct json_member *
json_doc_member(const struct json_doc *doc, const char *name, size_t len)
{
	size_t i;

	for (i = doc->count; i > 0; i--) {
		const struct json_member *m = &doc->member[i - 1];

		if (json_key_is(m, name, len))
			return m;
	}
	return NULL;
}

/* Take the reference token at *at, unescaped, and step to its end. */
static int
parse_token(struct json_token *token, const char **at)
{
	const char *s = *at;
	size_t len = strcspn(s, "/");
	uint64_t index;
	size_t i;

	*at = s + len;
	token->name = xmalloc(mem_add(len, 1));
	token->len = 0;
	for (i = 0; i < len; i++) {
		char c = s[i];

		if (c == '~') {
			c = s[++i]; /* a slash or NUL at the token's end */
			if (c != '0' && c != '1')
				return -1;
			c = c == '0' ? '~' : '/';
		}
		token->name[token->len++] = c;
	}
	token->name[token->len] = '\0';
	token->is_index = num_u64(token->name, token->len, &index) == 0 &&
			  (token->len == 1 || token->name[0] != '0') &&
			  index <= SIZE_MAX;
	token->index = token->is_index ? (size_t)index : 0;
	return 0;
}

int
json_pointer_parse(struct json_pointer *p, const char *text)
{
	size_t cap = 0;

	*p = (struct json_pointer){ 0 };
	while (*text == '/') {
		if (p->count == cap) {
			cap = mem_grow(cap, p->count + 4);
			p->token =
				xreallocarray(p->token, cap, sizeof(*p->token));
		}
		text++;
		if (parse_token(&p->token[p->count++], &text) < 0) {
			json_pointer_release(p);
			return -1;
		}
	}
	return *text == '\0' ? 0 : -1; /* -1: it did not begin with a slash */
}

void
json_pointer_release(struct json_pointer *p)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		free(p->token[i].name);
	free(p->token);
	*p = (struct json_pointer){ 0 };
}

struct json_value
json_pointer_get(const struct json_pointer *p, const struct json_doc *doc)
{
	struct json_value value = doc->root;
	size_t i;

	for (i = 0; i < p->count; i++) {
		const struct json_token *t = &p->token[i];
		const struct json_member *m;

		if (i == 0 && value.type == JSON_OBJECT) {
			m = json_doc_member(doc, t->name, t->len);
			value = m != NULL ? m->value : (struct json_value){ 0 };
		} else if (value.type == JSON_ARRAY && t->is_index) {
			value = element(&value, t->index);
		} else {
			value = json_member(&value, t->name, t->len);
		}
	}
	return value;
}
