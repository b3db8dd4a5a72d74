/*
 * view.h - what a look has found, in the form that was asked for
 *
 * The forms are table, ndjson, prometheus and nagios; a view goes to an output,
 * or replaces a file.
 */
#ifndef COMMON_VIEW_H
#define COMMON_VIEW_H

#include <stdbool.h>

#include "common/health.h"
#include "common/joblist.h"
#include "common/out.h"
#include "common/rules_print.h"
#include "common/sample.h"

enum view_kind {
	VIEW_SURVEY, /* a row per group */
	VIEW_CHECK,  /* a finding per row and metric */
	VIEW_HEALTH, /* a check of the server each */
	VIEW_JOBS,   /* a row per job */
	VIEW_KINDS
};

struct view {
	enum view_kind kind;
	const struct view_form *form;
	const char *to; /* a file; NULL: out */
	bool rates;     /* are worth a column */

	const struct sample *sample;
	const struct rules_list *found; /* for VIEW_CHECK, and as nagios */
	const struct health *health;    /* for VIEW_HEALTH */
	const struct joblist *jobs;     /* for VIEW_JOBS */
	const char *away; /* why the server could not be asked; NULL: it was */
};

/* NULL if there is no form of that name, or not for this kind. */
const struct view_form *view_form(const char *name, enum view_kind kind);
bool view_is(const struct view *v, const char *name);

/*
 * Print and flush.  If the server is away, prometheus and nagios tell so and the
 * others print nothing and leave the file as it is.  Returns 0, or -1: out's
 * error is set, or the file's was said.
 */
int view_print(const struct view *v, struct out *out);

#endif
