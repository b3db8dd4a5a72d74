/*
 * claim.c - group.h's part about entries that were handed out before: taking
 * over what dead consumers hold, keeping what this one holds, giving back.
 *
 * Idle entries are found with XPENDING IDLE, which is cheap however many are
 * pending, and taken by a script (adopt.lua), a slice at a time, but for those that
 * wait for their next attempt.  What it does not answer was taken by another
 * consumer in between, or is no longer in the stream.
 */
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/group.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/stop.h"

enum {
	CLAIM_SLICE = 100,
	CLAIM_HEAD = 5, /* of adopt.lua's arguments, before the ids */
	CLAIM_EVERY_MIN_MS = 1000,
	TRY_AGAIN_MS = 250 /* after taking over has failed */
};

/* Where to start in a stream.  Of our own with --manual, what was read before is
 * in the hands of others; what comes behind was lost with a connection. */
static void
start_stream(struct group *g)
{
	memcpy(g->claim_from, "-", 2);
	if (g->claim_own && g->o->manual && g->resumed) {
		g->claim_from[0] = '(';
		id_put(g->claim_from + 1, g->stream[g->claim_stream].last);
	}
}

void
claim_restart(struct group *g, bool own)
{
	g->claim_stream = 0;
	g->claim_own = own;
	g->claim_at = SIZE_MAX; /* claim[] is of the last pass */
	start_stream(g);
	g->claim_due = 0;
	g->waiting_due = INT64_MAX;
	g->waiting = 0;
}

bool
claim_is_due(const struct group *g)
{
	return g->claim_stream < g->count || g->missing.len != 0 ||
	       when_monotonic() >= g->claim_due;
}

/* Go on to the next stream; behind the last, from one's own to others'. */
static void
next_stream(struct group *g)
{
	int64_t every = g->o->lease_ms / 3, least = CLAIM_EVERY_MIN_MS;
	int64_t now = when_monotonic();

	if (++g->claim_stream < g->count) {
		start_stream(g);
		return;
	}
	if (g->claim_own) {
		g->resumed = true;
		claim_restart(g, false);
		return;
	}
	if (least > g->o->lease_ms && g->o->lease_ms > 0)
		least = g->o->lease_ms;
	if (every > g->waiting_due - now)
		every = g->waiting_due - now;
	g->claim_due = now + (every > least ? every : least);
	if (g->second_look != 0 && g->second_look < g->claim_due)
		g->claim_due = g->second_look;
}

/* All that could be claimed was; start over. */
static void
claim_again(struct group *g)
{
	bool own = g->second_look != 0 && when_monotonic() >= g->second_look;

	if (own)
		g->second_look = 0;
	claim_restart(g, own);
}

/* XPENDING [IDLE lease] from + slice [consumer], answered [id, owner, idle,
 * deliveries] each. */
static struct reply *
ask_pending(struct group *g, struct conn *c)
{
	struct reply *r;

	conn_command(c, 7 + (g->claim_own ? 0 : 1));
	conn_args(c, "XPENDING");
	conn_args(c, g->stream[g->claim_stream].name);
	conn_args(c, g->o->name);
	if (!g->claim_own) {
		conn_args(c, "IDLE");
		conn_argu(c, (uint64_t)g->o->lease_ms);
	}
	conn_args(c, g->claim_from);
	conn_args(c, "+");
	conn_argu(c, CLAIM_SLICE);
	if (g->claim_own)
		conn_args(c, g->consumer);
	r = conn_reply(c, 0);
	if (r != NULL && !reply_is(r, 0, REPLY_ARRAY) &&
	    !reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_shape(c, "XPENDING");
		return NULL;
	}
	return r;
}

/* Note what is to be claimed, without what is ours already. */
static int
note_pending(struct group *g, const struct reply *r)
{
	size_t i = 1, left, len;

	g->claim = xreallocarray(g->claim, CLAIM_SLICE, sizeof(*g->claim));
	g->claims = 0;
	buf_clear(&g->owners);
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i)) {
		struct group_claim *claim = &g->claim[g->claims];
		const char *owner;

		if (g->claims == CLAIM_SLICE ||
		    !reply_is(r, i + 2, REPLY_STRING) ||
		    reply_id(r, i + 1, &claim->id) < 0 ||
		    reply_number(r, i + 4, &claim->deliveries) < 0) {
			conn_fail_shape(g->conn, "XPENDING");
			return -1;
		}
		g->claim_from[0] = '(';
		id_put(g->claim_from + 1, claim->id);
		if (!g->claim_own && reply_equals(r, i + 2, g->consumer))
			continue;
		owner = reply_text(r, i + 2, &len);
		claim->owner = g->owners.len;
		buf_add(&g->owners, owner, len);
		buf_addc(&g->owners, '\0');
		g->claims++;
	}
	return 0;
}

static struct reply *
ask_claim(struct group *g)
{
	const struct group_stream *st = &g->stream[g->claim_stream];
	struct script_arg arg[CLAIM_HEAD + CLAIM_SLICE];
	char id[CLAIM_SLICE][ID_TEXT], lease[NUM_TEXT + 1];
	struct buf ledger = { 0 };
	struct reply *r;
	size_t i;

	group_ledger(g, st, &ledger);
	arg[0] = (struct script_arg){ st->name, strlen(st->name) };
	arg[1] = (struct script_arg){ ledger.data, ledger.len };
	arg[2] = (struct script_arg){ g->o->name, strlen(g->o->name) };
	arg[3] = (struct script_arg){ g->consumer, strlen(g->consumer) };
	arg[4] = (struct script_arg){
		lease,
		g->claim_own ? 0 : num_put(lease, (uint64_t)g->o->lease_ms)
	};
	for (i = 0; i < g->claims; i++)
		arg[CLAIM_HEAD + i] =
			(struct script_arg){ id[i],
					     id_put(id[i], g->claim[i].id) };
	r = script_run(g->conn, &g->adopt, 2, arg, CLAIM_HEAD + g->claims);
	buf_release(&ledger);
	return r;
}

/* From the answer of adopt.lua: what is known of the entries, without those that
 * wait; e is set to those that are ours now. */
static int
note_adopted(struct group *g, const struct reply *r, struct entries *e)
{
	int64_t wait_ms, due = when_monotonic();
	size_t i, kept = 0, at = 3 + g->claims;

	if (!reply_is(r, 0, REPLY_ARRAY) || r->node[0].len != 3 ||
	    reply_number(r, 1, &wait_ms) < 0 || !reply_is(r, 2, REPLY_ARRAY) ||
	    r->node[2].len != g->claims || !reply_is(r, at, REPLY_ARRAY))
		goto bad;
	for (i = 0; i < g->claims; i++) {
		struct group_claim *claim = &g->claim[kept];

		*claim = g->claim[i];
		if (reply_number(r, 3 + i, &claim->attempts) < 0)
			goto bad;
		kept += claim->attempts >= 0;
	}
	if (!g->claim_own)
		g->waiting += g->claims - kept;
	g->claims = kept;
	if (wait_ms >= 0 && due + wait_ms < g->waiting_due)
		g->waiting_due = due + wait_ms;
	entries_init_at(e, at + 1, r->node[at].len);
	return 0;
bad:
	g->claims = 0;
	conn_fail_shape(g->conn, "adopt");
	return -1;
}

/* What was claimed and is not in the answer, which is in the same order. */
static void
note_missing(struct group *g, const struct reply *r, struct entries e)
{
	struct entry entry;
	size_t i = 0;

	while (entries_next(&e, r, &entry) == ENTRIES_OK) {
		for (;
		     i < g->claims && id_compare(g->claim[i].id, entry.id) < 0;
		     i++)
			buf_add(&g->missing, (const char *)&g->claim[i].id,
				sizeof(struct id));
		i++;
	}
	for (; i < g->claims; i++)
		buf_add(&g->missing, (const char *)&g->claim[i].id,
			sizeof(struct id));
}

/* Whether an entry is in the stream: 1, 0, -1. */
static int
exists(struct conn *c, const char *stream, struct id id)
{
	char text[ID_TEXT];
	struct reply *r;

	id_put(text, id);
	conn_commandv(c, "XRANGE", stream, text, text, "COUNT", "1", NULL);
	r = conn_result(c);
	if (r == NULL)
		return -1;
	return reply_is(r, 0, REPLY_ARRAY) && r->node[0].len != 0;
}

/* What did not come and is not there was trimmed while it was pending.  Before
 * Redis 7.0 XCLAIM leaves it pending. */
static int
report_missing(struct group *g)
{
	const char *stream = g->stream[g->missing_stream].name;

	while (g->missing.len != 0) {
		char text[ID_TEXT];
		struct id id;
		int rc;

		memcpy(&id, g->missing.data + g->missing.len - sizeof(id),
		       sizeof(id));
		rc = exists(g->conn, stream, id);
		if (rc < 0)
			return -1;
		if (rc == 0) {
			id_put(text, id);
			warn("%s: entry %s was trimmed before group %s had "
			     "handled it",
			     stream, text, g->o->name);
			g->trimmed++;
			if (g->bury != NULL &&
			    g->bury(g->holder, g->missing_stream, id) < 0)
				return -1;
			conn_commandv(g->conn, "XACK", stream, g->o->name, text,
				      NULL);
			if (conn_result(g->conn) == NULL)
				return -1;
		}
		g->missing.len -= sizeof(id);
	}
	return 0;
}

/* Consumers that were silent for a lease and hold nothing more are gone. */
static int
remove_owners(struct group *g, struct conn *c, size_t stream)
{
	const char *last = g->consumer;
	size_t i;

	for (i = 0; i < g->claims && !g->claim_own; i++) {
		const char *owner = g->owners.data + g->claim[i].owner;

		if (strcmp(owner, last) == 0)
			continue;
		last = owner;
		if (script_call(c, &g->leave, 1, g->stream[stream].name,
				g->o->name, owner, NULL) != NULL)
			continue;
		if (conn_is_lost(c))
			return -1;
		debug("%s: cannot remove consumer %s: %s",
		      g->stream[stream].name, owner, conn_error(c));
	}
	g->claims = 0;
	return 0;
}

/* The server did not let us look or claim.  0 to go on, -1. */
static int
take_error(struct group *g, const struct reply *r)
{
	int rc = group_fault(g, r);

	g->claims = 0;
	if (rc == GROUP_GONE)
		next_stream(g); /* reading sees to it */
	return rc < 0 ? -1 : 0;
}

/* Claim one slice.  1 for a batch, 0 for none, -1. */
static int
claim_slice(struct group *g)
{
	struct reply *r = ask_pending(g, g->conn);
	size_t stream = g->claim_stream, found;

	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR))
		return take_error(g, r);
	found = r->node[0].len;
	if (note_pending(g, r) < 0)
		return -1;
	r = NULL;
	if (g->claims != 0) {
		r = ask_claim(g);
		if (r == NULL) {
			g->claims = 0;
			g->resumed = false; /* it may be ours now */
			return -1;
		}
		if (reply_is(r, 0, REPLY_ERROR))
			return take_error(g, r);
		g->refused = false;
		if (note_adopted(g, r, &g->entries) < 0)
			return -1;
		g->missing_stream = stream;
		note_missing(g, r, g->entries);
	}
	if (found < CLAIM_SLICE)
		next_stream(g);
	if (g->claims == 0)
		return 0;
	g->batch = r;
	g->claimed = true;
	g->batch_stream = stream;
	g->batch_used = 0;
	return 1;
}

/* Confirm what is done, and see to what the last claim has left to do. */
int
claim_finish(struct group *g)
{
	while (group_settle(g) < 0 || report_missing(g) < 0 ||
	       remove_owners(g, g->conn, g->missing_stream) < 0)
		if (group_recover(g) < 0)
			return -1;
	return 0;
}

int
claim_next(struct group *g)
{
	for (;;) {
		int rc;

		if (claim_finish(g) < 0)
			return -1;
		if (stop_requested())
			return 0;
		if (g->claim_stream == g->count) {
			if (when_monotonic() < g->claim_due)
				return 0;
			claim_again(g);
		}
		rc = claim_slice(g);
		if (rc == 1)
			return 1;
		if (rc < 0 && group_recover(g) < 0)
			return -1;
	}
}

/* Whether the entry that comes next in claim[] may be taken. */
static bool
is_free(const struct group *g, const struct group_claim *claim)
{
	return g->holds == NULL ||
	       !g->holds(g->holder, g->claim_stream, claim->id);
}

/* 1 if the entry is ours now or is no longer in the stream (trimmed), 0 if another
 * consumer was faster, -1. */
static int
take_one(struct group *g, struct conn *c, struct group_claim *claim,
	 bool *trimmed)
{
	char id[ID_TEXT], idle[NUM_TEXT + 1] = "";
	struct reply *r;
	int64_t what;

	id_put(id, claim->id);
	if (!g->claim_own)
		idle[num_put(idle, (uint64_t)g->o->lease_ms)] = '\0';
	r = script_call(c, &g->take_over, 1, g->stream[g->claim_stream].name,
			g->o->name, g->consumer, id, idle, NULL);
	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_ARRAY))
		return 0;
	if (reply_number(r, 1, &what) < 0 ||
	    reply_number(r, 2, &claim->deliveries) < 0) {
		conn_fail_shape(c, "claim");
		return -1;
	}
	*trimmed = what == 2;
	return 1;
}

/* Without the right to look nothing is ever taken over: said once. */
static void
tell_refusal(struct group *g, const struct reply *r)
{
	char text[256];
	enum reply_fault fault = reply_fault(r, 0);

	if (!reply_is(r, 0, REPLY_ERROR) || g->pending_told ||
	    fault == REPLY_FAULT_NOGROUP || fault == REPLY_FAULT_RETRY)
		return;
	reply_complaint(r, 0, text, sizeof(text));
	warn("%s: cannot look for what dead consumers left: %s",
	     g->stream[g->claim_stream].name, text);
	g->pending_told = true;
}

/* Look for the next slice of candidates.  1, 0 if all were seen, -1. */
static int
next_slice(struct group *g, struct conn *c)
{
	while (g->claim_stream < g->count) {
		struct reply *r;
		size_t found;

		if (remove_owners(g, c, g->claim_stream) < 0 ||
		    (r = ask_pending(g, c)) == NULL)
			return -1;
		tell_refusal(g, r);
		found = reply_is(r, 0, REPLY_ARRAY) ? r->node[0].len : 0;
		if (found != 0 && note_pending(g, r) < 0)
			return -1;
		g->claim_at = 0;
		if (found != 0)
			return 1;
		g->claims = 0;
		next_stream(g);
	}
	return 0;
}

/* A claim of which the answer was lost may have made the entry ours: look for
 * it among our own, after a while. */
static int
take_over_later(struct group *g)
{
	claim_restart(g, true);
	g->claim_due = when_monotonic() + TRY_AGAIN_MS;
	return -1;
}

int
group_take_over(struct group *g, struct delivery *d)
{
	struct conn *c;
	int rc;

	if (when_monotonic() < g->claim_due)
		return g->claim_stream == g->count ? 0 : -1;
	if (g->claim_stream == g->count)
		claim_again(g);
	if (g->claim_at > g->claims)
		g->claims = g->claim_at = 0;
	c = group_side(g);
	if (conn_error(c) != NULL && conn_is_lost(c))
		return take_over_later(g);
	for (;;) {
		while (g->claim_at < g->claims) {
			struct group_claim *claim = &g->claim[g->claim_at++];

			rc = 0;
			if (is_free(g, claim))
				rc = take_one(g, c, claim, &d->entry.trimmed);
			if (rc < 0)
				return take_over_later(g);
			if (rc == 0)
				continue;
			d->stream = g->claim_stream;
			d->entry.id = claim->id;
			d->deliveries = claim->deliveries;
			g->overlap |= g->claim_own && g->reading;
			g->held++;
			return 1;
		}
		rc = next_slice(g, c);
		if (rc < 0)
			return take_over_later(g);
		if (rc == 0)
			return 0;
	}
}
