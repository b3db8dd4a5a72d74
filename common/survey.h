/*
 * survey.h - how streams and their groups are, at one moment
 *
 *     survey_init ─► survey_add, survey_find ─► survey_read (again and again)
 *
 * One survey_read() asks for all streams at once, pipelined in slices: about
 * three round trips of many commands, whatever the number of streams.  It only
 * reads.  All times are by the server's clock.  Whatever is not known is
 * SURVEY_UNKNOWN, never 0.
 */
#ifndef COMMON_SURVEY_H
#define COMMON_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/id.h"

#define SURVEY_UNKNOWN (-1)

enum {
	SURVEY_MINUTES = 5,  /* that failures are counted over */
	SURVEY_COUNT = 10000 /* entries counted at most, for a lag */
};

struct survey_options {
	const char *group; /* a glob of the groups to show; NULL: all */
	int64_t lease_ms;  /* who is silent for longer counts as gone */
	uint64_t most;     /* entries counted at most, for a lag */
};

/* What the group's workers told in the last SURVEY_MINUTES ({S}:stats:…). */
struct survey_work {
	int64_t ok, retry, dead, ms;
};

/* In the order of rules, alerts and columns; judge.h gives it. */
enum survey_verdict {
	SURVEY_OK,
	SURVEY_GROWING,       /* in faster than out, over all samples */
	SURVEY_STALLED,       /* consumers are alive, and nothing moves */
	SURVEY_STOPPED,       /* there are consumers, all silent for a lease */
	SURVEY_NO_CONSUMERS,  /* something to do, and nobody there */
	SURVEY_STUCK_PENDING, /* pending, and nobody renews its lease */
	SURVEY_REWOUND,       /* moved back since the last sample */
	SURVEY_NO_VERDICT     /* no group, or no stream */
};

/* One group of one stream; or one stream without groups, or one that can't be
 * read. */
struct survey_row {
	const char *stream; /* owned by the survey */
	char *group;        /* NULL: the stream has none */
	char *error; /* NULL, or why nothing is known: "no such stream", … */

	int64_t length;
	int64_t added; /* entries ever added; unknown before Redis 7.0 */
	struct id first, newest; /* entries; ID_MIN if there are none */
	struct id generated;     /* the largest id ever given */
	struct id delivered;     /* the newest one that the group was given */
	int64_t lag;
	bool lag_exact; /* else it is at least so many */
	int64_t age_ms; /* how long the first undelivered entry has waited;
			 * 0: there is none */
	int64_t pending;
	int64_t oldest_ms; /* longest silence about a pending entry: since its
			     * last delivery or renewal; 0: none is pending */
	int64_t retrying;  /* failed, and waiting for the next attempt */
	int64_t dead;      /* dead letters that this group left */
	bool dead_exact;   /* else there are at least so many */
	int64_t scheduled; /* events of the stream that are not due yet */
	int64_t consumers;
	int64_t silent_ms; /* since the liveliest consumer was heard */
	struct survey_work work;
	char unknown[96]; /* why something is unknown that others know; "" */

	/* By judge.h. */
	double in_per_s, out_per_s, growth_per_s; /* NAN: unknown */
	int64_t eta_ms; /* until lag 0 at these rates */
	enum survey_verdict verdict;
	char reason[96]; /* of any verdict but OK, or what is unknown; "" */
};

struct survey {
	const struct survey_options *options;
	int64_t now_ms;         /* the server's clock at the reading */
	struct survey_row *row; /* by stream, then group, in order of names */
	size_t count;

	struct survey_state *state; /* private */
};

void survey_init(struct survey *s, const struct survey_options *options);
void survey_release(struct survey *s);

/* Add a stream by its name, once. */
void survey_add(struct survey *s, const char *stream);

/* Add the streams that match a glob by now, but not dead letters ({S}:dlq) and
 * the audit stream, unless the glob has "dlq" or "audit" in it.  Returns 0, or
 * -1 with conn_error() set. */
int survey_find(struct survey *s, struct conn *c, const char *pattern);

/* Read all streams.  A stream that can't be read is a row with an error.  Returns
 * 0, or -1 with conn_error() set; the rows are then those of the last time. */
int survey_read(struct survey *s, struct conn *c);

/* The row of this stream and group (NULL: none) in a survey, or NULL. */
const struct survey_row *survey_row(const struct survey *s, const char *stream,
				    const char *group);

/* "OK", "NO-CONSUMERS", …; "-" for no verdict. */
const char *survey_verdict_name(enum survey_verdict verdict);

#endif
