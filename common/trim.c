#include <string.h>

#include "common/num.h"
#include "common/stop.h"
#include "common/trim.h"
#include "common/trim_parts.h"

enum {
	FIRST_SLICE = 2000,
	LEAST_SLICE = 200,
	LARGEST_SLICE = 20000,
	LONG_MS = 3,  /* a slice that is too large */
	SAMPLES = 100 /* nodes that MEMORY USAGE looks at */
};

bool
trim_limits_any(const struct trim_limits *l)
{
	return l->keep_ms >= 0 || id_compare(l->before, ID_MIN) != 0 ||
	       l->maxlen != TRIM_NO_LIMIT || l->max_bytes != TRIM_NO_LIMIT;
}

void
trim_begin(struct trim *t, const char *stream)
{
	t->stream = stream;
	t->script.name = SCRIPT_TRIM;
	t->slice = FIRST_SLICE;
	t->removed = t->archived = 0;
	t->saved = ID_MIN;
	t->way_ms = -1;
	t->looked_up = false;
}

void
trim_release(struct trim *t)
{
	buf_release(&t->state.need.group);
	buf_release(&t->holder.group);
}

bool
trim_is_over(struct trim *t)
{
	if (stop_requested() || when_monotonic() >= t->deadline)
		t->over = true;
	return t->over;
}

struct id
trim_bound(const struct trim *t, const struct trim_limits *l)
{
	struct id bound = l->before, other;

	if (l->keep_ms >= 0 && l->keep_ms < t->now_ms) {
		other = (struct id){ (uint64_t)(t->now_ms - l->keep_ms), 0 };
		if (id_compare(other, bound) > 0)
			bound = other;
	}
	return bound;
}

/* An id, or what stands for it where there is none. */
static int
take_id(const struct reply *r, size_t i, struct id none, struct id *id)
{
	*id = none;
	return reply_equals(r, i, "") ? 0 : reply_id(r, i, id);
}

static int
take_state(struct trim_state *s, const struct reply *r, int64_t *removed)
{
	const char *text;
	int64_t length;
	size_t len, i;

	if (!reply_is(r, 0, REPLY_ARRAY) || r->node[0].len != 7 ||
	    reply_number(r, 1, removed) < 0 || *removed < 0 ||
	    reply_number(r, 2, &length) < 0)
		return -1;
	for (i = 3; i < 8; i++)
		if (!reply_is(r, i, REPLY_STRING))
			return -1;
	s->exists = length >= 0;
	s->length = length > 0 ? (uint64_t)length : 0;
	text = reply_text(r, 5, &len);
	buf_set(&s->need.group, text, len);
	s->need.why = reply_equals(r, 6, "pending")  ? TRIM_PENDING
		      : reply_equals(r, 6, "unread") ? TRIM_UNREAD
						     : TRIM_FREE;
	return take_id(r, 3, ID_MIN, &s->first) < 0 ||
			       take_id(r, 4, ID_MAX, &s->floor) < 0 ||
			       take_id(r, 7, ID_MIN, &s->need.at) < 0
		       ? -1
		       : 0;
}

struct call {
	struct id before; /* what is not before it stays */
	uint64_t keep;    /* so many entries stay at least */
	uint64_t most;    /* so many go at most; 0: look */
	bool whole;       /* nodes only */
};

static struct reply *
run_script(struct trim *t, const struct call *call)
{
	char id[ID_TEXT], keep[NUM_TEXT + 1], most[NUM_TEXT + 1];
	struct reply *r;

	id_put(id, call->before);
	keep[num_put(keep, call->keep)] = '\0';
	most[num_put(most, call->most)] = '\0';
	do
		r = script_call(t->conn, &t->script, 1, t->stream, id, keep,
				most, t->force ? "1" : "0",
				call->whole ? "1" : "0", NULL);
	while (r == NULL && conn_is_lost(t->conn) && !stop_requested() &&
	       conn_reconnect(t->conn) == 0);
	if (r == NULL)
		conn_blame(t->conn, t->stream);
	return r;
}

/* The server's time is what is left of the answer's, but for the way. */
static void
adapt(struct trim *t, int64_t took, bool look)
{
	if (look && (t->way_ms < 0 || took < t->way_ms))
		t->way_ms = took;
	if (look)
		return;
	took -= t->way_ms > 0 ? t->way_ms : 0;
	if (took >= LONG_MS && t->slice > LEAST_SLICE)
		t->slice /= 2;
	else if (took < LONG_MS / 2 && t->slice < LARGEST_SLICE)
		t->slice *= 2;
}

/* One slice.  What a call removed whose answer was lost is not counted. */
static int
trim_slice(struct trim *t, const struct call *call, uint64_t *removed)
{
	int64_t started = when_monotonic(), n;
	struct reply *r = run_script(t, call);

	if (r == NULL)
		return -1;
	if (take_state(&t->state, r, &n) < 0) {
		conn_fail_shape(t->conn, "trim");
		return -1;
	}
	adapt(t, when_monotonic() - started, call->most == 0);
	*removed = (uint64_t)n;
	t->removed += *removed;
	return 0;
}

int
trim_look(struct trim *t)
{
	const struct call look = { .before = ID_MIN };
	uint64_t none;

	return trim_slice(t, &look, &none);
}

static int
remove_slices(struct trim *t, struct call *call, uint64_t quota)
{
	uint64_t removed = 1;

	while (removed != 0 && quota != 0 && !trim_is_over(t)) {
		call->most = t->slice < quota ? t->slice : quota;
		if (trim_slice(t, call, &removed) < 0)
			return -1;
		quota -= removed < quota ? removed : quota;
	}
	return 0;
}

int
trim_remove(struct trim *t, struct id before, uint64_t keep, uint64_t quota)
{
	struct call call = { .before = before, .keep = keep };

	return remove_slices(t, &call, quota);
}

int
trim_remove_nodes(struct trim *t, uint64_t want)
{
	struct call call = { .before = ID_MAX, .whole = true };

	return remove_slices(t, &call, want);
}

int
trim_bytes(struct trim *t, uint64_t *bytes)
{
	struct reply *r;
	int64_t n;

	do {
		conn_command(t->conn, 5);
		conn_args(t->conn, "MEMORY");
		conn_args(t->conn, "USAGE");
		conn_args(t->conn, t->stream);
		conn_args(t->conn, "SAMPLES");
		conn_argu(t->conn, SAMPLES);
		r = conn_result(t->conn);
	} while (r == NULL && conn_is_lost(t->conn) && !stop_requested() &&
		 conn_reconnect(t->conn) == 0);
	*bytes = 0;
	if (r == NULL) {
		conn_blame(t->conn, t->stream);
		return -1;
	}
	if (reply_number(r, 0, &n) == 0 && n > 0)
		*bytes = (uint64_t)n; /* nil: it is gone */
	return 0;
}
