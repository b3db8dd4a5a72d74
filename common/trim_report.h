/*
 * trim_report.h - what was removed, or would be, for people, programs and the
 * audit
 */
#ifndef COMMON_TRIM_REPORT_H
#define COMMON_TRIM_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/out.h"
#include "common/select.h"
#include "common/trim.h"
#include "common/trim_delete.h"

struct trim_report {
	struct out *out;
	struct conn *conn;  /* for the audit */
	const char *select; /* a JSON object: what chose the entries */
	bool ndjson, plan, audit, force;
};

/*
 * Print a line for a stream, warn of groups that hold something back or lose it,
 * and add the event of the change (audit.h) if there was one.  Return 0, or -1
 * after a warning if that failed.
 */
int trim_report_run(const struct trim_report *r, const struct trim *t,
		    const struct trim_result *res);
int trim_report_delete(const struct trim_report *r,
		       const struct trim_delete *d);
/* `n` consumers or scheduled events. */
int trim_report_reap(const struct trim_report *r, const char *stream,
		     uint64_t n);
int trim_report_cancel(const struct trim_report *r, const char *stream,
		       uint64_t n);

/* What chose the entries, as a JSON object that replaces what is in `out`: limits
 * and where they are archived (NULL: nowhere); or a selection of a range of ids,
 * or of ids on standard input. */
void trim_report_limits(struct buf *out, const struct trim_limits *l,
			const char *archive, bool force);
void trim_report_select(struct buf *out, const struct select_options *o,
			struct id first, struct id last, bool ids, bool force);

#endif
