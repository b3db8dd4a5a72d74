#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rules_print.h"
#include "common/table.h"
#include "common/text.h"

/* Nagios takes 8 KiB in all. */
enum {
	HEADLINE_MAX = 1024,
	FIGURES_MAX = 4096,
	REST_MAX = 2048,
	NAME_MAX_SHOWN = 256
};

static void
keep(void *arg, const struct rules_finding *f)
{
	struct rules_list *l = arg;

	if (l->count == l->cap) {
		l->cap = mem_grow(l->cap, l->count + 64);
		l->finding =
			xreallocarray(l->finding, l->cap, sizeof(*l->finding));
	}
	l->finding[l->count++] = *f;
}

void
rules_list_check(struct rules_list *l, const struct rules *r,
		 const struct survey *now, const struct survey *before,
		 double memory)
{
	l->count = 0;
	l->worst = rules_check(r, now, before, memory, keep, l);
}

void
rules_list_release(struct rules_list *l)
{
	free(l->finding);
	*l = (struct rules_list){ 0 };
}

/*
 * Parts of texts
 */

void
rules_put_plain(struct buf *out, const char *text)
{
	size_t left = strlen(text), shown = 0;

	while (left != 0 && shown < NAME_MAX_SHOWN) {
		size_t valid = text_utf8_prefix(text, left < 4 ? left : 4);
		size_t n = text_utf8_len(text, valid);

		if (n == 0 || text_is_control(text, n) || *text == '|')
			buf_addc(out, '?');
		else
			buf_add(out, text, n);
		n += n == 0;
		text += n;
		left -= n;
		shown += n;
	}
	if (left != 0)
		buf_adds(out, "…");
}

void
rules_put_number(struct buf *out, const char *name, double value)
{
	if (isnan(value))
		return;
	buf_addf(out, ",\"%s\":", name);
	buf_add_number(out, value);
}

void
rules_put_value(struct buf *out, enum rules_metric metric, double value)
{
	char text[TABLE_SHORT];

	switch (rules_unit(metric)) {
	case RULES_COUNT:
		buf_adds(out, table_put_count(text, (int64_t)value));
		break;
	case RULES_MS:
		buf_adds(out, table_put_age(text, (int64_t)value));
		break;
	case RULES_PERCENT:
		buf_addf(out, "%.4g%%",
			 (double)(int64_t)(value * 10 + 0.5) / 10);
		break;
	case RULES_PER_S:
		buf_addf(out, "%.3g/s", value);
		break;
	}
}

void
rules_put_finding(struct buf *out, const struct rules_finding *f)
{
	if (f->row != NULL && f->row->error != NULL) {
		rules_put_plain(out, f->row->error);
		return;
	}
	buf_addf(out, "%s ", rules_metric_name(f->metric));
	if (isnan(f->value)) {
		buf_adds(out, "unknown");
		if (f->row != NULL && f->row->unknown[0] != '\0') {
			buf_adds(out, ": ");
			rules_put_plain(out, f->row->unknown);
		}
		return;
	}
	if (f->severity == RULES_WARNING && isnan(f->threshold)) {
		buf_addf(out, "%.0f new of ", f->grown);
		rules_put_value(out, f->metric, f->value);
		return;
	}
	if (f->at_least)
		buf_adds(out, "≥");
	rules_put_value(out, f->metric, f->value);
	if (f->severity == RULES_WARNING || f->severity == RULES_CRITICAL) {
		buf_adds(out, " > ");
		rules_put_value(out, f->metric, f->threshold);
	} else if (f->severity == RULES_UNKNOWN) {
		buf_adds(out, ", not counted further");
	}
}

static void
put_name(struct buf *out, const struct survey_row *row)
{
	if (row == NULL) {
		buf_adds(out, "server");
		return;
	}
	rules_put_plain(out, row->stream);
	if (row->group != NULL) {
		buf_addc(out, '/');
		rules_put_plain(out, row->group);
	}
}

/*
 * Nagios
 */

static const char *const states[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* From the worst to what is merely unknown. */
static const enum rules_severity order[] = { RULES_CRITICAL, RULES_WARNING,
					     RULES_UNKNOWN };

static void
put_problems(const struct rules_list *l, struct buf *out)
{
	const struct rules_finding *last = NULL;
	size_t i, k, left = 0, start = out->len;

	for (k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
		for (i = 0; i < l->count; i++) {
			const struct rules_finding *f = &l->finding[i];

			if (f->severity != order[k])
				continue;
			if (out->len - start > HEADLINE_MAX) {
				left++;
				continue;
			}
			if (last != NULL && last->row == f->row) {
				buf_adds(out, ", ");
			} else {
				buf_adds(out, last != NULL ? "; " : "");
				put_name(out, f->row);
				buf_adds(out, ": ");
			}
			rules_put_finding(out, f);
			last = f;
		}
	}
	if (left != 0)
		buf_addf(out, "; %zu more", left);
}

/* Of a check that found nothing bad. */
static void
put_summary(const struct rules_list *l, struct buf *out)
{
	const struct rules_finding *most = NULL;
	const struct survey_row *last = NULL;
	size_t groups = 0, i;

	for (i = 0; i < l->count; i++) {
		const struct rules_finding *f = &l->finding[i];

		groups += f->row != NULL && f->row != last;
		last = f->row;
		if (f->row != NULL && f->metric == RULES_LAG &&
		    (most == NULL || f->value > most->value))
			most = f;
	}
	buf_addf(out, "%zu group%s", groups, groups == 1 ? "" : "s");
	if (most != NULL) {
		buf_adds(out, ", lag at most ");
		rules_put_value(out, RULES_LAG, most->value);
	}
}

/* A name between quotes that are doubled inside, and without "=". */
static void
put_label(struct buf *out, const struct rules_finding *f)
{
	struct buf name = { 0 };
	size_t i;

	put_name(&name, f->row);
	buf_addc(out, '\'');
	for (i = 0; i < name.len; i++) {
		if (name.data[i] == '\'')
			buf_addc(out, '\'');
		buf_addc(out, name.data[i] == '=' ? '_' : name.data[i]);
	}
	buf_release(&name);
	buf_addf(out, " %s'", rules_metric_name(f->metric));
}

/* In base units: seconds. */
static void
put_figure(struct buf *out, double value, enum rules_unit unit)
{
	if (isnan(value))
		return;
	if (unit == RULES_MS)
		buf_add_number(out, value / 1000);
	else if (unit == RULES_PERCENT)
		buf_addf(out, "%.4g", value);
	else
		buf_add_number(out, value);
}

static void
put_perfdata(const struct rules_finding *f, struct buf *out)
{
	enum rules_unit unit = rules_unit(f->metric);

	buf_addc(out, ' ');
	put_label(out, f);
	buf_addc(out, '=');
	if (isnan(f->value)) {
		buf_addc(out, 'U');
	} else {
		put_figure(out, f->value, unit);
		buf_adds(out, unit == RULES_MS        ? "s"
			      : unit == RULES_PERCENT ? "%"
						      : "");
	}
	buf_addc(out, ';');
	put_figure(out, f->warn, unit);
	buf_addc(out, ';');
	put_figure(out, f->crit, unit);
	buf_adds(out, unit == RULES_PER_S     ? ""
		      : unit == RULES_PERCENT ? ";0;100"
					      : ";0");
}

/* The figures that fit; returns how many do not. */
static size_t
put_figures(const struct rules_list *l, struct buf *out)
{
	size_t start = out->len, before, i, left = 0;

	for (i = 0; i < l->count; i++) {
		const struct rules_finding *f = &l->finding[i];

		if (f->row != NULL && f->row->error != NULL)
			continue;
		before = out->len;
		if (left == 0)
			put_perfdata(f, out);
		if (left != 0 || out->len - start > FIGURES_MAX) {
			out->len = before;
			left++;
		}
	}
	return left;
}

/* Why, where the samples tell: one line for each group that has a problem. */
static void
put_reasons(const struct rules_list *l, struct out *out)
{
	const struct survey_row *last = NULL;
	size_t start = out->buf.len, i;

	for (i = 0; i < l->count; i++) {
		const struct rules_finding *f = &l->finding[i];

		if (f->severity == RULES_OK || f->row == NULL ||
		    f->row == last || f->row->reason[0] == '\0' ||
		    f->row->error != NULL)
			continue;
		last = f->row;
		if (out->buf.len - start > REST_MAX) {
			buf_adds(&out->buf, "…");
			out_end(out);
			return;
		}
		put_name(&out->buf, f->row);
		buf_addf(&out->buf,
			 ": %s: ", survey_verdict_name(f->row->verdict));
		rules_put_plain(&out->buf, f->row->reason);
		out_end(out);
	}
}

void
rules_print_nagios(const struct rules_list *l, struct out *out)
{
	struct buf line = { 0 };
	bool any = false;
	size_t i, left, bar;

	for (i = 0; i < l->count; i++)
		any |= l->finding[i].row != NULL;
	buf_addf(&line, "EVLAG %s - ", states[l->worst]);
	if (l->worst == RULES_OK)
		put_summary(l, &line);
	else
		put_problems(l, &line);
	if (!any)
		buf_addf(&line, "%sno group to look at",
			 line.data[line.len - 2] == '-' ? "" : "; ");
	bar = line.len;
	buf_adds(&line, " |");
	left = put_figures(l, &line);
	if (line.len == bar + 2)
		line.len = bar;
	out_write(out, line.data, line.len);
	out_end(out);
	put_reasons(l, out);
	if (left != 0) {
		buf_addf(&out->buf, "%zu figures do not fit", left);
		out_end(out);
	}
	buf_release(&line);
}

void
rules_print_unknown(const char *why, struct out *out)
{
	buf_adds(&out->buf, "EVLAG UNKNOWN - ");
	rules_put_plain(&out->buf, why);
	out_end(out);
}

/*
 * Programs and people
 */

static void
put_text(struct buf *out, const char *name, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	if (out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_addf(out, "\"%s\":", name);
	buf_add_json_bytes(out, text, strlen(text));
}

static void
print_json(const struct rules_finding *f, struct out *out)
{
	struct buf *b = &out->buf;
	bool lost = f->row != NULL && f->row->error != NULL;

	buf_addc(b, '{');
	if (f->row != NULL) {
		put_text(b, "stream", f->row->stream);
		put_text(b, "group", f->row->group);
	}
	if (!lost)
		put_text(b, "metric", rules_metric_name(f->metric));
	put_text(b, "severity", rules_severity_name(f->severity));
	if (!lost) {
		if (isnan(f->value))
			buf_adds(b, ",\"value\":null");
		rules_put_number(b, "value", f->value);
		put_text(b, "unit", rules_unit_name(rules_unit(f->metric)));
		if (f->at_least)
			buf_adds(b, ",\"at_least\":true");
	}
	rules_put_number(b, "grown", f->grown);
	put_text(b, "warning", f->growth ? "growth" : NULL);
	rules_put_number(b, "warning", f->warn);
	rules_put_number(b, "critical", f->crit);
	put_text(b, "reason",
		 lost                                        ? f->row->error
		 : f->row != NULL && f->severity != RULES_OK ? f->row->reason
							     : NULL);
	buf_addc(b, '}');
	out_end(out);
}

void
rules_print_json(const struct rules_list *l, struct out *out)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		print_json(&l->finding[i], out);
}

static void
add_bound(struct table *t, struct buf *text, const struct rules_finding *f,
	  double bound, bool is_growth)
{
	buf_clear(text);
	if (is_growth)
		buf_adds(text, "growth");
	else if (!isnan(bound))
		rules_put_value(text, f->metric, bound);
	if (text->len == 0)
		table_none(t);
	else
		table_text(t, TABLE_PLAIN, text->data, text->len);
}

static void
add_text(struct table *t, enum table_look look, const char *text)
{
	if (text == NULL)
		table_none(t);
	else
		table_text(t, look, text, strlen(text));
}

static void
add_row(struct table *t, struct buf *text, const struct rules_finding *f)
{
	static const enum table_look looks[] = { TABLE_GOOD, TABLE_WARNING,
						 TABLE_BAD, TABLE_DIM };
	bool lost = f->row != NULL && f->row->error != NULL;

	add_text(t, TABLE_PLAIN, f->row != NULL ? f->row->stream : "server");
	add_text(t, TABLE_PLAIN, f->row != NULL ? f->row->group : NULL);
	add_text(t, TABLE_PLAIN, lost ? NULL : rules_metric_name(f->metric));
	buf_clear(text);
	if (f->at_least)
		buf_adds(text, "≥");
	if (!isnan(f->value))
		rules_put_value(text, f->metric, f->value);
	if (isnan(f->value))
		table_none(t);
	else
		table_text(t, TABLE_PLAIN, text->data, text->len);
	add_bound(t, text, f, f->warn, f->growth);
	add_bound(t, text, f, f->crit, false);
	add_text(t, looks[f->severity], states[f->severity]);
	add_text(t, TABLE_PLAIN, lost ? f->row->error : NULL);
}

void
rules_print_table(const struct rules_list *l, size_t width, bool colour,
		  struct out *out)
{
	static const struct table_column columns[] = {
		{ "STREAM", false, true },  { "GROUP", false, true },
		{ "METRIC", false, false }, { "VALUE", true, false },
		{ "WARNING", true, false }, { "CRITICAL", true, false },
		{ "STATE", false, false },  { "WHY", false, true },
	};
	struct buf text = { 0 };
	struct table t;
	size_t i;

	table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < l->count; i++)
		add_row(&t, &text, &l->finding[i]);
	table_print(&t, width, colour, out);
	table_release(&t);
	buf_release(&text);
}
