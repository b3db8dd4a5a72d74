#include <stdlib.h>
#include <string.h>

#include "common/delayed.h"
#include "common/diag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/script.h"
#include "common/stop.h"
#include "common/trim_reap.h"

enum {
	REAP_MOST = 500,
	CANCEL_SLICE = 500,
	PLACE = 37 /* of a member: UUID and priority, before the event */
};

static int
tell(struct conn *c, const char *stream, const struct reply *r)
{
	char idle[NUM_DURATION_TEXT];
	const char *group, *name;
	int64_t ms;
	size_t i, len;

	if (!reply_is(r, 0, REPLY_ARRAY) || r->node[0].len % 3 != 0) {
		conn_fail_shape(c, "reap");
		return -1;
	}
	for (i = 1; i < r->count; i += 3) {
		if (!reply_is(r, i, REPLY_STRING) ||
		    !reply_is(r, i + 1, REPLY_STRING) ||
		    reply_number(r, i + 2, &ms) < 0 || ms < 0) {
			conn_fail_shape(c, "reap");
			return -1;
		}
		group = reply_text(r, i, &len);
		name = reply_text(r, i + 1, &len);
		info("%s: group %s: consumer %s holds nothing, idle for %s",
		     stream, group, name, num_put_duration(idle, ms));
	}
	return 0;
}

int
trim_reap(struct conn *c, const char *stream, int64_t idle_ms, bool plan,
	  uint64_t *removed)
{
	struct script s = { .name = SCRIPT_REAP };
	uint64_t want = plan ? 1000000 : REAP_MOST, got;
	char idle[NUM_TEXT + 1], most[NUM_TEXT + 1];
	struct reply *r;

	*removed = 0;
	idle[num_put(idle, (uint64_t)idle_ms)] = '\0';
	most[num_put(most, want)] = '\0';
	do {
		do
			r = script_call(c, &s, 1, stream, idle,
					plan ? "1" : "0", most, NULL);
		while (r == NULL && conn_is_lost(c) && !stop_requested() &&
		       conn_reconnect(c) == 0);
		if (r == NULL)
			conn_blame(c, stream);
		if (r == NULL || tell(c, stream, r) < 0)
			return -1;
		got = r->node[0].len / 3;
		*removed += got;
	} while (got == want && !plan && !stop_requested());
	return 0;
}

/* A member as the entry that it will be; *fake holds its text. */
static struct entry
entry_of(struct reply *fake, const char *member, size_t len, int64_t due)
{
	size_t skip = len > PLACE && *member != '{' ? PLACE : 0;

	reply_clear(fake);
	reply_push_text(fake, REPLY_STRING, "data", 4);
	reply_push_text(fake, REPLY_STRING, member + skip, len - skip);
	return (struct entry){
		.id = { due > 0 ? (uint64_t)due : 0, 0 },
		.reply = fake,
		.fields = 1,
	};
}

/* Whether members i of the reply, followed by its score, is wanted. */
static bool
is_wanted(struct trim_cancel *t, const struct reply *r, size_t i,
	  struct reply *fake)
{
	size_t len, score_len;
	const char *member = reply_text(r, i, &len);
	int64_t due = (int64_t)strtod(reply_text(r, i + 1, &score_len), NULL);
	struct entry e;
	int rc;

	if (due < t->first || due > t->last)
		return false;
	e = entry_of(fake, member, len, due);
	t->select->record.stream = t->stream;
	rc = select_entry(t->select, &e);
	if (rc >= 0)
		return rc == 1;
	warn("%s: a scheduled event: filter: %s", t->stream, t->select->error);
	t->failed++;
	return false;
}

/* Find what is wanted in a reply to ZSCAN and append the ZREM of it.  Returns how
 * many. */
static size_t
choose(struct trim_cancel *t, const struct reply *r, const char *key)
{
	size_t pairs = r->node[2].len / 2, n = 0, i, k, len;
	size_t *at = xcalloc(pairs + 1, sizeof(*at));
	struct reply fake = { 0 };

	for (i = 0, k = 3; i < pairs; i++, k += 2)
		if (is_wanted(t, r, k, &fake))
			at[n++] = k;
	if (n != 0 && !t->plan) {
		conn_command(t->conn, 2 + n);
		conn_args(t->conn, "ZREM");
		conn_args(t->conn, key);
		for (i = 0; i < n; i++) {
			const char *member = reply_text(r, at[i], &len);

			conn_arg(t->conn, member, len);
		}
	}
	reply_release(&fake);
	free(at);
	return n;
}

static bool
is_shaped(const struct reply *r)
{
	size_t i;

	if (!reply_is(r, 0, REPLY_ARRAY) || r->node[0].len != 2 ||
	    !reply_is(r, 1, REPLY_STRING) || !reply_is(r, 2, REPLY_ARRAY) ||
	    r->node[2].len % 2 != 0)
		return false;
	for (i = 3; i < r->count; i++)
		if (!reply_is(r, i, REPLY_STRING))
			return false;
	return true;
}

/* One slice: move the cursor on.  A slice whose ZREM was lost is asked for again.
 * 0, or -1. */
static int
cancel_slice(struct trim_cancel *t, const char *key, struct buf *cursor)
{
	char slice[NUM_TEXT + 1];
	struct reply *r;
	struct buf next = { 0 };
	const char *text;
	int64_t removed;
	size_t n, len;
	int rc = -1;

	slice[num_put(slice, CANCEL_SLICE)] = '\0';
	conn_commandv(t->conn, "ZSCAN", key, buf_text(cursor), "COUNT", slice,
		      NULL);
	r = conn_result(t->conn);
	if (r == NULL)
		return -1;
	if (!is_shaped(r)) {
		conn_fail_shape(t->conn, "ZSCAN");
		return -1;
	}
	text = reply_text(r, 1, &len);
	buf_set(&next, text, len);
	n = choose(t, r, key);
	removed = (int64_t)n;
	if (n != 0 && !t->plan &&
	    ((r = conn_result(t->conn)) == NULL ||
	     reply_number(r, 0, &removed) < 0))
		goto done;
	t->removed += (uint64_t)removed;
	buf_set(cursor, next.data, next.len);
	rc = 0;
done:
	buf_release(&next);
	return rc;
}

int
trim_cancel(struct trim_cancel *t)
{
	struct buf key = { 0 }, cursor = { 0 };
	int rc;

	delayed_key(&key, t->stream);
	buf_adds(&cursor, "0");
	do
		rc = cancel_slice(t, buf_text(&key), &cursor);
	while ((rc == 0 || (conn_is_lost(t->conn) && !stop_requested() &&
			    conn_reconnect(t->conn) == 0)) &&
	       (rc < 0 || strcmp(buf_text(&cursor), "0") != 0) &&
	       !stop_requested() && when_monotonic() < t->deadline);
	if (rc < 0)
		conn_blame(t->conn, key.data);
	buf_release(&key);
	buf_release(&cursor);
	return rc;
}
