/*
 * stream.h - streams: their names, their entries, the commands that add them
 */
#ifndef COMMON_STREAM_H
#define COMMON_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/id.h"
#include "common/reply.h"

/*
 * Whether a name can have companion keys: not empty, and with no braces or with
 * exactly one {tag} that is not empty.  Returns NULL if so, else what is wrong.
 */
const char *stream_name_error(const char *name);

/*
 * Write the key of a companion, in the stream's cluster slot: {orders}:dlq for
 * ("orders", "dlq"), {a}b:dlq for a name that holds a tag.  The name must be
 * without error.  NUL-terminated; replaces what was in out.
 */
void stream_companion(struct buf *out, const char *name, const char *suffix);

/* An entry in a reply; fields are nodes first, first + 1 (name, value), …  */
struct entry {
	struct id id;
	const char *stream; /* NULL where the reply names none */
	const struct reply *reply;
	size_t first, fields; /* pairs */
	bool trimmed;         /* it is pending but no longer in the stream */
};

/*
 * Reads the entries of a reply to XRANGE or XCLAIM (a list of entries) or to
 * XREAD or XREADGROUP (lists by stream), also while the reply is still coming.
 */
struct entries {
	bool by_stream;
	bool started;
	size_t streams, left; /* lists, entries of this list, still to come */
	size_t at;            /* the node to read next */
	struct buf stream;
};

void entries_init(struct entries *e, bool by_stream);
void entries_release(struct entries *e);

/* Read `count` entries from node number `at` on: a part of a longer reply. */
void entries_init_at(struct entries *e, size_t at, size_t count);

enum entries_result {
	ENTRIES_BAD = -1, /* not a reply of that shape */
	ENTRIES_END = 0,  /* there are no more */
	ENTRIES_OK = 1,   /* *entry is set, valid as long as the reply is */
	ENTRIES_MORE = 2  /* the reply is not complete: entries_more() */
};
enum entries_result entries_next(struct entries *e, const struct reply *r,
				 struct entry *entry);

/* Drop the nodes that were read, before more are parsed into the reply. */
void entries_more(struct entries *e, struct reply *r);

/* The id of the last entry of a complete list of entries (not by stream).
 * Returns 0, or -1 if there is none. */
int entries_last_id(const struct reply *r, struct id *id);

/*
 * The field that holds the event: the one named (NULL: none), else the first of
 * data body payload event message __data__ value, else the only one.  Returns
 * true with the text set, or false: the event is the object of all fields.
 */
bool entry_body(const struct entry *e, const char *field, const char **text,
		size_t *len);

/* Field number i (below fields) of an entry. */
void entry_field(const struct entry *e, size_t i, const char **name,
		 size_t *name_len, const char **value, size_t *value_len);

/*
 * XADD of one field "data", prepared once and then repeated.  maxlen 0 keeps
 * all entries, else about that many are kept; with no_create a stream that does
 * not exist answers nil and stays so.
 */
struct stream_adder {
	struct buf head; /* protocol up to the event's length */
};
void stream_adder_init(struct stream_adder *a, const char *stream,
		       uint64_t maxlen, bool no_create);
void stream_adder_release(struct stream_adder *a);

/* Append the XADD of an event to the connection's output. */
void stream_add(struct conn *c, const struct stream_adder *a, const char *event,
		size_t len);

#endif
