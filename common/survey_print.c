#include <math.h>
#include <string.h>

#include "common/survey_print.h"
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
