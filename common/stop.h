/*
 * stop.h - ending on SIGINT and SIGTERM
 *
 * The first signal asks the program to drain.  The second ends it at once with
 * the status a shell expects of that signal, unless it is the same within 50 ms:
 * timeout(1) signals its child and then its group.  Waits notice the first
 * through stop_fd(), so that a signal between a check and a wait is not missed.
 * SIGPIPE is ignored: a closed pipe is a failing write.
 */
#ifndef COMMON_STOP_H
#define COMMON_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* The first call of main(): it also sees to it that a closed standard descriptor
 * is not used by another file. */
void stop_init(void);
bool stop_requested(void);

/* Readable from the first signal on; -1 before stop_init().  Never read it. */
int stop_fd(void);

/* From now on interrupt what blocks every so many ms: a write(2) to a reader
 * that does not read then returns with EINTR or what it has done. */
void stop_tick(int64_t every_ms);

/*
 * Name what runs now and can't be interrupted (NULL when it has ended), for the
 * second signal to say.  Borrowed: it must stay valid until the next call.
 */
void stop_note(const char *what);

/* What the second signal is to do before it ends the program: for what must not
 * outlive it.  Called in the signal's handler, whatever the program is doing;
 * NULL: nothing. */
void stop_last(void (*act)(void));

/* Ask for the drain as a signal would. */
void stop_request(void);

/* Sleep for some ms or until a stop is requested; true if it was. */
bool stop_sleep(int ms);

#endif
