/*
 * json.h - a strict, iterative JSON scanner that allocates nothing per document
 *
 * Accepts exactly RFC 8259 over valid UTF-8 (RFC 3629), nested to JSON_DEPTH at
 * most.  It makes no tree: it checks the bytes in one pass and notes where the
 * members of a top-level object stand.  Anything deeper is found by walking the
 * checked bytes (json_member, json_pointer).
 *
 * Spans point into the document and live as long as its bytes do.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { JSON_DEPTH = 1024 };

enum json_type {
	JSON_NONE, /* absent; a zeroed struct json_value */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* A value's bytes as they stand; a string's include its quotes. */
struct json_value {
	enum json_type type;
	const char *text;
	size_t len;
};

/* A member of an object. */
struct json_member {
	const char *key; /* between the quotes, escapes as they stand */
	size_t key_len;
	bool key_escaped; /* key holds a backslash: compare by json_key_is() */
	struct json_value value;
};

/* A document, reused from one to the next.  A zeroed struct is valid. */
struct json_doc {
	struct json_value root;     /* without blanks around it */
	struct json_member *member; /* of a root that is an object, in order */
	size_t count;
	const char *error; /* static text, after json_scan() returned -1 */
	size_t error_at;   /* offset of the byte that was not expected, of bad
			      UTF-8 its character's first; len at the end */
	size_t cap;        /* private */
};

/* Check one document that must fill text[0..len) but for blanks.  Returns 0, or
 * -1 with error and error_at set. */
int json_scan(struct json_doc *doc, const char *text, size_t len);

void json_release(struct json_doc *doc);

/* "null", "boolean", "number", …; JSON_NONE is "nothing". */
const char *json_type_name(enum json_type type);

/* Whether a member's key, unescaped, is this name. */
bool json_key_is(const struct json_member *m, const char *name, size_t len);

/*
 * Walk the members of a checked object or the elements of a checked array.
 * json_iter_init() on any other value gives an empty walk.  For elements,
 * member.key is NULL.
 */
struct json_iter {
	struct json_member member;   /* the current one */
	const char *text, *at, *end; /* private */
	bool in_object;
};
void json_iter_init(struct json_iter *it, const struct json_value *value);
bool json_iter_next(struct json_iter *it);

/* The last member of that name (as jq has it), or JSON_NONE.  `object` must be
 * checked bytes; a value that is no object has no members. */
struct json_value json_member(const struct json_value *object, const char *name,
			      size_t len);

/* The last recorded top-level member of that name in doc, or NULL. */
const struct json_member *json_doc_member(const struct json_doc *doc,
					  const char *name, size_t len);

/*
 * A JSON Pointer (RFC 6901), compiled once.  pointer_parse() returns 0, or -1
 * for text that is not a pointer.
 */
struct json_pointer {
	struct json_token {
		char *name; /* unescaped, owned */
		size_t len;
		bool is_index;
		size_t index; /* of an array element, if is_index */
	} * token;
	size_t count;
};
int json_pointer_parse(struct json_pointer *p, const char *text);
void json_pointer_release(struct json_pointer *p);

/* What the pointer names in a scanned document, or JSON_NONE. */
struct json_value json_pointer_get(const struct json_pointer *p,
				   const struct json_doc *doc);

/*
 * The text of a string value, unescaped; other values as they stand.  Borrows
 * from the document where it can, else uses tmp (which it clears).  A surrogate
 * escape without its partner becomes U+FFFD.  The bytes may hold NUL.
 */
void json_text(const struct json_value *value, struct buf *tmp,
	       const char **text, size_t *len);

/* Write the characters between the quotes of a checked string, unescaped, which
 * are never more bytes than it has; returns how many.  As json_text(). */
size_t json_unescape(char *out, const char *text, size_t len);

/*
 * Compare two JSON numbers by their exact decimal values, whatever their
 * notation (1 = 1.0 = 10e-1; 9007199254740993 > 9007199254740992).  Negative, 0
 * or positive.  Takes time in proportion to the text, not to the exponent.
 */
int json_number_compare(const struct json_value *a, const struct json_value *b);

/* Whether a number is whole, whatever its notation: 1.0 is, 12e-1 is not. */
bool json_number_is_whole(const struct json_value *number);

/*
 * Whether a number is a whole multiple of another, exactly: 0.3 is one of 0.1.
 * The other must not be 0; of its digits, without zeros at either end, there may
 * be JSON_DIVISOR_DIGITS at most (json_number_digits), else it is no multiple.
 */
enum { JSON_DIVISOR_DIGITS = 540 };
bool json_number_is_multiple(const struct json_value *number,
			     const struct json_value *of);
size_t json_number_digits(const struct json_value *number);

/* The same for numbers that are equal. */
uint64_t json_number_hash(const struct json_value *number);

#endif
