/*
 * tail_delayed.h - the part of tail that lists scheduled events
 */
#ifndef COMMON_TAIL_DELAYED_H
#define COMMON_TAIL_DELAYED_H

#include "common/tail.h"

/* As tail_open() and tail_next(), with the range resolved. */
int tail_open_delayed(struct tail *t);
int tail_next_delayed(struct tail *t);

/* Whether there is such a stream, or events that are scheduled for it. */
bool tail_is_scheduled(struct tail *t, const char *stream);

/* From tail.c: whether reading is over, except for there being no more. */
bool tail_is_over(const struct tail *t);

#endif
