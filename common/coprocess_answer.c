/*
 * coprocess_answer.c - the lines that a coprocess prints
 */
#include <string.h>

#include "common/coprocess_parts.h"
#include "common/diag.h"
#include "common/text.h"
#include "common/when.h"

enum {
	NOTE_MS = 1000, /* between two writes of one event's progress */
	NOTES_MS = 100, /* between two looks for them */
	SHOWN = 60      /* bytes of a bad line */
};

/* It broke the protocol: end it. */
void
coprocess_condemn(struct coprocess *c, const char *why, const char *line,
		  size_t len)
{
	size_t shown = 0;

	if (line != NULL)
		shown = text_utf8_prefix(line, len < SHOWN ? len : SHOWN);
	if (line != NULL)
		warn("the coprocess %s: bad line: %s: %.*s%s",
		     coprocess_name(c), why, (int)shown, line,
		     shown < len ? "…" : "");
	else
		warn("the coprocess %s %s", coprocess_name(c), why);
	c->condemned = true;
	handler_end(&c->h, when_monotonic(), COPROCESS_KILL_MS);
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
	struct job job = coprocess_take_back(c, flight);
	struct failure f = {
		.class = a->class[0] != '\0' ? a->class : "verdict",
		.error = a->error[0] != '\0' ? a->error : "no reason was given",
		.exit = -1,
		.duration_ms = ms,
	};

	c->answered = true;
	if (a->kind == ANSWER_OK) {
		c->desk.counts->done++;
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
	coprocess_condemn(c, why, line, len);
	return 0;
}

static bool
is_blank(const char *text, const char *end)
{
	while (text < end && (*text == ' ' || *text == '\t' || *text == '\r'))
		text++;
	return text == end;
}

/* Blank lines are passed over. */
int
coprocess_take_lines(struct coprocess *c)
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
		if (is_blank(line, lf))
			continue;
		if (take_line(c, line, (size_t)(lf - line)) < 0)
			return -1;
	}
	buf_clear(output);
	return 0;
}

int
coprocess_tell_notes(struct coprocess *c)
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
