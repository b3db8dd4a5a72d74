#include <stdio.h>
#include <string.h>

#include "common/replay_exact.h"
#include "common/when.h"

static int
fail(struct replay_exact *x, const char *why)
{
	if (x->error[0] == '\0')
		snprintf(x->error, sizeof(x->error), "%s", why);
	return -1;
}

/*
 * Take over: from here on an earlier run is barred, hence the position is final.
 * 0, or -1 with conn_error() set.
 */
static int
begin(struct replay_exact *x)
{
	char at[ID_TEXT];
	struct reply *r = NULL;
	int i;

	id_put(at, x->safe);
	conn_commandv(x->conn, "HSET", x->key, "run", x->run, NULL);
	conn_commandv(x->conn, "HSETNX", x->key, "at", at, NULL);
	conn_commandv(x->conn, "HGET", x->key, "at", NULL);
	for (i = 0; i < 3; i++) {
		r = conn_reply(x->conn, 0);
		if (r == NULL)
			return -1;
		if (reply_is(r, 0, REPLY_ERROR)) {
			conn_fail_reply(x->conn, r, 0);
			return -1;
		}
	}
	if (reply_id(r, 0, &x->safe) < 0) {
		conn_refuse(x->conn, "the position in the replay's key is no "
				     "entry id");
		return -1;
	}
	x->follows = x->safe;
	return 0;
}

int
replay_exact_open(struct replay_exact *x, struct conn *c, const char *stream,
		  const char *key, struct id safe)
{
	x->conn = c;
	x->stream = stream;
	x->key = key;
	x->safe = safe;
	x->script.name = SCRIPT_REPLAY;
	envelope_uuid(x->run, when_local_now());
	while (begin(x) < 0)
		if (!conn_is_lost(c) || conn_reconnect(c) < 0)
			return fail(x, conn_error(c));
	return 0;
}

void
replay_exact_close(struct replay_exact *x)
{
	size_t i;

	for (i = 0; i < REPLAY_BATCHES; i++)
		buf_release(&x->batch[i].bytes);
}

static struct replay_batch *
batch_at(struct replay_exact *x, size_t i)
{
	return &x->batch[(x->head + i) % REPLAY_BATCHES];
}

/* Send the events of a batch that come behind the position. */
static void
append(struct replay_exact *x, const struct replay_batch *b)
{
	char id[ID_TEXT];
	size_t i = 0, first;

	while (i < b->count &&
	       id_compare(b->event[i].position, x->follows) <= 0)
		i++;
	first = i;
	script_begin_text(x->conn, &x->script, 2, 5 + 2 * (b->count - first));
	conn_args(x->conn, x->stream);
	conn_args(x->conn, x->key);
	conn_args(x->conn, x->run);
	conn_arg(x->conn, id, id_put(id, x->follows));
	conn_argu(x->conn, x->maxlen);
	for (; i < b->count; i++) {
		const struct replay_event *e = &b->event[i];

		conn_arg(x->conn, b->bytes.data + e->at, e->len);
		conn_arg(x->conn, id, id_put(id, e->position));
	}
	if (first < b->count)
		x->follows = b->event[b->count - 1].position;
}

/* After a lost connection: what has arrived is told by the position. */
static int
recover(struct replay_exact *x)
{
	size_t i;

	do
		if (conn_reconnect(x->conn) < 0)
			return fail(x, conn_error(x->conn));
	while (begin(x) < 0 && conn_is_lost(x->conn));
	if (conn_error(x->conn) != NULL)
		return fail(x, conn_error(x->conn));
	for (i = 0; i < x->sent; i++)
		append(x, batch_at(x, i));
	return 0;
}

/* The oldest batch is confirmed, or was refused. */
static int
take_reply(struct replay_exact *x, const struct reply *r)
{
	struct replay_batch *b = batch_at(x, 0);

	if (reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(x->conn, r, 0);
		return fail(x, conn_error(x->conn));
	}
	if (!reply_is(r, 0, REPLY_INTEGER))
		return fail(x, "another evreplay has taken over, with the same "
			       "checkpoint");
	x->safe = b->event[b->count - 1].position;
	x->done += b->count;
	b->count = 0;
	buf_clear(&b->bytes);
	x->head = (x->head + 1) % REPLAY_BATCHES;
	x->sent--;
	return 0;
}

/* Wait until at most so many batches are unconfirmed. */
static int
settle(struct replay_exact *x, size_t most)
{
	while (x->sent > most) {
		struct reply *r = conn_reply(x->conn, 0);

		if (r == NULL ? recover(x) < 0 : take_reply(x, r) < 0)
			return -1;
	}
	return 0;
}

static int
send_batch(struct replay_exact *x)
{
	if (batch_at(x, x->sent)->count == 0)
		return 0;
	append(x, batch_at(x, x->sent));
	x->sent++;
	conn_flush(x->conn);
	return settle(x, REPLAY_BATCHES - 1);
}

int
replay_exact_add(struct replay_exact *x, struct id position, const char *text,
		 size_t len)
{
	struct replay_batch *b = batch_at(x, x->sent);

	if (x->error[0] != '\0')
		return -1;
	b->event[b->count++] =
		(struct replay_event){ b->bytes.len, len, position };
	buf_add(&b->bytes, text, len);
	if (b->count == REPLAY_BATCH || b->bytes.len >= REPLAY_BATCH_BYTES)
		return send_batch(x);
	return 0;
}

int
replay_exact_flush(struct replay_exact *x)
{
	if (x->error[0] != '\0' || send_batch(x) < 0)
		return -1;
	return settle(x, 0);
}
