#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/stop.h"
#include "common/stream.h"
#include "common/text.h"
#include "common/verdict.h"
#include "common/verdict_parts.h"
#include "common/when.h"

enum {
	CLOCK_EVERY_MS = 60000,
	BACKOFF_MS = 100,
	BACKOFF_STOPPED = 50, /* tries once a stop is requested */
	ARGS = 16
};

/* The arguments of a call, being collected. */
struct call {
	struct script_arg arg[ARGS];
	size_t count;
	char number[4][NUM_TEXT + 1];
	size_t numbers;
	char id[ID_TEXT];
};

static void
add(struct call *call, const char *text, size_t len)
{
	call->arg[call->count++] = (struct script_arg){ text, len };
}

static void
adds(struct call *call, const char *text)
{
	add(call, text, strlen(text));
}

static void
addb(struct call *call, const struct buf *b)
{
	add(call, b->data, b->len);
}

static void
addn(struct call *call, int64_t n)
{
	char *text = call->number[call->numbers++];

	add(call, text, num_put(text, n > 0 ? (uint64_t)n : 0));
}

static void
addid(struct call *call, struct id id)
{
	add(call, call->id, id_put(call->id, id));
}

int
verdict_set_clock(struct verdict *v)
{
	int64_t before = when_monotonic(), now = conn_now(v->conn);

	if (now < 0)
		return -1;
	v->clock = now - (before + when_monotonic()) / 2;
	v->clock_due = when_monotonic() + CLOCK_EVERY_MS;
	return 0;
}

int64_t
verdict_now(const struct verdict *v)
{
	return when_monotonic() + v->clock;
}

static void
name_keys(struct verdict_stream *st, const char *name, const char *origin,
	  const char *group)
{
	st->name = name;
	stream_companion(&st->dlq, origin, "dlq");
	stream_companion(&st->ledger, name, "fail:");
	buf_adds(&st->ledger, group);
	buf_text(&st->ledger);
	stream_companion(&st->progress, name, "progress:");
	buf_adds(&st->progress, group);
	buf_text(&st->progress);
	stream_companion(&st->stats, origin, "stats:");
	buf_adds(&st->stats, group);
	buf_addc(&st->stats, ':');
	st->stats_len = st->stats.len;
}

int
verdict_open(struct verdict *v, struct conn *c, const char *group,
	     const char *consumer)
{
	*v = (struct verdict){
		.conn = c,
		.group = group,
		.consumer = consumer,
		.done = { .name = SCRIPT_DONE },
		.emit = { .name = SCRIPT_EMIT },
		.fail = { .name = SCRIPT_FAIL },
		.dead = { .name = SCRIPT_DEAD },
		.take = { .name = SCRIPT_TAKE },
		.hold = { .name = SCRIPT_HOLD },
	};
	v->arg = xcalloc(ARGS + VERDICT_EMIT_MAX, sizeof(*v->arg));
	v->done_arg = xcalloc(ARGS + VERDICT_DONE_MAX, sizeof(*v->done_arg));
	v->text = xcalloc(VERDICT_DONE_MAX, sizeof(*v->text));
	v->telling = VERDICT_NONE;
	return verdict_set_clock(v);
}

void
verdict_add_stream(struct verdict *v, const char *name, const char *origin)
{
	v->stream = xreallocarray(v->stream, v->count + 1, sizeof(*v->stream));
	v->stream[v->count] = (struct verdict_stream){ 0 };
	name_keys(&v->stream[v->count++], name, origin, v->group);
}

void
verdict_close(struct verdict *v)
{
	size_t i;

	for (i = 0; i < v->count; i++) {
		buf_release(&v->stream[i].dlq);
		buf_release(&v->stream[i].ledger);
		buf_release(&v->stream[i].progress);
		buf_release(&v->stream[i].stats);
	}
	free(v->stream);
	free(v->arg);
	free(v->done_arg);
	free(v->text);
	buf_release(&v->json);
	*v = (struct verdict){ 0 };
}

const struct buf *
verdict_stats_key(struct verdict *v, struct verdict_stream *st)
{
	st->stats.len = st->stats_len;
	buf_addu(&st->stats, (uint64_t)verdict_now(v) / 60000);
	return &st->stats;
}

int
verdict_reconnect(struct verdict *v)
{
	if (conn_reconnect(v->conn) == 0)
		return 0;
	return stop_requested() ? conn_reopen(v->conn) : -1;
}

/* The server can't now, as conn_error() tells: wait a little.  False once that has
 * taken too long after a stop. */
static bool
back_off(struct verdict *v, int tries)
{
	if (stop_requested() && tries > BACKOFF_STOPPED)
		return false;
	if (tries == 0)
		warn("%s, trying again", conn_error(v->conn));
	if (v->waiting != NULL)
		v->waiting(v->keeper);
	if (stop_requested())
		poll(NULL, 0, BACKOFF_MS);
	else
		stop_sleep(BACKOFF_MS);
	return true;
}

struct reply *
verdict_insist(struct verdict *v, struct script *s, size_t keys,
	       const struct script_arg *arg, size_t count)
{
	int tries;

	for (tries = 0;; tries++) {
		struct reply *r = script_run(v->conn, s, keys, arg, count);

		if (r == NULL) {
			if ((stop_requested() && tries > BACKOFF_STOPPED) ||
			    verdict_reconnect(v) < 0)
				return NULL;
			continue;
		}
		if (!reply_is(r, 0, REPLY_ERROR) ||
		    reply_fault(r, 0) == REPLY_FAULT_NOGROUP)
			return r;
		conn_fail_reply(v->conn, r, 0);
		if (reply_fault(r, 0) != REPLY_FAULT_RETRY ||
		    !back_off(v, tries))
			return NULL;
	}
}

/* The answer as a number: 1 or 0 (also nil), -1. */
static int
number_of(struct verdict *v, const struct reply *r, const char *script)
{
	int64_t n;

	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_NIL) || reply_is(r, 0, REPLY_ERROR))
		return 0;
	if (reply_is(r, 0, REPLY_STRING))
		return 1;
	if (reply_number(r, 0, &n) == 0)
		return n != 0;
	conn_fail_shape(v->conn, script);
	return -1;
}

/* As verdict_insist(), behind what verdict_push() has left unanswered. */
static struct reply *
run(struct verdict *v, struct script *s, size_t keys,
    const struct script_arg *arg, size_t count)
{
	return verdict_settle(v) < 0 ? NULL
				     : verdict_insist(v, s, keys, arg, count);
}

/* Whether the answer says that an entry, or one of some, is not ours. */
static bool
is_refusal(const struct reply *r)
{
	int64_t n;

	if (reply_is(r, 0, REPLY_ARRAY)) /* hold.lua names them */
		return r->node[0].len != 0 && !reply_is(r, 1, REPLY_INTEGER);
	return reply_is(r, 0, REPLY_NIL) || reply_is(r, 0, REPLY_ERROR) ||
	       (reply_number(r, 0, &n) == 0 && n == 0);
}

/* As run(), for a script that looks at the owner.  That the group has vanished
 * must not look like a lease that was lost. */
static struct reply *
run_fenced(struct verdict *v, struct script *s, size_t keys,
	   const struct script_arg *arg, size_t count)
{
	struct reply *r = run(v, s, keys, arg, count);
	int rc;

	if (r == NULL || v->mend == NULL || !is_refusal(r))
		return r;
	rc = v->mend(v->keeper);
	if (rc < 0)
		return NULL;
	return rc == 0 ? r : run(v, s, keys, arg, count);
}

int
verdict_emit(struct verdict *v, size_t stream, struct id id, int64_t ms,
	     const char *output, const struct script_arg *event, size_t count)
{
	struct verdict_stream *st = &v->stream[stream];
	struct call call = { .count = 0 };
	size_t i;

	adds(&call, st->name);
	addb(&call, &st->ledger);
	addb(&call, &st->progress);
	addb(&call, verdict_stats_key(v, st));
	adds(&call, output);
	adds(&call, v->group);
	adds(&call, v->consumer);
	addid(&call, id);
	addn(&call, ms);
	memcpy(v->arg, call.arg, call.count * sizeof(*v->arg));
	for (i = 0; i < count && i < VERDICT_EMIT_MAX; i++)
		v->arg[call.count + i] = event[i];
	return number_of(v, run_fenced(v, &v->emit, 5, v->arg, call.count + i),
			 "emit");
}

int
verdict_fail(struct verdict *v, size_t stream, struct id id,
	     const struct failure *f)
{
	struct verdict_stream *st = &v->stream[stream];
	struct call call = { .count = 0 };

	buf_clear(&v->json);
	failure_put_ledger(&v->json, f);
	adds(&call, st->name);
	addb(&call, &st->ledger);
	addb(&call, &st->progress);
	addb(&call, verdict_stats_key(v, st));
	adds(&call, v->group);
	adds(&call, v->consumer);
	addid(&call, id);
	addb(&call, &v->json);
	addn(&call, f->duration_ms);
	return number_of(v, run_fenced(v, &v->fail, 4, call.arg, call.count),
			 "fail");
}

int
verdict_dead(struct verdict *v, enum failure_reason reason,
	     const struct failure *f, const struct failure_event *e,
	     size_t stream, const char *body, size_t len)
{
	struct verdict_stream *st = &v->stream[stream];
	struct call call = { .count = 0 };

	buf_clear(&v->json);
	failure_put_dead(&v->json, reason, f, e);
	adds(&call, st->name);
	addb(&call, &st->dlq);
	addb(&call, &st->ledger);
	addb(&call, &st->progress);
	addb(&call, verdict_stats_key(v, st));
	adds(&call, v->group);
	adds(&call, reason == FAILURE_TRIMMED ? "" : v->consumer);
	addid(&call, e->id);
	addb(&call, &v->json);
	add(&call, body, len);
	addn(&call, f->duration_ms);
	addn(&call, reason == FAILURE_TRIMMED && v->trimmed_stay);
	return number_of(v, run_fenced(v, &v->dead, 5, call.arg, call.count),
			 "dead");
}

struct reply *
verdict_take(struct verdict *v, size_t stream, struct id id, bool counted)
{
	struct call call = { .count = 0 };

	adds(&call, v->stream[stream].name);
	adds(&call, v->group);
	adds(&call, v->consumer);
	addid(&call, id);
	addn(&call, counted ? 1 : 0);
	return run_fenced(v, &v->take, 1, call.arg, call.count);
}

struct reply *
verdict_hold(struct verdict *v, size_t stream, const struct id *id,
	     size_t count)
{
	struct verdict_stream *st = &v->stream[stream];
	char(*text)[ID_TEXT] = v->text;
	size_t i;

	v->arg[0] = (struct script_arg){ st->name, strlen(st->name) };
	v->arg[1] = (struct script_arg){ v->group, strlen(v->group) };
	v->arg[2] = (struct script_arg){ v->consumer, strlen(v->consumer) };
	for (i = 0; i < count && i < VERDICT_DONE_MAX; i++)
		v->arg[3 + i] =
			(struct script_arg){ text[i], id_put(text[i], id[i]) };
	return run_fenced(v, &v->hold, 1, v->arg, 3 + i);
}

/* A plain command, over lost connections, and, if it must be, while the server
 * can't: else that is the answer.  Other errors of the server are NULL. */
static struct reply *
ask(struct verdict *v, const char *const *word, size_t count, bool must)
{
	int tries;

	if (verdict_settle(v) < 0)
		return NULL;
	for (tries = 0;; tries++) {
		struct reply *r;
		size_t i;

		conn_command(v->conn, count);
		for (i = 0; i < count; i++)
			conn_args(v->conn, word[i]);
		r = conn_reply(v->conn, 0);
		if (r == NULL) {
			if (verdict_reconnect(v) < 0)
				return NULL;
			continue;
		}
		if (!reply_is(r, 0, REPLY_ERROR))
			return r;
		if (reply_fault(r, 0) == REPLY_FAULT_RETRY && !must)
			return r;
		conn_fail_reply(v->conn, r, 0);
		if (reply_fault(r, 0) != REPLY_FAULT_RETRY ||
		    !back_off(v, tries))
			return NULL;
	}
}

struct reply *
verdict_read(struct verdict *v, size_t stream, struct id id)
{
	char text[ID_TEXT];
	const char *const word[] = { "XRANGE", v->stream[stream].name, text,
				     text };

	id_put(text, id);
	return ask(v, word, 4, true);
}

int
verdict_ledger(struct verdict *v, size_t stream, struct id id,
	       struct failure *f)
{
	char text[ID_TEXT];
	const char *const word[] = { "HGET", v->stream[stream].ledger.data,
				     text };
	struct reply *r;
	const char *json = "";
	size_t len = 0;

	id_put(text, id);
	r = ask(v, word, 3, true);
	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_STRING))
		json = reply_text(r, 0, &len);
	failure_read_ledger(f, json, len);
	return 0;
}

int
verdict_progress(struct verdict *v, size_t stream, struct id id, int percent,
		 const char *text)
{
	char id_text[ID_TEXT], time[WHEN_TEXT];
	const char *word[] = { "HSET", v->stream[stream].progress.data, id_text,
			       NULL };

	id_put(id_text, id);
	when_put(time, verdict_now(v));
	buf_clear(&v->json);
	buf_adds(&v->json, "{");
	if (percent >= 0)
		buf_addf(&v->json, "\"percent\":%d,", percent);
	buf_adds(&v->json, "\"text\":");
	buf_add_json(&v->json, text, text_utf8_prefix(text, strlen(text)));
	buf_addf(&v->json, ",\"time\":\"%s\",\"consumer\":", time);
	buf_add_json(&v->json, v->consumer,
		     text_utf8_prefix(v->consumer, strlen(v->consumer)));
	buf_addc(&v->json, '}');
	word[3] = buf_text(&v->json);
	return ask(v, word, 4, false) == NULL ? -1 : 0;
}
