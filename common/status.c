#include <stdlib.h>
#include <string.h>

#include "common/dlq.h"
#include "common/failure.h"
#include "common/lag.h"
#include "common/mem.h"
#include "common/scan.h"
#include "common/status.h"
#include "common/stop.h"
#include "common/stream.h"

enum { SLICE = 1000 };

static const char *const names[STATUS_COUNT] = {
	[STATUS_WAITING] = "waiting",   [STATUS_PENDING] = "pending",
	[STATUS_RETRYING] = "retrying", [STATUS_DONE] = "done",
	[STATUS_DEAD] = "dead",
};

const char *
status_text(enum status_name name)
{
	return names[name];
}

int
status_parse(const char *text, unsigned *set)
{
	for (;;) {
		size_t len = strcspn(text, ","), i;

		for (i = 0; i < STATUS_COUNT; i++)
			if (strlen(names[i]) == len &&
			    memcmp(names[i], text, len) == 0)
				break;
		if (i == STATUS_COUNT)
			return -1;
		*set |= STATUS_SET(i);
		if (text[len] == '\0')
			return 0;
		text += len + 1;
	}
}

static int
by_id(const void *a, const void *b)
{
	return id_compare(*(const struct id *)a, *(const struct id *)b);
}

/* After an error: 0 if it is worth trying again. */
static int
again(struct status *s)
{
	if (!conn_is_lost(s->conn))
		conn_blame(s->conn, s->stream);
	else if (!stop_requested() && conn_reconnect(s->conn) == 0)
		return 0;
	return -1;
}

static int
read_delivered(struct status *s)
{
	int rc;

	do
		rc = lag_delivered(s->conn, s->stream, s->group, &s->delivered);
	while (rc < 0 && again(s) == 0);
	return rc;
}

int
status_open(struct status *s, struct conn *c, const char *stream,
	    const char *group)
{
	*s = (struct status){
		.conn = c,
		.stream = xstrdup(stream),
		.group = group,
	};
	if (stream_name_error(stream) == NULL) {
		stream_companion(&s->ledger, stream, "fail:");
		buf_adds(&s->ledger, group);
		stream_companion(&s->letters, stream, "dlq");
	}
	return read_delivered(s);
}

/* One element of XPENDING's list: id, consumer, ms of silence, deliveries. */
static int
take_pending(struct status *s, const struct reply *r, size_t i)
{
	struct status_pending *p;
	const char *text;
	size_t len;

	s->cap = mem_grow(s->cap, s->count + 1);
	s->pending = xreallocarray(s->pending, s->cap, sizeof(*s->pending));
	p = &s->pending[s->count];
	*p = (struct status_pending){ .consumer = s->names.len };
	if (!reply_is(r, i, REPLY_ARRAY) || r->node[i].len != 4 ||
	    reply_id(r, i + 1, &p->id) < 0 ||
	    !reply_is(r, i + 2, REPLY_STRING) ||
	    reply_number(r, i + 4, &p->deliveries) < 0)
		return -1;
	text = reply_text(r, i + 2, &len);
	buf_add(&s->names, text, len);
	buf_addc(&s->names, '\0');
	s->count++;
	return 0;
}

static int
take_list(struct status *s, const struct reply *r)
{
	size_t i = 1, left;

	if (!reply_is(r, 0, REPLY_ARRAY))
		return -1;
	for (left = r->node[0].len; left != 0; left--, i = reply_skip(r, i))
		if (take_pending(s, r, i) < 0)
			return -1;
	return 0;
}

/* What is pending from an id on. */
static int
ask_pending(struct status *s, struct id from)
{
	struct conn *c = s->conn;
	struct reply *r;

	conn_command(c, 6);
	conn_args(c, "XPENDING");
	conn_args(c, s->stream);
	conn_args(c, s->group);
	conn_argid(c, from);
	conn_args(c, "+");
	conn_argu(c, SLICE);
	r = conn_result(c);
	if (r == NULL)
		return -1;
	s->count = 0;
	buf_clear(&s->names);
	if (take_list(s, r) == 0)
		return 0;
	conn_fail_shape(c, "XPENDING");
	return -1;
}

/* Which of these have failed before. */
static int
ask_ledger(struct status *s)
{
	struct conn *c = s->conn;
	struct reply *r;
	size_t i, len;

	if (s->count == 0 || s->ledger.len == 0)
		return 0;
	conn_command(c, 2 + s->count);
	conn_args(c, "HMGET");
	conn_arg(c, s->ledger.data, s->ledger.len);
	for (i = 0; i < s->count; i++)
		conn_argid(c, s->pending[i].id);
	r = conn_result(c);
	if (r == NULL)
		return -1;
	if (!reply_is(r, 0, REPLY_ARRAY) || r->node[0].len != s->count) {
		conn_fail_shape(c, "HMGET");
		return -1;
	}
	for (i = 0; i < s->count; i++) {
		struct status_pending *p = &s->pending[i];
		struct failure f;
		const char *text;

		if (!reply_is(r, 1 + i, REPLY_STRING))
			continue;
		text = reply_text(r, 1 + i, &len);
		failure_read_ledger(&f, text, len);
		p->failed = true;
		p->attempts = f.attempts;
		p->due_ms = f.due_ms;
	}
	return 0;
}

static void
keep_dead(struct status *s, struct id id)
{
	if (s->deads == STATUS_LETTERS) {
		s->forgotten++;
		return;
	}
	s->dead_cap = mem_grow(s->dead_cap, s->deads + 1);
	s->dead = xreallocarray(s->dead, s->dead_cap, sizeof(*s->dead));
	s->dead[s->deads++] = id;
}

/* Dead letters that came since the last look. */
static int
ask_dead(struct status *s)
{
	struct dlq_dead dead = { 0 };
	struct scan scan;
	struct entry e;
	struct id id;
	size_t index, before = s->deads;
	int rc;

	if (s->letters.len == 0)
		return 0;
	scan_init(&scan, s->conn, false);
	scan_add(&scan, buf_text(&s->letters), s->dead_next, ID_MAX);
	while ((rc = scan_next(&scan, &e, &index)) == 1) {
		s->dead_next = id_next(e.id);
		dlq_read(&dead, &e, NULL);
		if (dead.group != NULL && strcmp(dead.group, s->group) == 0 &&
		    dlq_dead_entry(&dead, s->stream, &id))
			keep_dead(s, id);
	}
	scan_release(&scan);
	dlq_dead_release(&dead);
	if (s->deads != before)
		qsort(s->dead, s->deads, sizeof(*s->dead), by_id);
	return rc;
}

/*
 * The order counts: what is delivered after the first question may be pending at
 * the second, what is acknowledged after that was pending, and what dies leaves
 * its letter before that.  The other way round any of them would seem done.
 */
static int
load(struct status *s, struct id from)
{
	int rc;

	do {
		rc = read_delivered(s);
		if (rc == 0) {
			conn_refuse(s->conn, "the group has gone");
			rc = -1;
		}
		if (rc >= 0)
			rc = ask_pending(s, from);
		if (rc == 0)
			rc = ask_ledger(s);
		if (rc == 0)
			rc = ask_dead(s);
	} while (rc < 0 && again(s) == 0);
	s->from = from;
	s->upto = s->count < SLICE ? ID_MAX : s->pending[s->count - 1].id;
	s->left = rc < 0 ? 0 : STATUS_FRESH;
	return rc;
}

static const struct status_pending *
find_pending(const struct status *s, struct id id)
{
	/* id is the first member */
	return s->count == 0 ? NULL
			     : bsearch(&id, s->pending, s->count,
				       sizeof(*s->pending), by_id);
}

static enum status_name
name_of(const struct status *s, struct id id, const struct status_pending *p)
{
	if (p != NULL)
		return p->failed ? STATUS_RETRYING : STATUS_PENDING;
	if (id_compare(id, s->delivered) > 0)
		return STATUS_WAITING;
	if (s->deads != 0 &&
	    bsearch(&id, s->dead, s->deads, sizeof(*s->dead), by_id) != NULL)
		return STATUS_DEAD;
	return STATUS_DONE;
}

int
status_read(struct status *s, struct id id, struct record *r)
{
	const struct status_pending *p;
	enum status_name name;

	if ((s->left == 0 || id_compare(id, s->from) < 0 ||
	     id_compare(id, s->upto) > 0) &&
	    load(s, id) < 0)
		return -1;
	s->left--;
	p = find_pending(s, id);
	name = name_of(s, id, p);
	r->group = s->group;
	r->status = names[name];
	r->consumer = p != NULL ? s->names.data + p->consumer : NULL;
	r->deliveries = p != NULL ? p->deliveries : 0;
	r->attempts = p != NULL ? p->attempts : 0;
	r->due_ms = p != NULL ? p->due_ms : 0;
	return (int)name;
}

/* XPENDING without a range: how many, the first, the last, … */
static int
ask_bounds(struct status *s, bool *any, struct id *first, struct id *last)
{
	struct reply *r;
	int64_t n;

	do {
		conn_commandv(s->conn, "XPENDING", s->stream, s->group, NULL);
		r = conn_result(s->conn);
	} while (r == NULL && again(s) == 0);
	if (r == NULL)
		return -1;
	*any = false;
	if (reply_is(r, 0, REPLY_ARRAY) && reply_number(r, 1, &n) == 0 &&
	    n == 0)
		return 0;
	*any = true;
	if (reply_is(r, 0, REPLY_ARRAY) && reply_id(r, 2, first) == 0 &&
	    reply_id(r, 3, last) == 0)
		return 0;
	conn_fail_shape(s->conn, "XPENDING");
	return -1;
}

/* A group that was moved back has pending entries behind what it was given. */
int
status_range(struct status *s, unsigned set, struct id *first, struct id *last)
{
	bool held = (set & (STATUS_SET(STATUS_PENDING) |
			    STATUS_SET(STATUS_RETRYING))) != 0;
	bool past = (set &
		     (STATUS_SET(STATUS_DONE) | STATUS_SET(STATUS_DEAD))) != 0;
	struct id oldest, newest, low = ID_MIN, high = ID_MAX;

	if (held && ask_bounds(s, &held, &oldest, &newest) < 0)
		return -1;
	if (!past) {
		low = id_next(s->delivered);
		if (held && id_compare(oldest, low) < 0)
			low = oldest;
	}
	if ((set & STATUS_SET(STATUS_WAITING)) == 0) {
		high = past ? s->delivered : ID_MIN;
		if (held && id_compare(newest, high) > 0)
			high = newest;
	}
	if (id_compare(low, *first) > 0)
		*first = low;
	if (id_compare(high, *last) < 0)
		*last = high;
	return 0;
}

void
status_forget(struct status *s)
{
	s->left = 0;
}

void
status_close(struct status *s)
{
	free(s->stream);
	free(s->pending);
	free(s->dead);
	buf_release(&s->names);
	buf_release(&s->ledger);
	buf_release(&s->letters);
	*s = (struct status){ 0 };
}
