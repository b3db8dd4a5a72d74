/*
 * trim_reap.h - what else outlives its use: idle consumers, scheduled events that
 * shall not be
 */
#ifndef COMMON_TRIM_REAP_H
#define COMMON_TRIM_REAP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/select.h"
#include "common/when.h"

/*
 * Remove consumers that hold nothing and were silent for idle_ms, in all groups of
 * a stream; of a plan, only count them.  Tells of each with info().  Returns 0, or
 * -1 with conn_error() set.
 */
int trim_reap(struct conn *c, const char *stream, int64_t idle_ms, bool plan,
	      uint64_t *removed);

/* Scheduled events to cancel (delayed.h). */
struct trim_cancel {
	struct conn *conn;
	const char *stream;
	struct select *select; /* which */
	int64_t first, last;   /* due, in ms */
	bool plan;
	int64_t deadline; /* when_monotonic() */

	uint64_t removed; /* or, of a plan, that would be */
	uint64_t failed;  /* the filter failed on them, after a warning */
};

/*
 * Go through all scheduled events of the stream and take out those wanted.  What
 * is promoted or cancelled by others at the same time does not count.  Returns 0,
 * or -1 with conn_error() set.
 */
int trim_cancel(struct trim_cancel *t);

#endif
