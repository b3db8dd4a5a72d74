/*
 * trim_names.h - which streams are to be trimmed
 */
#ifndef COMMON_TRIM_NAMES_H
#define COMMON_TRIM_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conn.h"

/* Names, each once, in their order. */
struct trim_names {
	char **name;
	size_t count;
};

/*
 * Add the streams that operands name: a name that is there, or has dead letters or
 * scheduled events beside it, and for a pattern all that it covers; without
 * operands all streams.  Says what is not there, with *missing set.  Returns 0, or
 * -1 with conn_error() set.
 */
int trim_names_find(struct trim_names *n, struct conn *c, char *const *operand,
		    size_t operands, bool *missing);
void trim_names_release(struct trim_names *n);

bool trim_names_is_pattern(const char *name);

/*
 * Whether a glob is for a stream.  Streams that the programs keep beside others
 * ({S}:dlq, {S}:redrive:GROUP, ev:audit) are meant only by a glob that has "dlq",
 * "redrive" or "audit" in it: a redrive stream has no group until somebody reads
 * it.
 */
bool trim_names_covers(const char *glob, const char *stream);

#endif
