#include <math.h>
#include <string.h>

#include "common/survey_print.h"
#include "common/table.h"
#include "common/text.h"

/* A name may be any bytes: what is no UTF-8 is left out. */
static void
put_text(struct buf *b, const char *key, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	buf_addf(b, "\"%s\":", key);
	if (text == NULL) {
		buf_adds(b, "null");
		return;
	}
	buf_addc(b, '"');
	while (len != 0) {
		size_t valid = text_utf8_prefix(text, len);

		for (len -= valid; valid != 0;) {
			char escape[6];
			size_t n = text_utf8_len(text, valid);

			buf_add(b, escape, text_json_escape(escape, text, n));
			text += n;
			valid -= n;
		}
		if (len != 0) {
			buf_adds(b, "\xef\xbf\xbd"); /* U+FFFD */
			text++;
			len--;
		}
	}
	buf_addc(b, '"');
}

static void
put_number(struct buf *b, const char *key, int64_t n)
{
	buf_addf(b, ",\"%s\":", key);
	if (n < 0)
		buf_adds(b, "null");
	else
		buf_addu(b, (uint64_t)n);
}

static void
put_rate(struct buf *b, const char *key, double rate)
{
	if (isnan(rate))
		buf_addf(b, ",\"%s\":null", key);
	else
		buf_addf(b, ",\"%s\":%.2f", key, rate);
}

/* Whether a figure is exact, if it is known at all. */
static void
put_exact(struct buf *b, const char *key, int64_t figure, bool exact)
{
	buf_addf(b, ",\"%s\":%s", key,
		 figure < 0 ? "null"
		 : exact    ? "true"
			    : "false");
}

static void
print_row(const struct survey_row *row, struct out *out)
{
	struct buf *b = &out->buf;

	buf_addc(b, '{');
	put_text(b, "stream", row->stream);
	buf_addc(b, ',');
	put_text(b, "group", row->group);
	put_number(b, "length", row->length);
	put_number(b, "lag", row->lag);
	put_exact(b, "lag_exact", row->lag, row->lag_exact);
	put_number(b, "age_ms", row->age_ms);
	put_number(b, "pending", row->pending);
	put_number(b, "oldest_pending_ms", row->oldest_ms);
	put_number(b, "retrying", row->retrying);
	put_number(b, "dead", row->dead);
	put_exact(b, "dead_exact", row->dead, row->dead_exact);
	put_number(b, "scheduled", row->scheduled);
	put_number(b, "consumers", row->consumers);
	put_rate(b, "in_per_s", row->in_per_s);
	put_rate(b, "out_per_s", row->out_per_s);
	put_number(b, "eta_ms", row->eta_ms);
	buf_addc(b, ',');
	put_text(b, "verdict",
		 row->verdict == SURVEY_NO_VERDICT
			 ? NULL
			 : survey_verdict_name(row->verdict));
	buf_addc(b, ',');
	put_text(b, "reason", row->reason[0] != '\0' ? row->reason : NULL);
	buf_addc(b, '}');
	out_end(out);
}

void
survey_print_ndjson(const struct survey *s, struct out *out)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		print_row(&s->row[i], out);
}

/* Columns, and how soon they are spared where lines are narrow. */
static const struct table_column columns[] = {
	{ "STREAM", false, true }, { "GROUP", false, true },
	{ "LENGTH", true, false }, { "LAG", true, false },
	{ "AGE", true, false },    { "PEND", true, false },
	{ "OLDEST", true, false }, { "RETRY", true, false },
	{ "DEAD", true, false },   { "CONS", true, false },
	{ "IN/s", true, false },   { "OUT/s", true, false },
	{ "ETA", true, false },    { "VERDICT", false, false },
	{ "REASON", false, true },
};
static const unsigned char spare[] = { 0, 0, 8, 0, 0, 0, 5, 4,
				       0, 3, 1, 2, 7, 0, 9 };
static const struct table_column columns_without_rates[] = {
	{ "STREAM", false, true },   { "GROUP", false, true },
	{ "LENGTH", true, false },   { "LAG", true, false },
	{ "AGE", true, false },      { "PEND", true, false },
	{ "OLDEST", true, false },   { "RETRY", true, false },
	{ "DEAD", true, false },     { "CONS", true, false },
	{ "VERDICT", false, false }, { "REASON", false, true },
};
static const unsigned char spare_without_rates[] = { 0, 0, 8, 0, 0, 0,
						     5, 4, 0, 3, 0, 9 };

static enum table_look
look_of(enum survey_verdict verdict)
{
	switch (verdict) {
	case SURVEY_OK:
		return TABLE_GOOD;
	case SURVEY_GROWING:
	case SURVEY_REWOUND:
		return TABLE_WARNING;
	case SURVEY_NO_VERDICT:
		return TABLE_PLAIN;
	default:
		return TABLE_BAD;
	}
}

/* A figure of which there is as much, or more. */
static void
add_least(struct table *t, int64_t n, bool exact)
{
	char text[TABLE_SHORT];

	if (n < 0 || exact)
		table_count(t, TABLE_PLAIN, n);
	else
		table_f(t, TABLE_PLAIN, "≥%s", table_put_count(text, n));
}

static void
add_text(struct table *t, enum table_look look, const char *text)
{
	if (text == NULL || *text == '\0')
		table_none(t);
	else
		table_text(t, look, text, strlen(text));
}

static void
add_row(struct table *t, const struct survey_row *row, bool rates)
{
	enum table_look look = look_of(row->verdict);

	add_text(t, TABLE_PLAIN, row->stream);
	add_text(t, TABLE_PLAIN, row->group);
	table_count(t, TABLE_PLAIN, row->length);
	add_least(t, row->lag, row->lag_exact);
	table_age(t, TABLE_PLAIN, row->age_ms);
	table_count(t, TABLE_PLAIN, row->pending);
	table_age(t, TABLE_PLAIN, row->oldest_ms);
	table_count(t, TABLE_PLAIN, row->retrying);
	add_least(t, row->dead, row->dead_exact);
	table_count(t, TABLE_PLAIN, row->consumers);
	if (rates) {
		table_rate(t, TABLE_PLAIN, row->in_per_s);
		table_rate(t, TABLE_PLAIN, row->out_per_s);
		table_age(t, TABLE_PLAIN, row->eta_ms);
	}
	add_text(t, look, survey_verdict_name(row->verdict));
	add_text(t, TABLE_PLAIN, row->reason);
}

void
survey_print_table(const struct survey *s, bool rates, size_t width,
		   bool colour, struct out *out)
{
	struct table t;
	size_t i;

	if (s->count == 0)
		return;
	table_init(&t, rates ? columns : columns_without_rates,
		   rates ? sizeof(spare) : sizeof(spare_without_rates));
	t.spare = rates ? spare : spare_without_rates;
	for (i = 0; i < s->count; i++)
		add_row(&t, &s->row[i], rates);
	table_print(&t, width, colour, out);
	table_release(&t);
}
