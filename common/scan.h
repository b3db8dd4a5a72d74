/*
 * scan.h - the entries of one or more streams, in the order of their ids
 *
 * A range is read with XRANGE (or backwards with XREVRANGE) in slices, merged by
 * id over the streams; then new entries may be followed with XREAD.  With one
 * stream the next slice is asked for before the current one is used, so that
 * server and program work at the same time.  Memory depends on the size of a
 * slice, not on the stream: a slice asks for as many entries as should make
 * about half a megabyte, 1000 at most.  Where it makes far more, because large
 * entries follow small ones, a single stream is read in parts; of several, and
 * of what is followed, the part at hand is kept and the rest asked for again.
 *
 * A lost connection is made again and reading goes on behind the last entry.
 */
#ifndef COMMON_SCAN_H
#define COMMON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/id.h"
#include "common/stream.h"

struct scan_stream {
	char *name;
	struct id next; /* where reading goes on; backwards: from here down */
	struct id stop; /* the last id of the range, inclusive */
	struct id seen; /* the last entry returned; ID_MIN: none yet */
	bool any;       /* an entry was returned */

	bool ended, asked, whole, has_head; /* private from here on */
	size_t want, length;
	struct entries entries;
	struct reply own, *reply;
	struct entry head;
};

struct scan {
	struct conn *conn;
	bool backwards;
	struct scan_stream *stream;
	size_t count;
	size_t slice;   /* how many entries the next slice asks for */
	bool following; /* private from here on */
	int block_ms;   /* of the question that scan_follow() asked */
	struct reply news;
};

void scan_init(struct scan *s, struct conn *conn, bool backwards);

/* Add a stream, before the first scan_next() or between calls of scan_follow().
 * The name is copied. */
void scan_add(struct scan *s, const char *name, struct id first,
	      struct id last);
bool scan_has(const struct scan *s, const char *name);

/*
 * The next entry of the range, or of what scan_follow() read.  Returns 1 with
 * *entry and its stream's index set, valid until the next call; 0 at the end;
 * -1 with conn_error() set.
 */
int scan_next(struct scan *s, struct entry *entry, size_t *index);

/*
 * Wait up to timeout_ms for entries behind those seen.  Returns 1 if there are
 * some (scan_next() gives them), 0 if not, or at a stop, or once watch_fd (-1:
 * none) is readable or broken; -1 with conn_error() set.
 */
int scan_follow(struct scan *s, int timeout_ms, int watch_fd);

/*
 * Read and drop what was asked and not used, so that the connection is free for
 * other commands; after a scan_follow() that was ended early this takes its
 * timeout at most.  Returns 0, or -1 with conn_error() set.
 */
int scan_end(struct scan *s);
void scan_release(struct scan *s);

/*
 * Names of the streams that match a glob, by SCAN, each once.  Calls found() for
 * every name that scan_has() not.  Returns 0, or -1 with conn_error() set.
 */
int scan_find(struct scan *s, const char *pattern,
	      void (*found)(void *arg, const char *name), void *arg);

/* The id of the newest entry: 1 with *id set, 0 if there is none, -1. */
int scan_newest(struct conn *c, const char *name, struct id *id);

#endif
