/*
 * dlq_change.h - sending dead letters back, or removing them
 *
 * Dead letters are collected and changed in batches, each by one script
 * (redrive.lua) or one XDEL, so that one that has gone meanwhile is neither sent
 * nor counted.
 *
 * Only a stream of another slot of a cluster is written before the dead letters
 * are removed, by commands of their own: a crash between the two, or a lost
 * connection, leaves dead letters whose events were sent already.
 */
#ifndef COMMON_DLQ_CHANGE_H
#define COMMON_DLQ_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/dlq.h"
#include "common/id.h"
#include "common/script.h"

enum {
	DLQ_REDRIVES = 3, /* as often an event may be sent back */
	DLQ_BATCH = 500,
	DLQ_BATCH_BYTES = 1 << 20
};

/* What to do, shared by the streams of one run. */
struct dlq_goal {
	bool purge;        /* remove; else send back */
	const char *to;    /* stream; NULL: {S}:redrive:GROUP */
	const char *field; /* that holds the event; NULL: data */
	uint64_t rate;     /* per second; 0: any */
	bool force;        /* also beyond DLQ_REDRIVES */
	bool dry;          /* only count */
	int64_t started;   /* private */
	uint64_t sent;
};

/* Where events went, or would go. */
struct dlq_target {
	char *key;
	uint64_t count;
};

struct dlq_item {
	struct id id;
	char id_text[ID_TEXT], target_text[24], redrives_text[24];
	size_t target;
	size_t at, len; /* its event in bytes */
	bool has_event; /* to send in place of the one that is stored */
	bool known;     /* its dead letter was looked at */
	bool added;     /* by hand */
};

/* The dead letters of one stream. */
struct dlq_change {
	struct conn *conn;
	struct dlq_goal *goal;
	const char *stream;
	int64_t before; /* dead letters at the start */
	struct buf key;
	struct dlq_target *target;
	size_t targets;

	uint64_t done;    /* or, if the goal is dry, to be done */
	uint64_t worn;    /* refused: redriven too often */
	uint64_t empty;   /* refused: no event is left */
	uint64_t nowhere; /* refused: no group is known */
	uint64_t absent;  /* refused: there is no such dead letter */
	uint64_t missing; /* went while we were at it; not our doing */

	struct dlq_item *item; /* private from here on */
	size_t count;
	struct buf bytes;
	struct script script;
	struct script_arg *arg;
	struct dlq_dead dead;
	bool by_hand;
	int64_t refused_since; /* when_monotonic(); 0: the server is well */
};

/* All is borrowed.  A connection that nobody reads from at the same time.
 * Returns 0, or -1 with conn_error() set. */
int dlq_change_open(struct dlq_change *c, struct conn *conn,
		    struct dlq_goal *goal, const char *stream);
void dlq_change_close(struct dlq_change *c);

/* Whether the event of a dead letter has to be given: it may have to be sent by
 * hand, to a stream of another slot. */
bool dlq_change_wants_event(const struct dlq_change *c);

/*
 * Change the dead letter that was read, with its event's bytes if they are
 * wanted.  The event sent is the one stored.  Returns 0, or -1 with conn_error()
 * set.
 */
int dlq_change_add(struct dlq_change *c, struct id id,
		   const struct dlq_dead *dead, const char *event, size_t len);

/* Change the dead letter of that id, and send this event in its place (NULL if
 * it is to be removed).  The same, but it is looked at first. */
int dlq_change_add_edited(struct dlq_change *c, struct id id, const char *event,
			  size_t len);

/* Change what is collected.  At a stop, what would have to wait for the rate is
 * dropped.  Returns 0, or -1 with conn_error() set. */
int dlq_change_flush(struct dlq_change *c);

#endif
