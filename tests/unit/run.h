/*
 * run.h - one run of a command under handler.h, for its tests
 *
 * There is one handler and one loop around it, as a worker has them.  What goes
 * wrong in here fails the test.
 */
#ifndef TESTS_UNIT_RUN_H
#define TESTS_UNIT_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/handler.h"

enum { RUN_PATIENCE_MS = 30000 };

extern struct handler run_handler;
extern struct buf run_output; /* what was taken of its output */

/* First of all: SIGCHLD as a careless parent leaves it, SIGPIPE as stop_init()
 * does, and no descriptors for the commands that we happen to have. */
void run_prepare(void);
int run_teardown(void **state);

/* Start a command, or "sh -c script", which has to start. */
void run_start_argv(char *const *argv, const char *input, size_t len,
		    int64_t timeout_ms);
void run_start_with(const char *script, const char *input, size_t len,
		    int64_t timeout_ms);
void run_start(const char *script);

/* Wait for something to happen, and do it; returns whether the run is over.
 * Nothing is taken of the output. */
bool run_turn(int64_t deadline);

/* Take the output, to the end or until the command has printed so much. */
void run_take(void);
void run_finish(void);
void run_until(const char *text);

/* Start it and go on to the end. */
void run_script(const char *script);

void run_assert_ended(enum handler_state state, int code);
void run_assert_output(const char *want);

/*
 * From the first on all that is started inherits a pipe, by which the second
 * sees, to be called once, whether all of it ends.
 */
void run_open_witness(void);
bool run_everyone_ends(void);

/* Another descriptor as our own stderr for a while; at most to the teardown. */
void run_redirect_stderr(int fd);
void run_restore_stderr(void);

#endif
