/*
 * survey_group.c - survey.h's second round: each group
 */
#include <stdio.h>
#include <string.h>

#include "common/stream.h"
#include "common/survey_state.h"

enum {
	PROBE = 100,   /* entries counted before the server's figure is taken */
	PENDING = 100, /* pending entries looked at in one answer */
	PROBES = 8     /* for longer silences than these have */
};

/* Ids before this time (2017, before streams were there) tell no time. */
static const uint64_t earliest_ms = UINT64_C(1483228800000);

/*
 * How many entries the group has not read, by the server's own counters; -1 if
 * these don't tell.  They do while nothing was ever removed from the stream:
 * after that what was read and what is gone can't be told apart (and Redis 7.0
 * goes on with wrong figures).  They also are what XGROUP SETID … ENTRIESREAD
 * and XSETID said, so the first PROBE entries are counted all the same.
 */
static int64_t
claim(const struct survey_row *row, int64_t read)
{
	if (row->added != row->length || read < 0 || read >= row->length)
		return -1;
	return row->length - read;
}

static void
set_age(struct survey_state *st, struct survey_row *row, struct id first)
{
	if (first.ms <= (uint64_t)st->now_ms && first.ms >= earliest_ms) {
		row->age_ms = st->now_ms - (int64_t)first.ms;
		return;
	}
	if (row->unknown[0] == '\0')
		snprintf(row->unknown, sizeof(row->unknown),
			 "the id of the first undelivered entry is %s",
			 first.ms < earliest_ms ? "no time" : "in the future");
}

static void
set_lag(struct survey_state *st, size_t i, int64_t lag, bool exact,
	struct id first)
{
	struct survey_row *row = &st->row[i];

	row->lag = lag;
	row->lag_exact = exact;
	if (lag == 0)
		row->age_ms = 0;
	else
		set_age(st, row, first);
	st->task[i].counting = false;
}

/* What needs no counting; else prepare it. */
static void
start_lag(struct survey_state *st, size_t i)
{
	const struct survey_row *row = &st->row[i];
	struct survey_task *task = &st->task[i];
	uint64_t most = st->o->most;

	if (row->length == 0 || id_compare(row->delivered, row->newest) >= 0) {
		set_lag(st, i, 0, true, ID_MIN);
		return;
	}
	if (id_compare(row->delivered, row->first) < 0) {
		set_lag(st, i, row->length, true, row->first);
		return;
	}
	task->claim = claim(row, task->read);
	if (task->claim >= 0 && most > PROBE)
		most = PROBE;
	lag_count_init(&task->lag, row->delivered, row->newest, most,
		       task->entry_bytes);
	task->counting = true;
}

/* Go on with a row's lag when nothing or one more slice of it was counted. */
static void
settle_lag(struct survey_state *st, size_t i)
{
	struct survey_task *task = &st->task[i];
	struct lag_count *l = &task->lag;

	if (!task->counting || lag_wants_more(l))
		return;
	if (l->ended)
		set_lag(st, i, (int64_t)l->entries, true, l->first);
	else if (task->claim >= (int64_t)l->entries)
		set_lag(st, i, task->claim, true, l->first);
	else if (l->entries < st->o->most)
		l->most = st->o->most;
	else
		set_lag(st, i, (int64_t)l->entries, false, l->first);
}

int
survey_take_lag(struct survey_state *st, size_t i)
{
	struct survey_row *row = &st->row[i];
	struct survey_task *task = &st->task[i];
	int64_t bytes = lag_take(st->c, &task->lag);

	task->asked_lag = false;
	if (bytes >= 0) {
		st->bytes += (size_t)bytes;
		settle_lag(st, i);
		return 0;
	}
	if (conn_is_lost(st->c))
		return -1;
	task->counting = false;
	if (row->unknown[0] == '\0')
		snprintf(row->unknown, sizeof(row->unknown), "%s",
			 conn_error(st->c));
	return 0;
}

static bool
is_group(const struct survey_state *st, size_t i)
{
	return st->row[i].group != NULL && st->row[i].error == NULL &&
	       !st->task[i].is_absent;
}

/* Its verdicts are counted as those of the stream that it was redriven from. */
static bool
has_work(const struct survey_task *task)
{
	return !task->stream->alone && !task->is_redrive;
}

static void
ask_work(struct survey_state *st, const struct survey_row *row)
{
	uint64_t minute = (uint64_t)st->now_ms / 60000;
	size_t k, len;

	stream_companion(&st->key, row->stream, "stats:");
	buf_adds(&st->key, row->group);
	buf_addc(&st->key, ':');
	len = st->key.len;
	for (k = 0; k < SURVEY_MINUTES; k++) {
		st->key.len = len;
		buf_addu(&st->key, minute - k);
		conn_commandv(st->c, "HMGET", buf_text(&st->key), "ok", "retry",
			      "dead", "ms", NULL);
	}
}

static void
ask_group(struct survey_state *st, size_t i)
{
	const struct survey_row *row = &st->row[i];
	struct survey_task *task = &st->task[i];

	if (row->group == NULL || row->error != NULL)
		return;
	start_lag(st, i);
	if (!is_group(st, i))
		return;
	task->asked_pending = row->pending > 0;
	task->asked_lag = task->counting;
	if (task->asked_pending) {
		conn_commandv(st->c, "XPENDING", row->stream, row->group, "-",
			      "+", "100", NULL);
		stream_companion(&st->key, row->stream, "fail:");
		buf_adds(&st->key, row->group);
		conn_commandv(st->c, "HLEN", buf_text(&st->key), NULL);
	}
	conn_commandv(st->c, "XINFO", "CONSUMERS", row->stream, row->group,
		      NULL);
	if (has_work(task))
		ask_work(st, row);
	if (task->asked_lag)
		lag_ask(st->c, row->stream, &task->lag);
}

int64_t
survey_take_pending(struct survey_state *st, struct survey_row *row)
{
	struct reply *r = survey_reply(st);
	size_t i = 1, left;
	int64_t idle;

	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_ARRAY)) {
		survey_complain(row, r);
		return 0;
	}
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i)) {
		if (!reply_is(r, i, REPLY_ARRAY) ||
		    reply_number(r, i + 3, &idle) < 0) {
			conn_fail_shape(st->c, "XPENDING");
			return -1;
		}
		if (idle > row->oldest_ms)
			row->oldest_ms = idle;
	}
	return (int64_t)r->node[0].len;
}

static int
take_pending(struct survey_state *st, struct survey_row *row,
	     struct survey_task *task)
{
	int64_t n = survey_take_pending(st, row);

	if (n < 0 || survey_number(st, row, &row->retrying) < 0)
		return -1;
	if (n >= PENDING)
		task->probes = PROBES;
	/* All were settled meanwhile. */
	if (n == 0 && row->oldest_ms == SURVEY_UNKNOWN &&
	    row->unknown[0] == '\0')
		row->oldest_ms = 0;
	if (row->retrying > row->pending)
		row->retrying = row->pending; /* see done.lua */
	task->asked_pending = false;
	return 0;
}

static int
take_consumers(struct survey_state *st, struct survey_row *row)
{
	struct reply *r = survey_reply(st);
	size_t i = 1, left;
	int64_t idle;

	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_ARRAY)) {
		survey_complain(row, r);
		return 0;
	}
	row->consumers = (int64_t)r->node[0].len;
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i)) {
		if (reply_number(r, reply_field(r, i, "idle"), &idle) < 0) {
			conn_fail_shape(st->c, "XINFO CONSUMERS");
			return -1;
		}
		if (row->silent_ms < 0 || idle < row->silent_ms)
			row->silent_ms = idle;
	}
	return 0;
}

static int
take_work(struct survey_state *st, struct survey_row *row)
{
	int64_t *const sum[] = { &row->work.ok, &row->work.retry,
				 &row->work.dead, &row->work.ms };
	size_t minute, k;

	row->work = (struct survey_work){ 0 };
	for (minute = 0; minute < SURVEY_MINUTES; minute++) {
		struct reply *r = survey_reply(st);
		int64_t n;

		if (r == NULL)
			return -1;
		if (!reply_is(r, 0, REPLY_ARRAY))
			survey_complain(row, r);
		for (k = 0; k < 4; k++) {
			if (!reply_is(r, 0, REPLY_ARRAY))
				*sum[k] = SURVEY_UNKNOWN;
			else if (*sum[k] >= 0 &&
				 reply_number(r, 1 + k, &n) == 0)
				*sum[k] += n;
		}
	}
	return 0;
}

static int
take_group(struct survey_state *st, size_t i)
{
	struct survey_row *row = &st->row[i];
	struct survey_task *task = &st->task[i];

	if (row->pending == 0)
		row->oldest_ms = row->retrying = 0;
	if (row->group != NULL && (task->is_redrive || task->stream->alone))
		row->work = (struct survey_work){ 0 };
	if (!is_group(st, i))
		return 0;
	if ((task->asked_pending && take_pending(st, row, task) < 0) ||
	    take_consumers(st, row) < 0 ||
	    (has_work(task) && take_work(st, row) < 0) ||
	    (task->asked_lag && survey_take_lag(st, i) < 0))
		return -1;
	return 0;
}

int
survey_groups(struct survey_state *st)
{
	return survey_pipeline(st, st->rows, ask_group, take_group);
}
