/*
 * delayed_scan.h - the scheduled events of streams, in the order in which they
 * become due
 *
 * The sorted sets are read in slices, beside those who add to them and promote
 * from them: what is there all the while is read once, what comes or goes
 * meanwhile is read or not.  A slice should make about half a megabyte, of 200
 * events at most.  A lost connection is made again and reading goes on.
 */
#ifndef COMMON_DELAYED_SCAN_H
#define COMMON_DELAYED_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/priority.h"
#include "common/reply.h"

/* A scheduled event, valid until the next call. */
struct delayed_event {
	size_t stream;      /* which of those added */
	int64_t due_ms;     /* since 1970 */
	const char *member; /* as it is stored */
	size_t member_len;
	const char *event; /* its part that is the event */
	size_t len;
	enum priority priority;
};

struct delayed_scan {
	struct conn *conn; /* private, as all that follows */
	double first, last;
	struct delayed_source {
		struct buf key;
		struct buf member, score; /* of the last one read, if any */
		bool any;
		uint64_t rank; /* where that one, or one before it, may be */
		struct reply reply;
		size_t at, left; /* members of the reply still to come */
		size_t slice;
		bool ended;
	} * source;
	size_t count;
};

/* Read what is due from first_ms to last_ms, inclusive; INT64_MIN and INT64_MAX
 * are no bounds. */
void delayed_scan_init(struct delayed_scan *s, struct conn *c, int64_t first_ms,
		       int64_t last_ms);

/* Add a stream by its name, which must be without error (stream_name_error). */
void delayed_scan_add(struct delayed_scan *s, const char *stream);

/* Returns 1, 0 at the end, -1 with conn_error() set. */
int delayed_scan_next(struct delayed_scan *s, struct delayed_event *e);
void delayed_scan_release(struct delayed_scan *s);

#endif
