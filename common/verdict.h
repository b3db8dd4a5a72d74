/*
 * verdict.h - what became of entries, told to the server
 *
 * Each verdict is one script (common/lua): done, emit, fail, dead.  Successes
 * are collected and sent together, and need not be waited for; the others are
 * sent at once.  A verdict is kept until the server has answered: after a lost
 * connection it is sent again.
 * That may count a success twice in the statistics, never an event.
 *
 * A connection of its own is used, so that a blocking read of another one does
 * not hold verdicts back.
 */
#ifndef COMMON_VERDICT_H
#define COMMON_VERDICT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/failure.h"
#include "common/id.h"
#include "common/reply.h"
#include "common/script.h"

enum {
	VERDICT_DONE_MAX = 1000, /* entries acknowledged by one script */
	VERDICT_EMIT_MAX = 4000  /* events that one entry may put out */
};

/* Where verdicts on the entries of one stream go. */
struct verdict_stream {
	const char *name;
	struct buf dlq, ledger, progress; /* keys, NUL-terminated */
	struct buf stats;                 /* its prefix, up to the minute */
	size_t stats_len;
	struct verdict_id {
		char text[ID_TEXT];
		size_t len;
	} done[VERDICT_DONE_MAX]; /* the server does not know yet */
	size_t done_count;
	int64_t done_ms;
	size_t told; /* the first of them: sent, not answered */
	int64_t told_ms;
};

struct verdict {
	struct conn *conn;
	const char *group, *consumer;
	struct verdict_stream *stream;
	size_t count;
	bool trimmed_stay; /* pending, until they have a dead letter */
	/* If set: called while the server can't take a verdict, to keep leases. */
	void (*waiting)(void *keeper);
	/* If set: called when an entry is not ours, to see whether its group was
	 * created again (group_mend): 1 to ask once more, 0, -1. */
	int (*mend)(void *keeper);
	void *keeper;
	int64_t clock; /* the server's minus when_monotonic() */
	int64_t clock_due;
	struct script emit, done, fail, dead, take, hold;
	struct buf json; /* private from here on */
	struct script_arg *arg, *done_arg;
	char (*text)[ID_TEXT];
	size_t telling;  /* the stream some of which is told; SIZE_MAX */
	int64_t told_at; /* when_monotonic() */
};

/* The names are borrowed.  Returns 0, or -1 with conn_error(v->conn) set. */
int verdict_open(struct verdict *v, struct conn *c, const char *group,
		 const char *consumer);

/* Give the next stream its number, from 0 on.  Its dead letters go to those of
 * its origin, which is the stream itself unless it is for redrives. */
void verdict_add_stream(struct verdict *v, const char *name,
			const char *origin);
void verdict_close(struct verdict *v);

/* The server's time in ms since 1970, as last asked plus what has passed. */
int64_t verdict_now(const struct verdict *v);

/* The entry is done.  verdict_flush() tells the server and waits until it knows
 * of all; verdict_push() tells it and takes the answer at the next call of any of
 * these functions, what is done meanwhile being told after that. */
int verdict_done(struct verdict *v, size_t stream, struct id id, int64_t ms);
int verdict_flush(struct verdict *v);
int verdict_push(struct verdict *v);

/* Whether the server answers: 0, or -1. */
int verdict_ping(struct verdict *v);

/* What to poll for until verdict_push() can go on; p->fd is -1 if it has nothing
 * to say.  Returns whether not to wait. */
bool verdict_poll(struct verdict *v, struct pollfd *p);

/* When to call verdict_push() at the latest, when_monotonic(), to notice an error;
 * INT64_MAX. */
int64_t verdict_due(const struct verdict *v);

/* How many entries are done of which the server may not know it yet; whether one
 * is among them. */
size_t verdict_untold(const struct verdict *v);
bool verdict_is_untold(const struct verdict *v, size_t stream, struct id id);

/* Done, with at most VERDICT_EMIT_MAX events to append to a stream.  1, 0 if the
 * entry is not ours any more, -1. */
int verdict_emit(struct verdict *v, size_t stream, struct id id, int64_t ms,
		 const char *output, const struct script_arg *event,
		 size_t count);

/* Failed, to be tried again at f->due_ms.  1, 0 if it is not ours, -1. */
int verdict_fail(struct verdict *v, size_t stream, struct id id,
		 const struct failure *f);

/* Given up.  1, 0 if it is not ours, -1. */
int verdict_dead(struct verdict *v, enum failure_reason reason,
		 const struct failure *f, const struct failure_event *e,
		 size_t stream, const char *body, size_t len);

/* Renew the leases of entries, VERDICT_DONE_MAX at most.  Returns the reply: the
 * ids that are not ours any more; or NULL with conn_error() set. */
struct reply *verdict_hold(struct verdict *v, size_t stream,
			   const struct id *id, size_t count);

/* Take an entry up for its next attempt, which counts as a delivery or as the
 * last one begun anew.  Returns the reply (take.lua), or NULL
 * with conn_error() set. */
struct reply *verdict_take(struct verdict *v, size_t stream, struct id id,
			   bool counted);

/* Read an entry without taking it up.  Returns the reply, a list of it alone or
 * of nothing; or NULL with conn_error() set. */
struct reply *verdict_read(struct verdict *v, size_t stream, struct id id);

/* What the ledger knows of an entry: 0, or -1. */
int verdict_ledger(struct verdict *v, size_t stream, struct id id,
		   struct failure *f);

/* {percent, text} of a running job.  0, or -1. */
int verdict_progress(struct verdict *v, size_t stream, struct id id,
		     int percent, const char *text);

#endif
