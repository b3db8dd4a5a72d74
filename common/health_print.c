/*
 * health_print.c - health.h's part about showing it
 */
#include <math.h>
#include <string.h>

#include "common/health.h"
#include "common/rules_print.h"
#include "common/table.h"

static const char *const states[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

static void
add_text(struct table *t, enum table_look look, const char *text)
{
	if (text == NULL || *text == '\0')
		table_none(t);
	else
		table_text(t, look, text, strlen(text));
}

void
health_print_table(const struct health *h, size_t width, bool colour,
		   struct out *out)
{
	static const struct table_column columns[] = {
		{ "CHECK", false, false },
		{ "STATE", false, false },
		{ "VALUE", false, true },
		{ "WHAT TO DO", false, true },
	};
	static const enum table_look looks[] = { TABLE_GOOD, TABLE_WARNING,
						 TABLE_BAD, TABLE_DIM };
	struct table t;
	size_t i;

	table_init(&t, columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < h->count; i++) {
		const struct health_check *check = &h->check[i];

		add_text(&t, TABLE_PLAIN, check->name);
		add_text(&t, looks[check->state], states[check->state]);
		add_text(&t, TABLE_PLAIN, check->value);
		add_text(&t, TABLE_PLAIN, check->advice);
	}
	table_print(&t, width, colour, out);
	table_release(&t);
}

static void
put_json(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, ",\"%s\":", name);
	if (text == NULL || *text == '\0')
		buf_adds(out, "null");
	else
		buf_add_json_bytes(out, text, strlen(text));
}

void
health_print_json(const struct health *h, struct out *out)
{
	size_t i;

	for (i = 0; i < h->count; i++) {
		const struct health_check *check = &h->check[i];

		buf_addf(&out->buf, "{\"check\":\"%s\"", check->name);
		put_json(&out->buf, "severity",
			 rules_severity_name(check->state));
		put_json(&out->buf, "value", check->value);
		put_json(&out->buf, "advice", check->advice);
		buf_addc(&out->buf, '}');
		out_end(out);
	}
}

static void
put_check(struct buf *out, const struct health_check *check)
{
	buf_addf(out, "%s: ", check->name);
	rules_put_plain(out,
			check->value[0] != '\0' ? check->value : "unknown");
}

/* The first line: what is as bad as the whole, or that nothing is. */
static void
put_problems(const struct health *h, struct buf *out)
{
	bool any = false;
	size_t i;

	for (i = 0; i < h->count; i++) {
		if (h->check[i].state == RULES_OK ||
		    h->check[i].state != h->worst)
			continue;
		buf_adds(out, any ? "; " : "");
		put_check(out, &h->check[i]);
		any = true;
	}
	if (!any)
		buf_addf(out, "%zu checks", h->count);
}

void
health_print_nagios(const struct health *h, struct out *out)
{
	double percent = health_memory_percent(&h->memory);
	struct buf *b = &out->buf;
	size_t i;

	buf_addf(b, "EVLAG %s - ", states[h->worst]);
	put_problems(h, b);
	buf_addf(b, " | 'answer'=%.6fs;;;0", h->answer_ms / 1000);
	if (!isnan(percent))
		buf_addf(b, " 'memory'=%.4g%%;;;0;100 'memory used'=%lldB;;;0",
			 percent, (long long)h->memory.used);
	out_end(out);
	for (i = 0; i < h->count; i++) {
		const struct health_check *check = &h->check[i];

		if (check->state == RULES_OK)
			continue;
		buf_addf(b, "%s: ", states[check->state]);
		put_check(b, check);
		if (check->advice != NULL) {
			buf_adds(b, ": ");
			rules_put_plain(b, check->advice);
		}
		out_end(out);
	}
}
