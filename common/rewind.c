#include <string.h>

#include "common/num.h"
#include "common/rewind.h"
#include "common/stop.h"
#include "common/stream.h"

enum {
	SLICE = 1000, /* entries the server counts at a time */
	TRIES = 3     /* when entries are removed while they are counted */
};

/* A reply to a question about the stream.  NULL if there is no such stream, which
 * is then missing, or with conn_error() set. */
static struct reply *
take_info(struct rewind *w)
{
	static const char missing[] = "ERR no such key";
	struct reply *r = conn_reply(w->conn, 0);
	const char *text;
	size_t len;

	if (r == NULL || !reply_is(r, 0, REPLY_ERROR))
		return r;
	text = reply_text(r, 0, &len);
	if (len >= sizeof(missing) - 1 &&
	    memcmp(text, missing, sizeof(missing) - 1) == 0)
		w->missing = "no such stream";
	else
		conn_fail_reply(w->conn, r, 0);
	return NULL;
}

/* A number that may be nil (-1) or not there at all (false). */
static bool
take_number(const struct reply *r, size_t i, const char *name, int64_t *value)
{
	size_t at = reply_field(r, i, name);

	*value = -1;
	return at != 0 &&
	       (reply_is(r, at, REPLY_NIL) || reply_number(r, at, value) == 0);
}

/* 1, 0, -1 */
static int
read_group(struct rewind *w)
{
	struct conn *c = w->conn;
	struct reply *r;
	size_t i = 1, left;

	conn_commandv(c, "XINFO", "GROUPS", w->stream, NULL);
	r = take_info(w);
	if (r == NULL)
		return w->missing != NULL ? 0 : -1;
	left = reply_is(r, 0, REPLY_ARRAY) ? r->node[0].len : 0;
	for (; left != 0; left--, i = reply_skip(r, i)) {
		size_t name = reply_field(r, i, "name");
		size_t last = reply_field(r, i, "last-delivered-id");

		if (name == 0 || last == 0 || reply_id(r, last, &w->at) < 0 ||
		    !take_number(r, i, "pending", &w->pending)) {
			conn_fail_shape(c, "XINFO GROUPS");
			return -1;
		}
		w->keeps_read = take_number(r, i, "entries-read", &w->read);
		if (reply_equals(r, name, w->group))
			return 1;
	}
	w->missing = "no such group";
	return 0;
}

static int
read_stream(struct rewind *w)
{
	struct conn *c = w->conn;
	struct reply *r;
	size_t last;

	conn_commandv(c, "XINFO", "STREAM", w->stream, NULL);
	r = take_info(w);
	if (r == NULL)
		return w->missing != NULL ? 0 : -1;
	last = reply_field(r, 0, "last-generated-id");
	if (!take_number(r, 0, "length", &w->length) || last == 0 ||
	    reply_id(r, last, &w->newest) < 0) {
		conn_fail_shape(c, "XINFO STREAM");
		return -1;
	}
	take_number(r, 0, "entries-added", &w->added);
	return 1;
}

static int
read_consumers(struct rewind *w)
{
	struct conn *c = w->conn;
	struct reply *r;
	size_t i = 1, left;

	buf_clear(&w->active);
	conn_commandv(c, "XINFO", "CONSUMERS", w->stream, w->group, NULL);
	r = take_info(w);
	if (r == NULL)
		return w->missing != NULL ? 0 : -1;
	left = reply_is(r, 0, REPLY_ARRAY) ? r->node[0].len : 0;
	for (; left != 0; left--, i = reply_skip(r, i)) {
		size_t name = reply_field(r, i, "name"), len;
		const char *text;
		int64_t idle;

		if (name == 0 || !take_number(r, i, "idle", &idle)) {
			conn_fail_shape(c, "XINFO CONSUMERS");
			return -1;
		}
		text = reply_text(r, name, &len);
		if (idle < w->goal->lease_ms) {
			buf_add(&w->active, text, strnlen(text, len));
			buf_addc(&w->active, '\0');
		}
	}
	return 1;
}

/*
 * Count up to `most` entries from one id to another, or backwards from the later
 * to the earlier, slice by slice.  1, 0 at a stop, -1.
 */
static int
count(struct rewind *w, bool back, struct id from, struct id to, uint64_t most,
      struct rewind_span *span)
{
	char a[ID_TEXT], b[ID_TEXT], want[NUM_TEXT + 1];

	*span = (struct rewind_span){ .exact = true };
	id_put(b, to);
	while (id_compare(from, to) * (back ? -1 : 1) <= 0) {
		uint64_t slice = most - span->count;
		struct reply *r;
		struct id first;
		int64_t n;

		if (stop_requested())
			return 0;
		if (slice == 0) {
			span->exact = false;
			return 1;
		}
		if (slice > SLICE)
			slice = SLICE;
		id_put(a, from);
		want[num_put(want, slice)] = '\0';
		r = script_call(w->conn, &w->span_script, 1, w->stream,
				back ? "XREVRANGE" : "XRANGE", a, b, want,
				NULL);
		if (r == NULL)
			return -1;
		if (reply_number(r, 1, &n) < 0) {
			conn_fail_shape(w->conn, "EVALSHA");
			return -1;
		}
		if (n == 0)
			return 1;
		if (reply_id(r, 2, &first) < 0 ||
		    reply_id(r, 3, &span->last) < 0) {
			conn_fail_shape(w->conn, "EVALSHA");
			return -1;
		}
		if (span->count == 0)
			span->first = first;
		span->count += (uint64_t)n;
		from = back ? id_prev(span->last) : id_next(span->last);
		if ((uint64_t)n < slice || id_compare(from, span->last) == 0)
			return 1;
	}
	return 1;
}

/* So many entries back or on.  1, 0, -1 */
static int
find_by(struct rewind *w)
{
	const struct rewind_goal *g = w->goal;
	struct rewind_span span;
	int rc;

	w->to = w->at;
	if (g->by == 0)
		return 1;
	if (!g->back) {
		rc = count(w, false, id_next(w->at), ID_MAX, g->by, &span);
		if (rc == 1 && span.count != 0)
			w->to = span.last;
		return rc;
	}
	/* One more: it is the last that counts as delivered. */
	rc = count(w, true, w->at, ID_MIN, g->by + 1, &span);
	if (rc == 1)
		w->to = span.count == g->by + 1 ? span.last : ID_MIN;
	return rc;
}

/* Stand behind an entry that was there, or at the start.  1, 0, -1 */
static int
snap(struct rewind *w)
{
	struct rewind_span span;
	int rc;

	if (id_compare(w->to, w->newest) >= 0)
		return 1;
	rc = count(w, true, w->to, ID_MIN, 1, &span);
	if (rc == 1)
		w->to = span.count != 0 ? span.last : ID_MIN;
	return rc;
}

/* What the goal means now.  1, 0, -1 */
static int
find_goal(struct rewind *w)
{
	const struct rewind_goal *g = w->goal;
	int64_t now = 0;

	switch (g->kind) {
	case REWIND_BY:
		return find_by(w);
	case REWIND_BEHIND:
		w->to = g->behind;
		return 1;
	case REWIND_TO_END:
		w->to = w->newest;
		return 1;
	case REWIND_SINCE:
		break;
	}
	if (when_needs_now(&g->since) && (now = conn_now(w->conn)) < 0)
		return -1;
	w->since = when_first_id(&g->since, now);
	w->to = id_prev(w->since);
	/* Beyond the end, the group would pass over what is still to come. */
	if (id_compare(w->to, w->newest) > 0)
		w->to = w->newest;
	return snap(w);
}

/* Count what lies between, and what lies behind both.  1, 0, -1 */
static int
count_all(struct rewind *w)
{
	bool back = id_compare(w->to, w->at) < 0;
	struct id low = back ? w->to : w->at, high = back ? w->at : w->to;
	struct rewind_span rest;
	int64_t sum;
	int rc = 1;

	w->span = (struct rewind_span){ .exact = true };
	if (id_compare(low, high) != 0)
		rc = count(w, false, id_next(low), high, REWIND_COUNT,
			   &w->span);
	if (rc == 1 && id_compare(high, ID_MAX) != 0)
		rc = count(w, false, id_next(high), ID_MAX, REWIND_COUNT,
			   &rest);
	else
		rest = (struct rewind_span){ .exact = true };
	if (rc != 1)
		return rc;
	sum = (int64_t)(w->span.count + rest.count);
	if (!w->span.exact)
		sum = -1;
	w->lag = back ? (int64_t)rest.count : sum;
	w->lag_then = back ? sum : (int64_t)rest.count;
	if (!rest.exact)
		w->lag = w->lag_then = -1;
	return 1;
}

static void
find_read(struct rewind *w)
{
	const struct rewind_goal *g = w->goal;

	w->read_then = -1;
	if (!w->keeps_read)
		return;
	if (g->kind == REWIND_BEHIND && g->has_read)
		w->read_then = g->read;
	else if (w->added >= 0 && w->lag_then >= 0 && w->added >= w->lag_then)
		w->read_then = w->added - w->lag_then;
}

static int
read_all(struct rewind *w)
{
	int rc = read_stream(w);

	if (rc == 1)
		rc = read_group(w);
	if (rc == 1)
		rc = read_consumers(w);
	if (rc == 1)
		rc = find_goal(w);
	if (rc == 1)
		rc = count_all(w);
	if (rc == 1)
		find_read(w);
	return rc;
}

int
rewind_read(struct rewind *w, struct conn *c, const char *stream,
	    const char *group, const struct rewind_goal *goal)
{
	int rc;

	w->conn = c;
	w->stream = stream;
	w->group = group;
	w->goal = goal;
	w->span_script.name = SCRIPT_SPAN;
	w->move_script.name = SCRIPT_REWIND;
	do
		rc = read_all(w);
	while (rc < 0 && conn_is_lost(c) && conn_reconnect(c) == 0);
	if (rc < 0)
		conn_blame(c, stream);
	return rc;
}

/* The words of the script's reply: what it found. */
static int
take_verdict(struct rewind *w, const struct reply *r)
{
	int64_t verdict;
	size_t i, len;
	const char *text;

	if (reply_is(r, 0, REPLY_NIL)) {
		w->missing = "no such group";
		return 0;
	}
	if (reply_number(r, 1, &verdict) < 0 || verdict < 0 || verdict > 3 ||
	    (verdict == 2 && reply_id(r, 2, &w->at) < 0)) {
		conn_fail_shape(w->conn, "EVALSHA");
		return -1;
	}
	if (verdict == 1)
		for (i = 2; i < r->count; i++) {
			text = reply_text(r, i, &len);
			buf_add(&w->active, text, strnlen(text, len));
			buf_addc(&w->active, '\0');
		}
	return verdict == 0 ? 1 : verdict == 3 ? 2 : 0;
}

/* 1, 0, -1; 2: entries were removed since they were counted */
static int
move(struct rewind *w)
{
	const struct rewind_goal *g = w->goal;
	char at[ID_TEXT], to[ID_TEXT], lease[NUM_TEXT + 1];
	char read[NUM_TEXT + 1] = "", removed[NUM_TEXT + 1] = "";
	bool counted = w->read_then >= 0 && !g->has_read;
	struct reply *r;

	id_put(at, w->at);
	id_put(to, w->to);
	lease[num_put(lease, (uint64_t)g->lease_ms)] = '\0';
	if (w->read_then >= 0)
		read[num_put(read, (uint64_t)w->read_then)] = '\0';
	if (counted && w->added >= w->length)
		removed[num_put(removed, (uint64_t)(w->added - w->length))] =
			'\0';
	buf_clear(&w->active);
	r = script_call(w->conn, &w->move_script, 1, w->stream, w->group, at,
			to, read, lease, removed, NULL);
	return r == NULL ? -1 : take_verdict(w, r);
}

/* A connection that is lost may have been lost behind the move: then the group is
 * where it was to go. */
static int
move_surely(struct rewind *w)
{
	struct conn *c = w->conn;
	bool again = false;
	int rc;

	while ((rc = move(w)) < 0 && conn_is_lost(c) && conn_reconnect(c) == 0)
		again = true;
	if (rc == 0 && again && w->active.len == 0 &&
	    id_compare(w->at, w->to) == 0)
		rc = 1;
	return rc;
}

int
rewind_move(struct rewind *w)
{
	struct id at = w->at;
	int tries, rc = 2;

	for (tries = 0; rc == 2 && tries < TRIES; tries++) {
		rc = move_surely(w);
		if (rc != 2)
			break;
		/* Counted anew, but from where the plan was made. */
		rc = read_all(w) == 1 ? 2 : -1;
		if (rc == 2 && id_compare(w->at, at) != 0)
			return 0;
	}
	if (rc == 2) { /* trimmed again and again: the lag is then unknown */
		w->read_then = -1;
		rc = move_surely(w);
	}
	if (rc < 0)
		conn_blame(w->conn, w->stream);
	return rc;
}

void
rewind_release(struct rewind *w)
{
	buf_release(&w->active);
}
