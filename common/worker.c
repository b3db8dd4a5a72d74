#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/failure.h"
#include "common/jobs.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/runner.h"
#include "common/stop.h"
#include "common/verdict.h"
#include "common/worker.h"

enum {
	BLOCK_MS = 2000,  /* one blocked read */
	CRASHES_MAX = 3,  /* starts without a verdict until a dead letter */
	BROKEN_MS = 1000, /* first pause after a broken handler */
	BROKEN_MAX_MS = 60000,
	PARKED_MIN = 100,   /* with lanes: ready events beyond the room */
	PROGRESS_MS = 1000, /* between two writes of one job's progress */
	KILL_MS = 5000      /* from SIGTERM to SIGKILL */
};

struct worker {
	const struct worker_options *o;
	struct group *g;
	struct select *select;
	struct out *out;
	struct worker_counts *counts;
	int64_t deadline;

	struct verdict v;
	struct jobs jobs;
	struct runner *runner; /* o->jobs of them */
	size_t running, reclaimed;
	size_t printer; /* the one whose lines go out now */
	uint64_t arrived;

	struct pollfd *pfd;
	int64_t hold_due;
	int64_t broken_until, broken_ms;
	int64_t grace_until; /* INT64_MAX: no stop yet */
	bool exhausted;      /* a read without waiting found nothing */
	bool taken_over;     /* all that there was */
};

/* The verdicts' connection has the last word on what went wrong. */
static int
fail(struct worker *w)
{
	const char *why = conn_error(w->v.conn);

	if (why == NULL)
		why = conn_error(w->g->conn);
	warn("%s", why != NULL ? why : "cannot go on");
	return -1;
}

static bool
is_stopping(const struct worker *w)
{
	return w->grace_until != INT64_MAX;
}

/* Whether the entry is one that this worker knows of: group_take_over() is to
 * leave it alone. */
static bool
holds(void *arg, size_t stream, struct id id)
{
	const struct worker *w = arg;
	size_t i;

	for (i = 0; i < w->o->jobs; i++)
		if (w->runner[i].used && w->runner[i].job.stream == stream &&
		    id_compare(w->runner[i].job.id, id) == 0)
			return true;
	return jobs_has(&w->jobs, stream, id);
}

static const char *
origin(const struct worker *w, const struct job *job)
{
	return w->g->stream[job->stream].origin;
}

/* min(max, first · 2^(n-1)) · rand(0.5..1) */
static int64_t
backoff(const struct worker *w, int64_t attempts)
{
	int64_t ms = w->o->backoff_ms;

	while (--attempts > 0 && ms < w->o->backoff_max_ms)
		ms *= 2;
	if (ms > w->o->backoff_max_ms)
		ms = w->o->backoff_max_ms;
	return ms / 2 + (ms > 1 ? random() % (ms / 2 + 1) : 0);
}

static void
describe(const struct worker *w, const struct job *job,
	 const struct runner *run, struct failure_event *e)
{
	*e = (struct failure_event){
		.stream = origin(w, job),
		.group = w->g->o->name,
		.consumer = w->g->consumer,
		.handler = w->o->run.argv[0],
		.id = job->id,
		.deliveries = job->deliveries,
		.redrives = job->redrives,
	};
	if (run == NULL)
		return;
	if (run->event_id.len != 0)
		e->event_id = run->event_id.data;
	e->event_id_len = run->event_id.len;
	if (run->type.len != 0)
		e->type = run->type.data;
	e->type_len = run->type.len;
}

/* Give up on a job.  0, or -1. */
static int
bury(struct worker *w, struct job *job, const struct runner *run,
     enum failure_reason reason, struct failure *f)
{
	struct failure_event e;
	char id[ID_TEXT];
	int rc;

	describe(w, job, run, &e);
	f->attempts = job->attempts;
	f->last_ms = verdict_now(&w->v);
	f->first_ms = job->first_ms != 0 ? job->first_ms : f->last_ms;
	rc = verdict_dead(&w->v, reason, f, &e, job->stream,
			  run != NULL ? run->body.data : "",
			  run != NULL ? run->body.len : 0);
	jobs_leave(&w->jobs, job);
	if (rc < 0)
		return fail(w);
	id_put(id, job->id);
	if (rc == 0)
		w->counts->lost++;
	else
		w->counts->dead++;
	if (rc == 1)
		warn("%s: %s is dead (%s): %s", e.stream, id,
		     failure_reason_name(reason), f->error);
	return 0;
}

/* Note a failed attempt: another one later, unless it was the last. */
static int
retry(struct worker *w, struct job *job, const struct runner *run,
      struct failure *f, int64_t after_ms)
{
	char id[ID_TEXT];
	int rc;

	job->attempts++;
	if ((uint64_t)job->attempts >= w->o->run.attempts)
		return bury(w, job, run, FAILURE_EXHAUSTED, f);
	f->attempts = job->attempts;
	f->last_ms = verdict_now(&w->v);
	if (job->first_ms == 0)
		job->first_ms = f->last_ms;
	f->first_ms = job->first_ms;
	if (after_ms < 0)
		after_ms = backoff(w, job->attempts);
	f->due_ms = job->due = f->last_ms + after_ms;
	rc = verdict_fail(&w->v, job->stream, job->id, f);
	if (rc < 0)
		return fail(w);
	if (rc == 0) {
		w->counts->lost++;
		jobs_leave(&w->jobs, job);
		return 0;
	}
	id_put(id, job->id);
	info("%s: %s: attempt %lld failed: %s", origin(w, job), id,
	     (long long)job->attempts, f->error);
	w->counts->retried++;
	job->reclaimed = false;
	jobs_wait(&w->jobs, job);
	return 0;
}

/* The command itself is at fault: no attempt is burned, and nothing else is
 * started for a while. */
static void
pause_broken(struct worker *w, struct job *job, const char *why)
{
	char text[NUM_DURATION_TEXT];

	w->broken_ms = w->broken_ms == 0 ? BROKEN_MS : w->broken_ms * 2;
	if (w->broken_ms > BROKEN_MAX_MS)
		w->broken_ms = BROKEN_MAX_MS;
	w->broken_until = when_monotonic() + w->broken_ms;
	warn("the handler %s is broken: %s; trying again in %s",
	     w->o->run.argv[0], why, num_put_duration(text, w->broken_ms));
	jobs_leave(&w->jobs, job);
	job->occupies = false;
	job->forgiven++;
	jobs_ready(&w->jobs, job, true);
}

/* 0; 1 if what it put out can't be published; -1. */
static int
succeed(struct worker *w, struct runner *run, int64_t ms)
{
	struct job *job = &run->job;
	int rc;

	if (w->o->output != NULL) {
		rc = runner_emit(run, &w->v, w->o->output, w->o->output_type,
				 ms);
		if (rc == -1)
			return fail(w);
		if (rc == -2)
			return 1;
		w->counts->lost += rc == 0;
		w->counts->done += rc == 1;
	} else {
		if (verdict_done(&w->v, job->stream, job->id, ms) < 0)
			return fail(w);
		w->counts->done++;
	}
	jobs_leave(&w->jobs, job);
	return 0;
}

/* The verdict by the table of handler exits. */
static int
judge(struct worker *w, struct runner *run)
{
	struct handler *h = &run->handler;
	struct failure f;
	int rc;

	runner_failure(run, &f);
	if (h->state == HANDLER_BROKEN ||
	    (h->state == HANDLER_EXITED &&
	     (h->code == 78 || h->code == 126 || h->code == 127))) {
		pause_broken(w, &run->job, f.error);
		return 0;
	}
	w->broken_ms = 0;
	if (h->state == HANDLER_EXITED && !h->timed_out) {
		switch (h->code) {
		case 99:
			w->counts->skipped++;
			/* fall through */
		case 0:
			if (!run->flooded &&
			    (rc = succeed(w, run, f.duration_ms)) <= 0)
				return rc;
			run->flooded = true;
			runner_failure(run, &f);
			break;
		case 65:
		case 100:
			run->job.attempts++;
			return bury(w, &run->job, run, FAILURE_REJECTED, &f);
		default:
			break;
		}
	}
	return retry(w, &run->job, run, &f, h->retry_after_ms);
}

/* A run is over.  What was ended by a drain, or lost its lease, has no verdict.
 */
static int
finish(struct worker *w, struct runner *run)
{
	struct delivery d = { .stream = run->job.stream };
	int rc = 0;

	run->used = false;
	w->running--;
	w->reclaimed -= run->job.reclaimed;
	if (run->lost) {
		jobs_leave(&w->jobs, &run->job);
		w->counts->lost++;
	} else if (run->handler.ended && !run->handler.timed_out) {
		jobs_leave(&w->jobs, &run->job);
		d.entry.id = run->job.id;
		d.deliveries = run->job.deliveries - run->job.forgiven;
		group_release(w->g, &d);
	} else {
		rc = judge(w, run);
	}
	handler_release(&run->handler);
	return rc;
}

static struct runner *
free_runner(struct worker *w)
{
	size_t i;

	for (i = 0; w->running < w->o->jobs && i < w->o->jobs; i++)
		if (!w->runner[i].used)
			return &w->runner[i];
	return NULL;
}

/* Start the job with the event that is select's current record. */
static int
start(struct worker *w, struct job *job)
{
	struct runner *run = free_runner(w);
	struct failure f = { .class = "crash", .exit = -1, .duration_ms = -1 };
	char why[128];

	runner_load(run, job, w->select);
	if (job->deliveries - job->forgiven - job->attempts - 1 > CRASHES_MAX) {
		snprintf(why, sizeof(why),
			 "started %lld times, %lld of them without a verdict",
			 (long long)job->deliveries,
			 (long long)(job->deliveries - job->attempts));
		f.error = why;
		return bury(w, job, run, FAILURE_CRASH_LOOP, &f);
	}
	run->used = true;
	run->lost = false;
	w->running++;
	w->reclaimed += job->reclaimed;
	w->counts->started++;
	runner_start(run, &w->o->run, w->g, verdict_now(&w->v));
	return 0;
}

/* Decide on the entry that is select's current one.  1 to run it. */
static int
choose(struct worker *w, struct job *job, const struct entry *e)
{
	struct runner scratch = { 0 };
	struct failure f = { .class = "filter", .exit = -1, .duration_ms = -1 };
	struct record *r = &w->select->record;
	int rc;

	r->stream = origin(w, job);
	r->group = w->g->o->name;
	r->consumer = w->g->consumer;
	r->deliveries = job->deliveries;
	r->attempts = job->attempts;
	rc = select_entry(w->select, e);
	if (rc == 1) {
		job->lane = runner_lane(&w->o->run, r);
		return 1;
	}
	if (rc == 0) {
		w->counts->skipped++;
		jobs_leave(&w->jobs, job);
		return verdict_done(&w->v, job->stream, job->id, 0) < 0
			       ? fail(w)
			       : 0;
	}
	f.error = w->select->error;
	job->attempts++;
	runner_load(&scratch, job, w->select);
	rc = bury(w, job, &scratch, FAILURE_INVALID, &f);
	runner_free(&scratch);
	return rc;
}

/* New entries: start what can start, and keep the rest ready. */
static int
take_batch(struct worker *w)
{
	struct delivery d;
	int rc;

	while ((rc = group_next(w->g, &d)) == 1) {
		struct job job = {
			.stream = d.stream,
			.id = d.entry.id,
			.deliveries = d.deliveries,
			.redrives = runner_redrives(&d.entry),
		};

		w->arrived++;
		rc = choose(w, &job, &d.entry);
		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		if (free_runner(w) != NULL && !is_stopping(w) &&
		    when_monotonic() >= w->broken_until &&
		    jobs_enter(&w->jobs, &job)) {
			if (start(w, &job) < 0)
				return -1;
		} else {
			job.deliveries--; /* counted when it starts */
			jobs_ready(&w->jobs, &job, false);
		}
	}
	return rc < 0 ? fail(w) : 0;
}

static int
bury_trimmed(struct worker *w, struct job *job)
{
	struct failure f = {
		.class = "trimmed",
		.error = "it was trimmed from the stream",
		.exit = -1,
		.duration_ms = -1,
	};

	w->g->trimmed++;
	return bury(w, job, NULL, FAILURE_TRIMMED, &f);
}

/* Read a job's event again and count its start.  1 to go on, 0 if it is gone. */
static int
take_up(struct worker *w, struct job *job)
{
	struct reply *r = verdict_take(&w->v, job->stream, job->id);
	struct entries e = { 0 };
	struct entry entry;
	int rc;

	if (r == NULL)
		return fail(w);
	if (!reply_is(r, 0, REPLY_ARRAY)) {
		jobs_leave(&w->jobs, job);
		w->counts->lost++;
		return 0;
	}
	if (reply_number(r, 1, &job->deliveries) < 0)
		return fail(w);
	if (r->node[0].len < 2)
		return bury_trimmed(w, job);
	entries_init_at(&e, 2, 1);
	if (entries_next(&e, r, &entry) != ENTRIES_OK)
		return fail(w);
	job->redrives = runner_redrives(&entry);
	rc = choose(w, job, &entry);
	entries_release(&e);
	return rc;
}

static int
start_jobs(struct worker *w)
{
	struct job job;
	int rc;

	while (!is_stopping(w) && when_monotonic() >= w->broken_until &&
	       free_runner(w) != NULL &&
	       jobs_next(&w->jobs, verdict_now(&w->v), w->reclaimed == 0,
			 &job)) {
		rc = take_up(w, &job);
		if (rc == 1)
			rc = start(w, &job);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* Take over what dead consumers left, until there is one to run. */
static int
take_over(struct worker *w)
{
	struct delivery d;
	struct failure f;
	int rc;

	while (!is_stopping(w) && w->reclaimed + w->jobs.reclaimed == 0 &&
	       w->jobs.waiting_count < w->o->max_waiting) {
		struct job job = { .reclaimed = true };

		rc = group_take_over(w->g, &d);
		w->taken_over = rc == 0;
		if (rc <= 0)
			return 0; /* a lost errand is tried again later */
		if (verdict_ledger(&w->v, d.stream, d.entry.id, &f) < 0)
			return fail(w);
		job.stream = d.stream;
		job.id = d.entry.id;
		job.deliveries = d.deliveries;
		job.attempts = f.attempts;
		job.first_ms = f.first_ms;
		job.due = f.due_ms;
		if (d.entry.trimmed) {
			if (bury_trimmed(w, &job) < 0)
				return -1;
			continue;
		}
		if (job.due > verdict_now(&w->v)) {
			job.reclaimed = false;
			jobs_wait(&w->jobs, &job);
		} else {
			jobs_ready(&w->jobs, &job, true);
		}
	}
	return 0;
}

/* How many entries there is room to run. */
static uint64_t
room(const struct worker *w)
{
	uint64_t held = w->running + w->jobs.ready_count, most = w->o->jobs;
	uint64_t left = w->select->options->count;

	if (is_stopping(w) || when_monotonic() < w->broken_until ||
	    w->jobs.waiting_count >= w->o->max_waiting ||
	    (w->o->ordered && w->jobs.waiting_count != 0))
		return 0;
	if (w->o->run.key != NULL) {
		/* Behind one busy key others must not starve. */
		most += w->jobs.ready_count;
		if (w->jobs.ready_count >= PARKED_MIN + 10 * w->o->jobs)
			return 0;
	}
	left = w->arrived < left ? left - w->arrived : 0;
	most = held < most ? most - held : 0;
	return most < left ? most : left;
}

static int
read_more(struct worker *w)
{
	uint64_t n = room(w);
	int rc;

	if (n == 0 && !w->g->reading)
		return 0;
	rc = group_try(w->g, n, w->o->until_end ? 0 : BLOCK_MS);
	if (rc < 0)
		return fail(w);
	if (rc == 2)
		w->exhausted = true;
	return rc == 1 ? take_batch(w) : 0;
}

/* Renew the leases of what runs, and end what was taken from us. */
static int
keep_leases(struct worker *w)
{
	size_t i, k;

	if (when_monotonic() < w->hold_due)
		return 0;
	w->hold_due = when_monotonic() + w->g->o->lease_ms / 3;
	for (i = 0; i < w->o->jobs; i++) {
		struct runner *run = &w->runner[i];
		struct reply *r;

		if (!run->used || run->lost)
			continue;
		r = verdict_hold(&w->v, run->job.stream, &run->job.id, 1);
		if (r == NULL)
			return fail(w);
		for (k = 0; reply_is(r, 0, REPLY_ARRAY) && k < r->node[0].len;
		     k++)
			run->lost = true;
		if (run->lost)
			handler_end(&run->handler, when_monotonic(), KILL_MS);
	}
	group_renew(w->g);
	return 0;
}

/* Lines of one handler at a time go out. */
static void
print_lines(struct worker *w)
{
	size_t i;

	for (i = 0; i < w->o->jobs; i++) {
		struct runner *run = &w->runner[(w->printer + i) % w->o->jobs];
		struct buf *lines = &run->handler.output;

		if (w->o->output != NULL)
			runner_collect(run);
		else if (run->used && lines->len != 0) {
			w->printer = (size_t)(run - w->runner);
			out_write(w->out, lines->data, lines->len);
			buf_clear(lines);
			return;
		}
	}
}

static int
reap(struct worker *w)
{
	int64_t now = when_monotonic();
	size_t i;

	for (i = 0; i < w->o->jobs; i++) {
		struct runner *run = &w->runner[i];
		struct handler *h = &run->handler;

		if (!run->used)
			continue;
		if (h->progress_is_new && now >= run->progress_due) {
			h->progress_is_new = false;
			run->progress_due = now + PROGRESS_MS;
			if (verdict_progress(&w->v, run->job.stream,
					     run->job.id, h->progress,
					     h->progress_text) < 0)
				return fail(w);
		}
		if (h->state == HANDLER_RUNNING && !handler_reap(h, now))
			continue;
		if (w->o->output != NULL) {
			runner_collect(run);
		} else {
			out_write(w->out, h->output.data, h->output.len);
			buf_clear(&h->output);
			if (out_flush(w->out) < 0)
				return -1;
		}
		if (finish(w, run) < 0)
			return -1;
	}
	return 0;
}

/* A stop: nothing new, and what runs has the grace to end. */
static void
watch_stop(struct worker *w)
{
	int64_t now = when_monotonic();
	size_t i;

	if (!is_stopping(w) && (stop_requested() || now >= w->deadline))
		w->grace_until = w->o->grace_ms < INT64_MAX - now
					 ? now + w->o->grace_ms
					 : INT64_MAX - 1;
	if (now < w->grace_until)
		return;
	for (i = 0; i < w->o->jobs; i++)
		if (w->runner[i].used && !w->runner[i].handler.ended)
			handler_end(&w->runner[i].handler, now, KILL_MS);
}

static bool
is_finished(const struct worker *w)
{
	if (w->running != 0)
		return false;
	if (is_stopping(w) || w->out->error != 0)
		return true;
	if (w->jobs.ready_count != 0)
		return false;
	return w->arrived >= w->select->options->count ||
	       (w->o->until_end && w->exhausted && w->taken_over);
}

/* The ms until something has to be done without being woken. */
static int
wait_ms(const struct worker *w)
{
	int64_t now = when_monotonic(), until = now + BLOCK_MS, due;
	size_t i;

	if (w->hold_due < until)
		until = w->hold_due;
	if (w->deadline < until && !is_stopping(w))
		until = w->deadline;
	if (w->g->promote_due < until)
		until = w->g->promote_due;
	if (w->grace_until < until && w->grace_until > now)
		until = w->grace_until;
	if (w->broken_until > now && w->broken_until < until)
		until = w->broken_until;
	due = jobs_due(&w->jobs);
	if (due != INT64_MAX && free_runner((struct worker *)(uintptr_t)w) &&
	    due - w->v.clock < until)
		until = due - w->v.clock;
	for (i = 0; i < w->o->jobs; i++) {
		const struct handler *h = &w->runner[i].handler;

		if (w->runner[i].used && handler_due(h) < until)
			until = handler_due(h);
	}
	until = now + group_idle_ms(w->g, until > now ? (int)(until - now) : 0);
	return until > now ? (int)(until - now) : 0;
}

static void
wait_for_something(struct worker *w)
{
	struct pollfd *p = w->pfd;
	size_t n = 0, i, first;
	int timeout = wait_ms(w);

	p[n++] = (struct pollfd){ .fd = handler_child_fd(), .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = is_stopping(w) ? -1 : stop_fd(),
				  .events = POLLIN };
	p[n] = (struct pollfd){ .fd = -1 };
	if (w->g->reading && conn_poll(w->g->conn, &p[n]) != 0)
		timeout = 0;
	n++;
	for (i = 0; i < w->o->jobs; i++)
		if (w->runner[i].used)
			n += handler_poll(&w->runner[i].handler, &p[n]);
	poll(p, (nfds_t)n, timeout);
	if (p[0].revents != 0)
		handler_child_seen();
	for (i = 0, first = 3; i < w->o->jobs; i++) {
		struct runner *run = &w->runner[i];
		struct pollfd mine[HANDLER_FDS];
		size_t count;

		if (!run->used)
			continue;
		count = handler_poll(&run->handler, mine);
		handler_step(&run->handler, &p[first], count);
		first += count;
	}
}

/* Streams for redrives may have come up. */
static void
know_streams(struct worker *w)
{
	group_discover(w->g);
	group_promote(w->g);
	while (w->v.count < w->g->count)
		verdict_add_stream(&w->v, w->g->stream[w->v.count].name,
				   w->g->stream[w->v.count].origin);
}

static int
step(struct worker *w)
{
	watch_stop(w);
	know_streams(w);
	print_lines(w);
	if (reap(w) < 0 || verdict_flush(&w->v) < 0)
		return w->out->error != 0 ? 0 : fail(w);
	if (take_over(w) < 0 || start_jobs(w) < 0 || read_more(w) < 0 ||
	    keep_leases(w) < 0)
		return -1;
	out_flush(w->out); /* its failure ends the loop */
	return 0;
}

/* Give back what did not run.  What a read brought meanwhile comes back too. */
static int
give_back(struct worker *w)
{
	struct job job;
	int rc;

	if (w->grace_until == INT64_MAX)
		w->grace_until = when_monotonic();
	while ((rc = group_finish(w->g)) == 1)
		if (take_batch(w) < 0)
			return -1;
	while (jobs_drop(&w->jobs, &job)) {
		struct delivery d = {
			.stream = job.stream,
			.entry.id = job.id,
			.deliveries = job.deliveries - job.forgiven + 1,
		};

		group_release(w->g, &d);
	}
	return rc < 0 || verdict_flush(&w->v) < 0 ? fail(w) : 0;
}

int
worker_run(const struct worker_options *o, struct group *g,
	   struct select *select, struct out *out, int64_t deadline,
	   struct worker_counts *counts)
{
	struct worker w = {
		.o = o,
		.g = g,
		.select = select,
		.out = out,
		.counts = counts,
		.deadline = deadline,
		.grace_until = INT64_MAX,
		.hold_due = when_monotonic() + g->o->lease_ms / 3,
	};
	struct conn *c = conn_again(g->conn);
	int rc = -1;
	size_t i;

	w.runner = xcalloc(o->jobs, sizeof(*w.runner));
	w.pfd = xcalloc(3 + o->jobs * HANDLER_FDS, sizeof(*w.pfd));
	g->holds = holds;
	g->holder = &w;
	srandom((unsigned)when_monotonic());
	if (conn_error(c) != NULL)
		warn("%s", conn_error(c));
	else if (verdict_open(&w.v, c, g->o->name, g->consumer) < 0)
		fail(&w);
	else
		rc = 0;
	while (rc == 0 && !is_finished(&w)) {
		rc = step(&w);
		if (rc == 0 && !is_finished(&w))
			wait_for_something(&w);
	}
	if (rc == 0 && out->error == 0)
		rc = give_back(&w);
	for (i = 0; i < o->jobs; i++)
		runner_free(&w.runner[i]);
	free(w.runner);
	free(w.pfd);
	jobs_release(&w.jobs);
	verdict_close(&w.v);
	conn_close(c);
	return rc;
}
