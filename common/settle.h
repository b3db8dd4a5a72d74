/*
 * settle.h - verdicts on records, at the end of a pipeline
 *
 *     evsub --manual … | work | evsub --settle
 *
 * Records are read as lines; each names its stream, its entry and its group.
 * Once the server knows of it a record's line is passed on.  It is done unless
 * keys were added that say otherwise (answer.h): then it must name its consumer
 * too, for a verdict on what others have taken over meanwhile is dropped.
 *
 * What is to be tried again is given back, with its attempts and the time of the
 * next one in the ledger; what is dead becomes a dead letter with the bytes that
 * the entry has in the stream.
 */
#ifndef COMMON_SETTLE_H
#define COMMON_SETTLE_H

#include <stdint.h>

#include "common/answer.h"
#include "common/conn.h"
#include "common/desk.h"
#include "common/line.h"
#include "common/out.h"
#include "common/record.h"
#include "common/select.h"
#include "common/verdict.h"

struct settle_options {
	const char *group; /* of records that name none; NULL: none */
	struct desk_rules rules;
};

struct settle {
	const struct settle_options *o;
	struct conn *conn;
	struct out *out;
	struct select *select;
	struct line_reader lines;

	uint64_t settled; /* acknowledged by the server */
	uint64_t retried, dead;
	uint64_t unknown; /* the server did not have them pending */
	uint64_t refused; /* lines that can't be used; each was reported */

	struct record_line record; /* private from here on */
	struct buf stream, of_group, ids, text;
	size_t count;
	bool failed;
	struct answer answer;
	struct verdict verdict; /* on judged, conn NULL: on none so far */
	struct settle_names {
		struct buf stream, origin, group, consumer;
	} judged;
	struct buf body, event_id, type;
	struct script release;
};

/* Settle all lines of fd.  Returns 0 at its end or at a stop; -1 with
 * conn_error() set; -2 with errno set if reading failed. */
int settle_run(struct settle *s, const struct settle_options *o, struct conn *c,
	       struct select *select, struct out *out, int fd);

/* Private, of settle_verdict.c: tell the server that the current record is to be
 * tried again or dead, by s->answer.  NULL; or why it can't; -1 in *failed with
 * conn_error() set. */
const char *settle_judge(struct settle *s, const char *group, bool *failed);
void settle_release(struct settle *s);

#endif
