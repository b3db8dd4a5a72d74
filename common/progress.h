/*
 * progress.h - a line on a terminal's standard error that counts events
 */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown; /* private */
	bool on;
	int64_t started, next;
};

/* Does nothing ever after unless standard error is a terminal, standard output
 * is none, and diag is not quiet. */
void progress_init(struct progress *p);

/* Show the count and the rate, at most four times a second.  Cheap. */
void progress_show(struct progress *p, uint64_t count);

/* Remove the line, before anything else is said. */
void progress_clear(struct progress *p);

#endif
