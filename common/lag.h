/*
 * lag.h - how far a group is behind its stream
 *
 * Lag is the number of entries behind the group's last delivered id, counted.
 * The server's own figure is nil or wrong after deletions (see ARCHITECTURE.md).
 *
 * The server has no command that counts a range, so its entries are sent and
 * dropped here.  A Lua script that answers the number alone was measured and
 * rejected: it holds the server up four times as long as sending does (1.3 ms
 * for 1000 entries of 420 bytes, where XRANGE takes 0.3), and for entries of a
 * megabyte ten times as long.
 */
#ifndef COMMON_LAG_H
#define COMMON_LAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/id.h"
#include "common/stream.h"

struct lag {
	uint64_t entries; /* not yet delivered to the group */
	bool exact;       /* else there are at least so many */
};

/*
 * Count the entries of a stream behind the group's last delivered id, at most
 * `limit`.
 *
 * group NULL takes the largest lag of all groups, 0 if there are none.  Returns
 * 1; 0 if there is no such stream or group; -1 with conn_error() set.
 */
int lag_read(struct conn *c, const char *stream, const char *group,
	     uint64_t limit, struct lag *lag);

/* The newest id that the group was given; of all groups (NULL) the least.
 * Returns as lag_read(). */
int lag_delivered(struct conn *c, const char *stream, const char *group,
		  struct id *delivered);

/*
 * The count of one range, slice by slice, for callers that pipeline the slices
 * of many:
 *
 *     while (lag_wants_more(&l)) { lag_ask(c, stream, &l); lag_take(c, &l); }
 *
 * A slice is at most 1000 entries and should make about a quarter of a megabyte;
 * it is read in parts, so that memory depends on neither.
 */
struct lag_count {
	struct id at;     /* entries behind this one are counted … */
	struct id last;   /* … up to this one */
	uint64_t most;    /* the count stops there */
	uint64_t entries; /* counted so far */
	struct id first;  /* the first of them, if there is one */
	bool ended;       /* all of them are counted */

	/* If set: called with each entry, which is valid during the call. */
	void (*each)(void *arg, const struct entry *entry);
	void *arg;

	size_t slice; /* private */
	uint64_t want;
};

/* entry_bytes is what an entry of this stream may take, for the first slice; 0
 * if nothing is known. */
void lag_count_init(struct lag_count *l, struct id after, struct id last,
		    uint64_t most, size_t entry_bytes);
bool lag_wants_more(const struct lag_count *l);
void lag_ask(struct conn *c, const char *stream, struct lag_count *l);

/* Take the answer.  Returns its bytes, or -1 with conn_error() set: the
 * connection is lost, or the server refused. */
int64_t lag_take(struct conn *c, struct lag_count *l);

#endif
