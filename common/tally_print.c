#include <stdlib.h>
#include <string.h>

#include "common/table.h"
#include "common/tally.h"
#include "common/text.h"
#include "common/when.h"

static const char *const names[TALLY_ASPECTS] = {
	[TALLY_STREAM] = "stream", [TALLY_TYPE] = "type",
	[TALLY_SOURCE] = "source", [TALLY_PRIORITY] = "priority",
	[TALLY_STATUS] = "status",
};

static int
by_count(const void *a, const void *b)
{
	const struct tally_value *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	order = memcmp(x->text, y->text, len);
	return order != 0 ? order : x->len < y->len ? -1 : x->len > y->len;
}

static void
sort(struct tally *t)
{
	size_t i;

	for (i = 0; i < TALLY_ASPECTS; i++)
		if (t->by[i].count != 0)
			qsort(t->by[i].value, t->by[i].count,
			      sizeof(*t->by[i].value), by_count);
}

static int64_t
time_of(struct id id)
{
	return id.ms > INT64_MAX ? INT64_MAX : (int64_t)id.ms;
}

static int64_t
peak_of(const struct tally *t)
{
	return time_of((struct id){ t->peak_minute * 60000, 0 });
}

static void
put_time(struct buf *b, const char *name, int64_t ms)
{
	char time[WHEN_TEXT];

	when_put(time, ms);
	buf_addf(b, ",\"%s\":\"%s\"", name, time);
}

static void
print_all(const struct tally *t, struct out *out)
{
	static const unsigned percent[] = { 50, 95, 99 };
	struct buf *b = &out->buf;
	size_t i;

	buf_addf(b, "{\"by\":\"all\",\"count\":%llu,\"bytes\":%llu",
		 (unsigned long long)t->events, (unsigned long long)t->bytes);
	if (t->events != 0) {
		buf_addf(b, ",\"min\":%llu,\"mean\":%.1f",
			 (unsigned long long)t->smallest,
			 (double)t->bytes / (double)t->events);
		for (i = 0; i < sizeof(percent) / sizeof(*percent); i++)
			buf_addf(b, ",\"p%u\":%llu", percent[i],
				 (unsigned long long)tally_percentile(
					 t, percent[i]));
		buf_addf(b, ",\"max\":%llu", (unsigned long long)t->largest);
		put_time(b, "first", time_of(t->first));
		put_time(b, "last", time_of(t->last));
		if (tally_rate(t) < 0)
			buf_adds(b, ",\"per_s\":null");
		else
			buf_addf(b, ",\"per_s\":%.3f", tally_rate(t));
		buf_addf(b, ",\"peak_per_min\":%llu",
			 (unsigned long long)t->peak);
		put_time(b, "peak", peak_of(t));
	}
	buf_addc(b, '}');
	out_end(out);
}

static void
print_values(const struct tally_values *v, const char *by, struct out *out)
{
	struct buf *b = &out->buf;
	size_t i;

	for (i = 0; i < v->count; i++) {
		const struct tally_value *value = &v->value[i];

		buf_addf(b, "{\"by\":\"%s\",\"value\":", by);
		/* The name of a stream may be anything. */
		buf_add_json(b, value->text,
			     text_utf8_prefix(value->text, value->len));
		buf_addf(b, ",\"count\":%llu,\"bytes\":%llu}",
			 (unsigned long long)value->count,
			 (unsigned long long)value->bytes);
		out_end(out);
	}
	if (v->none != 0) {
		buf_addf(b, "{\"by\":\"%s\",\"value\":null,\"count\":%llu}", by,
			 (unsigned long long)v->none);
		out_end(out);
	}
	if (v->others != 0) {
		buf_addf(b, "{\"by\":\"%s\",\"others\":true,\"count\":%llu}",
			 by, (unsigned long long)v->others);
		out_end(out);
	}
}

static void
print_json(const struct tally *t, struct out *out)
{
	size_t i;

	print_all(t, out);
	for (i = 0; i < TALLY_ASPECTS; i++)
		print_values(&t->by[i], names[i], out);
}

static void
add_time(struct table *t, int64_t ms)
{
	char time[WHEN_TEXT];

	table_text(t, TABLE_PLAIN, time, when_put(time, ms));
}

static void
show_all(const struct tally *t, struct table *table)
{
	table_f(table, TABLE_PLAIN, "%llu", (unsigned long long)t->events);
	if (t->events == 0) {
		table_none(table);
		table_none(table);
	} else {
		add_time(table, time_of(t->first));
		add_time(table, time_of(t->last));
	}
	if (tally_rate(t) < 0)
		table_none(table);
	else
		table_f(table, TABLE_PLAIN, "%.*f", tally_rate(t) < 10 ? 3 : 0,
			tally_rate(t));
	table_f(table, TABLE_PLAIN, "%llu", (unsigned long long)t->peak);
}

static void
show_sizes(const struct tally *t, struct table *table)
{
	uint64_t sizes[] = { t->bytes,
			     t->smallest,
			     t->bytes / t->events,
			     tally_percentile(t, 50),
			     tally_percentile(t, 95),
			     tally_percentile(t, 99),
			     t->largest };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		table_size(table, TABLE_PLAIN, (int64_t)sizes[i]);
}

/* One row behind what it is of; no bytes: they are not known. */
static void
show_row(const struct tally *t, struct table *table, uint64_t count,
	 int64_t bytes)
{
	table_f(table, TABLE_PLAIN, "%llu", (unsigned long long)count);
	table_f(table, TABLE_PLAIN, "%.1f%%",
		(double)count * 100 / (double)t->events);
	table_size(table, TABLE_PLAIN, bytes);
}

static void
show_values(const struct tally *t, enum tally_aspect by, struct table *table)
{
	const struct tally_values *v = &t->by[by];
	const char *name = names[by];
	size_t i;

	for (i = 0; i < v->count; i++) {
		const struct tally_value *value = &v->value[i];

		table_text(table, TABLE_DIM, name, strlen(name));
		table_text(table, TABLE_PLAIN, value->text, value->len);
		show_row(t, table, value->count, (int64_t)value->bytes);
	}
	if (v->none != 0) {
		table_text(table, TABLE_DIM, name, strlen(name));
		table_none(table);
		show_row(t, table, v->none, -1);
	}
	if (v->others != 0) {
		table_text(table, TABLE_DIM, name, strlen(name));
		table_f(table, TABLE_DIM, "others");
		show_row(t, table, v->others, -1);
	}
}

static const struct table_column all[] = {
	{ "EVENTS", true, false },   { "FIRST", false, false },
	{ "LAST", false, false },    { "PER S", true, false },
	{ "PEAK/MIN", true, false },
};

static const struct table_column sizes[] = {
	{ "BYTES", true, false }, { "MIN", true, false },
	{ "MEAN", true, false },  { "P50", true, false },
	{ "P95", true, false },   { "P99", true, false },
	{ "MAX", true, false },
};

static const struct table_column values[] = {
	{ "BY", false, false },    { "VALUE", false, true },
	{ "EVENTS", true, false }, { "SHARE", true, false },
	{ "BYTES", true, false },
};

static void
print_tables(const struct tally *t, struct out *out)
{
	size_t width = table_width(), i;
	bool colour = table_colour();
	struct table table;

	table_init(&table, all, sizeof(all) / sizeof(*all));
	show_all(t, &table);
	table_print(&table, width, colour, out);
	table_release(&table);
	if (t->events == 0)
		return;
	out_end(out);
	table_init(&table, sizes, sizeof(sizes) / sizeof(*sizes));
	show_sizes(t, &table);
	table_print(&table, width, colour, out);
	table_release(&table);
	out_end(out);
	table_init(&table, values, sizeof(values) / sizeof(*values));
	for (i = 0; i < TALLY_ASPECTS; i++)
		show_values(t, (enum tally_aspect)i, &table);
	table_print(&table, width, colour, out);
	table_release(&table);
}

void
tally_print(struct tally *t, struct out *out, bool ndjson)
{
	sort(t);
	if (ndjson)
		print_json(t, out);
	else
		print_tables(t, out);
}
