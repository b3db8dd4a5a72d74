/*
 * jobs.h - the entries that a worker holds and does not run just now
 *
 * Two queues: `ready`, in the order of arrival, and `waiting`, a heap by the time
 * of the next attempt.  No bodies are kept: a job is 88 bytes however large its
 * event is, and the event is read again when its turn comes.
 *
 * A job may have a lane, the hash of its key.  From its first start to its end
 * it occupies the lane, also while it waits for its next attempt; jobs_next()
 * passes over jobs whose lane is occupied, so the events of one key stay in
 * order.
 */
#ifndef COMMON_JOBS_H
#define COMMON_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/id.h"

struct job {
	size_t stream; /* index */
	struct id id;
	int64_t attempts;   /* verdicts so far */
	int64_t deliveries; /* starts so far */
	int64_t first_ms;   /* of the first failure; 0: none yet */
	int64_t due;        /* of the next attempt, ms since 1970 */
	int64_t redrives;
	uint64_t lane;  /* 0: none */
	bool reclaimed; /* taken over: runs alone among its kind */
	bool occupies;  /* its lane */
	bool unstarted; /* its last delivery was no start: the next is that one */
	bool counted;   /* among desk_counts.taken */
};

struct jobs {
	struct job *ready, *waiting;
	size_t ready_count, ready_cap, waiting_count, waiting_cap;
	size_t reclaimed; /* of the ready ones */

	struct jobs_lane {
		uint64_t lane;
		unsigned count;
	} * lane; /* private: open addressing */
	size_t lanes, lane_cap;
};

/* Put a job behind the others, or before them (if it could not be started). */
void jobs_ready(struct jobs *j, const struct job *job, bool first);
void jobs_wait(struct jobs *j, const struct job *job);

/*
 * Take the job to start next: a waiting one that is due, else the first ready
 * one whose lane is free.  Reclaimed ones are passed over unless `reclaimed`.
 * Occupies its lane.  False if there is none.
 */
bool jobs_next(struct jobs *j, int64_t now, bool reclaimed, struct job *job);

/* Occupy the lane of a job that starts at once; false if it is occupied or a
 * ready job of that lane comes first. */
bool jobs_enter(struct jobs *j, struct job *job);
/* Occupy the lane of a job that jobs_next() gave when its lane was not known yet;
 * false if it is occupied. */
bool jobs_occupy(struct jobs *j, struct job *job);
/* The job has ended. */
void jobs_leave(struct jobs *j, const struct job *job);

/* When the first waiting job is due; INT64_MAX if none waits. */
int64_t jobs_due(const struct jobs *j);

/* Whether an entry is among them. */
bool jobs_has(const struct jobs *j, size_t stream, struct id id);

/* Tell all that are of a stream. */
void jobs_each(const struct jobs *j, size_t stream,
	       void (*tell)(void *to, struct id id, int64_t deliveries),
	       void *to);

/* Take any job out, to give it back: false if there is none. */
bool jobs_drop(struct jobs *j, struct job *job);

/* The lane of a key; never 0. */
uint64_t jobs_lane(const char *key, size_t len);

void jobs_release(struct jobs *j);

#endif
