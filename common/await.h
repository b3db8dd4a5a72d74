/*
 * await.h - waiting for the replies to requests: events on another stream
 *
 * A reply is the first event that comes to the stream after await_open() and has
 * the request's correlation.  It is printed as soon as it is read.  Replies are
 * followed with XREAD on a connection of their own; if that is lost it is made
 * again and reading goes on behind the last entry.
 */
#ifndef COMMON_AWAIT_H
#define COMMON_AWAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conn.h"
#include "common/event.h"
#include "common/id.h"
#include "common/out.h"
#include "common/stream.h"

/* What a request is known by. */
struct await_request {
	size_t key, key_len; /* in keys */
	uint64_t line;
	int64_t deadline; /* when_monotonic() */
	size_t next;      /* in its bucket: index + 1; 0: none */
	bool answered;
};

struct await {
	struct conn *conn;
	const char *stream;
	const char *input;  /* of the requests, for messages; NULL: arguments */
	int64_t timeout_ms; /* for each request, from await_expect() on */
	struct out *out;
	uint64_t answered, missed;

	struct await_request *request; /* private from here on */
	size_t count, cap, first;      /* the first that may be open */
	size_t open;
	size_t *bucket; /* index + 1; cap of them */
	struct buf keys, tmp;
	struct event event;
	struct id last; /* of the replies' stream, read or there before */
	bool reading;
	int64_t since;
};

/*
 * Look at where the stream ends now, on a new connection like c.  The stream
 * need not exist.  Fields that are not private are the caller's to set before.
 * Returns 0, or -1 with conn_error(a->conn) set.
 */
int await_open(struct await *a, const struct conn *c);
void await_close(struct await *a);

/* What a request's reply will be known by: its correlation, else its id.  The
 * roles must have been noted.  False if it has neither. */
bool await_key(const struct event *ev, struct buf *tmp, const char **key,
	       size_t *len);

/* Whether a request with this key waits for its reply already. */
bool await_is_open(const struct await *a, const char *key, size_t len);

/* Wait for a reply to this request from now on; the key is copied. */
void await_expect(struct await *a, const char *key, size_t len, uint64_t line);

/* Take in the replies that are at hand.  0, or -1 with conn_error() set. */
int await_poll(struct await *a);

/*
 * Take in replies, and say which requests had none in time, until fd is readable
 * or, without one (-1), no request is open any more.  Returns 1; 0 at a stop or
 * once output failed; -1 with conn_error(a->conn) set.
 */
int await_wait(struct await *a, int fd);

/* Say which requests are still open: they were given up. */
void await_give_up(struct await *a);

#endif
