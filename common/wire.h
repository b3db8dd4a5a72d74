/*
 * wire.h - the two directions of a connection: bytes out, replies in
 *
 * Joins a net and a parser and buffers between them.  Commands are appended to
 * `out`; replies come in order.  Knows nothing of what is asked, of passwords
 * and of trying again: that is conn.h's, over this.
 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/net.h"
#include "common/parser.h"
#include "common/reply.h"

struct wire {
	struct net *net; /* NULL while there is no connection */
	struct buf out;
	char error[NET_ERROR]; /* why the connection is gone; printable */

	struct parser *parser; /* private from here on */
	size_t sent;           /* bytes of out that are written */
	size_t left;           /* bytes that will not be written any more */
	bool mute;             /* writing failed; what was said is still read */
	char *in; /* what was read, of which in_start..in_end is not parsed */
	size_t in_start, in_end;
	bool drained;     /* what was read holds no further reply */
	uint64_t traffic; /* bytes read and written: signs of life */
	int64_t stopped;  /* when a stop was first noticed; 0: not yet */
};

/* max_reply is parser_open()'s max_bytes. */
void wire_init(struct wire *w, size_t max_reply);
void wire_release(struct wire *w);

/* As net_open(), and forget whatever was there before.  Returns 0, or -1 with
 * error and errno set. */
int wire_open(struct wire *w, const char *host, uint16_t port,
	      const struct net_tls *tls, int timeout_ms);

/* End the connection; returns -1, with errno as it was.  The last reply stays
 * valid. */
int wire_lose(struct wire *w, const char *why);

/* Whether it was lost because what came was not the protocol, or too large. */
bool wire_is_garbled(const struct wire *w);

/* As the functions of conn.h.  What returns -1 has lost the connection, with
 * errno set if it was net's doing. */
size_t wire_unsent(const struct wire *w);
int wire_flush(struct wire *w);
int wire_next(struct wire *w, struct reply **reply, size_t part_bytes);

/* When the silence of a server that was last heard or asked at since_ms becomes
 * too long: after silence_ms, but once a stop is requested after at most 2 s;
 * and block_ms more, which the command may take. */
int64_t wire_silent_at(struct wire *w, int64_t since_ms, int64_t silence_ms,
		       int64_t block_ms);

enum wire_seen { WIRE_SEEN_REPLY = 1, WIRE_SEEN_FD = 2, WIRE_SEEN_STOP = 4 };
int wire_wait(struct wire *w, int fd, int timeout_ms, bool drain);

/* For callers with a poll set of their own: flush, and fill in what to wait for.
 * Returns 1 if input is at hand that poll(2) would not see, 0, -1. */
int wire_poll(struct wire *w, struct pollfd *p);

/* What ends the wait for a reply. */
struct wire_until {
	size_t part_bytes;  /* as wire_next() */
	int64_t silence_ms; /* no byte either way for so long: it is lost */
	int64_t block_ms;   /* longer by what the command may take */
	int64_t deadline;   /* when_monotonic(): it is lost; INT64_MAX: never */
	int fd;             /* readable or broken; -1: none */
	bool drain;         /* a stop does not */
};

/* The next reply or part of one: 1 with *reply set; 0 if fd or a stop came
 * first; -1 if the connection was lost or is ended for its silence. */
int wire_watch(struct wire *w, struct reply **reply,
	       const struct wire_until *until);

/*
 * The next whole reply.  Returns it, or NULL if the connection was lost, silent
 * for silence_ms, not done at the deadline (when_monotonic; INT64_MAX: none), or,
 * unless `drain`, at a stop; all of which end it.
 */
struct reply *wire_await(struct wire *w, int64_t silence_ms, int64_t deadline,
			 bool drain);

#endif
