/*
 * verdict_parts.h - what the parts of verdict.h share: verdict.c tells verdicts one
 * by one, verdict_done.c collects successes.
 */
#ifndef COMMON_VERDICT_PARTS_H
#define COMMON_VERDICT_PARTS_H

#include <stddef.h>

#include "common/verdict.h"

#define VERDICT_NONE SIZE_MAX /* no stream */

/* Ask for the server's time.  0, or -1. */
int verdict_set_clock(struct verdict *v);

/* The key that counts this minute. */
const struct buf *verdict_stats_key(struct verdict *v,
				    struct verdict_stream *st);

/* A stop ends the attempts to connect, but what handlers have done meanwhile is
 * worth one more. */
int verdict_reconnect(struct verdict *v);

/*
 * Ask until there is an answer: over lost connections and while the server
 * can't.  After a stop it gives up sooner.  A group that is gone is an answer.
 * NULL with conn_error() set.
 */
struct reply *verdict_insist(struct verdict *v, struct script *s, size_t keys,
			     const struct script_arg *arg, size_t count);

/* Wait for the answer to verdict_push(), if there is one to come.  0, or -1. */
int verdict_settle(struct verdict *v);

#endif
