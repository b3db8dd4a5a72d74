/*
 * rewind_report.h - what moving a group does, for people and for the audit
 */
#ifndef COMMON_REWIND_REPORT_H
#define COMMON_REWIND_REPORT_H

#include <stdbool.h>

#include "common/out.h"
#include "common/rewind.h"

/* Print the plan, or what was done. */
void rewind_report_print(const struct rewind *w, bool done, struct out *out);

/* Print the command that puts the group back where it was; the words are those of
 * the command line (again.h) without what says where to. */
void rewind_report_undo(const struct rewind *w, const char *words,
			struct out *out);

/* Warn of the consumers that are at work. */
void rewind_report_active(const struct rewind *w);

/* Add the event of the change (audit.h).  Returns 0, or -1 after a warning. */
int rewind_report_audit(struct rewind *w);

#endif
