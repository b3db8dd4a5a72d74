/*
 * group_keep.c - group.h's part about what this consumer has in hand: keeping its
 * leases, and giving it back.
 */
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/group.h"
#include "common/num.h"

/* The connection for errands while the other one is busy.  It may have been cut
 * while nobody looked: then a new one serves. */
struct conn *
group_side(struct group *g)
{
	struct reply *none;

	if (g->side != NULL &&
	    (conn_error(g->side) != NULL || conn_next(g->side, &none, 0) < 0)) {
		conn_close(g->side);
		g->side = NULL;
	}
	if (g->side == NULL)
		g->side = conn_again(g->conn);
	return g->side;
}

/* Run a script of the stream for this consumer, with one more argument or two.
 * An error is a reply; NULL if the connection is lost. */
static struct reply *
call(struct group *g, struct conn *c, struct script *s, const char *stream,
     const char *one, const char *two)
{
	const char *const word[] = { stream, g->o->name, g->consumer, one,
				     two };
	struct script_arg arg[5];
	size_t i;

	for (i = 0; i < 5; i++)
		arg[i] = (struct script_arg){ word[i], strlen(word[i]) };
	return script_run(c, s, 1, arg, 5);
}

/* Where the group is now matters if it vanishes.  A caller without anything in
 * hand finds that out by reading. */
static int
look(struct group *g, struct conn *c)
{
	struct group_stream *st = g->stream;
	struct id delivered;
	int rc;

	if (g->each != NULL)
		return group_restore(g, c, false);
	for (; st < g->stream + g->count; st++) {
		rc = group_find(g, c, st->name, &delivered);
		if (rc < 0)
			return -1;
		if (rc == 1)
			st->position = delivered;
	}
	return 0;
}

/* Renew a slice, so that neither the server nor we are busy for long, and go on to
 * the next one.  0, or -1. */
static int
renew_slice(struct group *g)
{
	struct conn *c = group_side(g);
	struct reply *r;
	const char *last;
	size_t len;

	if (conn_is_lost(c) ||
	    (g->renewing == 0 && g->renew_from[0] == '-' && look(g, c) < 0))
		return -1;
	r = call(g, c, &g->renew, g->stream[g->renewing].name, g->renew_from,
		 "500");
	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR) &&
	    reply_fault(r, 0) != REPLY_FAULT_NOGROUP) {
		conn_fail_reply(c, r, 0);
		return -1;
	}
	if (!reply_is(r, 0, REPLY_STRING)) {
		g->renewing++;
		memcpy(g->renew_from, "-", 2);
		return 0;
	}
	last = reply_text(r, 0, &len);
	if (len >= ID_TEXT) {
		conn_fail_shape(c, "renew");
		return -1;
	}
	snprintf(g->renew_from, sizeof(g->renew_from), "(%.*s", (int)len, last);
	return 0;
}

static void
end_pass(struct group *g)
{
	g->renewing = SIZE_MAX;
	g->renew_due = g->next_pass;
}

/* A connection that is used this rarely may have been closed as idle. */
int
group_renew_some(struct group *g)
{
	if (when_monotonic() < g->renew_due)
		return 0;
	if (g->renewing == SIZE_MAX) {
		g->next_pass = when_monotonic() + g->o->lease_ms / 3;
		if (g->held == 0 && !g->reading && g->holds == NULL) {
			end_pass(g);
			return 0;
		}
		g->renewing = 0;
		memcpy(g->renew_from, "-", 2);
	}
	if (renew_slice(g) < 0 &&
	    (!conn_is_lost(g->side) || renew_slice(g) < 0)) {
		warn("%s: cannot renew leases: %s", g->stream[0].name,
		     conn_error(g->side));
		end_pass(g);
		return -1;
	}
	if (g->renewing < g->count)
		return 1;
	end_pass(g);
	return 0;
}

int
group_renew(struct group *g)
{
	int rc;

	do
		rc = group_renew_some(g);
	while (rc == 1);
	return rc;
}

int
group_release(struct group *g, const struct delivery *d)
{
	char id[ID_TEXT], count[NUM_TEXT + 1];
	const char *stream = g->stream[d->stream].name;
	int tries, rc;

	id_put(id, d->entry.id);
	count[num_put(count, (uint64_t)d->deliveries - 1)] = '\0';
	if (g->held != 0)
		g->held--;
	for (tries = 0; tries < 2; tries++) {
		struct conn *c = group_side(g);
		struct reply *r = NULL;
		int64_t given = 0;

		if (!conn_is_lost(c))
			r = call(g, c, &g->release, stream, id, count);
		if (r == NULL)
			continue;
		if (reply_is(r, 0, REPLY_ERROR) &&
		    (reply_fault(r, 0) != REPLY_FAULT_NOGROUP ||
		     g->each == NULL)) {
			conn_fail_reply(c, r, 0);
			break;
		}
		if (reply_number(r, 0, &given) == 0 && given == 1)
			return 0;
		rc = g->each == NULL || tries != 0 ? 0 : group_mend(g);
		if (rc != 1)
			return rc; /* 0: it is another consumer's, or done */
	}
	warn("%s: cannot give back entry %s, others take it over after the "
	     "lease: %s",
	     stream, id, conn_error(g->side));
	return -1;
}
