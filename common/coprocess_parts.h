/*
 * coprocess_parts.h - what the parts of coprocess.h share: coprocess.c reads and
 * hands over, coprocess_answer.c takes the lines that come back, coprocess_life.c
 * starts the process and sees to its end.
 */
#ifndef COMMON_COPROCESS_PARTS_H
#define COMMON_COPROCESS_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/answer.h"
#include "common/desk.h"
#include "common/flights.h"
#include "common/group.h"
#include "common/handler.h"
#include "common/worker.h"

enum { COPROCESS_KILL_MS = 5000 /* from SIGTERM to SIGKILL */ };

struct coprocess {
	const struct worker_options *o;
	struct desk desk;
	struct group *g;
	uint64_t window;
	int64_t deadline;

	struct handler h;
	char **env;
	char group_env[512];
	struct flights flights;
	struct answer answer;
	uint64_t appended; /* bytes for this process */
	size_t mean;       /* bytes of a record, about */
	bool closing;      /* its stdin, by us: it is to finish */
	bool condemned;    /* what it says does not count any more */
	bool too_slow;     /* it is ended for an event that is overdue */
	bool answered;     /* this process did, at least once */
	bool alone;        /* one at a time, until all suspects are through */
	bool over;
	char said[HANDLER_STDERR + 1]; /* by the last one */

	int64_t pause_ms, start_at; /* start_at 0: it runs */
	int64_t doubt_until;        /* INT64_MAX: none */
	int64_t grace_until;        /* INT64_MAX: no stop yet */
	int64_t hold_due, notes_due, tell_due;
	size_t fresh_notes;

	bool quiet; /* it has nothing more to say just now */
};

bool coprocess_is_stopping(const struct coprocess *c);
bool coprocess_is_running(const struct coprocess *c);
const char *coprocess_name(const struct coprocess *c);

/* Take an event out of its hands, to decide on it. */
struct job coprocess_take_back(struct coprocess *c, struct flight *flight);

/* The environment that it gets: ours without secrets. */
void coprocess_environment(struct coprocess *c);
void coprocess_start(struct coprocess *c);

/* See whether it has ended, and to what it had in hand then.  0, or -1. */
int coprocess_reap(struct coprocess *c);

/* End it if it has closed its pipes, or takes too long over an event; when that
 * will be (INT64_MAX: never). */
void coprocess_watch_pipes(struct coprocess *c);
void coprocess_watch_time(struct coprocess *c);
int64_t coprocess_overdue_at(const struct coprocess *c);

/* It broke the protocol: end it.  line NULL: there is none to show. */
void coprocess_condemn(struct coprocess *c, const char *why, const char *line,
		       size_t len);

/* Take the lines that are there.  0, or -1. */
int coprocess_take_lines(struct coprocess *c);

/* Tell the server how far events are, now and then.  0, or -1. */
int coprocess_tell_notes(struct coprocess *c);

#endif
