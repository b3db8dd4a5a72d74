#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/replay_sink.h"
#include "common/stop.h"

enum {
	FORGET_AT = 64 << 10, /* bytes of positions that are done with */
	DURABILITY_MS = 5000
};

void
replay_sink_print(struct replay_sink *s, struct select *select, struct out *out)
{
	s->select = select;
	s->out = out;
}

/* Events are numbered from 1.  One that was refused is not confirmed: what comes
 * behind it is not safe, as there is a gap. */
static void
on_confirmed(void *arg, const struct publish_event *e)
{
	struct replay_sink *s = arg;

	if (e->line != s->done + 1) {
		s->beyond++;
		return;
	}
	memcpy(&s->safe, s->positions.data + s->positions_at, sizeof(s->safe));
	s->any = true;
	s->positions_at += sizeof(s->safe);
	s->done++;
	if (s->positions_at < FORGET_AT)
		return;
	buf_consume(&s->positions, s->positions_at);
	s->positions_at = 0;
}

static int
fail(struct replay_sink *s, const char *what, const char *why)
{
	snprintf(s->error, sizeof(s->error), "%.200s: %s%.100s", s->stream,
		 what, why);
	return -1;
}

int
replay_sink_publish(struct replay_sink *s, struct select *select,
		    struct conn *c, const struct publish_options *o)
{
	s->select = select;
	s->conn = c;
	s->stream = o->stream;
	s->options = *o;
	s->options.confirmed = on_confirmed;
	s->options.arg = s;
	s->options.wait_ms = DURABILITY_MS;
	s->publish = publish_open(c, &s->options);
	return s->publish != NULL ? 0 : fail(s, "", conn_error(c));
}

int
replay_sink_exact(struct replay_sink *s, struct select *select, struct conn *c,
		  const struct publish_options *o, const char *key,
		  struct id safe)
{
	s->select = select;
	s->conn = c;
	s->stream = o->stream;
	s->exact = xcalloc(1, sizeof(*s->exact));
	s->exact->maxlen = o->maxlen;
	if (replay_exact_open(s->exact, c, o->stream, key, safe) < 0)
		return fail(s, "", s->exact->error);
	s->safe = s->exact->safe;
	s->any = id_compare(s->safe, ID_MIN) != 0;
	return 0;
}

static void
note_exact(struct replay_sink *s)
{
	s->any = s->any || s->exact->done != 0;
	s->safe = s->exact->safe;
	s->done = s->exact->done;
}

/* What is still on its way is waited for, so that its fate is known. */
static int
fail_publish(struct replay_sink *s)
{
	publish_drain(s->publish);
	if (conn_is_lost(s->conn))
		s->unknown = s->sent - s->done - s->beyond;
	return fail(s, "cannot add: ", publish_error(s->publish));
}

static int
fail_exact(struct replay_sink *s)
{
	note_exact(s);
	return fail(s, "cannot add: ", s->exact->error);
}

int
replay_sink_put(struct replay_sink *s, struct id position)
{
	const struct event *ev = &s->select->record.event;

	s->sent++;
	s->last = position;
	if (s->out != NULL)
		return select_print(s->select, s->out);
	if (s->exact != NULL) {
		if (replay_exact_add(s->exact, position, ev->text, ev->len) < 0)
			return fail_exact(s);
		note_exact(s);
		return 1;
	}
	buf_add(&s->positions, (const char *)&position, sizeof(position));
	if (publish_send(s->publish, s->sent, ev->text, ev->len, NULL, 0) < 0)
		return fail_publish(s);
	return 1;
}

/* For what the server need not be watched. */
static int
wait_apart(struct replay_sink *s, int fd, int timeout_ms)
{
	struct pollfd pfd[3] = {
		{ .fd = stop_fd(), .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
		{ .fd = s->out != NULL ? out_watch_fd(s->out) : -1 },
	};

	if (stop_requested())
		return 0;
	if (poll(pfd, 3, timeout_ms) < 0 && errno != EINTR)
		return 2;
	if (pfd[0].revents != 0 ||
	    (pfd[2].revents != 0 && out_is_abandoned(s->out)))
		return 0;
	return pfd[1].revents != 0 ? 1 : 2;
}

static int
flush_output(struct replay_sink *s)
{
	if (out_flush(s->out) < 0)
		return -1;
	s->any = s->any || s->sent != 0;
	if (s->sent != 0)
		s->safe = s->last;
	s->done = s->sent;
	return 0;
}

int
replay_sink_flush(struct replay_sink *s)
{
	if (s->out != NULL)
		return flush_output(s);
	if (s->exact != NULL) {
		if (replay_exact_flush(s->exact) < 0)
			return fail_exact(s);
		note_exact(s);
		return 0;
	}
	if (publish_drain(s->publish) < 0)
		return fail_publish(s);
	/* Without replies nobody says so one by one. */
	s->any = s->any || s->sent != 0;
	if (s->sent != 0)
		s->safe = s->last;
	s->done = s->sent;
	return 0;
}

int
replay_sink_wait(struct replay_sink *s, int fd, int timeout_ms)
{
	int rc;

	if (s->publish != NULL) {
		rc = publish_wait(s->publish, fd, timeout_ms);
		return rc < 0 ? fail_publish(s) : rc;
	}
	if (replay_sink_flush(s) < 0)
		return -1;
	return wait_apart(s, fd, timeout_ms);
}

void
replay_sink_close(struct replay_sink *s)
{
	publish_close(s->publish);
	if (s->exact != NULL)
		replay_exact_close(s->exact);
	free(s->exact);
	buf_release(&s->positions);
	*s = (struct replay_sink){ 0 };
}
