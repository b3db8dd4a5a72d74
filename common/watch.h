/*
 * watch.h - a terminal that shows groups or their jobs, again and again
 *
 * Samples at an interval and paints a page (watch_paint.h).  Keys are answered at
 * once, also while the server is slow or away: then the page says so, and each
 * sample tries to connect again.
 */
#ifndef COMMON_WATCH_H
#define COMMON_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/diag.h"
#include "common/sample.h"

struct watch_options {
	int64_t interval_ms;
	uint64_t count;   /* of samples, then it ends; UINT64_MAX: never */
	int64_t deadline; /* when_monotonic(), likewise; INT64_MAX */
	bool jobs;        /* show these, not groups */
	size_t most;      /* jobs */
};

/*
 * Run until the key q, the end that the options tell, or a stop.  The sample's
 * connection is used.  Returns EXIT_OK; EXIT_NO if fewer samples were taken than
 * asked for; EXIT_SERVER if the server did not answer the last one; EXIT_USAGE
 * where there is no terminal, EXIT_OUTPUT where it is gone, both with a message.
 */
enum exit_status watch_run(struct sample *sample,
			   const struct watch_options *options);

#endif
