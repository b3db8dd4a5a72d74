#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/failure.h"
#include "common/joblist.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/script.h"
#include "common/stream.h"
#include "common/when.h"

enum {
	SLICE = 500,           /* pending entries asked for at once */
	PEEK_BYTES = 64 << 10, /* of an event that is read for its names */
	PEEK_COUNT = 50        /* in one call */
};

/* A reading under way. */
struct reading {
	struct conn *c;
	const struct survey *s;
	struct joblist new;
	size_t cap, seen;
	uint64_t all; /* pending, by the survey and by what was seen */
	struct buf key;
	struct script peek;
};

const char *
joblist_state_name(enum joblist_state state)
{
	static const char *const names[] = {
		[JOBLIST_STUCK] = "stuck",
		[JOBLIST_RUNNING] = "running",
		[JOBLIST_WAITING] = "waiting",
	};

	return names[state];
}

static void
release_job(struct joblist_job *job)
{
	free(job->group);
	free(job->consumer);
	free(job->text);
	free(job->event_id);
	free(job->type);
}

void
joblist_release(struct joblist *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		release_job(&l->job[i]);
	free(l->job);
	*l = (struct joblist){ 0 };
}

/*
 * What is pending
 */

static struct joblist_job *
add_job(struct reading *rd)
{
	struct joblist *l = &rd->new;

	if (l->count == rd->cap) {
		rd->cap = mem_grow(rd->cap, l->count + SLICE);
		l->job = xreallocarray(l->job, rd->cap, sizeof(*l->job));
	}
	l->job[l->count] = (struct joblist_job){ .percent = -1, .attempt = 1 };
	return &l->job[l->count++];
}

/* Read element i of XPENDING: id, owner, idle, deliveries. */
static int
take_entry(struct reading *rd, const struct survey_row *row,
	   const struct reply *r, size_t i)
{
	struct joblist_job *job;
	const char *owner;
	struct id id;
	size_t len;

	if (!reply_is(r, i, REPLY_ARRAY) || reply_id(r, i + 1, &id) < 0 ||
	    !reply_is(r, i + 2, REPLY_STRING))
		return -1;
	job = add_job(rd);
	owner = reply_text(r, i + 2, &len);
	job->stream = row->stream;
	job->group = xstrdup(row->group);
	job->consumer = xmemdup0(owner, len);
	job->id = id;
	job->age_ms = id.ms <= (uint64_t)rd->s->now_ms
			      ? rd->s->now_ms - (int64_t)id.ms
			      : -1;
	if (reply_number(r, i + 3, &job->silent_ms) < 0 ||
	    reply_number(r, i + 4, &job->deliveries) < 0)
		return -1;
	return 0;
}

/* A companion of the row's stream for its group; false if it can have none. */
static bool
companion(struct reading *rd, const struct joblist_job *job, const char *kind)
{
	if (stream_name_error(job->stream) != NULL)
		return false;
	stream_companion(&rd->key, job->stream, kind);
	buf_adds(&rd->key, job->group);
	buf_text(&rd->key);
	return true;
}

/* HMGET of the entries' ids for jobs first…; take() gets each answer that there
 * is.  Returns 0, or -1. */
static int
ask_about(struct reading *rd, const char *kind, size_t first, size_t count,
	  void (*take)(struct reading *rd, struct joblist_job *job,
		       const char *text, size_t len))
{
	struct joblist_job *job = rd->new.job + first;
	struct reply *r;
	size_t i;

	if (!companion(rd, job, kind))
		return 0;
	conn_command(rd->c, 2 + count);
	conn_args(rd->c, "HMGET");
	conn_arg(rd->c, rd->key.data, rd->key.len);
	for (i = 0; i < count; i++)
		conn_argid(rd->c, job[i].id);
	r = conn_reply(rd->c, 0);
	if (r == NULL)
		return -1;
	for (i = 0; i < count; i++)
		if (reply_is(r, 1 + i, REPLY_STRING)) {
			size_t len;
			const char *text = reply_text(r, 1 + i, &len);

			take(rd, &job[i], text, len);
		}
	return 0;
}

static void
take_ledger(struct reading *rd, struct joblist_job *job, const char *text,
	    size_t len)
{
	struct failure f = { 0 };

	failure_read_ledger(&f, text, len);
	job->attempt = f.attempts + 1;
	if (f.due_ms <= rd->s->now_ms)
		return;
	job->state = JOBLIST_WAITING;
	job->due_ms = f.due_ms;
}

/* One slice of a row's pending entries, from `from` on, which moves behind it.
 * How many there were, or -1. */
static int64_t
read_slice(struct reading *rd, const struct survey_row *row,
	   char from[ID_TEXT + 1])
{
	size_t first = rd->new.count, i, left;
	struct reply *r;

	conn_command(rd->c, 6);
	conn_args(rd->c, "XPENDING");
	conn_args(rd->c, row->stream);
	conn_args(rd->c, row->group);
	conn_args(rd->c, from);
	conn_args(rd->c, "+");
	conn_argu(rd->c, SLICE);
	r = conn_reply(rd->c, 0);
	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ERROR))
		return 0; /* it is gone since the survey */
	for (i = 1, left = r->node[0].len; left != 0; left--) {
		if (take_entry(rd, row, r, i) < 0) {
			conn_fail_shape(rd->c, "XPENDING");
			return -1;
		}
		i = reply_skip(r, i);
	}
	left = rd->new.count - first;
	if (left == 0)
		return 0;
	from[0] = '(';
	id_put(from + 1, rd->new.job[rd->new.count - 1].id);
	for (i = first; i < rd->new.count; i++)
		rd->new.job[i].state =
			rd->new.job[i].silent_ms > rd->s->options->lease_ms
				? JOBLIST_STUCK
				: JOBLIST_RUNNING;
	return ask_about(rd, "fail:", first, left, take_ledger) < 0
		       ? -1
		       : (int64_t)left;
}

static int
read_row(struct reading *rd, const struct survey_row *row)
{
	char from[ID_TEXT + 1] = "-";
	uint64_t seen = 0;
	int64_t n = SLICE;

	if (row->group == NULL || row->error != NULL || row->pending <= 0)
		return 0;
	while (n >= SLICE && rd->new.count < JOBLIST_SEEN) {
		n = read_slice(rd, row, from);
		if (n < 0)
			return -1;
		seen += (uint64_t)n;
	}
	if (n >= SLICE && seen < (uint64_t)row->pending)
		seen = (uint64_t)row->pending;
	rd->all += seen;
	return 0;
}

/*
 * What is shown
 */

static int
compare_jobs(const void *a, const void *b)
{
	const struct joblist_job *x = a, *y = b;
	int order;

	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	if (x->due_ms != y->due_ms)
		return x->due_ms < y->due_ms ? -1 : 1;
	order = id_compare(x->id, y->id);
	if (order == 0)
		order = strcmp(x->stream, y->stream);
	return order != 0 ? order : strcmp(x->group, y->group);
}

/* By group, so that one question asks about many. */
static int
compare_groups(const void *a, const void *b)
{
	const struct joblist_job *x = a, *y = b;
	int order = strcmp(x->stream, y->stream);

	if (order == 0)
		order = strcmp(x->group, y->group);
	return order != 0 ? order : id_compare(x->id, y->id);
}

static void
sort(struct joblist *l, int (*compare)(const void *a, const void *b))
{
	if (l->count != 0)
		qsort(l->job, l->count, sizeof(*l->job), compare);
}

static void
keep_most(struct joblist *l, size_t most)
{
	sort(l, compare_jobs);
	while (l->count > most)
		release_job(&l->job[--l->count]);
}

void
joblist_take_progress(struct joblist_job *job, const char *json, size_t len)
{
	struct json_doc doc = { 0 };
	struct buf tmp = { 0 };
	struct json_value value;
	const char *text;
	uint64_t n;
	size_t size;

	if (json_scan(&doc, json, len) == 0) {
		value = json_member(&doc.root, "percent", 7);
		if (value.type == JSON_NUMBER &&
		    num_u64(value.text, value.len, &n) == 0)
			job->percent = n < 100 ? (int)n : 100;
		value = json_member(&doc.root, "text", 4);
		json_text(&value, &tmp, &text, &size);
		if (value.type == JSON_STRING && size != 0) {
			free(job->text);
			job->text = xmemdup0(text, size);
		}
		value = json_member(&doc.root, "time", 4);
		if (value.type == JSON_STRING && value.len > 2)
			when_rfc3339(value.text + 1, value.len - 2,
				     &job->told_ms);
	}
	buf_release(&tmp);
	json_release(&doc);
}

static void
take_progress(struct reading *rd, struct joblist_job *job, const char *text,
	      size_t len)
{
	(void)rd;
	joblist_take_progress(job, text, len);
}

static char *
role_of(const struct event *ev, enum event_role role, struct buf *tmp)
{
	const char *text;
	size_t len;

	if (!event_role_text(ev, role, tmp, &text, &len) || len == 0)
		return NULL;
	return xmemdup0(text, len);
}

/* Entries come in the order of the jobs. */
static void
take_events(struct joblist_job *job, size_t count, const struct reply *r)
{
	struct entries entries = { 0 };
	struct event ev = { 0 };
	struct buf tmp = { 0 };
	struct entry entry;
	const char *text;
	size_t i = 0, len;

	entries_init(&entries, false);
	while (entries_next(&entries, r, &entry) == ENTRIES_OK) {
		while (i < count && id_compare(job[i].id, entry.id) != 0)
			i++;
		if (i == count)
			break;
		if (!entry_body(&entry, NULL, &text, &len) ||
		    event_parse(&ev, text, len) < 0)
			continue;
		event_recognise(&ev,
				EVENT_ROLE(ROLE_ID) | EVENT_ROLE(ROLE_TYPE));
		job[i].event_id = role_of(&ev, ROLE_ID, &tmp);
		job[i].type = role_of(&ev, ROLE_TYPE, &tmp);
	}
	entries_release(&entries);
	event_release(&ev);
	buf_release(&tmp);
}

/* Names are a help: a user who may not run scripts does without. */
static int
read_events(struct reading *rd, struct joblist_job *job, size_t count)
{
	struct script_arg arg[2 + PEEK_COUNT];
	char bytes[NUM_TEXT], id[PEEK_COUNT][ID_TEXT];
	struct reply *r;
	size_t i;

	if (rd->new.nameless)
		return 0;
	arg[0] = (struct script_arg){ job->stream, strlen(job->stream) };
	arg[1] = (struct script_arg){ bytes, num_put(bytes, PEEK_BYTES) };
	for (i = 0; i < count; i++)
		arg[2 + i] =
			(struct script_arg){ id[i], id_put(id[i], job[i].id) };
	r = script_run(rd->c, &rd->peek, 1, arg, 2 + count);
	if (r == NULL)
		return -1;
	if (reply_is(r, 0, REPLY_ARRAY))
		take_events(job, count, r);
	else
		rd->new.nameless = true;
	return 0;
}

static bool
is_same_group(const struct joblist_job *a, const struct joblist_job *b)
{
	return strcmp(a->stream, b->stream) == 0 &&
	       strcmp(a->group, b->group) == 0;
}

static int
read_more(struct reading *rd)
{
	struct joblist *l = &rd->new;
	size_t first = 0, count;

	sort(l, compare_groups);
	for (; first < l->count; first += count) {
		count = 1;
		while (first + count < l->count && count < PEEK_COUNT &&
		       is_same_group(&l->job[first], &l->job[first + count]))
			count++;
		if (ask_about(rd, "progress:", first, count, take_progress) <
			    0 ||
		    read_events(rd, l->job + first, count) < 0)
			return -1;
	}
	sort(l, compare_jobs);
	return 0;
}

int
joblist_read(struct joblist *l, struct conn *c, const struct survey *s,
	     size_t most)
{
	struct reading rd = {
		.c = c,
		.s = s,
		.new = { .now_ms = s->now_ms, .nameless = l->nameless },
		.peek = { .name = SCRIPT_PEEK },
	};
	int rc = 0;
	size_t i;

	for (i = 0; i < s->count && rc == 0; i++)
		rc = read_row(&rd, &s->row[i]);
	keep_most(&rd.new, most);
	if (rc == 0)
		rc = read_more(&rd);
	buf_release(&rd.key);
	if (rc < 0) {
		joblist_release(&rd.new);
		return -1;
	}
	rd.new.more = rd.all - rd.new.count;
	joblist_release(l);
	*l = rd.new;
	return 0;
}
