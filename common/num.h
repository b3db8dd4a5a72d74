/*
 * num.h - numbers as people write them
 *
 * All parsers take the whole text or fail: no sign, no blanks, no rest.  They
 * return 0, or -1 for what is not a number of that kind or does not fit.
 */
#ifndef COMMON_NUM_H
#define COMMON_NUM_H

#include <stddef.h>
#include <stdint.h>

enum { NUM_TEXT = 20 /* bytes of the longest number, without a NUL */ };

/* Decimal digits. */
int num_u64(const char *text, size_t len, uint64_t *value);

/* A duration in ms: one or more of NUMBERUNIT, units ms s m h d w, each at most
 * once and in falling order (1h30m), or 0.  A fraction is allowed: 1.5s.  A
 * bare number has no unit and is refused, so that seconds are never taken for
 * milliseconds. */
int num_duration(const char *text, size_t len, int64_t *ms);

/* A size in bytes: digits and at most one of k M G T (1024 each, any case). */
int num_size(const char *text, size_t len, uint64_t *bytes);

/* Write n in decimal, without a NUL; returns the number of bytes. */
size_t num_put(char out[NUM_TEXT], uint64_t n);

/* Write ms as a short duration that num_duration() reads back to the ms, e.g.
 * 1h30m, 2m5s, 1s500ms, 0s; NUL-terminated.  ms must not be negative. */
enum { NUM_DURATION_TEXT = 48 };
const char *num_put_duration(char out[NUM_DURATION_TEXT], int64_t ms);

#endif
