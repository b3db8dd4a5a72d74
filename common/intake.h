/*
 * intake.h - from lines of input to checked events
 *
 * Each line is, in this order: taken out of a record (records), checked to be
 * JSON or text (text), wrapped into a CloudEvent (wrap) or filled up (fill),
 * checked against its envelope and its schema (catalog), and converted into
 * another envelope (to).  What can't be used is refused with the number
 * of its line and the reason, and the next line is taken.
 */
#ifndef COMMON_INTAKE_H
#define COMMON_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/catalog.h"
#include "common/convert.h"
#include "common/envelope.h"
#include "common/event.h"
#include "common/line.h"
#include "common/opt.h"
#include "common/record.h"

/* Which events are taken, as a user says it. */
struct intake_options {
	struct envelope envelope; /* to wrap with, if it has a type */
	struct opt_list ext;      /* its extensions, NAME=VALUE */
	const char *profile;      /* auto, none or a name; NULL: auto */
	const char *to;           /* the envelope to convert to; NULL: none */
	const char *rejects;      /* a file; NULL: none */
	uint64_t max_bytes;
	bool records, text, fill;

	const struct event_profile
		*required; /* set by intake_options_check() */
	char error[EVENT_ERROR + 64];
};

#define OPT_WRAP(o)                                                            \
	OPT_TEXT('t', "type", "TYPE", &(o)->envelope.type,                     \
		 "wrap each line as data of a CloudEvent of TYPE"),            \
		OPT_TEXT(0, "source", "URI", &(o)->envelope.source,            \
			 "source of wrapped events (urn:host:NAME)"),          \
		OPT_TEXT(0, "subject", "TEXT", &(o)->envelope.subject,         \
			 "subject of wrapped events"),                         \
		OPT_TEXT(0, "correlation", "ID", &(o)->envelope.correlation,   \
			 "correlationid of wrapped events"),                   \
		OPT_TEXT(0, "causation", "ID", &(o)->envelope.causation,       \
			 "causationid of wrapped events"),                     \
		OPT_TEXT(0, "traceparent", "TEXT", &(o)->envelope.traceparent, \
			 "traceparent of wrapped events"),                     \
		OPT_LIST(0, "ext", "NAME=VALUE", &(o)->ext,                    \
			 "extension of wrapped events (repeatable)")

#define OPT_INTAKE(o)                                                           \
	OPT_WRAP(o),                                                            \
		OPT_BOOL(0, "text", &(o)->text,                                 \
			 "wrap lines that are not JSON"),                       \
		OPT_BOOL(0, "fill", &(o)->fill,                                 \
			 "insert a missing id or time into envelopes"),         \
		OPT_BOOL(0, "records", &(o)->records,                           \
			 "take records, publish their events"),                 \
		OPT_TEXT(                                                       \
			0, "envelope", "auto|NAME|none", &(o)->profile,         \
			"check what is recognised, demand one, or check none"), \
		OPT_TEXT(0, "to", "ENVELOPE", &(o)->to,                         \
			 "convert to cloudevents or domain")

/* What the table can't say: which go together.  Prepares the envelope.  Returns
 * 0, or -1 with error set, which is the user's. */
int intake_options_check(struct intake_options *o);
void intake_options_release(struct intake_options *o);

struct intake {
	/* What to do with a line; set before the first intake_next(). */
	bool records, text, wrap, fill;
	bool check;                           /* look at envelopes */
	const struct event_profile *required; /* NULL: what is recognised */
	struct envelope envelope;             /* for wrap */
	struct catalog *schemas;              /* borrowed; NULL: none */
	enum convert_to to;
	FILE *rejects; /* NULL: none are kept */

	/* Where lines come from: `lines`, or if arg is set, argument words. */
	struct line_reader lines;
	char **arg;
	size_t args; /* still to be used */

	/* The current event; valid until the next call. */
	struct event event;
	uint64_t number; /* of its line or argument, from 1 */

	uint64_t refused;
	bool by_schema;     /* private: why the line is refused */
	const char *reason; /* likewise; NULL: see error, or the event's */
	struct record_line record; /* private */
	struct buf made, quoted;
	struct convert convert;
	char error[EVENT_ERROR + 64];
};

/* Take the lines of standard input or, if arg is not NULL, so many arguments.
 * The options are checked.  Returns 0, or -1 with errno set if the file for
 * refused lines can't be opened. */
int intake_open(struct intake *in, const struct intake_options *o, char **arg,
		size_t args);

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
