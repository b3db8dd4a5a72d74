/*
 * desk.h - what becomes of jobs, whoever runs them
 *
 * The part that a worker (a process for each event) and a coprocess share: which
 * job is next, its event read again, what is taken over from dead consumers, and
 * the verdicts with their attempts and backoff.
 *
 * All functions that talk to the server return -1 after having said why.
 */
#ifndef COMMON_DESK_H
#define COMMON_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/failure.h"
#include "common/group.h"
#include "common/jobs.h"
#include "common/runner.h"
#include "common/select.h"
#include "common/verdict.h"

struct desk_counts {
	uint64_t taken; /* events that were to run, each once */
	uint64_t started, done, skipped, retried, dead, lost;
};

struct desk_rules {
	uint64_t attempts; /* verdicts until an event is dead */
	int64_t backoff_ms, backoff_max_ms;
	uint64_t max_waiting; /* more are not read or taken over */
	bool until_end;       /* of what was there */
	const char *handler;  /* for dead letters; NULL: not known */
};

struct desk {
	struct desk_rules rules;
	struct group *g;
	struct select *select;
	struct desk_counts *counts;
	struct verdict v;
	struct jobs jobs;
	size_t reclaimed; /* jobs taken over that run; the caller counts */
	bool taken_over;  /* all that there was */
	bool exhausted;   /* a read found nothing more */
	bool unreleased;  /* something could not be given back */

	struct buf body, event_id, type; /* private */
	const struct job *deciding;      /* in nobody's hands meanwhile; NULL */
};

/* What a dead letter takes of an event.  Borrowed. */
struct desk_event {
	const char *body, *event_id, *type;
	size_t len, event_id_len, type_len;
};

/*
 * Open with a connection of its own for verdicts.  The rules are copied, the
 * others borrowed.  Always to be closed.
 */
int desk_open(struct desk *d, const struct desk_rules *rules, struct group *g,
	      struct select *select, struct desk_counts *counts);
void desk_close(struct desk *d);

/* The ms from the failure of the attempt of that number to the next one:
 * min(max, first · 2^(n-1)) · rand(0.5..1). */
int64_t desk_backoff(const struct desk_rules *rules, int64_t attempts);

/* Say what went wrong with the server; always -1. */
int desk_fail(struct desk *d);

/* The stream that a job's stream is, or is for redrives of. */
const char *desk_origin(const struct desk *d, const struct job *job);

/* Streams for redrives may have come up, and delayed events be due. */
void desk_know_streams(struct desk *d);

/* As many wait as may; as many were taken as are wanted: nothing more is read. */
bool desk_is_full(const struct desk *d);
bool desk_is_enough(const struct desk *d);

/* Nothing is left to do here but to wait for what runs, and for retries. */
bool desk_is_empty(const struct desk *d);

/* How many of the free places are to be filled by reading. */
uint64_t desk_room(const struct desk *d, uint64_t places);

/* Read, at most `room` entries, if nothing is being read yet.  Returns 1 for a
 * batch, to be taken with desk_next() to its end; 0 if there is none now; -1. */
int desk_read(struct desk *d, uint64_t room);

/* The next job of a batch that is to run, its event being select's current
 * record: 1; 0 at the end; -1.  It has not been started. */
int desk_next(struct desk *d, struct job *job);

/*
 * Decide on the entry, which becomes select's current record: 1 to run it, 0 if
 * it is passed over (done) or the filter fails on it (dead).
 */
int desk_choose(struct desk *d, struct job *job, const struct entry *e);

/* Read a job's event again, count its start, and decide on it: as desk_choose(),
 * also 0 if the entry is gone or not ours any more. */
int desk_take_up(struct desk *d, struct job *job);

/* With select's current record the job's event: 1 if the job has been started
 * too often without a verdict, which makes it dead; 0 to go on. */
int desk_check_loop(struct desk *d, struct job *job, const char *said);

/* Take over what dead consumers left until there is one to run; what is not due
 * yet waits. */
int desk_take_over(struct desk *d);

/* When leases have to be renewed or, if entries are taken over at all, there may
 * be some again; when_monotonic(). */
int64_t desk_due(const struct desk *d, bool taking);

/* An entry was gone before it was handled: a dead letter without a body. */
int desk_bury_trimmed(struct desk *d, struct job *job);

/* Give up on a job.  Without ev its event is read from the stream. */
int desk_bury(struct desk *d, struct job *job, const struct desk_event *ev,
	      enum failure_reason reason, struct failure *f);

/* Note a failed attempt: another one after_ms later (negative: by the rules),
 * unless it was the last.  ev as for desk_bury(). */
int desk_retry(struct desk *d, struct job *job, const struct desk_event *ev,
	       struct failure *f, int64_t after_ms);

/* It is done; verdict_flush() tells the server. */
int desk_done(struct desk *d, struct job *job, int64_t ms);

/* Whether an entry is in hand though no one runs it: it waits, or the server does
 * not know yet that it is done. */
bool desk_has(const struct desk *d, size_t stream, struct id id);

/* Tell all jobs of a stream that are here and have no verdict yet. */
void desk_each(const struct desk *d, size_t stream,
	       void (*tell)(void *to, struct id id, int64_t deliveries),
	       void *to);

/* Done, as runner_emit() puts it: 1, 0 if it is not ours, -1, -2. */
int desk_emit(struct desk *d, struct runner *run, const char *output,
	      const char *output_type, int64_t ms);

/* Give a job back that has no verdict.  Its last `uncounted` starts count for
 * nothing. */
void desk_release(struct desk *d, const struct job *job, int64_t uncounted);

/* Give back all that did not start, and tell the rest; read: what group_finish()
 * returned.  0, or -1. */
int desk_finish(struct desk *d, int read);

#endif
