/*
 * conn.h - a connection to a Redis server: commands out, replies in
 *
 * Commands are appended to an output buffer and go out when it is flushed or a
 * reply is waited for; replies come back in order.  A caller that pipelines
 * counts its own commands.
 *
 * After an error conn_error() tells what and conn_is_lost() whether the
 * connection is gone (conn_reconnect() may help) or the caller's question was.
 * While it is lost, commands are dropped and reads return -1 at once.
 */
#ifndef COMMON_CONN_H
#define COMMON_CONN_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/id.h"
#include "common/opt.h"
#include "common/reply.h"

struct conn_options {
	const char *url;
	const char *password_file; /* first line; beats the URL's */
	const char *cacert, *cert, *key, *sni;
	bool insecure;
	int64_t retry_for_ms; /* how long conn_reconnect() tries; INT64_MAX: for
			       * ever */
	int64_t reply_ms;     /* longest silence while a reply is due */
	size_t max_reply;     /* bytes of one element; a reply held as a whole
			       * may take twice as many; more ends it */
};

#define CONN_OPTIONS_INIT                                               \
	{                                                               \
		.url = "redis://127.0.0.1:6379", .retry_for_ms = 30000, \
		.reply_ms = 30000, .max_reply = (size_t)512 << 20       \
	}

#define OPT_CONN(o)                                                           \
	OPT_URL_ENV('u', "url", "URL", &(o)->url, "where the server is",      \
		    "EV_URL REDIS_URL"),                                      \
		OPT_TEXT_ENV(0, "password-file", "FILE", &(o)->password_file, \
			     "read the password from FILE",                   \
			     "EV_PASSWORD_FILE"),                             \
		OPT_TEXT(0, "cacert", "FILE", &(o)->cacert,                   \
			 "CA certificates (PEM)"),                            \
		OPT_TEXT(0, "cert", "FILE", &(o)->cert,                       \
			 "client certificate (PEM)"),                         \
		OPT_TEXT(0, "cert-key", "FILE", &(o)->key,                    \
			 "key of --cert (PEM)"),                              \
		OPT_TEXT(0, "sni", "NAME", &(o)->sni,                         \
			 "server name to verify"),                            \
		OPT_BOOL(0, "insecure", &(o)->insecure,                       \
			 "don't verify the server"),                          \
		OPT_DURATION(0, "retry-for", "DUR", &(o)->retry_for_ms,       \
			     "how long to try to (re)connect"),               \
		OPT_DURATION(0, "reply-timeout", "DUR", &(o)->reply_ms,       \
			     "give up a server silent so long (30s)")

struct conn; /* opaque */

/*
 * Make a connection: URL, password (--password-file, else the URL's, else
 * REDISCLI_AUTH), connect, log in (login.h).  Tries until retry_for_ms if the
 * server is not there or is LOADING, with a warning; what a retry can't mend
 * (bad URL, password, certificate, not a Redis server) fails at once, and so
 * does a stop, unless it was there before: then there is one attempt.
 * Never NULL: look at conn_error(), and conn_is_usage() for whether it is the
 * user's URL or files that are wrong (EXIT_USAGE) or the server (EXIT_SERVER).
 * The options are borrowed.
 */
struct conn *conn_open(const struct conn_options *options);
void conn_close(struct conn *c);

/*
 * Printable and without secrets; NULL if all is well.  What is wrong with the
 * connection starts with conn_name(), the server's answer to a command does not.
 * conn_result() and what builds on it forget an earlier answer.
 */
const char *conn_error(const struct conn *c);
bool conn_is_lost(const struct conn *c);
bool conn_is_usage(const struct conn *c);

/* The URL without its password, for messages; the server's id of this
 * connection (CLIENT ID), 0 if unknown. */
const char *conn_name(const struct conn *c);
uint64_t conn_client_id(const struct conn *c);

/*
 * Open the same again, with jittered backoff of 50 ms to 2 s, until
 * retry_for_ms have passed since the server last answered a command.  Whatever
 * was in flight or buffered is forgotten.  Says so with warn().  Returns 0, or
 * -1 with conn_error() set: also at a stop, and at once if the server speaks no
 * protocol or one that was not understood.
 */
int conn_reconnect(struct conn *c);

/* One attempt to open a lost connection again, also once a stop is requested: for
 * what is worth it in a drain.  Returns 0, or -1 with conn_error() set. */
int conn_reopen(struct conn *c);

/* A second connection with the same options, for a short errand. */
struct conn *conn_again(const struct conn *c);

/*
 * While conn_reply() and conn_await() wait, watch fd too and call heed() whenever
 * it is readable; heed() must read from it.  If it returns false, the wait is
 * given up and the connection with it.  NULL: not any more.
 */
void conn_set_heed(struct conn *c, int fd, bool (*heed)(void *arg), void *arg);

/* Append a command of argc arguments: conn_command(), then argc times an
 * argument.  conn_commandv() does both for NUL-terminated words up to NULL. */
void conn_command(struct conn *c, size_t argc);
void conn_arg(struct conn *c, const char *text, size_t len);
void conn_args(struct conn *c, const char *word);
void conn_argu(struct conn *c, uint64_t n);
void conn_argid(struct conn *c, struct id id);
void conn_commandv(struct conn *c, const char *word, ...)
	__attribute__((sentinel));

/* The output buffer, for hot paths that append ready-made protocol. */
struct buf *conn_out(struct conn *c);

/* Write what the socket takes now.  Returns 0, or -1 if the connection is lost. */
int conn_flush(struct conn *c);
/* Bytes appended and not yet written; after a loss, those that never were. */
size_t conn_unsent(const struct conn *c);

/*
 * The next reply that is at hand, without waiting.  Returns 1 with *reply set,
 * 0 if more bytes are needed, -1 if the connection is lost.  The reply stays
 * valid until the next call.
 *
 * A reply larger than part_bytes is handed over in parts: complete is false,
 * and the next call goes on with the same reply, of which the caller has
 * consumed (reply_consume) what it used.  part_bytes 0 waits for whole replies.
 */
int conn_next(struct conn *c, struct reply **reply, size_t part_bytes);

/* What conn_wait() saw. */
enum conn_seen {
	CONN_SEEN_REPLY = 1, /* bytes from the server: call conn_next() */
	CONN_SEEN_FD = 2,    /* the other descriptor is readable */
	CONN_SEEN_STOP = 4   /* a stop was requested; it stays so */
};

/*
 * Write pending output and wait for input from the server, for fd (-1: none) to
 * be readable, for a stop (unless `drain`: then it does not count as seen), or
 * for timeout_ms (-1: none).  Returns the set of conn_seen, 0 at the timeout,
 * once output made progress or when a stop comes in a drain, so that limits can
 * be computed anew; -1 if the connection is lost.
 */
int conn_wait(struct conn *c, int fd, int timeout_ms, bool drain);

/*
 * For callers with a poll set of their own: write pending output and fill in
 * what to wait for.  Returns 1 if input is at hand already, so that they must
 * not wait; 0; -1 if the connection is lost.
 */
int conn_poll(struct conn *c, struct pollfd *p);

/*
 * Wait for the next whole reply.  Returns it, or NULL if the connection was
 * lost or silent for options.reply_ms + block_ms (which ends it).  A stop does
 * not end the wait, so that what was asked is known, but shortens the silence to
 * 2 s + block_ms.  An error from the server is a reply like another.
 */
struct reply *conn_reply(struct conn *c, int64_t block_ms);

/*
 * Wait for the next reply, or for the next part of one (conn_next), as
 * conn_reply() does.  Returns 0 with *reply set, or -1.
 */
int conn_await(struct conn *c, struct reply **reply, size_t part_bytes,
	       int64_t block_ms);

/*
 * As conn_await(), but fd (-1: none) and a stop end the wait.  Returns 1 with
 * *reply set, 0 once fd is readable or broken or a stop is requested (the reply
 * is still to come), -1.
 */
int conn_watch(struct conn *c, struct reply **reply, size_t part_bytes,
	       int64_t block_ms, int fd);

/*
 * For callers that wait with conn_wait(): end the connection if options.reply_ms
 * + block_ms have passed since `since_ms` (when_monotonic()), when the server was last heard
 * or asked, or 2 s + block_ms since then and a stop.  Returns the ms left until then, -1 if
 * the connection is lost.
 */
int conn_silence(struct conn *c, int64_t since_ms, int64_t block_ms);

/*
 * As conn_reply(), and if it is an error returns NULL with conn_error() set to
 * the server's words.  For commands whose error is the caller's end.
 */
struct reply *conn_result(struct conn *c);

/* Put what it is about before conn_error(), unless that is of the connection. */
void conn_blame(struct conn *c, const char *object);

/* Set conn_error() to the text of reply element i, to a reason of the caller's,
 * or to a fixed complaint about a reply of the wrong shape, which ends the
 * connection. */
void conn_fail_reply(struct conn *c, const struct reply *r, size_t i);
void conn_refuse(struct conn *c, const char *why);
void conn_fail_shape(struct conn *c, const char *command);

/* The server's clock (TIME), in ms; -1 after an error. */
int64_t conn_now(struct conn *c);

/* Whether the server has a command (COMMAND INFO).  1, 0, or -1. */
int conn_has_command(struct conn *c, const char *name);

#endif
