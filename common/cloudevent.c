#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cloudevent.h"
#include "common/mem.h"
#include "common/reason.h"
#include "common/syntax.h"
#include "common/when.h"

/* Bytes are compared as numbers from 0 to 255. */
typedef unsigned char byte;

enum attribute {
	SPECVERSION,
	ID,
	SOURCE,
	TYPE,
	TIME,
	SUBJECT,
	DATACONTENTTYPE,
	DATASCHEMA,
	DATA,
	DATA_BASE64,
	EXTENSION
};

#define BIT(attribute) (1u << (attribute))

/* Up to FEW extensions are compared with each other, more are sorted. */
enum { FEW = 16, LONGEST_NAME = 15 /* datacontenttype */ };

struct check {
	char *error;
	size_t size;
	struct buf *tmp;
	unsigned seen, set; /* a bit for each attribute; set: and not null */
	size_t extensions;
	const struct json_member *few[FEW];
};

static __attribute__((noinline, cold)) int
fail(struct check *c, const struct json_member *m, const char *what)
{
	return reason_put(c->error, c->size, m->key, m->key_len, &m->value,
			  what);
}

static __attribute__((noinline, cold)) int
fail_name(struct check *c, const struct json_member *m, const char *what)
{
	return reason_put(c->error, c->size, m->key, m->key_len, NULL, what);
}

static unsigned
hex4(const char *digits)
{
	unsigned code = 0;
	int i;

	for (i = 0; i < 4; i++) {
		byte c = (byte)digits[i];

		code = code * 16 + (c & 15u) + (c >= 'A' ? 9u : 0u);
	}
	return code;
}

/* Step over one character of a key; 0 for one that no name holds. */
static char
name_char(const char **at)
{
	const char *s = *at;
	unsigned code;

	if (*s != '\\') {
		++*at;
		return *s;
	}
	if (s[1] != 'u') {
		*at += 2;
		return 0;
	}
	*at += 6;
	code = hex4(s + 2);
	return code < 0x80 ? (char)code : 0;
}

static enum attribute
name_attribute(const char *name, size_t len)
{
#define IS(text) (memcmp(name, text, sizeof(text) - 1) == 0)
	switch (len) {
	case 2:
		return IS("id") ? ID : EXTENSION;
	case 4:
		return IS("type")   ? TYPE
		       : IS("time") ? TIME
		       : IS("data") ? DATA
				    : EXTENSION;
	case 6:
		return IS("source") ? SOURCE : EXTENSION;
	case 7:
		return IS("subject") ? SUBJECT : EXTENSION;
	case 10:
		return IS("dataschema") ? DATASCHEMA : EXTENSION;
	case 11:
		return IS("specversion")   ? SPECVERSION
		       : IS("data_base64") ? DATA_BASE64
					   : EXTENSION;
	case 15:
		return IS("datacontenttype") ? DATACONTENTTYPE : EXTENSION;
	default:
		return EXTENSION;
	}
#undef IS
}

static enum attribute
member_attribute(const struct json_member *m)
{
	const char *at = m->key, *end = at + m->key_len;
	char name[LONGEST_NAME];
	size_t len = 0;

	if (!m->key_escaped)
		return name_attribute(m->key, m->key_len);
	while (at < end && len < sizeof(name))
		name[len++] = name_char(&at);
	return at < end ? EXTENSION : name_attribute(name, len);
}

/* Section 3.1. */
static int
check_name(struct check *c, const struct json_member *m)
{
	const char *at = m->key, *end = at + m->key_len;

	if (at == end)
		return fail_name(c, m, "an attribute needs a name");
	while (at < end) {
		char letter = name_char(&at);

		if ((letter < 'a' || letter > 'z') &&
		    (letter < '0' || letter > '9'))
			return fail_name(c, m,
					 "attribute names are of a-z and 0-9");
	}
	return 0;
}

/* Negative, 0 or positive, for names that passed check_name(). */
static int
compare_names(const struct json_member *a, const struct json_member *b)
{
	const char *s = a->key, *t = b->key;
	const char *s_end = s + a->key_len, *t_end = t + b->key_len;

	while (s < s_end && t < t_end) {
		int order = name_char(&s) - name_char(&t);

		if (order != 0)
			return order;
	}
	return (s < s_end) - (t < t_end);
}

static bool
same_name(const struct json_member *a, const struct json_member *b)
{
	if (a->key_escaped || b->key_escaped)
		return compare_names(a, b) == 0;
	return a->key_len == b->key_len &&
	       memcmp(a->key, b->key, a->key_len) == 0;
}

/* Whether a string holds what check_characters() must look at: backslashes and
 * bytes from DEL on.  Looks at eight bytes at a time; a quote does no harm. */
static bool
is_simple(const char *text, size_t len)
{
	const uint64_t ones = 0x0101010101010101, highs = ones << 7;
	uint64_t bytes, odd = 0;
	size_t i;

	for (i = 0; i < len; i += 8) {
		if (len - i < 8) {
			if (len < 8)
				break;
			i = len - 8;
		}
		memcpy(&bytes, text + i, 8);
		odd |= bytes | ((bytes & ~highs) + ones);
		bytes ^= ones * '\\';
		odd |= (bytes - ones) & ~bytes;
	}
	for (; i < len; i++)
		odd |= (byte)text[i] >= 0x7f || text[i] == '\\' ? highs : 0;
	return (odd & highs) == 0;
}

/* Step over one character of a string; half a pair of surrogates counts as one
 * too. */
static unsigned
next_code(const char **at)
{
	const byte *s = (const byte *)*at;
	unsigned code, low;

	if (s[0] == '\\' && s[1] == 'u') {
		code = hex4(*at + 2);
		*at += 6;
		if (code < 0xd800 || code > 0xdbff || s[6] != '\\' ||
		    s[7] != 'u')
			return code;
		low = hex4(*at + 2);
		if (low < 0xdc00 || low > 0xdfff)
			return code;
		*at += 6;
		return 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
	}
	if (s[0] == '\\') {
		*at += 2;
		return strchr("\"\\/", s[1]) != NULL ? s[1]
		       : s[1] == 'b'                 ? '\b'
		       : s[1] == 'f'                 ? '\f'
		       : s[1] == 'n'                 ? '\n'
		       : s[1] == 'r'                 ? '\r'
						     : '\t';
	}
	if (s[0] < 0x80) {
		*at += 1;
		return s[0];
	}
	if (s[0] < 0xe0) {
		*at += 2;
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	}
	if (s[0] < 0xf0) {
		*at += 3;
		return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 |
		       (s[2] & 0x3fu);
	}
	*at += 4;
	return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 |
	       (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

/* What the type String excludes, by section 3's type system. */
static bool
is_excluded(unsigned code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
	       (code >= 0xd800 && code < 0xe000) ||
	       (code >= 0xfdd0 && code < 0xfdf0) || (code & 0xfffe) == 0xfffe;
}

static int
check_characters(struct check *c, const struct json_member *m)
{
	const char *at = m->value.text + 1;
	const char *end = m->value.text + m->value.len - 1;
	char what[80];

	while (at < end) {
		unsigned code = next_code(&at);

		if (!is_excluded(code))
			continue;
		snprintf(what, sizeof(what),
			 "holds U+%04X, which CloudEvents strings may not",
			 code);
		return fail(c, m, what);
	}
	return 0;
}

static int
check_string(struct check *c, const struct json_member *m)
{
	if (is_simple(m->value.text, m->value.len))
		return 0;
	return check_characters(c, m);
}

static int
check_text(struct check *c, const struct json_member *m)
{
	if (m->value.type != JSON_STRING)
		return fail(c, m, "is not a string");
	if (m->value.len == 2)
		return fail(c, m, "is empty");
	return check_string(c, m);
}

static int
check_syntax(struct check *c, const struct json_member *m,
	     bool (*is_valid)(const char *text, size_t len), const char *what)
{
	const char *text;
	size_t len;

	if (m->value.type != JSON_STRING)
		return fail(c, m, "is not a string");
	if (is_simple(m->value.text, m->value.len)) {
		text = m->value.text + 1;
		len = m->value.len - 2;
	} else {
		json_text(&m->value, c->tmp, &text, &len);
	}
	return is_valid(text, len) ? 0 : fail(c, m, what);
}

/* Two digits as a number; more than 99 if one of them is none. */
static inline unsigned
two_digits(const char *text)
{
	unsigned tens = (byte)text[0] - (unsigned)'0';
	unsigned ones = (byte)text[1] - (unsigned)'0';

	return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* The usual form of a time, 2026-11-20T21:17:06.824Z or without a fraction, on
 * a day that all months have. */
static bool
is_usual_time(const char *s, size_t len)
{
	bool fraction = len == 24;

	return (len == 20 ||
		(fraction && s[19] == '.' && two_digits(s + 20) < 100 &&
		 two_digits(s + 21) < 100)) &&
	       s[4] == '-' && s[7] == '-' && s[10] == 'T' && s[13] == ':' &&
	       s[16] == ':' && s[len - 1] == 'Z' && two_digits(s) < 100 &&
	       two_digits(s + 2) < 100 && two_digits(s + 5) - 1 < 12 &&
	       two_digits(s + 8) - 1 < 28 && two_digits(s + 11) < 24 &&
	       two_digits(s + 14) < 60 && two_digits(s + 17) < 60;
}

static bool
is_time(const char *text, size_t len)
{
	int64_t ms;

	return is_usual_time(text, len) || when_rfc3339(text, len, &ms) == 0;
}

static bool
is_media_type(const char *text, size_t len)
{
	return (len == 16 && memcmp(text, "application/json", 16) == 0) ||
	       syntax_is_media_type(text, len);
}

static bool
is_filled_reference(const char *text, size_t len)
{
	return len != 0 && syntax_is_uri_reference(text, len);
}

/* Digits that may have a minus sign before them, of a value in 32 bits. */
static bool
is_integer(const struct json_value *number)
{
	bool minus = number->text[0] == '-';
	int64_t value = 0;
	size_t i;

	if (number->len > sizeof("-2147483648") - 1)
		return false;
	for (i = minus; i < number->len; i++) {
		if (number->text[i] < '0' || number->text[i] > '9')
			return false;
		value = value * 10 + (number->text[i] - '0');
	}
	return value <= (int64_t)INT32_MAX + minus;
}

static int
check_extension(struct check *c, const struct json_member *m)
{
	switch (m->value.type) {
	case JSON_STRING:
		return check_string(c, m);
	case JSON_NULL:
	case JSON_TRUE:
	case JSON_FALSE:
		return 0;
	case JSON_NUMBER:
		return is_integer(&m->value)
			       ? 0
			       : fail(c, m, "is not an integer of 32 bits");
	default:
		return fail(c, m, "is not a string, boolean or integer");
	}
}

static int
note_extension(struct check *c, const struct json_member *m)
{
	size_t i;

	if (check_name(c, m) < 0)
		return -1;
	if (c->extensions < FEW) {
		for (i = 0; i < c->extensions; i++)
			if (same_name(c->few[i], m))
				return fail_name(c, m, "given twice");
		c->few[i] = m;
	}
	c->extensions++;
	return check_extension(c, m);
}

static int
check_value(struct check *c, const struct json_member *m,
	    enum attribute attribute)
{
	switch (attribute) {
	case ID:
	case TYPE:
	case SUBJECT:
		return check_text(c, m);
	case SOURCE:
		return check_syntax(c, m, is_filled_reference,
				    "is not a URI-reference (RFC 3986)");
	case TIME:
		return check_syntax(c, m, is_time,
				    "is not an RFC 3339 date-time");
	case DATACONTENTTYPE:
		return check_syntax(c, m, is_media_type,
				    "is not a media type (RFC 2046)");
	case DATASCHEMA:
		return check_syntax(c, m, syntax_is_uri,
				    "is not an absolute URI (RFC 3986)");
	case DATA_BASE64:
		return check_syntax(c, m, syntax_is_base64,
				    "is not base64 (RFC 4648)");
	default:
		return 0;
	}
}

static int
check_member(struct check *c, const struct json_member *m)
{
	enum attribute attribute = member_attribute(m);

	if (attribute == EXTENSION)
		return note_extension(c, m);
	if (c->seen & BIT(attribute))
		return fail_name(c, m, "given twice");
	c->seen |= BIT(attribute);
	if (m->value.type == JSON_NULL)
		return 0;
	c->set |= BIT(attribute);
	if ((c->set & BIT(DATA)) != 0 && (c->set & BIT(DATA_BASE64)) != 0)
		return fail_name(c, m, "data and data_base64 are both given");
	return check_value(c, m, attribute);
}

static int
check_specversion(struct check *c, const struct json_doc *doc)
{
	const struct json_member *m = NULL;
	const char *text;
	size_t len, i;

	for (i = 0; i < doc->count && m == NULL; i++)
		if (member_attribute(&doc->member[i]) == SPECVERSION)
			m = &doc->member[i];
	if (m == NULL || m->value.type == JSON_NULL)
		return reason_put(c->error, c->size, "specversion", 11, NULL,
				  "missing");
	if (m->value.type != JSON_STRING)
		return fail(c, m, "is not a string");
	json_text(&m->value, c->tmp, &text, &len);
	return len == 3 && memcmp(text, "1.0", 3) == 0
		       ? 0
		       : fail(c, m, "is not \"1.0\"");
}

static int
check_missing(struct check *c)
{
	static const struct {
		enum attribute attribute;
		const char *name;
	} required[] = { { ID, "id" }, { SOURCE, "source" }, { TYPE, "type" } };
	size_t i;

	for (i = 0; i < sizeof(required) / sizeof(*required); i++)
		if ((c->set & BIT(required[i].attribute)) == 0)
			return reason_put(c->error, c->size, required[i].name,
					  strlen(required[i].name), NULL,
					  "missing");
	return 0;
}

/* Those of one name as they stand in the document. */
static int
compare_members(const void *a, const void *b)
{
	const struct json_member *m = *(const struct json_member *const *)a;
	const struct json_member *n = *(const struct json_member *const *)b;
	int order = compare_names(m, n);

	return order != 0 ? order : (m > n) - (m < n);
}

/* Many extensions: comparing each with each would take for ever. */
static int
check_many(struct check *c, const struct json_doc *doc)
{
	const struct json_member **list;
	size_t i, n = 0;

	buf_clear(c->tmp);
	list = (void *)buf_reserve(c->tmp,
				   mem_mul(c->extensions, sizeof(*list)));
	for (i = 0; i < doc->count; i++)
		if (member_attribute(&doc->member[i]) == EXTENSION)
			list[n++] = &doc->member[i];
	qsort(list, n, sizeof(*list), compare_members);
	for (i = 1; i < n; i++)
		if (same_name(list[i - 1], list[i]))
			return fail_name(c, list[i], "given twice");
	return 0;
}

int
cloudevent_check(const struct json_doc *doc, char *error, size_t size,
		 struct buf *tmp)
{
	struct check c;
	size_t i;

	/* Field by field: few[] need not be cleared. */
	c.error = error;
	c.size = size;
	c.tmp = tmp;
	c.seen = c.set = 0;
	c.extensions = 0;
	if (check_specversion(&c, doc) < 0)
		return -1;
	for (i = 0; i < doc->count; i++)
		if (check_member(&c, &doc->member[i]) < 0)
			return -1;
	if (c.extensions > FEW && check_many(&c, doc) < 0)
		return -1;
	return check_missing(&c);
}
