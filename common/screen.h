/*
 * screen.h - a terminal as a page that is painted again and again, and its keys
 *
 * While it is open, the terminal shows its alternate screen without a cursor,
 * and keys come at once and are not echoed.  However the program ends, the
 * terminal is as it was before: at screen_close() and exit(3), at signals that
 * end it, and while it is stopped (^Z).  What is said on standard error, if that
 * is a terminal, is kept meanwhile and said behind.
 *
 * There is one screen at a time: what signals undo is the process's.
 */
#ifndef COMMON_SCREEN_H
#define COMMON_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/* Keys that are more than a byte; others are that byte. */
enum screen_key {
	SCREEN_KEY_NONE = 0,
	SCREEN_KEY_ESCAPE = 27,
	SCREEN_KEY_UP = 256,
	SCREEN_KEY_DOWN,
	SCREEN_KEY_PAGE_UP,
	SCREEN_KEY_PAGE_DOWN,
	SCREEN_KEY_HOME,
	SCREEN_KEY_END
};

struct screen {
	size_t columns, rows; /* as of the last screen_measure() */
	bool utf8;            /* else painted as ASCII */
	struct buf frame;     /* private */
};

/*
 * Take standard input for keys and standard output to paint on.  NULL, or why
 * not, as static text: one of them is no terminal, or it can't move its cursor.
 */
const char *screen_open(struct screen *s);
void screen_close(struct screen *s);

/* Give the terminal back, for good.  Safe in handlers of signals, and where there
 * is no screen. */
void screen_restore(void);

/* Two descriptors to wait for: keys (-1 while there can be none), and what is
 * readable once the terminal was resized, stopped and continued, or gone. */
int screen_key_fd(void);
int screen_wake_fd(void);

/* The next key that is at hand, or SCREEN_KEY_NONE. */
int screen_next_key(void);

/* Whether the terminal has hung up, so that no key will ever come. */
bool screen_is_gone(void);

/*
 * While something may block that does not watch screen_key_fd(), look for keys
 * now and then: `q` ends the program at once, with status 0, others make
 * screen_wake_fd() readable.
 */
void screen_listen(bool on);

/* Ask how large it is now, and read all from screen_wake_fd(). */
void screen_measure(struct screen *s);

/* Paint a page of lines that end in LF; what is too much for the screen is cut,
 * lines at `columns` characters that may be coloured by SGR sequences.  Returns
 * 0, or -1 with errno set. */
int screen_paint(struct screen *s, const char *text, size_t len);

/* Append the bytes that paint this page, for a terminal of that size. */
void screen_put(const struct screen *s, const char *text, size_t len,
		struct buf *out);

/* The key that these bytes begin with, and how many it takes. */
int screen_parse_key(const char *bytes, size_t len, size_t *taken);

/* Whether a locale's name, as LC_ALL has it, is of UTF-8. */
bool screen_is_utf8(const char *locale);

#endif
