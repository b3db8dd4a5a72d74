/*
 * compare.h - the jq expressions that need no jq
 *
 * An expression is plain if all it does is compare paths with constants:
 *
 *     .data.score >= 1.5 and (.type == "game.scheduled" or .urgent)
 *
 *     path      .  .a  .a.b  ."a b"  .["a"]  .a[0]    (indices from 0)
 *     constant  "text"  -1.5e3  true  false  null     (strings with escapes)
 *     test      path OP constant, constant OP path, or a path alone
 *     OP        ==  !=  <  <=  >  >=
 *
 * Tests are joined by `and`, `or` and parentheses.  Everything else is jq's
 * business, what jq itself would refuse included.
 *
 * The verdict is jq's: a missing member is null; null < false < true < numbers
 * < strings < arrays < objects; strings are ordered by code points; the last of
 * duplicate keys counts; `and` and `or` look at their right side only if they
 * must.  Numbers are compared by their decimal values, as jq 1.7 does with
 * literals; jq 1.6 takes two for equal that round to the same double.  An
 * unpaired surrogate escape reads as U+FFFD.
 */
#ifndef COMMON_COMPARE_H
#define COMMON_COMPARE_H

#include "common/buf.h"
#include "common/json.h"

/* Reused from one document to the next.  A zeroed struct is valid. */
struct compare {
	struct compare_test *test; /* private, as all that follows */
	struct compare_step *step;
	size_t tests, steps;
	char *bytes; /* names and constants of the above, unescaped */
	struct buf tmp, error;
};

/* Read an expression into a zeroed struct.  Returns 0, or -1 if it isn't plain,
 * with the struct zeroed again.  The text is not kept. */
int compare_parse(struct compare *c, const char *text);

/*
 * Whether the expression is true of a scanned document.  Returns 1, 0, or -1 if
 * a path leads through a value that has no members (compare_error).  Allocates
 * nothing once the buffers have grown.
 */
int compare_match(struct compare *c, const struct json_doc *doc);

/* Why compare_match() failed, in jq's words; valid until the next match. */
const char *compare_error(struct compare *c);

void compare_release(struct compare *c);

#endif
