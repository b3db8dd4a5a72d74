#include <math.h>
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

void
table_rate(struct table *t, enum table_look look, double per_s)
{
	if (isnan(per_s) || per_s < 0)
		table_none(t);
	else if (per_s < 100)
		table_f(t, look, "%.1f", per_s);
	else
		table_count(t, look, per_s < 1e18 ? (int64_t)per_s : INT64_MAX);
}

/*
 * Layout
 */

/* How wide a column has to be; 0: it is left out. */
static size_t *
natural_widths(const struct table *t)
{
	size_t *width = xcalloc(t->columns, sizeof(*width)), i;

	for (i = 0; i < t->columns; i++)
		width[i] = strlen(t->column[i].title);
	for (i = 0; i < t->cells; i++)
		if (t->cell[i].width > width[i % t->columns])
			width[i % t->columns] = t->cell[i].width;
	return width;
}

/* How wide a line is, if what may shrink is cut to `least`. */
static size_t
line_width(const struct table *t, const size_t *width, size_t least)
{
	size_t sum = 0, shown = 0, i;

	for (i = 0; i < t->columns; i++) {
		size_t w = width[i];

		if (w == 0)
			continue;
		if (t->column[i].may_shrink && w > least)
			w = least;
		sum += w;
		shown++;
	}
	return shown != 0 ? sum + (shown - 1) * GAP : 0;
}

/* Leave out the column that can best be spared; false if there is none. */
static bool
spare_one(const struct table *t, size_t *width)
{
	size_t i, best = t->columns;

	if (t->spare == NULL)
		return false;
	for (i = 0; i < t->columns; i++)
		if (width[i] != 0 && t->spare[i] != 0 &&
		    (best == t->columns || t->spare[i] > t->spare[best]))
			best = i;
	if (best == t->columns)
		return false;
	width[best] = 0;
	return true;
}

/* Cut the widest column that may shrink by one; false if there is none. */
static bool
shrink_one(const struct table *t, size_t *width)
{
	size_t i, widest = t->columns;

	for (i = 0; i < t->columns; i++)
		if (t->column[i].may_shrink && width[i] > LEAST &&
		    (widest == t->columns || width[i] > width[widest]))
			widest = i;
	if (widest == t->columns)
		return false;
	width[widest]--;
	return true;
}

/* Print as much of the text as fits; returns how wide it is. */
static size_t
print_cut(const char *text, size_t len, size_t width, struct out *out)
{
	size_t put = 0;

	while (len != 0) {
		size_t n = text_utf8_len(text, len), w = width_of(text, n);

		if (put + w > width - 1)
			break;
		buf_add(&out->buf, text, n);
		put += w;
		text += n;
		len -= n;
	}
	buf_adds(&out->buf, "…");
	return put + 1;
}

/* A line being printed: blanks are held back until something follows. */
struct line {
	struct out *out;
	size_t blanks;
	bool began;
};

static void
print_cell(struct line *line, const struct table_column *column, size_t width,
	   const char *text, size_t len, size_t wide, const char *sgr)
{
	size_t pad = wide < width ? width - wide : 0;

	line->blanks += (line->began ? GAP : 0) + (column->right ? pad : 0);
	line->began = true;
	if (len != 0) {
		buf_addf(&line->out->buf, "%*s", (int)line->blanks, "");
		line->blanks = 0;
	}
	if (sgr != NULL)
		buf_addf(&line->out->buf, "\033[%sm", sgr);
	if (wide > width)
		pad = width - print_cut(text, len, width, line->out);
	else
		buf_add(&line->out->buf, text, len);
	if (sgr != NULL)
		buf_adds(&line->out->buf, "\033[0m");
	line->blanks += column->right ? 0 : pad;
}

static void
print_titles(const struct table *t, const size_t *width, bool colour,
	     struct out *out)
{
	struct line line = { .out = out };
	size_t i;

	for (i = 0; i < t->columns; i++) {
		size_t len = strlen(t->column[i].title);

		if (width[i] != 0)
			print_cell(&line, &t->column[i], width[i],
				   t->column[i].title, len, len,
				   colour ? "1" : NULL);
	}
	out_end(out);
}

static void
print_row(const struct table *t, const struct table_cell *cell,
	  const size_t *width, bool colour, struct out *out)
{
	static const char *const sgr[] = {
		[TABLE_GOOD] = "32",
		[TABLE_WARNING] = "33",
		[TABLE_BAD] = "31",
		[TABLE_DIM] = "2",
	};
	struct line line = { .out = out };
	size_t i;

	for (i = 0; i < t->columns; i++, cell++)
		if (width[i] != 0)
			print_cell(&line, &t->column[i], width[i],
				   t->text.data + cell->offset, cell->len,
				   cell->width,
				   colour ? sgr[cell->look] : NULL);
	out_end(out);
}

void
table_print(const struct table *t, size_t width, bool colour, struct out *out)
{
	size_t *widths = natural_widths(t), i;

	if (width != 0) {
		while (line_width(t, widths, ENOUGH) > width &&
		       spare_one(t, widths))
			;
		while (line_width(t, widths, SIZE_MAX) > width &&
		       shrink_one(t, widths))
			;
	}
	print_titles(t, widths, colour, out);
	for (i = 0; i + t->columns <= t->cells; i += t->columns)
		print_row(t, t->cell + i, widths, colour, out);
	free(widths);
}

size_t
table_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (isatty(STDOUT_FILENO) &&
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
		return size.ws_col;
	if (columns != NULL && num_u64(columns, strlen(columns), &n) == 0 &&
	    n <= UINT16_MAX)
		return (size_t)n;
	return isatty(STDOUT_FILENO) ? 80 : 0;
}

bool
table_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
	       term != NULL && strcmp(term, "dumb") != 0;
}
