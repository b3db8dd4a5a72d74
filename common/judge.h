/*
 * judge.h - what the samples of a survey mean, without any threshold
 *
 * One sample tells OK, STOPPED, NO-CONSUMERS and STUCK-PENDING; rates, and with
 * them GROWING, STALLED and REWOUND, need two or more.  Rates are taken over the
 * samples that are kept: the last JUDGE_SAMPLES, at most 60 s.
 *
 *     in    entries added: by the stream's own counter, before Redis 7.0 by
 *           its length if nothing was removed, else unknown
 *     out   entries delivered: what was added less what the lag grew
 */
#ifndef COMMON_JUDGE_H
#define COMMON_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/survey.h"

enum { JUDGE_SAMPLES = 32 };

struct judge; /* opaque: the samples of the past, by stream and group */

struct judge *judge_open(const struct survey_options *options);
void judge_close(struct judge *j);

/* Take the survey's rows as the newest sample and fill in their rates, eta_ms,
 * verdict and reason. */
void judge_take(struct judge *j, struct survey *s);

/* The lags of this row's samples, oldest first, for a graph; returns how many,
 * at most `most`.  Unknown ones are SURVEY_UNKNOWN. */
size_t judge_lags(const struct judge *j, const struct survey_row *row,
		  int64_t *lag, size_t most);
/* The rates between these samples, likewise, in entries per second. */
size_t judge_rates(const struct judge *j, const struct survey_row *row,
		   double *in_per_s, double *out_per_s, size_t most);

#endif
