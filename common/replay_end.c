#include <errno.h>

#include "common/replay_state.h"
#include "common/stop.h"

int
replay_save(struct replay *r)
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

/* How to go on behind a position. */
static void
say_how(struct replay *r, enum replay_end end, struct id behind)
{
	const struct replay_options *o = r->o;
	struct buf b = { 0 };
	char id[ID_TEXT];

	if (o->checkpoint != NULL) {
		if (end != END_COUNT)
			fault("interrupted; the same command goes on from "
			      "there");
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
say_rest(struct replay *r, enum replay_end end, bool safe)
{
	struct id behind = safe ? r->handled : r->sink.safe;
	bool any = safe ? r->any : r->sink.any;

	if (r->sink.unknown != 0)
		fault("%llu events were sent and not confirmed: they may be "
		      "there",
		      (unsigned long long)r->sink.unknown);
	if (r->sink.beyond != 0)
		fault("%llu events behind one that was refused are there",
		      (unsigned long long)r->sink.beyond);
	if (!any && end == END_COUNT)
		return; /* none was wanted */
	if (!any && r->o->checkpoint == NULL)
		fault("interrupted; %s",
		      r->sink.out == NULL || r->sink.sent == 0
			      ? "nothing was replayed"
			      : "how much was written is not known");
	else if (r->o->stream == NULL || id_compare(behind, r->last) < 0 ||
		 r->o->checkpoint != NULL)
		say_how(r, end, behind);
}

static void
summarise(const struct replay *r)
{
	uint64_t ms = (uint64_t)(when_monotonic() - r->started) + 1;

	info("%llu read, %llu replayed, %llu refused, %llu ms, %llu/s",
	     (unsigned long long)r->seen, (unsigned long long)r->sink.done,
	     (unsigned long long)(r->o->stream != NULL ? r->failed
						       : r->input.refused),
	     (unsigned long long)ms,
	     (unsigned long long)(r->sink.done * 1000 / ms));
}

enum exit_status
replay_conclude(struct replay *r, enum replay_end end, struct out *out)
{
	bool safe = replay_sink_flush(&r->sink) == 0;
	enum exit_status status = EXIT_OK;

	progress_clear(&r->progress);
	if (!safe && out->error == 0)
		end = END_SINK;
	if (safe && end == END_DONE && r->o->stream != NULL)
		r->handled = r->last;
	if (safe && replay_save(r) < 0)
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
	case END_FILE:
		status = EXIT_OUTPUT; /* it was said */
		break;
	case END_SINK:
		if (out->error == 0)
			fault("%s", r->sink.error);
		status = out->error == 0 ? EXIT_SERVER : EXIT_OUTPUT;
		break;
	}
	/* That a pipe's reader has seen enough is its own affair. */
	if (out->error == EPIPE)
		status = EXIT_OK;
	else if (end != END_DONE)
		say_rest(r, end, safe);
	summarise(r);
	if (status == EXIT_OK && r->failed + r->input.refused != 0)
		status = EXIT_INPUT;
	return status == EXIT_OK && r->missing ? EXIT_NO : status;
}
