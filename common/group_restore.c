/*
 * group_restore.c - group.h's part about a group that has vanished: creating it
 * again where it was, and putting back what is in hand.
 *
 * XGROUP DESTROY forgets what was pending, and what is not pending can neither
 * fail nor be taken over.  So whoever creates the group again marks that, in
 * {S}:restored:GROUP (where, when, who), in the same script (regroup.lua), and
 * every consumer that sees a new mark puts back what it has in hand.  Without the
 * mark an entry that is not pending any more would be one that another consumer
 * took over and finished.
 *
 * An answer to a read may have been under way when the group went: what it brings
 * is put back at the next look.
 */
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/group.h"
#include "common/num.h"
#include "common/stop.h"

enum {
	PUT_BACK_SLICE = 100, /* entries of one script */
	FIXED_ARGS = 4,       /* before them */
	TRIES = 50,
	TRY_AGAIN_MS = 100
};

/* Entries of one stream on their way back. */
struct put_back {
	struct group *g;
	struct conn *c;
	const char *stream;
	char text[2 * PUT_BACK_SLICE][ID_TEXT + NUM_TEXT];
	struct script_arg arg[FIXED_ARGS + 2 * PUT_BACK_SLICE];
	size_t count; /* of arg */
	bool forward; /* the group is not to be behind what is in hand */
	int64_t done; /* put back so far; -1: it failed */
};

static void
begin_put_back(struct put_back *p)
{
	const char *const word[FIXED_ARGS] = {
		p->stream,
		p->g->o->name,
		p->g->consumer,
		p->forward ? "1" : "0",
	};

	for (p->count = 0; p->count < FIXED_ARGS; p->count++)
		p->arg[p->count] = (struct script_arg){
			word[p->count],
			strlen(word[p->count]),
		};
}

static void
flush_put_back(struct put_back *p)
{
	struct reply *r;
	int64_t n;

	if (p->done < 0 || p->count == FIXED_ARGS)
		return;
	do
		r = script_run(p->c, &p->g->put_back, 1, p->arg, p->count);
	while (r != NULL && reply_fault(r, 0) == REPLY_FAULT_RETRY &&
	       group_back_off(p->g, r));
	begin_put_back(p);
	if (r != NULL && reply_is(r, 0, REPLY_ERROR))
		conn_fail_reply(p->c, r, 0);
	if (r != NULL && reply_number(r, 0, &n) == 0)
		p->done += n;
	else
		p->done = -1;
}

static void
add_put_back(void *to, struct id id, int64_t deliveries)
{
	struct put_back *p = to;
	char *text = p->text[p->count - FIXED_ARGS];

	p->arg[p->count++] = (struct script_arg){ text, id_put(text, id) };
	text = p->text[p->count - FIXED_ARGS];
	p->arg[p->count++] = (struct script_arg){
		text,
		num_put(text, deliveries > 0 ? (uint64_t)deliveries : 0),
	};
	if (p->count == FIXED_ARGS + 2 * PUT_BACK_SLICE)
		flush_put_back(p);
}

/* Put back what is in hand of a stream and pending for nobody.  Returns how many,
 * or -1. */
static int64_t
put_back(struct group *g, struct conn *c, size_t stream, bool forward)
{
	struct put_back p = {
		.g = g,
		.c = c,
		.stream = g->stream[stream].name,
		.forward = forward,
	};

	if (g->each == NULL)
		return 0;
	begin_put_back(&p);
	g->each(g->holder, stream, add_put_back, &p);
	flush_put_back(&p);
	if (p.done > 0)
		warn("%s: %lld events in hand are pending again", p.stream,
		     (long long)p.done);
	return p.done;
}

/* The mark of a stream's group, "" if it has none or one may not look.  0, or
 * -1. */
static int
read_mark(struct group *g, struct conn *c, const struct group_stream *st,
	  char mark[GROUP_MARK])
{
	struct buf key = { 0 };
	struct reply *r;
	const char *text;
	size_t len;

	stream_companion(&key, st->name, "restored:");
	buf_adds(&key, g->o->name);
	conn_commandv(c, "GET", buf_text(&key), NULL);
	r = conn_reply(c, 0);
	buf_release(&key);
	if (r == NULL)
		return -1;
	mark[0] = '\0';
	if (!reply_is(r, 0, REPLY_STRING))
		return 0;
	text = reply_text(r, 0, &len);
	snprintf(mark, GROUP_MARK, "%.*s", (int)(len < 200 ? len : 200), text);
	return 0;
}

int
group_note_restored(struct group *g, struct conn *c, struct group_stream *st)
{
	return read_mark(g, c, st, st->restored);
}

/* Create the group with a new mark.  Without the right to run scripts or to mark,
 * others find out by reading.  0, or -1. */
static int
create_marked(struct group *g, struct conn *c, const struct group_stream *st)
{
	char mark[GROUP_MARK], from[ID_TEXT];
	struct buf key = { 0 };
	struct reply *r;
	int64_t now = conn_now(c);
	struct script_arg arg[5];
	bool refused;

	if (now < 0)
		return -1;
	id_put(from, st->position);
	snprintf(mark, sizeof(mark), "%s %lld %s", from, (long long)now,
		 g->consumer);
	stream_companion(&key, st->name, "restored:");
	buf_adds(&key, g->o->name);
	arg[0] = (struct script_arg){ st->name, strlen(st->name) };
	arg[1] = (struct script_arg){ buf_text(&key), key.len };
	arg[2] = (struct script_arg){ g->o->name, strlen(g->o->name) };
	arg[3] = (struct script_arg){ from, strlen(from) };
	arg[4] = (struct script_arg){ mark, strlen(mark) };
	do
		r = script_run(c, &g->regroup, 2, arg, 5);
	while (r != NULL && reply_fault(r, 0) == REPLY_FAULT_RETRY &&
	       group_back_off(g, r));
	buf_release(&key);
	if (r == NULL)
		return -1;
	refused = reply_is(r, 0, REPLY_ERROR);
	return refused && group_create(g, c, st->name, from) != 0 ? -1 : 0;
}

/* The newest id that a stream has had; 0-0 if it is not there, the highest of
 * all if one may not look.  0, or -1. */
static int
generated(struct conn *c, const char *stream, struct id *id)
{
	struct reply *r;
	size_t at;

	*id = ID_MIN;
	conn_commandv(c, "XINFO", "STREAM", stream, NULL);
	r = conn_reply(c, 0);
	if (r == NULL)
		return -1;
	at = reply_field(r, 0, "last-generated-id");
	if (at != 0 ? reply_id(r, at, id) < 0
		    : reply_fault(r, 0) != REPLY_FAULT_REFUSED)
		*id = ID_MAX;
	return 0;
}

/*
 * The group is not there: create it where it was.  A stream whose ids are lower
 * than what has been read is another one, all of it unread.
 */
static int
create_again(struct group *g, struct conn *c, struct group_stream *st)
{
	struct id newest;
	char from[ID_TEXT];

	if (generated(c, st->name, &newest) < 0)
		return -1;
	if (id_compare(newest, st->position) < 0)
		st->last = st->position = ID_MIN;
	if (create_marked(g, c, st) < 0)
		return -1;
	id_put(from, st->position);
	warn("%s: group %s has vanished, created again behind %s", st->name,
	     g->o->name, from);
	return 0;
}

/*
 * Whoever created the group again may have known less of where it was than others
 * do.  One that was set back since then, below where it was created, stays so.
 */
static bool
may_go_forward(const char *mark, struct id delivered)
{
	const char *blank = strchr(mark, ' ');
	struct id from;

	return blank != NULL &&
	       id_parse(mark, (size_t)(blank - mark), 0, &from) == 0 &&
	       id_compare(delivered, from) >= 0;
}

/* ANEW if the group is another one, and what is in hand has been put back; AGAIN
 * if there was doubt, rightly; 0 if there was no need; -1. */
enum { AGAIN = 1, ANEW = 2 };

static int
restore(struct group *g, struct conn *c, size_t stream, bool gone, bool doubt)
{
	struct group_stream *st = &g->stream[stream];
	char mark[GROUP_MARK];
	struct id delivered = ID_MIN;
	int64_t back;
	bool anew;
	int rc = group_find(g, c, st->name, &delivered);

	if (rc == 1)
		st->position = delivered;
	if (rc == 0 || (rc == 2 && gone)) {
		rc = create_again(g, c, st);
		delivered = st->position;
	}
	if (rc < 0 || read_mark(g, c, st, mark) < 0)
		return -1;
	anew = strcmp(mark, st->restored) != 0;
	if (!anew && !doubt)
		return 0;
	back = put_back(g, c, stream, may_go_forward(mark, delivered));
	if (back < 0)
		return -1;
	memcpy(st->restored, mark, sizeof(mark));
	return anew ? ANEW : back > 0 ? AGAIN : 0;
}

int
group_restore(struct group *g, struct conn *c, bool gone)
{
	bool doubt = g->doubt_until != 0;
	bool restored = false, anew = false;
	size_t i;

	for (i = 0; i < g->count; i++) {
		int rc = restore(g, c, i, gone, doubt);

		if (rc < 0)
			return -1;
		restored |= rc != 0;
		anew |= rc == ANEW;
	}
	/* What is on its way, or not handed out yet, came from the old group: all of
	 * it is in hand once the read behind it is answered. */
	if (anew)
		g->doubt_until = g->answered + 2;
	else if (doubt && g->answered >= g->doubt_until)
		g->doubt_until = 0;
	return restored;
}

int
group_mend(struct group *g)
{
	int tries, rc = -1;

	for (tries = 0; rc < 0 && tries < TRIES; tries++) {
		struct conn *c = group_side(g);

		if (!conn_is_lost(c))
			rc = group_restore(g, c, false);
		if (rc < 0 && !conn_is_lost(c))
			break;
		if (rc < 0 && stop_sleep(TRY_AGAIN_MS))
			break;
	}
	if (rc < 0)
		warn("cannot put back what is in hand: %s",
		     conn_error(g->side) != NULL ? conn_error(g->side)
						 : "the server is lost");
	return rc;
}
