#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/coprocess.h"
#include "common/coprocess_parts.h"
#include "common/runner.h"
#include "common/stop.h"
#include "common/when.h"

enum {
	LOOK_MS = 100,      /* while there is progress to be told */
	LONGEST_MS = 2000,  /* of one wait */
	TELL_MS = 100,      /* that a success may wait for others */
	INPUT_MAX = 4 << 20 /* bytes that it has not taken yet */
};

bool
coprocess_is_stopping(const struct coprocess *c)
{
	return c->grace_until != INT64_MAX;
}

const char *
coprocess_name(const struct coprocess *c)
{
	return c->o->run.argv[0];
}

bool
coprocess_is_running(const struct coprocess *c)
{
	return c->h.state == HANDLER_RUNNING;
}

/* Take an event out of its hands, to decide on it. */
struct job
coprocess_take_back(struct coprocess *c, struct flight *flight)
{
	struct job job = flight->job;

	c->desk.reclaimed -= job.reclaimed;
	c->fresh_notes -= flight->note != NULL && flight->note->fresh;
	flights_remove(&c->flights, flight);
	return job;
}

/* group_take_over() is to leave alone what this one has. */
static bool
holds(void *arg, size_t stream, struct id id)
{
	const struct coprocess *c = arg;
	const struct flight *flight = NULL;

	while ((flight = flights_find(&c->flights, id, flight)) != NULL)
		if (flight->job.stream == stream)
			return true;
	return desk_has(&c->desk, stream, id);
}

static uint64_t
window_now(const struct coprocess *c)
{
	return c->alone ? 1 : c->window;
}

static bool
can_take(const struct coprocess *c)
{
	return coprocess_is_running(c) && !coprocess_is_stopping(c) &&
	       !c->condemned && !c->too_slow &&
	       !handler_input_is_closed(&c->h) &&
	       c->flights.count < window_now(c) &&
	       handler_unsent(&c->h) < INPUT_MAX;
}

/* A record takes one line.  Line ends that a foreign event has between its tokens
 * are dropped. */
static void
end_record(struct buf *b, size_t start)
{
	char *text = b->data + start, *to;
	size_t len = b->len - start, i;

	if (memchr(text, '\n', len) != NULL ||
	    memchr(text, '\r', len) != NULL) {
		for (to = text, i = 0; i < len; i++)
			if (text[i] != '\n' && text[i] != '\r')
				*to++ = text[i];
		b->len = (size_t)(to - b->data);
	}
	buf_addc(b, '\n');
}

/* Write the record of select's current event.  0, or -1. */
static int
hand_over(struct coprocess *c, struct job *job)
{
	int rc = desk_check_loop(&c->desk, job, c->said);
	struct buf *b = &c->h.input;
	struct flight *flight;
	size_t start = b->len;

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	record_put(&c->desk.select->record, b);
	end_record(b, start);
	flight = flights_add(&c->flights, job);
	flight->at = c->appended;
	flight->handed = when_monotonic();
	c->appended += b->len - start;
	c->mean += (b->len - start) / 8 - c->mean / 8;
	c->desk.reclaimed += job->reclaimed;
	c->desk.counts->started++;
	return 0;
}

static void
each(void *arg, size_t stream,
     void (*tell)(void *to, struct id id, int64_t deliveries), void *to)
{
	const struct coprocess *c = arg;
	const struct flight *flight = c->flights.oldest;

	for (; flight != NULL; flight = flights_newer(flight))
		if (flight->job.stream == stream)
			tell(to, flight->job.id, flight->job.deliveries);
	desk_each(&c->desk, stream, tell, to);
}

/* New entries: hand over what there is room for, and keep the rest ready. */
static int
take_batch(struct coprocess *c)
{
	struct job job;
	int rc;

	while ((rc = desk_next(&c->desk, &job)) == 1) {
		if (can_take(c) && c->desk.jobs.ready_count == 0) {
			if (hand_over(c, &job) < 0)
				return -1;
		} else {
			job.unstarted = true;
			jobs_ready(&c->desk.jobs, &job, false);
		}
	}
	return rc;
}

static int
start_jobs(struct coprocess *c)
{
	struct job job;
	int rc;

	c->alone = c->alone && c->desk.reclaimed + c->desk.jobs.reclaimed != 0;
	while (can_take(c) && jobs_next(&c->desk.jobs, verdict_now(&c->desk.v),
					c->desk.reclaimed == 0, &job)) {
		rc = desk_take_up(&c->desk, &job);
		if (rc == 1)
			rc = hand_over(c, &job);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* How many entries there is room for.  Small reads are worth their while only if
 * there is nothing else to do. */
static uint64_t
room(const struct coprocess *c)
{
	uint64_t held = c->flights.count + c->desk.jobs.ready_count, n, fit;

	if (!can_take(c) || c->alone || held >= c->window)
		return 0;
	n = c->window - held;
	if (!c->quiet && n < c->window / 4)
		return 0;
	fit = (INPUT_MAX - handler_unsent(&c->h)) / (c->mean + 1) + 1;
	return desk_room(&c->desk, n < fit ? n : fit);
}

static int
read_more(struct coprocess *c)
{
	int rc = desk_read(&c->desk, c->g->reading ? 0 : room(c));

	return rc == 1 ? take_batch(c) : rc;
}

/* Renew the leases of what is in hand.  What others took over meanwhile stays in
 * its hands, but its failure will not count. */
static int
keep_leases(struct coprocess *c)
{
	struct id id[VERDICT_DONE_MAX];
	const struct flight *flight;
	size_t stream, count;

	group_renew_some(c->g);
	if (when_monotonic() < c->hold_due)
		return 0;
	c->hold_due = when_monotonic() + c->g->o->lease_ms / 3;
	for (stream = 0; stream < c->g->count; stream++) {
		for (flight = c->flights.oldest; flight != NULL;) {
			for (count = 0;
			     flight != NULL && count < VERDICT_DONE_MAX;
			     flight = flights_newer(flight))
				if (flight->job.stream == stream)
					id[count++] = flight->job.id;
			if (count != 0 &&
			    verdict_hold(&c->desk.v, stream, id, count) == NULL)
				return desk_fail(&c->desk);
		}
	}
	return 0;
}

/* All that was to be done is done. */
static bool
is_finished(const struct coprocess *c)
{
	return c->flights.count == 0 && desk_is_empty(&c->desk);
}

/* A stop: nothing new, and what it has in hand has the grace to end. */
static void
watch_stop(struct coprocess *c)
{
	int64_t now = when_monotonic();

	if (!coprocess_is_stopping(c) &&
	    (stop_requested() || now >= c->deadline || is_finished(c))) {
		c->grace_until = c->o->grace_ms < INT64_MAX - now
					 ? now + c->o->grace_ms
					 : INT64_MAX - 1;
		c->closing = true;
		handler_close_input(&c->h);
	}
	if (coprocess_is_stopping(c) && !coprocess_is_running(c))
		c->over = true;
	if (now >= c->grace_until && !c->h.ended)
		handler_end(&c->h, now, COPROCESS_KILL_MS);
}

static int
step(struct coprocess *c)
{
	if (!coprocess_is_running(c) && !coprocess_is_stopping(c) &&
	    when_monotonic() >= c->start_at)
		coprocess_start(c);
	if (coprocess_take_lines(c) < 0 || coprocess_reap(c) < 0)
		return -1;
	coprocess_watch_pipes(c);
	coprocess_watch_time(c);
	watch_stop(c);
	desk_know_streams(&c->desk);
	if ((!coprocess_is_stopping(c) && !desk_is_enough(&c->desk) &&
	     desk_take_over(&c->desk) < 0) ||
	    start_jobs(c) < 0 || read_more(c) < 0)
		return -1;
	handler_push(&c->h);
	/* The server has a read to answer meanwhile. */
	if (c->quiet || verdict_untold(&c->desk.v) >= VERDICT_DONE_MAX ||
	    when_monotonic() >= c->tell_due) {
		if (verdict_flush(&c->desk.v) < 0)
			return desk_fail(&c->desk);
		c->tell_due = when_monotonic() + TELL_MS;
	}
	return coprocess_tell_notes(c) < 0 ? -1 : keep_leases(c);
}

static void
earlier(int64_t *until, int64_t when)
{
	if (when < *until)
		*until = when;
}

/* The ms until something has to be done without being woken. */
static int
wait_ms(const struct coprocess *c)
{
	int64_t now = when_monotonic(), until = now + LONGEST_MS;
	int64_t due = jobs_due(&c->desk.jobs);

	if (verdict_untold(&c->desk.v) != 0 ||
	    (c->quiet && room(c) != 0 && !c->g->reading))
		return 0;
	earlier(&until, c->hold_due);
	earlier(&until, c->g->promote_due);
	if (!coprocess_is_stopping(c))
		earlier(&until, c->deadline);
	if (!coprocess_is_running(c))
		earlier(&until, c->start_at);
	if (!c->h.ended)
		earlier(&until, c->grace_until);
	if (!c->condemned)
		earlier(&until, c->doubt_until);
	earlier(&until, coprocess_overdue_at(c));
	if (c->fresh_notes != 0)
		earlier(&until, now + LOOK_MS);
	if (due != INT64_MAX && can_take(c))
		earlier(&until, due - c->desk.v.clock);
	earlier(&until, handler_due(&c->h));
	earlier(&until, desk_due(&c->desk, !coprocess_is_stopping(c) &&
						   !desk_is_enough(&c->desk)));
	return until > now ? (int)(until - now) : 0;
}

static void
wait_for_something(struct coprocess *c)
{
	struct pollfd p[3 + HANDLER_FDS];
	int timeout = wait_ms(c);
	size_t n;

	p[0] = (struct pollfd){ .fd = handler_child_fd(), .events = POLLIN };
	p[1] = (struct pollfd){ .fd = coprocess_is_stopping(c) ? -1 : stop_fd(),
				.events = POLLIN };
	p[2] = (struct pollfd){ .fd = -1 };
	if (c->g->reading && conn_poll(c->g->conn, &p[2]) != 0)
		timeout = 0;
	n = handler_poll(&c->h, &p[3]);
	poll(p, (nfds_t)(3 + n), timeout);
	if (p[0].revents != 0)
		handler_child_seen();
	handler_step(&c->h, &p[3], n);
	c->quiet = c->h.output.len == 0;
}

/* What a read brought meanwhile comes back too. */
static int
give_back(struct coprocess *c)
{
	int rc;

	while ((rc = group_finish(c->g)) == 1)
		if (take_batch(c) < 0)
			return -1;
	return desk_finish(&c->desk, rc);
}

int
coprocess_run(const struct worker_options *o, uint64_t window, struct group *g,
	      struct select *select, int64_t deadline,
	      struct desk_counts *counts)
{
	const struct desk_rules rules = {
		.attempts = o->run.attempts,
		.backoff_ms = o->backoff_ms,
		.backoff_max_ms = o->backoff_max_ms,
		.max_waiting = o->max_waiting,
		.until_end = o->until_end,
		.handler = o->run.argv[0],
	};
	struct coprocess c = {
		.o = o,
		.g = g,
		.window = window,
		.deadline = deadline,
		.grace_until = INT64_MAX,
		.doubt_until = INT64_MAX,
		.hold_due = when_monotonic() + g->o->lease_ms / 3,
	};
	int rc;

	g->holds = holds;
	g->each = each;
	g->holder = &c;
	flights_init(&c.flights, window);
	coprocess_environment(&c);
	rc = desk_open(&c.desk, &rules, g, select, counts);
	while (rc == 0 && !c.over) {
		rc = step(&c);
		if (rc == 0 && !c.over)
			wait_for_something(&c);
	}
	if (rc == 0)
		rc = give_back(&c);
	g->holds = NULL;
	g->each = NULL;
	g->holder = NULL;
	handler_free(&c.h);
	flights_release(&c.flights);
	answer_release(&c.answer);
	desk_close(&c.desk);
	free(c.env);
	return rc;
}
