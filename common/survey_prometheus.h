/*
 * survey_prometheus.h - a survey as Prometheus reads it (text format 0.0.4)
 *
 * Names begin with evlag_, then follow redis_exporter's; units are seconds and
 * bytes; labels are stream and group.  What is unknown is left out: a 0 or a NaN
 * would be taken for a figure.
 */
#ifndef COMMON_SURVEY_PROMETHEUS_H
#define COMMON_SURVEY_PROMETHEUS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/out.h"
#include "common/survey.h"

struct survey_scrape {
	bool up; /* the server answered; else nothing of the survey is shown */
	double seconds;                    /* that the survey took */
	int64_t memory_used, memory_limit; /* bytes; 0: unknown */
};

void survey_print_prometheus(const struct survey *s,
			     const struct survey_scrape *scrape,
			     struct out *out);

#endif
