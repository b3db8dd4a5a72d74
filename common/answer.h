/*
 * answer.h - what a program says about an event, as a line of JSON
 *
 *     {"id":"1-0","ok":true}                              done
 *     {"id":"1-0","retry":"30s","error":"…"}              failed, again later
 *     {"id":"1-0","dead":true,"error":"…"}                given up
 *     {"id":"1-0","progress":40,"text":"…"}               no verdict yet
 *
 * "retry" may be true or null: after the usual backoff.  An "ok" that is false and
 * an "error" alone mean that too.  "class" is a word for the kind of failure.  A
 * "retry" or "dead" that is false, an "error" that is null count as absent; keys
 * that are not named here are passed over, also in records, which have "retry"
 * and "dead" added to them.  Contradictions are errors.
 *
 * Nothing is allocated for a line without escapes.
 */
#ifndef COMMON_ANSWER_H
#define COMMON_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/id.h"
#include "common/json.h"

enum answer_kind {
	ANSWER_NONE, /* no verdict and no progress */
	ANSWER_OK,
	ANSWER_RETRY,
	ANSWER_DEAD,
	ANSWER_PROGRESS
};

/* A zeroed struct is valid, and reused from line to line. */
struct answer {
	enum answer_kind kind;
	bool has_id;
	struct id id;
	const char *stream; /* not NUL-terminated; NULL: absent */
	size_t stream_len;
	int64_t retry_ms;    /* -1: the usual backoff */
	char class[64];      /* "": not said */
	char error[512];     /* one line of UTF-8; "": not said */
	int progress;        /* per cent; -1: not said */
	char text[256];      /* of the progress */
	char wrong[128];     /* after -1: what is wrong */
	struct json_doc doc; /* private */
	struct buf stream_text, tmp;
};

/* Read a line, or the members of a document that was scanned already.  Returns
 * 0, or -1 with `wrong` set. */
int answer_parse(struct answer *a, const char *text, size_t len);
int answer_read(struct answer *a, const struct json_doc *doc);
void answer_release(struct answer *a);

#endif
