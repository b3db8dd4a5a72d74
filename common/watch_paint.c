#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/judge.h"
#include "common/mem.h"
#include "common/table.h"
#include "common/watch_paint.h"
#include "common/when.h"

enum {
	HEAD = 3, /* lines: header, state, titles */
	HELP = 4,
	TREND = 8, /* characters, and on a wide screen */
	TREND_WIDE = 16,
	WIDE = 120
};

struct watch_row {
	const struct survey_row *row;
	double rank; /* the highest is shown first */
	size_t place;
};

static const struct {
	char letter;
	const char *name;
} orders[] = {
	[WATCH_BY_LAG] = { 'l', "lag" },
	[WATCH_BY_AGE] = { 'a', "age" },
	[WATCH_BY_NAME] = { 'n', "name" },
	[WATCH_BY_VERDICT] = { 'v', "verdict" },
	[WATCH_BY_IN] = { 'i', "in" },
	[WATCH_BY_OUT] = { 'o', "out" },
	[WATCH_BY_DEAD] = { 'd', "dead" },
};

int
watch_order_of(int key)
{
	int i;

	for (i = 0; i < WATCH_ORDERS; i++)
		if (orders[i].letter == key)
			return i;
	return -1;
}

/*
 * Rows in their order
 */

/* How bad a verdict is. */
static int
badness(enum survey_verdict verdict)
{
	static const int rank[] = {
		[SURVEY_NO_VERDICT] = 0,    [SURVEY_OK] = 1,
		[SURVEY_REWOUND] = 2,       [SURVEY_GROWING] = 3,
		[SURVEY_STUCK_PENDING] = 4, [SURVEY_STALLED] = 5,
		[SURVEY_STOPPED] = 6,       [SURVEY_NO_CONSUMERS] = 7,
	};

	return rank[verdict];
}

static double
rank_of(const struct survey_row *row, enum watch_order order)
{
	switch (order) {
	case WATCH_BY_LAG:
		return (double)row->lag;
	case WATCH_BY_AGE:
		return (double)row->age_ms;
	case WATCH_BY_VERDICT:
		return badness(row->verdict);
	case WATCH_BY_IN:
		return isnan(row->in_per_s) ? -1 : row->in_per_s;
	case WATCH_BY_OUT:
		return isnan(row->out_per_s) ? -1 : row->out_per_s;
	case WATCH_BY_DEAD:
		return (double)row->dead;
	case WATCH_BY_NAME:
	case WATCH_ORDERS:
		break;
	}
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct watch_row *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void
sort_rows(struct watch_page *p)
{
	const struct survey *s = &p->sample->survey;
	size_t i;

	p->row = xreallocarray(p->row, s->count + 1, sizeof(*p->row));
	for (i = 0; i < s->count; i++)
		p->row[i] = (struct watch_row){
			.row = &s->row[i],
			.rank = rank_of(&s->row[i], p->order),
			.place = i,
		};
	qsort(p->row, s->count, sizeof(*p->row), compare);
	for (i = 0; p->reverse && i < s->count / 2; i++) {
		struct watch_row other = p->row[s->count - 1 - i];

		p->row[s->count - 1 - i] = p->row[i];
		p->row[i] = other;
	}
}

/*
 * Above the table
 */

static void
put_sgr(const struct watch_page *p, struct buf *out, const char *sgr)
{
	if (p->colour)
		buf_addf(out, "\033[%sm", sgr);
}

static void
put_number(struct buf *out, size_t n, const char *what)
{
	buf_addf(out, "  %zu %s%s", n, what, n == 1 ? "" : "s");
}

static void
put_memory(const struct health_memory *m, struct buf *out)
{
	char used[TABLE_SHORT], limit[TABLE_SHORT];

	if (m->used <= 0)
		return;
	buf_addf(out, "  memory %s", table_put_size(used, m->used));
	if (m->limit > 0)
		buf_addf(out, " of %s", table_put_size(limit, m->limit));
}

static void
put_header(const struct watch_page *p, struct buf *out)
{
	const struct survey *s = &p->sample->survey;
	enum survey_verdict worst = SURVEY_NO_VERDICT;
	size_t streams = 0, groups = 0, i;
	char time[WHEN_TEXT] = "2026-11-20T--:--:--";

	for (i = 0; i < s->count; i++) {
		streams += i == 0 || s->row[i].stream != s->row[i - 1].stream;
		groups += s->row[i].group != NULL;
		if (badness(s->row[i].verdict) > badness(worst))
			worst = s->row[i].verdict;
	}
	if (p->sample->now_ms != 0)
		when_put(time, p->sample->now_ms);
	put_sgr(p, out, "1");
	buf_addf(out, "%s", diag_program());
	put_sgr(p, out, "0");
	buf_addf(out, "  %.8s UTC", time + strlen("2026-11-20T"));
	put_number(out, streams, "stream");
	put_number(out, groups, "group");
	if (worst != SURVEY_NO_VERDICT) {
		buf_adds(out, "  ");
		put_sgr(p, out,
			worst == SURVEY_OK    ? "32"
			: badness(worst) <= 3 ? "33"
					      : "31");
		buf_adds(out, survey_verdict_name(worst));
		put_sgr(p, out, "0");
	}
	put_memory(&p->sample->memory, out);
	buf_addf(out, "  %s\n", p->server != NULL ? p->server : "");
}

static size_t
count_of(const struct watch_page *p)
{
	return p->jobs != NULL ? p->jobs->count : p->sample->survey.count;
}

/* What is shown, or what is wrong. */
static void
put_state(const struct watch_page *p, struct buf *out)
{
	size_t count = count_of(p), room = watch_room(p);
	size_t last = count - p->top < room ? count : p->top + room;

	if (p->away != NULL) {
		put_sgr(p, out, "31");
		buf_addf(out, "away: %s", p->away);
		put_sgr(p, out, "0");
		buf_addc(out, '\n');
		return;
	}
	put_sgr(p, out, "2");
	if (p->sample->now_ms == 0)
		buf_adds(out, "asking");
	else if (count == 0)
		buf_adds(out, p->jobs != NULL ? "no jobs" : "no streams");
	else
		buf_addf(out, "%zu-%zu of %zu", p->top + 1, last, count);
	if (p->jobs != NULL && p->jobs->more != 0)
		buf_addf(out, " (and %llu more)",
			 (unsigned long long)p->jobs->more);
	if (p->jobs == NULL && count != 0)
		buf_addf(out, " by %s%s", orders[p->order].name,
			 p->reverse ? ", reversed" : "");
	buf_addf(out, "%s  q quit  ? help", p->paused ? "  PAUSED" : "");
	put_sgr(p, out, "0");
	buf_addc(out, '\n');
}

/*
 * The table
 */

static const char *const bars[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
enum { BARS = sizeof(bars) / sizeof(bars[0]) };

void
watch_put_trend(struct buf *out, const double *value, size_t count,
		size_t width)
{
	double largest = 0;
	size_t i;

	if (count > width) {
		value += count - width;
		count = width;
	}
	for (i = 0; i < count; i++)
		if (value[i] > largest)
			largest = value[i];
	buf_addf(out, "%*s", (int)(width - count), "");
	for (i = 0; i < count; i++) {
		if (isnan(value[i]))
			buf_addc(out, ' ');
		else if (value[i] <= 0)
			buf_adds(out, bars[0]);
		else
			buf_adds(out, bars[(size_t)(value[i] / largest *
						    (BARS - 1))]);
	}
}

static void
add_trend(struct table *t, const double *value, size_t count, size_t width)
{
	struct buf text = { 0 };

	watch_put_trend(&text, value, count, width);
	table_text(t, TABLE_PLAIN, text.data, text.len);
	buf_release(&text);
}

static void
add_trends(struct table *t, const struct watch_page *p,
	   const struct survey_row *row, bool of_lag)
{
	size_t width = p->columns < WIDE ? TREND : TREND_WIDE, n, i;
	double value[TREND_WIDE], other[TREND_WIDE];
	int64_t lag[TREND_WIDE];

	if (of_lag) {
		n = judge_lags(p->sample->judge, row, lag, width);
		for (i = 0; i < n; i++)
			value[i] = lag[i] < 0 ? (double)NAN : (double)lag[i];
	} else {
		n = judge_rates(p->sample->judge, row, value, other, width);
	}
	add_trend(t, value, n, width);
}

/* Columns, and how soon they are spared where lines are narrow. */
static const struct table_column columns[] = {
	{ "STREAM", false, true },   { "GROUP", false, true },
	{ "LAG", true, false },      { "TREND", true, false },
	{ "AGE", true, false },      { "PEND", true, false },
	{ "OLDEST", true, false },   { "RETRY", true, false },
	{ "DEAD", true, false },     { "CONS", true, false },
	{ "IN/s", true, false },     { "IN", true, false },
	{ "OUT/s", true, false },    { "ETA", true, false },
	{ "VERDICT", false, false }, { "REASON", false, true },
};
static const unsigned char spare[] = { 0, 0, 0, 0, 0, 0, 5, 4,
				       0, 3, 1, 7, 2, 6, 0, 9 };

static void
add_row(struct table *t, const struct watch_page *p,
	const struct survey_row *row)
{
	enum table_look look = badness(row->verdict) > 3    ? TABLE_BAD
			       : badness(row->verdict) == 1 ? TABLE_GOOD
			       : badness(row->verdict) == 0 ? TABLE_PLAIN
							    : TABLE_WARNING;
	const char *verdict = survey_verdict_name(row->verdict);
	char text[TABLE_SHORT];

	table_text(t, TABLE_PLAIN, row->stream, strlen(row->stream));
	if (row->group == NULL)
		table_none(t);
	else
		table_text(t, TABLE_PLAIN, row->group, strlen(row->group));
	if (row->lag > 0 && !row->lag_exact)
		table_f(t, TABLE_PLAIN, "≥%s", table_put_count(text, row->lag));
	else
		table_count(t, TABLE_PLAIN, row->lag);
	add_trends(t, p, row, true);
	table_age(t, TABLE_PLAIN, row->age_ms);
	table_count(t, TABLE_PLAIN, row->pending);
	table_age(t, TABLE_PLAIN, row->oldest_ms);
	table_count(t, TABLE_PLAIN, row->retrying);
	if (row->dead > 0 && !row->dead_exact)
		table_f(t, TABLE_PLAIN, "≥%s",
			table_put_count(text, row->dead));
	else
		table_count(t, TABLE_PLAIN, row->dead);
	table_count(t, TABLE_PLAIN, row->consumers);
	table_rate(t, TABLE_PLAIN, row->in_per_s);
	add_trends(t, p, row, false);
	table_rate(t, TABLE_PLAIN, row->out_per_s);
	table_age(t, TABLE_PLAIN, row->eta_ms);
	table_text(t, look, verdict, strlen(verdict));
	table_text(t, TABLE_DIM, row->reason, strlen(row->reason));
}

static void
put_groups(const struct watch_page *p, size_t room, struct out *out)
{
	struct table t;
	size_t i;

	table_init(&t, columns, sizeof(spare));
	t.spare = spare;
	for (i = p->top; i < count_of(p) && i - p->top < room; i++)
		add_row(&t, p, p->row[i].row);
	table_print(&t, p->columns, p->colour, out);
	table_release(&t);
}

static void
put_help(struct buf *out)
{
	buf_adds(out,
		 "\nsort by  l lag  a age  n name  v verdict  i in  o out  "
		 "d dead   r reverse\n"
		 "scroll   j k, arrows, PgUp PgDn, g first  G last\n"
		 "         p pause   ? this help   q quit\n");
}

size_t
watch_room(const struct watch_page *p)
{
	size_t taken = HEAD + (p->help ? HELP : 0);

	return p->rows > taken ? p->rows - taken : 1;
}

void
watch_paint(struct watch_page *p, struct buf *out)
{
	struct out lines = { .fd = -1, .terminator = '\n' };
	size_t count = count_of(p), room = watch_room(p);

	if (p->top + room > count)
		p->top = count > room ? count - room : 0;
	put_header(p, out);
	put_state(p, out);
	if (p->jobs != NULL) {
		joblist_print_table(p->jobs, p->top, room, p->columns,
				    p->colour, &lines);
	} else if (count != 0) {
		sort_rows(p);
		put_groups(p, room, &lines);
	}
	buf_add(out, lines.buf.data, lines.buf.len);
	buf_release(&lines.buf);
	if (p->help)
		put_help(out);
}

void
watch_page_release(struct watch_page *p)
{
	free(p->row);
	p->row = NULL;
}
