#include <errno.h>
#include <string.h>

#include "common/checkpoint.h"
#include "common/num.h"
#include "common/pace.h"
#include "common/progress.h"
#include "common/replay.h"
#include "common/replay_input.h"
#include "common/replay_sink.h"
#include "common/replay_tempo.h"
#include "common/scan.h"
#include "common/stop.h"
#include "common/text.h"

enum {
	SAVE_EVERY = 10000, /* events between checkpoints */
	SHOW_MS = 250,
	PARTITIONS_MAX = 1024
};

/* How replaying ended, in the order of what is told first. */
enum end { END_NONE, END_DONE, END_COUNT, END_STOP, END_SOURCE, END_INPUT,
	   END_SINK };

struct replay {
	const struct replay_options *o;
	struct conn *conn, *target;
	struct select select;
	struct scan scan;
	struct replay_input input;
	struct replay_sink sink;
	struct replay_tempo tempo;
	struct pace pace;
	struct progress progress;
	struct checkpoint checkpoint;
	struct buf key, marked, mark;
	struct id first, last; /* of the range */
	struct id at;          /* position of the current event */
	struct id handled;     /* of the last one that is done with */
	uint64_t seen, kept, failed, total;
	int64_t deadline;
	bool missing, said_no_ids, any;
};

/* The name before {S}:PRIORITY or S.NUMBER was made of it. */
static void
plain_name(struct buf *b, const char *name)
{
	static const char *const ends[] = { "}:critical", "}:high", "}:low" };
	size_t len = strlen(name), i, end;
	const char *dot = strrchr(name, '.');
	uint64_t n;

	for (i = 0; i < 3; i++) {
		end = strlen(ends[i]);
		if (*name == '{' && len > end + 1 &&
		    strcmp(name + len - end, ends[i]) == 0) {
			buf_set(b, name + 1, len - end - 1);
			return;
		}
	}
	if (dot != NULL && dot != name &&
	    num_u64(dot + 1, strlen(dot + 1), &n) == 0 && n < PARTITIONS_MAX)
		len = (size_t)(dot - name);
	buf_set(b, name, len);
}

bool
replay_is_loop(const char *from, const char *to)
{
	struct buf a = { 0 }, b = { 0 };
	bool same;

	plain_name(&a, from);
	plain_name(&b, to);
	same = strcmp(a.data, b.data) == 0;
	buf_release(&a);
	buf_release(&b);
	return same;
}

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
			*wanted = is_in_range(r) ? select_record(&r->select)
						 : 0;
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
		if (r->deadline != INT64_MAX &&
		    left > r->deadline - when_monotonic())
			left = r->deadline - when_monotonic() + 1;
		if (left > INT32_MAX || r->progress.on)
			left = r->progress.on && left > SHOW_MS ? SHOW_MS
			       : left > INT32_MAX		? INT32_MAX
								: left;
		show(r);
		rc = replay_sink_wait(&r->sink, -1, (int)left);
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

static int
wait_for_input(void *arg, int fd)
{
	struct replay *r = arg;
	int64_t left;
	int rc = 2;

	while (rc == 2 && !is_late(r)) {
		show(r);
		left = r->progress.on ? SHOW_MS : -1;
		if (r->deadline != INT64_MAX && !r->progress.on)
			left = r->deadline - when_monotonic() + 1;
		rc = replay_sink_wait(&r->sink, fd,
				      left > INT32_MAX ? INT32_MAX : (int)left);
	}
	return rc == 1 ? 1 : 0;
}

/* Replay the current event.  END_NONE to go on. */
static enum end
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

/* Remember where this run is; all of it is out. */
static int
save(struct replay *r)
{
	const struct replay_options *o = r->o;

	if (o->checkpoint == NULL)
		return 0;
	checkpoint_set(&r->checkpoint, o->stream != NULL ? o->stream : *o->file,
		       r->handled);
	if (checkpoint_save(&r->checkpoint) == 0)
		return 0;
	progress_clear(&r->progress);
	fault("%s", r->checkpoint.error);
	return -1;
}

/* Of what is printed, it is known how far that is only where it is flushed. */
static enum end
note(struct replay *r)
{
	if (replay_sink_flush(&r->sink) < 0)
		return END_SINK;
	return save(r) < 0 ? END_INPUT : END_NONE;
}

static enum end
replay_all(struct replay *r, struct out *out)
{
	enum end end = END_NONE;
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
			return r->o->stream != NULL ? END_SOURCE : END_INPUT;
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

/* How to go on behind a position. */
static void
say_how(struct replay *r, enum end end, struct id behind)
{
	const struct replay_options *o = r->o;
	struct buf b = { 0 };
	char id[ID_TEXT];

	if (o->checkpoint != NULL) {
		fault("interrupted; the same command goes on from there");
		return;
	}
	if (o->stream == NULL) {
		buf_addf(&b, "--skip %llu", (unsigned long long)behind.ms);
	} else {
		id_put(id, id_next(behind));
		buf_addf(&b, "--since %s", id);
		id_put(id, r->last);
		buf_addf(&b, " --until %s", id);
	}
	if (o->select.count != UINT64_MAX && end != END_COUNT)
		buf_addf(&b, " --count %llu",
			 (unsigned long long)(o->select.count - r->sink.done));
	else if (end == END_COUNT)
		buf_addf(&b, " --count %llu",
			 (unsigned long long)o->select.count);
	(end == END_COUNT ? warn : fault)(
		"%s; go on with: %s %s%s",
		end == END_COUNT ? "there may be more" : "interrupted",
		diag_program(), buf_text(&b), o->again);
	buf_release(&b);
}

/* Tell what is left, if anything is. */
static void
say_rest(struct replay *r, enum end end, bool safe)
{
	struct id behind = safe ? r->handled : r->sink.safe;
	bool any = safe ? r->any : r->sink.any;

	if (!safe && r->sink.sent > r->sink.done && r->sink.out == NULL &&
	    r->sink.exact == NULL)
		fault("%llu events were sent and not confirmed: they may be "
		      "there",
		      (unsigned long long)(r->sink.sent - r->sink.done));
	if (!any && r->o->checkpoint == NULL)
		fault(r->sink.sent == 0 ? "interrupted; nothing was replayed"
					: "interrupted; how much was replayed "
					  "is not known");
	else if (r->o->stream == NULL ||
		 id_compare(behind, r->last) < 0 || r->o->checkpoint != NULL)
		say_how(r, end, behind);
}

/* Say how it ended, and give the status. */
static enum exit_status
conclude(struct replay *r, enum end end, struct out *out)
{
	bool safe = replay_sink_flush(&r->sink) == 0;
	enum exit_status status = EXIT_OK;

	progress_clear(&r->progress);
	if (!safe && out->error == 0)
		end = END_SINK;
	if (safe && end == END_DONE && r->o->stream != NULL)
		r->handled = r->last;
	if (safe && save(r) < 0)
		return EXIT_OUTPUT;
	switch (end) {
	case END_NONE:
	case END_DONE:
	case END_COUNT:
		break;
	case END_STOP:
		status = EXIT_NO;
		break;
	case END_SOURCE:
		if (!stop_requested())
			fault("%s", conn_error(r->conn));
		status = stop_requested() ? EXIT_NO : EXIT_SERVER;
		break;
	case END_INPUT:
		status = EXIT_OUTPUT; /* it was said */
		break;
	case END_SINK:
		if (out->error == 0)
			fault("%s", r->sink.error);
		status = out->error == 0       ? EXIT_SERVER
			 : out->error == EPIPE ? EXIT_OK
					       : EXIT_OUTPUT;
		break;
	}
	/* That a pipe's reader has seen enough is its own affair. */
	if (end != END_DONE && out->error != EPIPE)
		say_rest(r, end, safe);
	if (status == EXIT_OK && r->failed + r->input.refused != 0)
		status = EXIT_INPUT;
	return status == EXIT_OK && r->missing ? EXIT_NO : status;
}

static int
fail_conn(const struct conn *c)
{
	fault("%s", conn_error(c));
	return -1;
}

/* The range, whose end is what is newest now. */
static int
resolve_stream(struct replay *r)
{
	const struct replay_options *o = r->o;
	int64_t now = conn_now(r->conn), keys = 0;
	struct id newest;
	struct reply *reply;
	int rc;

	if (now < 0)
		return fail_conn(r->conn);
	rc = scan_newest(r->conn, o->stream, &newest);
	if (rc < 0)
		return fail_conn(r->conn);
	r->tempo.now_ms = (uint64_t)now;
	r->first = when_first_id(&o->since, now);
	r->last = when_last_id(&o->until, now);
	if (o->until.kind == WHEN_UNSET || id_compare(newest, r->last) < 0)
		r->last = newest;
	if (rc == 0)
		r->last = ID_MIN;
	conn_commandv(r->conn, rc == 0 ? "EXISTS" : "XLEN", o->stream, NULL);
	reply = conn_result(r->conn);
	if (reply == NULL || reply_number(reply, 0, &keys) < 0)
		return fail_conn(r->conn);
	if (rc == 0 && keys == 0) {
		fault("%s: no such stream", o->stream);
		r->missing = true;
	}
	if (rc == 1 && o->since.kind == WHEN_UNSET &&
	    o->until.kind == WHEN_UNSET)
		r->total = (uint64_t)keys;
	return 0;
}

static void
resolve_files(struct replay *r)
{
	const struct replay_options *o = r->o;
	int64_t now = when_local_now();

	r->tempo.now_ms = (uint64_t)now;
	r->first = when_first_id(&o->since, now);
	r->last = o->until.kind == WHEN_UNSET ? ID_MAX
					      : when_last_id(&o->until, now);
}

/*
 * The key on the server that the checkpoint's tag names; a new one for a new
 * checkpoint, which is written before anything else is.
 */
static enum exit_status
find_key(struct replay *r, const char *source)
{
	const char *to = r->o->publish.stream;
	const char *tag = checkpoint_tag(&r->checkpoint, source);
	char uuid[ENVELOPE_UUID];

	stream_companion(&r->key, to, "replay:");
	if (tag != NULL && strncmp(tag, r->key.data, r->key.len) != 0) {
		fault("%s: this checkpoint belongs to another target: %s",
		      r->o->checkpoint, tag);
		return EXIT_USAGE;
	}
	if (tag != NULL) {
		buf_set(&r->key, tag, strlen(tag));
		return EXIT_OK;
	}
	envelope_uuid(uuid, when_local_now());
	buf_adds(&r->key, uuid);
	checkpoint_set(&r->checkpoint, source, ID_MIN);
	checkpoint_set_tag(&r->checkpoint, source, buf_text(&r->key));
	if (checkpoint_save(&r->checkpoint) == 0)
		return EXIT_OK;
	fault("%s", r->checkpoint.error);
	return EXIT_OUTPUT;
}

/* Open the sink, and find out where the last run ended. */
static enum exit_status
open_sink(struct replay *r, struct out *out, struct id *safe)
{
	const struct replay_options *o = r->o;
	const char *source = o->stream != NULL ? o->stream : *o->file;
	enum exit_status status;
	int rc;

	*safe = ID_MIN;
	if (o->checkpoint != NULL)
		checkpoint_get(&r->checkpoint, source, safe);
	if (o->publish.stream == NULL) {
		replay_sink_print(&r->sink, &r->select, out);
		return EXIT_OK;
	}
	r->target = conn_again(r->conn);
	if (conn_error(r->target) != NULL) {
		fail_conn(r->target);
		return EXIT_SERVER;
	}
	if (o->checkpoint == NULL) {
		rc = replay_sink_publish(&r->sink, &r->select, r->target,
					 &o->publish);
	} else {
		status = find_key(r, source);
		if (status != EXIT_OK)
			return status;
		rc = replay_sink_exact(&r->sink, &r->select, r->target,
				       &o->publish, r->key.data, *safe);
		*safe = r->sink.safe;
	}
	if (rc < 0)
		fault("%s", r->sink.error);
	return rc < 0 ? EXIT_SERVER : EXIT_OK;
}

static enum exit_status
open_source(struct replay *r, struct id safe)
{
	const struct replay_options *o = r->o;

	if (o->stream != NULL) {
		if (id_compare(safe, ID_MIN) != 0) {
			r->total = 0;
			if (id_compare(id_next(safe), r->first) > 0)
				r->first = id_next(safe);
		}
		scan_init(&r->scan, r->conn, false);
		if (id_compare(r->first, r->last) <= 0)
			scan_add(&r->scan, o->stream, r->first, r->last);
		return EXIT_OK;
	}
	r->input = (struct replay_input){
		.file = o->file,
		.files = o->files,
		.skip = o->skip > safe.ms ? o->skip : safe.ms,
		.max_bytes = (size_t)o->max_bytes,
		.progress = &r->progress,
		.record = &r->select.record,
		.wait = wait_for_input,
		.arg = r,
	};
	return replay_input_open(&r->input) < 0 ? EXIT_OUTPUT : EXIT_OK;
}

static enum exit_status
open_all(struct replay *r, struct out *out)
{
	const struct replay_options *o = r->o;
	enum exit_status status;
	struct id safe;

	if (select_open(&r->select, &o->select) < 0) {
		fault("%s", r->select.error);
		return EXIT_USAGE;
	}
	r->select.record.stream = o->stream;
	if (o->checkpoint != NULL &&
	    checkpoint_open(&r->checkpoint, o->checkpoint) < 0) {
		fault("%s", r->checkpoint.error);
		return EXIT_USAGE;
	}
	if (o->stream == NULL)
		resolve_files(r);
	else if (resolve_stream(r) < 0)
		return EXIT_SERVER;
	status = open_sink(r, out, &safe);
	if (status == EXIT_OK)
		status = open_source(r, safe);
	r->pace.rate = o->rate;
	r->pace.started = when_monotonic();
	return status;
}

static void
close_all(struct replay *r)
{
	scan_release(&r->scan);
	replay_input_close(&r->input);
	replay_sink_close(&r->sink);
	select_close(&r->select);
	checkpoint_close(&r->checkpoint);
	if (r->target != NULL)
		conn_close(r->target);
	buf_release(&r->key);
	buf_release(&r->mark);
	buf_release(&r->marked);
}

enum exit_status
replay_run(const struct replay_options *o, struct conn *c, struct out *out)
{
	int64_t now = when_monotonic();
	struct replay r = {
		.o = o,
		.conn = c,
		.tempo = { .speed = o->speed, .max_gap_ms = o->max_gap_ms },
		.deadline = o->select.timeout_ms < INT64_MAX - now
				    ? now + o->select.timeout_ms
				    : INT64_MAX,
	};
	enum exit_status status;

	if (o->publish.stream != NULL)
		progress_init_alone(&r.progress);
	else
		progress_init(&r.progress);
	status = open_all(&r, out);
	if (status == EXIT_OK)
		status = conclude(&r, replay_all(&r, out), out);
	close_all(&r);
	return status;
}
