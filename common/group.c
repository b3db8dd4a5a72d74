#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/group.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/stop.h"

enum {
	LARGEST_SLICE = 1000,
	SLICE_BYTES = 512 << 10,
	PART_BYTES = 1 << 20,
	BACKOFF_MS = 250,
	ROUNDING_MS = 10,     /* by which a read may end before its time */
	SECOND_LOOK_MS = 3000 /* longer than a read blocks */
};

/* How long a server that can't now has been so is bounded as the time to
 * reconnect is.  False at a stop too. */
bool
group_back_off(struct group *g, const struct reply *r)
{
	int64_t now = when_monotonic(), limit = g->o->retry_for_ms;
	char text[256];

	if (!g->refused) {
		reply_complaint(r, 0, text, sizeof(text));
		warn("%s: %s, trying again", conn_name(g->conn), text);
		g->refused = true;
		g->refused_until =
			limit < INT64_MAX - now ? now + limit : INT64_MAX;
	}
	if (now >= g->refused_until)
		return false;
	return !stop_sleep(BACKOFF_MS);
}

int
group_fault(struct group *g, const struct reply *r)
{
	switch (reply_fault(r, 0)) {
	case REPLY_FAULT_NOGROUP:
		return GROUP_GONE;
	case REPLY_FAULT_RETRY:
		if (group_back_off(g, r) || stop_requested())
			return GROUP_AGAIN;
		break;
	case REPLY_FAULT_REFUSED:
	case REPLY_FAULT_ACCESS:
	case REPLY_FAULT_NOSCRIPT:
		break;
	}
	conn_fail_reply(g->conn, r, 0);
	return -1;
}

/* A new connection: confirm what is done once more, then claim what the server
 * had handed to us and we never got. */
int
group_recover(struct group *g)
{
	if (!conn_is_lost(g->conn) || conn_reconnect(g->conn) < 0)
		return -1;
	g->reading = false;
	g->batch = NULL;
	g->claims = g->claim_at = 0; /* of others, maybe */
	g->acks_before = g->lengths.len / sizeof(size_t);
	g->acks_behind = 0;
	buf_add(conn_out(g->conn), g->unconfirmed.data, g->unconfirmed.len);
	claim_restart(g, true);
	/* A read that the server does not know to be lost may still be given
	 * entries, until it ends. */
	g->second_look = when_monotonic() + SECOND_LOOK_MS;
	return 0;
}

static uint64_t
read_limit(const struct group *g, uint64_t limit)
{
	uint64_t most = g->o->batch != 0 ? g->o->batch : g->slice;

	if (g->count > 1 && !g->o->priorities)
		most = most / g->count + 1;
	return limit < most ? limit : most;
}

/* What an answered read means for group_fetch(); -1 is a failure. */
enum { READ_AGAIN = 0, READ_BATCH = 1, READ_NOTHING = 2 };

static int
restore(struct group *g)
{
	if (group_settle(g) < 0)
		return -1;
	while (group_restore(g, g->conn, true) < 0)
		if (group_recover(g) < 0)
			return -1;
	return 0;
}

/* A read was answered with an error. */
static int
take_read_error(struct group *g, const struct reply *r)
{
	int rc = group_fault(g, r);

	if (rc < 0 && g->count == 1)
		conn_blame(g->conn, g->stream[0].name);
	if (rc == GROUP_GONE && restore(g) < 0)
		return -1;
	return rc < 0 ? -1 : READ_AGAIN;
}

/* How many entries each list of a whole reply to XREADGROUP has, at most. */
static size_t
longest_list(const struct reply *r, size_t *entries)
{
	size_t i = 1, left, longest = 0;

	*entries = 0;
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i)) {
		size_t len = reply_is(r, i + 2, REPLY_ARRAY)
				     ? r->node[i + 2].len
				     : 0;

		*entries += len;
		longest = len > longest ? len : longest;
	}
	return longest;
}

/* After a whole batch: the next one should make about SLICE_BYTES. */
static void
adapt(struct group *g, const struct reply *r, size_t entries)
{
	size_t slice = SLICE_BYTES / (r->bytes.len / entries + 1);

	if (slice > g->slice * 4)
		slice = g->slice * 4;
	if (slice > LARGEST_SLICE)
		slice = LARGEST_SLICE;
	g->slice = slice != 0 ? slice : 1;
}

/* The answer to a read is here, or its first part. */
static int
take_read(struct group *g, struct reply *r, uint64_t limit)
{
	size_t entries, longest;

	g->heard = when_monotonic();
	if (r->complete) {
		g->reading = false;
		g->answered++;
		g->acks_before = g->acks_behind;
		g->acks_behind = 0;
	}
	g->full = false;
	if (reply_is(r, 0, REPLY_ERROR))
		return take_read_error(g, r);
	g->refused = false;
	if (reply_is(r, 0, REPLY_NIL))
		return group_took(g, r, 0) ? READ_AGAIN : READ_NOTHING;
	if (!reply_is(r, 0, REPLY_ARRAY) ||
	    (r->count > 1 && !reply_is(r, 1, REPLY_ARRAY))) {
		conn_fail_shape(g->conn, "XREADGROUP");
		return -1;
	}
	entries_init(&g->entries, true);
	g->batch = r;
	g->claimed = false;
	if (!r->complete)
		return READ_BATCH;
	longest = longest_list(r, &entries);
	group_took(g, r, entries);
	if (entries == 0)
		return READ_NOTHING;
	g->full = longest >= read_limit(g, limit);
	adapt(g, r, entries);
	/* While this batch is used, the server can make the next one. */
	if (g->full && limit == UINT64_MAX && !claim_is_due(g) &&
	    !g->o->priorities && !stop_requested()) {
		group_ask(g, read_limit(g, limit), 0);
		conn_flush(g->conn);
	}
	return READ_BATCH;
}

static void
ask_next(struct group *g, uint64_t limit, int block_ms)
{
	g->heard = when_monotonic();
	g->block_ms = block_ms;
	if (g->o->priorities)
		group_ask_some(g, read_limit(g, limit), block_ms);
	else
		group_ask(g, read_limit(g, limit), g->full ? 0 : block_ms);
}

/* What ended the wait for an answer. */
enum { WATCH_END = 0, WATCH_ANSWER = 1, WATCH_PROMOTE = 2 };

/* Wait for the read's answer or its first part, for fd or a stop, or until there
 * may be something to promote: the read goes on meanwhile.  Or -1. */
static int
watch(struct group *g, struct reply **r, int fd)
{
	int rc;

	while ((rc = conn_next(g->conn, r, PART_BYTES)) == 0) {
		int64_t left = g->promote_due - when_monotonic();
		int silence = conn_silence(g->conn, g->heard, g->block_ms);
		int seen;

		if (silence < 0)
			return -1;
		if (left <= 0)
			return WATCH_PROMOTE;
		seen = conn_wait(g->conn, fd,
				 left < silence ? (int)left : silence, false);
		if (seen < 0)
			return -1;
		if (seen & CONN_SEEN_REPLY)
			g->heard = when_monotonic();
		else if (seen != 0)
			return WATCH_END;
	}
	return rc < 0 ? -1 : WATCH_ANSWER;
}

int
group_fetch(struct group *g, uint64_t limit, int block_ms, int watch_fd)
{
	int64_t deadline = when_monotonic() + block_ms;
	struct reply *r = NULL;
	int rc, left;

	g->batch = NULL;
	group_discover(g);
	for (;;) {
		group_promote(g);
		if (!g->reading && claim_is_due(g)) {
			rc = claim_next(g);
			if (rc != 0)
				return rc;
		}
		left = (int)(deadline - when_monotonic());
		if (left < 0)
			left = 0;
		if (!g->reading)
			ask_next(g, limit, left);
		rc = group_take_acks(g) < 0 ? -1 : watch(g, &r, watch_fd);
		if (rc == WATCH_END)
			return 0;
		if (rc == WATCH_PROMOTE)
			continue;
		rc = rc < 0 ? group_recover(g) : take_read(g, r, limit);
		if (rc == READ_BATCH || rc < 0)
			return rc;
		if (stop_requested() ||
		    (rc == READ_NOTHING &&
		     deadline - when_monotonic() < ROUNDING_MS))
			return 0;
	}
}

/* Once a stop is requested no connection is made for a read: what a lost one
 * brought is left to others. */
static int
recover_try(struct group *g)
{
	int rc = group_recover(g);

	if (rc == 0 || !stop_requested() || !conn_is_lost(g->conn))
		return rc;
	g->reading = false;
	return 0;
}

int
group_try(struct group *g, uint64_t limit, int block_ms)
{
	struct reply *r;
	int rc;

	g->batch = NULL;
	if (!g->reading) {
		group_ask_some(g, limit, block_ms);
		if (conn_flush(g->conn) < 0)
			return recover_try(g);
	}
	rc = conn_next(g->conn, &r, PART_BYTES);
	if (rc < 0)
		return recover_try(g);
	if (rc == 0)
		return 0;
	rc = take_read(g, r, 0);
	return rc == READ_AGAIN ? 0 : rc;
}

static size_t
find_stream(const struct group *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->count; i++)
		if (strcmp(g->stream[i].name, name) == 0)
			break;
	return i;
}

/* What is known of an entry that was claimed: both lists are in order. */
static void
recall_claim(struct group *g, struct delivery *d)
{
	const struct group_claim *claim;

	while (g->batch_used < g->claims &&
	       id_compare(g->claim[g->batch_used].id, d->entry.id) < 0)
		g->batch_used++;
	if (g->batch_used == g->claims)
		return;
	claim = &g->claim[g->batch_used];
	d->deliveries += claim->deliveries;
	d->attempts = claim->attempts;
}

static int
more_of_batch(struct group *g)
{
	struct reply *r = g->batch;

	entries_more(&g->entries, r);
	if (conn_await(g->conn, &r, PART_BYTES, 0) < 0) {
		g->batch = NULL; /* the rest is claimed after recovery */
		return group_recover(g);
	}
	if (r->complete) {
		g->reading = false;
		g->answered++;
		g->acks_before = g->acks_behind;
		g->acks_behind = 0;
		g->slice = g->slice / 4 + 1;
	}
	return 0;
}

/*
 * Behind a lost connection what this consumer has pending is taken over, which
 * includes what the server has just handed to the read that is under way.  A
 * group that was set back (XGROUP SETID, a failover) hands out once more what is
 * in hand.
 */
static bool
is_in_hand(struct group *g, const struct delivery *d)
{
	struct group_stream *st = &g->stream[d->stream];
	bool again = id_compare(d->entry.id, st->highest) <= 0;

	if (g->claimed)
		return false;
	if (!again)
		st->highest = d->entry.id;
	return (again || g->overlap) && g->holds != NULL &&
	       g->holds(g->holder, d->stream, d->entry.id);
}

int
group_next(struct group *g, struct delivery *d)
{
	while (g->batch != NULL) {
		switch (entries_next(&g->entries, g->batch, &d->entry)) {
		case ENTRIES_OK:
			d->stream = g->claimed
					    ? g->batch_stream
					    : find_stream(g, d->entry.stream);
			if (d->stream == g->count)
				break;
			d->entry.stream = g->stream[d->stream].name;
			d->deliveries = 1;
			d->attempts = 0;
			if (g->claimed)
				recall_claim(g, d);
			else
				g->stream[d->stream].last =
					g->stream[d->stream].position =
						d->entry.id;
			if (is_in_hand(g, d))
				continue;
			g->held++;
			return 1;
		case ENTRIES_MORE:
			if (more_of_batch(g) < 0)
				return -1;
			continue;
		case ENTRIES_END:
			g->batch = NULL;
			g->overlap = g->overlap && g->reading;
			return 0;
		case ENTRIES_BAD:
			break;
		}
		conn_fail_shape(g->conn, "XREADGROUP");
		return -1;
	}
	return 0;
}

int
group_idle_ms(const struct group *g, int most)
{
	int64_t due = g->claim_due, left;

	if (g->renew_due < due)
		due = g->renew_due;
	left = due - when_monotonic();
	if (left < 1)
		return 1;
	return left < most ? (int)left : most;
}

/* A blocked read is ended from aside, so that what it may have been given is
 * not lost; if that can't be, it ends by itself. */
static void
unblock(struct group *g)
{
	char id[NUM_TEXT + 1];
	struct conn *c;

	if (conn_client_id(g->conn) == 0)
		return;
	c = group_side(g);
	if (conn_is_lost(c))
		return;
	id[num_put(id, conn_client_id(g->conn))] = '\0';
	conn_commandv(c, "CLIENT", "UNBLOCK", id, NULL);
	if (conn_result(c) == NULL)
		debug("CLIENT UNBLOCK: %s", conn_error(c));
}

int
group_finish(struct group *g)
{
	struct reply *r;
	int rc;

	while (g->reading) {
		unblock(g);
		if (group_take_acks(g) < 0 ||
		    (r = conn_reply(g->conn, 2000)) == NULL) {
			if (group_recover(g) < 0)
				return -1;
			continue;
		}
		rc = take_read(g, r, 0);
		if (rc == READ_BATCH || rc < 0)
			return rc;
	}
	return claim_finish(g);
}

void
group_close(struct group *g)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		if (!conn_is_lost(g->conn) && !g->reading &&
		    g->lengths.len == 0 &&
		    script_call(g->conn, &g->leave, 1, g->stream[i].name,
				g->o->name, g->consumer, NULL) == NULL)
			debug("%s: cannot remove consumer: %s",
			      g->stream[i].name, conn_error(g->conn));
		buf_release(&g->stream[i].acks);
		buf_release(&g->stream[i].failed);
	}
	if (g->side != NULL)
		conn_close(g->side);
	for (i = 0; i < g->redrives; i++)
		free(g->redrive[i]);
	for (i = 0; g->owned != NULL && i < g->named; i++)
		free(g->owned[i]);
	free(g->owned);
	free(g->redrive);
	free(g->stream);
	free(g->claim);
	entries_release(&g->entries);
	buf_release(&g->unconfirmed);
	buf_release(&g->lengths);
	buf_release(&g->owners);
	buf_release(&g->missing);
	*g = (struct group){ .trimmed = g->trimmed };
}
