/*
 * publish.h - events into streams: pipelined, in order, each accounted for
 *
 *            sent ──────────────► unconfirmed ──────────► confirmed
 *     XADD … in the output buffer  │ reply (and WAIT)       │ callback
 *
 * Events are sent as fast as the socket takes them; how many may be unconfirmed
 * at a time is bounded, in number and bytes.  Every event ends in exactly one
 * of four ways, in input order: confirmed (the callback is called), refused by
 * the server, unknown (sent, but the connection was lost before the answer) or
 * unsent.  After a failure nothing more is sent and publish_report() tells which
 * lines ended how.  A connection that is lost while nothing is unconfirmed is no
 * failure: it is made again for the next event.
 */
#ifndef COMMON_PUBLISH_H
#define COMMON_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/delayed.h"
#include "common/id.h"
#include "common/opt.h"
#include "common/priority.h"
#include "common/script.h"
#include "common/stream.h"

enum publish_durability {
	PUBLISH_LEADER,  /* the server has it in memory */
	PUBLISH_NONE,    /* no reply per event; errors go unseen */
	PUBLISH_FSYNC,   /* WAITAOF: the server's disk has it */
	PUBLISH_REPLICAS /* WAIT: so many replicas have it in memory */
};

struct publish_event {
	uint64_t line;
	const char *stream;
	const char *text; /* NULL unless options.keep; valid in the callback */
	size_t len;
	struct id id; /* of the entry; of the first one for a duplicate; 0-0 as
		       * long as it is scheduled */
	bool duplicate;
};

struct publish_options {
	const char *stream; /* with several, what is said in their place */
	const char *const
		*streams; /* for publish_route(); NULL: stream alone */
	size_t stream_count;
	uint64_t maxlen; /* keep about so many entries; 0: all */
	bool no_create;
	int64_t dedup_ms; /* how long a key is remembered; 0: no deduplication */
	const struct delayed_options *due; /* schedule them; NULL: don't */
	bool transaction;            /* publish_commit() makes events visible */
	const char *durability_text; /* for publish_parse_durability() */
	enum publish_durability durability;
	uint64_t replicas;
	int64_t wait_ms; /* for WAIT and WAITAOF */
	bool keep;       /* hold the bytes for the callbacks */

	/* An event is confirmed; its transaction was given up.  Either may be
	 * NULL. */
	void (*confirmed)(void *arg, const struct publish_event *e);
	void (*undone)(void *arg, const struct publish_event *e);
	void *arg;
};

#define OPT_PUBLISH(o)                                                    \
	OPT_U64(0, "maxlen", "N", &(o)->maxlen,                           \
		"trim the stream to about N entries"),                    \
		OPT_BOOL(0, "no-create", &(o)->no_create,                 \
			 "fail if the stream does not exist"),            \
		OPT_TEXT(0, "durability", "LEVEL", &(o)->durability_text, \
			 "none, leader, fsync or replicas=N")

/* Set the durability from its text, if there is one.  0, or -1 if it is none. */
int publish_parse_durability(struct publish_options *o);

struct publish; /* opaque */

/* The options and what they name are borrowed.  Returns NULL with conn_error()
 * set if the server lacks what the durability needs. */
struct publish *publish_open(struct conn *c, const struct publish_options *o);

/* The stream of the events sent from now on, by its index in options.streams,
 * and their priority, which makes four of each (priority_stream).  At first they
 * go to the first one, the normal one. */
void publish_route(struct publish *p, size_t stream);
void publish_to(struct publish *p, enum priority priority);

/*
 * Send an event; key is the deduplication key (NULL: none).  Waits only while
 * too much is unconfirmed.  Returns 0, or -1 once publishing has failed.
 */
int publish_send(struct publish *p, uint64_t line, const char *text, size_t len,
		 const char *key, size_t key_len);

/* End the transaction: store its events, or with `undo` none of them. */
int publish_commit(struct publish *p, bool undo);

/*
 * Send what is buffered and wait once: returns 1 if fd (-1: none) is readable, 0
 * if a stop is requested, 2 after replies were taken in, output made progress or
 * timeout_ms (-1: none) have passed, -1 if publishing fails.
 */
int publish_wait(struct publish *p, int fd, int timeout_ms);

/* Wait until every event sent is confirmed.  Returns 0, or -1. */
int publish_drain(struct publish *p);

uint64_t publish_confirmed(const struct publish *p);
uint64_t publish_duplicates(const struct publish *p);

/* Say with fault() why publishing failed and which lines ended how; next_line is
 * the first line that was not given to publish_send(). */
void publish_report(const struct publish *p, uint64_t next_line);

/* Why publishing failed; "" if it has not. */
const char *publish_error(const struct publish *p);

void publish_close(struct publish *p);

#endif
