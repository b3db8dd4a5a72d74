#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/desk.h"
#include "common/diag.h"
#include "common/failure.h"
#include "common/num.h"
#include "common/pool.h"
#include "common/runner.h"
#include "common/stop.h"
#include "common/worker.h"

enum {
	LONGEST_MS = 2000, /* of one wait */
	BROKEN_MS = 1000,  /* first pause after a broken handler */
	BROKEN_MAX_MS = 60000,
	PARKED_MIN = 100,    /* with lanes: ready events beyond the room */
	PROGRESS_MS = 1000,  /* between two writes of one job's progress */
	LINES_HELD = 1 << 20 /* bytes of output, as handler.h holds */
};

struct worker {
	const struct worker_options *o;
	struct group *g;
	struct select *select;
	struct out *out;
	int64_t deadline;

	struct desk desk;
	struct pool pool;
	int64_t hold_due;
	int64_t broken_until, broken_ms;
	int64_t grace_until; /* INT64_MAX: no stop yet */
};

static bool
is_stopping(const struct worker *w)
{
	return w->grace_until != INT64_MAX || w->out->error != 0;
}

/* Whether the entry is one that this worker knows of: group_take_over() is to
 * leave it alone. */
static bool
holds(void *arg, size_t stream, struct id id)
{
	const struct worker *w = arg;

	return pool_has(&w->pool, stream, id) || desk_has(&w->desk, stream, id);
}

static void
each(void *arg, size_t stream,
     void (*tell)(void *to, struct id id, int64_t deliveries), void *to)
{
	const struct worker *w = arg;

	pool_each(&w->pool, stream, tell, to);
	desk_each(&w->desk, stream, tell, to);
}

/* The command itself is at fault: no attempt is burned, and nothing else is
 * started for a while. */
static void
pause_broken(struct worker *w, struct job *job, const char *why)
{
	char text[NUM_DURATION_TEXT];

	if (when_monotonic() >= w->broken_until) { /* not by another one's */
		w->broken_ms = w->broken_ms == 0 ? BROKEN_MS : w->broken_ms * 2;
		if (w->broken_ms > BROKEN_MAX_MS)
			w->broken_ms = BROKEN_MAX_MS;
		w->broken_until = when_monotonic() + w->broken_ms;
		warn("the handler %s is broken: %s; trying again in %s",
		     w->o->run.argv[0], why,
		     num_put_duration(text, w->broken_ms));
	}
	jobs_leave(&w->desk.jobs, job);
	job->occupies = false;
	job->unstarted = true;
	jobs_ready(&w->desk.jobs, job, true);
}

/* 0; 1 if what it put out can't be published; -1. */
static int
succeed(struct worker *w, struct runner *run, int64_t ms)
{
	struct job *job = &run->job;
	int rc;

	if (w->o->output != NULL) {
		rc = desk_emit(&w->desk, run, w->o->output, w->o->output_type,
			       ms);
		if (rc == -1)
			return desk_fail(&w->desk);
		if (rc == -2)
			return 1;
		w->desk.counts->lost += rc == 0;
		w->desk.counts->done += rc == 1;
	} else {
		if (verdict_done(&w->desk.v, job->stream, job->id, ms) < 0)
			return desk_fail(&w->desk);
		w->desk.counts->done++;
	}
	jobs_leave(&w->desk.jobs, job);
	return 0;
}

/* What a dead letter takes of a run's event. */
static struct desk_event
event_of(const struct runner *run)
{
	return (struct desk_event){
		.body = run->body.data,
		.len = run->body.len,
		.event_id = run->event_id.data,
		.event_id_len = run->event_id.len,
		.type = run->type.data,
		.type_len = run->type.len,
	};
}

/* The verdict by the table of handler exits. */
static int
judge(struct worker *w, struct runner *run)
{
	struct desk_event ev = event_of(run);
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
			w->desk.counts->skipped++;
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
			return desk_bury(&w->desk, &run->job, &ev,
					 FAILURE_REJECTED, &f);
		default:
			break;
		}
	}
	return desk_retry(&w->desk, &run->job, &ev, &f, h->retry_after_ms);
}

/* A run is over.  What was ended by a drain, lost its lease, or has put out what
 * could not be written, has no verdict. */
static int
finish(struct worker *w, struct runner *run)
{
	int rc = 0;

	run->used = false;
	w->pool.running--;
	w->desk.reclaimed -= run->job.reclaimed;
	if (run->lost) {
		jobs_leave(&w->desk.jobs, &run->job);
		w->desk.counts->lost++;
	} else if (w->out->error != 0 ||
		   (run->handler.ended && !run->handler.timed_out)) {
		jobs_leave(&w->desk.jobs, &run->job);
		desk_release(&w->desk, &run->job, 1);
	} else {
		rc = judge(w, run);
	}
	handler_release(&run->handler);
	return rc;
}

/* Start the job with the event that is select's current record. */
static int
start(struct worker *w, struct job *job)
{
	struct runner *run = pool_place(&w->pool);
	int rc = desk_check_loop(&w->desk, job, NULL);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	runner_load(run, job, w->select);
	run->used = true;
	run->lost = false;
	w->pool.running++;
	w->desk.reclaimed += job->reclaimed;
	w->desk.counts->started++;
	runner_start(run, &w->o->run, w->g, verdict_now(&w->desk.v));
	return 0;
}

/* The lane of the event that is select's current record. */
static uint64_t
lane_of(const struct worker *w)
{
	return runner_lane(&w->o->run, &w->select->record);
}

static bool
can_start(const struct worker *w)
{
	return w->pool.running < w->o->jobs && !is_stopping(w) &&
	       when_monotonic() >= w->broken_until;
}

/*
 * New entries: start what can start, and keep the rest ready.  What was read
 * after leases should have been renewed may have been taken over by others, as
 * after a SIGSTOP: desk_take_up() sees to that.
 */
static int
take_batch(struct worker *w)
{
	bool late = when_monotonic() >= w->hold_due;
	struct job job;
	int rc;

	while ((rc = desk_next(&w->desk, &job)) == 1) {
		job.lane = lane_of(w);
		if (!late && can_start(w) && jobs_enter(&w->desk.jobs, &job)) {
			if (start(w, &job) < 0)
				return -1;
		} else {
			job.unstarted = true;
			jobs_ready(&w->desk.jobs, &job, false);
		}
	}
	return rc;
}

/* Start a job that was taken up, unless an event of its key is running: of what
 * was taken over the key is known only now. */
static int
start_taken_up(struct worker *w, struct job *job)
{
	if (job->lane == 0) {
		job->lane = lane_of(w);
		if (!jobs_occupy(&w->desk.jobs, job)) {
			job->unstarted = true;
			jobs_ready(&w->desk.jobs, job, true);
			return 0;
		}
	}
	return start(w, job);
}

static int
start_jobs(struct worker *w)
{
	struct job job;
	int rc;

	while (can_start(w) && jobs_next(&w->desk.jobs, verdict_now(&w->desk.v),
					 w->desk.reclaimed == 0, &job)) {
		rc = desk_take_up(&w->desk, &job);
		if (rc == 1)
			rc = start_taken_up(w, &job);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* How many entries there is room to run. */
static uint64_t
room(const struct worker *w)
{
	uint64_t held = w->pool.running + w->desk.jobs.ready_count,
		 most = w->o->jobs;

	if (is_stopping(w) || when_monotonic() < w->broken_until ||
	    (w->o->ordered && w->desk.jobs.waiting_count != 0))
		return 0;
	if (w->o->run.key != NULL) {
		/* Behind one busy key others must not starve. */
		most += w->desk.jobs.ready_count;
		if (w->desk.jobs.ready_count >= PARKED_MIN + 10 * w->o->jobs)
			return 0;
	}
	return desk_room(&w->desk, held < most ? most - held : 0);
}

static int
read_more(struct worker *w)
{
	int rc = desk_read(&w->desk, room(w));

	if (rc == 1 && (take_batch(w) < 0 || start_jobs(w) < 0))
		return -1;
	return rc < 0 ? -1 : 0;
}

/* What waits is renewed with all that the consumer holds. */
static int
keep_leases(struct worker *w)
{
	size_t i;

	group_renew_some(w->g);
	if (when_monotonic() < w->hold_due)
		return 0;
	w->hold_due = when_monotonic() + w->g->o->lease_ms / 3;
	for (i = 0; i < w->g->count; i++)
		if (pool_hold(&w->pool, &w->desk.v, i) < 0)
			return desk_fail(&w->desk);
	return 0;
}

/* The lines of one handler are not torn apart by those of others: unless it is
 * the only one they go out at its end, or when there are too many of them. */
static void
print_lines(struct worker *w)
{
	size_t held = w->o->jobs == 1 ? 0 : LINES_HELD, i;

	for (i = 0; i < w->pool.size; i++) {
		struct runner *run = &w->pool.runner[i];
		struct buf *lines = &run->handler.output;

		if (w->o->output != NULL)
			runner_collect(run);
		else if (run->used && lines->len > held) {
			out_write(w->out, lines->data, lines->len);
			buf_clear(lines);
		}
	}
}

static int
reap(struct worker *w)
{
	int64_t now = when_monotonic();
	size_t i;

	for (i = 0; i < w->pool.size; i++) {
		struct runner *run = &w->pool.runner[i];
		struct handler *h = &run->handler;

		if (!run->used)
			continue;
		if (h->progress_is_new && now >= run->progress_due) {
			h->progress_is_new = false;
			run->progress_due = now + PROGRESS_MS;
			if (verdict_progress(&w->desk.v, run->job.stream,
					     run->job.id, h->progress,
					     h->progress_text) < 0)
				return desk_fail(&w->desk);
		}
		if (h->state == HANDLER_RUNNING && !handler_reap(h, now))
			continue;
		if (w->o->output != NULL) {
			runner_collect(run);
		} else {
			out_write(w->out, h->output.data, h->output.len);
			buf_clear(&h->output);
			out_flush(w->out);
		}
		if (finish(w, run) < 0)
			return -1;
	}
	return 0;
}

/* A stop: nothing new, and what runs has the grace to end; none if nobody reads
 * what it puts out. */
static void
watch_stop(struct worker *w)
{
	int64_t now = when_monotonic();

	if (w->out->error != 0)
		w->grace_until = now;
	else if (!is_stopping(w) && (stop_requested() || now >= w->deadline))
		w->grace_until = w->o->grace_ms < INT64_MAX - now
					 ? now + w->o->grace_ms
					 : INT64_MAX - 1;
	if (now >= w->grace_until)
		pool_end(&w->pool);
}

static bool
is_finished(const struct worker *w)
{
	if (w->pool.running != 0)
		return false;
	if (is_stopping(w))
		return true;
	return desk_is_empty(&w->desk);
}

/* The ms until something has to be done without being woken. */
static int
wait_ms(const struct worker *w)
{
	int64_t now = when_monotonic(), until = now + LONGEST_MS, due;

	if (w->hold_due < until)
		until = w->hold_due;
	if (w->deadline < until && !is_stopping(w))
		until = w->deadline;
	if (w->g->promote_due < until && !is_stopping(w))
		until = w->g->promote_due;
	if (verdict_due(&w->desk.v) < until)
		until = verdict_due(&w->desk.v);
	if (w->grace_until < until && w->grace_until > now)
		until = w->grace_until;
	if (w->broken_until > now && w->broken_until < until)
		until = w->broken_until;
	due = jobs_due(&w->desk.jobs);
	if (due != INT64_MAX && can_start(w) && due - w->desk.v.clock < until)
		until = due - w->desk.v.clock;
	if (pool_due(&w->pool) < until)
		until = pool_due(&w->pool);
	due = desk_due(&w->desk, !is_stopping(w) && !desk_is_enough(&w->desk));
	if (due < until)
		until = due;
	return until > now ? (int)(until - now) : 0;
}

static void
wait_for_something(struct worker *w)
{
	struct pollfd *p = w->pool.pfd;
	int timeout = wait_ms(w);

	p[0] = (struct pollfd){ .fd = handler_child_fd(), .events = POLLIN };
	p[1] = (struct pollfd){ .fd = is_stopping(w) ? -1 : stop_fd(),
				.events = POLLIN };
	p[2] = (struct pollfd){ .fd = -1 };
	if (w->g->reading && conn_poll(w->g->conn, &p[2]) != 0)
		timeout = 0;
	if (!w->g->reading && room(w) != 0)
		timeout = 0;
	if (verdict_poll(&w->desk.v, &p[3]))
		timeout = 0;
	pool_wait(&w->pool, 4, timeout);
	if (p[0].revents != 0)
		handler_child_seen();
}

static int
step(struct worker *w)
{
	watch_stop(w);
	if (!is_stopping(w))
		desk_know_streams(&w->desk);
	print_lines(w);
	if (reap(w) < 0)
		return -1;
	if ((!is_stopping(w) && !desk_is_enough(&w->desk) &&
	     desk_take_over(&w->desk) < 0) ||
	    start_jobs(w) < 0 || read_more(w) < 0)
		return -1;
	/* Last, so that free places don't wait for it. */
	if (verdict_push(&w->desk.v) < 0)
		return desk_fail(&w->desk);
	if (keep_leases(w) < 0)
		return -1;
	out_flush(w->out); /* its failure ends the loop */
	return 0;
}

/* Give back what did not run.  What a read brought meanwhile comes back too. */
static int
give_back(struct worker *w)
{
	int rc;

	if (w->grace_until == INT64_MAX)
		w->grace_until = when_monotonic();
	while ((rc = group_finish(w->g)) == 1)
		if (take_batch(w) < 0)
			return -1;
	return desk_finish(&w->desk, rc);
}

static void
be_holder(struct worker *w)
{
	w->g->holds = holds;
	w->g->each = each;
	w->g->holder = w;
}

int
worker_run(const struct worker_options *o, struct group *g,
	   struct select *select, struct out *out, int64_t deadline,
	   struct desk_counts *counts)
{
	struct worker w = {
		.o = o,
		.g = g,
		.select = select,
		.out = out,
		.deadline = deadline,
		.grace_until = INT64_MAX,
		.hold_due = when_monotonic() + g->o->lease_ms / 3,
	};
	const struct desk_rules rules = {
		.attempts = o->run.attempts,
		.backoff_ms = o->backoff_ms,
		.backoff_max_ms = o->backoff_max_ms,
		.max_waiting = o->max_waiting,
		.until_end = o->until_end,
		.handler = o->run.argv[0],
	};
	int rc;

	pool_init(&w.pool, o->jobs);
	be_holder(&w);
	rc = desk_open(&w.desk, &rules, g, select, counts);
	while (rc == 0 && !is_finished(&w)) {
		rc = step(&w);
		if (rc == 0 && !is_finished(&w))
			wait_for_something(&w);
	}
	if (rc == 0)
		rc = give_back(&w);
	pool_release(&w.pool);
	g->holds = NULL;
	g->each = NULL;
	g->holder = NULL;
	desk_close(&w.desk);
	return rc;
}
