/*
 * replay_tempo.h - the original spacing of events, scaled
 *
 * Events are due as far apart as their entry ids are, divided by the speed.  What
 * comes late is not spaced anew: the schedule goes on, so that a replay takes as
 * long as the original did.
 *
 * An id's time is a claim.  One that goes back makes no pause, and one in the
 * future counts as now, so that no id makes a replay wait for longer than the
 * stream has been there.
 */
#ifndef COMMON_REPLAY_TEMPO_H
#define COMMON_REPLAY_TEMPO_H

#include <stdbool.h>
#include <stdint.h>

#include "common/id.h"

enum {
	REPLAY_SPEED_UNIT = 1000,
	REPLAY_LONG_MS = 3600 * 1000 /* a pause worth a remark */
};

struct replay_tempo {
	uint64_t speed;     /* in thousandths; 0: as fast as it goes */
	int64_t max_gap_ms; /* longest pause; INT64_MAX: any */
	uint64_t now_ms;    /* later ids count as this */

	bool started; /* private */
	uint64_t at_ms;
	int64_t due; /* when_monotonic() */
};

/* Parse a positive decimal number of at most three places, up to 1000000.  0, or
 * -1. */
int replay_tempo_parse(const char *text, uint64_t *speed);

/* Step to an event of this id.  Returns when it is due, by when_monotonic(), which
 * is now_mono for the first; *gap is the pause before it in ms. */
int64_t replay_tempo_step(struct replay_tempo *t, struct id id,
			  int64_t now_mono, int64_t *gap);

#endif
