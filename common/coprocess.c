#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/answer.h"
#include "common/coprocess.h"
#include "common/diag.h"
#include "common/flights.h"
#include "common/handler.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/runner.h"
#include "common/stop.h"
#include "common/when.h"

extern char **environ;

enum {
	BLOCK_MS = 2000, /* one blocked read */
	PAUSE_MS = 1000, /* until the first restart */
	PAUSE_MAX_MS = 60000,
	DOUBT_MS = 500, /* from a closed pipe to the exit that explains it */
	KILL_MS = 5000, /* from SIGTERM to SIGKILL */
	NOTE_MS = 1000, /* between two writes of one event's progress */
	NOTES_MS = 100, /* between two looks for them */
	INPUT_MAX = 4 << 20, /* bytes that it has not taken yet */
	SHOWN = 60           /* bytes of a bad line */
};

struct coprocess {
	const struct worker_options *o;
	struct desk desk;
	struct group *g;
	uint64_t window;
	int64_t deadline;

	struct handler h;
	char **env;
	char group_env[512];
	struct flights flights;
	struct answer answer;
	uint64_t appended; /* bytes for this process */
	size_t mean;       /* bytes of a record, about */
	bool closing;      /* its stdin, by us: it is to finish */
	bool condemned;    /* what it says does not count any more */
	bool too_slow;     /* it is ended for an event that is overdue */
	bool answered;     /* this process did, at least once */
	bool alone;        /* one at a time, until all suspects are through */
	bool over;
	char said[HANDLER_STDERR + 1]; /* by the last one */

	int64_t pause_ms, start_at; /* start_at 0: it runs */
	int64_t doubt_until;        /* INT64_MAX: none */
	int64_t grace_until;        /* INT64_MAX: no stop yet */
	int64_t hold_due, notes_due;
	size_t fresh_notes;

	uint64_t untold; /* done, the server was not told */
	bool quiet;      /* it has nothing more to say just now */
	bool exhausted;  /* a read without waiting found nothing */
};

static bool
is_stopping(const struct coprocess *c)
{
	return c->grace_until != INT64_MAX;
}

static const char *
name_of(const struct coprocess *c)
{
	return c->o->run.argv[0];
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

static void
build_environment(struct coprocess *c)
{
	size_t count = 0, i;

	while (environ[count] != NULL)
		count++;
	c->env = xcalloc(count + 2, sizeof(*c->env));
	for (i = 0, count = 0; environ[i] != NULL; i++)
		if (!runner_is_withheld(environ[i]))
			c->env[count++] = environ[i];
	snprintf(c->group_env, sizeof(c->group_env), "EV_GROUP=%s",
		 c->g->o->name);
	c->env[count] = c->group_env;
}

/* The next start has to wait, the longer the oftener nothing came of it. */
static const char *
pause_start(struct coprocess *c, char text[NUM_DURATION_TEXT])
{
	c->pause_ms =
		c->answered || c->pause_ms == 0 ? PAUSE_MS : c->pause_ms * 2;
	if (c->pause_ms > PAUSE_MAX_MS)
		c->pause_ms = PAUSE_MAX_MS;
	c->start_at = when_monotonic() + c->pause_ms;
	return num_put_duration(text, c->pause_ms);
}

static void
start(struct coprocess *c)
{
	const struct handler_command command = {
		.argv = c->o->run.argv,
		.env = c->env,
		.input = "",
		.timeout_ms = INT64_MAX,
		.open = true,
	};
	char text[NUM_DURATION_TEXT];

	handler_start(&c->h, &command);
	c->start_at = 0;
	c->appended = 0;
	c->closing = c->condemned = c->too_slow = c->answered = false;
	c->doubt_until = INT64_MAX;
	if (c->h.state != HANDLER_BROKEN)
		return;
	warn("the coprocess %s is broken: cannot start: %s; trying again in %s",
	     name_of(c), strerror(c->h.code), pause_start(c, text));
	handler_release(&c->h);
}

static bool
is_running(const struct coprocess *c)
{
	return c->h.state == HANDLER_RUNNING;
}

static uint64_t
window(const struct coprocess *c)
{
	return c->alone ? 1 : c->window;
}

static bool
can_take(const struct coprocess *c)
{
	return is_running(c) && !is_stopping(c) && !c->condemned &&
	       !c->too_slow && c->flights.count < window(c) &&
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

/* Take an event out of its hands, to decide on it. */
static struct job
take_back(struct coprocess *c, struct flight *flight)
{
	struct job job = flight->job;

	c->desk.reclaimed -= job.reclaimed;
	c->fresh_notes -= flight->note != NULL && flight->note->fresh;
	flights_remove(&c->flights, flight);
	return job;
}

/* It broke the protocol: end it. */
static void
condemn(struct coprocess *c, const char *why, const char *line, size_t len)
{
	if (line != NULL)
		warn("the coprocess %s: bad line: %s: %.*s%s", name_of(c), why,
		     (int)(len < SHOWN ? len : SHOWN), line,
		     len > SHOWN ? "…" : "");
	else
		warn("the coprocess %s %s", name_of(c), why);
	c->condemned = true;
	handler_end(&c->h, when_monotonic(), KILL_MS);
}

/* The flight that an answer is about; NULL with *why set. */
static struct flight *
find_flight(struct coprocess *c, const char **why)
{
	const struct answer *a = &c->answer;
	struct flight *flight = NULL, *found = NULL;

	while ((flight = flights_find(&c->flights, a->id, flight)) != NULL) {
		const char *stream = desk_origin(&c->desk, &flight->job);

		if (a->stream != NULL &&
		    (strlen(stream) != a->stream_len ||
		     memcmp(stream, a->stream, a->stream_len) != 0))
			continue;
		if (found != NULL) {
			*why = "it needs \"stream\", the id is in hand twice";
			return NULL;
		}
		found = flight;
	}
	*why = "no such event is in hand";
	return found;
}

static void
note_progress(struct coprocess *c, struct flight *flight)
{
	struct flight_note *note = flights_note(flight);

	c->fresh_notes += !note->fresh;
	note->fresh = true;
	note->percent = c->answer.progress;
	memcpy(note->text, c->answer.text, sizeof(note->text));
}

/* A verdict on an event.  0, or -1. */
static int
decide(struct coprocess *c, struct flight *flight)
{
	const struct answer *a = &c->answer;
	int64_t ms = when_monotonic() - flight->handed;
	struct job job = take_back(c, flight);
	struct failure f = {
		.class = a->class[0] != '\0' ? a->class : "verdict",
		.error = a->error[0] != '\0' ? a->error : "no reason was given",
		.exit = -1,
		.duration_ms = ms,
	};

	c->answered = true;
	if (a->kind == ANSWER_OK) {
		c->desk.counts->done++;
		c->untold++;
		return desk_done(&c->desk, &job, ms);
	}
	handler_listen(&c->h);
	f.said = c->h.said;
	if (a->kind == ANSWER_RETRY)
		return desk_retry(&c->desk, &job, NULL, &f, a->retry_ms);
	job.attempts++;
	return desk_bury(&c->desk, &job, NULL, FAILURE_REJECTED, &f);
}

static int
take_line(struct coprocess *c, const char *line, size_t len)
{
	struct answer *a = &c->answer;
	struct flight *flight;
	const char *why;

	if (len >= HANDLER_LINE)
		why = "longer than 1 MiB";
	else if (answer_parse(a, line, len) < 0)
		why = a->wrong;
	else if (!a->has_id)
		why = "no \"id\"";
	else if (a->kind == ANSWER_NONE)
		why = "no verdict";
	else if ((flight = find_flight(c, &why)) != NULL) {
		if (a->kind != ANSWER_PROGRESS)
			return decide(c, flight);
		note_progress(c, flight);
		return 0;
	}
	condemn(c, why, line, len);
	return 0;
}

/* Blank lines are passed over. */
static int
take_lines(struct coprocess *c)
{
	struct buf *output = &c->h.output;
	const char *line = output->data, *end, *lf;

	if (output->len == 0)
		return 0;
	for (end = line + output->len; line < end && !c->condemned;
	     line = lf + 1) {
		lf = memchr(line, '\n', (size_t)(end - line));
		if (lf == NULL)
			break;
		if (strspn(line, " \t\r\n") > (size_t)(lf - line))
			continue;
		if (take_line(c, line, (size_t)(lf - line)) < 0)
			return -1;
	}
	buf_clear(output);
	return 0;
}

/* The end of a process, in words. */
static void
describe_end(const struct coprocess *c, char *out, size_t size)
{
	if (c->h.state == HANDLER_KILLED)
		snprintf(out, size, "was killed by signal %d", c->h.code);
	else
		snprintf(out, size, "ended with exit status %d", c->h.code);
}

/* What is to be found when the command could not even begin: the same statuses
 * as of a handler. */
static bool
is_broken(const struct coprocess *c)
{
	const struct handler *h = &c->h;

	return h->state == HANDLER_BROKEN ||
	       (h->state == HANDLER_EXITED && !h->ended &&
		(h->code == 78 || h->code == 126 || h->code == 127));
}

/* It took too long over this event. */
static int
fail_overdue(struct coprocess *c, struct job *job)
{
	char limit[NUM_DURATION_TEXT], why[96];
	struct failure f = {
		.class = "timeout",
		.error = why,
		.exit = -1,
		.said = c->said,
		.duration_ms = c->o->run.timeout_ms,
	};

	num_put_duration(limit, c->o->run.timeout_ms);
	snprintf(why, sizeof(why), "no verdict after %s", limit);
	return desk_retry(&c->desk, job, NULL, &f, -1);
}

/*
 * What it had in hand runs again.  Suspect is what it had read when it ended by
 * itself or broke the protocol: that runs alone.  Returns how many are suspect,
 * or -1.
 */
static int
take_all_back(struct coprocess *c)
{
	uint64_t read = c->appended - handler_unread(&c->h);
	bool guilty = !is_broken(c) && !c->too_slow;
	bool was_alone = c->alone && c->flights.count == 1;
	bool front = c->desk.jobs.ready_count != 0 && !was_alone;
	int suspects = 0;

	while (c->flights.count != 0) {
		struct flight *flight =
			front ? c->flights.newest : c->flights.oldest;
		bool overdue = flight->overdue;
		bool suspect = guilty && flight->at < read;
		struct job job = take_back(c, flight);

		if (overdue) {
			if (fail_overdue(c, &job) < 0)
				return -1;
			continue;
		}
		if (suspect) {
			job.reclaimed = true;
			suspects++;
		} else {
			job.unstarted = true;
		}
		jobs_ready(&c->desk.jobs, &job, front);
	}
	return suspects;
}

/* It has ended, and was not asked to: start it again after a while. */
static int
restart(struct coprocess *c)
{
	size_t count = c->flights.count;
	int suspects = take_all_back(c);
	char how[64], text[NUM_DURATION_TEXT];

	if (suspects < 0)
		return -1;
	c->alone = c->alone || suspects != 0;
	describe_end(c, how, sizeof(how));
	pause_start(c, text);
	if (is_broken(c))
		warn("the coprocess %s is broken: it %s; trying again in %s",
		     name_of(c), how, text);
	else
		warn("the coprocess %s %s with %zu events in hand%s; starting "
		     "it again in %s",
		     name_of(c), how, count,
		     suspects != 0 ? ", which run one at a time" : "", text);
	return 0;
}

/* What it did not finish in the drain is given back.  If that was for want of
 * time its start does not count. */
static void
give_up(struct coprocess *c)
{
	char how[64];

	if (!c->h.ended && (c->flights.count != 0 ||
			    c->h.state != HANDLER_EXITED || c->h.code != 0)) {
		describe_end(c, how, sizeof(how));
		warn("the coprocess %s %s with %zu events in hand", name_of(c),
		     how, c->flights.count);
	}
	while (c->flights.count != 0) {
		struct job job = take_back(c, c->flights.oldest);

		desk_release(&c->desk, &job,
			     c->h.ended && !c->condemned ? 1 : 0);
	}
	c->over = true;
}

static int
reap(struct coprocess *c)
{
	int rc = 0;

	if (!is_running(c) || !handler_reap(&c->h, when_monotonic()))
		return 0;
	if (take_lines(c) < 0)
		return -1;
	memcpy(c->said, c->h.said, sizeof(c->said));
	if (is_stopping(c))
		give_up(c);
	else
		rc = restart(c);
	handler_release(&c->h);
	return rc;
}

/* A process that exits closes its pipes a little before that is known; one that
 * closes them and goes on is of no use. */
static void
watch_pipes(struct coprocess *c)
{
	bool out = handler_output_is_closed(&c->h);
	bool in = handler_input_is_closed(&c->h) && !c->closing;
	int64_t now = when_monotonic();

	if (!is_running(c) || c->condemned || c->h.ended || (!in && !out))
		return;
	if (c->doubt_until == INT64_MAX)
		c->doubt_until = now + DOUBT_MS;
	if (now >= c->doubt_until && (!c->closing || c->flights.count != 0))
		condemn(c,
			out ? "has closed its standard output"
			    : "has closed its standard input",
			NULL, 0);
}

/* The oldest is the one that it is at, or that it has forgotten. */
static int64_t
overdue_at(const struct coprocess *c)
{
	const struct flight *oldest = c->flights.oldest;

	if (oldest == NULL || !is_running(c) || c->condemned || c->too_slow ||
	    c->h.ended || c->o->run.timeout_ms >= INT64_MAX - oldest->handed)
		return INT64_MAX;
	return oldest->handed + c->o->run.timeout_ms;
}

static void
watch_time(struct coprocess *c)
{
	struct flight *oldest = c->flights.oldest;
	char limit[NUM_DURATION_TEXT], id[ID_TEXT];

	if (when_monotonic() < overdue_at(c))
		return;
	num_put_duration(limit, c->o->run.timeout_ms);
	id_put(id, oldest->job.id);
	c->too_slow = true;
	oldest->overdue = oldest->at < c->appended - handler_unread(&c->h);
	warn("the coprocess %s has %s %s: %s: ending it", name_of(c),
	     oldest->overdue ? "no verdict after" : "read nothing for", limit,
	     id);
	handler_end(&c->h, when_monotonic(), KILL_MS);
}

/* New entries: hand over what there is room for, and keep the rest ready. */
static int
take_batch(struct coprocess *c)
{
	struct delivery d;
	int rc;

	while ((rc = group_next(c->g, &d)) == 1) {
		struct job job = {
			.stream = d.stream,
			.id = d.entry.id,
			.deliveries = d.deliveries,
			.redrives = runner_redrives(&d.entry),
		};

		rc = desk_choose(&c->desk, &job, &d.entry);
		if (rc == 1 && can_take(c) && c->desk.jobs.ready_count == 0) {
			rc = hand_over(c, &job);
		} else if (rc == 1) {
			job.unstarted = true;
			jobs_ready(&c->desk.jobs, &job, false);
		} else {
			c->untold += rc == 0;
		}
		if (rc < 0)
			return -1;
	}
	return rc < 0 ? desk_fail(&c->desk) : 0;
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

/* As many wait as may: nothing more is taken. */
static bool
is_full(const struct coprocess *c)
{
	return c->desk.jobs.waiting_count >= c->o->max_waiting;
}

static bool
is_enough(const struct coprocess *c)
{
	return c->desk.counts->taken >= c->desk.select->options->count;
}

/* How many entries there is room for.  Small reads are worth their while only if
 * there is nothing else to do. */
static uint64_t
room(const struct coprocess *c)
{
	uint64_t held = c->flights.count + c->desk.jobs.ready_count;
	uint64_t left = c->desk.select->options->count, n, fit;

	if (!can_take(c) || c->alone || held >= c->window || is_full(c) ||
	    is_enough(c) || (c->o->until_end && c->exhausted))
		return 0;
	n = c->window - held;
	if (!c->quiet && n < c->window / 4)
		return 0;
	fit = (INPUT_MAX - handler_unsent(&c->h)) / (c->mean + 1) + 1;
	if (n > fit)
		n = fit;
	n = n / c->g->count + (n % c->g->count != 0); /* COUNT is per stream */
	return n < left - c->desk.counts->taken ? n
						: left - c->desk.counts->taken;
}

static int
read_more(struct coprocess *c)
{
	uint64_t n = c->g->reading ? 0 : room(c);
	int rc;

	if (n == 0 && !c->g->reading)
		return 0;
	rc = group_try(c->g, n, c->o->until_end ? 0 : BLOCK_MS);
	if (rc < 0)
		return desk_fail(&c->desk);
	if (rc == 1 && take_batch(c) < 0)
		return -1;
	if (rc == 2 || (c->o->until_end && group_reached(c->g)))
		c->exhausted = true;
	return 0;
}

/* Renew the leases of what is in hand.  What others took over meanwhile stays in
 * its hands, but its failure will not count. */
static int
keep_leases(struct coprocess *c)
{
	struct id id[VERDICT_DONE_MAX];
	const struct flight *flight;
	size_t stream, count;

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
	group_renew(c->g);
	return 0;
}

static int
tell_notes(struct coprocess *c)
{
	int64_t now = when_monotonic();
	struct flight *flight;

	if (c->fresh_notes == 0 || now < c->notes_due)
		return 0;
	c->notes_due = now + NOTES_MS;
	for (flight = c->flights.oldest; flight != NULL;
	     flight = flights_newer(flight)) {
		struct flight_note *note = flight->note;

		if (note == NULL || !note->fresh || now < note->due)
			continue;
		note->fresh = false;
		c->fresh_notes--;
		note->due = now + NOTE_MS;
		if (verdict_progress(&c->desk.v, flight->job.stream,
				     flight->job.id, note->percent,
				     note->text) < 0)
			return desk_fail(&c->desk);
	}
	return 0;
}

/* All that was to be done is done. */
static bool
is_finished(const struct coprocess *c)
{
	return c->flights.count == 0 && c->desk.jobs.ready_count == 0 &&
	       (is_enough(c) ||
		(c->o->until_end &&
		 ((c->exhausted && c->desk.taken_over) || is_full(c))));
}

/* A stop: nothing new, and what it has in hand has the grace to end. */
static void
watch_stop(struct coprocess *c)
{
	int64_t now = when_monotonic();

	if (!is_stopping(c) &&
	    (stop_requested() || now >= c->deadline || is_finished(c))) {
		c->grace_until = c->o->grace_ms < INT64_MAX - now
					 ? now + c->o->grace_ms
					 : INT64_MAX - 1;
		c->closing = true;
		handler_close_input(&c->h);
	}
	if (is_stopping(c) && !is_running(c))
		c->over = true;
	if (now >= c->grace_until && !c->h.ended)
		handler_end(&c->h, now, KILL_MS);
}

static int
step(struct coprocess *c)
{
	if (!is_running(c) && !is_stopping(c) &&
	    when_monotonic() >= c->start_at)
		start(c);
	if (take_lines(c) < 0 || reap(c) < 0)
		return -1;
	watch_pipes(c);
	watch_time(c);
	watch_stop(c);
	desk_know_streams(&c->desk);
	if ((!is_stopping(c) && !is_enough(c) &&
	     desk_take_over(&c->desk) < 0) ||
	    start_jobs(c) < 0 || read_more(c) < 0)
		return -1;
	handler_push(&c->h);
	/* The server has a read to answer meanwhile. */
	if (c->quiet || c->untold >= VERDICT_DONE_MAX) {
		if (verdict_flush(&c->desk.v) < 0)
			return desk_fail(&c->desk);
		c->untold = 0;
	}
	return tell_notes(c) < 0 ? -1 : keep_leases(c);
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
	int64_t now = when_monotonic(), until = now + BLOCK_MS;
	int64_t due = jobs_due(&c->desk.jobs);

	if (c->untold != 0 || (c->quiet && room(c) != 0 && !c->g->reading))
		return 0;
	earlier(&until, c->hold_due);
	earlier(&until, c->g->promote_due);
	if (!is_stopping(c))
		earlier(&until, c->deadline);
	if (!is_running(c))
		earlier(&until, c->start_at);
	if (!c->h.ended)
		earlier(&until, c->grace_until);
	if (!c->condemned)
		earlier(&until, c->doubt_until);
	earlier(&until, overdue_at(c));
	if (c->fresh_notes != 0)
		earlier(&until, now + NOTES_MS);
	if (due != INT64_MAX && can_take(c))
		earlier(&until, due - c->desk.v.clock);
	earlier(&until, handler_due(&c->h));
	until = now + group_idle_ms(c->g, until > now ? (int)(until - now) : 0);
	return until > now ? (int)(until - now) : 0;
}

static void
wait_for_something(struct coprocess *c)
{
	struct pollfd p[3 + HANDLER_FDS];
	int timeout = wait_ms(c);
	size_t n;

	p[0] = (struct pollfd){ .fd = handler_child_fd(), .events = POLLIN };
	p[1] = (struct pollfd){ .fd = is_stopping(c) ? -1 : stop_fd(),
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
	desk_give_back(&c->desk);
	return rc < 0 || verdict_flush(&c->desk.v) < 0 ? desk_fail(&c->desk)
						       : 0;
}

int
coprocess_run(const struct worker_options *o, uint64_t most, struct group *g,
	      struct select *select, int64_t deadline,
	      struct desk_counts *counts)
{
	const struct desk_rules rules = {
		.attempts = o->run.attempts,
		.backoff_ms = o->backoff_ms,
		.backoff_max_ms = o->backoff_max_ms,
		.max_waiting = o->max_waiting,
		.handler = o->run.argv[0],
	};
	struct coprocess c = {
		.o = o,
		.g = g,
		.window = most,
		.deadline = deadline,
		.grace_until = INT64_MAX,
		.doubt_until = INT64_MAX,
		.hold_due = when_monotonic() + g->o->lease_ms / 3,
	};
	int rc;

	g->holds = holds;
	g->holder = &c;
	flights_init(&c.flights, most);
	build_environment(&c);
	rc = desk_open(&c.desk, &rules, g, select, counts);
	while (rc == 0 && !c.over) {
		rc = step(&c);
		if (rc == 0 && !c.over)
			wait_for_something(&c);
	}
	if (rc == 0)
		rc = give_back(&c);
	handler_free(&c.h);
	flights_release(&c.flights);
	answer_release(&c.answer);
	desk_close(&c.desk);
	free(c.env);
	return rc;
}
