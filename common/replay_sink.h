/*
 * replay_sink.h - where replayed events go: standard output, a stream, or a
 * stream exactly once
 *
 * Whatever the way, an event has its position in the source, and `safe` is the
 * position of the last event of which, and of all before it, it is known that
 * they are written or stored.
 */
#ifndef COMMON_REPLAY_SINK_H
#define COMMON_REPLAY_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conn.h"
#include "common/id.h"
#include "common/out.h"
#include "common/publish.h"
#include "common/replay_exact.h"
#include "common/select.h"

struct replay_sink {
	struct id safe;
	bool any;         /* safe is set */
	uint64_t done;    /* events up to there */
	uint64_t sent;    /* events given to replay_sink_put() */
	uint64_t beyond;  /* stored behind one that the server refused */
	uint64_t unknown; /* sent, and then the connection was lost */
	char error[320];  /* after -1, but for output, whose error out has */

	struct out *out; /* private from here on; NULL: to a stream */
	struct select *select;
	const char *stream;
	struct conn *conn;
	struct publish_options options;
	struct publish *publish; /* NULL: exactly once */
	struct replay_exact *exact;
	struct buf positions; /* struct id: of what is unconfirmed … */
	size_t positions_at;  /* … from here on, */
	struct id last;
};

/* Print as select says.  All is borrowed. */
void replay_sink_print(struct replay_sink *s, struct select *select,
		       struct out *out);

/* Publish, on a connection of its own.  Returns 0, or -1 with error set. */
int replay_sink_publish(struct replay_sink *s, struct select *select,
			struct conn *c, const struct publish_options *o);

/* The same exactly once: see replay_exact_open().  After it, `safe` is where to
 * go on. */
int replay_sink_exact(struct replay_sink *s, struct select *select,
		      struct conn *c, const struct publish_options *o,
		      const char *key, struct id safe);

/*
 * Take the current record of select; positions rise.  Returns 1; 0 if -j fails
 * on it (select->error); -1 once output or publishing has failed.
 */
int replay_sink_put(struct replay_sink *s, struct id position);

/*
 * Let out what was taken, then wait until fd (-1: none) is readable, or for
 * timeout_ms (-1: none).  Returns 1 if fd is; 0 at a stop or once the reader of
 * a pipe has gone; 2 at the timeout or after less; -1.
 */
int replay_sink_wait(struct replay_sink *s, int fd, int timeout_ms);

/* Let out what was taken and have it confirmed: then all of it is safe.  Returns
 * 0, or -1. */
int replay_sink_flush(struct replay_sink *s);

void replay_sink_close(struct replay_sink *s);

#endif
