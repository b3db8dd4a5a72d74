/*
 * trim.h - removing the oldest entries of a stream, but none that a group needs
 *
 * A group needs what it has not read, and what it has read and not acknowledged:
 * retries wait among these too.  The first such entry of any group is the floor,
 * and nothing from there on goes.
 *
 *      first                    floor                          newest
 *        │ read and acknowledged │ pending, unread               │
 *        ├───────────────────────┼───────────────────────────────┤
 *        └── may go, as limits ──┘
 *            ask for it
 *
 * The server looks for the floor and trims in one script (common/lua/trim.lua), a
 * slice at a time: whatever is published, read, or created between two slices
 * counts for the next.  Slices are made such that each takes about a ms.
 */
#ifndef COMMON_TRIM_H
#define COMMON_TRIM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/archive.h"
#include "common/buf.h"
#include "common/conn.h"
#include "common/id.h"
#include "common/script.h"
#include "common/when.h"

#define TRIM_NO_LIMIT UINT64_MAX

/* What is to hold afterwards; each asks for what it takes, so the strictest one
 * counts. */
struct trim_limits {
	int64_t keep_ms;    /* nothing older than that; -1: any age */
	struct id before;   /* nothing before that; ID_MIN */
	uint64_t maxlen;    /* no more entries; TRIM_NO_LIMIT */
	uint64_t max_bytes; /* no more memory, about; TRIM_NO_LIMIT */
};

#define TRIM_LIMITS_INIT                                \
	{                                               \
		.keep_ms = -1, .maxlen = TRIM_NO_LIMIT, \
		.max_bytes = TRIM_NO_LIMIT,             \
	}

bool trim_limits_any(const struct trim_limits *l);

/* So many entries from the front. */
struct trim_count {
	uint64_t n;
	bool exact;     /* else it is an estimate */
	struct id last; /* of them; ID_MIN: not known */
};

enum trim_why { TRIM_FREE, TRIM_UNREAD, TRIM_PENDING };

/* Who needs what is behind the floor. */
struct trim_need {
	enum trim_why why; /* TRIM_FREE: nobody */
	struct buf group;
	struct id at; /* the last entry it was given, or the pending one */
};

/* A stream as the last call saw it, before it removed anything. */
struct trim_state {
	bool exists;
	uint64_t length;
	struct id first; /* ID_MIN: there is no entry */
	struct id floor; /* ID_MAX: there is no group */
	struct trim_need need;
};

/* What was done, or would be. */
struct trim_result {
	uint64_t length, length_after;
	struct id first, first_after;
	struct trim_count gone; /* last: of a plan only */
	uint64_t bytes;         /* that it freed, about */
	struct trim_count held; /* asked for, but a group needs it; with force
				 * it went all the same */
	uint64_t left_bytes;    /* still over max_bytes, with nothing to trim */
	uint64_t archived;
};

struct trim {
	const char *stream;         /* by the caller, and all that follows */
	struct conn *conn, *reader; /* the second one only to archive */
	struct archive *archive;    /* NULL: none */
	const char *field;          /* that holds the event; NULL: see below */
	bool force;                 /* also what groups need */
	int64_t now_ms;             /* the server's clock */
	int64_t deadline;           /* when_monotonic() */
	bool over;                  /* see trim_is_over() */

	struct trim_state state;
	struct trim_need holder; /* of what trim_run() found to be held */
	struct script script;    /* private from here on */
	uint64_t slice, removed, archived;
	int64_t way_ms;  /* that a question and its answer take at least */
	struct id saved; /* the last one known to be in the archive */
	bool looked_up;
};

/* Begin with a stream: forget the one before, keep what the caller has set. */
void trim_begin(struct trim *t, const char *stream);
void trim_release(struct trim *t);

/* Look at the stream.  Returns 0 with state set, or -1 with conn_error() of conn
 * set. */
int trim_look(struct trim *t);

/*
 * Do what the limits ask for, or (plan) find out what that would be.  With an
 * archive, entries are written there and synced before they are removed: as
 * records, an entry of several fields as all of these.
 *
 * Returns 0; -1 with conn_error() of conn or reader set; -2 with archive->error
 * set.  The result holds what was done also then.
 */
int trim_run(struct trim *t, const struct trim_limits *l, bool plan,
	     struct trim_result *result);

/* Count entries before an id, `most` at most: exactly if there are none to count
 * or it takes less than 300 ms, else by the times of the others.  Returns
 * 0, or -1 with conn_error() set. */
int trim_count(struct trim *t, struct id before, uint64_t most,
	       struct trim_count *count);

/* The memory that the stream takes (MEMORY USAGE), of its nodes some were looked
 * at.  Returns 0, or -1 with conn_error() set. */
int trim_bytes(struct trim *t, uint64_t *bytes);

/* Whether a stop was requested or the deadline has passed while there was more to
 * do; it is remembered in t->over. */
bool trim_is_over(struct trim *t);

/* Before which id the limits let entries go, by their time; ID_MIN: none. */
struct id trim_bound(const struct trim *t, const struct trim_limits *l);

#endif
