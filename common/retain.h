/*
 * retain.h - what rules say is done to streams, one after the other
 *
 * Entries beyond the limits, dead letters that died long ago, consumers that are
 * idle: each is trimmed, reported and audited.  What fails with one stream is said
 * and remembered, and does not keep the others from their turn.
 */
#ifndef COMMON_RETAIN_H
#define COMMON_RETAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/archive.h"
#include "common/conn.h"
#include "common/policy.h"
#include "common/trim.h"
#include "common/trim_report.h"

struct retain {
	struct trim trim; /* the caller sets field, force, now_ms, deadline */
	struct trim_report report; /* the caller sets all but conn, select */
	bool held;    /* a limit does not hold: groups need what is beyond */
	bool refused; /* the server did */
	bool broken;  /* an archive could not be opened or written */

	struct archive **archive; /* private: those that are open */
	size_t archives;
	struct buf chosen;
};

/* Begin, with a connection for scripts and one for reading; both are borrowed. */
void retain_init(struct retain *r, struct conn *conn, struct conn *reader);
void retain_release(struct retain *r);

/* Apply a rule to a stream, or if report.plan is set, say what that would do.
 * Each archive is opened when it is first needed, and shared by the streams. */
void retain_apply(struct retain *r, const char *stream,
		  const struct policy_rule *rule);

#endif
