/*
 * rules.h - thresholds: from when on a figure is a warning, or critical
 *
 * A file of rules, or the section [rules] of the config file, has lines
 *
 *     orders            = lag=1000/10000 age=60s/10m
 *     orders billing    = errors=5%/25%
 *     *                 = dead=-/10 consumers=1m/5m
 *
 * "STREAM-GLOB [GROUP-GLOB] = METRIC=WARNING/CRITICAL …", "-" for none.  For each
 * metric the first line that matches and names it counts, with those of --warn
 * and --crit before all, then those of --rules, of the config file, and the
 * built-in thresholds:
 *
 *     lag=1000/10000 age=60s/10m errors=5%/25% dead=growth/10 memory=80%/90%
 *     consumers=1m/5m oldest=2/10 leases
 *
 * A figure is bad when it is above (>) its threshold; an unknown figure is
 * neither good nor bad, but makes the whole unknown.  One that is known to be at
 * least so many is unknown as long as that is not above a threshold.
 *
 *     errors     the part of attempts that failed, of at least RULES_LEAST
 *                attempts in SURVEY_MINUTES
 *     dead       all dead letters that the group left; the warning `growth` is
 *                for any that came in SURVEY_MINUTES or since the survey before
 *     consumers  how long nobody was heard while there is something to do
 *     growth     of the lag, per second
 *     memory     the server's: of any line, whatever its globs
 */
#ifndef COMMON_RULES_H
#define COMMON_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/config.h"
#include "common/opt.h"
#include "common/survey.h"

enum { RULES_LEAST = 20 };

enum rules_metric {
	RULES_LAG,
	RULES_AGE,
	RULES_PENDING, /* no threshold by default */
	RULES_OLDEST,
	RULES_DEAD,
	RULES_ERRORS,
	RULES_GROWTH, /* no threshold by default */
	RULES_MEMORY,
	RULES_CONSUMERS,
	RULES_METRICS
};

/* What values and thresholds count. */
enum rules_unit { RULES_COUNT, RULES_MS, RULES_PERCENT, RULES_PER_S };

enum rules_severity { RULES_OK, RULES_WARNING, RULES_CRITICAL, RULES_UNKNOWN };

/* A metric of a row (or the server: stream NULL) that was looked at. */
struct rules_finding {
	const struct survey_row *row; /* NULL: the server */
	enum rules_metric metric;
	enum rules_severity severity;
	double value;      /* NAN: unknown */
	bool at_least;     /* the value, of lag and dead */
	double threshold;  /* that it is above, else the one it would be next;
			    * NAN: there is none */
	double warn, crit; /* NAN: none */
	bool growth;       /* of dead: its warning is for any growth, … */
	double grown;      /* … which is so many; NAN: unknown */
};

struct rules {
	struct rules_line *line; /* private */
	size_t count;
	char error[256]; /* after a function returned -1: "path:line: what" */
};

struct rules_options {
	const char *warn, *crit; /* "lag=1000,age=60s"; NULL: nothing */
	const char *path;        /* a file of rules; NULL: none */
};

#define OPT_RULES(o)                                          \
	OPT_TEXT(0, "warn", "LIST", &(o)->warn,               \
		 "warn above lag=1000,age=60s,…"),            \
		OPT_TEXT(0, "crit", "LIST", &(o)->crit,       \
			 "critical above lag=10k,age=10m,…"), \
		OPT_TEXT(0, "rules", "FILE", &(o)->path,      \
			 "thresholds by stream and group")

/*
 * Take the options, their file, and the config's section.  A metric that --warn
 * or --crit names has the thresholds that are given there, and no other.
 * Returns 0, or -1 with error set, which is the user's.
 */
int rules_open(struct rules *r, const struct rules_options *o,
	       const struct config *config);
void rules_release(struct rules *r);

/* So many entries must be counted to tell any lag from its thresholds. */
uint64_t rules_most_lag(const struct rules *r);

/* Whether a metric has a threshold anywhere, built-in ones included. */
bool rules_has(const struct rules *r, enum rules_metric metric);

/*
 * Look at every metric of every row that has thresholds, and at the server's
 * memory (percent; NAN: unknown; negative: don't look).  `before` is the survey
 * before this one, for what grew (NULL: none).  Calls found() for each, also if
 * all is well, in the order of rows; a row with an error is one finding, that
 * its lag is unknown, and rows without a group are passed over.  Returns the
 * worst severity, for which UNKNOWN is worse than OK and better than WARNING;
 * UNKNOWN also if there was no row to look at.
 */
enum rules_severity
rules_check(const struct rules *r, const struct survey *now,
	    const struct survey *before, double memory,
	    void (*found)(void *arg, const struct rules_finding *f), void *arg);

/* The worse of two, in that order. */
enum rules_severity rules_worse(enum rules_severity a, enum rules_severity b);

/* What rules_check() would say of the server's memory alone. */
enum rules_severity rules_memory(const struct rules *r, double percent);

const char *rules_metric_name(enum rules_metric metric); /* "lag" */
enum rules_unit rules_unit(enum rules_metric metric);
const char *rules_unit_name(enum rules_unit unit); /* "ms"; NULL for counts */
const char *rules_severity_name(enum rules_severity severity); /* "warning" */

#endif
