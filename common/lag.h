/*
 * lag.h - how far a group is behind its stream
 */
#ifndef COMMON_LAG_H
#define COMMON_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/id.h"

struct lag {
	uint64_t entries; /* not yet delivered to the group */
	bool exact;       /* else there are at least so many */
};

/*
 * Count the entries of a stream behind the group's last delivered id.  The
 * server's own figure is not used: it is nil or wrong after deletions (see
 * ARCHITECTURE.md).  At most `limit` entries are counted, since the server has
 * no command that counts a range without sending it.
 *
 * group NULL takes the largest lag of all groups, 0 if there are none.  Returns
 * 1; 0 if there is no such stream or group; -1 with conn_error() set.
 */
int lag_read(struct conn *c, const char *stream, const char *group,
	     uint64_t limit, struct lag *lag);

/* The newest id that the group was given; of all groups (NULL) the least.
 * Returns as lag_read(). */
int lag_delivered(struct conn *c, const char *stream, const char *group,
		  struct id *delivered);

#endif
