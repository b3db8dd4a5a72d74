/*
 * line.h - newline-delimited records from a file descriptor
 *
 * A reader owns one buffer that grows to the longest line seen and is then
 * reused: steady-state reading allocates nothing.  Lengths are bytes, without
 * the line's end (LF or CRLF).  A byte order mark at the start of the input is
 * skipped, so are lines of blanks only.  A line may hold NUL; use len, never
 * strlen().
 */
#ifndef COMMON_LINE_H
#define COMMON_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_MAX_BYTES = 1 << 20 }; /* the default of --max-bytes */

struct line_reader {
	const char *name; /* for messages; borrowed */
	uint64_t number;  /* of the current line, from 1; blank ones count */
	const char *text; /* the current line; valid until the next call */
	size_t len;

	/*
	 * Called, if set, before each read(2) that could block, to do what
	 * should not wait for input and then wait for it.  It returns 1 once fd
	 * is readable, 0 to end the input there, -1 with errno set.
	 */
	int (*wait)(void *arg, int fd);
	void *arg;

	int fd;           /* borrowed: line_release() does not close it */
	size_t max_bytes; /* longer lines are refused, not split */
	char *buf;        /* private from here on */
	size_t cap, start, end, searched;
	bool at_end, skipping;
};

/* Read fd under the name given; neither is owned.  Allocates nothing. */
void line_init(struct line_reader *in, int fd, const char *name,
	       size_t max_bytes);

/*
 * Advance to the next line; an unterminated last line counts.
 *
 * Returns 1 with text and len set; 0 at the end of input, or once a stop is
 * requested (stop.h); -1 with errno set: EMSGSIZE for a line over max_bytes
 * (text and len are its first bytes; the next call goes on behind it), else as
 * read(2).  Reading is by whole buffers, in memory of at most max_bytes + 256
 * KiB.
 */
int line_next(struct line_reader *in);

/* Free the buffer.  Safe on a zeroed reader and when called twice. */
void line_release(struct line_reader *in);

#endif
