/*
 * bench.h - what the C programs of the bench share
 *
 * They compile alone (cc -O2 x.c with hiredis' flags) and use nothing of
 * evtools: a yardstick must not be made of what it measures.
 */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Say what went wrong, with errno if it is set, and end with 1. */
static inline _Noreturn void
bench_die(const char *what)
{
	fprintf(stderr, "bench: %s%s%s\n", what, errno ? ": " : "",
		errno ? strerror(errno) : "");
	exit(1);
}

/* The monotonic clock in microseconds. */
static inline uint64_t
bench_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline int
bench_compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

#endif
