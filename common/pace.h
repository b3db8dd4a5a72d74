/*
 * pace.h - publishing no faster than wanted: a rate, and a group to wait for
 */
#ifndef COMMON_PACE_H
#define COMMON_PACE_H

#include <stdint.h>

#include "common/conn.h"
#include "common/opt.h"
#include "common/publish.h"

struct pace {
	uint64_t rate;            /* events per second; 0: any */
	uint64_t max_lag;         /* entries the group may be behind; 0: any */
	char *group;              /* owned; NULL: the one furthest behind */
	const char *max_lag_text; /* --max-lag, for pace_parse_lag() */
	const char *stream;

	/* Called, if set, before each wait, for what should not wait. */
	void (*pausing)(void *arg);
	void *arg;

	struct conn *conn; /* private: asks for lags; NULL: none needed */
	int64_t started;
	uint64_t sent, budget;
};

#define OPT_PACE(p)                                                         \
	OPT_U64(0, "rate", "N", &(p)->rate, "at most N events per second"), \
		OPT_TEXT(0, "max-lag", "N[:GROUP]", &(p)->max_lag_text,     \
			 "wait while a group is more than N behind")

/* Parse "N" or "N:GROUP" for max_lag and group.  0, or -1. */
int pace_parse_lag(struct pace *p, const char *text);

/* Start the clock; c is used to open another connection if lags are watched.
 * Returns 0, or -1 with conn_error(p->conn) set. */
int pace_open(struct pace *p, const struct conn *c, const char *stream);

/*
 * Wait until one more event may be sent, keeping the publisher going.  Returns
 * 1, 0 at a stop, -1 if publishing failed (publish_report() tells) or -2 if the
 * lag can't be read (conn_error(p->conn) tells).
 */
int pace_wait(struct pace *p, struct publish *publish);

/* For callers that wait by themselves: the ms, at most 1000, until one more event
 * may be sent by the rate alone.  0 counts it as sent. */
int pace_take(struct pace *p);

void pace_close(struct pace *p);

#endif
