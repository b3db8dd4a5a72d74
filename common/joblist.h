/*
 * joblist.h - what the groups of streams have in work
 *
 * Every pending entry is a job: it runs (its consumer renews its lease), waits
 * for its next attempt (the ledger says when), or is stuck (nobody was heard of
 * it for a lease).  Jobs are found in slices, JOBLIST_SEEN entries at most in one
 * reading, and only those that are shown are asked for more.
 */
#ifndef COMMON_JOBLIST_H
#define COMMON_JOBLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/id.h"
#include "common/out.h"
#include "common/survey.h"

enum {
	JOBLIST_COUNT = 100, /* jobs shown, where nothing else is asked */
	JOBLIST_SEEN = 10000 /* looked at in one reading */
};

/* In the order in which they are shown. */
enum joblist_state { JOBLIST_STUCK, JOBLIST_RUNNING, JOBLIST_WAITING };

struct joblist_job {
	const char *stream; /* owned by the survey */
	char *group, *consumer;
	struct id id;
	enum joblist_state state;
	int64_t silent_ms; /* since its last delivery or renewal */
	int64_t age_ms;    /* since it was added, by its id; -1: unknown */
	int64_t deliveries;
	int64_t attempt; /* 1 is the first: the one that runs or comes next */
	int64_t due_ms;  /* while it waits: when, since 1970; else 0 */
	int percent;     /* -1: not told */
	char *text;      /* of the progress; NULL */
	int64_t told_ms; /* when that was, since 1970; 0 */
	char *event_id, *type; /* NULL: none, or the event is large or gone */
};

/* A zeroed struct is empty and valid. */
struct joblist {
	struct joblist_job *job;
	size_t count;
	uint64_t more; /* that there are, and are not shown */
	int64_t now_ms;
	bool nameless; /* the server does not let us read events */
};

/*
 * Read the jobs of the survey's groups, `most` at most.  Those that are stuck
 * come first, then by state, by when they are due, by age.  Returns 0, or -1 with conn_error() set; the list is then
 * as it was.
 */
int joblist_read(struct joblist *l, struct conn *c, const struct survey *s,
		 size_t most);
void joblist_release(struct joblist *l);

const char *joblist_state_name(enum joblist_state state);

/* Take what the progress hash tells of a job; anything else changes nothing. */
void joblist_take_progress(struct joblist_job *job, const char *json,
			   size_t len);

/* "[####······] 40% text": a bar of 10 characters. */
void joblist_put_progress(struct buf *out, const struct joblist_job *job);

/* One object a line, keys as evlag(1) has them; what is unknown is null. */
void joblist_print_ndjson(const struct joblist *l, struct out *out);

/* For people: jobs from number `first` on, `rows` at most. */
void joblist_print_table(const struct joblist *l, size_t first, size_t rows,
			 size_t width, bool colour, struct out *out);

#endif
