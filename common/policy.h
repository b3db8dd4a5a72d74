/*
 * policy.h - what is to become of which streams, as a file says it
 *
 *     orders      = keep=7d archive=/var/lib/ev/orders.ndjson dead=30d
 *     {orders}:*  = keep=7d
 *     audit.*     =                         # left alone
 *     *           = maxlen=1000000 max-bytes=1G consumers=1d
 *
 * In the syntax of config.h, without sections.  The first line whose glob matches
 * a stream counts, and no other.
 */
#ifndef COMMON_POLICY_H
#define COMMON_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/trim.h"

struct policy_rule {
	const char *glob; /* NULL: by options, not by a file */
	struct trim_limits limits;
	const char *archive;  /* NULL: none */
	int64_t dead_ms;      /* of dead letters; -1: all stay */
	int64_t consumers_ms; /* that are idle; -1: all stay */
};

#define POLICY_RULE_INIT                                                       \
	{                                                                      \
		.limits = TRIM_LIMITS_INIT, .dead_ms = -1, .consumers_ms = -1, \
	}

struct policy {
	struct policy_rule *rule;
	size_t count;
	char error[256];      /* "path:line: what" */
	struct config config; /* private from here on */
	char **path;          /* of archives */
	size_t paths;
};

/* Read a file.  Returns 0, or -1 with error set. */
int policy_open(struct policy *p, const char *path);
void policy_close(struct policy *p);

/* The rule of a stream (trim_names_covers()), or NULL. */
const struct policy_rule *policy_find(const struct policy *p,
				      const char *stream);

#endif
