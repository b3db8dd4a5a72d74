/*
 * trim_parts.h - what the parts of trim share
 */
#ifndef COMMON_TRIM_PARTS_H
#define COMMON_TRIM_PARTS_H

#include "common/trim.h"

/*
 * Remove what is before an id, `quota` entries at most, so that `keep` stay; who
 * publishes at the same time must not keep us at it for ever.  Returns 0, also if
 * it is over before all was removed, or -1 with conn_error() set.
 */
int trim_remove(struct trim *t, struct id before, uint64_t keep,
		uint64_t quota);

/* Remove whole nodes from the front, of about `want` entries, one at least. */
int trim_remove_nodes(struct trim *t, uint64_t want);

/* As trim_remove(), but what is not in the archive is put there and synced
 * first.  Returns -2 with archive->error set if that fails. */
int trim_remove_archived(struct trim *t, struct id before, uint64_t keep,
			 uint64_t quota);

#endif
