/*
 * dlq_stats.h - counting dead letters by what they died of
 *
 * Dead letters of one stream, reason, group, type, handler and fingerprint are
 * of one kind.  Memory depends on the number of kinds, of which at most
 * DLQ_KINDS are told apart.
 */
#ifndef COMMON_DLQ_STATS_H
#define COMMON_DLQ_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/dlq.h"
#include "common/id.h"
#include "common/out.h"

enum { DLQ_KINDS = 10000 };

enum dlq_aspect {
	DLQ_STREAM,
	DLQ_REASON,
	DLQ_GROUP,
	DLQ_TYPE,
	DLQ_HANDLER,
	DLQ_FINGERPRINT,
	DLQ_ASPECTS
};

struct dlq_kind {
	char *texts; /* JSON strings, each NUL-terminated; "" if not known */
	size_t aspect[DLQ_ASPECTS], len;
	uint64_t hash, count;
	struct id first, last;
};

/* A zeroed struct is empty and valid. */
struct dlq_stats {
	struct dlq_kind *kind;
	size_t count, cap;
	uint64_t others; /* dead letters of kinds beyond DLQ_KINDS */

	size_t *slot; /* private: kind + 1 by hash; 0: free */
	struct buf key;
};

/* Count the current dead letter. */
void dlq_stats_add(struct dlq_stats *s, const struct dlq *d);

/* Print the kinds, the most frequent first: as lines of JSON, or as a table of
 * plain text, in which control characters are \u escapes.  Nothing can be added
 * after that. */
void dlq_stats_print(struct dlq_stats *s, struct out *out, bool ndjson);

void dlq_stats_release(struct dlq_stats *s);

#endif
