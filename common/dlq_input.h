/*
 * dlq_input.h - dead letters named by records on standard input
 */
#ifndef COMMON_DLQ_INPUT_H
#define COMMON_DLQ_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "common/dlq_change.h"
#include "common/line.h"
#include "common/record.h"

/* A zeroed struct is valid. */
struct dlq_input {
	uint64_t refused; /* lines; each was said why */

	struct line_reader lines; /* private */
	struct record_line record;
};

/*
 * Read records, as they were listed or edited, and change the dead letters that
 * their "stream" and "id" name: one of `count` streams, which may be left out if
 * there is one.  The bytes of their "event" are what is sent; nothing else of a
 * record counts.  Ends at a stop and at the deadline (when_monotonic()).
 * Returns 0, -1 with conn_error() of the connection that changes set, or -2 with
 * errno set if reading failed.  What is collected is not flushed.
 */
int dlq_input_run(struct dlq_input *in, int fd, struct dlq_change *change,
		  size_t count, int64_t deadline);

#endif
