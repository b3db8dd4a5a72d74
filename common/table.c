#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/num.h"
#include "common/table.h"
#include "common/text.h"

enum {
	GAP = 2,    /* blanks between columns */
	LEAST = 8,  /* characters of a column that was cut */
	ENOUGH = 16 /* of a column that may shrink: columns go before that */
};

struct table_cell {
	size_t offset, len; /* in the table's text */
	size_t width;       /* characters */
	enum table_look look;
};

void
table_init(struct table *t, const struct table_column *column, size_t columns)
{
	*t = (struct table){ .column = column, .columns = columns };
}

void
table_clear(struct table *t)
{
	t->cells = 0;
	buf_clear(&t->text);
}

void
table_release(struct table *t)
{
	free(t->cell);
	buf_release(&t->text);
	*t = (struct table){ 0 };
}

/* Ranges of code points that take no column, and two. */
static const struct {
	unsigned first, last;
	size_t width;
} ranges[] = {
	{ 0x0300, 0x036f, 0 },   { 0x0483, 0x0489, 0 },
	{ 0x0591, 0x05bd, 0 },   { 0x0610, 0x061a, 0 },
	{ 0x064b, 0x065f, 0 },   { 0x0900, 0x0902, 0 },
	{ 0x1100, 0x115f, 2 },   { 0x1ab0, 0x1aff, 0 },
	{ 0x1dc0, 0x1dff, 0 },   { 0x200b, 0x200f, 0 },
	{ 0x20d0, 0x20ff, 0 },   { 0x2329, 0x232a, 2 },
	{ 0x2e80, 0x303e, 2 },   { 0x3041, 0xa4cf, 2 },
	{ 0xa960, 0xa97f, 2 },   { 0xac00, 0xd7a3, 2 },
	{ 0xf900, 0xfaff, 2 },   { 0xfe00, 0xfe0f, 0 },
	{ 0xfe20, 0xfe2f, 0 },   { 0xfe30, 0xfe6f, 2 },
	{ 0xfeff, 0xfeff, 0 },   { 0xff00, 0xff60, 2 },
	{ 0xffe0, 0xffe6, 2 },   { 0x1f300, 0x1f64f, 2 },
	{ 0x1f680, 0x1f6ff, 2 }, { 0x1f900, 0x1f9ff, 2 },
	{ 0x20000, 0x3fffd, 2 }, { 0xe0100, 0xe01ef, 0 },
};

/* The columns that one character of valid UTF-8 takes. */
static size_t
width_of(const char *text, size_t len)
{
	unsigned code = (unsigned char)*text;
	size_t i;

	if (len == 1)
		return 1;
	code &= 0x7fu >> len;
	for (i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return ranges[i].width;
	return 1;
}

/* Append the text as it may be shown; returns how wide it is. */
static size_t
put_text(struct buf *out, const char *text, size_t len)
{
	size_t width = 0;

	while (len != 0) {
		size_t valid = text_utf8_prefix(text, len < 4 ? len : 4);
		size_t n = text_utf8_len(text, valid);

		if (n == 0) {
			n = 1;
			buf_addf(out, "\\x%02x", (unsigned char)*text);
			width += 4;
		} else if (text_is_control(text, n)) {
			char escape[6];
			size_t put = text_json_escape(escape, text, n);

			buf_add(out, escape, put);
			width += put;
		} else {
			buf_add(out, text, n);
			width += width_of(text, n);
		}
		text += n;
		len -= n;
	}
	return width;
}

void
table_text(struct table *t, enum table_look look, const char *text, size_t len)
{
	struct table_cell *cell;

	if (t->cells == t->cap) {
		t->cap = mem_grow(t->cap, t->cells + 1);
		t->cell = xreallocarray(t->cell, t->cap, sizeof(*t->cell));
	}
	cell = &t->cell[t->cells++];
	*cell = (struct table_cell){ .offset = t->text.len, .look = look };
	cell->width = put_text(&t->text, text, len);
	cell->len = t->text.len - cell->offset;
}

void
table_none(struct table *t)
{
	table_text(t, TABLE_PLAIN, "-", 1);
}

void
table_f(struct table *t, enum table_look look, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	table_text(t, look, text, strlen(text));
}

/*
 * For people
 */

/* Three digits and a unit: the largest of which there is one.  Cut, not rounded:
 * 999 950 is not yet a million. */
static const char *
put_scaled(char out[TABLE_SHORT], int64_t n, int64_t step, const char *units)
{
	int64_t whole = n, tenth = 0;

	if (n < step) {
		snprintf(out, TABLE_SHORT, "%d", (int)n);
		return out;
	}
	for (; whole >= step; units++) {
		tenth = whole % step * 10 / step;
		whole /= step;
	}
	if (whole < 100 && tenth != 0)
		snprintf(out, TABLE_SHORT, "%d.%d%c", (int)whole, (int)tenth,
			 units[-1]);
	else
		snprintf(out, TABLE_SHORT, "%d%c", (int)whole, units[-1]);
	return out;
}

const char *
table_put_count(char out[TABLE_SHORT], int64_t n)
{
	return put_scaled(out, n, 1000, "kMGTPE");
}

const char *
table_put_size(char out[TABLE_SHORT], int64_t bytes)
{
	return put_scaled(out, bytes, 1024, "KMGTPE");
}

/* The two largest units, of which the second is left out if it is 0. */
const char *
table_put_age(char out[TABLE_SHORT], int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {
		{ 86400000, "d" },
		{ 3600000, "h" },
		{ 60000, "m" },
		{ 1000, "s" },
	};
	int64_t whole, rest;
	size_t i = 0;

	if (ms < 1000) {
		snprintf(out, TABLE_SHORT, ms == 0 ? "0s" : "%dms", (int)ms);
		return out;
	}
	while (ms < units[i].ms)
		i++;
	whole = ms / units[i].ms;
	if (i == 3) {
		rest = ms % 1000 / 100;
		if (whole < 10 && rest != 0)
			snprintf(out, TABLE_SHORT, "%d.%ds", (int)whole,
				 (int)rest);
		else
			snprintf(out, TABLE_SHORT, "%ds", (int)whole);
		return out;
	}
	rest = ms % units[i].ms / units[i + 1].ms;
	if (rest != 0 && whole < 1000)
		snprintf(out, TABLE_SHORT, "%d%s%d%s", (int)whole,
			 units[i].unit, (int)rest, units[i + 1].unit);
	else
		snprintf(out, TABLE_SHORT, "%lld%s", (long long)whole,
			 units[i].unit);
	return out;
}

static void
add_short(struct table *t, enum table_look look, int64_t n,
	  const char *(*put)(char out[TABLE_SHORT], int64_t n))
{
	char text[TABLE_SHORT];

	if (n < 0)
		table_none(t);
	else
		table_f(t, look, "%s", put(text, n));
}

void
table_count(struct table *t, enum table_look look, int64_t n)
{
	add_short(t, look, n, table_put_count);
}

void
table_size(struct table *t, enum table_look look, int64_t bytes)
{
	add_short(t, look, bytes, table_put_size);
}

void
table_age(struct table *t, enum table_look look, int64_t ms)
{
	add_short(t, look, ms, table_put_age);
}
