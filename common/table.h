/*
 * table.h - aligned columns of text, as wide as the terminal at most
 *
 *     table_init(&t, columns, n);
 *     for each row: table_text(&t, …) or table_none(&t), n times
 *     table_print(&t, width, out);
 *
 * Widths are those of characters as terminals show them.  If a line would be
 * wider than asked, columns that can be spared are left out, and then those that
 * may shrink are cut, the widest first; a cut text ends in "…".  What is not for
 * a terminal is never cut.  Control characters are written as \u escapes, bytes
 * that are no UTF-8 as \x ones.
 */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/out.h"

struct table_column {
	const char *title;
	bool right;      /* a number */
	bool may_shrink; /* to 8 characters at least */
};

/* Looks of one cell on a terminal with colour. */
enum table_look {
	TABLE_PLAIN,
	TABLE_GOOD,
	TABLE_WARNING,
	TABLE_BAD,
	TABLE_DIM
};

struct table {
	const struct table_column *column;
	size_t columns;

	/* To be set after table_init(), if columns can be spared: for each 0
	 * (never), or how soon it is left out, the highest first.  That comes
	 * before others are cut to less than 16 characters.  Borrowed. */
	const unsigned char *spare;

	size_t cells;    /* so far; a row is full at a multiple of columns */
	struct buf text; /* private: of all cells */
	struct table_cell *cell;
	size_t cap;
};

/* The columns are borrowed. */
void table_init(struct table *t, const struct table_column *column,
		size_t columns);
/* Drop the rows, keep the memory. */
void table_clear(struct table *t);
void table_release(struct table *t);

/* Append a cell; the bytes are copied.  table_none() is "-": not known, or it
 * doesn't apply. */
void table_text(struct table *t, enum table_look look, const char *text,
		size_t len);
void table_none(struct table *t);
void table_f(struct table *t, enum table_look look, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Cells for people: 12.3k; 512M; 1m32s, 3d4h; negative: table_none().  And a
 * rate, 12.3 or 1.2k; NAN: table_none(). */
void table_count(struct table *t, enum table_look look, int64_t n);
void table_size(struct table *t, enum table_look look, int64_t bytes);
void table_age(struct table *t, enum table_look look, int64_t ms);
void table_rate(struct table *t, enum table_look look, double per_s);

/*
 * Print the titles and the rows.  width 0: never cut.  With `colour` looks are
 * SGR sequences.  Lines end as out's do, without blanks before that.
 */
void table_print(const struct table *t, size_t width, bool colour,
		 struct out *out);

/* What these cells say, for other places: "12.3k", "1.5G", "1m32s"; cut, not
 * rounded, and not negative. */
enum { TABLE_SHORT = 16 };
const char *table_put_count(char out[TABLE_SHORT], int64_t n);
const char *table_put_size(char out[TABLE_SHORT], int64_t bytes);
const char *table_put_age(char out[TABLE_SHORT], int64_t ms);

/* The columns that standard output shows: those of the terminal; if it is none,
 * what COLUMNS says, else 0.  And whether colour is wanted: a terminal, no
 * NO_COLOR, and TERM is not dumb. */
size_t table_width(void);
bool table_colour(void);

#endif
