#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/dlq_change.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/stop.h"
#include "common/stream.h"
#include "common/when.h"

enum { TARGET_NONE = -1, BACKOFF_MS = 250, RETRY_MS = 30000 };

int
dlq_change_open(struct dlq_change *c, struct conn *conn, struct dlq_goal *goal,
		const char *stream)
{
	*c = (struct dlq_change){
		.conn = conn,
		.goal = goal,
		.stream = stream,
		.script = { .name = SCRIPT_REDRIVE },
	};
	stream_companion(&c->key, stream, "dlq");
	c->item = xcalloc(DLQ_BATCH, sizeof(*c->item));
	c->before = dlq_length(conn, stream);
	return c->before < 0 ? -1 : 0;
}

void
dlq_change_close(struct dlq_change *c)
{
	size_t i;

	for (i = 0; i < c->targets; i++)
		free(c->target[i].key);
	free(c->target);
	free(c->item);
	free(c->arg);
	buf_release(&c->key);
	buf_release(&c->bytes);
	dlq_dead_release(&c->dead);
	*c = (struct dlq_change){ 0 };
}

/* The part of a key that decides on its slot. */
static size_t
slot_part(const char *key, const char **part)
{
	const char *open = strchr(key, '{');
	const char *close = open != NULL ? strchr(open, '}') : NULL;

	*part = key;
	if (close == NULL || close == open + 1)
		return strlen(key);
	*part = open + 1;
	return (size_t)(close - open) - 1;
}

static bool
same_slot(const char *a, const char *b)
{
	const char *x, *y;
	size_t len = slot_part(a, &x);

	return slot_part(b, &y) == len && memcmp(x, y, len) == 0;
}

bool
dlq_change_wants_event(const struct dlq_change *c)
{
	return !c->goal->purge && c->goal->to != NULL &&
	       !same_slot(c->key.data, c->goal->to);
}

static size_t
find_target(struct dlq_change *c, const char *group)
{
	struct buf key = { 0 }, suffix = { 0 };
	size_t i;

	if (c->goal->to != NULL) {
		buf_adds(&key, c->goal->to);
	} else {
		buf_addf(&suffix, "redrive:%s", group);
		stream_companion(&key, c->stream, buf_text(&suffix));
	}
	buf_text(&key);
	for (i = 0; i < c->targets; i++)
		if (strcmp(c->target[i].key, key.data) == 0)
			break;
	if (i == c->targets) {
		c->target = xreallocarray(c->target, i + 1, sizeof(*c->target));
		c->target[c->targets++] =
			(struct dlq_target){ .key = xstrdup(key.data) };
	}
	buf_release(&key);
	buf_release(&suffix);
	return i;
}

/* Decide on a dead letter that was read.  False: it is refused. */
static bool
judge(struct dlq_change *c, struct dlq_item *item, const struct dlq_dead *dead)
{
	const struct dlq_goal *g = c->goal;

	item->known = true;
	if (g->purge)
		return true;
	if (!item->has_event && !dead->has_event) {
		c->empty++;
		return false;
	}
	if (g->to == NULL && dead->group == NULL) {
		c->nowhere++;
		return false;
	}
	if (dead->redrives >= DLQ_REDRIVES && !g->force) {
		c->worn++;
		return false;
	}
	item->target = find_target(c, dead->group);
	snprintf(item->target_text, sizeof(item->target_text), "%zu",
		 item->target + 2);
	item->redrives_text[0] = '\0';
	if (g->to == NULL)
		snprintf(item->redrives_text, sizeof(item->redrives_text),
			 "%llu", (unsigned long long)dead->redrives + 1);
	return true;
}

static size_t
batch_size(const struct dlq_goal *g)
{
	if (g->rate == 0 || g->rate / 10 >= DLQ_BATCH)
		return DLQ_BATCH;
	return g->rate < 10 ? 1 : (size_t)g->rate / 10;
}

static int
settle(struct dlq_change *c)
{
	if (c->count >= batch_size(c->goal) || c->bytes.len >= DLQ_BATCH_BYTES)
		return dlq_change_flush(c);
	return 0;
}

static struct dlq_item *
new_item(struct dlq_change *c, struct id id, const char *event, size_t len)
{
	struct dlq_item *item = &c->item[c->count];

	*item = (struct dlq_item){
		.id = id,
		.at = c->bytes.len,
		.len = len,
		.has_event = event != NULL,
	};
	id_put(item->id_text, id);
	if (event != NULL)
		buf_add(&c->bytes, event, len);
	return item;
}

int
dlq_change_add(struct dlq_change *c, struct id id, const struct dlq_dead *dead,
	       const char *event, size_t len)
{
	struct dlq_item *item;

	if (!dead->has_event || !dlq_change_wants_event(c))
		event = NULL;
	item = new_item(c, id, event, len);
	if (!judge(c, item, dead)) {
		c->bytes.len = item->at;
		return 0;
	}
	c->count++;
	return settle(c);
}

int
dlq_change_add_edited(struct dlq_change *c, struct id id, const char *event,
		      size_t len)
{
	size_t i;

	/* Its first event is sent, and then it is gone. */
	for (i = 0; i < c->count; i++)
		if (id_compare(c->item[i].id, id) == 0 &&
		    dlq_change_flush(c) < 0)
			return -1;
	new_item(c, id, event, len);
	c->count++;
	return settle(c);
}

/* A server that can't now may soon: wait a little, for RETRY_MS in all. */
static bool
back_off(struct dlq_change *c)
{
	int64_t now = when_monotonic();

	if (c->refused_since == 0) {
		c->refused_since = now;
		warn("%s: %s, trying again", conn_name(c->conn),
		     conn_error(c->conn));
	}
	if (now - c->refused_since >= RETRY_MS)
		return false;
	return !stop_sleep(BACKOFF_MS);
}

/* After an error in answer to a command: 0 to ask again, -1. */
static int
recover(struct dlq_change *c, const struct reply *r)
{
	if (r == NULL)
		return conn_is_lost(c->conn) ? conn_reconnect(c->conn) : -1;
	conn_fail_reply(c->conn, r, 0);
	if (reply_fault(r, 0) != REPLY_FAULT_RETRY || !back_off(c))
		return -1;
	return 0;
}

/* Read the answer about one dead letter.  0; -1 if it has to be asked again. */
static int
look_at(struct dlq_change *c, struct dlq_item *item, struct reply **r)
{
	struct entries entries = { 0 };
	struct entry e;
	int rc = -1;

	*r = conn_reply(c->conn, 0);
	if (*r == NULL || reply_is(*r, 0, REPLY_ERROR))
		return -1;
	entries_init(&entries, false);
	item->known = true;
	item->target = (size_t)TARGET_NONE;
	switch (entries_next(&entries, *r, &e)) {
	case ENTRIES_OK:
		rc = 0;
		dlq_read(&c->dead, &e, c->goal->field);
		if (judge(c, item, &c->dead))
			item->target = c->goal->purge ? 0 : item->target;
		break;
	case ENTRIES_END:
		rc = 0;
		warn("%s: no dead letter %s", c->stream, item->id_text);
		c->absent++;
		break;
	case ENTRIES_BAD:
	case ENTRIES_MORE:
		conn_fail_shape(c->conn, "XRANGE");
		break;
	}
	entries_release(&entries);
	return rc;
}

/* Look at those that are not known, all at once, and drop what is refused. */
static int
look_up(struct dlq_change *c)
{
	size_t i, kept = 0;
	struct reply *r = NULL;

again:
	for (i = 0; i < c->count; i++)
		if (!c->item[i].known)
			conn_commandv(c->conn, "XRANGE", c->key.data,
				      c->item[i].id_text, c->item[i].id_text,
				      NULL);
	for (i = 0; i < c->count; i++) {
		struct dlq_item *item = &c->item[i];

		if (item->known || look_at(c, item, &r) == 0)
			continue;
		/* The answers behind an error would be taken for others. */
		if (r != NULL && reply_is(r, 0, REPLY_ERROR)) {
			conn_fail_reply(c->conn, r, 0);
			return -1;
		}
		if (recover(c, NULL) < 0)
			return -1;
		goto again;
	}
	for (i = 0; i < c->count; i++)
		if (c->item[i].target != (size_t)TARGET_NONE)
			c->item[kept++] = c->item[i];
	c->count = kept;
	return 0;
}

/* Wait for the turn of this batch.  False: a stop came first. */
static bool
wait_for_rate(struct dlq_change *c)
{
	struct dlq_goal *g = c->goal;
	int64_t now = when_monotonic(), due;

	if (g->started == 0)
		g->started = now;
	while (g->rate != 0) {
		due = g->started +
		      (int64_t)((double)g->sent * 1000 / (double)g->rate);
		if (due <= now)
			break;
		if (stop_sleep(due - now > 1000 ? 1000 : (int)(due - now)))
			return false;
		now = when_monotonic();
	}
	g->sent += c->count;
	return true;
}

static struct reply *
send_delete(struct dlq_change *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->count; i++)
		n += !c->by_hand || c->item[i].added;
	conn_command(c->conn, 2 + n);
	conn_args(c->conn, "XDEL");
	conn_args(c->conn, c->key.data);
	for (i = 0; i < c->count; i++)
		if (!c->by_hand || c->item[i].added)
			conn_args(c->conn, c->item[i].id_text);
	return conn_reply(c->conn, 0);
}

/* Remove the batch.  What was gone when the question had to be repeated is
 * taken to be our doing. */
static int delete (struct dlq_change *c, uint64_t *deleted)
{
	bool repeated = false;
	struct reply *r;
	int64_t n;

	while ((r = send_delete(c)) == NULL || reply_is(r, 0, REPLY_ERROR)) {
		repeated = repeated || r == NULL;
		if (recover(c, r) < 0)
			return -1;
	}
	c->refused_since = 0;
	if (reply_number(r, 0, &n) < 0 || n < 0) {
		conn_fail_shape(c->conn, "XDEL");
		return -1;
	}
	*deleted = repeated ? c->count : (uint64_t)n;
	return 0;
}

static int
purge(struct dlq_change *c)
{
	uint64_t deleted;

	if (delete (c, &deleted) < 0)
		return -1;
	c->done += deleted;
	c->missing += c->count - deleted;
	return 0;
}

static struct reply *
send_script(struct dlq_change *c)
{
	size_t i, n = 0;
	bool edited = c->count != 0 && c->item[0].has_event;
	const char *field = c->goal->field != NULL ? c->goal->field : "data";

	c->arg = xreallocarray(c->arg, 3 + c->targets + (size_t)4 * c->count,
			       sizeof(*c->arg));
#define ARG(text) (struct script_arg){ text, strlen(text) }
	c->arg[n++] = ARG(c->key.data);
	for (i = 0; i < c->targets; i++)
		c->arg[n++] = ARG(c->target[i].key);
	c->arg[n++] = ARG(field);
	c->arg[n++] = ARG(edited ? "1" : "0");
	for (i = 0; i < c->count; i++) {
		const struct dlq_item *item = &c->item[i];

		c->arg[n++] = ARG(item->id_text);
		c->arg[n++] = ARG(item->target_text);
		c->arg[n++] = ARG(item->redrives_text);
		if (edited)
			c->arg[n++] =
				(struct script_arg){ c->bytes.data + item->at,
						     item->len };
	}
#undef ARG
	return script_run(c->conn, &c->script, 1 + c->targets, c->arg, n);
}

/* The script names what it moved, in our order. */
static int
count_moved(struct dlq_change *c, const struct reply *r, bool repeated)
{
	size_t i, k = 0;

	if (!reply_is(r, 0, REPLY_ARRAY)) {
		conn_fail_shape(c->conn, "the script redrive");
		return -1;
	}
	for (i = 0; i < c->count; i++) {
		bool moved = k < r->node[0].len &&
			     reply_equals(r, 1 + k, c->item[i].id_text);

		k += moved;
		if (moved || repeated) {
			c->done++;
			c->target[c->item[i].target].count++;
		} else {
			c->missing++;
		}
	}
	return 0;
}

/* Append events one by one: until all are, or one is refused. */
static int
add_by_hand(struct dlq_change *c)
{
	struct stream_adder adder = { 0 };
	struct reply *r = NULL;
	size_t i;
	int rc;

	stream_adder_init(&adder, c->goal->to, 0, false);
	do {
		rc = 0;
		for (i = 0; i < c->count; i++)
			if (!c->item[i].added)
				stream_add(c->conn, &adder,
					   c->bytes.data + c->item[i].at,
					   c->item[i].len);
		for (i = 0; i < c->count; i++) {
			if (c->item[i].added)
				continue;
			r = conn_reply(c->conn, 0);
			if (r == NULL)
				break;
			c->item[i].added = !reply_is(r, 0, REPLY_ERROR);
			if (!c->item[i].added) {
				conn_fail_reply(c->conn, r, 0);
				rc = -1;
			}
		}
	} while (r == NULL && recover(c, NULL) == 0);
	stream_adder_release(&adder);
	return r == NULL ? -1 : rc;
}

static int
move_by_hand(struct dlq_change *c)
{
	char why[DIAG_MAX];
	uint64_t deleted, added = 0;
	size_t i;
	int rc = add_by_hand(c);

	if (rc < 0)
		snprintf(why, sizeof(why), "%s", conn_error(c->conn));
	for (i = 0; i < c->count; i++)
		added += c->item[i].added;
	/* What was added must not be added again. */
	if (added != 0 && !conn_is_lost(c->conn)) {
		if (delete (c, &deleted) < 0)
			return -1;
		c->done += added;
		c->target[0].count += added;
	}
	if (rc < 0 && !conn_is_lost(c->conn))
		conn_refuse(c->conn, why);
	return rc;
}

static int
redrive(struct dlq_change *c)
{
	bool repeated = false;
	struct reply *r;

	if (c->by_hand)
		return move_by_hand(c);
	while ((r = send_script(c)) == NULL || reply_is(r, 0, REPLY_ERROR)) {
		size_t len;
		const char *said = r != NULL ? reply_text(r, 0, &len) : "";

		if (strncmp(said, "CROSSSLOT", 9) == 0 &&
		    dlq_change_wants_event(c)) {
			c->by_hand = true;
			return move_by_hand(c);
		}
		repeated = repeated || r == NULL;
		if (recover(c, r) < 0)
			return -1;
	}
	c->refused_since = 0;
	return count_moved(c, r, repeated);
}

static void
count_plan(struct dlq_change *c)
{
	size_t i;

	c->done += c->count;
	for (i = 0; i < c->count && !c->goal->purge; i++)
		c->target[c->item[i].target].count++;
}

int
dlq_change_flush(struct dlq_change *c)
{
	int rc = look_up(c);

	if (rc == 0 && c->count != 0) {
		if (c->goal->dry)
			count_plan(c);
		else if (wait_for_rate(c))
			rc = c->goal->purge ? purge(c) : redrive(c);
	}
	c->count = 0;
	buf_clear(&c->bytes);
	return rc;
}
