#include <stdlib.h>

#include "common/json.h"
#include "common/json_bytes.h"
#include "common/mem.h"

/* Bytes are compared as numbers from 0 to 255. */
typedef unsigned char byte;

/*
 * Functions named scan_*() take the position where something must stand and
 * return the one behind it, or NULL once error is set.
 */
struct scan {
	const char *text, *end;
	const char *error, *error_at;
	size_t depth;                   /* of the nested values that are open */
	bool escaped;                   /* a backslash was seen in a string */
	uint64_t kind[JSON_DEPTH / 64]; /* a bit for each: is it an object? */
};

static __attribute__((noinline, cold)) const char *
fail(struct scan *s, const char *at, const char *error)
{
	s->error = at == s->end ? "unexpected end" : error;
	s->error_at = at;
	return NULL;
}

/* The byte at this position; 0, which is nowhere allowed, at the end. */
JSON_INLINE char
peek(const struct scan *s, const char *at)
{
	return at < s->end ? *at : '\0';
}

JSON_INLINE const char *
skip_blanks(const struct scan *s, const char *at)
{
	while (at < s->end && json_is_blank(*at))
		at++;
	return at;
}

static const char *
scan_escape(struct scan *s, const char *at)
{
	int i;

	s->escaped = true;
	switch (peek(s, ++at)) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return at + 1;
	case 'u':
		break;
	default:
		return fail(s, at, "invalid escape");
	}
	for (i = 0; i < 4; i++) {
		byte c = (byte)peek(s, ++at), letter = c | 0x20;

		if ((c < '0' || c > '9') && (letter < 'a' || letter > 'f'))
			return fail(s, at, "expected a hexadecimal digit");
	}
	return at + 1;
}

static inline bool
is_tail(char c)
{
	return ((byte)c & 0xc0) == 0x80;
}

/* Characters of several bytes, as many as follow each other: as
 * text_utf8_prefix(), but it must stop at a quote. */
static const char *
scan_utf8(struct scan *s, const char *at)
{
	while (at < s->end && (byte)*at >= 0x80) {
		byte c = (byte)at[0], next;
		ptrdiff_t left = s->end - at;

		if (c < 0xc2 || c > 0xf4 || left < 2 || !is_tail(at[1]))
			return fail(s, at, "invalid UTF-8");
		if (c < 0xe0) {
			at += 2;
			continue;
		}
		next = (byte)at[1];
		if (left < 3 || !is_tail(at[2]) || (c == 0xe0 && next < 0xa0) ||
		    (c == 0xed && next > 0x9f))
			return fail(s, at, "invalid UTF-8");
		if (c < 0xf0) {
			at += 3;
			continue;
		}
		if (left < 4 || !is_tail(at[3]) || (c == 0xf0 && next < 0x90) ||
		    (c == 0xf4 && next > 0x8f))
			return fail(s, at, "invalid UTF-8");
		at += 4;
	}
	return at;
}

static __attribute__((noinline)) const char *
scan_odd(struct scan *s, const char *at)
{
	char c = peek(s, at);

	if (c == '\\')
		return scan_escape(s, at);
	if ((byte)c < 0x80)
		return fail(s, at, "control character in a string");
	return scan_utf8(s, at);
}

JSON_INLINE const char *
scan_string(struct scan *s, const char *at)
{
	at++;
	for (;;) {
		at = block_find(block_stops, s->text, at, s->end);
		if (peek(s, at) == '"')
			return at + 1;
		at = scan_odd(s, at);
		if (at == NULL)
			return NULL;
	}
}

JSON_INLINE bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

JSON_INLINE const char *
scan_digits(struct scan *s, const char *at)
{
	if (!is_digit(peek(s, at)))
		return fail(s, at, "expected a digit");
	do
		at++;
	while (is_digit(peek(s, at)));
	return at;
}

static const char *
scan_number(struct scan *s, const char *at)
{
	if (*at == '-')
		at++;
	at = peek(s, at) == '0' ? at + 1 : scan_digits(s, at);
	if (at != NULL && peek(s, at) == '.')
		at = scan_digits(s, at + 1);
	if (at != NULL && (peek(s, at) | 0x20) == 'e') {
		at++;
		if (peek(s, at) == '+' || peek(s, at) == '-')
			at++;
		at = scan_digits(s, at);
	}
	return at;
}

static const char *
scan_word(struct scan *s, const char *at, const char *word)
{
	for (; *word != '\0'; word++, at++)
		if (peek(s, at) != *word)
			return fail(s, at, "expected null, true or false");
	return at;
}

/* A value that holds no others. */
JSON_INLINE const char *
scan_scalar(struct scan *s, const char *at, enum json_type type)
{
	switch (type) {
	case JSON_STRING:
		return scan_string(s, at);
	case JSON_NUMBER:
		return scan_number(s, at);
	case JSON_TRUE:
		return scan_word(s, at, "true");
	case JSON_FALSE:
		return scan_word(s, at, "false");
	case JSON_NULL:
		return scan_word(s, at, "null");
	default:
		return fail(s, at, "expected a value");
	}
}

JSON_INLINE const char *
scan_name(struct scan *s, const char *at)
{
	if (peek(s, at) != '"')
		return fail(s, at, "expected a key");
	return scan_string(s, at);
}

/* The colon, to where the value must begin. */
JSON_INLINE const char *
scan_colon(struct scan *s, const char *at)
{
	at = skip_blanks(s, at);
	if (peek(s, at) != ':')
		return fail(s, at, "expected ':'");
	return skip_blanks(s, at + 1);
}

JSON_INLINE const char *
scan_key(struct scan *s, const char *at)
{
	at = scan_name(s, at);
	return at == NULL ? NULL : scan_colon(s, at);
}

JSON_INLINE enum json_type
scan_type(const struct scan *s, const char *at)
{
	return at < s->end ? json_type_at(at) : JSON_NONE;
}

/* Whether the innermost open value is an object. */
JSON_INLINE bool
in_object(const struct scan *s)
{
	return s->kind[(s->depth - 1) / 64] >> (s->depth - 1) % 64 & 1;
}

/* An opening bracket, to the first value behind it, which is then open.  One
 * that is closed at once is a value that is over. */
static const char *
scan_open(struct scan *s, const char *at, bool *over)
{
	uint64_t bit = (uint64_t)1 << s->depth % 64;
	bool object = *at == '{';

	if (s->depth == JSON_DEPTH)
		return fail(s, at, "nested too deeply");
	at = skip_blanks(s, at + 1);
	*over = peek(s, at) == (object ? '}' : ']');
	if (*over)
		return at + 1;
	if (object) {
		s->kind[s->depth++ / 64] |= bit;
		return scan_key(s, at);
	}
	s->kind[s->depth++ / 64] &= ~bit;
	return at;
}

/* Behind a value: closing brackets, down to a depth, or a comma, to the value
 * that follows. */
JSON_INLINE const char *
scan_after(struct scan *s, const char *at, size_t depth)
{
	while (s->depth > depth) {
		bool object = in_object(s);
		char c;

		at = skip_blanks(s, at);
		c = peek(s, at);
		if (c == ',') {
			at = skip_blanks(s, at + 1);
			return object ? scan_key(s, at) : at;
		}
		if (c != (object ? '}' : ']'))
			return fail(s, at,
				    object ? "expected ',' or '}'"
					   : "expected ',' or ']'");
		s->depth--;
		at++;
	}
	return at;
}

/* A value and all that is nested in it. */
static const char *
scan_tree(struct scan *s, const char *at)
{
	size_t depth = s->depth;

	do {
		enum json_type type = scan_type(s, at);
		bool over = true;

		if (type == JSON_OBJECT || type == JSON_ARRAY)
			at = scan_open(s, at, &over);
		else
			at = scan_scalar(s, at, type);
		if (at != NULL && over)
			at = scan_after(s, at, depth);
	} while (at != NULL && s->depth > depth);
	return at;
}

JSON_INLINE const char *
scan_value(struct scan *s, const char *at, struct json_value *value)
{
	value->type = scan_type(s, at);
	value->text = at;
	if (value->type == JSON_OBJECT || value->type == JSON_ARRAY)
		at = scan_tree(s, at);
	else
		at = scan_scalar(s, at, value->type);
	if (at != NULL)
		value->len = (size_t)(at - value->text);
	return at;
}

static struct json_member *
next_member(struct json_doc *doc)
{
	if (doc->count == doc->cap) {
		doc->cap = mem_grow(doc->cap, doc->count + 16);
		doc->member = xreallocarray(doc->member, doc->cap,
					    sizeof(*doc->member));
	}
	return &doc->member[doc->count];
}

JSON_INLINE const char *
scan_member(struct scan *s, const char *at, struct json_member *m)
{
	const char *after;

	s->escaped = false;
	after = scan_name(s, at);
	if (after == NULL)
		return NULL;
	m->key = at + 1;
	m->key_len = (size_t)(after - 1 - m->key);
	m->key_escaped = s->escaped;
	after = scan_colon(s, after);
	return after == NULL ? NULL : scan_value(s, after, &m->value);
}

/* The object that is the document; its members are noted. */
static const char *
scan_root(struct scan *s, const char *at, struct json_doc *doc)
{
	char c;

	s->depth = 1;
	at = skip_blanks(s, at + 1);
	if (peek(s, at) == '}')
		return at + 1;
	for (;;) {
		at = scan_member(s, at, next_member(doc));
		if (at == NULL)
			return NULL;
		doc->count++;
		at = skip_blanks(s, at);
		c = peek(s, at);
		if (c == '}')
			return at + 1;
		if (c != ',')
			return fail(s, at, "expected ',' or '}'");
		at = skip_blanks(s, at + 1);
	}
}

int
json_scan(struct json_doc *doc, const char *text, size_t len)
{
	struct scan s = { .text = len != 0 ? text : "" };
	const char *at, *after;

	s.end = s.text + len;
	at = skip_blanks(&s, s.text);
	doc->count = 0;
	doc->error = NULL;
	doc->error_at = 0;
	doc->root = (struct json_value){ .text = at };
	doc->root.type = scan_type(&s, at);
	if (doc->root.type == JSON_OBJECT)
		after = scan_root(&s, at, doc);
	else
		after = scan_tree(&s, at);
	if (after != NULL) {
		doc->root.len = (size_t)(after - at);
		after = skip_blanks(&s, after);
		if (after == s.end)
			return 0;
		fail(&s, after, "more than one value");
	}
	doc->root = (struct json_value){ 0 };
	doc->count = 0;
	doc->error = s.error;
	doc->error_at = (size_t)(s.error_at - s.text);
	return -1;
}

void
json_release(struct json_doc *doc)
{
	free(doc->member);
	*doc = (struct json_doc){ 0 };
}

const char *
json_type_name(enum json_type type)
{
	static const char *const names[] = {
		[JSON_NONE] = "nothing",  [JSON_NULL] = "null",
		[JSON_FALSE] = "boolean", [JSON_TRUE] = "boolean",
		[JSON_NUMBER] = "number", [JSON_STRING] = "string",
		[JSON_ARRAY] = "array",   [JSON_OBJECT] = "object",
	};

	return names[type];
}
