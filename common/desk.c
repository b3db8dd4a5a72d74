#include <stdio.h>
#include <stdlib.h>

#include "common/desk.h"
#include "common/diag.h"
#include "common/runner.h"
#include "common/when.h"

enum { CRASHES_MAX = 3 /* starts without a verdict until a dead letter */ };

static void
keep_leases(void *keeper)
{
	group_renew(keeper);
}

static int
mend(void *keeper)
{
	return group_mend(keeper);
}

int
desk_open(struct desk *d, const struct desk_rules *rules, struct group *g,
	  struct select *select, struct desk_counts *counts)
{
	struct conn *c = conn_again(g->conn);

	*d = (struct desk){
		.rules = *rules,
		.g = g,
		.select = select,
		.counts = counts,
		.v.conn = c,
	};
	srandom((unsigned)when_monotonic());
	if (conn_error(c) == NULL &&
	    verdict_open(&d->v, c, g->o->name, g->consumer) == 0) {
		d->v.waiting = keep_leases;
		d->v.mend = mend;
		d->v.keeper = g;
		d->v.trimmed_stay = true;
		return 0;
	}
	return desk_fail(d);
}

void
desk_close(struct desk *d)
{
	struct conn *c = d->v.conn;

	jobs_release(&d->jobs);
	verdict_close(&d->v);
	conn_close(c);
	buf_release(&d->body);
	buf_release(&d->event_id);
	buf_release(&d->type);
}

/* The verdicts' connection has the last word on what went wrong. */
int
desk_fail(struct desk *d)
{
	const char *why = conn_error(d->v.conn);

	if (why == NULL)
		why = conn_error(d->g->conn);
	warn("%s", why != NULL ? why : "cannot go on");
	return -1;
}

const char *
desk_origin(const struct desk *d, const struct job *job)
{
	return d->g->stream[job->stream].origin;
}

void
desk_know_streams(struct desk *d)
{
	group_discover(d->g);
	group_promote(d->g);
	while (d->v.count < d->g->count)
		verdict_add_stream(&d->v, d->g->stream[d->v.count].name,
				   d->g->stream[d->v.count].origin);
}

int64_t
desk_backoff(const struct desk_rules *rules, int64_t attempts)
{
	int64_t ms = rules->backoff_ms;

	while (--attempts > 0 && ms < rules->backoff_max_ms)
		ms *= 2;
	if (ms > rules->backoff_max_ms)
		ms = rules->backoff_max_ms;
	return ms / 2 + (ms > 1 ? random() % (ms / 2 + 1) : 0);
}

/* What a dead letter takes of select's current record, copied: telling the server
 * may use the connection that the record's bytes came by. */
static struct desk_event
current_event(struct desk *d)
{
	struct record *r = &d->select->record;
	struct event *ev = &r->event;

	if (r->body == RECORD_EVENT)
		event_recognise(ev, EVENT_ALL_ROLES);
	event_role_copy(ev, ROLE_ID, &d->event_id);
	event_role_copy(ev, ROLE_TYPE, &d->type);
	buf_clear(&d->body);
	buf_add(&d->body, ev->text, ev->len);
	return (struct desk_event){
		.body = d->body.data,
		.len = d->body.len,
		.event_id = d->event_id.data,
		.event_id_len = d->event_id.len,
		.type = d->type.data,
		.type_len = d->type.len,
	};
}

/* Read a job's event, without starting it.  1, 0 if it is not there, -1. */
static int
look_up(struct desk *d, const struct job *job, struct desk_event *ev)
{
	struct reply *r = verdict_read(&d->v, job->stream, job->id);
	struct entries e = { 0 };
	struct entry entry;
	int rc;

	if (r == NULL)
		return -1;
	entries_init(&e, false);
	rc = entries_next(&e, r, &entry) == ENTRIES_OK;
	if (rc == 1) {
		select_read(d->select, &entry);
		*ev = current_event(d);
	}
	entries_release(&e);
	return rc;
}

static void
describe(const struct desk *d, const struct job *job,
	 const struct desk_event *ev, struct failure_event *e)
{
	*e = (struct failure_event){
		.stream = desk_origin(d, job),
		.group = d->g->o->name,
		.consumer = d->g->consumer,
		.handler = d->rules.handler,
		.id = job->id,
		.deliveries = job->deliveries,
		.redrives = job->redrives,
	};
	if (ev == NULL)
		return;
	if (ev->event_id_len != 0)
		e->event_id = ev->event_id;
	e->event_id_len = ev->event_id_len;
	if (ev->type_len != 0)
		e->type = ev->type;
	e->type_len = ev->type_len;
}

/* Tell the server about a dead job.  0, or -1. */
static int
tell_dead(struct desk *d, struct job *job, const struct desk_event *ev,
	  enum failure_reason reason, struct failure *f)
{
	struct failure_event e;
	char id[ID_TEXT];
	int rc;

	describe(d, job, ev, &e);
	f->attempts = job->attempts;
	f->last_ms = verdict_now(&d->v);
	f->first_ms = job->first_ms != 0 ? job->first_ms : f->last_ms;
	d->deciding = job;
	rc = verdict_dead(&d->v, reason, f, &e, job->stream,
			  ev != NULL && ev->len != 0 ? ev->body : "",
			  ev != NULL ? ev->len : 0);
	d->deciding = NULL;
	if (rc < 0)
		return desk_fail(d);
	id_put(id, job->id);
	if (rc == 0)
		d->counts->lost++;
	else
		d->counts->dead++;
	if (rc == 1)
		warn("%s: %s is dead (%s): %s", e.stream, id,
		     failure_reason_name(reason),
		     f->error != NULL ? f->error : "");
	return 0;
}

static int
tell_trimmed(struct desk *d, struct job *job)
{
	struct failure f = {
		.class = "trimmed",
		.error = "it was trimmed from the stream",
		.exit = -1,
		.duration_ms = -1,
	};
	uint64_t before = d->counts->dead;
	int rc = tell_dead(d, job, NULL, FAILURE_TRIMMED, &f);

	d->g->trimmed += d->counts->dead - before;
	return rc;
}

int
desk_bury_trimmed(struct desk *d, struct job *job)
{
	jobs_leave(&d->jobs, job);
	return tell_trimmed(d, job);
}

int
desk_bury(struct desk *d, struct job *job, const struct desk_event *ev,
	  enum failure_reason reason, struct failure *f)
{
	struct desk_event found;
	int rc;

	jobs_leave(&d->jobs, job);
	if (ev == NULL) {
		rc = look_up(d, job, &found);
		if (rc < 0)
			return desk_fail(d);
		if (rc == 0)
			return tell_trimmed(d, job);
		ev = &found;
	}
	return tell_dead(d, job, ev, reason, f);
}

int
desk_retry(struct desk *d, struct job *job, const struct desk_event *ev,
	   struct failure *f, int64_t after_ms)
{
	char id[ID_TEXT];
	int rc;

	job->attempts++;
	if ((uint64_t)job->attempts >= d->rules.attempts)
		return desk_bury(d, job, ev, FAILURE_EXHAUSTED, f);
	f->attempts = job->attempts;
	f->last_ms = verdict_now(&d->v);
	if (job->first_ms == 0)
		job->first_ms = f->last_ms;
	f->first_ms = job->first_ms;
	if (after_ms < 0)
		after_ms = desk_backoff(&d->rules, job->attempts);
	f->due_ms = job->due = f->last_ms + after_ms;
	d->deciding = job;
	rc = verdict_fail(&d->v, job->stream, job->id, f);
	d->deciding = NULL;
	if (rc < 0)
		return desk_fail(d);
	if (rc == 0) {
		d->counts->lost++;
		jobs_leave(&d->jobs, job);
		return 0;
	}
	id_put(id, job->id);
	info("%s: %s: attempt %lld failed: %s", desk_origin(d, job), id,
	     (long long)job->attempts, f->error != NULL ? f->error : "");
	d->counts->retried++;
	job->reclaimed = false;
	jobs_wait(&d->jobs, job);
	return 0;
}

int
desk_done(struct desk *d, struct job *job, int64_t ms)
{
	jobs_leave(&d->jobs, job);
	if (verdict_done(&d->v, job->stream, job->id, ms) < 0)
		return desk_fail(d);
	return 0;
}

int
desk_emit(struct desk *d, struct runner *run, const char *output,
	  const char *output_type, int64_t ms)
{
	int rc;

	d->deciding = &run->job;
	rc = runner_emit(run, &d->v, output, output_type, ms);
	d->deciding = NULL;
	return rc;
}

int
desk_check_loop(struct desk *d, struct job *job, const char *said)
{
	struct failure f = {
		.class = "crash", .exit = -1, .duration_ms = -1, .said = said
	};
	int64_t starts = job->deliveries;
	struct desk_event ev;
	char why[128];

	if (starts - job->attempts - 1 <= CRASHES_MAX)
		return 0;
	snprintf(why, sizeof(why),
		 "started %lld times, %lld of them without a verdict",
		 (long long)starts, (long long)(starts - job->attempts));
	f.error = why;
	ev = current_event(d);
	return desk_bury(d, job, &ev, FAILURE_CRASH_LOOP, &f) < 0 ? -1 : 1;
}

int
desk_choose(struct desk *d, struct job *job, const struct entry *e)
{
	struct failure f = { .exit = -1, .duration_ms = -1 };
	struct record *r = &d->select->record;
	struct desk_event ev;
	int rc;

	r->stream = desk_origin(d, job);
	r->group = d->g->o->name;
	r->consumer = d->g->consumer;
	r->deliveries = job->deliveries;
	r->attempts = job->attempts;
	rc = select_entry(d->select, e);
	if (rc != 0 && !job->counted) {
		job->counted = true;
		d->counts->taken++;
	}
	if (rc == 1)
		return 1;
	if (rc == 0) {
		d->counts->skipped++;
		return desk_done(d, job, 0);
	}
	f.class = d->select->class;
	f.error = d->select->error;
	job->attempts++;
	ev = current_event(d);
	return desk_bury(d, job, &ev, FAILURE_INVALID, &f);
}

int
desk_take_up(struct desk *d, struct job *job)
{
	struct entries e = { 0 };
	struct entry entry;
	struct reply *r;
	int rc;

	/* It may kill us, and others must not look as if they had done so. */
	if (job->reclaimed && verdict_flush(&d->v) < 0)
		return desk_fail(d);
	d->deciding = job;
	r = verdict_take(&d->v, job->stream, job->id, !job->unstarted);
	d->deciding = NULL;
	if (r == NULL)
		return desk_fail(d);
	if (!reply_is(r, 0, REPLY_ARRAY)) {
		jobs_leave(&d->jobs, job);
		d->counts->lost++;
		return 0;
	}
	job->unstarted = false;
	if (reply_number(r, 1, &job->deliveries) < 0)
		return desk_fail(d);
	if (r->node[0].len < 2)
		return desk_bury_trimmed(d, job);
	entries_init_at(&e, 2, 1);
	if (entries_next(&e, r, &entry) != ENTRIES_OK)
		return desk_fail(d);
	job->redrives = runner_redrives(&entry);
	rc = desk_choose(d, job, &entry);
	entries_release(&e);
	return rc;
}

/* Those taken over run one at a time, and not too many may wait. */
static bool
may_take_over(const struct desk *d)
{
	return d->reclaimed + d->jobs.reclaimed == 0 && !desk_is_full(d);
}

int64_t
desk_due(const struct desk *d, bool taking)
{
	const struct group *g = d->g;

	if (taking && may_take_over(d) && g->claim_due < g->renew_due)
		return g->claim_due;
	return g->renew_due;
}

int
desk_take_over(struct desk *d)
{
	struct delivery found;
	struct failure f;
	int rc;

	while (may_take_over(d)) {
		struct job job = { .reclaimed = true };

		rc = group_take_over(d->g, &found);
		d->taken_over = rc == 0;
		if (rc <= 0)
			return 0; /* a lost errand is tried again later */
		if (verdict_ledger(&d->v, found.stream, found.entry.id, &f) < 0)
			return desk_fail(d);
		job.stream = found.stream;
		job.id = found.entry.id;
		job.deliveries = found.deliveries;
		job.attempts = f.attempts;
		job.first_ms = f.first_ms;
		job.due = f.due_ms;
		if (found.entry.trimmed) {
			if (desk_bury_trimmed(d, &job) < 0)
				return -1;
			continue;
		}
		if (job.due > verdict_now(&d->v)) {
			job.reclaimed = false;
			jobs_wait(&d->jobs, &job);
		} else {
			jobs_ready(&d->jobs, &job, true);
		}
	}
	return 0;
}

bool
desk_has(const struct desk *d, size_t stream, struct id id)
{
	return jobs_has(&d->jobs, stream, id) ||
	       verdict_is_untold(&d->v, stream, id);
}

void
desk_each(const struct desk *d, size_t stream,
	  void (*tell)(void *to, struct id id, int64_t deliveries), void *to)
{
	if (d->deciding != NULL && d->deciding->stream == stream)
		tell(to, d->deciding->id, d->deciding->deliveries);
	jobs_each(&d->jobs, stream, tell, to);
}

void
desk_release(struct desk *d, const struct job *job, int64_t uncounted)
{
	struct delivery released = {
		.stream = job->stream,
		.entry.id = job->id,
		/* group_release() takes off one. */
		.deliveries = job->deliveries - job->unstarted - uncounted + 1,
	};

	d->deciding = job;
	if (group_release(d->g, &released) < 0)
		d->unreleased = true;
	d->deciding = NULL;
}

/* An answer to a read that was lost with its connection is no failure as long as
 * the server is there: others take over what it brought. */
int
desk_finish(struct desk *d, int read)
{
	struct job job;

	while (jobs_drop(&d->jobs, &job))
		if (!d->unreleased) /* else the others can't be either */
			desk_release(d, &job, 0);
	if (read < 0 && !conn_is_lost(d->g->conn))
		return desk_fail(d);
	if (verdict_flush(&d->v) < 0 ||
	    ((read < 0 || d->unreleased) && verdict_ping(&d->v) < 0))
		return desk_fail(d);
	return 0;
}
