#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/stop.h"
#include "common/tail_delayed.h"
#include "common/text.h"

enum {
	BLOCK_MS = 2000,   /* one blocked read */
	FIND_MS = 1000,    /* how soon a pattern sees a new stream */
	SAVE_EVERY = 10000 /* entries between checkpoints */
};

/* Escaped or not: SCAN knows what an escape means. */
static bool
is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

/* Where to begin with a stream. */
static struct id
first_id(const struct tail *t, const char *stream)
{
	struct id seen;

	if (t->checkpoint != NULL &&
	    checkpoint_get(t->checkpoint, stream, &seen) &&
	    id_compare(id_next(seen), t->first) > 0)
		return id_next(seen);
	return t->first;
}

static void
add_stream(void *arg, const char *name)
{
	struct tail *t = arg;

	scan_add(&t->scan, name, first_id(t, name), t->last);
}

/* Whether an operand names a stream; one without entries is one too. */
static bool
is_there(struct tail *t, const char *name)
{
	bool pattern = is_pattern(name);
	struct reply *r;
	int64_t keys;
	size_t i;

	for (i = 0; i < t->scan.count; i++) {
		const struct scan_stream *st = &t->scan.stream[i];

		if (pattern && text_glob(name, st->name, strlen(st->name)))
			return true;
		if (st->any && strcmp(name, st->name) == 0)
			return true;
	}
	if (pattern)
		return false;
	if (t->options->delayed)
		return tail_is_scheduled(t, name);
	conn_commandv(t->conn, "EXISTS", name, NULL);
	r = conn_result(t->conn);
	return r == NULL || reply_number(r, 0, &keys) < 0 || keys != 0;
}

/* What the group is at in the streams that were found.  One that does not have
 * it is read from behind its end. */
static int
open_statuses(struct tail *t)
{
	const struct tail_options *o = t->options;

	while (o->group != NULL && t->statuses < t->scan.count) {
		struct scan_stream *st = &t->scan.stream[t->statuses];
		struct status *s;
		int rc;

		if (t->side == NULL)
			t->side = conn_again(t->conn);
		t->status = xreallocarray(t->status, t->statuses + 1,
					  sizeof(*t->status));
		s = &t->status[t->statuses++];
		rc = status_open(s, t->side, st->name, o->group);
		if (rc == 1 && o->status != 0)
			rc = status_range(s, o->status, &st->next, &st->stop) <
					     0
				     ? -1
				     : 1;
		if (rc < 0)
			return TAIL_CONN;
		if (rc == 1)
			continue;
		st->next = ID_MAX;
		st->stop = ID_MIN;
		if (!is_there(t, st->name))
			continue; /* it is missing altogether */
		fault("%s: no group %s", st->name, o->group);
		t->groupless = true;
	}
	return 0;
}

/* Add what the operands name, or for patterns, what they match by now. */
static int
find_streams(struct tail *t, bool again)
{
	size_t i;

	for (i = 0; i < t->options->names; i++) {
		const char *name = t->options->name[i];

		if (is_pattern(name)) {
			t->has_pattern = true;
			if (scan_find(&t->scan, name, add_stream, t) < 0)
				return TAIL_CONN;
		} else if (!again && !scan_has(&t->scan, name)) {
			add_stream(t, name);
		}
	}
	return open_statuses(t);
}

static int
resolve_range(struct tail *t)
{
	const struct tail_options *o = t->options;
	int64_t now = 0;

	if ((when_needs_now(&o->since) || when_needs_now(&o->until)) &&
	    (now = conn_now(t->conn)) < 0)
		return TAIL_CONN;
	t->first = o->since.kind == WHEN_UNSET ? ID_MIN
					       : when_first_id(&o->since, now);
	t->last = o->until.kind == WHEN_UNSET ? ID_MAX
					      : when_last_id(&o->until, now);
	return 0;
}

bool
tail_is_late(const struct tail *t)
{
	return t->deadline != INT64_MAX && when_monotonic() >= t->deadline;
}

bool
tail_is_over(const struct tail *t)
{
	return t->taken >= t->select->options->count || stop_requested() ||
	       t->out->error != 0 || tail_is_late(t);
}

/* Decide on an entry.  1, 0, or -1 if the filter fails on it. */
static int
decide(struct tail *t, const struct entry *e, size_t stream)
{
	struct record *r = &t->select->record;

	r->stream = t->scan.stream[stream].name;
	r->group = t->options->group;
	r->deliveries = 0; /* not known to filters */
	return select_entry(t->select, e);
}

/* The same with the status, and say so if the filter fails. 1, 0, TAIL_CONN. */
static int
is_wanted(struct tail *t, const struct entry *e, size_t stream)
{
	const struct tail_options *o = t->options;
	char id[ID_TEXT];
	int rc = decide(t, e, stream);

	if (rc < 0) {
		id_put(id, e->id);
		warn("%s: %s: filter: %s", t->select->record.stream, id,
		     t->select->error);
		t->failed++;
		return 0;
	}
	if (rc == 0 || o->group == NULL)
		return rc;
	rc = status_read(&t->status[stream], e->id, &t->select->record);
	if (rc < 0)
		return TAIL_CONN;
	return o->status == 0 || (o->status & STATUS_SET(rc)) != 0;
}

/*
 * From what is left of the range of one stream, make a scan back from its
 * newest entry and, as long as nothing of it is known to be wanted, an empty one
 * forward from behind that.
 */
static int
turn_round(struct tail *t, struct scan_stream *st)
{
	struct id newest = st->stop, first = st->next, behind;
	int found = 1;

	if (id_compare(newest, ID_MAX) == 0)
		found = scan_newest(t->conn, st->name, &newest);
	if (found == 0)
		newest = ID_MIN; /* whatever comes is new */
	behind = id_next(newest);
	if (id_compare(behind, first) < 0)
		behind = first;
	st->next = newest;
	st->stop = first;
	scan_add(&t->scan, st->name, behind, newest);
	return found < 0 ? TAIL_CONN : 0;
}

/*
 * Walk back from the end over the events that are wanted, to find where the
 * last N begin in each stream: then memory does not depend on N.
 */
static int
seek_back(struct tail *t)
{
	struct scan back = t->scan;
	struct entry e;
	uint64_t left = t->options->number;
	size_t i, index;
	int rc = 1;

	scan_init(&t->scan, t->conn, false);
	back.backwards = true;
	if (left < back.slice)
		back.slice = left == 0 ? 1 : (size_t)left;
	for (i = 0; i < back.count; i++)
		if (turn_round(t, &back.stream[i]) < 0)
			rc = TAIL_CONN;
	while (rc == 1 && left != 0 && !tail_is_over(t) &&
	       (rc = scan_next(&back, &e, &index)) == 1) {
		int wanted = decide(t, &e, index);

		if (wanted != 0) /* what fails is told on the way forward */
			t->scan.stream[index].next = e.id;
		if (wanted == 1)
			left--;
	}
	if (rc >= 0)
		rc = scan_end(&back);
	scan_release(&back);
	return rc < 0 ? TAIL_CONN : 0;
}

int
tail_open(struct tail *t, const struct tail_options *options, struct conn *conn,
	  struct select *select, struct checkpoint *checkpoint, struct out *out,
	  int64_t deadline)
{
	int rc;

	assert(options->status == 0 || options->from != TAIL_LAST);
	*t = (struct tail){
		.options = options,
		.conn = conn,
		.select = select,
		.checkpoint = checkpoint,
		.out = out,
		.deadline = deadline,
	};
	scan_init(&t->scan, conn, false);
	rc = resolve_range(t);
	if (options->from == TAIL_NTH && options->number > 1)
		t->skip = options->number - 1;
	if (rc == 0 && options->delayed)
		return tail_open_delayed(t);
	if (rc == 0)
		rc = find_streams(t, false);
	if (rc == 0 && options->from == TAIL_LAST)
		rc = seek_back(t);
	return rc;
}

/* All that scan_next() has returned by now is dealt with. */
int
tail_save(struct tail *t)
{
	size_t i;

	if (t->checkpoint == NULL || out_flush(t->out) < 0)
		return 0;
	for (i = 0; i < t->scan.count; i++)
		if (t->scan.stream[i].any)
			checkpoint_set(t->checkpoint, t->scan.stream[i].name,
				       t->scan.stream[i].seen);
	if (checkpoint_save(t->checkpoint) == 0)
		return 0;
	fault("%s", t->checkpoint->error);
	return TAIL_FILE;
}

int
tail_next(struct tail *t)
{
	struct entry e;
	size_t index;
	int rc;

	if (t->options->delayed)
		return tail_next_delayed(t);
	while (!tail_is_over(t)) {
		if (t->since_save >= SAVE_EVERY) {
			t->since_save = 0;
			if (tail_save(t) < 0)
				return TAIL_FILE;
		}
		rc = scan_next(&t->scan, &e, &index);
		if (rc != 1)
			return rc;
		t->since_save++;
		rc = is_wanted(t, &e, index);
		if (rc < 0)
			return rc;
		if (rc == 1 && t->skip != 0) {
			t->skip--;
		} else if (rc == 1) {
			t->taken++;
			return 1;
		}
	}
	return 0;
}

static int
wait_ms(const struct tail *t)
{
	int64_t left = t->deadline - when_monotonic();
	int most = t->has_pattern ? FIND_MS : BLOCK_MS;

	return left < most ? (int)left : most;
}

/* What appeared since the last look. */
static int
find_new(struct tail *t)
{
	int64_t now = when_monotonic();

	if (t->find_at != 0 && now >= t->find_at && find_streams(t, true) < 0 &&
	    conn_reconnect(t->conn) < 0)
		return TAIL_CONN;
	if (now >= t->find_at)
		t->find_at = when_monotonic() + FIND_MS;
	return 0;
}

int
tail_wait(struct tail *t)
{
	size_t i;
	int rc;

	if (tail_is_over(t) || out_flush(t->out) < 0)
		return 0;
	if (tail_save(t) < 0)
		return TAIL_FILE;
	if (t->has_pattern && find_new(t) < 0)
		return TAIL_CONN;
	rc = scan_follow(&t->scan, wait_ms(t), out_watch_fd(t->out));
	if (rc == 0 && out_is_abandoned(t->out))
		return 0;
	for (i = 0; i < t->statuses; i++)
		status_forget(&t->status[i]);
	return rc < 0 ? TAIL_CONN : 1;
}

bool
tail_is_missing(struct tail *t)
{
	bool missing = false;
	size_t i;

	for (i = 0; i < t->options->names; i++) {
		const char *name = t->options->name[i];

		if (is_there(t, name))
			continue;
		fault("%s: no %s", name,
		      is_pattern(name) ? "stream matches" : "such stream");
		missing = true;
	}
	return missing || t->groupless;
}

const char *
tail_error(const struct tail *t)
{
	const char *error = t->side != NULL ? conn_error(t->side) : NULL;

	return error != NULL ? error : conn_error(t->conn);
}

void
tail_close(struct tail *t)
{
	size_t i;

	for (i = 0; i < t->statuses; i++) {
		if (t->status[i].forgotten != 0)
			warn("%s: %llu dead letters too many: told as done",
			     t->scan.stream[i].name,
			     (unsigned long long)t->status[i].forgotten);
		status_close(&t->status[i]);
	}
	free(t->status);
	conn_close(t->side);
	scan_release(&t->scan);
	delayed_scan_release(&t->upcoming);
	*t = (struct tail){ 0 };
}
