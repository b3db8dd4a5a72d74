/*
 * record.h - an event with where it came from
 *
 *     {"stream":"orders","id":"1-0","time":"…","group":"g",…,"event":{…}}
 *
 * What is known of the transport first, the event last and verbatim.  A body
 * that is no JSON is "text", one that is no UTF-8 "base64", an entry of several
 * fields "fields" in place of "event".  A dead letter has "dead" before its body,
 * and none if it was given up for having no body any more.
 */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event.h"
#include "common/id.h"
#include "common/out.h"

enum record_body {
	RECORD_EVENT,  /* one JSON object, parsed into event */
	RECORD_FIELDS, /* likewise: an object of strings, made from fields */
	RECORD_JSON,   /* other valid JSON, parsed into event */
	RECORD_TEXT,   /* UTF-8 */
	RECORD_BASE64, /* bytes */
	RECORD_NONE    /* there is none; event is empty text */
};

/* A record, reused from one to the next.  A zeroed struct is valid. */
struct record {
	const char *stream, *group, *consumer; /* NULL: doesn't apply */
	struct id id;
	int64_t deliveries, attempts; /* 0: doesn't apply */
	const char *status;           /* in the group; NULL: doesn't apply */
	int64_t due_ms;       /* of the next attempt; 0: doesn't apply */
	const char *priority; /* NULL: doesn't apply */
	bool scheduled;   /* it has no id and time yet, and is due at due_ms */
	const char *dead; /* checked JSON, borrowed; NULL: doesn't apply */
	size_t dead_len;
	enum record_body body;
	struct event event; /* text and len are the body, whatever it is */
	struct buf fields;  /* private */
};

/* Set the body from bytes, which are borrowed, and find out what they are. */
void record_set_body(struct record *r, const char *text, size_t len);

/*
 * Set the body from several fields: record_begin_fields(), record_add_field()
 * for each, record_end_fields().  A value that is no UTF-8 becomes
 * {"base64":"…"}, a name that is none its bytes in base64.
 */
void record_begin_fields(struct record *r);
void record_add_field(struct record *r, const char *name, size_t name_len,
		      const char *value, size_t value_len);
void record_end_fields(struct record *r);

/* Whether the body can be printed bare, as one JSON object. */
bool record_is_bare(const struct record *r);

/* Print the body bare if it can be, else (or if meta) the record, and end the
 * line.  Returns 0, or -1 if output failed. */
int record_print(const struct record *r, struct out *out, bool meta);

/* Append the record; line ends between the tokens of its event stay. */
void record_put(const struct record *r, struct buf *b);

void record_release(struct record *r);

/*
 * What a record that was printed says, read back.  Texts are unescaped and
 * NUL-terminated, valid until the next call; NULL where absent.  `event` is the
 * body's bytes: of the document for "event" and "fields", the decoded text for
 * "text" and "base64".
 */
struct record_line {
	const char *stream, *group;
	struct id id;
	bool has_id; /* else id is ID_MIN */
	const char *event;
	size_t event_len;
	enum record_body body;
	struct json_doc doc; /* the record's own members, for other keys */
	char error[128];
	struct buf texts, bytes; /* private */
};

/* Returns 0, or -1 with error set: not JSON, or stream, id or group of a wrong
 * type.  That one of them or the body is absent is for the caller to judge. */
int record_parse(struct record_line *l, const char *text, size_t len);
void record_line_release(struct record_line *l);

#endif
