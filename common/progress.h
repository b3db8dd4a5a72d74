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

/* The same for a program that prints nothing on standard output: what that is
 * does not matter then. */
void progress_init_alone(struct progress *p);

/* Show the count and the rate, at most four times a second.  Cheap. */
void progress_show(struct progress *p, uint64_t count);

/* Whether progress_show() or progress_part() would show something now: for those
 * whose figures cost something. */
bool progress_is_due(const struct progress *p);

/* The same as progress_show(), with a bar for `done` of `total`, in any unit, and
 * the time that is left at this pace.  total 0: unknown. */
void progress_part(struct progress *p, uint64_t count, uint64_t done,
		   uint64_t total);

/* Remove the line, before anything else is said. */
void progress_clear(struct progress *p);

#endif
