#include <string.h>

#include "common/delayed.h"
#include "common/diag.h"
#include "common/tail_delayed.h"

static int64_t
bound(uint64_t ms)
{
	return ms > INT64_MAX ? INT64_MAX : (int64_t)ms;
}

static void
open_sets(struct tail *t)
{
	const struct tail_options *o = t->options;
	size_t i;

	delayed_scan_init(
		&t->upcoming, t->conn,
		o->since.kind == WHEN_UNSET ? INT64_MIN : bound(t->first.ms),
		o->until.kind == WHEN_UNSET ? INT64_MAX : bound(t->last.ms));
	for (i = 0; i < o->names; i++)
		delayed_scan_add(&t->upcoming, o->name[i]);
}

/* Decide on an event.  1, 0, or -1 if the filter fails on it. */
static int
decide(struct tail *t, const struct delayed_event *e)
{
	struct record *r = &t->select->record;

	r->stream = t->options->name[e->stream];
	r->scheduled = true;
	r->due_ms = e->due_ms;
	r->priority = priority_name(e->priority);
	return select_body(t->select, e->event, e->len);
}

/* The last N are those behind the others, which are counted first. */
static int
skip_others(struct tail *t)
{
	struct delayed_event e;
	uint64_t wanted = 0;
	int rc = 0;

	while (!tail_is_over(t) &&
	       (rc = delayed_scan_next(&t->upcoming, &e)) == 1)
		wanted += decide(t, &e) == 1;
	if (wanted > t->options->number)
		t->skip = wanted - t->options->number;
	delayed_scan_release(&t->upcoming);
	open_sets(t);
	return rc < 0 ? TAIL_CONN : 0;
}

int
tail_open_delayed(struct tail *t)
{
	open_sets(t);
	return t->options->from == TAIL_LAST ? skip_others(t) : 0;
}

int
tail_next_delayed(struct tail *t)
{
	struct delayed_event e;
	char due[WHEN_TEXT];
	int rc;

	while (!tail_is_over(t)) {
		rc = delayed_scan_next(&t->upcoming, &e);
		if (rc != 1)
			return rc;
		rc = decide(t, &e);
		if (rc < 0) {
			when_put(due, e.due_ms);
			warn("%s: due %s: filter: %s", t->select->record.stream,
			     due, t->select->error);
			t->failed++;
		}
		if (rc == 1 && t->skip != 0) {
			t->skip--;
		} else if (rc == 1) {
			t->taken++;
			return 1;
		}
	}
	return 0;
}

bool
tail_is_scheduled(struct tail *t, const char *stream)
{
	struct buf key = { 0 };
	struct reply *r;
	int64_t keys;

	delayed_key(&key, stream);
	conn_commandv(t->conn, "EXISTS", stream, key.data, NULL);
	buf_release(&key);
	r = conn_result(t->conn);
	return r == NULL || reply_number(r, 0, &keys) < 0 || keys != 0;
}
