#include <math.h>
#include <string.h>

#include "common/survey_prometheus.h"
#include "common/text.h"

static void
put_head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_addf(b, "# HELP evlag_%s %s\n# TYPE evlag_%s %s\n", name, help,
		 name, type);
}

static void
put_value(struct buf *b, double value)
{
	buf_addc(b, ' ');
	buf_add_number(b, value);
	buf_addc(b, '\n');
}

/* Bytes that are no UTF-8 as \xNN, what the format wants escaped escaped. */
static void
put_label(struct buf *b, const char *name, const char *text)
{
	size_t left = strlen(text);

	buf_addf(b, "%s=\"", name);
	while (left != 0) {
		size_t n = text_utf8_len(
			text, text_utf8_prefix(text, left < 4 ? left : 4));

		if (n == 0)
			buf_addf(b, "\\\\x%02x",
				 (unsigned)(unsigned char)*text);
		else if (*text == '\\' || *text == '"')
			buf_addf(b, "\\%c", *text);
		else if (*text == '\n')
			buf_adds(b, "\\n");
		else
			buf_add(b, text, n);
		n += n == 0;
		text += n;
		left -= n;
	}
	buf_addc(b, '"');
}

static void
put_labels(struct buf *b, const struct survey_row *row, bool with_group)
{
	buf_addc(b, '{');
	put_label(b, "stream", row->stream);
	if (with_group) {
		buf_addc(b, ',');
		put_label(b, "group", row->group);
	}
}

static void
put_plain(struct buf *b, const char *name, const char *help, double value)
{
	put_head(b, name, "gauge", help);
	buf_addf(b, "evlag_%s", name);
	put_value(b, value);
}

static double
known(int64_t n)
{
	return n < 0 ? NAN : (double)n;
}

static double
seconds(int64_t ms)
{
	return ms < 0 ? NAN : (double)ms / 1000;
}

/*
 * A metric: its values by row, NAN where it is unknown.
 */

static double
readable(const struct survey_row *row)
{
	return row->error == NULL;
}

static double
length(const struct survey_row *row)
{
	return known(row->length);
}

static double
added(const struct survey_row *row)
{
	return known(row->added);
}

static double
scheduled(const struct survey_row *row)
{
	return known(row->scheduled);
}

static double
lag(const struct survey_row *row)
{
	return known(row->lag);
}

static double
lag_exact(const struct survey_row *row)
{
	return row->lag < 0 ? NAN : row->lag_exact;
}

static double
age(const struct survey_row *row)
{
	return seconds(row->age_ms);
}

static double
pending(const struct survey_row *row)
{
	return known(row->pending);
}

static double
oldest(const struct survey_row *row)
{
	return seconds(row->oldest_ms);
}

static double
retrying(const struct survey_row *row)
{
	return known(row->retrying);
}

static double
dead(const struct survey_row *row)
{
	return known(row->dead);
}

static double
consumers(const struct survey_row *row)
{
	return known(row->consumers);
}

static double
silent(const struct survey_row *row)
{
	return row->consumers > 0 ? seconds(row->silent_ms) : NAN;
}

static const struct metric {
	const char *name, *type, *help;
	double (*value)(const struct survey_row *row);
	bool by_group;
} metrics[] = {
	{ "stream_readable", "gauge", "Whether the stream could be read.",
	  readable, false },
	{ "stream_length", "gauge", "Entries in the stream.", length, false },
	{ "stream_entries_added_total", "counter",
	  "Entries ever added to the stream (Redis 7.0 and later).", added,
	  false },
	{ "stream_scheduled", "gauge", "Events that are not due yet.",
	  scheduled, false },
	{ "stream_group_lag", "gauge",
	  "Entries not yet delivered to the group.", lag, true },
	{ "stream_group_lag_exact", "gauge",
	  "1 if the lag is exact, 0 if it is at least so large.", lag_exact,
	  true },
	{ "stream_group_lag_age_seconds", "gauge",
	  "How long the first undelivered entry has waited.", age, true },
	{ "stream_group_pending", "gauge",
	  "Entries delivered and not acknowledged.", pending, true },
	{ "stream_group_oldest_pending_seconds", "gauge",
	  "Longest silence about a pending entry.", oldest, true },
	{ "stream_group_retrying", "gauge",
	  "Events that failed and wait for their next attempt.", retrying,
	  true },
	{ "stream_group_dead", "gauge",
	  "Dead letters that the group left and that are still there.", dead,
	  true },
	{ "stream_group_consumers", "gauge", "Consumers of the group.",
	  consumers, true },
	{ "stream_group_silent_seconds", "gauge",
	  "Since the liveliest consumer was heard.", silent, true },
};

/* One line a stream, though it has many rows. */
static bool
has_line(const struct survey *s, size_t i, const struct metric *m)
{
	const struct survey_row *row = &s->row[i];

	if (m->by_group)
		return row->group != NULL && row->error == NULL;
	return i == 0 || strcmp(s->row[i - 1].stream, row->stream) != 0;
}

static void
put_metric(struct buf *b, const struct survey *s, const struct metric *m)
{
	bool any = false;
	size_t i;

	for (i = 0; i < s->count; i++) {
		double value = has_line(s, i, m) ? m->value(&s->row[i]) : NAN;

		if (isnan(value))
			continue;
		if (!any)
			put_head(b, m->name, m->type, m->help);
		any = true;
		buf_addf(b, "evlag_%s", m->name);
		put_labels(b, &s->row[i], m->by_group);
		buf_addc(b, '}');
		put_value(b, value);
	}
}

static void
put_attempts(struct buf *b, const struct survey *s)
{
	static const char name[] = "stream_group_recent_attempts";
	bool any = false;
	size_t i, k;

	for (i = 0; i < s->count; i++) {
		const struct survey_row *row = &s->row[i];
		const struct {
			const char *result;
			int64_t n;
		} part[] = { { "ok", row->work.ok },
			     { "retry", row->work.retry },
			     { "dead", row->work.dead } };

		if (row->group == NULL || row->error != NULL)
			continue;
		for (k = 0; k < sizeof(part) / sizeof(part[0]); k++) {
			if (part[k].n < 0)
				continue;
			if (!any)
				put_head(b, name, "gauge",
					 "Attempts of the last 5 minutes, by "
					 "result.");
			any = true;
			buf_addf(b, "evlag_%s", name);
			put_labels(b, row, true);
			buf_addf(b, ",result=\"%s\"} %lld\n", part[k].result,
				 (long long)part[k].n);
		}
	}
}

static void
put_verdicts(struct buf *b, const struct survey *s)
{
	static const char name[] = "stream_group_verdict";
	bool any = false;
	size_t i;

	for (i = 0; i < s->count; i++) {
		const struct survey_row *row = &s->row[i];

		if (row->group == NULL || row->error != NULL ||
		    row->verdict == SURVEY_NO_VERDICT)
			continue;
		if (!any)
			put_head(b, name, "gauge",
				 "1 for what evlag says of the group.");
		any = true;
		buf_addf(b, "evlag_%s", name);
		put_labels(b, row, true);
		buf_addf(b, ",verdict=\"%s\"} 1\n",
			 survey_verdict_name(row->verdict));
	}
}

void
survey_print_prometheus(const struct survey *s,
			const struct survey_scrape *scrape, struct out *out)
{
	struct buf *b = &out->buf;
	size_t i;

	put_plain(b, "up", "Whether the server answered.", scrape->up);
	put_plain(b, "scrape_duration_seconds", "How long asking took.",
		  scrape->seconds);
	if (scrape->memory_used > 0)
		put_plain(b, "server_memory_used_bytes",
			  "Memory that the server uses.",
			  (double)scrape->memory_used);
	if (scrape->memory_limit > 0)
		put_plain(b, "server_memory_limit_bytes",
			  "maxmemory of the server, else what its machine has.",
			  (double)scrape->memory_limit);
	if (!scrape->up)
		return;
	put_head(b, "last_sample_timestamp_seconds", "gauge",
		 "When it was asked, by the server's clock.");
	buf_addf(b, "evlag_last_sample_timestamp_seconds %.3f\n",
		 (double)s->now_ms / 1000);
	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		put_metric(b, s, &metrics[i]);
	put_attempts(b, s);
	put_verdicts(b, s);
}
