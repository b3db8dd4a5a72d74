/*
 * replay.h - events of the past, once more: from a stream or from files, to
 * standard output or into a stream
 *
 *     scan  ──┐                                   ┌── out
 *             ├─► select ─► mark ─► pause ─► sink ┼── publish
 *     input ──┘   -t -e …   --mark  --speed       └── exact
 *
 * What is replayed is fixed at the start: of a stream, up to the entry that is
 * newest then.  Hence a stream may be replayed into itself, if one insists.
 */
#ifndef COMMON_REPLAY_H
#define COMMON_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/diag.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/publish.h"
#include "common/select.h"
#include "common/when.h"

struct replay_options {
	struct select_options select;
	struct when since, until;
	const char *stream; /* NULL: from the files */
	char *const *file;
	size_t files;
	uint64_t skip, max_bytes;       /* of lines of files */
	struct publish_options publish; /* its stream NULL: print */
	uint64_t rate;                  /* per second; 0: any */
	uint64_t speed;                 /* replay_tempo.h */
	int64_t max_gap_ms;
	bool mark;
	const char *checkpoint; /* a file; NULL: none */
	const char *again;      /* the words of the command line (again.h) but
				 * for since, until, skip and count */
};

/* Whether replaying one stream into another feeds it back: they are the same, or
 * the same but for priority ({S}:high) or partition (S.0). */
bool replay_is_loop(const char *from, const char *to);

/*
 * Replay, and say what goes wrong and, if something is left, how to go on.  c
 * may be NULL if no stream is involved.  EXIT_OK; EXIT_INPUT if events were
 * refused; EXIT_NO if it was interrupted or there is no such stream; EXIT_USAGE,
 * EXIT_SERVER, EXIT_OUTPUT.
 */
enum exit_status replay_run(const struct replay_options *o, struct conn *c,
			    struct out *out);

#endif
