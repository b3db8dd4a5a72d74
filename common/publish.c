#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/publish_state.h"
#include "common/stop.h"
#include "common/when.h"

bool
publish_by_script(const struct publish *p)
{
	return p->o->dedup_ms != 0 || p->o->due != NULL;
}

bool
publish_keeps(const struct publish *p)
{
	return p->o->keep || publish_by_script(p);
}

bool
publish_waits(const struct publish *p)
{
	return p->o->durability == PUBLISH_FSYNC ||
	       p->o->durability == PUBLISH_REPLICAS;
}

int
publish_fail(struct publish *p, const char *why)
{
	if (!p->failed)
		snprintf(p->error, sizeof(p->error), "%s", why);
	p->failed = true;
	return -1;
}

int
publish_fail_conn(struct publish *p)
{
	return publish_fail(p, conn_error(p->conn));
}

/* The connection is gone.  With nothing in flight that is no failure: the next
 * event gets another one. */
int
publish_lose(struct publish *p)
{
	if (p->failed || p->muted || p->in_transaction || p->head != p->tail ||
	    p->expect_at != p->expect.len)
		return publish_fail_conn(p);
	debug("%s", conn_error(p->conn));
	return 0;
}

int
publish_parse_durability(struct publish_options *o)
{
	const char *text = o->durability_text;

	if (text == NULL || strcmp(text, "leader") == 0)
		o->durability = PUBLISH_LEADER;
	else if (strcmp(text, "none") == 0)
		o->durability = PUBLISH_NONE;
	else if (strcmp(text, "fsync") == 0)
		o->durability = PUBLISH_FSYNC;
	else if (strncmp(text, "replicas=", 9) == 0 &&
		 num_u64(text + 9, strlen(text + 9), &o->replicas) == 0 &&
		 o->replicas != 0)
		o->durability = PUBLISH_REPLICAS;
	else
		return -1;
	return 0;
}

/* Prepared once for all: an event only picks one. */
static void
open_routes(struct publish *p)
{
	const struct publish_options *o = p->o;
	size_t streams = o->streams != NULL ? o->stream_count : 1, i;

	p->routes = mem_mul(streams, PRIORITY_COUNT);
	p->route = xcalloc(p->routes, sizeof(*p->route));
	p->target = xcalloc(streams, sizeof(*p->target));
	for (i = 0; i < p->routes; i++) {
		struct route *r = &p->route[i];
		struct target *t = &p->target[i / PRIORITY_COUNT];
		const char *stream = o->streams != NULL
					     ? o->streams[i / PRIORITY_COUNT]
					     : o->stream;

		priority_stream(&r->name, stream, i % PRIORITY_COUNT);
		stream_adder_init(&r->adder, r->name.data, o->maxlen,
				  o->no_create);
		if (i % PRIORITY_COUNT != 0)
			continue;
		delayed_key(&t->delayed, stream);
		stream_companion(&t->mark, stream, "seen:");
		t->mark_len = t->mark.len;
	}
}

struct publish *
publish_open(struct conn *c, const struct publish_options *o)
{
	struct publish *p;

	if (o->durability == PUBLISH_FSYNC) {
		int has = conn_has_command(c, "WAITAOF");

		if (has == 0)
			conn_refuse(c, "--durability fsync: the server has no "
				       "WAITAOF (Redis 7.2 has)");
		if (has != 1)
			return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->conn = c;
	p->o = o;
	p->cap = WINDOW;
	p->send_at = SEND_AT;
	p->item = xcalloc(p->cap, sizeof(*p->item));
	p->script.name = o->due != NULL ? SCRIPT_DELAY : SCRIPT_DEDUP;
	p->blamed = o->stream;
	p->priority = PRIORITY_NORMAL;
	open_routes(p);
	if (publish_by_script(p) && script_load(c, &p->script) < 0) {
		publish_close(p);
		return NULL;
	}
	return p;
}

void
publish_route(struct publish *p, size_t stream)
{
	assert(stream < p->routes / PRIORITY_COUNT);
	p->stream = stream;
}

void
publish_to(struct publish *p, enum priority priority)
{
	assert(priority < PRIORITY_COUNT);
	p->priority = priority;
}

void
publish_close(struct publish *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->routes; i++) {
		buf_release(&p->route[i].name);
		stream_adder_release(&p->route[i].adder);
	}
	for (i = 0; i < p->routes / PRIORITY_COUNT; i++) {
		buf_release(&p->target[i].delayed);
		buf_release(&p->target[i].mark);
	}
	free(p->route);
	free(p->target);
	buf_release(&p->expect);
	buf_release(&p->keep);
	free(p->item);
	free(p);
}

struct item *
publish_item(const struct publish *p, uint64_t number)
{
	return &p->item[number % p->cap];
}

/* Only a transaction may outgrow the window. */
void
publish_grow(struct publish *p)
{
	size_t cap = mem_mul(p->cap, 2);
	struct item *item = xcalloc(cap, sizeof(*item));
	uint64_t i;

	for (i = p->head; i < p->tail; i++)
		item[i % cap] = *publish_item(p, i);
	free(p->item);
	p->item = item;
	p->cap = cap;
}

void
publish_expect(struct publish *p, enum expect what)
{
	if (p->expect_at == p->expect.len) {
		buf_clear(&p->expect);
		p->expect_at = 0;
		p->since = when_monotonic();
	} else if (p->expect_at > WINDOW) {
		buf_consume(&p->expect, p->expect_at);
		p->expect_at = 0;
	}
	buf_addc(&p->expect, (char)what);
}

bool
publish_is_idle(const struct publish *p)
{
	return p->expect_at == p->expect.len;
}

/* Append a command by which the items from `first` on take effect. */
void
publish_append_words(struct publish *p, enum expect what, const char *a,
		     const char *b, const char *c, const char *d)
{
	size_t before = conn_out(p->conn)->len;

	conn_commandv(p->conn, a, b, c, d, NULL);
	p->appended += conn_out(p->conn)->len - before;
	publish_expect(p, what);
}

/* Append, unless the mark says that it was there before. */
static void
append_dedup(struct publish *p, const struct route *r, const struct buf *mark,
	     const char *text, size_t len)
{
	script_begin(p->conn, &p->script, 2, 6);
	conn_arg(p->conn, r->name.data, r->name.len);
	conn_arg(p->conn, mark->data, mark->len);
	conn_arg(p->conn, text, len);
	conn_argu(p->conn, (uint64_t)p->o->dedup_ms);
	conn_argu(p->conn, p->o->maxlen);
	conn_argu(p->conn, p->o->no_create);
}

void
publish_append_add(struct publish *p, size_t to, const char *text, size_t len,
		   const char *key, size_t key_len)
{
	const struct route *r = &p->route[to];
	struct target *t = &p->target[to / PRIORITY_COUNT];
	struct buf *out = conn_out(p->conn);
	size_t before = out->len;

	if (key != NULL) {
		t->mark.len = t->mark_len;
		buf_add(&t->mark, key, key_len);
	}
	if (p->o->due != NULL)
		delayed_add(p->conn, &p->script, &t->delayed, p->o->due,
			    to % PRIORITY_COUNT, text, len,
			    key == NULL ? NULL
					: &(struct delayed_mark){
						  t->mark.data, t->mark.len,
						  p->o->dedup_ms });
	else if (key != NULL)
		append_dedup(p, r, &t->mark, text, len);
	else
		stream_add(p->conn, &r->adder, text, len);
	p->appended += out->len - before;
}

/* As wait_once(), while there is no connection. */
static int
wait_apart(int fd, int timeout_ms)
{
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd(), .events = POLLIN },
	};

	if (!stop_requested())
		poll(pfd, 2, timeout_ms);
	return (pfd[0].revents != 0 ? CONN_SEEN_FD : 0) |
	       (stop_requested() ? CONN_SEEN_STOP : 0);
}

/* Wait once: for the server, fd, a stop, at most timeout_ms.  Returns the set
 * of conn_seen, or -1. */
static int
wait_once(struct publish *p, int fd, int timeout_ms, bool drain)
{
	int left = timeout_ms, rc;

	if (!p->failed && conn_is_lost(p->conn))
		return wait_apart(fd, timeout_ms);
	if (!publish_is_idle(p)) {
		left = conn_silence(p->conn, p->since,
				    publish_waits(p) ? p->o->wait_ms : 0);
		if (left < 0)
			return publish_fail_conn(p);
		if (timeout_ms >= 0 && timeout_ms < left)
			left = timeout_ms;
	}
	rc = conn_wait(p->conn, fd, left, drain);
	if (rc < 0)
		return publish_lose(p);
	if ((rc & CONN_SEEN_REPLY) && publish_take_replies(p) < 0)
		return -1;
	return rc;
}

/* Replies that are due are waited for, also after the server refused. */
static int
wait_idle(struct publish *p)
{
	while (!publish_is_idle(p))
		if (wait_once(p, -1, -1, true) < 0)
			return -1;
	return p->failed ? -1 : 0;
}

static void
append_wait(struct publish *p)
{
	char number[NUM_TEXT + 1], ms[NUM_TEXT + 1];

	number[num_put(number, p->o->replicas)] = '\0';
	ms[num_put(ms, (uint64_t)p->o->wait_ms)] = '\0';
	if (p->o->durability == PUBLISH_FSYNC)
		publish_append_words(p, EXPECT_DURABLE, "WAITAOF", "1", "0",
				     ms);
	else
		publish_append_words(p, EXPECT_DURABLE, "WAIT", number, ms,
				     NULL);
	p->unwaited = 0;
}

/* Make room for one more event. */
static int
make_room(struct publish *p)
{
	/* A socket that took nothing is not asked again for every event. */
	if (conn_unsent(p->conn) >= p->send_at) {
		if (conn_flush(p->conn) < 0)
			return publish_fail_conn(p);
		if (publish_take_replies(p) < 0)
			return -1;
		p->send_at = conn_unsent(p->conn) + SEND_AT;
	}
	while (!p->failed && (conn_unsent(p->conn) >= UNSENT_MAX ||
			      (!p->in_transaction &&
			       (p->tail - p->head >= WINDOW ||
				p->keep.len - p->keep_at > KEEP_MAX)))) {
		if (publish_waits(p) && p->unwaited != 0 && publish_is_idle(p))
			append_wait(p);
		if (wait_once(p, -1, -1, true) < 0)
			return -1;
	}
	if (p->resent && !p->in_transaction) {
		/* Nothing may overtake what is sent again. */
		if (wait_idle(p) < 0)
			return -1;
		p->resent = false;
	}
	if (p->tail - p->head == p->cap)
		publish_grow(p);
	return p->failed ? -1 : 0;
}

static void
open_transaction(struct publish *p)
{
	publish_append_words(p, EXPECT_OK, "MULTI", NULL, NULL, NULL);
	if (publish_by_script(p))
		publish_append_words(p, EXPECT_QUEUED, "SCRIPT", "LOAD",
				     script_text(&p->script), NULL);
	p->in_transaction = true;
}

int
publish_send(struct publish *p, uint64_t line, const char *text, size_t len,
	     const char *key, size_t key_len)
{
	size_t to = p->stream * PRIORITY_COUNT + p->priority;
	struct item *it;

	if (p->failed)
		return -1;
	if (conn_is_lost(p->conn) && conn_reconnect(p->conn) < 0)
		return publish_fail_conn(p);
	if (make_room(p) < 0)
		return -1;
	if (p->o->durability == PUBLISH_NONE) {
		if (!p->muted)
			conn_commandv(p->conn, "CLIENT", "REPLY", "OFF", NULL);
		p->muted = true;
		publish_count_line(&p->route[to].unseen, line);
		publish_append_add(p, to, text, len, key, key_len);
		return 0;
	}
	if (p->o->transaction && !p->in_transaction)
		open_transaction(p);
	publish_append_add(p, to, text, len, key, key_len);
	publish_expect(p, p->in_transaction ? EXPECT_QUEUED : EXPECT_ADD);
	it = publish_item(p, p->tail++);
	*it = (struct item){
		.line = line,
		.end = p->in_transaction ? UINT64_MAX : p->appended,
		.len = len,
		.key_len = publish_keeps(p) ? key_len : 0,
		.to = to,
	};
	if (publish_keeps(p)) {
		buf_add(&p->keep, text, len);
		buf_add(&p->keep, key, key_len);
	}
	if (publish_waits(p) && ++p->unwaited >= WAIT_EVERY &&
	    !p->in_transaction)
		append_wait(p);
	return 0;
}

int
publish_commit(struct publish *p, bool undo)
{
	uint64_t i;

	if (!p->in_transaction)
		return p->failed ? -1 : 0;
	p->in_transaction = false;
	if (p->failed)
		return -1;
	publish_append_words(p, undo ? EXPECT_DISCARD : EXPECT_EXEC,
			     undo ? "DISCARD" : "EXEC", NULL, NULL, NULL);
	publish_item(p, p->tail - 1)->last = true;
	if (undo || conn_is_lost(p->conn))
		return 0;
	for (i = p->tail; i > p->answered; i--) {
		if (publish_item(p, i - 1)->end != UINT64_MAX)
			break;
		publish_item(p, i - 1)->end = p->appended;
	}
	return 0;
}

int
publish_wait(struct publish *p, int fd, int timeout_ms)
{
	int rc;

	if (p->failed)
		return -1;
	if (publish_waits(p) && p->unwaited != 0 && !p->in_transaction)
		append_wait(p);
	rc = wait_once(p, fd, timeout_ms, false);
	if (rc < 0 || p->failed)
		return -1;
	if (rc & CONN_SEEN_STOP)
		return 0;
	return rc & CONN_SEEN_FD ? 1 : 2;
}

int
publish_drain(struct publish *p)
{
	if (p->muted && !p->failed)
		publish_append_words(p, EXPECT_LOUD, "CLIENT", "REPLY", "ON",
				     NULL);
	do {
		if (publish_waits(p) && p->unwaited != 0 && !p->failed)
			append_wait(p);
		if (conn_is_lost(p->conn))
			return publish_lose(p);
		if (wait_idle(p) < 0)
			return -1;
	} while (publish_waits(p) && p->unwaited != 0);
	return 0;
}
