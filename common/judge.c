#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/judge.h"
#include "common/mem.h"
#include "common/table.h"

enum { KEPT_MS = 60000 };

struct sample {
	int64_t ms;
	bool fresh; /* not to be compared with the one before */
	int64_t added, length, lag, age_ms, pending;
	bool lag_exact;
	struct id first, generated, delivered;
};

/* The past of one row: a ring. */
struct track {
	char *stream, *group;
	struct sample sample[JUDGE_SAMPLES];
	size_t start, count;
};

struct judge {
	const struct survey_options *options;
	struct track **track; /* in the order of the survey's rows */
	size_t count;
};

struct judge *
judge_open(const struct survey_options *options)
{
	struct judge *j = xcalloc(1, sizeof(*j));

	j->options = options;
	return j;
}

static void
track_free(struct track *t)
{
	free(t->stream);
	free(t->group);
	free(t);
}

void
judge_close(struct judge *j)
{
	size_t i;

	if (j == NULL)
		return;
	for (i = 0; i < j->count; i++)
		track_free(j->track[i]);
	free(j->track);
	free(j);
}

/* As survey_row() has the rows in order. */
static int
compare(const struct track *t, const struct survey_row *row)
{
	int order = strcmp(t->stream, row->stream);

	if (order != 0)
		return order;
	if (t->group == NULL || row->group == NULL)
		return (t->group != NULL) - (row->group != NULL);
	return strcmp(t->group, row->group);
}

static const struct sample *
sample_at(const struct track *t, size_t i)
{
	return &t->sample[(t->start + i) % JUDGE_SAMPLES];
}

static struct sample *
newest(struct track *t)
{
	return &t->sample[(t->start + t->count - 1) % JUDGE_SAMPLES];
}

/* The first sample that the newest one may be compared with. */
static size_t
base_of(const struct track *t)
{
	size_t i = t->count - 1;

	while (i > 0 && !sample_at(t, i)->fresh)
		i--;
	return i;
}

/* The stream was deleted and made anew. */
static bool
is_replaced(const struct sample *before, const struct sample *now)
{
	return id_compare(now->generated, before->generated) < 0 ||
	       (before->added >= 0 && now->added >= 0 &&
		now->added < before->added);
}

static bool
is_rewound(const struct sample *before, const struct sample *now)
{
	return !is_replaced(before, now) &&
	       id_compare(now->delivered, before->delivered) < 0;
}

/* Keep one more; returns whether the group was moved back since the last. */
static bool
keep(struct track *t, const struct survey_row *row, int64_t now_ms)
{
	struct sample s = {
		.ms = now_ms,
		.added = row->added,
		.length = row->length,
		.lag = row->lag,
		.age_ms = row->age_ms,
		.pending = row->pending,
		.lag_exact = row->lag_exact,
		.first = row->first,
		.generated = row->generated,
		.delivered = row->delivered,
	};
	bool rewound = false;

	if (t->count != 0) {
		rewound = is_rewound(newest(t), &s);
		s.fresh = rewound || is_replaced(newest(t), &s) ||
			  now_ms <= newest(t)->ms;
	}
	while (t->count > 1 && now_ms - sample_at(t, 0)->ms > KEPT_MS) {
		t->start = (t->start + 1) % JUDGE_SAMPLES;
		t->count--;
	}
	if (t->count == JUDGE_SAMPLES)
		t->start = (t->start + 1) % JUDGE_SAMPLES;
	else
		t->count++;
	*newest(t) = s;
	return rewound;
}

/* Entries per second that came in; NAN: unknown.  Without the server's counter,
 * the length tells while nothing was cut off. */
static double
in_rate(const struct sample *a, const struct sample *b)
{
	double s = (double)(b->ms - a->ms) / 1000;

	if (a->added >= 0 && b->added >= a->added)
		return (double)(b->added - a->added) / s;
	if (a->added < 0 && b->added < 0 && a->length > 0 &&
	    b->length >= a->length && id_compare(a->first, b->first) == 0)
		return (double)(b->length - a->length) / s;
	return (double)NAN;
}

static double
growth_rate(const struct sample *a, const struct sample *b)
{
	if (a->lag < 0 || b->lag < 0 || !a->lag_exact || !b->lag_exact)
		return (double)NAN;
	return (double)(b->lag - a->lag) * 1000 / (double)(b->ms - a->ms);
}

/* What came in and is not lag by now went out.  Counters and lags are not of
 * exactly the same moment. */
static double
out_rate(const struct sample *a, const struct sample *b)
{
	double rate = in_rate(a, b) - growth_rate(a, b);

	return rate < 0 ? 0 : rate;
}

static void
set_rates(struct survey_row *row, const struct track *t)
{
	const struct sample *a = sample_at(t, base_of(t)),
			    *b = sample_at(t, t->count - 1);
	double seconds;

	if (row->lag == 0)
		row->eta_ms = 0;
	if (a == b)
		return;
	row->in_per_s = in_rate(a, b);
	row->growth_per_s = growth_rate(a, b);
	row->out_per_s = out_rate(a, b);
	if (row->lag <= 0 || !(row->out_per_s > row->in_per_s))
		return;
	seconds = (double)row->lag / (row->out_per_s - row->in_per_s);
	if (seconds < 1e12)
		row->eta_ms = (int64_t)(seconds * 1000);
}

/* It never fell, and the first entry that waits has waited longer by more than
 * a hundredth of the time: a few entries on their way are no growth. */
static bool
is_growing(const struct track *t)
{
	size_t base = base_of(t), i;
	const struct sample *a = sample_at(t, base),
			    *b = sample_at(t, t->count - 1);

	if (a == b || a->lag < 0 || b->lag <= a->lag)
		return false;
	for (i = base + 1; i < t->count; i++)
		if (sample_at(t, i)->lag < sample_at(t, i - 1)->lag)
			return false;
	return a->age_ms < 0 || b->age_ms < 0 ||
	       b->age_ms - a->age_ms > (b->ms - a->ms) / 100;
}

/* For how long nothing has moved though something waits; 0. */
static int64_t
stalled_ms(const struct track *t)
{
	const struct sample *b = sample_at(t, t->count - 1);
	size_t base = base_of(t), i = t->count - 1;

	if (b->lag <= 0)
		return 0;
	for (; i > base; i--) {
		const struct sample *a = sample_at(t, i - 1);

		if (a->lag <= 0 || a->pending != b->pending ||
		    id_compare(a->delivered, b->delivered) != 0)
			break;
	}
	return b->ms - sample_at(t, i)->ms;
}

/* What waits has waited for longer than a lease, as far as is known: a reader
 * that was blocked for long may have been woken just now. */
static bool
has_waited(const struct survey_row *row, int64_t lease_ms)
{
	if (row->lag > 0 && (row->age_ms < 0 || row->age_ms > lease_ms))
		return true;
	return row->pending > 0 &&
	       (row->oldest_ms < 0 || row->oldest_ms > lease_ms);
}

static enum survey_verdict
verdict_of(const struct survey_row *row, const struct track *t, bool rewound,
	   int64_t lease_ms)
{
	int64_t patience = lease_ms < KEPT_MS / 2 ? lease_ms : KEPT_MS / 2;

	if (rewound)
		return SURVEY_REWOUND;
	if (row->consumers == 0)
		return row->lag > 0 || row->pending > 0 ? SURVEY_NO_CONSUMERS
							: SURVEY_OK;
	if (row->silent_ms > lease_ms && has_waited(row, lease_ms))
		return SURVEY_STOPPED;
	if (row->pending > 0 && row->oldest_ms / 2 > lease_ms)
		return SURVEY_STUCK_PENDING;
	if (stalled_ms(t) >= patience)
		return SURVEY_STALLED;
	return is_growing(t) ? SURVEY_GROWING : SURVEY_OK;
}

static void
explain(struct survey_row *row, const struct track *t)
{
	char count[TABLE_SHORT], age[TABLE_SHORT], id[ID_TEXT];
	char *out = row->reason;
	size_t size = sizeof(row->reason);
	const struct sample *a = sample_at(t, base_of(t));

	switch (row->verdict) {
	case SURVEY_REWOUND:
		id_put(id, row->delivered);
		snprintf(out, size, "moved back to %s", id);
		break;
	case SURVEY_NO_CONSUMERS:
		snprintf(out, size, "nobody there, %s%s waiting",
			 row->lag > 0 && !row->lag_exact ? "≥" : "",
			 table_put_count(count, (row->lag > 0 ? row->lag : 0) +
							row->pending));
		break;
	case SURVEY_STOPPED:
		snprintf(out, size, "consumers are silent for %s",
			 table_put_age(age, row->silent_ms));
		break;
	case SURVEY_STUCK_PENDING:
		snprintf(out, size, "pending, and not renewed for %s",
			 table_put_age(age, row->oldest_ms));
		break;
	case SURVEY_STALLED:
		snprintf(out, size, "nothing moved for %s",
			 table_put_age(age, stalled_ms(t)));
		break;
	case SURVEY_GROWING:
		snprintf(out, size, "%s more than %s ago",
			 table_put_count(count, row->lag - a->lag),
			 table_put_age(age,
				       sample_at(t, t->count - 1)->ms - a->ms));
		break;
	case SURVEY_OK:
	case SURVEY_NO_VERDICT:
		snprintf(out, size, "%s", row->unknown);
		break;
	}
}

static void
judge_row(const struct judge *j, struct survey_row *row, struct track *t,
	  int64_t now_ms)
{
	bool rewound;

	if (row->group == NULL || row->error != NULL) {
		t->count = 0;
		row->verdict = SURVEY_NO_VERDICT;
		snprintf(row->reason, sizeof(row->reason), "%s",
			 row->error != NULL ? row->error : "no group");
		return;
	}
	rewound = keep(t, row, now_ms);
	set_rates(row, t);
	row->verdict = verdict_of(row, t, rewound, j->options->lease_ms);
	explain(row, t);
}

static struct track *
new_track(const struct survey_row *row)
{
	struct track *t = xcalloc(1, sizeof(*t));

	t->stream = xstrdup(row->stream);
	t->group = row->group != NULL ? xstrdup(row->group) : NULL;
	return t;
}

/* Rows and tracks are in the same order: those of rows that are gone end. */
void
judge_take(struct judge *j, struct survey *s)
{
	struct track **next = xcalloc(s->count + 1, sizeof(struct track *));
	size_t old = 0, i;

	for (i = 0; i < s->count; i++) {
		int order = -1;

		while (old < j->count &&
		       (order = compare(j->track[old], &s->row[i])) < 0)
			track_free(j->track[old++]);
		if (old < j->count && order == 0)
			next[i] = j->track[old++];
		else
			next[i] = new_track(&s->row[i]);
		judge_row(j, &s->row[i], next[i], s->now_ms);
	}
	while (old < j->count)
		track_free(j->track[old++]);
	free(j->track);
	j->track = next;
	j->count = s->count;
}

static const struct track *
find(const struct judge *j, const struct survey_row *row)
{
	size_t low = 0, high = j->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(j->track[middle], row);

		if (order == 0)
			return j->track[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

size_t
judge_lags(const struct judge *j, const struct survey_row *row, int64_t *lag,
	   size_t most)
{
	const struct track *t = find(j, row);
	size_t n = t != NULL ? t->count : 0, i;

	if (n > most)
		n = most;
	for (i = 0; i < n; i++)
		lag[i] = sample_at(t, t->count - n + i)->lag;
	return n;
}

size_t
judge_rates(const struct judge *j, const struct survey_row *row,
	    double *in_per_s, double *out_per_s, size_t most)
{
	const struct track *t = find(j, row);
	size_t n = t != NULL && t->count > 1 ? t->count - 1 : 0, i;

	if (n > most)
		n = most;
	for (i = 0; i < n; i++) {
		const struct sample *b = sample_at(t, t->count - n + i),
				    *a = sample_at(t, t->count - n + i - 1);

		in_per_s[i] = b->fresh ? (double)NAN : in_rate(a, b);
		out_per_s[i] = b->fresh ? (double)NAN : out_rate(a, b);
	}
	return n;
}
