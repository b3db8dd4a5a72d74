#include <string.h>

#include "common/lag.h"

enum {
	FIRST_SLICE = 100,
	LARGEST_SLICE = 1000,
	SLICE_BYTES = 256 << 10,
	PART_BYTES = 1 << 20
};

/* XINFO names groups as a list of lists of fields and values. */
int
lag_delivered(struct conn *c, const char *stream, const char *group,
	      struct id *delivered)
{
	struct reply *r;
	size_t i = 1, left;
	bool found = false;

	conn_commandv(c, "XINFO", "GROUPS", stream, NULL);
	r = conn_reply(c, 0);
	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR) &&
	    reply_fault(r, 0) == REPLY_FAULT_REFUSED) {
		size_t len;
		const char *text = reply_text(r, 0, &len);

		if (len >= 15 && memcmp(text, "ERR no such key", 15) == 0)
			return 0;
	}
	if (reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(c, r, 0);
		return -1;
	}
	if (!reply_is(r, 0, REPLY_ARRAY)) {
		conn_fail_shape(c, "XINFO GROUPS");
		return -1;
	}
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i)) {
		size_t name = reply_field(r, i, "name");
		size_t last = reply_field(r, i, "last-delivered-id");
		struct id id;

		if (name == 0 || last == 0 || reply_id(r, last, &id) < 0) {
			conn_fail_shape(c, "XINFO GROUPS");
			return -1;
		}
		if (group != NULL && !reply_equals(r, name, group))
			continue;
		if (!found || id_compare(id, *delivered) < 0)
			*delivered = id;
		found = true;
	}
	return found;
}

void
lag_count_init(struct lag_count *l, struct id after, struct id last,
	       uint64_t most, size_t entry_bytes)
{
	*l = (struct lag_count){
		.at = after,
		.last = last,
		.most = most,
		.ended = id_compare(after, last) >= 0,
		.slice = FIRST_SLICE,
	};
	if (entry_bytes != 0 && SLICE_BYTES / entry_bytes < FIRST_SLICE)
		l->slice = SLICE_BYTES / entry_bytes + 1;
}

bool
lag_wants_more(const struct lag_count *l)
{
	return !l->ended && l->entries < l->most;
}

void
lag_ask(struct conn *c, const char *stream, struct lag_count *l)
{
	l->want = l->most - l->entries;
	if (l->want > l->slice)
		l->want = l->slice;
	conn_command(c, 6);
	conn_args(c, "XRANGE");
	conn_args(c, stream);
	conn_argid(c, id_next(l->at));
	conn_argid(c, l->last);
	conn_args(c, "COUNT");
	conn_argu(c, l->want);
}

/* After a slice: the next one should make about SLICE_BYTES. */
static void
adapt(struct lag_count *l, uint64_t entries, size_t bytes)
{
	if (entries == 0)
		return;
	l->slice = SLICE_BYTES / (bytes / entries + 1);
	if (l->slice > entries * 4)
		l->slice = entries * 4;
	if (l->slice > LARGEST_SLICE)
		l->slice = LARGEST_SLICE;
	if (l->slice == 0)
		l->slice = 1;
}

/* Count the entries that are at hand.  Returns 0, or -1. */
static int
count_part(struct conn *c, struct lag_count *l, struct entries *entries,
	   struct reply *r)
{
	enum entries_result rc;
	struct entry entry;

	if (reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(c, r, 0);
		return -1;
	}
	while ((rc = entries_next(entries, r, &entry)) == ENTRIES_OK) {
		if (l->entries++ == 0)
			l->first = entry.id;
		l->at = entry.id;
		if (l->each != NULL)
			l->each(l->arg, &entry);
	}
	if (rc == ENTRIES_BAD) {
		conn_fail_shape(c, "XRANGE");
		return -1;
	}
	return 0;
}

int64_t
lag_take(struct conn *c, struct lag_count *l)
{
	struct entries entries = { 0 };
	uint64_t before = l->entries;
	size_t bytes = 0;
	struct reply *r;

	for (;;) {
		if (conn_await(c, &r, PART_BYTES, 0) < 0 ||
		    count_part(c, l, &entries, r) < 0)
			return -1;
		bytes += r->bytes.len;
		if (r->complete)
			break;
		entries_more(&entries, r);
	}
	adapt(l, l->entries - before, bytes);
	l->ended = l->entries - before < l->want ||
		   id_compare(l->at, l->last) >= 0;
	return (int64_t)bytes;
}

int
lag_read(struct conn *c, const char *stream, const char *group, uint64_t limit,
	 struct lag *lag)
{
	struct lag_count l;
	struct id at;
	int rc = lag_delivered(c, stream, group, &at);

	*lag = (struct lag){ 0, true };
	if (rc != 1)
		return rc;
	lag_count_init(&l, at, ID_MAX, limit, 0);
	while (lag_wants_more(&l)) {
		lag_ask(c, stream, &l);
		if (lag_take(c, &l) < 0)
			return -1;
	}
	*lag = (struct lag){ l.entries, l.ended };
	return 1;
}
