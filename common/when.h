/*
 * when.h - points in time, as options take them and events carry them
 *
 * Times are ms since 1970-01-01T00:00:00Z, in UTC.  What is relative to now is
 * resolved later, with the clock of the server (when_id).
 */
#ifndef COMMON_WHEN_H
#define COMMON_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/id.h"

enum when_kind {
	WHEN_UNSET, /* a zeroed struct when */
	WHEN_TIME,  /* ms: a point in time */
	WHEN_AGO,   /* ms: that long before now; "now" is 0 ago */
	WHEN_ENTRY, /* id: an entry */
	WHEN_START, /* before the first entry */
	WHEN_END    /* behind the last entry */
};

struct when {
	enum when_kind kind;
	int64_t ms;
	struct id id;
};

/*
 * Parse what -S, -U, --from and --at take: RFC 3339 (2026-11-20T21:17:06Z, with
 * a blank for the T too), a date (its midnight in UTC), @SECONDS since 1970
 * (@1795209426 or @1795209426.824), an entry id (1795209426824-0), start, end,
 * now, or a duration, that long ago.  Returns 0, or -1 for anything else.
 */
int when_parse(const char *text, size_t len, struct when *when);

/* Whether resolving needs the server's clock. */
bool when_needs_now(const struct when *when);

/*
 * The bounds of a range: the first id at or after the point, and the last id at
 * or before it.  WHEN_START gives ID_MIN and WHEN_END ID_MAX for both, WHEN_UNSET
 * the whole range.  Before 1970 there is nothing: both are ID_MIN.
 */
struct id when_first_id(const struct when *when, int64_t now_ms);
struct id when_last_id(const struct when *when, int64_t now_ms);

/*
 * Parse a date-time of RFC 3339, section 5.6, in full: ranges of all fields,
 * days of the month, leap seconds (at the end of a month in UTC, as the second
 * before), any offset.  Fractions finer than a ms are cut.  Returns 0, or -1 for anything else.
 */
int when_rfc3339(const char *text, size_t len, int64_t *ms);

/* Write as 2026-11-20T21:17:06.824Z, NUL-terminated; years beyond 9999 are
 * written as 9999-12-31T23:59:59.999Z.  Returns the length, always 24. */
enum { WHEN_TEXT = 25 };
size_t when_put(char out[WHEN_TEXT], int64_t ms);

/* This machine's clock, for what has no server to ask. */
int64_t when_local_now(void);

/* Milliseconds of a clock that never goes back, for timeouts. */
int64_t when_monotonic(void);

#endif
