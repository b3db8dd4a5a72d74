#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/feed.h"
#include "common/stop.h"

enum {
	DURABILITY_MS = 5000,
	AWAIT_MS = 30000,
	POLL_EVERY = 64 /* requests between two looks for replies */
};

/* What does not go with --await. */
static const char *
check_await(const struct feed_options *o)
{
	const char *wrong = stream_name_error(o->await);
	size_t i;

	if (wrong != NULL)
		return wrong;
	if (delayed_is_wanted(&o->delayed) || o->atomic != 0 ||
	    o->publish.dedup_ms != 0 || o->publish.durability == PUBLISH_NONE)
		return "--await does not go with --delay, --at, --atomic, "
		       "--dedup and --durability none";
	if (strcmp(o->await, o->publish.stream) == 0)
		return "--await: replies must come on another stream";
	for (i = 0; i < o->routes.streams; i++)
		if (strcmp(o->await, o->routes.stream[i]) == 0)
			return "--await: replies must come on another stream "
			       "than those of the routes";
	return NULL;
}

static const char *
check_delayed(const struct feed_options *o)
{
	const char *wrong = delayed_options_error(&o->delayed);

	if (wrong != NULL)
		return wrong;
	if (!delayed_is_wanted(&o->delayed))
		return NULL;
	if (o->ids)
		return "--ids: what is scheduled has no id yet";
	if (o->publish.maxlen != 0 || o->publish.no_create)
		return "--maxlen and --no-create don't go with --delay and "
		       "--at";
	return NULL;
}

/* What a value should have been. */
static const char *
refuse(struct feed_options *o, const char *option, const char *value,
       const char *should)
{
	snprintf(o->error, sizeof(o->error), "%s: \"%.200s\" %s", option, value,
		 should);
	return o->error;
}

/* Their names were checked; together they go by the section's name. */
static void
take_routes(struct feed_options *o)
{
	o->publish.stream = "[" ROUTES_SECTION "]";
	o->publish.streams = o->routes.stream;
	o->publish.stream_count = o->routes.streams;
}

const char *
feed_options_check(struct feed_options *o)
{
	const char *wrong =
		o->route ? NULL : stream_name_error(o->publish.stream);

	if (o->route)
		take_routes(o);
	if (wrong != NULL) {
		snprintf(o->error, sizeof(o->error), "%.200s: %s",
			 o->publish.stream, wrong);
		return o->error;
	}
	if (intake_options_check(&o->intake) < 0)
		return o->intake.error;
	if (publish_parse_durability(&o->publish) < 0)
		return refuse(o, "--durability", o->publish.durability_text,
			      "is none of none, leader, fsync, replicas=N");
	if (o->dedup.text != NULL && o->publish.dedup_ms == 0)
		return "--dedup-key needs --dedup";
	if (dedup_init(&o->dedup) < 0)
		return refuse(o, "--dedup-key", o->dedup.text,
			      "is not a JSON Pointer");
	if (o->pace.max_lag_text != NULL &&
	    pace_parse_lag(&o->pace, o->pace.max_lag_text) < 0)
		return refuse(o, "--max-lag", o->pace.max_lag_text,
			      "is not N or N:GROUP");
	if (o->pace.max_lag != 0 && o->priority)
		return "--max-lag watches one stream, --priority has four";
	if (o->pace.max_lag != 0 && o->route)
		return "--max-lag watches one stream, --route has several";
	if (o->publish.durability == PUBLISH_NONE && (o->ids || o->events))
		return "--durability none can't print what is stored";
	if (o->publish.durability != PUBLISH_LEADER && o->atomic != 0)
		return "--atomic needs --durability leader";
	wrong = check_delayed(o);
	if (wrong == NULL && o->await != NULL)
		wrong = check_await(o);
	return wrong;
}

void
feed_options_release(struct feed_options *o)
{
	intake_options_release(&o->intake);
	dedup_release(&o->dedup);
	routes_release(&o->routes);
}

static void
on_confirmed(void *arg, const struct publish_event *e)
{
	struct feed *f = arg;

	if (f->o->ids) {
		char id[ID_TEXT];

		out_write(f->out, id, id_put(id, e->id));
		if (f->o->route) {
			out_write(f->out, " ", 1);
			out_write(f->out, e->stream, strlen(e->stream));
		}
		out_end(f->out);
	}
	if (f->o->events) {
		out_json(f->out, e->text, e->len);
		out_end(f->out);
	}
}

static void
on_undone(void *arg, const struct publish_event *e)
{
	struct feed *f = arg;

	transaction_undone(&f->transaction, e);
}

/* What is confirmed is printed before a wait. */
static void
show_confirmed(void *arg)
{
	struct feed *f = arg;

	out_flush(f->out);
	progress_show(&f->progress, publish_confirmed(f->publish));
}

/* Take in replies; with fd, until it is readable: see await_wait(). */
static int
wait_for_replies(struct feed *f, int fd)
{
	int rc = publish_drain(f->publish);

	if (rc < 0)
		return -1;
	show_confirmed(f);
	rc = await_wait(&f->await, fd);
	if (rc < 0)
		fault("cannot read replies: %s", conn_error(f->await.conn));
	return rc;
}

/* Input would block: keep publishing until there is more of it. */
static int
wait_for_input(void *arg, int fd)
{
	struct feed *f = arg;
	int rc;

	if (f->o->await != NULL) {
		rc = wait_for_replies(f, fd);
		f->broken = rc < 0;
		return rc < 0 ? 0 : rc;
	}
	do {
		show_confirmed(f);
		rc = publish_wait(f->publish, fd, f->progress.on ? 250 : -1);
	} while (rc == 2);
	return rc < 0 ? 0 : rc;
}

/* What the event is known by and where it goes; without these it is refused. */
struct keys {
	size_t to;                 /* of the routes */
	const char *dedup, *await; /* NULL: none is needed */
	size_t dedup_len, await_len;
};

static int
take_keys(struct feed *f, struct keys *k)
{
	struct intake *in = &f->in;
	const char *wrong = NULL;

	*k = (struct keys){ 0 };
	if (!in->check && f->roles != 0)
		event_recognise(&in->event, f->roles);
	if (f->o->publish.dedup_ms != 0 &&
	    dedup_key(&f->o->dedup, &in->event, &k->dedup, &k->dedup_len) < 0)
		wrong = "no value at --dedup-key";
	if (wrong == NULL && f->o->route &&
	    routes_find(&f->o->routes, &in->event, &f->word, &k->to) < 0)
		wrong = f->o->routes.error;
	if (f->o->await == NULL)
		;
	else if (!await_key(&in->event, &f->tmp, &k->await, &k->await_len))
		wrong = "no correlation and no id to know the reply by";
	else if (await_is_open(&f->await, k->await, k->await_len))
		wrong = "a request of the same correlation waits for its reply";
	if (wrong == NULL)
		return 0;
	intake_refuse(in, wrong, in->number, in->event.text, in->event.len);
	return -1;
}

static int
note_request(struct feed *f, const struct keys *k)
{
	if (k->await == NULL)
		return 0;
	await_expect(&f->await, k->await, k->await_len, f->in.number);
	if (f->in.number % POLL_EVERY != 0 || await_poll(&f->await) == 0)
		return 0;
	fault("cannot read replies: %s", conn_error(f->await.conn));
	f->broken = true;
	return -1;
}

/* Publish the current event.  1; 0 if it was refused or a stop came first; -1
 * once publishing has failed. */
static int
publish_one(struct feed *f)
{
	struct intake *in = &f->in;
	struct keys k;
	int rc;

	if (take_keys(f, &k) < 0)
		return 0;
	rc = pace_wait(&f->pace, f->publish);
	if (rc == -2)
		fault("%s: cannot read the lag: %s", f->o->publish.stream,
		      conn_error(f->pace.conn));
	if (rc <= 0) {
		f->stopped = true;
		return rc < 0 ? -1 : 0;
	}
	publish_route(f->publish, k.to);
	if (f->o->priority)
		publish_to(f->publish, priority_of(&in->event, &f->word));
	if (publish_send(f->publish, in->number, in->event.text, in->event.len,
			 k.dedup, k.dedup_len) < 0)
		return -1;
	return note_request(f, &k) < 0 ? -1 : 1;
}

/* Take in all lines.  EXIT_OK unless reading or publishing failed. */
static enum exit_status
publish_lines(struct feed *f)
{
	struct intake *in = &f->in;
	struct transaction *t = &f->transaction;
	int rc;

	while (!f->stopped && (rc = intake_next(in)) != 0) {
		int sent = 0;

		if (rc == -2) {
			fault("%s: %s", in->lines.name, strerror(errno));
			return EXIT_OUTPUT;
		}
		if (!transaction_refuses(t, rc == 1) && rc == 1)
			sent = publish_one(f);
		if (sent < 0 || f->stopped)
			f->unsent = in->number;
		if (f->stopped && sent == 0)
			break;
		if (sent < 0 || (sent == 0 && transaction_spoil(t) < 0))
			return EXIT_SERVER;
		if (in->refused != 0 && f->o->strict)
			return EXIT_INPUT;
		if (transaction_count(t) < 0)
			return EXIT_SERVER;
		progress_show(&f->progress, publish_confirmed(f->publish));
	}
	return EXIT_OK;
}

static void
summarise(const struct feed *f, int64_t started)
{
	uint64_t ms = (uint64_t)(when_monotonic() - started) + 1;
	uint64_t n = publish_confirmed(f->publish);

	info("%s: %llu published (%llu of them known before), %llu refused, "
	     "%llu ms, %llu/s",
	     f->o->publish.stream, (unsigned long long)n,
	     (unsigned long long)publish_duplicates(f->publish),
	     (unsigned long long)f->in.refused, (unsigned long long)ms,
	     (unsigned long long)(n * 1000 / ms));
	if (f->o->await != NULL)
		info("%s: %llu replies, %llu missing", f->o->await,
		     (unsigned long long)f->await.answered,
		     (unsigned long long)f->await.missed);
}

/* The first line that was not sent. */
static uint64_t
next_line(const struct feed *f)
{
	return f->unsent != 0 ? f->unsent : f->in.number + 1;
}

static int
open_all(struct feed *f, struct conn *conn)
{
	const struct feed_options *o = f->o;

	f->publish = publish_open(conn, &o->publish);
	if (f->publish == NULL ||
	    pace_open(&f->pace, conn, o->publish.stream) < 0) {
		fault("%s: %s", o->publish.stream,
		      conn_error(f->publish == NULL ? conn : f->pace.conn));
		return -1;
	}
	f->transaction.publish = f->publish;
	if (o->await != NULL && await_open(&f->await, conn) < 0) {
		fault("%s", conn_error(f->await.conn));
		return -1;
	}
	return 0;
}

/* Wait for the replies that are still due. */
static enum exit_status
finish_replies(struct feed *f)
{
	int rc = f->broken ? -1 : wait_for_replies(f, -1);

	await_give_up(&f->await);
	if (rc < 0)
		return EXIT_SERVER;
	return f->await.missed != 0 ? EXIT_NO : EXIT_OK;
}

/* The server has the last word: whatever went wrong before, what was sent is
 * waited for, and told. */
static enum exit_status
publish_all(struct feed *f, struct conn *conn)
{
	int64_t started = when_monotonic();
	enum exit_status status, replies = EXIT_OK;
	int rc;

	if (open_all(f, conn) < 0)
		return EXIT_SERVER;
	status = publish_lines(f);
	rc = transaction_end(&f->transaction,
			     status == EXIT_OK && !stop_requested(),
			     &f->unsent);
	if (publish_drain(f->publish) < 0)
		rc = -1;
	progress_clear(&f->progress);
	if (rc < 0) {
		publish_report(f->publish, next_line(f));
		status = EXIT_SERVER;
	} else if (stop_requested()) {
		fault("interrupted: lines up to %llu are done, the rest is not",
		      (unsigned long long)next_line(f) - 1);
		status = EXIT_NO;
	} else if (status == EXIT_OUTPUT || status == EXIT_SERVER) {
		fault("lines up to %llu are done, the rest is not",
		      (unsigned long long)next_line(f) - 1);
	}
	if (f->o->await != NULL && rc == 0)
		replies = finish_replies(f);
	if (replies != EXIT_OK)
		status = replies;
	summarise(f, started);
	return status;
}

static enum exit_status
check_all(struct feed *f)
{
	struct intake *in = &f->in;
	struct keys k;
	int rc;

	while ((rc = intake_next(in)) != 0) {
		if (rc == -2) {
			fault("%s: %s", in->lines.name, strerror(errno));
			return EXIT_OUTPUT;
		}
		if (rc == 1 && take_keys(f, &k) == 0 && f->o->events) {
			out_json(f->out, in->event.text, in->event.len);
			out_end(f->out);
		}
		if (in->refused != 0 && f->o->strict)
			break;
	}
	return stop_requested() ? EXIT_NO : EXIT_OK;
}

/* Once nothing of it moves any more. */
static void
prepare(struct feed *f)
{
	struct feed_options *o = f->o;
	struct publish_options *p = &o->publish;

	p->wait_ms = o->timeout_ms < 0 ? DURABILITY_MS : o->timeout_ms;
	p->transaction = o->atomic != 0;
	p->keep = o->events || o->atomic != 0;
	p->due = delayed_is_wanted(&o->delayed) ? &o->delayed : NULL;
	p->confirmed = o->ids || o->events ? on_confirmed : NULL;
	p->undone = on_undone;
	p->arg = f;
	f->transaction.size = o->atomic;
	f->transaction.in = &f->in;
	f->in.lines.wait = wait_for_input;
	f->in.lines.arg = f;
	f->pace.pausing = show_confirmed;
	f->pace.arg = f;
	f->await.stream = o->await;
	f->await.input = o->arg != NULL ? NULL : f->in.lines.name;
	f->await.timeout_ms = o->timeout_ms < 0 ? AWAIT_MS : o->timeout_ms;
	f->await.out = f->out;
}

int
feed_open(struct feed *f, struct feed_options *o, struct out *out)
{
	*f = (struct feed){ .o = o, .out = out, .pace = o->pace };
	if (o->publish.dedup_ms != 0 && o->dedup.text == NULL)
		f->roles |= EVENT_ROLE(ROLE_ID);
	if (o->priority)
		f->roles |= EVENT_ROLE(ROLE_PRIORITY);
	if (o->route)
		f->roles |= EVENT_ROLE(ROLE_TYPE);
	if (o->await != NULL)
		f->roles |= EVENT_ROLE(ROLE_ID) | EVENT_ROLE(ROLE_CORRELATION);
	return intake_open(&f->in, &o->intake, o->arg, o->args);
}

enum exit_status
feed_run(struct feed *f, struct conn *c)
{
	enum exit_status status;

	if (c == NULL) {
		status = check_all(f);
	} else {
		prepare(f);
		progress_init(&f->progress);
		status = publish_all(f, c);
	}
	if (status == EXIT_OK && f->in.refused != 0)
		status = EXIT_INPUT;
	return status;
}

int
feed_close(struct feed *f)
{
	publish_close(f->publish);
	pace_close(&f->pace);
	await_close(&f->await);
	buf_release(&f->tmp);
	buf_release(&f->word);
	return intake_close(&f->in);
}
