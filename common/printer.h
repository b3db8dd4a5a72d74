/*
 * printer.h - the events of a group, printed: evsub without a command
 *
 * Batch by batch: print, flush, acknowledge.  What was not written is not
 * acknowledged, and what filter or program fail on becomes a dead letter.
 *
 * An event that failed in a handler and waits for another attempt is printed once
 * that is due, if by then nobody holds it; until_end does not wait for it.
 */
#ifndef COMMON_PRINTER_H
#define COMMON_PRINTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/group.h"
#include "common/out.h"
#include "common/select.h"

struct printer_counts {
	uint64_t printed;
	uint64_t failed; /* dead letters that filter or program made */
};

/*
 * Run until a stop, the deadline (when_monotonic()), select's count, a failed
 * write (out->error), or with until_end until all that was there is handled; the
 * group is open, and then marked.  Returns 0, also after a failed write; -1 with
 * conn_error(g->conn) set.
 */
int printer_run(struct group *g, struct select *select, struct out *out,
		int64_t deadline, bool until_end, struct printer_counts *n);

#endif
