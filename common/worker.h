/*
 * worker.h - a command for each event: evsub … -- COMMAND
 *
 *     read ──► start ──► run ──► verdict
 *      ▲         ▲                │ done · dead          told to the server
 *      │         └── waiting ◄────┘ retry               (verdict.h)
 *      └ no more than there is room to run
 *
 * One loop over everything that can happen: replies, handlers' pipes, their
 * exits, times that come.  Nothing in it waits for a handler.  Entries of
 * consumers that died are taken over one at a time, so that an event that kills
 * its worker is found out.
 */
#ifndef COMMON_WORKER_H
#define COMMON_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/desk.h"
#include "common/group.h"
#include "common/out.h"
#include "common/runner.h"
#include "common/select.h"

struct worker_options {
	struct runner_options run;
	uint64_t jobs; /* handlers at once */
	int64_t backoff_ms, backoff_max_ms;
	int64_t grace_ms; /* for handlers once a stop is requested */
	uint64_t max_waiting;
	const char *key_text;    /* --key, for run.key */
	bool ordered;            /* retry in place */
	const char *output;      /* stream for what handlers print */
	const char *output_type; /* NULL: the input's type + .result */
	bool until_end;
};

#define WORKER_OPTIONS_INIT                                                   \
	{                                                                     \
		.run = { .attempts = 5, .timeout_ms = INT64_MAX }, .jobs = 1, \
		.backoff_ms = 1000, .backoff_max_ms = 3600000,                \
		.grace_ms = 25000, .max_waiting = 10000                       \
	}

#define OPT_WORKER(o)                                                          \
	OPT_U64('P', "jobs", "N", &(o)->jobs, "handlers at once (1)"),         \
		OPT_U64(0, "attempts", "N", &(o)->run.attempts,                \
			"failures until an event is dead (5)"),                \
		OPT_DURATION(0, "backoff", "DUR", &(o)->backoff_ms,            \
			     "until the second attempt, then doubled (1s)"),   \
		OPT_DURATION(0, "backoff-max", "DUR", &(o)->backoff_max_ms,    \
			     "longest time between two attempts (1h)"),        \
		OPT_DURATION(0, "job-timeout", "DUR", &(o)->run.timeout_ms,    \
			     "end a handler that takes longer"),               \
		OPT_DURATION(0, "grace", "DUR", &(o)->grace_ms,                \
			     "for handlers to end at a stop (25s)"),           \
		OPT_U64(0, "max-waiting", "N", &(o)->max_waiting,              \
			"stop reading when so many wait for a retry (10000)"), \
		OPT_BOOL(0, "ordered", &(o)->ordered,                          \
			 "retry in place, one by one"),                        \
		OPT_TEXT(0, "key", "POINTER", &(o)->key_text,                  \
			 "keep events of one key in order"),                   \
		OPT_TEXT('O', "output", "STREAM", &(o)->output,                \
			 "publish what handlers print"),                       \
		OPT_TEXT(0, "output-type", "TYPE", &(o)->output_type,          \
			 "type of wrapped output (the input's, and .result)")

/*
 * Run until a stop, the deadline (when_monotonic()), `count` finished events, or
 * with until_end until all that was there is handled.  The group is open and
 * marked.  What did not start is given back; what waits stays pending with its
 * due time.  Returns 0; -1 with conn_error() of group or verdicts said.
 */
int worker_run(const struct worker_options *o, struct group *g,
	       struct select *select, struct out *out, int64_t deadline,
	       struct desk_counts *counts);

#endif
