#include <math.h>
#include <string.h>

#include "common/rules_state.h"
#include "common/text.h"

static const struct metric {
	const char *name;
	enum rules_unit unit;
} metrics[RULES_METRICS] = {
	[RULES_LAG] = { "lag", RULES_COUNT },
	[RULES_AGE] = { "age", RULES_MS },
	[RULES_PENDING] = { "pending", RULES_COUNT },
	[RULES_OLDEST] = { "oldest", RULES_MS },
	[RULES_DEAD] = { "dead", RULES_COUNT },
	[RULES_ERRORS] = { "errors", RULES_PERCENT },
	[RULES_GROWTH] = { "growth", RULES_PER_S },
	[RULES_MEMORY] = { "memory", RULES_PERCENT },
	[RULES_CONSUMERS] = { "consumers", RULES_MS },
};

static const struct rules_bounds none = { .warn = NAN, .crit = NAN };

/*
 * Which thresholds count
 */

static struct rules_bounds
built_in(enum rules_metric metric, int64_t lease_ms)
{
	switch (metric) {
	case RULES_LAG:
		return (struct rules_bounds){ true, false, 1000, 10000 };
	case RULES_AGE:
		return (struct rules_bounds){ true, false, 60e3, 600e3 };
	case RULES_OLDEST:
		return (struct rules_bounds){ true, false,
					      2.0 * (double)lease_ms,
					      10.0 * (double)lease_ms };
	case RULES_DEAD:
		return (struct rules_bounds){ true, true, NAN, 10 };
	case RULES_ERRORS:
		return (struct rules_bounds){ true, false, 5, 25 };
	case RULES_MEMORY:
		return (struct rules_bounds){ true, false, 80, 90 };
	case RULES_CONSUMERS:
		return (struct rules_bounds){ true, false, 60e3, 300e3 };
	case RULES_PENDING:
	case RULES_GROWTH:
	case RULES_METRICS:
		break;
	}
	return none;
}

static bool
has_any(const struct rules_bounds *b)
{
	return b->growth || !isnan(b->warn) || !isnan(b->crit);
}

static bool
matches(const char *glob, const char *name)
{
	return glob == NULL || text_glob(glob, name, strlen(name));
}

/* The thresholds of a row's metrics; of the server's, if row is NULL. */
static void
resolve(const struct rules *r, const struct survey_row *row, int64_t lease_ms,
	struct rules_bounds *out)
{
	size_t i, k;

	for (k = 0; k < RULES_METRICS; k++)
		out[k].named = false;
	for (i = 0; i < r->count; i++) {
		const struct rules_line *line = &r->line[i];

		if (row != NULL && (!matches(line->stream, row->stream) ||
				    !matches(line->group, row->group)))
			continue;
		for (k = 0; k < RULES_METRICS; k++)
			if (!out[k].named && line->bounds[k].named)
				out[k] = line->bounds[k];
	}
	for (k = 0; k < RULES_METRICS; k++)
		if (!out[k].named)
			out[k] = built_in((enum rules_metric)k, lease_ms);
}

uint64_t
rules_most_lag(const struct rules *r)
{
	double most = built_in(RULES_LAG, 0).crit;
	size_t i;

	for (i = 0; i < r->count; i++) {
		const struct rules_bounds *b = &r->line[i].bounds[RULES_LAG];

		if (b->warn > most)
			most = b->warn;
		if (b->crit > most)
			most = b->crit;
	}
	return most < 1e18 ? (uint64_t)most + 1 : UINT64_MAX;
}

bool
rules_has(const struct rules *r, enum rules_metric metric)
{
	struct rules_bounds b = built_in(metric, 0);
	size_t i;

	for (i = 0; i < r->count; i++)
		if (has_any(&r->line[i].bounds[metric]))
			return true;
	return has_any(&b);
}

/*
 * Looking
 */

static double
known(int64_t n)
{
	return n < 0 ? NAN : (double)n;
}

static double
error_percent(const struct survey_work *w)
{
	int64_t failed = w->retry + w->dead, all = w->ok + failed;

	if (w->ok < 0 || w->retry < 0 || w->dead < 0)
		return NAN;
	return all < RULES_LEAST ? 0 : 100.0 * (double)failed / (double)all;
}

/* How long nobody was heard while there was something to do; with no consumer,
 * as long as that has been there. */
static double
unattended_ms(const struct survey_row *row)
{
	if (row->lag == 0 && row->pending == 0)
		return 0;
	if (row->lag <= 0 && row->pending <= 0)
		return NAN;
	if (row->consumers != 0)
		return row->consumers < 0 ? NAN : known(row->silent_ms);
	return known(row->age_ms > row->oldest_ms ? row->age_ms
						  : row->oldest_ms);
}

static double
value_of(const struct survey_row *row, enum rules_metric metric)
{
	switch (metric) {
	case RULES_LAG:
		return known(row->lag);
	case RULES_AGE:
		return known(row->age_ms);
	case RULES_PENDING:
		return known(row->pending);
	case RULES_OLDEST:
		return known(row->oldest_ms);
	case RULES_DEAD:
		return known(row->dead);
	case RULES_ERRORS:
		return error_percent(&row->work);
	case RULES_GROWTH:
		return row->growth_per_s;
	case RULES_CONSUMERS:
		return unattended_ms(row);
	case RULES_MEMORY:
	case RULES_METRICS:
		break;
	}
	return NAN;
}

/* How many letters died lately, by what the workers counted or since before. */
static double
dead_grown(const struct survey_row *row, const struct survey *before)
{
	const struct survey_row *old =
		before != NULL ? survey_row(before, row->stream, row->group)
			       : NULL;
	double counted = known(row->work.dead), since = NAN;

	if (old != NULL && row->dead >= 0 && old->dead >= 0 && old->dead_exact)
		since = row->dead > old->dead ? (double)(row->dead - old->dead)
					      : 0;
	return isnan(counted) || since > counted ? since : counted;
}

static enum rules_severity
judge(const struct rules_finding *f)
{
	/* Comparisons with NAN are false. */
	if (f->value > f->crit)
		return RULES_CRITICAL;
	if (f->value > f->warn || f->grown > 0)
		return RULES_WARNING;
	if (isnan(f->value) || (f->growth && isnan(f->grown)) ||
	    (f->at_least && (!isnan(f->crit) || !isnan(f->warn))))
		return RULES_UNKNOWN;
	return RULES_OK;
}

struct look {
	const struct survey *before;
	void (*found)(void *arg, const struct rules_finding *f);
	void *arg;
	enum rules_severity worst;
};

static void
report(struct look *l, struct rules_finding *f)
{
	f->severity = judge(f);
	f->threshold = f->severity == RULES_CRITICAL ? f->crit
		       : f->severity == RULES_WARNING && f->value > f->warn
			       ? f->warn
		       : f->severity == RULES_WARNING ? NAN
		       : !isnan(f->warn)              ? f->warn
						      : f->crit;
	l->worst = rules_worse(l->worst, f->severity);
	l->found(l->arg, f);
}

static void
look_at_row(struct look *l, const struct survey_row *row,
	    const struct rules_bounds *bounds)
{
	int i;

	for (i = 0; i < RULES_METRICS; i++) {
		enum rules_metric metric = (enum rules_metric)i;
		const struct rules_bounds *b = &bounds[i];
		struct rules_finding f = {
			.row = row,
			.metric = metric,
			.warn = b->warn,
			.crit = b->crit,
			.growth = b->growth,
			.grown = NAN,
		};

		if (metric == RULES_MEMORY || !has_any(b))
			continue;
		f.value = value_of(row, metric);
		f.at_least = (metric == RULES_LAG && !row->lag_exact) ||
			     (metric == RULES_DEAD && !row->dead_exact);
		if (b->growth)
			f.grown = dead_grown(row, l->before);
		report(l, &f);
	}
}

static void
look_at_server(struct look *l, const struct rules_bounds *b, double memory)
{
	struct rules_finding f = {
		.metric = RULES_MEMORY,
		.value = memory,
		.warn = b->warn,
		.crit = b->crit,
		.grown = NAN,
	};

	if (has_any(b))
		report(l, &f);
}

enum rules_severity
rules_check(const struct rules *r, const struct survey *now,
	    const struct survey *before, double memory,
	    void (*found)(void *arg, const struct rules_finding *f), void *arg)
{
	struct look l = { before, found, arg, RULES_OK };
	struct rules_bounds bounds[RULES_METRICS];
	bool any = false;
	size_t i;

	for (i = 0; i < now->count; i++) {
		const struct survey_row *row = &now->row[i];
		struct rules_finding lost = {
			.row = row,
			.value = NAN,
			.warn = NAN,
			.crit = NAN,
			.grown = NAN,
		};

		if (row->error != NULL) {
			report(&l, &lost);
		} else if (row->group != NULL) {
			resolve(r, row, now->options->lease_ms, bounds);
			look_at_row(&l, row, bounds);
		} else {
			continue;
		}
		any = true;
	}
	if (!any)
		l.worst = RULES_UNKNOWN;
	resolve(r, NULL, now->options->lease_ms, bounds);
	if (!(memory < 0))
		look_at_server(&l, &bounds[RULES_MEMORY], memory);
	return l.worst;
}

enum rules_severity
rules_memory(const struct rules *r, double percent)
{
	struct rules_bounds bounds[RULES_METRICS];

	resolve(r, NULL, 0, bounds);
	return judge(&(struct rules_finding){
		.value = percent,
		.warn = bounds[RULES_MEMORY].warn,
		.crit = bounds[RULES_MEMORY].crit,
		.grown = NAN,
	});
}

enum rules_severity
rules_worse(enum rules_severity a, enum rules_severity b)
{
	static const int rank[] = {
		[RULES_OK] = 0,
		[RULES_UNKNOWN] = 1,
		[RULES_WARNING] = 2,
		[RULES_CRITICAL] = 3,
	};

	return rank[a] > rank[b] ? a : b;
}

const char *
rules_metric_name(enum rules_metric metric)
{
	return metrics[metric].name;
}

const char *
rules_severity_name(enum rules_severity severity)
{
	static const char *const names[] = { "ok", "warning", "critical",
					     "unknown" };

	return names[severity];
}

enum rules_unit
rules_unit(enum rules_metric metric)
{
	return metrics[metric].unit;
}

const char *
rules_unit_name(enum rules_unit unit)
{
	static const char *const names[] = { NULL, "ms", "%", "/s" };

	return names[unit];
}
