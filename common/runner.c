#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/envelope.h"
#include "common/event.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/runner.h"
#include "common/text.h"
#include "common/when.h"

enum {
	ENV_VALUE_MAX = 4096, /* bytes of a variable's value */
	ENV_OWN = 16,         /* variables that we set */
	EMIT_BYTES = 64 << 20 /* of lines for the output stream */
};

void
runner_load(struct runner *run, const struct job *job, struct select *select)
{
	struct event *ev = &select->record.event;

	run->job = *job;
	run->lines = 0;
	run->flooded = false;
	run->progress_due = 0;
	buf_clear(&run->emitted);
	buf_set(&run->body, ev->text, ev->len);
	if (select->record.body == RECORD_EVENT)
		event_recognise(ev, EVENT_ALL_ROLES);
	event_role_copy(ev, ROLE_ID, &run->event_id);
	event_role_copy(ev, ROLE_TYPE, &run->type);
	event_role_copy(ev, ROLE_KEY, &run->key);
	event_role_copy(ev, ROLE_CORRELATION, &run->correlation);
	buf_clear(&run->record);
	if (select->options->meta)
		record_put(&select->record, &run->record);
}

/* Ours, or a secret that a handler has no need of. */
bool
runner_is_withheld(const char *variable)
{
	static const char *const names[] = {
		"EV_ID=",          "EV_STREAM=",    "EV_GROUP=",
		"EV_ENTRY=",       "EV_TYPE=",      "EV_KEY=",
		"EV_ATTEMPT=",     "EV_ATTEMPTS=",  "EV_DEADLINE=",
		"EV_CORRELATION=", "REDISCLI_AUTH="
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return (strncmp(variable, "EV_URL=", 7) == 0 &&
		text_url_has_password(variable + 7)) ||
	       (strncmp(variable, "REDIS_URL=", 10) == 0 &&
		text_url_has_password(variable + 10));
}

/* The environment of a run; texts are offsets until all are there. */
struct env {
	char **var;
	size_t count;
	struct buf text;
	size_t at[ENV_OWN], own;
};

static void
env_add(struct env *e, const char *name, const char *value, size_t len)
{
	const char *nul = memchr(value, '\0', len);

	if (nul != NULL)
		len = (size_t)(nul - value);
	if (len > ENV_VALUE_MAX)
		len = ENV_VALUE_MAX;
	e->at[e->own++] = e->text.len;
	buf_adds(&e->text, name);
	buf_addc(&e->text, '=');
	buf_add(&e->text, value, len);
	buf_addc(&e->text, '\0');
}

static void
env_adds(struct env *e, const char *name, const char *value)
{
	env_add(e, name, value, strlen(value));
}

static void
env_addn(struct env *e, const char *name, int64_t n)
{
	char text[NUM_TEXT];

	env_add(e, name, text, num_put(text, (uint64_t)n));
}

static void
env_build(struct env *e, const struct runner *run,
	  const struct runner_options *o, const struct group *g, int64_t now_ms)
{
	char entry[ID_TEXT], time[WHEN_TEXT];
	size_t inherited = 0, i;

	id_put(entry, run->job.id);
	env_adds(e, "EV_STREAM", g->stream[run->job.stream].origin);
	env_adds(e, "EV_GROUP", g->o->name);
	env_adds(e, "EV_ENTRY", entry);
	if (run->event_id.len != 0)
		env_add(e, "EV_ID", run->event_id.data, run->event_id.len);
	if (run->type.len != 0)
		env_add(e, "EV_TYPE", run->type.data, run->type.len);
	if (run->key.len != 0)
		env_add(e, "EV_KEY", run->key.data, run->key.len);
	if (run->correlation.len != 0)
		env_add(e, "EV_CORRELATION", run->correlation.data,
			run->correlation.len);
	env_addn(e, "EV_ATTEMPT", run->job.attempts + 1);
	env_addn(e, "EV_ATTEMPTS", (int64_t)o->attempts);
	if (o->timeout_ms != INT64_MAX) {
		when_put(time, now_ms + o->timeout_ms);
		env_adds(e, "EV_DEADLINE", time);
	}
	while (environ[inherited] != NULL)
		inherited++;
	e->var = xcalloc(inherited + e->own + 1, sizeof(*e->var));
	for (i = 0; i < inherited; i++)
		if (!runner_is_withheld(environ[i]))
			e->var[e->count++] = environ[i];
	for (i = 0; i < e->own; i++)
		e->var[e->count++] = e->text.data + e->at[i];
}

void
runner_start(struct runner *run, const struct runner_options *o,
	     const struct group *g, int64_t now_ms)
{
	const struct buf *input =
		run->record.len != 0 ? &run->record : &run->body;
	struct env env = { .count = 0 };
	struct handler_command command = {
		.argv = o->argv,
		.input = input->data,
		.len = input->len,
		.timeout_ms = o->timeout_ms,
	};

	env_build(&env, run, o, g, now_ms);
	command.env = env.var;
	handler_start(&run->handler, &command);
	free(env.var);
	buf_release(&env.text);
}

void
runner_collect(struct runner *run)
{
	struct buf *from = &run->handler.output;
	size_t i;

	for (i = 0; i < from->len; i++)
		run->lines += from->data[i] == '\n';
	if (run->lines > VERDICT_EMIT_MAX ||
	    run->emitted.len + from->len > EMIT_BYTES)
		run->flooded = true;
	else
		buf_add(&run->emitted, from->data, from->len);
	buf_clear(from);
}

/* What the events that the handler puts out come from: the id of its input, or
 * where that stands. */
static void
name_input(const struct runner *run, const struct verdict *v, struct buf *id)
{
	char entry[ID_TEXT];

	buf_clear(id);
	if (run->event_id.len != 0) {
		buf_add(id, run->event_id.data, run->event_id.len);
	} else {
		id_put(entry, run->job.id);
		buf_addf(id, "%s/%s", v->stream[run->job.stream].name, entry);
	}
	buf_text(id);
}

/* Append one line as an event. */
static int
add_event(struct buf *out, struct event *ev, struct envelope *envelope,
	  const char *line, size_t len, int64_t now_ms)
{
	if (event_parse(ev, line, len) == 0) {
		event_recognise(ev, EVENT_ALL_ROLES);
		if (ev->profile != NULL) {
			envelope_relate(ev, out, envelope->correlation,
					envelope->causation);
			return 0;
		}
	} else if (ev->doc.error != NULL) {
		return -1;
	}
	envelope_wrap(envelope, out, now_ms, line, len, false);
	return 0;
}

int
runner_emit(struct runner *run, struct verdict *v, const char *output,
	    const char *output_type, int64_t ms)
{
	struct buf id = { 0 }, type = { 0 }, made = { 0 };
	struct script_arg *event = xcalloc(run->lines + 1, sizeof(*event));
	struct event ev = { 0 };
	struct envelope envelope = { 0 };
	size_t at = 0, count = 0, start;
	int rc = 0;

	name_input(run, v, &id);
	buf_adds(&type, run->type.len != 0 ? run->type.data : "event");
	buf_adds(&type, ".result");
	envelope.type = output_type != NULL ? output_type : buf_text(&type);
	envelope.correlation =
		run->correlation.len != 0 ? run->correlation.data : id.data;
	envelope.causation = id.data;
	if (envelope_init(&envelope) < 0)
		rc = -2;
	while (rc == 0 && at < run->emitted.len) {
		const char *line = run->emitted.data + at;
		const char *stop = memchr(line, '\n', run->emitted.len - at);
		size_t len = stop != NULL ? (size_t)(stop - line)
					  : run->emitted.len - at;

		start = made.len;
		if (len != 0 && add_event(&made, &ev, &envelope, line, len,
					  verdict_now(v)) < 0)
			rc = -2;
		else if (len != 0) /* offsets until made has its place */
			event[count++].len = made.len - start;
		at += len + 1;
	}
	for (start = 0, at = 0; at < count; at++) {
		event[at].text = made.data + start;
		start += event[at].len;
	}
	if (rc == 0)
		rc = verdict_emit(v, run->job.stream, run->job.id, ms, output,
				  event, count);
	free(event);
	event_release(&ev);
	envelope_release(&envelope);
	buf_release(&id);
	buf_release(&type);
	buf_release(&made);
	return rc;
}

/* The last line of what it said, for people. */
static const char *
last_line(const char *said)
{
	const char *end = said + strlen(said), *start;

	while (end > said && (end[-1] == '\n' || end[-1] == ' '))
		end--;
	for (start = end; start > said && start[-1] != '\n'; start--)
		;
	return start;
}

static void
name_signal(char *out, size_t size, int number)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
		{ SIGHUP, "HUP" },   { SIGINT, "INT" },   { SIGQUIT, "QUIT" },
		{ SIGILL, "ILL" },   { SIGABRT, "ABRT" }, { SIGBUS, "BUS" },
		{ SIGFPE, "FPE" },   { SIGKILL, "KILL" }, { SIGSEGV, "SEGV" },
		{ SIGPIPE, "PIPE" }, { SIGALRM, "ALRM" }, { SIGTERM, "TERM" },
		{ SIGUSR1, "USR1" }, { SIGUSR2, "USR2" }, { SIGSYS, "SYS" },
		{ SIGXCPU, "XCPU" }, { SIGXFSZ, "XFSZ" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == number) {
			snprintf(out, size, "%s", names[i].name);
			return;
		}
	snprintf(out, size, "%d", number);
}

void
runner_failure(struct runner *run, struct failure *f)
{
	const struct handler *h = &run->handler;
	const char *line = last_line(h->said);
	char how[128];

	*f = (struct failure){ .exit = -1, .said = h->said };
	f->duration_ms = h->finished - h->started;
	if (h->state == HANDLER_BROKEN) {
		f->class = "start";
		snprintf(how, sizeof(how), "cannot start: %s",
			 strerror(h->code));
	} else if (h->timed_out) {
		f->class = "timeout";
		snprintf(how, sizeof(how), "timed out after %lld ms",
			 (long long)f->duration_ms);
	} else if (h->state == HANDLER_KILLED) {
		f->class = "signal";
		name_signal(run->signal, sizeof(run->signal), h->code);
		f->signal = run->signal;
		snprintf(how, sizeof(how), "killed by SIG%s", run->signal);
	} else if (run->flooded) {
		f->class = "output";
		snprintf(how, sizeof(how), "its output can't be published");
	} else {
		f->class = "exit";
		f->exit = h->code;
		snprintf(how, sizeof(how), "exit status %d", h->code);
	}
	if (h->error_class[0] != '\0') {
		f->class = h->error_class;
		line = h->error_text;
	}
	snprintf(run->why, sizeof(run->why), "%s%s%.*s", how,
		 *line != '\0' ? ": " : "", (int)strcspn(line, "\n"), line);
	f->error = run->why;
}

uint64_t
runner_lane(const struct runner_options *o, const struct record *r)
{
	struct buf tmp = { 0 };
	struct json_value v;
	const char *text;
	uint64_t lane;
	size_t len;

	if (o->key == NULL || r->body != RECORD_EVENT)
		return 0;
	v = json_pointer_get(o->key, &r->event.doc);
	if (v.type == JSON_NONE || v.type == JSON_NULL)
		return 0;
	json_text(&v, &tmp, &text, &len);
	lane = jobs_lane(text, len);
	buf_release(&tmp);
	return lane;
}

int64_t
runner_redrives(const struct entry *e)
{
	const char *name, *value;
	size_t name_len, value_len, i;
	uint64_t n;

	for (i = 0; i < e->fields; i++) {
		entry_field(e, i, &name, &name_len, &value, &value_len);
		if (name_len == 8 && memcmp(name, "redrives", 8) == 0 &&
		    num_u64(value, value_len, &n) == 0 && n < INT64_MAX)
			return (int64_t)n;
	}
	return 0;
}

void
runner_free(struct runner *run)
{
	handler_free(&run->handler);
	buf_release(&run->body);
	buf_release(&run->event_id);
	buf_release(&run->type);
	buf_release(&run->key);
	buf_release(&run->correlation);
	buf_release(&run->record);
	buf_release(&run->emitted);
}
