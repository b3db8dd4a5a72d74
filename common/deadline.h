/*
 * deadline.h - points on the monotonic clock, to wait until
 */
#ifndef COMMON_DEADLINE_H
#define COMMON_DEADLINE_H

#include <stdint.h>

/* In ms milliseconds from now; INT64_MAX, which never comes, stays so. */
int64_t deadline_in(int64_t ms);

/* What is left, as poll(2) takes it: 0 once it is past, -1 if it never comes. */
int deadline_left(int64_t deadline);

#endif
