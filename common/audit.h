/*
 * audit.h - administrative changes leave an event in the stream ev:audit
 *
 * A CloudEvent of type evtools.PROGRAM.ACTION, its subject the stream that was
 * changed, its time the server's, its data
 *
 *     {"program":"evdlq","action":"redrive","user":"ann","host":"web1",
 *      "stream":"orders","group":"billing","to":"…","select":{…},
 *      "counts":{…},"before":{…},"after":{…}}
 *
 * Only what applies is present.  It is written once the change is made: a
 * program that is killed in between leaves none.
 */
#ifndef COMMON_AUDIT_H
#define COMMON_AUDIT_H

#include "common/buf.h"
#include "common/conn.h"

#define AUDIT_STREAM "ev:audit"

struct audit {
	const char *action;              /* a-z only */
	const char *stream, *group, *to; /* NULL: doesn't apply */
	/* JSON objects: what chose the entries, how many were changed, and the
	 * state around it; NULL: doesn't apply. */
	const char *select, *counts, *before, *after;
};

/* Append the event.  Returns 0, or -1 with conn_error() set.  A connection that
 * is lost is made again; the event may then be there twice, with one id. */
int audit_put(struct conn *c, const struct audit *a);

#endif
