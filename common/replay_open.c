#include <string.h>

#include "common/num.h"
#include "common/replay_state.h"

enum { PARTITIONS_MAX = 1024 };

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
		.wait = replay_wait_for_input,
		.arg = r,
	};
	return replay_input_open(&r->input) < 0 ? EXIT_OUTPUT : EXIT_OK;
}

enum exit_status
replay_open(struct replay *r, struct out *out)
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

void
replay_close(struct replay *r)
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
