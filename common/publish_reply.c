#include <stdio.h>

#include "common/publish_state.h"
#include "common/when.h"

void
publish_count_line(struct lines *l, uint64_t line)
{
	if (l->count++ == 0)
		l->first = line;
	l->last = line;
}

/* Pop the items at the head whose fate is known, and tell the caller. */
static void
settle(struct publish *p, uint64_t until)
{
	for (; p->head < until; p->head++) {
		struct item *it = publish_item(p, p->head);
		struct publish_event e = {
			.line = it->line,
			.stream = p->route[it->to].name.data,
			.text = publish_keeps(p) ? p->keep.data + p->keep_at
						 : NULL,
			.len = it->len,
			.id = it->id,
			.duplicate = it->duplicate,
		};
		struct lines *fate = NULL;

		if (it->state == STATE_STORED) {
			fate = &p->route[it->to].confirmed;
			p->confirmed++;
			p->duplicates += it->duplicate;
			if (p->o->confirmed != NULL)
				p->o->confirmed(p->o->arg, &e);
		} else if (it->state == STATE_REFUSED) {
			fate = &p->route[it->to].refused;
		} else if (it->state == STATE_UNDONE && p->o->undone != NULL) {
			p->o->undone(p->o->arg, &e);
		}
		if (fate != NULL)
			publish_count_line(fate, it->line);
		if (publish_keeps(p))
			p->keep_at += it->len + it->key_len;
	}
	if (p->keep_at > KEEP_MAX / 2 || p->keep_at == p->keep.len) {
		buf_consume(&p->keep, p->keep_at);
		p->keep_at = 0;
	}
}

/* The script was forgotten: send the event again behind the others, which were
 * refused as well if they came after this one. */
static void
send_again(struct publish *p, struct item *it, size_t keep_at)
{
	struct item again = *it;
	size_t bytes = it->len + it->key_len;
	const char *text;

	it->state = STATE_MOVED;
	buf_reserve(&p->keep, bytes);
	text = p->keep.data + keep_at;
	buf_add(&p->keep, text, bytes);
	if (!p->loading) {
		publish_append_words(p, EXPECT_LOADED, "SCRIPT", "LOAD",
				     script_text(&p->script), NULL);
		p->loading = true;
	}
	p->resent = true;
	publish_append_add(p, again.to, text, again.len,
			   p->o->dedup_ms != 0 ? text + again.len : NULL,
			   again.key_len);
	publish_expect(p, EXPECT_ADD);
	again.end = p->appended;
	p->unwaited++;
	if (p->tail - p->head == p->cap)
		publish_grow(p);
	*publish_item(p, p->tail++) = again;
}

/* Where the bytes of item number n begin in keep. */
static size_t
kept_at(const struct publish *p, uint64_t n)
{
	size_t at = p->keep_at;
	uint64_t i;

	for (i = p->head; i < n; i++)
		at += publish_item(p, i)->len + publish_item(p, i)->key_len;
	return at;
}

static void
refuse(struct publish *p, struct item *it, const char *why)
{
	it->state = STATE_REFUSED;
	if (!p->failed)
		p->blamed = p->route[it->to].name.data;
	publish_fail(p, why);
}

static void
refuse_reply(struct publish *p, struct item *it, const struct reply *r,
	     size_t i)
{
	conn_fail_reply(p->conn, r, i);
	refuse(p, it, conn_error(p->conn));
}

/* Element i of the reply is the result of adding the next unanswered item. */
static int
take_result(struct publish *p, const struct reply *r, size_t i)
{
	struct item *it = publish_item(p, p->answered++);

	if (reply_is(r, i, REPLY_ERROR)) {
		if (reply_fault(r, i) == REPLY_FAULT_NOSCRIPT && !p->failed)
			send_again(p, it, kept_at(p, p->answered - 1));
		else
			refuse_reply(p, it, r, i);
		return 0;
	}
	if (reply_is(r, i, REPLY_NIL)) {
		refuse(p, it, "no such stream");
		return 0;
	}
	if (reply_is(r, i, REPLY_ARRAY)) {
		it->duplicate = reply_is(r, i + 2, REPLY_INTEGER) &&
				r->node[i + 2].integer == 0;
		i++;
	}
	if (reply_id(r, i, &it->id) < 0) {
		conn_fail_shape(p->conn, "XADD");
		return publish_fail_conn(p);
	}
	it->state = STATE_STORED;
	return 0;
}

/* Items up to the end of the transaction share its fate. */
static void
end_items(struct publish *p, enum state state)
{
	bool last = false;

	while (!last && p->answered < p->tail) {
		struct item *it = publish_item(p, p->answered++);

		it->state = state;
		last = it->last;
	}
}

static int
take_exec(struct publish *p, const struct reply *r)
{
	bool last = false;
	size_t i = 1, left;

	if (!reply_is(r, 0, REPLY_ARRAY)) {
		if (reply_is(r, 0, REPLY_ERROR))
			conn_fail_reply(p->conn, r, 0);
		else
			conn_fail_shape(p->conn, "EXEC");
		end_items(p, STATE_REFUSED);
		return publish_fail_conn(p);
	}
	left = r->node[0].len;
	if (publish_by_script(p)) { /* SCRIPT LOAD */
		i = reply_skip(r, i);
		left--;
	}
	for (; left != 0 && !last; left--, i = reply_skip(r, i)) {
		last = publish_item(p, p->answered)->last;
		if (take_result(p, r, i) < 0)
			return -1;
	}
	return 0;
}

/* WAIT answers how many replicas, WAITAOF [local disk, replicas' disks]. */
static int
take_durable(struct publish *p, const struct reply *r)
{
	bool fsync = p->o->durability == PUBLISH_FSYNC;
	uint64_t want = fsync ? 1 : p->o->replicas;
	int64_t got;
	char why[128];

	if (reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(p->conn, r, 0);
		return publish_fail_conn(p);
	}
	if (reply_number(r, fsync ? 1 : 0, &got) < 0) {
		conn_fail_shape(p->conn, "WAIT");
		return publish_fail_conn(p);
	}
	if ((uint64_t)got < want) {
		snprintf(why, sizeof(why),
			 fsync ? "stored, not yet on the server's disk"
			       : "stored, under-replicated: %lld of %llu "
				 "replicas have it",
			 (long long)got, (unsigned long long)want);
		return publish_fail(p, why);
	}
	settle(p, p->answered);
	return 0;
}

/* What no replies were asked for counts as confirmed: the server lives. */
static void
trust(struct publish *p)
{
	size_t i;

	for (i = 0; i < p->routes; i++) {
		struct route *r = &p->route[i];

		if (r->unseen.count == 0)
			continue;
		if (r->confirmed.count == 0)
			r->confirmed.first = r->unseen.first;
		r->confirmed.last = r->unseen.last;
		r->confirmed.count += r->unseen.count;
		p->confirmed += r->unseen.count;
		r->unseen = (struct lines){ 0 };
	}
}

static int
take_reply(struct publish *p, const struct reply *r)
{
	enum expect what = EXPECT_OK;

	if (publish_is_idle(p)) {
		conn_fail_shape(p->conn, "nothing");
		return publish_fail_conn(p);
	}
	what = (enum expect)p->expect.data[p->expect_at++];
	switch (what) {
	case EXPECT_ADD:
		if (take_result(p, r, 0) < 0)
			return -1;
		break;
	case EXPECT_EXEC:
		if (take_exec(p, r) < 0)
			return -1;
		break;
	case EXPECT_DURABLE:
		return take_durable(p, r);
	case EXPECT_DISCARD:
		end_items(p, STATE_UNDONE);
		break;
	case EXPECT_LOUD:
		p->muted = false;
		p->answered = p->tail;
		trust(p);
		break;
	case EXPECT_LOADED:
		p->loading = false;
		break;
	case EXPECT_OK:
	case EXPECT_QUEUED:
		break;
	}
	/* What is queued wrongly makes EXEC fail; its reason is said here. */
	if (what != EXPECT_ADD && reply_is(r, 0, REPLY_ERROR)) {
		conn_fail_reply(p->conn, r, 0);
		return publish_fail_conn(p);
	}
	if (!publish_waits(p))
		settle(p, p->answered);
	return 0;
}

/* Take what replies are at hand.  After a failure replies still count: they
 * tell what became of what was sent. */
int
publish_take_replies(struct publish *p)
{
	struct reply *r;
	int rc;

	while ((rc = conn_next(p->conn, &r, 0)) == 1) {
		p->since = when_monotonic();
		if (take_reply(p, r) < 0 && conn_is_lost(p->conn))
			return -1;
	}
	return rc < 0 ? publish_lose(p) : 0;
}
