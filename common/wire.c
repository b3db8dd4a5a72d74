#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/deadline.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/stop.h"
#include "common/when.h"
#include "common/wire.h"

enum {
	READ_BYTES = 64 << 10, /* to ask the socket for at a time */
	COMPACT_BYTES = 256 << 10,
	STOPPED_MS = 2000 /* the longest silence after a stop */
};

void
wire_init(struct wire *w, size_t max_reply)
{
	*w = (struct wire){ .drained = true };
	w->parser = parser_open(max_reply);
	w->in = xmalloc(READ_BYTES);
}

void
wire_release(struct wire *w)
{
	net_close(w->net);
	parser_close(w->parser);
	buf_release(&w->out);
	free(w->in);
	*w = (struct wire){ 0 };
}

static void
disconnect(struct wire *w)
{
	w->left += w->out.len - w->sent;
	net_close(w->net);
	w->net = NULL;
	buf_clear(&w->out);
	w->sent = 0;
}

int
wire_lose(struct wire *w, const char *why)
{
	int saved = errno;

	snprintf(w->error, sizeof(w->error), "%s", why);
	disconnect(w);
	errno = saved;
	return -1;
}

bool
wire_is_garbled(const struct wire *w)
{
	return parser_error(w->parser)[0] != '\0';
}

int
wire_open(struct wire *w, const char *host, uint16_t port,
	  const struct net_tls *tls, int timeout_ms)
{
	disconnect(w);
	parser_reset(w->parser);
	w->left = 0;
	w->in_start = w->in_end = 0;
	w->drained = true;
	w->mute = false;
	w->net = net_open(host, port, tls, timeout_ms, w->error);
	return w->net != NULL ? 0 : -1;
}

/*
 * Out
 */

size_t
wire_unsent(const struct wire *w)
{
	return w->left + w->out.len - w->sent;
}

static bool
at_hand(const struct wire *w)
{
	return !w->drained || net_has_pending(w->net);
}

/*
 * The server may have said why before it closed its end: as long as there is
 * something to read, the connection is not lost, and output is dropped.
 */
static int
flush_mute(struct wire *w)
{
	struct pollfd p = { .fd = net_fd(w->net), .events = POLLIN };

	w->left += w->out.len - w->sent;
	buf_clear(&w->out);
	w->sent = 0;
	if (at_hand(w) || poll(&p, 1, 0) > 0)
		return 0;
	return wire_lose(w, net_error(w->net));
}

int
wire_flush(struct wire *w)
{
	if (w->net == NULL) {
		disconnect(w);
		return -1;
	}
	while (!w->mute && w->sent < w->out.len) {
		ssize_t n = net_write(w->net, w->out.data + w->sent,
				      w->out.len - w->sent);

		if (n == 0)
			break;
		if (n < 0) {
			w->mute = true;
			break;
		}
		w->sent += (size_t)n;
		w->traffic += (uint64_t)n;
	}
	if (w->mute)
		return flush_mute(w);
	if (w->sent == w->out.len) {
		buf_clear(&w->out);
		w->sent = 0;
	} else if (w->sent >= COMPACT_BYTES && w->sent >= w->out.len / 2) {
		buf_consume(&w->out, w->sent);
		w->sent = 0;
	}
	return 0;
}

/*
 * In
 */

/* Give the parser its next piece.  Returns 1, 0 if there is none, -1. */
static int
feed(struct wire *w)
{
	size_t len;

	if (w->in_start == w->in_end) {
		ssize_t n = net_read(w->net, w->in, READ_BYTES);

		if (n < 0)
			return wire_lose(w, net_error(w->net));
		if (n == 0)
			return 0;
		w->traffic += (uint64_t)n;
		w->in_start = 0;
		w->in_end = (size_t)n;
	}
	len = w->in_end - w->in_start;
	if (len > PARSER_FEED)
		len = PARSER_FEED;
	parser_feed(w->parser, w->in + w->in_start, len);
	w->in_start += len;
	w->drained = false;
	return 1;
}

int
wire_next(struct wire *w, struct reply **reply, size_t part_bytes)
{
	int rc;

	if (w->net == NULL)
		return -1;
	do {
		rc = parser_next(w->parser, reply, part_bytes);
		if (rc < 0)
			return wire_lose(w, parser_error(w->parser));
		w->drained = w->in_start == w->in_end &&
			     (rc == 0 || parser_is_empty(w->parser));
		if (rc > 0)
			return 1;
		rc = feed(w);
	} while (rc > 0);
	return rc;
}

/*
 * Waiting
 */

enum { POLL_NET, POLL_FD, POLL_STOP, POLL_COUNT };

/* As poll(2), going on after signals, which are seen through the stop fd. */
static int
poll_for(struct pollfd p[POLL_COUNT], int timeout_ms)
{
	int64_t deadline = deadline_in(timeout_ms < 0 ? INT64_MAX : timeout_ms);
	int rc;

	do
		rc = poll(p, POLL_COUNT, deadline_left(deadline));
	while (rc < 0 && errno == EINTR);
	return rc;
}

int
wire_wait(struct wire *w, int fd, int timeout_ms, bool drain)
{
	struct pollfd p[POLL_COUNT] = {
		[POLL_FD] = { .fd = fd, .events = POLLIN },
		[POLL_STOP] = { .fd = drain && stop_requested() ? -1
								: stop_fd(),
				.events = POLLIN },
	};
	bool has_input;
	int seen = 0;

	if (wire_flush(w) < 0)
		return -1;
	has_input = at_hand(w);
	p[POLL_NET].fd = net_fd(w->net);
	p[POLL_NET].events = net_events(w->net, w->sent != w->out.len);
	if (has_input || (!drain && stop_requested()))
		timeout_ms = 0;
	if (poll_for(p, timeout_ms) < 0)
		return wire_lose(w, strerror(errno));
	if (p[POLL_NET].revents != 0 && wire_flush(w) < 0)
		return -1;
	if (has_input || (p[POLL_NET].revents & ~POLLOUT) != 0)
		seen |= WIRE_SEEN_REPLY;
	if (p[POLL_FD].revents != 0)
		seen |= WIRE_SEEN_FD;
	if (!drain && stop_requested())
		seen |= WIRE_SEEN_STOP;
	return seen;
}

int64_t
wire_silent_at(struct wire *w, int64_t since_ms, int64_t silence_ms,
	       int64_t block_ms)
{
	if (w->stopped == 0 && stop_requested())
		w->stopped = when_monotonic();
	if (w->stopped != 0 && silence_ms > STOPPED_MS) {
		silence_ms = STOPPED_MS;
		if (since_ms < w->stopped)
			since_ms = w->stopped;
	}
	if (silence_ms >= INT64_MAX - block_ms - since_ms)
		return INT64_MAX;
	return since_ms + silence_ms + block_ms;
}

int
wire_poll(struct wire *w, struct pollfd *p)
{
	if (wire_flush(w) < 0)
		return -1;
	*p = (struct pollfd){
		.fd = net_fd(w->net),
		.events = net_events(w->net, wire_unsent(w) != 0),
	};
	return at_hand(w) ? 1 : 0;
}

static int
give_up(struct wire *w, const struct wire_until *until)
{
	char text[NUM_DURATION_TEXT], why[64 + NUM_DURATION_TEXT];
	int64_t silence_ms = until->silence_ms;

	if (w->stopped != 0 && silence_ms > STOPPED_MS)
		silence_ms = STOPPED_MS;
	snprintf(why, sizeof(why), "no answer within %s",
		 num_put_duration(text, silence_ms + until->block_ms));
	return wire_lose(w, why);
}

int
wire_watch(struct wire *w, struct reply **reply, const struct wire_until *until)
{
	int64_t heard = when_monotonic();
	uint64_t traffic = w->traffic;
	int rc;

	while ((rc = wire_next(w, reply, until->part_bytes)) == 0) {
		int64_t next;
		int seen;

		if (w->traffic != traffic) {
			traffic = w->traffic;
			heard = when_monotonic();
		}
		next = wire_silent_at(w, heard, until->silence_ms,
				      until->block_ms);
		if (next > until->deadline)
			next = until->deadline;
		if (deadline_left(next) == 0)
			return give_up(w, until);
		seen = wire_wait(w, until->fd, deadline_left(next),
				 until->drain);
		if (seen < 0)
			return -1;
		if (seen != 0 && !(seen & WIRE_SEEN_REPLY))
			return 0;
	}
	return rc;
}

struct reply *
wire_await(struct wire *w, int64_t silence_ms, int64_t deadline, bool drain)
{
	const struct wire_until until = {
		.silence_ms = silence_ms,
		.deadline = deadline,
		.fd = -1,
		.drain = drain,
	};
	struct reply *r;
	int rc = wire_watch(w, &r, &until);

	if (rc == 0)
		wire_lose(w, "interrupted");
	return rc > 0 ? r : NULL;
}
