/*
 * sample.h - one look after another at the same streams
 *
 * Each look finds the streams that patterns match by then, reads them (survey),
 * judges them by those before (judge), and asks for the server's memory if that
 * is wanted.  A connection that is lost is opened again, once a look.
 */
#ifndef COMMON_SAMPLE_H
#define COMMON_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/health.h"
#include "common/judge.h"
#include "common/opt.h"
#include "common/survey.h"

struct sample_options {
	struct survey_options survey;
	char **operand; /* streams and patterns; none: all streams */
	size_t operands;
	bool memory; /* ask for it */
};

#define OPT_SAMPLE(o)                                                  \
	OPT_TEXT('g', "group", "GLOB", &(o)->survey.group,             \
		 "show the groups that match"),                        \
		OPT_DURATION(0, "lease", "DUR", &(o)->survey.lease_ms, \
			     "who is silent for longer is gone (30s)")

/* What is wrong with the options, as static text; NULL: nothing. */
const char *sample_options_error(const struct sample_options *o);

struct sample {
	const struct sample_options *o;
	struct conn *conn; /* borrowed */
	struct survey survey;
	struct judge *judge;
	struct survey past; /* dead letters as they were a while ago, at most
			     * SURVEY_MINUTES, for rules_check() */
	struct health_memory memory;
	double seconds;  /* that the look took */
	int64_t now_ms;  /* by the server, or this machine if it is away */
	int64_t away_ms; /* since when, by this machine; 0: it answered */
};

/* The options and the connection are borrowed. */
void sample_init(struct sample *s, const struct sample_options *o,
		 struct conn *c);
void sample_release(struct sample *s);

/* Look.  Returns 0, or -1 with conn_error() set: the server is away. */
int sample_take(struct sample *s);

/* Say what could not be read.  Whether all that was named is there. */
bool sample_is_whole(const struct sample *s);

/* The memory in percent, as rules_check() takes it. */
double sample_memory(const struct sample *s);

#endif
