/*
 * flights.h - the events that a coprocess has in hand
 *
 * A table of fixed size, looked up by entry id, and a list in the order of
 * hand-over.  Nothing is allocated from one event to the next.  Entries of
 * different streams may have the same id.
 */
#ifndef COMMON_FLIGHTS_H
#define COMMON_FLIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/id.h"
#include "common/jobs.h"

/* How far an event is, as its progress lines say. */
struct flight_note {
	int percent; /* -1: not said */
	char text[256];
	bool fresh;  /* not told to the server yet */
	int64_t due; /* not before that: when_monotonic() */
};

struct flight {
	struct job job;
	uint64_t at;    /* where its record starts in all that was written */
	int64_t handed; /* over: when_monotonic() */
	bool overdue;   /* it took longer than a job may */
	struct flight_note *note; /* NULL: none so far; kept by the slot */

	/* Private. */
	struct flight *chain, *older, *newer;
};

struct flights {
	size_t count;
	struct flight *oldest, *newest; /* by hand-over; NULL: none */

	struct flight *slot, *unused, **head; /* private */
	size_t cap, mask;
};

void flights_init(struct flights *f, size_t most);
void flights_release(struct flights *f);

/* Add a job; there must be room.  The caller sets the rest. */
struct flight *flights_add(struct flights *f, const struct job *job);

/* The next one with that id behind `after` (NULL: the first), or NULL. */
struct flight *flights_find(const struct flights *f, struct id id,
			    const struct flight *after);

/* The one that was handed over next; NULL behind the last. */
struct flight *flights_newer(const struct flight *flight);

/* Remove it; its contents stay valid until the next flights_add(). */
void flights_remove(struct flights *f, struct flight *flight);

/* The note of a flight, made if there is none. */
struct flight_note *flights_note(struct flight *flight);

#endif
