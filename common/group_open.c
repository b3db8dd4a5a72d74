/*
 * group_open.c - group.h's part about where a group is: finding it and creating
 * it, and what else there is to read and to promote.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/delayed.h"
#include "common/diag.h"
#include "common/group.h"
#include "common/mem.h"
#include "common/stop.h"

enum {
	HOST_SHOWN = 64, /* bytes of a host's name */
	FIRST_SLICE = 100,
	DISCOVER_MS = 1000,
	PROMOTE_MS =
		80, /* between two looks while events are scheduled and due */
	PROMOTE_QUIET_MS = 250,
	PROMOTE_LIVELY_MS = 60000, /* from then on */
	PROMOTE_SLICE = 200
};

const char *
group_consumer_error(const char *name)
{
	if (strlen(name) >= GROUP_CONSUMER)
		return "a consumer's name has at most 127 bytes";
	if (strcmp(name, "released") == 0) /* see release.lua */
		return "no consumer can have this name: "
		       "it stands for what was given back";
	return NULL;
}

static uint64_t
random_bits(void)
{
	uint64_t bits;

	while (getrandom(&bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		if (errno != EINTR)
			die(EXIT_OUTPUT, "cannot get random bytes: %s",
			    strerror(errno));
	return bits;
}

/* Containers may all have the same host's name, and their first process is 1. */
static void
name_consumer(struct group *g)
{
	char host[256] = "";

	if (g->o->consumer != NULL) {
		snprintf(g->consumer, sizeof(g->consumer), "%s",
			 g->o->consumer);
		return;
	}
	gethostname(host, sizeof(host) - 1);
	snprintf(g->consumer, sizeof(g->consumer), "%.*s:%ld:%016llx",
		 HOST_SHOWN, *host != '\0' ? host : "localhost", (long)getpid(),
		 (unsigned long long)random_bits());
}

/* The id behind which a new group reads: 0 is the start, $ the end. */
static int
start_id(struct group *g, char out[ID_TEXT])
{
	const struct when *from = &g->o->from;
	int64_t now = 0;

	if (from->kind == WHEN_END) {
		memcpy(out, "$", 2);
		return 0;
	}
	if (when_needs_now(from) && (now = conn_now(g->conn)) < 0)
		return -1;
	id_put(out, from->kind == WHEN_UNSET
			    ? ID_MIN
			    : id_prev(when_first_id(from, now)));
	return 0;
}

void
group_ledger(const struct group *g, const struct group_stream *st,
	     struct buf *key)
{
	stream_companion(key, st->name, "fail:");
	buf_adds(key, g->o->name);
	buf_text(key);
}

static bool
is_busygroup(const struct reply *r)
{
	size_t len;
	const char *text = reply_text(r, 0, &len);

	return len >= 9 && memcmp(text, "BUSYGROUP", 9) == 0;
}

int
group_create(struct group *g, struct conn *c, const char *stream,
	     const char *id)
{
	for (;;) {
		struct reply *r;

		conn_commandv(c, "XGROUP", "CREATE", stream, g->o->name, id,
			      "MKSTREAM", NULL);
		r = conn_reply(c, 0);
		if (r == NULL)
			return -1;
		if (!reply_is(r, 0, REPLY_ERROR) || is_busygroup(r))
			return 0;
		if (reply_fault(r, 0) == REPLY_FAULT_RETRY &&
		    group_back_off(g, r))
			continue;
		conn_fail_reply(c, r, 0);
		conn_blame(c, stream);
		return reply_fault(r, 0) == REPLY_FAULT_ACCESS ? 1 : -1;
	}
}

int
group_find(struct group *g, struct conn *c, const char *stream,
	   struct id *delivered)
{
	struct reply *r;
	size_t i = 1, left;

	do {
		conn_commandv(c, "XINFO", "GROUPS", stream, NULL);
		r = conn_reply(c, 0);
		if (r == NULL)
			return -1;
	} while (reply_fault(r, 0) == REPLY_FAULT_RETRY &&
		 group_back_off(g, r));
	if (reply_is(r, 0, REPLY_ERROR) &&
	    reply_fault(r, 0) != REPLY_FAULT_REFUSED)
		return 2;
	if (!reply_is(r, 0, REPLY_ARRAY))
		return 0;
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i)) {
		size_t name = reply_field(r, i, "name");
		size_t last = reply_field(r, i, "last-delivered-id");

		if (name != 0 && last != 0 &&
		    reply_equals(r, name, g->o->name) &&
		    reply_id(r, last, delivered) == 0)
			return 1;
	}
	return 0;
}

/* Find or create the group of a stream, and note where it is.  That one may not
 * create groups is fine: reading will tell if it is missing. */
static int
join(struct group *g, struct group_stream *st, const char *from)
{
	struct conn *c = g->conn;
	int rc = group_find(g, c, st->name, &st->last);

	if (rc == 0 || rc == 2) {
		rc = group_create(g, c, st->name, from);
		if (rc > 0)
			debug("%s", conn_error(c));
		if (rc >= 0)
			rc = group_find(g, c, st->name, &st->last);
	}
	st->position = st->last;
	return rc < 0 ? -1 : group_note_restored(g, c, st);
}

/* One stream as four; their dead letters and redrives are those of the one. */
static void
name_priorities(struct group *g, const char *stream)
{
	struct buf name = { 0 };
	size_t i;

	g->owned = xcalloc(PRIORITY_COUNT, sizeof(*g->owned));
	for (i = 0; i < PRIORITY_COUNT; i++) {
		priority_stream(&name, stream, (enum priority)i);
		g->owned[i] = xmemdup0(name.data, name.len);
		g->stream[i].name = g->owned[i];
		g->stream[i].origin = stream;
	}
	buf_release(&name);
}

/* There is room for a stream for redrives of each. */
static void
name_streams(struct group *g, char *const *names, size_t count)
{
	struct buf key = { 0 };
	size_t i;

	g->count = g->named = g->o->priorities ? PRIORITY_COUNT : count;
	g->stream = xcalloc(2 * g->count, sizeof(*g->stream));
	g->redrive = xcalloc(count, sizeof(*g->redrive));
	g->redrives = count;
	for (i = 0; i < count; i++) {
		g->stream[i].name = g->stream[i].origin = names[i];
		stream_companion(&key, names[i], "redrive:");
		buf_adds(&key, g->o->name);
		g->redrive[i] = xmemdup0(key.data, key.len);
	}
	if (g->o->priorities)
		name_priorities(g, names[0]);
	buf_release(&key);
}

int
group_open(struct group *g, struct conn *c, const struct group_options *o,
	   char *const *names, size_t count)
{
	char from[ID_TEXT];
	size_t i;

	*g = (struct group){
		.conn = c,
		.o = o,
		.only = GROUP_ALL,
		.renewing = SIZE_MAX,
		.slice = FIRST_SLICE,
		.renew = { .name = SCRIPT_RENEW },
		.release = { .name = SCRIPT_RELEASE },
		.leave = { .name = SCRIPT_LEAVE },
		.promote = { .name = SCRIPT_PROMOTE },
		.take_over = { .name = SCRIPT_CLAIM },
		.put_back = { .name = SCRIPT_PUTBACK },
		.adopt = { .name = SCRIPT_ADOPT },
		.regroup = { .name = SCRIPT_REGROUP },
		.renew_due = when_monotonic() + o->lease_ms / 3,
	};
	name_streams(g, names, count);
	name_consumer(g);
	claim_restart(g, true);
	if (start_id(g, from) < 0)
		return -1;
	for (i = 0; i < g->count; i++)
		while (join(g, &g->stream[i], from) < 0)
			if (group_recover(g) < 0)
				return -1;
	group_discover(g); /* if it can't now, it will be tried again */
	return 0;
}

static bool
is_joined(const struct group *g, const char *key)
{
	size_t i;

	for (i = g->named; i < g->count; i++)
		if (g->stream[i].name == key)
			return true;
	return false;
}

/* If the stream is there, read it from its start.  1, 0, -1. */
static int
join_redrive(struct group *g, struct conn *c, size_t named)
{
	const char *key = g->redrive[named];
	struct reply *r;

	conn_commandv(c, "EXISTS", key, NULL);
	r = conn_result(c);
	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_INTEGER) || r->node[0].integer == 0)
		return 0;
	conn_commandv(c, "XGROUP", "CREATE", key, g->o->name, "0", NULL);
	r = conn_reply(c, 0);
	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR) && !is_busygroup(r)) {
		conn_fail_reply(c, r, 0);
		return -1;
	}
	g->stream[g->count++] = (struct group_stream){
		.name = key,
		.origin = g->stream[named].origin,
	};
	claim_restart(g, g->claim_own);
	info("%s: reading what was redriven", key);
	return 1;
}

int
group_discover(struct group *g)
{
	size_t i;
	int found = 0;

	if (when_monotonic() < g->discover_due)
		return 0;
	g->discover_due = when_monotonic() + DISCOVER_MS;
	for (i = 0; i < g->redrives; i++) {
		struct conn *c = group_side(g);
		int rc = -1;

		if (is_joined(g, g->redrive[i]))
			continue;
		if (!conn_is_lost(c))
			rc = join_redrive(g, c, i);
		if (rc < 0) {
			debug("%s: %s", g->redrive[i], conn_error(c));
			return -1;
		}
		found |= rc;
	}
	return found;
}

/* A lost connection is told by others; what the server refuses it will refuse
 * again. */
static void
tell_promote(struct group_stream *st, const struct conn *c)
{
	if (conn_is_lost(c) || st->promote_told) {
		debug("%s: cannot promote scheduled events: %s", st->origin,
		      conn_error(c));
		return;
	}
	warn("%s: cannot promote scheduled events: %s", st->origin,
	     conn_error(c));
	st->promote_told = true;
}

/* The stream behind this one that is scheduled for: one as four is so as one. */
static struct group_stream *
next_origin(struct group *g, struct group_stream *st)
{
	struct group_stream *end = g->stream + g->named, *next = st;

	while (++next < end && next->origin == st->origin)
		;
	return next < end ? next : NULL;
}

/* See for which streams something is scheduled, where that is not known. */
static int
look_for_scheduled(struct group *g, struct conn *c)
{
	struct group_stream *st;

	for (st = g->stream; st != NULL; st = next_origin(g, st))
		if (!st->scheduled)
			delayed_ask(c, st->origin);
	for (st = g->stream; st != NULL; st = next_origin(g, st)) {
		struct reply *r;

		if (st->scheduled)
			continue;
		r = conn_result(c);
		if (r == NULL && conn_is_lost(c))
			return -1;
		/* If one may not look, promoting tells why. */
		st->scheduled = r == NULL || r->node[0].integer != 0;
	}
	return 0;
}

/* Returns the ms until there may be something to promote. */
static int64_t
promote_all(struct group *g, struct conn *c)
{
	struct group_stream *st;
	int64_t next = PROMOTE_QUIET_MS;
	bool refused = false;

	if (conn_is_lost(c) || look_for_scheduled(g, c) < 0)
		return DISCOVER_MS;
	for (st = g->stream; st != NULL; st = next_origin(g, st)) {
		int64_t wait_ms = -1;
		int moved;

		if (!st->scheduled)
			continue;
		moved = delayed_promote(c, &g->promote, st->origin,
					PROMOTE_SLICE, &wait_ms);
		st->scheduled = moved >= 0 && wait_ms >= 0;
		refused |= moved < 0;
		if (moved < 0)
			tell_promote(st, c);
		if (st->scheduled && wait_ms < next)
			next = wait_ms;
		if (moved > 0 || (st->scheduled && wait_ms < PROMOTE_LIVELY_MS))
			g->lively_until = when_monotonic() + PROMOTE_LIVELY_MS;
	}
	if (next > PROMOTE_MS && when_monotonic() < g->lively_until)
		next = PROMOTE_MS;
	return refused && next >= PROMOTE_MS ? DISCOVER_MS : next;
}

void
group_promote(struct group *g)
{
	int64_t next;

	if (when_monotonic() < g->promote_due)
		return;
	next = promote_all(g, group_side(g));
	g->promote_due = when_monotonic() + next;
}

static struct reply *
ask_newest(struct group *g, const char *stream)
{
	struct reply *r;

	conn_commandv(g->conn, "XREVRANGE", stream, "+", "-", "COUNT", "1",
		      NULL);
	r = conn_result(g->conn);
	if (r == NULL)
		conn_blame(g->conn, stream);
	return r;
}

int
group_mark(struct group *g)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		struct reply *r = ask_newest(g, g->stream[i].name);

		while (r == NULL) {
			if (group_recover(g) < 0)
				return -1;
			r = ask_newest(g, g->stream[i].name);
		}
		if (entries_last_id(r, &g->stream[i].newest) < 0)
			g->stream[i].newest = ID_MIN;
	}
	return 0;
}

bool
group_reached(const struct group *g)
{
	size_t i;

	if (g->claim_stream < g->count)
		return false;
	for (i = 0; i < g->count; i++)
		if (id_compare(g->stream[i].last, g->stream[i].newest) < 0)
			return false;
	return true;
}
