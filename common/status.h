/*
 * status.h - what a group has made of the entries of a stream
 *
 *     waiting   not delivered to the group yet
 *     pending   delivered, and not acknowledged
 *     retrying  the same, and it has failed: the ledger {S}:fail:GROUP has it
 *     dead      given up: one of the group's dead letters in {S}:dlq names it
 *     done      all others: acknowledged, or never meant for the group because
 *               it began later
 *
 * Entries are asked for in the order of their ids.  What is pending is read
 * beside them in slices, so memory does not depend on the stream; of dead
 * letters STATUS_LETTERS ids are kept.  A slice is one moment: it is read anew
 * after STATUS_FRESH entries, and its parts in such an order that an entry that
 * changes meanwhile is told as it was or as it is, never as something else.
 */
#ifndef COMMON_STATUS_H
#define COMMON_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/id.h"
#include "common/record.h"

enum {
	STATUS_FRESH = 10000,    /* entries that one slice serves at most */
	STATUS_LETTERS = 1000000 /* ids of dead letters kept, 16 bytes each */
};

enum status_name {
	STATUS_WAITING,
	STATUS_PENDING,
	STATUS_RETRYING,
	STATUS_DONE,
	STATUS_DEAD,
	STATUS_COUNT
};

/* Sets of them. */
#define STATUS_SET(name) (1u << (name))
#define STATUS_ALL (STATUS_SET(STATUS_COUNT) - 1)

/* "waiting", … */
const char *status_text(enum status_name name);

/* Add the names in "pending,retrying" to a set.  0, or -1 for what is none. */
int status_parse(const char *text, unsigned *set);

/* One group of one stream. */
struct status {
	uint64_t
		forgotten; /* dead letters beyond STATUS_LETTERS: told as done */

	struct conn *conn; /* private from here on */
	char *stream;
	const char *group;
	struct id delivered;    /* the newest one that the group was given */
	struct id from, upto;   /* what the slice covers */
	uint64_t left;          /* entries that it will still serve */
	struct status_pending { /* in the order of ids */
		struct id id;
		size_t consumer; /* where in names */
		int64_t deliveries, attempts, due_ms;
		bool failed;
	} * pending;
	size_t count, cap;
	struct buf names, ledger, letters; /* keys; no letters: no companions */
	struct id *dead, dead_next;
	size_t deads, dead_cap;
};

/* A zeroed struct is valid to close.  The stream's name is copied, all else
 * borrowed; the connection must be free for commands at each call.  Returns 1; 0 if the stream or its group is not
 * there; -1 with conn_error(c) set. */
int status_open(struct status *s, struct conn *c, const char *stream,
		const char *group);

/* Narrow a range of ids to where entries of these states can be.  first may be
 * behind last then.  Returns 0, or -1 with conn_error() set. */
int status_range(struct status *s, unsigned set, struct id *first,
		 struct id *last);

/* The status of an entry.  Sets the record's status, and of what is pending its
 * consumer and deliveries, of what failed its attempts and due time; all valid
 * until the next call.  -1 with conn_error() set. */
int status_read(struct status *s, struct id id, struct record *r);

/* The next status_read() looks again. */
void status_forget(struct status *s);

void status_close(struct status *s);

#endif
