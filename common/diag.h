/*
 * diag.h - what a program says on standard error, and how it ends
 *
 * Messages read "program: object: what: why", in lower case and without a full
 * stop or newline.  Control bytes and invalid UTF-8 in them are replaced, so
 * that event data quoted in a message can't drive a terminal.  A message longer
 * than DIAG_MAX bytes is cut.  Nothing here allocates.
 */
#ifndef COMMON_DIAG_H
#define COMMON_DIAG_H

#include <stdbool.h>

enum { DIAG_MAX = 2048 };

/* The exit statuses of all programs; the table in ev(7) says the same. */
enum exit_status {
	EXIT_OK = 0,      /* done */
	EXIT_NO = 1,      /* the answer is no: too few events, no reply */
	EXIT_USAGE = 2,   /* usage or configuration */
	EXIT_INPUT = 3,   /* some events were refused, the rest are done */
	EXIT_SERVER = 4,  /* server unreachable or refusing */
	EXIT_OUTPUT = 5,  /* output, a local file or memory failed */
	EXIT_SPOOLED = 75 /* spooled, not yet published */
};

enum diag_level { DIAG_QUIET = -1, DIAG_NORMAL, DIAG_INFO, DIAG_DEBUG };

/*
 * Set the program's name (the last part of a path); borrowed.  Closed standard
 * descriptors are opened on /dev/null, unwritable, so that no socket or file
 * ever takes their number.
 */
void diag_init(const char *argv0);
const char *diag_program(void);

/* How much is said: DIAG_QUIET leaves only what die() and fault() say. */
void diag_set_level(int level);
bool diag_says(enum diag_level level);

/* Write each message as {"time","level","program","message"}, one a line. */
void diag_set_json(bool json);

/* What die() exits with from now on, whatever it is told, for callers that know
 * other statuses; negative: what it is told. */
void diag_set_failure(int status);

/* Say why, and exit with the status at once; standard output is not flushed. */
_Noreturn void die(enum exit_status status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Say what makes the program fail later on, as die() would: also with -q. */
void fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Say something that went wrong (warn), may interest (info, with -v) or helps
 * to debug the program (debug, with -vv). */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
