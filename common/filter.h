/*
 * filter.h - jq expressions and programs over events
 *
 * An expression that only compares paths with constants, such as
 *
 *     .data.score >= 1.5 and .type == "game.scheduled"
 *
 * is evaluated on the event's bytes, with jq's semantics and without jq
 * (compare.h says which); every other one by libjq, which is initialised only
 * then.  Names bound in programs: $id, $stream, $group (strings or null) and
 * $deliveries (number or null).
 *
 * What differs from the program jq: the event is the only input, so `input`
 * fails and `inputs` is empty; what `debug` prints is said with -v; $ENV.HOME is
 * not the home (env.HOME is).  jq 1.6 rounds numbers to doubles.  An event or a
 * result that is nested deeper than jq can read or print (256) fails.
 */
#ifndef COMMON_FILTER_H
#define COMMON_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/json.h"

struct filter;

/* What the bound names stand for; NULL or -1 is null. */
struct filter_names {
	const char *id, *stream, *group;
	int64_t deliveries;
};

/*
 * Compile.  Returns NULL with a printable reason in error (cut to its size).
 * The text is borrowed.  $HOME/.jq is not loaded; import finds modules in the
 * working directory (jq insists on it) and in those of $JQ_LIBRARY_PATH,
 * separated by colons.
 */
enum { FILTER_ERROR = 512 };
struct filter *filter_open(const char *text, char error[FILTER_ERROR]);

/* Whether it runs without jq. */
bool filter_is_plain(const struct filter *f);

/*
 * Whether the expression is true (its first result is neither false nor null;
 * no later one is either) for a scanned document.  Returns 1, 0, or -1 when it
 * fails on this input (filter_error).  A failure behind a result that is false
 * or null is not reached.
 */
int filter_match(struct filter *f, const struct json_doc *doc,
		 const struct filter_names *names);

/*
 * Run a program: append each result to out as one line, compact and followed by
 * the terminator, strings too as JSON.  Returns 0, or -1 when it failed on
 * this input (results before the failure are in out).  An error that the
 * program ends with `halt_error` counts as failing, plain `halt` as no result.
 */
int filter_run(struct filter *f, const struct json_doc *doc,
	       const struct filter_names *names, struct buf *out,
	       char terminator);

/* Why the last run failed: printable, cut to FILTER_ERROR. */
const char *filter_error(const struct filter *f);

void filter_close(struct filter *f);

#endif
