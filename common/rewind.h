/*
 * rewind.h - moving a group to another place in its stream
 *
 *     rewind_read ─► the plan: from where to where, what runs again ─► rewind_move
 *
 * A group stands behind the last id that it was given.  Moving it back makes the
 * entries behind the new place run again; moving it forward skips some.  What is
 * pending stays pending: of it, what is delivered again changes its owner and
 * counts as delivered once.
 *
 * From Redis 7.0 on the server also keeps how many entries a group has read
 * (entries-read), from which it tells the lag.  It is set to what makes the lag
 * right: entries ever added, less those counted behind the new place.
 */
#ifndef COMMON_REWIND_H
#define COMMON_REWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/id.h"
#include "common/script.h"
#include "common/when.h"

enum { REWIND_COUNT = 10000000 /* entries counted at most */ };

/* Where to. */
struct rewind_goal {
	enum {
		REWIND_SINCE,  /* entries at or after `since` run again */
		REWIND_BY,     /* so many entries back or on from here */
		REWIND_TO_END, /* nothing that is there now is new */
		REWIND_BEHIND  /* exactly behind this id */
	} kind;
	struct when since;
	bool back; /* of REWIND_BY */
	uint64_t by;
	struct id behind;
	bool has_read;    /* of REWIND_BEHIND: set entries-read to `read` … */
	int64_t read;     /* … -1: to unknown */
	int64_t lease_ms; /* who is silent for longer is not at work; 0: anybody
			   * may be */
};

/* Entries of a range. */
struct rewind_span {
	uint64_t count;
	bool exact; /* else there are at least so many */
	struct id first, last;
};

struct rewind {
	struct conn *conn;
	const char *stream, *group;
	const struct rewind_goal *goal;

	struct id at, to;        /* the group is behind this id, will be */
	struct id since;         /* of REWIND_SINCE: what the time means */
	struct rewind_span span; /* what lies between */
	int64_t pending;
	bool keeps_read;       /* the server keeps entries-read */
	int64_t read;          /* as it was; -1: unknown */
	int64_t read_then;     /* as it will be; -1: unknown */
	int64_t lag, lag_then; /* counted; -1: too many to count */
	struct buf active;     /* names of consumers at work, each with a NUL */
	const char *missing;   /* why there is nothing to move; NULL */

	int64_t length, added; /* private from here on */
	struct id newest;
	struct script span_script, move_script;
};

/*
 * Find out how things are and what the goal means.  All is borrowed.  Returns 1;
 * 0 if there is no such stream or group (`missing` says which) or a stop came; -1
 * with conn_error() set.
 */
int rewind_read(struct rewind *w, struct conn *c, const char *stream,
		const char *group, const struct rewind_goal *goal);

/*
 * Do it.  Returns 1; 0 if it was refused: consumers are active (`active` is not
 * empty), the group has gone (`missing`) or has moved meanwhile (`at` is where it
 * is now); -1 with conn_error() set.
 */
int rewind_move(struct rewind *w);

void rewind_release(struct rewind *w);

#endif
