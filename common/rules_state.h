/*
 * rules_state.h - what rules.h's parts share
 */
#ifndef COMMON_RULES_STATE_H
#define COMMON_RULES_STATE_H

#include <stdbool.h>

#include "common/rules.h"

/* The thresholds of one metric. */
struct rules_bounds {
	bool named, growth;
	double warn, crit;
};

struct rules_line {
	char *stream, *group; /* globs; NULL: any */
	struct rules_bounds bounds[RULES_METRICS];
};

#endif
