/*
 * dlq_report.h - what was done to dead letters, or would be, for people and for
 * the audit
 */
#ifndef COMMON_DLQ_REPORT_H
#define COMMON_DLQ_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/dlq.h"
#include "common/dlq_change.h"
#include "common/out.h"
#include "common/select.h"

/* Append what chose the dead letters, as a JSON object. */
void dlq_report_select(struct buf *out, const struct dlq *d,
		       const struct dlq_options *o,
		       const struct select_options *select, bool input);

/* Print a line for each place that dead letters went to, or would go to, and
 * warn of what was refused.  Returns how many were. */
uint64_t dlq_report_print(const struct dlq_change *c, struct out *out);

/* Add the event of the change (audit.h).  Returns 0, or -1 after a warning. */
int dlq_report_audit(struct dlq_change *c, const char *select,
		     const char *group);

#endif
