/*
 * priority.h - one stream as four, by priority, and what to read from which
 *
 * Events of priority critical, high and low go to the streams {S}:critical,
 * {S}:high and {S}:low, all others to S itself.  A reader takes the urgent ones
 * first, but while there are events of all four, of every 15 that it takes 8 are
 * critical, 4 high, 2 normal and 1 low, so that none starves.
 */
#ifndef COMMON_PRIORITY_H
#define COMMON_PRIORITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/event.h"

enum priority {
	PRIORITY_CRITICAL, /* in the order in which they are read */
	PRIORITY_HIGH,
	PRIORITY_NORMAL,
	PRIORITY_LOW,
	PRIORITY_COUNT
};

/* "critical", "high", "normal", "low". */
const char *priority_name(enum priority p);

/* What an event's priority role says ("low", "normal", "high" or "critical", in
 * any case).  Normal for anything else and for none.  The role must have been
 * noted: event_recognise() or event_check(). */
enum priority priority_of(const struct event *ev, struct buf *tmp);

/* Write the name of the stream for a priority, NUL-terminated: S itself is
 * normal.  The name must be without error (stream_name_error). */
void priority_stream(struct buf *out, const char *stream, enum priority p);

/*
 * Decides which of the four is read next and how many from it, never more than
 * there is room for:
 *
 *     for (;;) {
 *             p = priority_choose(&q, room, &count);
 *             if (p == PRIORITY_COUNT)
 *                     wait until any of the four has something (a blocking
 *                     read of all), up to a time, then priority_again(&q);
 *             else
 *                     got = read at most count from p, without blocking,
 *                     priority_took(&q, p, count, got);
 *     }
 *
 * Of a round of 15 (or as many as there is room for, if that is more) each gets
 * its share, and the first of them first.  What one has no events for goes to
 * the next one.  One that had fewer than was asked is not asked again in this
 * round, so an event that comes in waits for the rest of a round at most.  A
 * zeroed struct is valid.
 */
struct priority_quota {
	uint64_t credit[PRIORITY_COUNT]; /* still to be read in this round */
	unsigned dry;                    /* bits: had fewer than was asked */
};
enum priority priority_choose(struct priority_quota *q, uint64_t room,
			      uint64_t *count);
void priority_took(struct priority_quota *q, enum priority p, uint64_t count,
		   uint64_t got);

/* Begin a new round: all may have something again. */
void priority_again(struct priority_quota *q);

#endif
