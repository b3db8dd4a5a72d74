#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/publish.h"
#include "common/stop.h"
#include "common/when.h"

enum {
	WINDOW = 8192,      /* events unconfirmed, but for a transaction */
	SEND_AT = 64 << 10, /* bytes that are worth a write */
	UNSENT_MAX = 256 << 10,
	KEEP_MAX = 4 << 20, /* bytes kept of unconfirmed events */
	WAIT_EVERY = 1000   /* events per WAIT or WAITAOF */
};

/* What the next reply answers. */
enum expect {
	EXPECT_ADD,
	EXPECT_OK,     /* MULTI */
	EXPECT_QUEUED, /* a command of a transaction */
	EXPECT_EXEC,
	EXPECT_DISCARD,
	EXPECT_LOADED,  /* SCRIPT LOAD */
	EXPECT_DURABLE, /* WAIT or WAITAOF */
	EXPECT_LOUD     /* CLIENT REPLY ON */
};

enum state {
	STATE_SENT,
	STATE_STORED,
	STATE_REFUSED,
	STATE_UNDONE, /* discarded with its transaction */
	STATE_MOVED   /* sent again: another item stands for it */
};

struct item {
	uint64_t line;
	uint64_t end;        /* bytes that must be sent for it to take effect */
	size_t len, key_len; /* of the event and its key, in keep */
	struct id id;
	enum state state;
	enum priority to;
	bool duplicate;
	bool last; /* of its transaction */
};

/* Lines of one fate. */
struct lines {
	uint64_t first, last, count;
};

/* A stream that events go to: each priority has one. */
struct route {
	struct buf name;
	struct lines confirmed, refused;
	struct lines unseen; /* sent without asking for replies */
	struct stream_adder adder;
};

struct publish {
	struct conn *conn;
	const struct publish_options *o;
	struct route route[PRIORITY_COUNT];
	enum priority to;     /* where events go now */
	enum priority blamed; /* where the one went that was refused */
	struct buf delayed;   /* the key where they wait until they are due */
	struct script script;
	struct buf mark; /* {stream}:seen: */
	size_t mark_len;

	/* items head … answered … tail, of a ring; numbers only grow */
	struct item *item;
	size_t cap;
	uint64_t head, answered, tail;

	struct buf expect; /* one byte a reply, from expect_at on */
	size_t expect_at;
	struct buf keep; /* the events of the items, from keep_at on */
	size_t keep_at;

	size_t send_at;    /* unsent bytes at which to write again */
	uint64_t appended; /* bytes of output so far */
	uint64_t unwaited; /* events since the last WAIT or WAITAOF */
	int64_t since;     /* when the first unanswered command was sent */
	bool in_transaction, resent, loading, muted, failed;

	uint64_t confirmed, duplicates;
	char error[256];
};

static bool
by_script(const struct publish *p)
{
	return p->o->dedup_ms != 0 || p->o->due != NULL;
}

static bool
keeps(const struct publish *p)
{
	return p->o->keep || by_script(p);
}

static bool
waits(const struct publish *p)
{
	return p->o->durability == PUBLISH_FSYNC ||
	       p->o->durability == PUBLISH_REPLICAS;
}

static int
fail(struct publish *p, const char *why)
{
	if (!p->failed)
		snprintf(p->error, sizeof(p->error), "%s", why);
	p->failed = true;
	return -1;
}

static int
fail_conn(struct publish *p)
{
	return fail(p, conn_error(p->conn));
}

/* The connection is gone.  With nothing in flight that is no failure: the next
 * event gets another one. */
static int
lose(struct publish *p)
{
	if (p->failed || p->muted || p->in_transaction || p->head != p->tail ||
	    p->expect_at != p->expect.len)
		return fail_conn(p);
	debug("%s", conn_error(p->conn));
	return 0;
}

int
publish_parse_durability(struct publish_options *o)
{
	const char *text = o->durability_text;

	if (text == NULL || strcmp(text, "leader") == 0)
		o->durability = PUBLISH_LEADER;
	else if (strcmp(text, "none") == 0)
		o->durability = PUBLISH_NONE;
	else if (strcmp(text, "fsync") == 0)
		o->durability = PUBLISH_FSYNC;
	else if (strncmp(text, "replicas=", 9) == 0 &&
		 num_u64(text + 9, strlen(text + 9), &o->replicas) == 0 &&
		 o->replicas != 0)
		o->durability = PUBLISH_REPLICAS;
	else
		return -1;
	return 0;
}

struct publish *
publish_open(struct conn *c, const struct publish_options *o)
{
	struct publish *p;
	size_t i;

	if (o->durability == PUBLISH_FSYNC) {
		int has = conn_has_command(c, "WAITAOF");

		if (has == 0)
			conn_refuse(c, "--durability fsync: the server has no "
				       "WAITAOF (Redis 7.2 has)");
		if (has != 1)
			return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->conn = c;
	p->o = o;
	p->cap = WINDOW;
	p->send_at = SEND_AT;
	p->item = xcalloc(p->cap, sizeof(*p->item));
	p->script.name = o->due != NULL ? SCRIPT_DELAY : SCRIPT_DEDUP;
	p->to = p->blamed = PRIORITY_NORMAL;
	for (i = 0; i < PRIORITY_COUNT; i++) {
		struct route *r = &p->route[i];

		priority_stream(&r->name, o->stream, (enum priority)i);
		stream_adder_init(&r->adder, r->name.data, o->maxlen,
				  o->no_create);
	}
	delayed_key(&p->delayed, o->stream);
	stream_companion(&p->mark, o->stream, "seen:");
	p->mark_len = p->mark.len;
	if (by_script(p) && script_load(c, &p->script) < 0) {
		publish_close(p);
		return NULL;
	}
	return p;
}

void
publish_to(struct publish *p, enum priority priority)
{
	assert(priority < PRIORITY_COUNT);
	p->to = priority;
}

void
publish_close(struct publish *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < PRIORITY_COUNT; i++) {
		buf_release(&p->route[i].name);
		stream_adder_release(&p->route[i].adder);
	}
	buf_release(&p->delayed);
	buf_release(&p->mark);
	buf_release(&p->expect);
	buf_release(&p->keep);
	free(p->item);
	free(p);
}

static struct item *
item_at(const struct publish *p, uint64_t number)
{
	return &p->item[number % p->cap];
}

/* Only a transaction may outgrow the window. */
static void
grow(struct publish *p)
{
	size_t cap = mem_mul(p->cap, 2);
	struct item *item = xcalloc(cap, sizeof(*item));
	uint64_t i;

	for (i = p->head; i < p->tail; i++)
		item[i % cap] = *item_at(p, i);
	free(p->item);
	p->item = item;
	p->cap = cap;
}

static void
expect(struct publish *p, enum expect what)
{
	if (p->expect_at == p->expect.len) {
		buf_clear(&p->expect);
		p->expect_at = 0;
		p->since = when_monotonic();
	} else if (p->expect_at > WINDOW) {
		buf_consume(&p->expect, p->expect_at);
		p->expect_at = 0;
	}
	buf_addc(&p->expect, (char)what);
}

static bool
is_idle(const struct publish *p)
{
	return p->expect_at == p->expect.len;
}

/* Append a command by which the items from `first` on take effect. */
static void
append_words(struct publish *p, enum expect what, const char *a, const char *b,
	     const char *c, const char *d)
{
	size_t before = conn_out(p->conn)->len;

	conn_commandv(p->conn, a, b, c, d, NULL);
	p->appended += conn_out(p->conn)->len - before;
	expect(p, what);
}

/* Append, unless the mark says that it was there before. */
static void
append_dedup(struct publish *p, const struct route *r, const char *text,
	     size_t len)
{
	script_begin(p->conn, &p->script, 2, 6);
	conn_arg(p->conn, r->name.data, r->name.len);
	conn_arg(p->conn, p->mark.data, p->mark.len);
	conn_arg(p->conn, text, len);
	conn_argu(p->conn, (uint64_t)p->o->dedup_ms);
	conn_argu(p->conn, p->o->maxlen);
	conn_argu(p->conn, p->o->no_create);
}

static void
append_add(struct publish *p, enum priority to, const char *text, size_t len,
	   const char *key, size_t key_len)
{
	const struct route *r = &p->route[to];
	struct buf *out = conn_out(p->conn);
	size_t before = out->len;

	if (key != NULL) {
		p->mark.len = p->mark_len;
		buf_add(&p->mark, key, key_len);
	}
	if (p->o->due != NULL)
		delayed_add(p->conn, &p->script, &p->delayed, p->o->due, to,
			    text, len,
			    key == NULL ? NULL
					: &(struct delayed_mark){
						  p->mark.data, p->mark.len,
						  p->o->dedup_ms });
	else if (key != NULL)
		append_dedup(p, r, text, len);
	else
		stream_add(p->conn, &r->adder, text, len);
	p->appended += out->len - before;
}

static void
count_line(struct lines *l, uint64_t line)
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
		struct item *it = item_at(p, p->head);
		struct publish_event e = {
			.line = it->line,
			.text = keeps(p) ? p->keep.data + p->keep_at : NULL,
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
			count_line(fate, it->line);
		if (keeps(p))
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
		append_words(p, EXPECT_LOADED, "SCRIPT", "LOAD",
			     script_text(&p->script), NULL);
		p->loading = true;
	}
	p->resent = true;
	append_add(p, again.to, text, again.len,
		   p->o->dedup_ms != 0 ? text + again.len : NULL,
		   again.key_len);
	expect(p, EXPECT_ADD);
	again.end = p->appended;
	p->unwaited++;
	if (p->tail - p->head == p->cap)
		grow(p);
	*item_at(p, p->tail++) = again;
}

/* Where the bytes of item number n begin in keep. */
static size_t
kept_at(const struct publish *p, uint64_t n)
{
	size_t at = p->keep_at;
	uint64_t i;

	for (i = p->head; i < n; i++)
		at += item_at(p, i)->len + item_at(p, i)->key_len;
	return at;
}

static void
refuse(struct publish *p, struct item *it, const char *why)
{
	it->state = STATE_REFUSED;
	if (!p->failed)
		p->blamed = it->to;
	fail(p, why);
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
	struct item *it = item_at(p, p->answered++);

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
		return fail_conn(p);
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
		struct item *it = item_at(p, p->answered++);

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
		return fail_conn(p);
	}
	left = r->node[0].len;
	if (by_script(p)) { /* SCRIPT LOAD */
		i = reply_skip(r, i);
		left--;
	}
	for (; left != 0 && !last; left--, i = reply_skip(r, i)) {
		last = item_at(p, p->answered)->last;
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
		return fail_conn(p);
	}
	if (reply_number(r, fsync ? 1 : 0, &got) < 0) {
		conn_fail_shape(p->conn, "WAIT");
		return fail_conn(p);
	}
	if ((uint64_t)got < want) {
		snprintf(why, sizeof(why),
			 fsync ? "stored, not yet on the server's disk"
			       : "stored, under-replicated: %lld of %llu "
				 "replicas have it",
			 (long long)got, (unsigned long long)want);
		return fail(p, why);
	}
	settle(p, p->answered);
	return 0;
}

/* What no replies were asked for counts as confirmed: the server lives. */
static void
trust(struct publish *p)
{
	size_t i;

	for (i = 0; i < PRIORITY_COUNT; i++) {
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

	if (is_idle(p)) {
		conn_fail_shape(p->conn, "nothing");
		return fail_conn(p);
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
		return fail_conn(p);
	}
	if (!waits(p))
		settle(p, p->answered);
	return 0;
}

/* Take what replies are at hand.  After a failure replies still count: they
 * tell what became of what was sent. */
static int
take_replies(struct publish *p)
{
	struct reply *r;
	int rc;

	while ((rc = conn_next(p->conn, &r, 0)) == 1) {
		p->since = when_monotonic();
		if (take_reply(p, r) < 0 && conn_is_lost(p->conn))
			return -1;
	}
	return rc < 0 ? lose(p) : 0;
}

/* As wait_once(), while there is no connection. */
static int
wait_apart(int fd, int timeout_ms)
{
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop_fd(), .events = POLLIN },
	};

	if (!stop_requested())
		poll(pfd, 2, timeout_ms);
	return (pfd[0].revents != 0 ? CONN_SEEN_FD : 0) |
	       (stop_requested() ? CONN_SEEN_STOP : 0);
}

/* Wait once: for the server, fd, a stop, at most timeout_ms.  Returns the set
 * of conn_seen, or -1. */
static int
wait_once(struct publish *p, int fd, int timeout_ms, bool drain)
{
	int left = timeout_ms, rc;

	if (!p->failed && conn_is_lost(p->conn))
		return wait_apart(fd, timeout_ms);
	if (!is_idle(p)) {
		left = conn_silence(p->conn, p->since,
				    waits(p) ? p->o->wait_ms : 0);
		if (left < 0)
			return fail_conn(p);
		if (timeout_ms >= 0 && timeout_ms < left)
			left = timeout_ms;
	}
	rc = conn_wait(p->conn, fd, left, drain);
	if (rc < 0)
		return lose(p);
	if ((rc & CONN_SEEN_REPLY) && take_replies(p) < 0)
		return -1;
	return rc;
}

/* Replies that are due are waited for, also after the server refused. */
static int
wait_idle(struct publish *p)
{
	while (!is_idle(p))
		if (wait_once(p, -1, -1, true) < 0)
			return -1;
	return p->failed ? -1 : 0;
}

static void
append_wait(struct publish *p)
{
	char number[NUM_TEXT + 1], ms[NUM_TEXT + 1];

	number[num_put(number, p->o->replicas)] = '\0';
	ms[num_put(ms, (uint64_t)p->o->wait_ms)] = '\0';
	if (p->o->durability == PUBLISH_FSYNC)
		append_words(p, EXPECT_DURABLE, "WAITAOF", "1", "0", ms);
	else
		append_words(p, EXPECT_DURABLE, "WAIT", number, ms, NULL);
	p->unwaited = 0;
}

/* Make room for one more event. */
static int
make_room(struct publish *p)
{
	/* A socket that took nothing is not asked again for every event. */
	if (conn_unsent(p->conn) >= p->send_at) {
		if (conn_flush(p->conn) < 0)
			return fail_conn(p);
		if (take_replies(p) < 0)
			return -1;
		p->send_at = conn_unsent(p->conn) + SEND_AT;
	}
	while (!p->failed && (conn_unsent(p->conn) >= UNSENT_MAX ||
			      (!p->in_transaction &&
			       (p->tail - p->head >= WINDOW ||
				p->keep.len - p->keep_at > KEEP_MAX)))) {
		if (waits(p) && p->unwaited != 0 && is_idle(p))
			append_wait(p);
		if (wait_once(p, -1, -1, true) < 0)
			return -1;
	}
	if (p->resent && !p->in_transaction) {
		/* Nothing may overtake what is sent again. */
		if (wait_idle(p) < 0)
			return -1;
		p->resent = false;
	}
	if (p->tail - p->head == p->cap)
		grow(p);
	return p->failed ? -1 : 0;
}

static void
open_transaction(struct publish *p)
{
	append_words(p, EXPECT_OK, "MULTI", NULL, NULL, NULL);
	if (by_script(p))
		append_words(p, EXPECT_QUEUED, "SCRIPT", "LOAD",
			     script_text(&p->script), NULL);
	p->in_transaction = true;
}

int
publish_send(struct publish *p, uint64_t line, const char *text, size_t len,
	     const char *key, size_t key_len)
{
	struct item *it;

	if (p->failed)
		return -1;
	if (conn_is_lost(p->conn) && conn_reconnect(p->conn) < 0)
		return fail_conn(p);
	if (make_room(p) < 0)
		return -1;
	if (p->o->durability == PUBLISH_NONE) {
		if (!p->muted)
			conn_commandv(p->conn, "CLIENT", "REPLY", "OFF", NULL);
		p->muted = true;
		count_line(&p->route[p->to].unseen, line);
		append_add(p, p->to, text, len, key, key_len);
		return 0;
	}
	if (p->o->transaction && !p->in_transaction)
		open_transaction(p);
	append_add(p, p->to, text, len, key, key_len);
	expect(p, p->in_transaction ? EXPECT_QUEUED : EXPECT_ADD);
	it = item_at(p, p->tail++);
	*it = (struct item){
		.line = line,
		.end = p->in_transaction ? UINT64_MAX : p->appended,
		.len = len,
		.key_len = keeps(p) ? key_len : 0,
		.to = p->to,
	};
	if (keeps(p)) {
		buf_add(&p->keep, text, len);
		buf_add(&p->keep, key, key_len);
	}
	if (waits(p) && ++p->unwaited >= WAIT_EVERY && !p->in_transaction)
		append_wait(p);
	return 0;
}

int
publish_commit(struct publish *p, bool undo)
{
	uint64_t i;

	if (!p->in_transaction)
		return p->failed ? -1 : 0;
	p->in_transaction = false;
	if (p->failed)
		return -1;
	append_words(p, undo ? EXPECT_DISCARD : EXPECT_EXEC,
		     undo ? "DISCARD" : "EXEC", NULL, NULL, NULL);
	item_at(p, p->tail - 1)->last = true;
	if (undo || conn_is_lost(p->conn))
		return 0;
	for (i = p->tail; i > p->answered; i--) {
		if (item_at(p, i - 1)->end != UINT64_MAX)
			break;
		item_at(p, i - 1)->end = p->appended;
	}
	return 0;
}

int
publish_wait(struct publish *p, int fd, int timeout_ms)
{
	int rc;

	if (p->failed)
		return -1;
	if (waits(p) && p->unwaited != 0 && !p->in_transaction)
		append_wait(p);
	rc = wait_once(p, fd, timeout_ms, false);
	if (rc < 0 || p->failed)
		return -1;
	if (rc & CONN_SEEN_STOP)
		return 0;
	return rc & CONN_SEEN_FD ? 1 : 2;
}

int
publish_drain(struct publish *p)
{
	if (p->muted && !p->failed)
		append_words(p, EXPECT_LOUD, "CLIENT", "REPLY", "ON", NULL);
	do {
		if (waits(p) && p->unwaited != 0 && !p->failed)
			append_wait(p);
		if (conn_is_lost(p->conn))
			return lose(p);
		if (wait_idle(p) < 0)
			return -1;
	} while (waits(p) && p->unwaited != 0);
	return 0;
}

uint64_t
publish_confirmed(const struct publish *p)
{
	return p->confirmed;
}

uint64_t
publish_duplicates(const struct publish *p)
{
	return p->duplicates;
}

static void
say(const struct route *r, const char *what, const struct lines *l)
{
	if (l->count != 0)
		fault("%s: %s: lines %llu-%llu (%llu events)", r->name.data,
		      what, (unsigned long long)l->first,
		      (unsigned long long)l->last,
		      (unsigned long long)l->count);
}

/* What became of the lines that went to a stream. */
static void
report_route(const struct publish *p, enum priority to, uint64_t reached)
{
	const struct route *r = &p->route[to];
	struct lines unknown = r->unseen, unsent = { 0 }, under = { 0 };
	struct lines refused = r->refused;
	uint64_t i;

	for (i = p->head; i < p->tail; i++) {
		const struct item *it = item_at(p, i);

		if (it->to != to)
			continue;
		if (it->state == STATE_STORED)
			count_line(&under, it->line);
		else if (it->state == STATE_REFUSED)
			count_line(&refused, it->line);
		else if (it->state == STATE_SENT)
			count_line(it->end <= reached ? &unknown : &unsent,
				   it->line);
	}
	say(r, "confirmed", &r->confirmed);
	say(r, "stored, durability unknown", &under);
	say(r, "refused", &refused);
	say(r, "unknown", &unknown);
	say(r, "not sent", &unsent);
}

void
publish_report(const struct publish *p, uint64_t next_line)
{
	uint64_t reached = p->appended - conn_unsent(p->conn);
	size_t i;

	fault("%s: cannot add: %s", p->route[p->blamed].name.data, p->error);
	for (i = 0; i < PRIORITY_COUNT; i++)
		report_route(p, (enum priority)i, reached);
	fault("%s: not sent: lines from %llu on", p->o->stream,
	      (unsigned long long)next_line);
}
