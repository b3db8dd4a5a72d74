/*
 * coprocess.h - one long-lived command for all events: evsub --coprocess
 *
 *     read ──► record on its stdin ──► in hand ──► a line of its stdout ──► verdict
 *      ▲                                 │ it ended
 *      └──── one at a time ◄─────────────┘
 *
 * Up to `window` events are in its hands.  It answers each with a line
 * (answer.h), in any order.  End of file on its standard input asks it to finish
 * what it has and to exit.
 *
 * A line that is no answer, or an end that was not asked for: it is started
 * again, and the events that it had read run one at a time, so that the one that
 * kills it is found out (desk_check_loop).  What it had not read counts as never
 * handed over.
 */
#ifndef COMMON_COPROCESS_H
#define COMMON_COPROCESS_H

#include <stdint.h>

#include "common/desk.h"
#include "common/group.h"
#include "common/select.h"
#include "common/worker.h"

enum { COPROCESS_WINDOW = 100, COPROCESS_WINDOW_MAX = 10000 };

/*
 * As worker_run().  Of the options count: the command, attempts, timeout,
 * backoff, grace, max_waiting and until_end.
 */
int coprocess_run(const struct worker_options *o, uint64_t window,
		  struct group *g, struct select *select, int64_t deadline,
		  struct desk_counts *counts);

#endif
