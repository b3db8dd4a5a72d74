/*
 * out.h - standard output, whose failures count
 *
 * Bytes are collected and written when the buffer is full, at out_flush() and
 * at out_close(); on a terminal at the end of each line.  The first failing
 * write is remembered: from then on everything is dropped and every call
 * returns -1, so that a program acknowledges nothing that was not written.
 */
#ifndef COMMON_OUT_H
#define COMMON_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/diag.h"

struct out {
	int fd; /* -1: there is none, what is printed stays in buf */
	const char *name;
	bool terminal;   /* neutralise what could drive one */
	char terminator; /* of a line: '\n', or NUL with -0 */
	bool pipe;
	int error; /* errno of the write that failed, else 0 */

	/* Called, if set, when a write has taken less than all: it was blocked
	 * and a signal interrupted it. */
	void (*interrupted)(void *arg);
	void *arg;

	struct buf buf;
};

void out_init(struct out *out, int fd, const char *name);

/* Append bytes as they are. */
int out_write(struct out *out, const char *text, size_t len);

/*
 * Append valid JSON so that it takes one line: LF and CR, which JSON allows
 * between tokens only, are dropped, nothing else changes; on a terminal the
 * controls inside strings (text_is_control) become \u escapes.
 */
int out_json(struct out *out, const char *text, size_t len);

/* Append a name in a line for people: controls become \u escapes, what is no
 * UTF-8 ends it. */
int out_name(struct out *out, const char *name);

/* End the line; returns -1 if anything failed so far. */
int out_end(struct out *out);

/* Write what is buffered.  Returns 0, or -1 with error set. */
int out_flush(struct out *out);

/*
 * Standard output as something to wait on besides the server: its descriptor if
 * it is a pipe, else -1.  Once that wait is over, out_is_abandoned() tells
 * whether the pipe's reader has gone, which then counts as a failed write.
 */
int out_watch_fd(const struct out *out);
bool out_is_abandoned(struct out *out);

/*
 * Flush, release the buffer, and give the status to exit with: `status` itself
 * if all was written or the reader of a pipe has gone (EPIPE); EXIT_OUTPUT,
 * with a message, after any other failure.
 */
enum exit_status out_close(struct out *out, enum exit_status status);

#endif
