/*
 * dlq.h - reading the dead letters of streams
 *
 * A dead letter is an entry of {S}:dlq with the event in `data` and what is
 * known of its death in `dead` (failure.h).  Its record has as `stream` the
 * stream S, as `id` and `time` the dead letter's own, which is when it died, as
 * `group` the one that gave up; the entry that the event came from is named in
 * `dead`.  What no evsub wrote has no `dead`, and is a dead letter all the same.
 */
#ifndef COMMON_DLQ_H
#define COMMON_DLQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/json.h"
#include "common/opt.h"
#include "common/scan.h"
#include "common/select.h"
#include "common/when.h"

struct dlq_options {
	struct opt_list reasons;  /* any of them will do; none: all */
	const char *group;        /* NULL: all */
	struct when since, until; /* of death */
};

struct dlq_text {
	const char *text; /* "" if not known */
	size_t len;
};

/* What the field `dead` says; a zeroed struct is valid. */
struct dlq_dead {
	const char *json; /* as it is stored; NULL: none, or no JSON object */
	size_t json_len;
	const char *group; /* NULL: not known */
	struct dlq_text reason, type, handler, fingerprint;
	uint64_t redrives; /* how often it was sent back before it died */
	bool has_event;    /* there is a field that holds the event */

	struct json_doc doc; /* private */
	struct buf tmp[6];
};

/* Read an entry of {S}:dlq, whose event is in the field named (NULL: data).
 * What it says is valid as long as the entry. */
void dlq_read(struct dlq_dead *dead, const struct entry *e, const char *field);
/* Which entry of the stream it was; false if it was none of it, or it died after
 * it had been redriven, which made it an entry of another stream. */
bool dlq_dead_entry(struct dlq_dead *dead, const char *stream, struct id *id);
void dlq_dead_release(struct dlq_dead *dead);

struct dlq {
	size_t stream; /* of the current dead letter: which operand */
	struct id id;
	struct dlq_dead dead;
	struct id first, last; /* the range that --since and --until ask for */

	struct conn *conn; /* private from here on */
	const struct dlq_options *options;
	struct select *select;
	struct scan scan;
	char *const *streams;
};

/*
 * Start reading, in the order of death.  What dies from now on is not part of
 * it.  All is borrowed; the names must be without error.  Returns 0, or -1 with
 * conn_error(c) set.
 */
int dlq_open(struct dlq *d, struct conn *c, const struct dlq_options *o,
	     struct select *select, char *const *streams, size_t count);

/*
 * The next dead letter that is wanted, which is also select's record.  Returns
 * 1; 0 at the end; -1 with conn_error() set; 2 if a filter failed on it, with
 * select->error set, and it is passed over.
 */
int dlq_next(struct dlq *d);
void dlq_close(struct dlq *d);

/* What is wrong with a name whose dead letters are asked for; NULL: nothing. */
const char *dlq_name_error(const char *stream);

/* Whether there is such a stream, or dead letters of one.  1, 0, or -1 with
 * conn_error() set. */
int dlq_is_known(struct conn *c, const char *stream);

/* How many dead letters there are in {S}:dlq; -1 with conn_error() set. */
int64_t dlq_length(struct conn *c, const char *stream);

#endif
