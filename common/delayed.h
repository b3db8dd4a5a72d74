/*
 * delayed.h - events that become due later
 *
 * A scheduled event of the stream `orders` waits in the sorted set
 * {orders}:delayed, its score being when it is due (ms since 1970, by the
 * server's clock).  A member is
 *
 *     0199e0b5-6a01-7c3e-8d2f-51a3f0c4d7e2n{"order":1}
 *     └──────────── a UUIDv7 ────────────┘│└ the event's bytes
 *                                         └ c h n l: the priority (priority.h)
 *
 * so that equal events are two members, and those that one program schedules
 * for the same ms keep their order.  Whoever reads the stream promotes what is
 * due: moves it from the set to the stream of its priority
 * (common/lua/promote.lua).
 */
#ifndef COMMON_DELAYED_H
#define COMMON_DELAYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/opt.h"
#include "common/priority.h"
#include "common/script.h"

/* When events are to be published. */
struct delayed_options {
	int64_t delay_ms; /* from when the server has it; -1: unset */
	struct when at;   /* unset, or a point in time */
};

#define DELAYED_OPTIONS_INIT    \
	{                       \
		.delay_ms = -1, \
	}

#define OPT_DELAYED(o)                                      \
	OPT_DURATION(0, "delay", "DUR", &(o)->delay_ms,     \
		     "publish this long from now"),         \
		OPT_WHEN(0, "at", "TIME", &(o)->at,         \
			 "publish at this time, or at once" \
			 " if it has passed")

/* Whether the options schedule at all. */
bool delayed_is_wanted(const struct delayed_options *o);

/* What is wrong with them, "--at: …", or NULL. */
const char *delayed_options_error(const struct delayed_options *o);

/* The key of a stream's scheduled events. */
void delayed_key(struct buf *out, const char *stream);

/*
 * Take a member of the set apart.  One that begins with a brace is an event
 * that another program put there as it is.  Of what has neither shape all is
 * taken for the event, and the result is false.
 */
bool delayed_read_member(const char *member, size_t member_len,
			 enum priority *priority, const char **event,
			 size_t *len);

/*
 * Append the call that schedules an event in the set `key` (SCRIPT_DELAY, which
 * must be loaded).  With a mark (NULL: none) an event that was taken within the
 * last dedup_ms is left out.  See common/lua/delay.lua for the answer.
 */
struct delayed_mark {
	const char *key;
	size_t len;
	int64_t dedup_ms;
};
void delayed_add(struct conn *c, const struct script *s, const struct buf *key,
		 const struct delayed_options *o, enum priority to,
		 const char *event, size_t len,
		 const struct delayed_mark *mark);

/*
 * Move at most `limit` (1 to 1000) events that are due, by the server's clock,
 * from {stream}:delayed to the stream, or its streams of other priorities: by
 * due time, then as they were scheduled.  The script s is SCRIPT_PROMOTE.  Any number of programs may do so at a time;
 * each event is moved once.
 *
 * Returns how many were moved, with *wait_ms set to how long it is until the
 * next one is due: 0 if there is one now, -1 if none is scheduled.  Returns -1
 * with conn_error() set: if the connection was lost, try again; if the server
 * refused the first of them, all are still scheduled.
 */
enum { DELAYED_LIMIT = 1000 };
int delayed_promote(struct conn *c, struct script *s, const char *stream,
		    uint64_t limit, int64_t *wait_ms);

/*
 * Move all that is due, in slices, until none is or a stop is requested; makes a
 * lost connection again.  Returns 0, or -1 with conn_error() set; *moved tells
 * how many were moved in both cases (of a slice whose answer was lost, none).
 */
int delayed_promote_all(struct conn *c, const char *stream, uint64_t *moved);

#endif
