/*
 * script.h - Lua scripts on the server: the state changes of more than one key
 *
 * The texts are files in common/lua/, embedded at build time.  A script is
 * loaded on a connection before its first use and called by its hash; the
 * server may forget it (SCRIPT FLUSH, failover), then NOSCRIPT comes back and
 * nothing was done.
 */
#ifndef COMMON_SCRIPT_H
#define COMMON_SCRIPT_H

#include <stddef.h>

#include "common/conn.h"
#include "common/reply.h"

/* See the head of each file for keys, arguments and result. */
enum script_name {
	SCRIPT_DEDUP,
	SCRIPT_RENEW,
	SCRIPT_RELEASE,
	SCRIPT_LEAVE,
	SCRIPT_DONE,
	SCRIPT_EMIT,
	SCRIPT_FAIL,
	SCRIPT_DEAD,
	SCRIPT_TAKE,
	SCRIPT_HOLD,
	SCRIPT_REDRIVE,
	SCRIPT_DELAY,
	SCRIPT_PROMOTE,
	SCRIPT_CLAIM,
	SCRIPT_PUTBACK,
	SCRIPT_REGROUP,
	SCRIPT_ADOPT,
	SCRIPT_TRIM,
	SCRIPT_REMOVE,
	SCRIPT_REAP,
	SCRIPT_REPLAY,
	SCRIPT_REWIND,
	SCRIPT_SPAN,
	SCRIPT_PEEK
};

struct script {
	enum script_name name;
	char sha[41]; /* "" until it is loaded */
};

/* The text to load, for callers that pipeline SCRIPT LOAD themselves. */
const char *script_text(const struct script *s);

/* SCRIPT LOAD, one round trip.  Returns 0, or -1 with conn_error() set. */
int script_load(struct conn *c, struct script *s);

/* Append the start of a call with argc keys and arguments in all, which follow
 * as conn_arg().  The script must be loaded. */
void script_begin(struct conn *c, const struct script *s, size_t keys,
		  size_t argc);

/* The same with the text in place of its hash, so that NOSCRIPT can't come: for
 * long calls that are pipelined and can't be sent again in their order. */
void script_begin_text(struct conn *c, const struct script *s, size_t keys,
		       size_t argc);

/* A key or an argument. */
struct script_arg {
	const char *text;
	size_t len;
};

/*
 * A call for which the caller waits: keys first.  Loads the script as needed,
 * also after NOSCRIPT.  Returns the reply, which may be an error of the script or
 * of loading it, or NULL if the connection is lost.
 */
struct reply *script_run(struct conn *c, struct script *s, size_t keys,
			 const struct script_arg *arg, size_t count);

/* A call for which the caller waits: keys first, NUL-terminated, up to NULL.
 * Loads the script as needed, also after NOSCRIPT.  Returns the reply, or NULL
 * with conn_error() set, also for an error of the script. */
struct reply *script_call(struct conn *c, struct script *s, size_t keys,
			  const char *arg, ...) __attribute__((sentinel));

#endif
