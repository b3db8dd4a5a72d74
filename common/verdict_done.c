/*
 * verdict_done.c - verdict.h's part about successes: collected, and told together
 * without waiting for the answer.
 */
#include <poll.h>
#include <string.h>

#include "common/num.h"
#include "common/verdict.h"
#include "common/verdict_parts.h"
#include "common/when.h"

enum { LOOK_MS = 100 /* for an answer that nothing waits for */ };

/* The call that tells of what is done: v->done_arg.  Returns how many arguments
 * it has, of which 4 are keys. */
static size_t
put_done(struct verdict *v, struct verdict_stream *st, char ms[NUM_TEXT])
{
	const struct buf *stats = verdict_stats_key(v, st);
	struct script_arg *arg = v->done_arg;
	size_t i;

	arg[0] = (struct script_arg){ st->name, strlen(st->name) };
	arg[1] = (struct script_arg){ st->ledger.data, st->ledger.len };
	arg[2] = (struct script_arg){ st->progress.data, st->progress.len };
	arg[3] = (struct script_arg){ stats->data, stats->len };
	arg[4] = (struct script_arg){ v->group, strlen(v->group) };
	arg[5] = (struct script_arg){ ms, num_put(ms, (uint64_t)st->done_ms) };
	for (i = 0; i < st->done_count; i++)
		arg[6 + i] = (struct script_arg){
			st->done[i].text,
			st->done[i].len,
		};
	st->told = st->done_count;
	st->told_ms = st->done_ms;
	return 6 + i;
}

/* What was told is known. */
static void
forget(struct verdict_stream *st)
{
	st->done_count -= st->told;
	st->done_ms -= st->told_ms;
	memmove(st->done, st->done + st->told,
		st->done_count * sizeof(*st->done));
	st->told = 0;
	st->told_ms = 0;
}

static int
flush_stream(struct verdict *v, struct verdict_stream *st)
{
	char ms[NUM_TEXT];

	if (st->done_count == 0)
		return 0;
	if (verdict_insist(v, &v->done, 4, v->done_arg, put_done(v, st, ms)) ==
	    NULL)
		return -1;
	forget(st);
	return 0;
}

/* The answer to verdict_push(), NULL if the connection is lost.  What is not
 * confirmed is told again, and that is waited for. */
static int
take_answer(struct verdict *v, const struct reply *r)
{
	struct verdict_stream *st = &v->stream[v->telling];

	v->telling = VERDICT_NONE;
	if (r == NULL || reply_is(r, 0, REPLY_ERROR))
		return flush_stream(v, st);
	forget(st);
	return 0;
}

int
verdict_settle(struct verdict *v)
{
	return v->telling == VERDICT_NONE
		       ? 0
		       : take_answer(v, conn_reply(v->conn, 0));
}

int
verdict_flush(struct verdict *v)
{
	size_t i;

	if (verdict_settle(v) < 0)
		return -1;
	for (i = 0; i < v->count; i++)
		if (flush_stream(v, &v->stream[i]) < 0)
			return -1;
	if (when_monotonic() >= v->clock_due && verdict_set_clock(v) < 0)
		return verdict_reconnect(v);
	return 0;
}

int
verdict_ping(struct verdict *v)
{
	return verdict_set_clock(v) < 0 ? verdict_reconnect(v) : 0;
}

/* Take the answer if it is here.  1 if there is nothing to wait for, 0, -1. */
static int
try_settle(struct verdict *v)
{
	struct reply *r = NULL;
	int rc;

	if (v->telling == VERDICT_NONE)
		return 1;
	rc = conn_next(v->conn, &r, 0);
	if (rc == 0 && conn_silence(v->conn, v->told_at, 0) >= 0)
		return 0;
	return take_answer(v, rc == 1 ? r : NULL) < 0 ? -1 : 1;
}

/* The first stream of which something is untold; VERDICT_NONE. */
static size_t
untold(const struct verdict *v)
{
	size_t i;

	for (i = 0; i < v->count; i++)
		if (v->stream[i].done_count > v->stream[i].told)
			return i;
	return VERDICT_NONE;
}

int
verdict_push(struct verdict *v)
{
	int rc = try_settle(v);
	char ms[NUM_TEXT];
	size_t at = untold(v), count, i;

	if (rc <= 0)
		return rc;
	if (v->done.sha[0] == '\0' || when_monotonic() >= v->clock_due)
		return verdict_flush(v);
	if (at == VERDICT_NONE)
		return 0;
	count = put_done(v, &v->stream[at], ms);
	script_begin(v->conn, &v->done, 4, count);
	for (i = 0; i < count; i++)
		conn_arg(v->conn, v->done_arg[i].text, v->done_arg[i].len);
	v->telling = at;
	v->told_at = when_monotonic();
	conn_flush(v->conn); /* a loss is noticed at the answer */
	return 0;
}

bool
verdict_poll(struct verdict *v, struct pollfd *p)
{
	*p = (struct pollfd){ .fd = -1 };
	if (v->telling == VERDICT_NONE)
		return untold(v) != VERDICT_NONE;
	if (untold(v) == VERDICT_NONE && conn_unsent(v->conn) == 0)
		return false;
	return conn_poll(v->conn, p) != 0;
}

int64_t
verdict_due(const struct verdict *v)
{
	return v->telling != VERDICT_NONE ? v->told_at + LOOK_MS : INT64_MAX;
}

bool
verdict_is_untold(const struct verdict *v, size_t stream, struct id id)
{
	const struct verdict_stream *st;
	char text[ID_TEXT];
	size_t len = id_put(text, id), i;

	if (stream >= v->count)
		return false;
	st = &v->stream[stream];
	for (i = 0; i < st->done_count; i++)
		if (st->done[i].len == len &&
		    memcmp(st->done[i].text, text, len) == 0)
			return true;
	return false;
}

int
verdict_done(struct verdict *v, size_t stream, struct id id, int64_t ms)
{
	struct verdict_stream *st = &v->stream[stream];
	struct verdict_id *done;

	if (st->done_count == VERDICT_DONE_MAX && verdict_flush(v) < 0)
		return -1;
	done = &st->done[st->done_count++];
	done->len = id_put(done->text, id);
	st->done_ms += ms > 0 ? ms : 0;
	return 0;
}

size_t
verdict_untold(const struct verdict *v)
{
	size_t count = 0, i;

	for (i = 0; i < v->count; i++)
		count += v->stream[i].done_count;
	return count;
}
