/*
 * settle.h - acknowledging records at the end of a pipeline
 *
 *     evsub --manual … | work | evsub --settle
 *
 * Records are read as lines; each names its stream, its entry and its group.
 * Once the server has acknowledged it a record's line is passed on.
 */
#ifndef COMMON_SETTLE_H
#define COMMON_SETTLE_H

#include <stdint.h>

#include "common/conn.h"
#include "common/line.h"
#include "common/out.h"
#include "common/record.h"

struct settle {
	struct conn *conn;
	struct out *out;
	const char *group; /* of records that name none; NULL: none */
	struct line_reader lines;

	uint64_t settled; /* acknowledged by the server */
	uint64_t unknown; /* the server did not have them pending */
	uint64_t refused; /* lines that can't be used; each was reported */

	struct record_line record; /* private from here on */
	struct buf stream, of_group, ids, text;
	size_t count;
	bool failed;
};

/* Settle all lines of fd.  Returns 0 at its end or at a stop; -1 with
 * conn_error() set; -2 with errno set if reading failed. */
int settle_run(struct settle *s, struct conn *c, struct out *out, int fd,
	       const char *group);

#endif
