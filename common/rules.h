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
 * metric the first line that matches and names it counts, then --warn and
 * --crit, then the built-in thresholds:
 *
 *     lag=1000/10000 age=60s/10m errors=5%/25% dead=growth/10 memory=80%/90%
 *     consumers=1m/5m oldest=2/10 leases
 *
 * A figure is bad when it is above (>) its threshold; an unknown figure is
 * neither good nor bad, but makes the whole unknown.  errors is the part of
 * attempts that failed, of at least RULES_LEAST attempts in SURVEY_MINUTES;
 * consumers is how long nobody was there while there was something to do;
 * growth is lag per second; memory is the server's.
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
	RULES_LAG,       /* entries */
	RULES_AGE,       /* ms */
	RULES_PENDING,   /* entries; no threshold by default */
	RULES_OLDEST,    /* ms */
	RULES_DEAD,      /* dead letters */
	RULES_ERRORS,    /* percent */
	RULES_GROWTH,    /* entries per second; no threshold by default */
	RULES_MEMORY,    /* percent of the server's limit */
	RULES_CONSUMERS, /* ms */
	RULES_METRICS
};

enum rules_severity { RULES_OK, RULES_WARNING, RULES_CRITICAL, RULES_UNKNOWN };

/* A metric of a row (or the server: stream NULL) that was looked at. */
struct rules_finding {
	const struct survey_row *row; /* NULL: the server */
	enum rules_metric metric;
	enum rules_severity severity;
	double value;      /* NAN: unknown */
	double threshold;  /* that it is above, else the one it would be next */
	double warn, crit; /* NAN: none */
};

struct rules {
	struct rules_line *line; /* private */
	size_t count;
	struct buf texts;
	char error[256]; /* after a function returned -1: "path:line: what" */
};

/* Read a file of rules, the config's section, what --warn and --crit say.  Return
 * 0, or -1 with error set, which is the user's. */
int rules_load(struct rules *r, const char *path);
int rules_config(struct rules *r, const struct config *config);
int rules_options(struct rules *r, const char *warn, const char *crit);
void rules_release(struct rules *r);

/*
 * Look at every metric of every row, by its thresholds, and at the server's
 * memory (percent; NAN: unknown; negative: don't look).  `before` is the survey
 * before this one, for what grew (NULL: none; then nothing has grown).  Calls
 * found() for each, also if all is well.  Returns the worst severity, for which
 * UNKNOWN is worse than OK and better than WARNING.
 */
enum rules_severity
rules_check(const struct rules *r, const struct survey *now,
	    const struct survey *before, double memory,
	    void (*found)(void *arg, const struct rules_finding *f), void *arg);

const char *rules_metric_name(enum rules_metric metric); /* "lag" */
/* Append a value in the metric's unit, for people: "12.3k", "2m", "5%". */
void rules_put_value(struct buf *out, enum rules_metric metric, double value);

#endif
