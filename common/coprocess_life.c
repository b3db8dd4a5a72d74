/*
 * coprocess_life.c - the start and the end of a coprocess
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/coprocess_parts.h"
#include "common/diag.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/runner.h"
#include "common/when.h"

enum {
	PAUSE_MS = 1000, /* until the first restart */
	PAUSE_MAX_MS = 60000,
	DOUBT_MS = 500 /* from a closed pipe to the exit that explains it */
};

void
coprocess_environment(struct coprocess *c)
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

void
coprocess_start(struct coprocess *c)
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
	     coprocess_name(c), strerror(c->h.code), pause_start(c, text));
	handler_release(&c->h);
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
		struct job job = coprocess_take_back(c, flight);

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
		     coprocess_name(c), how, text);
	else
		warn("the coprocess %s %s with %zu events in hand%s; starting "
		     "it again in %s",
		     coprocess_name(c), how, count,
		     suspects != 0 ? ", which run one at a time" : "", text);
	return 0;
}

/* What it did not finish in the drain is given back.  If that was for want of
 * time its start does not count. */
static int
give_up(struct coprocess *c)
{
	char how[64];

	if (!c->h.ended && (c->flights.count != 0 ||
			    c->h.state != HANDLER_EXITED || c->h.code != 0)) {
		describe_end(c, how, sizeof(how));
		warn("the coprocess %s %s with %zu events in hand",
		     coprocess_name(c), how, c->flights.count);
	}
	while (c->flights.count != 0) {
		bool overdue = c->flights.oldest->overdue;
		struct job job = coprocess_take_back(c, c->flights.oldest);

		if (!overdue)
			desk_release(&c->desk, &job,
				     c->h.ended && !c->condemned ? 1 : 0);
		else if (fail_overdue(c, &job) < 0)
			return -1;
	}
	c->over = true;
	return 0;
}

int
coprocess_reap(struct coprocess *c)
{
	int rc;

	if (!coprocess_is_running(c) || !handler_reap(&c->h, when_monotonic()))
		return 0;
	if (coprocess_take_lines(c) < 0)
		return -1;
	memcpy(c->said, c->h.said, sizeof(c->said));
	rc = coprocess_is_stopping(c) ? give_up(c) : restart(c);
	handler_release(&c->h);
	return rc;
}

/* A process that exits closes its pipes a little before that is known; one that
 * closes them and goes on is of no use. */
void
coprocess_watch_pipes(struct coprocess *c)
{
	bool out = handler_output_is_closed(&c->h);
	bool in = handler_input_is_closed(&c->h) && !c->closing;
	int64_t now = when_monotonic();

	if (!coprocess_is_running(c) || c->condemned || c->h.ended ||
	    (!in && !out))
		return;
	if (c->doubt_until == INT64_MAX)
		c->doubt_until = now + DOUBT_MS;
	if (now >= c->doubt_until && (!c->closing || c->flights.count != 0))
		coprocess_condemn(c,
				  out ? "has closed its standard output"
				      : "has closed its standard input",
				  NULL, 0);
}

/* The oldest is the one that it is at, or that it has forgotten. */
int64_t
coprocess_overdue_at(const struct coprocess *c)
{
	const struct flight *oldest = c->flights.oldest;

	if (oldest == NULL || !coprocess_is_running(c) || c->condemned ||
	    c->too_slow || c->h.ended ||
	    c->o->run.timeout_ms >= INT64_MAX - oldest->handed)
		return INT64_MAX;
	return oldest->handed + c->o->run.timeout_ms;
}

void
coprocess_watch_time(struct coprocess *c)
{
	struct flight *oldest = c->flights.oldest;
	char limit[NUM_DURATION_TEXT], id[ID_TEXT];

	if (when_monotonic() < coprocess_overdue_at(c))
		return;
	num_put_duration(limit, c->o->run.timeout_ms);
	id_put(id, oldest->job.id);
	c->too_slow = true;
	oldest->overdue = oldest->at < c->appended - handler_unread(&c->h);
	warn("the coprocess %s has %s %s: %s: ending it", coprocess_name(c),
	     oldest->overdue ? "no verdict after" : "read nothing for", limit,
	     id);
	handler_end(&c->h, when_monotonic(), COPROCESS_KILL_MS);
}
