#include <errno.h>
#include <string.h>

#include "common/num.h"
#include "common/replay_state.h"
#include "common/stop.h"

enum {
	SAVE_EVERY = 10000, /* events between checkpoints */
	SHOW_MS = 250
};

static bool
is_late(const struct replay *r)
{
	return r->deadline != INT64_MAX && when_monotonic() >= r->deadline;
}

/* Progress in the unit that is known: entries, time between ids, or bytes. */
static void
show(struct replay *r)
{
	uint64_t done = r->seen, total = r->total;

	if (!progress_is_due(&r->progress))
		return;
	if (r->o->stream == NULL) {
		done = r->input.bytes;
		total = r->input.size;
	} else if (total == 0 && r->last.ms > r->first.ms) {
		done = r->at.ms > r->first.ms ? r->at.ms - r->first.ms : 0;
		total = r->last.ms - r->first.ms;
	}
	progress_part(&r->progress, r->sink.sent, done, total);
}

/* What can't be replayed is said and counted. */
static void
refuse(struct replay *r, const char *what, const char *why)
{
	char id[ID_TEXT];
	struct buf text = { 0 };

	r->failed++;
	progress_clear(&r->progress);
	if (r->o->stream == NULL) {
		buf_addf(&text, "%s%s", what, why);
		replay_input_refuse(&r->input, buf_text(&text));
		buf_release(&text);
		return;
	}
	id_put(id, r->at);
	warn("%s: %s: %s%s", r->o->stream, id, what, why);
}

/* Whether a record of a file is in the range. */
static bool
is_in_range(struct replay *r)
{
	struct id id = r->select.record.id;

	if (r->o->since.kind == WHEN_UNSET && r->o->until.kind == WHEN_UNSET)
		return true;
	if (id_compare(id, ID_MIN) == 0) {
		refuse(r, "--since and --until: ", "it has no entry id");
		return false;
	}
	return id_compare(id, r->first) >= 0 && id_compare(id, r->last) <= 0;
}

/* Read on to the next event, wanted or not: its position is `at`.  1, 0, -1. */
static int
read_next(struct replay *r, int *wanted)
{
	struct entry e;
	size_t index;
	int rc;

	if (r->o->stream != NULL) {
		rc = scan_next(&r->scan, &e, &index);
		if (rc == 1) {
			r->at = e.id;
			*wanted = select_entry(&r->select, &e);
		}
	} else {
		rc = replay_input_next(&r->input);
		if (rc == 1) {
			r->at = (struct id){ r->input.line, 0 };
			*wanted =
				is_in_range(r) ? select_record(&r->select) : 0;
		}
	}
	r->seen += rc == 1;
	return rc;
}

/* Put the place that it comes from into the event.  0, or -1 if it is refused. */
static int
mark(struct replay *r)
{
	struct record *rec = &r->select.record;
	const char *why = NULL;
	char id[ID_TEXT];

	if (rec->body != RECORD_EVENT)
		why = "it is no event";
	else if (rec->stream == NULL || id_compare(rec->id, ID_MIN) == 0)
		why = "it does not say where it comes from";
	if (why == NULL) {
		buf_clear(&r->mark);
		id_put(id, rec->id);
		buf_addf(&r->mark, "%s/%s", rec->stream, id);
		event_recognise(&rec->event, 0);
		buf_clear(&r->marked);
		if (envelope_mark(&rec->event, &r->marked, "replayof",
				  buf_text(&r->mark)) == 0)
			why = "it has no envelope that could carry a mark";
	}
	if (why != NULL) {
		refuse(r, "--mark: ", why);
		return -1;
	}
	record_set_body(rec, r->marked.data, r->marked.len);
	return 0;
}

/* How long to wait at most, of so many ms: until the deadline, or until progress
 * is to be shown. */
static int
wait_ms(const struct replay *r, int64_t left)
{
	if (r->progress.on && left > SHOW_MS)
		left = SHOW_MS;
	if (r->deadline != INT64_MAX && left > r->deadline - when_monotonic())
		left = r->deadline - when_monotonic() + 1;
	return left > INT32_MAX ? INT32_MAX : left < 0 ? 0 : (int)left;
}

/* Wait until a time, letting out what was taken.  1, 0 at a stop or the deadline,
 * -1 if the sink failed. */
static int
pause_until(struct replay *r, int64_t due)
{
	int64_t left;
	int rc;

	while ((left = due - when_monotonic()) > 0) {
		if (is_late(r))
			return 0;
		show(r);
		rc = replay_sink_wait(&r->sink, -1, wait_ms(r, left));
		if (rc <= 0)
			return rc;
	}
	return 1;
}

/* When the event is due by the spacing of the original. */
static int64_t
due_by_tempo(struct replay *r)
{
	struct id id = r->select.record.id;
	char text[ID_TEXT], pause[NUM_DURATION_TEXT];
	int64_t gap, due;

	if (id_compare(id, ID_MIN) == 0) {
		if (!r->said_no_ids) {
			progress_clear(&r->progress);
			warn("%s:%llu: --speed: it has no entry id, so no "
			     "pause",
			     replay_input_name(&r->input),
			     (unsigned long long)replay_input_number(
				     &r->input));
		}
		r->said_no_ids = true;
		return 0;
	}
	due = replay_tempo_step(&r->tempo, id, when_monotonic(), &gap);
	if (gap >= REPLAY_LONG_MS) {
		progress_clear(&r->progress);
		id_put(text, id);
		warn("%s: a pause of %s before it, see --max-gap", text,
		     num_put_duration(pause, gap));
	}
	return due;
}

/* Wait for the current event's turn.  1, 0, -1 as pause_until(). */
static int
wait_turn(struct replay *r)
{
	int delay, rc = 1;

	if (r->tempo.speed != 0)
		rc = pause_until(r, due_by_tempo(r));
	while (rc == 1 && r->pace.rate != 0 &&
	       (delay = pace_take(&r->pace)) > 0)
		rc = pause_until(r, when_monotonic() + delay);
	return rc;
}

int
replay_wait_for_input(void *arg, int fd)
{
	struct replay *r = arg;
	int rc = 2;

	while (rc == 2 && !is_late(r)) {
		show(r);
		rc = replay_sink_wait(&r->sink, fd, wait_ms(r, INT32_MAX));
	}
	return rc == 1 ? 1 : 0;
}

/* Replay the current event.  END_NONE to go on. */
static enum replay_end
replay_one(struct replay *r)
{
	int rc;

	if (r->o->mark && mark(r) < 0)
		return END_NONE;
	rc = wait_turn(r);
	if (rc <= 0)
		return rc < 0 || r->sink.error[0] != '\0' ? END_SINK : END_STOP;
	r->kept++;
	rc = replay_sink_put(&r->sink, r->at);
	if (rc == 0)
		refuse(r, "jq: ", r->select.error);
	return rc < 0 ? END_SINK : END_NONE;
}

/* Of what is printed, it is known how far that is only where it is flushed. */
static enum replay_end
note(struct replay *r)
{
	if (replay_sink_flush(&r->sink) < 0)
		return END_SINK;
	return replay_save(r) < 0 ? END_FILE : END_NONE;
}

static enum replay_end
replay_all(struct replay *r, struct out *out)
{
	enum replay_end end = END_NONE;
	int rc, wanted = 0;

	while (end == END_NONE) {
		if (stop_requested() || is_late(r))
			return END_STOP;
		if (out->error != 0)
			return out->error == EINTR ? END_STOP : END_SINK;
		if (r->kept >= r->o->select.count)
			return END_COUNT;
		rc = read_next(r, &wanted);
		if (rc < 0)
			return r->o->stream != NULL ? END_SOURCE : END_FILE;
		if (rc == 0 && r->sink.error[0] != '\0')
			return END_SINK;
		if (rc == 0)
			return r->o->stream != NULL ||
					       replay_input_at_end(&r->input)
				       ? END_DONE
				       : END_STOP;
		if (wanted < 0)
			refuse(r, "filter: ", r->select.error);
		if (wanted == 1)
			end = replay_one(r);
		if (end != END_NONE)
			break;
		r->handled = r->at;
		r->any = true;
		show(r);
		if (r->seen % SAVE_EVERY == 0 && r->sink.out != NULL)
			end = note(r);
	}
	return end;
}

enum exit_status
replay_run(const struct replay_options *o, struct conn *c, struct out *out)
{
	int64_t now = when_monotonic();
	struct replay r = {
		.o = o,
		.conn = c,
		.tempo = { .speed = o->speed, .max_gap_ms = o->max_gap_ms },
		.started = now,
		.deadline = o->select.timeout_ms < INT64_MAX - now
				    ? now + o->select.timeout_ms
				    : INT64_MAX,
	};
	enum exit_status status;

	if (o->publish.stream != NULL)
		progress_init_alone(&r.progress);
	else
		progress_init(&r.progress);
	status = replay_open(&r, out);
	if (status == EXIT_OK)
		status = replay_conclude(&r, replay_all(&r, out), out);
	replay_close(&r);
	return status;
}
