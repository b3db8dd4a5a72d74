/*
 * opt_value.h - the value of one option: from text and to text
 */
#ifndef COMMON_OPT_VALUE_H
#define COMMON_OPT_VALUE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/opt.h"

/* Whether a row is given without an argument. */
bool opt_value_is_flag(const struct opt *row);

/*
 * Set a row's value from text; a list gets one item more.  The text is borrowed
 * where the value is text.  Returns 0, or -1 with error set ("\"5\" is not a
 * duration (such as …)").
 */
enum { OPT_VALUE_ERROR = 512 };
int opt_value_set(const struct opt *row, const char *text,
		  char error[OPT_VALUE_ERROR]);

/*
 * Append a row's value as opt_value_set() takes it.  Returns false, and appends
 * nothing, for a value that no text stands for: none, or no limit.  Not for
 * lists.
 */
bool opt_value_put(const struct opt *row, struct buf *out);

#endif
