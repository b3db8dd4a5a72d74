/*
 * watch_paint.h - the page that watch.h shows, made of what was sampled
 *
 * Private to watch and its tests.  Nothing here touches a terminal.
 */
#ifndef COMMON_WATCH_PAINT_H
#define COMMON_WATCH_PAINT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/joblist.h"
#include "common/sample.h"

/* What rows are sorted by. */
enum watch_order {
	WATCH_BY_LAG,
	WATCH_BY_AGE,
	WATCH_BY_NAME,
	WATCH_BY_VERDICT,
	WATCH_BY_IN,
	WATCH_BY_OUT,
	WATCH_BY_DEAD,
	WATCH_ORDERS
};

/* A zeroed struct with a sample is valid. */
struct watch_page {
	const struct sample *sample;
	const struct joblist *jobs; /* NULL: groups are shown */
	const char *server;         /* its name */
	const char *away;           /* why it does not answer; NULL: it does */

	size_t columns, rows; /* of the screen */
	bool colour;
	enum watch_order order;
	bool reverse, help, paused;
	size_t top; /* the first row that is shown; watch_paint() bounds it */

	struct watch_row *row; /* private: the survey's rows in order */
};

/* How many rows of groups or jobs there is room for. */
size_t watch_room(const struct watch_page *p);

/* Append the page, lines that end in LF. */
void watch_paint(struct watch_page *p, struct buf *out);
void watch_page_release(struct watch_page *p);

/* The order that a letter stands for; -1 if none. */
int watch_order_of(int key);

/* Append the last values as bars of at most `width` characters, blanks before
 * them; the largest value makes the highest bar, NAN a blank. */
void watch_put_trend(struct buf *out, const double *value, size_t count,
		     size_t width);

#endif
