/*
 * group_ask.c - group.h's part about what a read asks for: of which streams, and of
 * how many entries.
 */
#include <string.h>

#include "common/group.h"

enum { DRY_MS = 20 /* a stream that was empty is left out so long */ };

void
group_ask(struct group *g, uint64_t limit, int block_ms)
{
	struct conn *c = g->conn;
	size_t first = g->only == GROUP_ALL ? 0 : g->only;
	size_t count = g->only == GROUP_ALL ? g->count : 1, i;

	conn_command(c, 7 + 2 * count + (block_ms > 0 ? 2 : 0));
	conn_args(c, "XREADGROUP");
	conn_args(c, "GROUP");
	conn_args(c, g->o->name);
	conn_args(c, g->consumer);
	conn_args(c, "COUNT");
	conn_argu(c, limit);
	if (block_ms > 0) {
		conn_args(c, "BLOCK");
		conn_argu(c, (uint64_t)block_ms);
	}
	conn_args(c, "STREAMS");
	for (i = first; i < first + count; i++)
		conn_args(c, g->stream[i].name);
	for (i = 0; i < count; i++)
		conn_args(c, ">");
	g->asked = limit;
	g->reading = true;
	g->acks_before += g->acks_behind;
	g->acks_behind = 0;
}

/*
 * By priority: read the stream whose turn it is, without waiting; when all have
 * run dry, wait for any.  What was redriven gets every 16th turn.
 */
static void
ask_by_priority(struct group *g, uint64_t room, int block_ms)
{
	uint64_t count = 1;
	enum priority p = priority_choose(&g->quota, room, &count);

	g->only = (size_t)p;
	if (p == PRIORITY_COUNT)
		g->only = GROUP_ALL;
	else if (++g->reads % 16 == 0 && g->count > g->named)
		g->only = g->named;
	if (g->only == GROUP_ALL)
		group_ask(g, 1, block_ms);
	else
		group_ask(g, count, 0);
}

/*
 * COUNT is per stream.  With less room than streams, read one without waiting, in
 * turn; those that were empty just now are left out, so that a busy one is not
 * held up by the others.  When all were, wait for any.
 */
static void
ask_in_turn(struct group *g, uint64_t room, int block_ms)
{
	int64_t now = when_monotonic();
	size_t i;

	g->only = GROUP_ALL;
	for (i = 1; i <= g->count && room < g->count; i++) {
		size_t at = (g->turn + i) % g->count;

		if (g->stream[at].dry_until <= now) {
			g->only = g->turn = at;
			group_ask(g, room, 0);
			return;
		}
	}
	group_ask(g, room < g->count ? 1 : room / g->count, block_ms);
}

/* Which of the streams that were read have no more. */
static void
note_dry(struct group *g, const struct reply *r)
{
	int64_t until = when_monotonic() + DRY_MS;
	size_t i = 1, left = reply_is(r, 0, REPLY_ARRAY) ? r->node[0].len : 0;
	size_t at;

	for (at = 0; at < g->count; at++)
		if (g->only == GROUP_ALL || g->only == at)
			g->stream[at].dry_until = until;
	for (; left != 0; left--, i = reply_skip(r, i))
		for (at = 0; at < g->count; at++)
			if (reply_equals(r, i + 1, g->stream[at].name) &&
			    reply_is(r, i + 2, REPLY_ARRAY) &&
			    r->node[i + 2].len >= g->asked)
				g->stream[at].dry_until = 0;
}

void
group_ask_some(struct group *g, uint64_t room, int block_ms)
{
	if (g->o->priorities)
		ask_by_priority(g, room, block_ms);
	else if (g->count > 1)
		ask_in_turn(g, room, block_ms);
	else
		group_ask(g, room, block_ms);
}

bool
group_took(struct group *g, const struct reply *r, uint64_t entries)
{
	if (!g->o->priorities) {
		if (g->count > 1)
			note_dry(g, r);
		return g->only != GROUP_ALL;
	}
	if (g->only == GROUP_ALL) {
		priority_again(&g->quota);
		return entries != 0;
	}
	if (g->only < g->named)
		priority_took(&g->quota, (enum priority)g->only, g->asked,
			      entries);
	return true;
}
