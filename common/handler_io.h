/*
 * handler_io.h - the pipes of a run: what handler.c needs of handler_io.c and
 * handler_control.c
 */
#ifndef COMMON_HANDLER_IO_H
#define COMMON_HANDLER_IO_H

#include <stdbool.h>
#include <stddef.h>

#include "common/handler.h"

enum { HANDLER_PIPES = 4 }; /* descriptors 0 to 3 of the command */

/*
 * Make the four pipes; child[n] is the end that becomes descriptor n of the
 * command, by dup2(2) from 0 up.  All are close-on-exec.  Returns 0, or -1 with
 * errno and nothing left open.
 */
int handler_io_open(struct handler *h, int child[HANDLER_PIPES]);

/* Write to stdin what fits; the rest is copied, or stdin closed if it was all.
 * For before the start, so that the command finds its event waiting. */
void handler_io_feed(struct handler *h, const char *input, size_t len);

/* Whether the command and its children have closed all they could write to; what
 * they wrote may still wait to be read.  *err, if not NULL: whether stderr is
 * still open there. */
bool handler_io_is_quiet(const struct handler *h, bool *err);

/* The command has exited: take what is in the pipes now, not what its children
 * may still add, and close them. */
void handler_io_finish(struct handler *h);

/* Close all at once. */
void handler_io_close(struct handler *h);

/* Take bytes of descriptor 3, and at its end a line without LF. */
void handler_control_take(struct handler *h, const char *text, size_t len);
void handler_control_end(struct handler *h);

/*
 * Copy text as a string of at most size - 1 bytes of UTF-8; NUL and what is not
 * UTF-8 become ?, and no character is cut in two.
 */
void handler_put_text(char *out, size_t size, const char *text, size_t len);

#endif
