/*
 * routes.h - which stream an event goes to, by its type: the section [routes]
 * of the config file
 *
 *     [routes]
 *     order.* = orders
 *     *       = rest
 *
 * The first line whose glob (text_glob) matches the type counts.
 */
#ifndef COMMON_ROUTES_H
#define COMMON_ROUTES_H

#include <stddef.h>

#include "common/config.h"
#include "common/event.h"

#define ROUTES_SECTION "routes"

/* A line of the section. */
struct routes_line {
	const char *type; /* a glob */
	size_t to;        /* index of its stream */
};

/* A zeroed struct is valid and has no lines. */
struct routes {
	struct routes_line *line;
	size_t count;
	const char **stream; /* each once, in the order of the lines */
	size_t streams;
	char error[320];
};

/* Read the section; the config is borrowed.  Returns 0, or -1 with error set if
 * it is missing or empty or a stream's name is none ("path:line: what"). */
int routes_init(struct routes *r, const struct config *c);

/*
 * Find the stream of an event whose type was noted: returns 0 with *to set to
 * its index, or -1 with error set: it has no type, or no line matches.
 */
int routes_find(struct routes *r, const struct event *ev, struct buf *tmp,
		size_t *to);

void routes_release(struct routes *r);

#endif
