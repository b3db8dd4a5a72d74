/*
 * select.h - which events a reader keeps, and how it prints them
 */
#ifndef COMMON_SELECT_H
#define COMMON_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/catalog.h"
#include "common/convert.h"
#include "common/filter.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/record.h"
#include "common/stream.h"

struct select_options {
	struct opt_list types; /* globs; any of them will do; none: all */
	const char *filter, *program; /* jq; NULL: none */
	const char *correlation;
	const char *field;
	enum convert_to to; /* the envelope to print them in */
	uint64_t count;     /* stop after so many; UINT64_MAX: never */
	int64_t timeout_ms; /* stop after so long; INT64_MAX: never */
	bool meta, null;
	struct catalog_options schemas; /* no directory: none */
	bool invalid; /* keep what breaks its schema, and nothing else; if not
		       * set, that is a failure */
};

#define SELECT_OPTIONS_INIT                                  \
	{                                                    \
		.count = UINT64_MAX, .timeout_ms = INT64_MAX \
	}

#define OPT_SELECT(o)                                                         \
	OPT_LIST('t', "type", "GLOB", &(o)->types,                            \
		 "keep events of this type (repeatable)"),                    \
		OPT_TEXT('e', "filter", "JQ", &(o)->filter,                   \
			 "keep events for which this jq expression is true"), \
		OPT_TEXT('j', "jq", "PROGRAM", &(o)->program,                 \
			 "print what this jq program makes of each event"),   \
		OPT_U64('c', "count", "N", &(o)->count,                       \
			"stop after N events"),                               \
		OPT_DURATION('w', "timeout", "DUR", &(o)->timeout_ms,         \
			     "stop after this long"),                         \
		OPT_BOOL('m', "meta", &(o)->meta,                             \
			 "print records, not bare events"),                   \
		OPT_BOOL('0', "null", &(o)->null,                             \
			 "end output lines with NUL"),                        \
		OPT_TEXT(0, "field", "NAME", &(o)->field,                     \
			 "the entry field that holds the event")

struct select {
	const struct select_options *options;
	struct filter *filter, *program;
	struct record record;    /* the current one */
	struct catalog *schemas; /* NULL: none */
	const char *class;       /* what failed: filter, schema or jq */
	unsigned roles;          /* private: what options ask of an envelope */
	char id[ID_TEXT];
	char error[FILTER_ERROR]; /* why a filter, program, conversion failed */
	struct json_doc doc;      /* private: a body that is no JSON, as JSON */
	struct record shaped;     /* private: what -j made, with -m */
	struct buf tmp, made;
	struct convert convert;
	struct buf failures; /* private: the record's `invalid` */
};

/* Compile filter and program, open the catalog.  The options are borrowed.
 * Returns 0, or -1 with error set, which is the user's (EXIT_USAGE). */
int select_open(struct select *s, const struct select_options *options);
void select_close(struct select *s);

/* Make the entry's body that of the current record, without deciding on it. */
void select_read(struct select *s, const struct entry *e);

/*
 * Make the entry the current record and decide on it.  The caller sets
 * record.stream, group, consumer, deliveries before.  Returns 1 to keep it, 0
 * to pass over it, -1 with error and class set if the filter fails on it or it
 * breaks its schema.
 *
 * Types and correlations come from the event's envelope; what is no event has
 * none.  A filter sees the event, or for a body that is no JSON a string: the
 * text, or the bytes in base64.
 */
int select_entry(struct select *s, const struct entry *e);

/* The same for a record whose id and body (record_set_body) the caller has set
 * too. */
int select_record(struct select *s);

/* The same for an event that is no entry; the caller sets all else of record
 * before.  The bytes are borrowed. */
int select_body(struct select *s, const char *text, size_t len);

/*
 * Print the current record, converted, by -j, -m and -0.  Returns 1; 0 with
 * error set if it can't be converted (then convert.error is too) or the program fails on it (what it made
 * before that is printed); -1 if output failed.
 */
int select_print(struct select *s, struct out *out);

#endif
