/*
 * replay_state.h - what the parts of replay share: replay_open.c begins, replay.c
 * goes from event to event, replay_end.c says how it ended
 *
 * Private to them.
 */
#ifndef COMMON_REPLAY_STATE_H
#define COMMON_REPLAY_STATE_H

#include "common/checkpoint.h"
#include "common/pace.h"
#include "common/progress.h"
#include "common/replay.h"
#include "common/replay_input.h"
#include "common/replay_sink.h"
#include "common/replay_tempo.h"
#include "common/scan.h"

/* How replaying ended, in the order of what is told first. */
enum replay_end {
	END_NONE,   /* it has not */
	END_DONE,   /* all of it was replayed */
	END_COUNT,  /* as many as were wanted */
	END_STOP,   /* a stop, or the timeout */
	END_SOURCE, /* the connection that it is read from; not yet said */
	END_FILE,   /* a file; it was said */
	END_SINK    /* what it is written to */
};

struct replay {
	const struct replay_options *o;
	struct conn *conn, *target;
	struct select select;
	struct scan scan;
	struct replay_input input;
	struct replay_sink sink;
	struct replay_tempo tempo;
	struct pace pace;
	struct progress progress;
	struct checkpoint checkpoint;
	struct buf key, marked, mark;
	struct id first, last; /* of the range */
	struct id at;          /* position of the current event */
	struct id handled;     /* of the last one that is done with */
	uint64_t seen, kept, failed, total;
	int64_t started, deadline;
	bool missing, said_no_ids, any;
};

/* Find the range, open sink and source.  EXIT_OK, or the status to end with after
 * a message. */
enum exit_status replay_open(struct replay *r, struct out *out);
void replay_close(struct replay *r);

/* For input that would block (line.h); arg is the replay. */
int replay_wait_for_input(void *arg, int fd);

/* Remember in the checkpoint, if there is one, where this run is; all of it must
 * be out.  Returns 0, or -1 after a message. */
int replay_save(struct replay *r);

/* Have all confirmed, say how it ended and how to go on; gives the status. */
enum exit_status replay_conclude(struct replay *r, enum replay_end end,
				 struct out *out);

#endif
