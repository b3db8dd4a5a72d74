/*
 * tally.h - counting events: of what kinds, how large, how often
 *
 *     tally_init ─► tally_add (each event, in the order of ids) ─► tally_print
 *
 * Counts by what the envelope says.  Memory does not depend on the number of
 * events: of each aspect TALLY_VALUES values are told apart, by their first
 * TALLY_TEXT bytes; events of more values are counted together as others.
 * Nothing is allocated for an event that brings no new value.
 */
#ifndef COMMON_TALLY_H
#define COMMON_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/id.h"
#include "common/out.h"
#include "common/record.h"

enum {
	TALLY_VALUES = 10000,
	TALLY_TEXT = 256,
	TALLY_SIZES = 1920 /* classes of sizes, see tally_percentile() */
};

enum tally_aspect {
	TALLY_STREAM,
	TALLY_TYPE,
	TALLY_SOURCE,
	TALLY_PRIORITY,
	TALLY_STATUS,
	TALLY_ASPECTS
};

struct tally_value {
	char *text; /* as it is, NUL-terminated; it may hold NUL too */
	size_t len;
	uint64_t hash, count, bytes;
};

struct tally_values {
	struct tally_value *value;
	size_t count, cap;
	uint64_t none;   /* events that say nothing of it */
	uint64_t others; /* events of values beyond TALLY_VALUES */

	size_t *slot, slots; /* private: value + 1 by hash; 0: free */
};

struct tally {
	unsigned aspects; /* that are counted: bits */
	uint64_t events, bytes, smallest, largest;
	struct id first, last;
	uint64_t peak, peak_minute; /* events in the busiest minute, and which
				     * since 1970; the first such one */
	struct tally_values by[TALLY_ASPECTS];

	uint64_t size[TALLY_SIZES]; /* private from here on */
	uint64_t minute, in_minute;
	struct buf tmp;
};

/* Type, source and priority are always counted; streams where there may be more
 * than one, and states where records tell them. */
void tally_init(struct tally *t, bool streams, bool states);

/* Count a record.  Its event's roles are looked for again. */
void tally_add(struct tally *t, struct record *r);

/*
 * A size, in bytes, that p percent of the events do not exceed, p above 0: at
 * most 1/32 too large, since sizes above 64 are counted in classes that wide.
 * 0 if there are no events.
 */
uint64_t tally_percentile(const struct tally *t, unsigned p);

/* Events a second between the first and the last one; negative if that is no
 * time at all. */
double tally_rate(const struct tally *t);

/* Print all counts, the most frequent values first: as lines of JSON, or as
 * tables, as wide as the terminal at most.  Nothing can be added after that. */
void tally_print(struct tally *t, struct out *out, bool ndjson);

void tally_release(struct tally *t);

#endif
