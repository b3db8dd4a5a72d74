/*
 * runner.h - one place of a worker: a job, its event, its handler
 */
#ifndef COMMON_RUNNER_H
#define COMMON_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/failure.h"
#include "common/group.h"
#include "common/handler.h"
#include "common/jobs.h"
#include "common/json.h"
#include "common/select.h"
#include "common/verdict.h"

struct runner_options {
	char *const *argv;
	uint64_t attempts;              /* verdicts until an event is dead */
	int64_t timeout_ms;             /* of a run; INT64_MAX: none */
	const struct json_pointer *key; /* of lanes; NULL: none */
};

struct runner {
	bool used;
	bool lost; /* its lease: no verdict counts */
	struct job job;
	struct handler handler;
	int64_t progress_due;

	/* Of the event, NUL-terminated; "" where it has none. */
	struct buf body, event_id, type, key, correlation;
	struct buf record;  /* what the handler reads with --meta */
	struct buf emitted; /* lines for the output stream */
	size_t lines;
	bool flooded; /* it put out more than an entry may */

	char why[600]; /* private: runner_failure()'s error */
	char signal[16];
};

/* Take the job and copy what is needed of select's current record. */
void runner_load(struct runner *run, const struct job *job,
		 struct select *select);

/* Start the command with the environment that describes the job. */
void runner_start(struct runner *run, const struct runner_options *o,
		  const struct group *g, int64_t now_ms);

/* Whether a variable of our environment, NAME=VALUE, is not for commands: one that
 * we set ourselves, or a secret. */
bool runner_is_withheld(const char *variable);

/* Take the handler's lines as events to put out. */
void runner_collect(struct runner *run);

/* Make the lines events (correlation and causation filled in, other JSON
 * wrapped) and hand them over with the verdict: 1, 0, -1 as verdict_emit(); -2
 * if a line is not JSON. */
int runner_emit(struct runner *run, struct verdict *v, const char *output,
		const char *output_type, int64_t ms);

/* Why the run failed, by its end and by what it said.  Borrows from run. */
void runner_failure(struct runner *run, struct failure *f);

/* The lane of a record's key: 0 if there are no lanes or it has no key. */
uint64_t runner_lane(const struct runner_options *o, const struct record *r);

/* How often an entry was redriven: its field "redrives". */
int64_t runner_redrives(const struct entry *e);

void runner_free(struct runner *run);

#endif
