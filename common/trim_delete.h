/*
 * trim_delete.h - removing single entries, but none that a group needs
 *
 * Entries are collected and removed in batches, each by one script that looks for
 * who needs them (common/lua/remove.lua).
 */
#ifndef COMMON_TRIM_DELETE_H
#define COMMON_TRIM_DELETE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/id.h"
#include "common/script.h"
#include "common/select.h"
#include "common/trim.h"

enum { TRIM_DELETE_BATCH = 200 };

/* A group that needs some of the entries. */
struct trim_holder {
	char *group;
	enum trim_why why;
	uint64_t count;
	struct id first;
};

struct trim_delete {
	const char *stream; /* by the caller */
	struct conn *conn;
	bool force, plan;

	uint64_t removed; /* or, of a plan, that would be */
	uint64_t absent;  /* not in the stream */
	struct trim_holder *holder;
	size_t holders;

	uint64_t chosen; /* by trim_delete_scan() */

	struct script script; /* private from here on */
	char id[TRIM_DELETE_BATCH][ID_TEXT];
	size_t count;
};

/* Collect an entry, or remove what is collected.  Returns 0, or -1 with
 * conn_error() set. */
int trim_delete_add(struct trim_delete *d, struct id id);
int trim_delete_flush(struct trim_delete *d);
void trim_delete_release(struct trim_delete *d);

/*
 * Go through the entries from first to last with a reader of its own and remove
 * those that are selected, select's --count at most.  Counts those that the filter
 * failed on, after a warning.  Returns 0, or -1 with conn_error() of either set.
 */
int trim_delete_scan(struct trim_delete *d, struct conn *reader,
		     struct select *select, struct id first, struct id last,
		     int64_t deadline, uint64_t *failed);

/*
 * Read ids, or records that have one, a line each, until the end, a stop or the
 * deadline (when_monotonic()).  A record must be of one of the streams, an id is of
 * the only one.  Warns of lines that are neither, and counts them.  Returns 0, -1
 * with conn_error() set, or -2 with errno set if reading failed.
 */
int trim_delete_input(struct trim_delete *d, size_t count, int fd,
		      int64_t deadline, uint64_t *refused);

#endif
