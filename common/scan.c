#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/scan.h"
#include "common/stop.h"

enum {
	FIRST_SLICE = 100,
	LARGEST_SLICE = 1000,
	SLICE_BYTES = 512 << 10,
	PART_BYTES = 1 << 20,
};

void
scan_init(struct scan *s, struct conn *conn, bool backwards)
{
	*s = (struct scan){
		.conn = conn,
		.backwards = backwards,
		.slice = FIRST_SLICE,
	};
}

void
scan_add(struct scan *s, const char *name, struct id first, struct id last)
{
	s->stream = xreallocarray(s->stream, s->count + 1, sizeof(*s->stream));
	s->stream[s->count++] = (struct scan_stream){
		.name = xstrdup(name),
		.next = s->backwards ? last : first,
		.stop = s->backwards ? first : last,
	};
}

bool
scan_has(const struct scan *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (strcmp(s->stream[i].name, name) == 0)
			return true;
	return false;
}

void
scan_release(struct scan *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		free(s->stream[i].name);
		entries_release(&s->stream[i].entries);
		reply_release(&s->stream[i].own);
	}
	free(s->stream);
	reply_release(&s->news);
	*s = (struct scan){ 0 };
}

static void
ask(struct scan *s, struct scan_stream *st)
{
	struct conn *c = s->conn;

	st->want = s->slice;
	conn_command(c, 6);
	conn_args(c, s->backwards ? "XREVRANGE" : "XRANGE");
	conn_args(c, st->name);
	conn_argid(c, st->next);
	conn_argid(c, st->stop);
	conn_args(c, "COUNT");
	conn_argu(c, st->want);
	st->asked = true;
}

/* Go on behind an entry; an id that can't be passed ends the stream. */
static void
pass(struct scan *s, struct scan_stream *st, struct id id)
{
	struct id next = s->backwards ? id_prev(id) : id_next(id);
	int past = id_compare(next, st->stop);

	if (id_compare(next, id) == 0 || (s->backwards ? past < 0 : past > 0))
		st->ended = true;
	st->next = next;
}

/* After a slice: the next one should make about SLICE_BYTES. */
static void
adapt(struct scan *s, const struct reply *r)
{
	size_t entries = r->node[0].len;

	if (entries == 0)
		return;
	s->slice = SLICE_BYTES / (r->bytes.len / entries + 1);
	if (s->slice > entries * 4)
		s->slice = entries * 4;
	if (s->slice > LARGEST_SLICE)
		s->slice = LARGEST_SLICE;
	if (s->slice == 0)
		s->slice = 1;
}

/*
 * A slice or its first part is here.  If it came whole, its end is known, and of
 * a single stream the next one is asked for before this one is used.
 */
static int
accept_slice(struct scan *s, struct scan_stream *st, struct reply *r)
{
	struct id last;

	if (reply_is(r, 0, REPLY_ERROR)) {
		st->asked = false;
		conn_fail_reply(s->conn, r, 0);
		conn_blame(s->conn, st->name);
		return -1;
	}
	st->reply = r;
	entries_init(&st->entries, false);
	st->whole = r->complete;
	st->length = reply_is(r, 0, REPLY_ARRAY) ? r->node[0].len : 0;
	if (!st->whole)
		return 0;
	st->asked = false;
	if (entries_last_id(r, &last) < 0) {
		st->ended = true;
		return 0;
	}
	pass(s, st, last);
	if (st->length < st->want)
		st->ended = true;
	adapt(s, r);
	if (s->count == 1 && !st->ended) {
		ask(s, st);
		conn_flush(s->conn);
	}
	return 0;
}

/* After a lost connection, what was asked and a slice half-way are gone. */
static int
start_over(struct scan *s)
{
	size_t i;

	if (!conn_is_lost(s->conn) || stop_requested() ||
	    conn_reconnect(s->conn) < 0)
		return -1;
	for (i = 0; i < s->count; i++)
		s->stream[i].asked = false;
	s->following = false;
	return 0;
}

/* After a part, what is left of a reply comes in further ones. */
static int
drain(struct scan *s, struct scan_stream *st)
{
	struct reply *r = st->whole ? NULL : st->reply;

	st->reply = NULL;
	while (st->asked) {
		if (r != NULL)
			reply_consume(r, r->count);
		if (conn_await(s->conn, &r, PART_BYTES, 0) < 0)
			return start_over(s);
		st->asked = !r->complete;
	}
	return 0;
}

/* The answer to a question that scan_follow() no longer waited for. */
static int
drain_follow(struct scan *s)
{
	struct reply *r;

	while (s->following) {
		if (conn_await(s->conn, &r, PART_BYTES, s->block_ms) < 0)
			return start_over(s);
		s->following = !r->complete;
		reply_consume(r, r->count);
	}
	return 0;
}

int
scan_end(struct scan *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (drain(s, &s->stream[i]) < 0)
			return -1;
	return drain_follow(s);
}

/* How many entries of a reply are here. */
static size_t
entries_at_hand(const struct reply *r, bool by_stream)
{
	struct entries all = { 0 };
	struct entry e;
	size_t n = 0;

	entries_init(&all, by_stream);
	while (entries_next(&all, r, &e) == ENTRIES_OK)
		n++;
	entries_release(&all);
	return n;
}

/*
 * Move a reply to where it may stay while others are read.  Of a large one only
 * the entries that are here by now, at least one, are kept: the others are asked
 * for again, in smaller slices.  0, or -1 if the connection is lost.
 */
static int
keep(struct scan *s, struct reply *r, struct reply *to, bool by_stream)
{
	struct reply swap;
	size_t entries = 0;

	while (!r->complete && (entries = entries_at_hand(r, by_stream)) == 0)
		if (conn_await(s->conn, &r, PART_BYTES, 0) < 0)
			return -1;
	swap = *to;
	*to = *r;
	*r = swap;
	if (to->complete || entries == 0)
		return 0;
	s->slice = SLICE_BYTES / (to->bytes.len / entries + 1) + 1;
	reply_clear(r);
	while (!r->complete) {
		reply_consume(r, r->count);
		if (conn_await(s->conn, &r, PART_BYTES, 0) < 0)
			return -1;
	}
	return 0;
}

/* Get a slice of this stream; what others have at hand stays. */
static int
fetch(struct scan *s, struct scan_stream *st)
{
	struct reply *r;

	for (;;) {
		if (!st->asked)
			ask(s, st);
		if (conn_await(s->conn, &r, PART_BYTES, 0) == 0 &&
		    (s->count == 1 || keep(s, r, &st->own, false) == 0))
			break;
		if (start_over(s) < 0)
			return -1;
	}
	if (s->count == 1)
		return accept_slice(s, st, r);
	st->asked = false;
	return accept_slice(s, st, &st->own);
}

/* Get the next part of a slice that is too large to keep whole. */
static int
fetch_part(struct scan *s, struct scan_stream *st)
{
	struct reply *r = st->reply;

	entries_more(&st->entries, r);
	if (conn_await(s->conn, &r, PART_BYTES, 0) < 0) {
		st->reply = NULL;
		return start_over(s);
	}
	if (r->complete) {
		st->asked = false;
		s->slice = st->want / 4 + 1;
	}
	return 0;
}

/* Make the stream's next entry its head, or end it.  0, or -1. */
static int
advance(struct scan *s, struct scan_stream *st)
{
	while (!st->has_head) {
		enum entries_result rc = ENTRIES_END;

		if (st->reply != NULL)
			rc = entries_next(&st->entries, st->reply, &st->head);
		if (rc == ENTRIES_OK) {
			st->has_head = true;
			if (!st->whole)
				pass(s, st, st->head.id);
		} else if (rc == ENTRIES_MORE && (st->whole || s->count != 1)) {
			st->reply = NULL; /* the rest was not kept */
		} else if (rc == ENTRIES_MORE) {
			if (fetch_part(s, st) < 0)
				return -1;
		} else if (rc == ENTRIES_BAD) {
			conn_fail_shape(s->conn, "XRANGE");
			return -1;
		} else {
			if (st->reply != NULL && !st->whole)
				st->ended = st->ended || st->length < st->want;
			st->reply = NULL;
			if (st->ended)
				return 0;
			if (fetch(s, st) < 0)
				return -1;
		}
	}
	return 0;
}

/* Whether entry a of stream i comes before entry b of stream k. */
static bool
precedes(const struct scan *s, const struct entry *a, const struct entry *b)
{
	int order = id_compare(a->id, b->id);

	return s->backwards ? order >= 0 : order < 0;
}

int
scan_next(struct scan *s, struct entry *entry, size_t *index)
{
	struct scan_stream *first = NULL;
	size_t i;

	for (i = 0; i < s->count; i++) {
		struct scan_stream *st = &s->stream[i];

		if (!st->has_head && advance(s, st) < 0)
			return -1;
		if (st->has_head &&
		    (first == NULL || precedes(s, &st->head, &first->head)))
			first = st;
	}
	if (first == NULL)
		return 0;
	first->has_head = false;
	first->seen = first->head.id;
	first->any = true;
	*entry = first->head;
	*index = (size_t)(first - s->stream);
	return 1;
}

static void
ask_new(struct scan *s, int block_ms)
{
	struct conn *c = s->conn;
	size_t i;

	conn_command(c, 6 + 2 * s->count);
	conn_args(c, "XREAD");
	conn_args(c, "COUNT");
	conn_argu(c, s->slice);
	conn_args(c, "BLOCK");
	conn_argu(c, (uint64_t)(block_ms > 0 ? block_ms : 1));
	conn_args(c, "STREAMS");
	for (i = 0; i < s->count; i++)
		conn_args(c, s->stream[i].name);
	for (i = 0; i < s->count; i++)
		conn_argid(c, id_prev(s->stream[i].next));
	s->following = true;
	s->block_ms = block_ms;
}

/* Give each stream its list in the reply; scan_next() merges them. */
static int
share_out(struct scan *s, struct reply *r)
{
	size_t i = 1, left, k;

	if (reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(s->conn, r, 0);
		if (s->count == 1)
			conn_blame(s->conn, s->stream[0].name);
		return -1;
	}
	if (reply_is(r, 0, REPLY_NIL))
		return 0;
	if (!reply_is(r, 0, REPLY_ARRAY)) {
		conn_fail_shape(s->conn, "XREAD");
		return -1;
	}
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i)) {
		struct scan_stream *st = NULL;

		if (!r->complete && r->count - i < 3)
			break; /* what was kept ends here */
		for (k = 0; k < s->count && st == NULL; k++)
			if (reply_equals(r, i + 1, s->stream[k].name))
				st = &s->stream[k];
		if (st == NULL || !reply_is(r, i + 2, REPLY_ARRAY)) {
			conn_fail_shape(s->conn, "XREAD");
			return -1;
		}
		st->reply = r;
		st->ended = st->whole = true;
		entries_init_at(&st->entries, i + 3, r->node[i + 2].len);
	}
	return 1;
}

/* Reading goes on behind what the last calls returned. */
static void
settle(struct scan *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		struct scan_stream *st = &s->stream[i];

		st->reply = NULL;
		st->ended = true;
		if (st->any)
			st->next = id_next(st->seen);
	}
}

int
scan_follow(struct scan *s, int timeout_ms, int watch_fd)
{
	struct reply *r;
	int rc;

	if (s->count == 0) {
		stop_sleep(timeout_ms);
		return 0;
	}
	settle(s);
	for (;;) {
		if (!s->following)
			ask_new(s, timeout_ms);
		rc = conn_watch(s->conn, &r, PART_BYTES, timeout_ms, watch_fd);
		if (rc == 1)
			rc = keep(s, r, &s->news, true) < 0 ? -1 : 1;
		if (rc >= 0)
			break;
		if (start_over(s) < 0)
			return -1;
	}
	if (rc == 0)
		return 0;
	s->following = false;
	if (s->news.complete && s->news.bytes.len < SLICE_BYTES / 2)
		s->slice = s->slice < LARGEST_SLICE / 2 ? s->slice * 2
							: LARGEST_SLICE;
	return share_out(s, &s->news);
}

int
scan_newest(struct conn *c, const char *name, struct id *id)
{
	struct reply *r;

	conn_commandv(c, "XREVRANGE", name, "+", "-", "COUNT", "1", NULL);
	r = conn_result(c);
	if (r == NULL) {
		conn_blame(c, name);
		return -1;
	}
	return entries_last_id(r, id) == 0 ? 1 : 0;
}

/* SCAN may name a key more than once; what is known by then is passed over. */
int
scan_find(struct scan *s, const char *pattern,
	  void (*found)(void *arg, const char *name), void *arg)
{
	struct buf cursor = { 0 }, name = { 0 };
	size_t i, k, len;
	const char *text;
	int rc = -1;

	buf_adds(&cursor, "0");
	do {
		struct reply *r;

		conn_commandv(s->conn, "SCAN", buf_text(&cursor), "MATCH",
			      pattern, "COUNT", "1000", "TYPE", "stream", NULL);
		r = conn_result(s->conn);
		if (r == NULL)
			goto done;
		if (!reply_is(r, 1, REPLY_STRING) ||
		    !reply_is(r, 2, REPLY_ARRAY)) {
			conn_fail_shape(s->conn, "SCAN");
			goto done;
		}
		text = reply_text(r, 1, &len);
		buf_clear(&cursor);
		buf_add(&cursor, text, len);
		for (i = 3, k = r->node[2].len; k != 0; k--, i++) {
			if (!reply_is(r, i, REPLY_STRING))
				continue;
			text = reply_text(r, i, &len);
			if (memchr(text, '\0', len) != NULL)
				continue; /* can't be named as a C string */
			buf_clear(&name);
			buf_add(&name, text, len);
			if (!scan_has(s, buf_text(&name)))
				found(arg, name.data);
		}
	} while (strcmp(buf_text(&cursor), "0") != 0);
	rc = 0;
done:
	buf_release(&cursor);
	buf_release(&name);
	return rc;
}
