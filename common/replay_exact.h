/*
 * replay_exact.h - events into a stream, each exactly once, across crashes
 *
 *     add ─► batch ─► replay.lua: events and their position, at once ─► confirmed
 *
 * The position of the last event lives beside the stream, in {S}:replay:ID, and
 * is written by the script that appends: whoever goes on, after whatever crash,
 * reads there which event is next.  Each run sets a token of its own, which bars
 * what an earlier one may still have on its way.
 *
 * A few batches are unconfirmed at a time and are kept until they are confirmed.
 * A lost connection is made again: the position then tells what of them arrived,
 * and the rest is sent again.
 */
#ifndef COMMON_REPLAY_EXACT_H
#define COMMON_REPLAY_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/envelope.h"
#include "common/id.h"
#include "common/script.h"

enum { REPLAY_BATCHES = 4, REPLAY_BATCH = 256, REPLAY_BATCH_BYTES = 256 << 10 };

struct replay_batch {
	struct buf bytes;
	struct replay_event {
		size_t at, len; /* in bytes */
		struct id position;
	} event[REPLAY_BATCH];
	size_t count;
};

struct replay_exact {
	struct conn *conn;
	const char *stream;
	uint64_t maxlen; /* 0: keep all */
	struct id safe;  /* the position that the server has */
	uint64_t done;   /* events that are confirmed */
	char error[256]; /* after -1 */

	const char *key; /* private from here on */
	char run[ENVELOPE_UUID];
	struct script script;
	struct replay_batch batch[REPLAY_BATCHES];
	size_t head, sent; /* the oldest unconfirmed, how many are; the next
			    * one is being filled */
	struct id follows; /* what the batch to be sent follows */
};

/*
 * Begin, on a connection of its own; what is named is borrowed.  `safe` is where
 * to begin if the server knows of no position; it is then the one the server
 * has: what is added comes behind it.  Returns 0, or -1 with error set.
 */
int replay_exact_open(struct replay_exact *x, struct conn *c,
		      const char *stream, const char *key, struct id safe);
void replay_exact_close(struct replay_exact *x);

/* Add an event; positions rise.  Returns 0, or -1 with error set. */
int replay_exact_add(struct replay_exact *x, struct id position,
		     const char *text, size_t len);

/* Send what was added and wait until all of it is confirmed.  0, or -1. */
int replay_exact_flush(struct replay_exact *x);

#endif
