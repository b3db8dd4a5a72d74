/*
 * intake.h - from lines of input to checked events
 *
 * Each line is, in this order: taken out of a record (records), checked to be
 * JSON or text (text), wrapped into a CloudEvent (wrap) or filled up (fill), and
 * checked against its envelope.  What can't be used is refused with the number
 * of its line and the reason, and the next line is taken.
 */
#ifndef COMMON_INTAKE_H
#define COMMON_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/envelope.h"
#include "common/event.h"
#include "common/line.h"
#include "common/record.h"

struct intake {
	/* What to do with a line; set before the first intake_next(). */
	bool records, text, wrap, fill;
	bool check;                           /* look at envelopes */
	const struct event_profile *required; /* NULL: what is recognised */
	struct envelope envelope;             /* for wrap */
	FILE *rejects;                        /* NULL: none are kept */

	/* Where lines come from: `lines`, or if arg is set, argument words. */
	struct line_reader lines;
	char **arg;
	size_t args; /* still to be used */

	/* The current event; valid until the next call. */
	struct event event;
	uint64_t number; /* of its line or argument, from 1 */

	uint64_t refused;
	struct record_line record; /* private */
	struct buf made, quoted;
	char error[EVENT_ERROR + 64];
};

/*
 * Advance to the next line.  Returns 1 with event parsed; 0 at the end of input
 * or at a stop; -1 if the line was refused and reported (number is set); -2
 * with errno set if reading failed.
 */
int intake_next(struct intake *in);

/* Report the current line as refused for a reason found later, e.g. with the
 * event's bytes for `rejects`. */
void intake_refuse(struct intake *in, const char *reason, uint64_t number,
		   const char *text, size_t len);

/* Close the rejects file.  Returns 0, or -1 with errno set if writing failed. */
int intake_close(struct intake *in);

#endif
