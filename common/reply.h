/*
 * reply.h - what the server answered, flat and in order
 *
 * A reply is kept as its elements in the order of the protocol: an array is
 * followed by its elements.  `XRANGE` of one entry reads
 *
 *     0 array 1 | 1 array 2 | 2 string id | 3 array 2 | 4 string | 5 string
 *
 * so that reading is walking an index, and nothing is allocated per element.  A
 * long reply may be handed over in parts (conn_next): elements are then dropped
 * from the front as they are used, and more come at the end.
 *
 * RESP2.  Texts hold arbitrary bytes and are valid until the reply is cleared,
 * consumed or grown.
 */
#ifndef COMMON_REPLY_H
#define COMMON_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/id.h"

enum reply_type {
	REPLY_NIL, /* null bulk string or null array */
	REPLY_STRING,
	REPLY_STATUS,
	REPLY_ERROR,
	REPLY_INTEGER,
	REPLY_ARRAY
};

struct reply_node {
	enum reply_type type;
	size_t len;    /* bytes of a text, elements of an array */
	size_t offset; /* of a text in bytes */
	int64_t integer;
};

struct reply {
	struct reply_node *node;
	size_t count, cap;
	struct buf bytes;
	bool complete; /* no more elements will come */
};

/* For the parser: append elements; a text is copied. */
void reply_push(struct reply *r, enum reply_type type, size_t len,
		int64_t integer);
void reply_push_text(struct reply *r, enum reply_type type, const char *text,
		     size_t len);

/* Drop the first n elements and their bytes. */
void reply_consume(struct reply *r, size_t n);
void reply_clear(struct reply *r);
void reply_release(struct reply *r);

/* The bytes of element i, which must be a string, status or error.  A NUL that
 * len does not count follows them. */
const char *reply_text(const struct reply *r, size_t i, size_t *len);

/* The index behind element i and all that it contains; it may equal count. */
size_t reply_skip(const struct reply *r, size_t i);

/* Element i has this type (false if there is no element i). */
bool reply_is(const struct reply *r, size_t i, enum reply_type type);

/* Element i as a number: an integer, or a string of decimal digits.  Returns 0,
 * or -1 if it is neither. */
int reply_number(const struct reply *r, size_t i, int64_t *value);

/* Element i as an entry id.  Returns 0, or -1 if it is none. */
int reply_id(const struct reply *r, size_t i, struct id *id);

/* Whether element i is a text of exactly these bytes. */
bool reply_equals(const struct reply *r, size_t i, const char *text);

/* In element i, a flat array of names and values (as XINFO answers): the index
 * of the value of that name, or 0 if it is not there. */
size_t reply_field(const struct reply *r, size_t i, const char *name);

/* What an error asks for. */
enum reply_fault {
	REPLY_FAULT_REFUSED, /* wrong type, syntax, a script's own error, … */
	REPLY_FAULT_RETRY,   /* LOADING READONLY MASTERDOWN CLUSTERDOWN TRYAGAIN
			      * BUSY OOM NOREPLICAS MISCONF UNBLOCKED */
	REPLY_FAULT_ACCESS,  /* NOAUTH WRONGPASS NOPERM */
	REPLY_FAULT_NOGROUP,
	REPLY_FAULT_NOSCRIPT
};
enum reply_fault reply_fault(const struct reply *r, size_t i);

/* Write the text of element i for a message: printable, without a full stop at
 * its end, cut to size bytes with the NUL. */
void reply_complaint(const struct reply *r, size_t i, char *out, size_t size);

#endif
