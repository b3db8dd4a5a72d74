/*
 * group_ack.c - group.h's part about acknowledging: XACKs are sent without waiting,
 * and kept until they are answered.
 */
#include <string.h>

#include "common/command.h"
#include "common/group.h"

void
group_done(struct group *g, const struct delivery *d)
{
	struct group_stream *st = &g->stream[d->stream];
	char id[ID_TEXT];

	command_add(&st->acks, id, id_put(id, d->entry.id));
	st->ack_count++;
	if (d->attempts == 0)
		return;
	command_add(&st->failed, id, strlen(id));
	st->failed_count++;
}

/* A command about the ids that were collected, which is sent until the server has
 * answered it. */
static void
send_ids(struct group *g, const char *command, const char *key,
	 const char *group, struct buf *ids, size_t *count)
{
	size_t before = g->unconfirmed.len, len;

	if (*count == 0)
		return;
	command_begin(&g->unconfirmed, *count + (group != NULL ? 3 : 2));
	command_adds(&g->unconfirmed, command);
	command_adds(&g->unconfirmed, key);
	if (group != NULL)
		command_adds(&g->unconfirmed, group);
	buf_add(&g->unconfirmed, ids->data, ids->len);
	len = g->unconfirmed.len - before;
	buf_add(&g->lengths, (const char *)&len, sizeof(len));
	buf_add(conn_out(g->conn), g->unconfirmed.data + before, len);
	*(g->reading ? &g->acks_behind : &g->acks_before) += 1;
	buf_clear(ids);
	*count = 0;
}

/* The ledger forgets what is acknowledged.  Behind that: a crash between the two
 * leaves a remark about an entry that is pending no more, as done.lua may. */
static void
send_forget(struct group *g, struct group_stream *st)
{
	struct buf ledger = { 0 };

	if (st->failed_count == 0)
		return;
	group_ledger(g, st, &ledger);
	send_ids(g, "HDEL", ledger.data, NULL, &st->failed, &st->failed_count);
	buf_release(&ledger);
}

int
group_commit(struct group *g)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		struct group_stream *st = &g->stream[i];

		g->held -= st->ack_count;
		send_ids(g, "XACK", st->name, g->o->name, &st->acks,
			 &st->ack_count);
		send_forget(g, st);
	}
	if (conn_flush(g->conn) < 0)
		return group_recover(g);
	return 0;
}

/* The answer to an XACK: drop it from what is unconfirmed, or, if the server
 * can't now, send it again behind the others. */
static int
take_ack(struct group *g, const struct reply *r)
{
	size_t len;

	memcpy(&len, g->lengths.data, sizeof(len));
	buf_consume(&g->lengths, sizeof(len));
	if (!reply_is(r, 0, REPLY_ERROR)) {
		g->refused = false;
		buf_consume(&g->unconfirmed, len);
		return 0;
	}
	if (reply_fault(r, 0) != REPLY_FAULT_RETRY || !group_back_off(g, r)) {
		conn_fail_reply(g->conn, r, 0);
		return -1;
	}
	buf_reserve(&g->unconfirmed, len);
	buf_add(&g->unconfirmed, g->unconfirmed.data, len);
	buf_consume(&g->unconfirmed, len);
	buf_add(&g->lengths, (const char *)&len, sizeof(len));
	buf_add(conn_out(g->conn),
		g->unconfirmed.data + g->unconfirmed.len - len, len);
	*(g->reading ? &g->acks_behind : &g->acks_before) += 1;
	return 0;
}

int
group_take_acks(struct group *g)
{
	while (g->acks_before != 0) {
		struct reply *r = conn_reply(g->conn, 0);

		if (r == NULL)
			return -1;
		g->acks_before--;
		if (take_ack(g, r) < 0)
			return -1;
	}
	return 0;
}

int
group_settle(struct group *g)
{
	while (group_take_acks(g) < 0)
		if (group_recover(g) < 0)
			return -1;
	return 0;
}
