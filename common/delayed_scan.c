#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/delayed.h"
#include "common/delayed_scan.h"
#include "common/mem.h"
#include "common/stop.h"

enum {
	FIRST_SLICE = 20,
	LARGEST_SLICE = 200,
	SLICE_BYTES = 512 << 10,
	SCORE_TEXT = 32
};

void
delayed_scan_init(struct delayed_scan *s, struct conn *c, int64_t first_ms,
		  int64_t last_ms)
{
	*s = (struct delayed_scan){
		.conn = c,
		.first = first_ms == INT64_MIN ? -HUGE_VAL : (double)first_ms,
		.last = last_ms == INT64_MAX ? HUGE_VAL : (double)last_ms,
	};
}

void
delayed_scan_add(struct delayed_scan *s, const char *stream)
{
	struct delayed_source *d;

	s->source = xreallocarray(s->source, s->count + 1, sizeof(*s->source));
	d = &s->source[s->count++];
	*d = (struct delayed_source){ .slice = FIRST_SLICE };
	delayed_key(&d->key, stream);
}

void
delayed_scan_release(struct delayed_scan *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		buf_release(&s->source[i].key);
		buf_release(&s->source[i].member);
		buf_release(&s->source[i].score);
		reply_release(&s->source[i].reply);
	}
	free(s->source);
	*s = (struct delayed_scan){ 0 };
}

/* The server writes a double so that it reads back as the same. */
static double
score_of(const struct reply *r, size_t i)
{
	size_t len;

	return strtod(reply_text(r, i, &len), NULL);
}

/* Whether a member of a reply is behind the last one read. */
static bool
is_behind(const struct delayed_scan *s, const struct delayed_source *d,
	  const struct reply *r, size_t i)
{
	double score = score_of(r, i + 1), last;
	const char *text;
	size_t len, least;
	int order;

	if (!d->any)
		return score >= s->first;
	last = strtod(d->score.data, NULL);
	if (score < last || score > last)
		return score > last;
	text = reply_text(r, i, &len);
	least = len < d->member.len ? len : d->member.len;
	order = memcmp(text, d->member.data, least);
	return order != 0 ? order > 0 : len > d->member.len;
}

/*
 * Find the rank to read from: that of the last one read, or if it is gone or
 * there is none, of the last one that is due earlier.  0, or -1.
 */
static int
locate(struct delayed_scan *s, struct delayed_source *d)
{
	struct conn *c = s->conn;
	char below[SCORE_TEXT];
	struct reply *r;
	int64_t rank = 0;

	if (d->any) {
		conn_command(c, 3);
		conn_args(c, "ZRANK");
		conn_arg(c, d->key.data, d->key.len);
		conn_arg(c, d->member.data, d->member.len);
		if ((r = conn_result(c)) == NULL)
			return -1;
		if (reply_number(r, 0, &rank) == 0) {
			d->rank = (uint64_t)rank;
			return 0;
		}
		snprintf(below, sizeof(below), "(%s", d->score.data);
	} else {
		snprintf(below, sizeof(below), "(%.17g", s->first);
	}
	conn_commandv(c, "ZCOUNT", d->key.data, "-inf", below, NULL);
	if ((r = conn_result(c)) == NULL)
		return -1;
	if (reply_number(r, 0, &rank) < 0 || rank < 0) {
		conn_fail_shape(c, "ZCOUNT");
		return -1;
	}
	d->rank = rank == 0 ? 0 : (uint64_t)rank - 1;
	return 0;
}

static struct reply *
ask(struct delayed_scan *s, const struct delayed_source *d)
{
	struct conn *c = s->conn;
	struct reply *r;
	size_t i;

	conn_command(c, 5);
	conn_args(c, "ZRANGE");
	conn_arg(c, d->key.data, d->key.len);
	conn_argu(c, d->rank);
	conn_argu(c, d->rank + d->slice - 1);
	conn_args(c, "WITHSCORES");
	r = conn_result(c);
	if (r == NULL)
		return NULL;
	for (i = 0; i < r->count; i++)
		if (!reply_is(r, i, i == 0 ? REPLY_ARRAY : REPLY_STRING))
			break;
	if (i == r->count && r->count % 2 == 1)
		return r;
	conn_fail_shape(c, "ZRANGE");
	return NULL;
}

/* After a slice: the next one should make about SLICE_BYTES, and holds two at
 * least, of which one was read before. */
static void
adapt(struct delayed_source *d, const struct reply *r, size_t members)
{
	size_t most = d->slice * 4;

	d->slice = SLICE_BYTES / (r->bytes.len / members + 1);
	if (d->slice > most)
		d->slice = most;
	if (d->slice > LARGEST_SLICE)
		d->slice = LARGEST_SLICE;
	if (d->slice < 2)
		d->slice = 2;
}

/*
 * Get the next slice.  A slice begins with a member that was read before, as a
 * witness that none was skipped because others before it have gone; if it is
 * not there the place is looked for again.  Returns 0, or -1.
 */
static int
fetch(struct delayed_scan *s, struct delayed_source *d)
{
	struct reply *r, swap;
	size_t members, i;

	if (!d->any && locate(s, d) < 0)
		return -1;
	for (;;) {
		if ((r = ask(s, d)) == NULL)
			return -1;
		members = r->count / 2;
		if (d->rank != 0 && (members == 0 || is_behind(s, d, r, 1))) {
			if (locate(s, d) < 0)
				return -1;
			continue;
		}
		for (i = 1; i < r->count && !is_behind(s, d, r, i); i += 2)
			;
		if (i < r->count || members < d->slice)
			break;
		d->rank += members - 1;
	}
	d->ended = members < d->slice;
	d->at = i;
	d->left = (r->count - i) / 2;
	if (members == 0)
		return 0;
	d->rank += members - 1;
	adapt(d, r, members);
	swap = d->reply;
	d->reply = *r;
	*r = swap;
	return 0;
}

/* Where to go on after this slice. */
static void
remember(struct delayed_source *d)
{
	const struct reply *r = &d->reply;
	const char *text;
	size_t len;

	if (r->count < 3)
		return;
	text = reply_text(r, r->count - 2, &len);
	buf_set(&d->member, text, len);
	text = reply_text(r, r->count - 1, &len);
	buf_set(&d->score, text, len < SCORE_TEXT - 2 ? len : 0);
	d->any = true;
}

/* See to it that a member is at hand, unless there is none.  0, or -1. */
static int
advance(struct delayed_scan *s, struct delayed_source *d)
{
	while (d->left == 0 && !d->ended) {
		remember(d);
		while (fetch(s, d) < 0) {
			if (!conn_is_lost(s->conn))
				conn_blame(s->conn, d->key.data);
			if (!conn_is_lost(s->conn) || stop_requested() ||
			    conn_reconnect(s->conn) < 0)
				return -1;
		}
	}
	if (d->left != 0 && score_of(&d->reply, d->at + 1) > s->last) {
		d->left = 0;
		d->ended = true;
	}
	return 0;
}

static int64_t
to_ms(double score)
{
	/* Bounds that a double holds; also of infinite scores. */
	return score <= -9e15  ? -9000000000000000
	       : score >= 9e15 ? 9000000000000000
			       : (int64_t)score;
}

static void
set_event(const struct delayed_source *d, struct delayed_event *e)
{
	e->due_ms = to_ms(score_of(&d->reply, d->at + 1));
	e->member = reply_text(&d->reply, d->at, &e->member_len);
	delayed_read_member(e->member, e->member_len, &e->priority, &e->event,
			    &e->len);
}

int
delayed_scan_next(struct delayed_scan *s, struct delayed_event *e)
{
	struct delayed_source *first = NULL;
	double due = 0;
	size_t i;

	for (i = 0; i < s->count; i++) {
		struct delayed_source *d = &s->source[i];

		if (advance(s, d) < 0)
			return -1;
		if (d->left == 0 ||
		    (first != NULL && score_of(&d->reply, d->at + 1) >= due))
			continue;
		first = d;
		due = score_of(&d->reply, d->at + 1);
	}
	if (first == NULL)
		return 0;
	e->stream = (size_t)(first - s->source);
	set_event(first, e);
	first->at += 2;
	first->left--;
	return 1;
}
