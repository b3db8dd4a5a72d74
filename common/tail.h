/*
 * tail.h - streams read as tail(1) reads files: the last events, a range, and
 * what comes after
 *
 *     tail_open ─► tail_next … 0 ─► tail_wait ─► tail_next … 0 ─► … ─► tail_close
 *                                   └──────── with -f ────────┘
 *
 * Events of several streams are merged by id.  The last N are found by walking
 * back from the end over what is wanted, so memory does not depend on N.  A
 * checkpoint, if there is one, is saved when what it stands for was written.
 *
 * Scheduled events have no ids yet.  They are listed instead with `delayed`,
 * where since and until are of due times; there is no group then, and nothing to
 * wait for.
 *
 * With a group, each event's status in it (status.h) is part of the record, and
 * streams that do not have the group are passed over, and said.
 */
#ifndef COMMON_TAIL_H
#define COMMON_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/checkpoint.h"
#include "common/conn.h"
#include "common/delayed_scan.h"
#include "common/out.h"
#include "common/scan.h"
#include "common/select.h"
#include "common/status.h"
#include "common/when.h"

struct tail_options {
	enum tail_from {
		TAIL_LAST, /* the last `number` of those that are wanted */
		TAIL_NTH,  /* from the `number`th of those on */
		TAIL_FIRST /* all */
	} from;
	uint64_t number;
	struct when since, until;
	const char *group; /* tell what it has made of each; NULL: none */
	bool delayed;    /* what is scheduled, in the order of its due times */
	unsigned status; /* and keep these; a set, 0: all */
	char *const *name; /* of streams, or patterns */
	size_t names;
};

/* What went wrong, if the result is negative. */
enum {
	TAIL_CONN = -1, /* tail_error() says what */
	TAIL_FILE = -2  /* the checkpoint could not be saved, which was said */
};

struct tail {
	uint64_t taken;  /* events that tail_next() returned */
	uint64_t failed; /* passed over because the filter failed, and said */

	const struct tail_options *options; /* private from here on */
	struct conn *conn;
	struct select *select;
	struct checkpoint *checkpoint;
	struct out *out;
	int64_t deadline, find_at;
	struct scan scan;
	struct delayed_scan upcoming;
	struct conn *side;     /* for what the group has made of them */
	struct status *status; /* by stream of scan */
	size_t statuses;
	bool groupless;
	struct id first, last;
	uint64_t skip, since_save;
	bool has_pattern;
};

/*
 * Find the streams and where to begin.  All is borrowed.  `out` is where the
 * events go: reading ends when it fails.  checkpoint NULL: none.  Reading ends
 * at the deadline (when_monotonic(); INT64_MAX: none) too, at a stop, and after
 * as many events as select's options allow.  From the last N on there is no
 * keeping by status.  Returns 0, or TAIL_CONN.
 */
int tail_open(struct tail *t, const struct tail_options *options,
	      struct conn *conn, struct select *select,
	      struct checkpoint *checkpoint, struct out *out, int64_t deadline);

/* Make the next event that is wanted select's record.  Returns 1, 0 if there is
 * none for now, or TAIL_CONN or TAIL_FILE. */
int tail_next(struct tail *t);

/* Flush the output, save the checkpoint and wait for new events, and where
 * there are patterns for new streams.  Returns 1 to try tail_next() again, 0 if
 * reading is over, or TAIL_CONN or TAIL_FILE. */
int tail_wait(struct tail *t);

/* Flush the output and save the checkpoint.  0, or TAIL_FILE. */
int tail_save(struct tail *t);

/* Whether the deadline has passed. */
bool tail_is_late(const struct tail *t);

/* Whether a name or pattern stands for no stream, which may be a typing error
 * and is said, or a stream does not have the group. */
bool tail_is_missing(struct tail *t);

const char *tail_error(const struct tail *t);

void tail_close(struct tail *t);

#endif
