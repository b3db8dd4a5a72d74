/*
 * evreplay - replay events and rewind groups
 *
 * Events of the past, from a stream or from archives, once more: printed, or
 * published to another stream, as fast as it goes or as far apart as they were.
 * Or, with --rewind, a group is moved, so that its own consumers get them again.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/acl.h"
#include "common/again.h"
#include "common/conn.h"
#include "common/diag.h"
#include "common/event.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/pace.h"
#include "common/replay.h"
#include "common/replay_tempo.h"
#include "common/rewind.h"
#include "common/rewind_report.h"
#include "common/stop.h"
#include "common/text.h"

enum { MAX_BYTES = 16 << 20, LEASE_MS = 30000 };

struct options {
	struct conn_options conn;
	struct replay_options replay;
	struct opt_list in;
	const char *speed, *rewind; /* the group */
	const char *by, *behind, *entries_read;
	struct rewind_goal goal;
	int64_t lease_ms; /* -1: as evsub has it */
	bool to_end, yes, force, no_audit;
	struct buf again; /* words for what is said at the end */
};

static const struct opt_program program = {
	.purpose = "replay events and rewind groups",
	.usage = "[options] STREAM\n"
		 "--in FILE [options] [FILE…]\n"
		 "--rewind GROUP -S TIME|--by N|--to-end [-y] [options] STREAM",
	.acl = acl_put,
	.config = { EVENT_PROFILE_SECTIONS },
};

/* "-100", "+5", "5" */
static void
parse_by(struct rewind_goal *g, const char *text)
{
	const char *digits = text + (*text == '-' || *text == '+');

	g->kind = REWIND_BY;
	g->back = *text == '-';
	if (num_u64(digits, strlen(digits), &g->by) < 0 ||
	    g->by >= REWIND_COUNT)
		opt_usage("--by: \"%s\" is not -N or +N, below %d", text,
			  REWIND_COUNT);
}

static void
parse_behind(struct rewind_goal *g, const char *id, const char *read)
{
	uint64_t n = 0;

	g->kind = REWIND_BEHIND;
	if (id_parse(id, strlen(id), 0, &g->behind) < 0)
		opt_usage("--behind: \"%s\" is not an entry id", id);
	if (read == NULL)
		return;
	g->has_read = true;
	g->read = -1;
	if (strcmp(read, "unknown") == 0)
		return;
	if (num_u64(read, strlen(read), &n) < 0 || n > INT64_MAX)
		opt_usage("--entries-read: \"%s\" is not N or unknown", read);
	g->read = (int64_t)n;
}

/* Whether there are options that say which events are replayed, or how. */
static bool
is_replay(const struct options *o)
{
	const struct replay_options *r = &o->replay;
	const struct publish_options *p = &r->publish;
	const struct select_options *s = &r->select;

	return o->in.count != 0 || r->skip != 0 || r->max_bytes != MAX_BYTES ||
	       p->stream != NULL || p->maxlen != 0 || p->no_create ||
	       p->durability_text != NULL || r->mark || r->checkpoint != NULL ||
	       r->rate != 0 || o->speed != NULL || r->max_gap_ms != INT64_MAX ||
	       r->until.kind != WHEN_UNSET || s->types.count != 0 ||
	       s->filter != NULL || s->program != NULL ||
	       s->correlation != NULL || s->field != NULL ||
	       s->count != UINT64_MAX || s->timeout_ms != INT64_MAX ||
	       s->meta || s->null;
}

static void
check_rewind(struct options *o, size_t streams)
{
	const struct replay_options *r = &o->replay;
	struct rewind_goal *g = &o->goal;

	if ((r->since.kind != WHEN_UNSET) + (o->by != NULL) + o->to_end +
		    (o->behind != NULL) !=
	    1)
		opt_usage("--rewind: where to? one of --since, --by, --to-end, "
			  "--behind");
	if (streams != 1)
		opt_usage("--rewind takes one STREAM");
	if (is_replay(o))
		opt_usage("--rewind moves a group over all events: nothing "
			  "selects, paces or copies them");
	if (o->entries_read != NULL && o->behind == NULL)
		opt_usage("--entries-read goes with --behind");
	if (o->by != NULL)
		parse_by(g, o->by);
	else if (o->behind != NULL)
		parse_behind(g, o->behind, o->entries_read);
	else if (o->to_end || r->since.kind == WHEN_END)
		g->kind = REWIND_TO_END;
	g->since = r->since;
	g->lease_ms = o->lease_ms < 0 ? LEASE_MS : o->lease_ms;
}

/* What goes with a target, and what does not. */
static void
check_target(struct options *o)
{
	struct publish_options *p = &o->replay.publish;
	const struct select_options *s = &o->replay.select;
	const char *wrong;

	if (p->stream == NULL) {
		if (p->maxlen != 0 || p->no_create ||
		    p->durability_text != NULL)
			opt_usage("--maxlen, --no-create and --durability go "
				  "with --to");
		return;
	}
	wrong = stream_name_error(p->stream);
	if (wrong != NULL)
		opt_usage("--to: %s: %s", p->stream, wrong);
	if (s->program != NULL || s->meta || s->null)
		opt_usage("--jq, --meta and --null are for what is printed; "
			  "see evpub(1) for a pipe");
	if (publish_parse_durability(p) < 0)
		opt_usage("--durability: \"%s\" is none of none, leader, "
			  "fsync, replicas=N",
			  p->durability_text);
	if (o->replay.checkpoint != NULL &&
	    (p->durability != PUBLISH_LEADER || p->no_create))
		opt_usage("--durability and --no-create don't go with "
			  "--checkpoint");
	if (o->replay.checkpoint != NULL &&
	    text_utf8_prefix(p->stream, strlen(p->stream)) != strlen(p->stream))
		opt_usage("--checkpoint: --to is not UTF-8");
	if (o->replay.stream == NULL ||
	    !replay_is_loop(o->replay.stream, p->stream))
		return;
	if (!o->force)
		opt_usage("%s would be replayed into itself, see --force",
			  o->replay.stream);
	if (o->replay.checkpoint != NULL)
		opt_usage("--checkpoint: each run into %s itself would replay "
			  "the last one",
			  o->replay.stream);
}

static void
check_replay(struct options *o, struct opt_args *args)
{
	struct replay_options *r = &o->replay;
	bool files = o->in.count != 0;

	if (o->by != NULL || o->behind != NULL || o->to_end || o->yes ||
	    o->entries_read != NULL || o->no_audit || o->lease_ms >= 0)
		opt_usage("--by, --behind, --to-end, --entries-read, --lease, "
			  "--no-audit and -y go with --rewind");
	if (files && o->in.count > 1 && args->count != 0)
		opt_usage("more files behind one --in, or --in for each");
	if (!files && args->count != 1)
		opt_usage(args->count == 0 ? "a STREAM is missing"
					   : "one STREAM at a time");
	if (!files && (r->skip != 0 || r->max_bytes != MAX_BYTES))
		opt_usage("--skip and --max-bytes go with --in");
	if (r->max_bytes == 0)
		opt_usage("--max-bytes: at least 1");
	if (o->speed != NULL && replay_tempo_parse(o->speed, &r->speed) < 0)
		opt_usage("--speed: \"%s\" is not a number from 0.001 to "
			  "1000000",
			  o->speed);
	if (r->speed != 0 && r->rate != 0)
		opt_usage("--speed and --rate exclude each other");
	if (r->speed == 0 && r->max_gap_ms != INT64_MAX)
		opt_usage("--max-gap goes with --speed");
	if (!files) {
		r->stream = args->operand[0];
		if (r->mark && text_utf8_prefix(r->stream, strlen(r->stream)) !=
				       strlen(r->stream))
			opt_usage("--mark: the name of the stream is not "
				  "UTF-8");
	} else {
		size_t i;

		for (i = 0; i < args->count; i++) {
			o->in.item = xreallocarray(o->in.item, o->in.count + 1,
						   sizeof(*o->in.item));
			o->in.item[o->in.count++] = args->operand[i];
		}
		r->file = (char *const *)o->in.item;
		r->files = o->in.count;
	}
	check_target(o);
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	/* What the messages at the end say anew. */
	static const char *const of_stream[] = { "since", "until", "count",
						 NULL };
	static const char *const of_files[] = { "skip", "count", NULL };
	static const char *const of_rewind[] = { "rewind", "since",
						 "by",     "to-end",
						 "behind", "entries-read",
						 "yes",    NULL };
	struct replay_options *r = &o->replay;
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_LIST(0, "in", "FILE", &o->in,
			 "events from this file, - for stdin (repeatable)"),
		OPT_U64(0, "skip", "N", &r->skip,
			"pass over the first N lines of --in"),
		OPT_SIZE(0, "max-bytes", "SIZE", &r->max_bytes,
			 "refuse longer lines (16M)"),
		OPT_TEXT(0, "to", "STREAM", &r->publish.stream,
			 "publish to STREAM, don't print"),
		OPT_WHEN('S', "since", "TIME", &r->since, "from this time on"),
		OPT_WHEN('U', "until", "TIME", &r->until, "up to this time"),
		OPT_TEXT(0, "speed", "N", &o->speed,
			 "keep the original spacing, N times as fast"),
		OPT_DURATION(0, "max-gap", "DUR", &r->max_gap_ms,
			     "no pause longer than this"),
		OPT_U64(0, "rate", "N", &r->rate,
			"at most N events per second"),
		OPT_BOOL(0, "mark", &r->mark,
			 "add to each event where it comes from"),
		OPT_TEXT(0, "checkpoint", "FILE", &r->checkpoint,
			 "go on behind the last run, remembered in FILE"),
		OPT_BOOL(0, "force", &o->force,
			 "into itself; --rewind despite active consumers"),
		OPT_PUBLISH(&r->publish),
		OPT_TEXT(0, "rewind", "GROUP", &o->rewind,
			 "move a group: with --since, --by or --to-end"),
		OPT_TEXT(0, "by", "N", &o->by,
			 "move it so many entries, -N back or +N on"),
		OPT_BOOL(0, "to-end", &o->to_end, "move it to the end"),
		OPT_TEXT(0, "behind", "ID", &o->behind,
			 "move it exactly behind ID"),
		OPT_TEXT(0, "entries-read", "N", &o->entries_read,
			 "of --behind: what the group has read"),
		OPT_DURATION(0, "lease", "DUR", &o->lease_ms,
			     "consumers silent so long are not active (30s)"),
		OPT_BOOL('y', "yes", &o->yes, "do it, not only print the plan"),
		OPT_BOOL(0, "no-audit", &o->no_audit, "no event in ev:audit"),
		OPT_TEXT(0, "correlation", "ID", &r->select.correlation,
			 "keep the event ID and those it correlates"),
		OPT_SELECT(&r->select),
		OPT_END,
	};
	char **words = xcalloc((size_t)argc + 1, sizeof(*words));
	struct opt_args args;
	char error[EVENT_ERROR];

	memcpy(words, argv, (size_t)argc * sizeof(*words));
	opt_parse(table, &program, argc, argv, &args);
	if (event_profiles_load(args.config, error) < 0)
		die(EXIT_USAGE, "%s", error);
	if (o->rewind != NULL)
		check_rewind(o, args.count);
	else
		check_replay(o, &args);
	if (o->rewind != NULL)
		r->stream = args.operand[0];
	again_put(&o->again, table, words,
		  o->rewind != NULL   ? of_rewind
		  : r->stream != NULL ? of_stream
				      : of_files);
	r->again = buf_text(&o->again);
	free(words);
	if (o->conn.retry_for_ms > r->select.timeout_ms)
		o->conn.retry_for_ms = r->select.timeout_ms;
}

/* Check a plan, and do it with --yes. */
static enum exit_status
move(const struct options *o, struct rewind *w, struct out *out)
{
	int rc = 1;

	rewind_report_active(w);
	if (!o->yes) {
		rewind_report_print(w, false, out);
		warn("nothing was changed: --yes does it%s",
		     w->active.len != 0 ? ", with --force" : "");
		return w->active.len != 0 && !o->force ? EXIT_NO : EXIT_OK;
	}
	if (w->active.len == 0 || o->force)
		rc = rewind_move(w);
	else
		rc = 0;
	if (rc < 0) {
		fault("%s", conn_error(w->conn));
		return EXIT_SERVER;
	}
	if (rc == 0 && w->active.len != 0)
		fault("%s: %s: consumers are active, nothing was changed: stop "
		      "them, or see --force",
		      w->stream, w->group);
	else if (rc == 0)
		fault("%s: %s: %s, nothing was changed", w->stream, w->group,
		      w->missing != NULL ? w->missing : "moved by others");
	if (rc == 0)
		return EXIT_NO;
	rewind_report_print(w, true, out);
	rewind_report_undo(w, o->replay.again, out);
	if (!o->no_audit && rewind_report_audit(w) < 0)
		return EXIT_SERVER;
	return EXIT_OK;
}

static enum exit_status
rewind_group(struct options *o, struct conn *c, struct out *out)
{
	struct rewind w = { 0 };
	enum exit_status status = EXIT_SERVER;
	int rc = rewind_read(&w, c, o->replay.stream, o->rewind, &o->goal);

	if (o->force)
		o->goal.lease_ms = 0;
	if (rc == 1) {
		status = move(o, &w, out);
	} else if (stop_requested()) {
		fault("interrupted: nothing was changed");
		status = EXIT_NO;
	} else if (rc == 0) {
		fault("%s: %s: %s", o->replay.stream, o->rewind, w.missing);
		status = EXIT_NO;
	} else {
		fault("%s", conn_error(c));
	}
	rewind_release(&w);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.replay = { .select = SELECT_OPTIONS_INIT,
			    .max_gap_ms = INT64_MAX,
			    .max_bytes = MAX_BYTES },
		.lease_ms = -1,
	};
	enum exit_status status;
	struct conn *conn = NULL;
	struct out out;

	stop_init();
	parse_options(&o, argc, argv);
	out_init(&out, STDOUT_FILENO, "<stdout>");
	if (o.replay.select.null)
		out.terminator = '\0';
	if (o.replay.stream != NULL || o.replay.publish.stream != NULL)
		conn = conn_open(&o.conn);
	if (conn != NULL && conn_error(conn) != NULL)
		die(conn_is_usage(conn) ? EXIT_USAGE : EXIT_SERVER, "%s",
		    conn_error(conn));
	status = o.rewind != NULL ? rewind_group(&o, conn, &out)
				  : replay_run(&o.replay, conn, &out);
	if (conn != NULL)
		conn_close(conn);
	buf_release(&o.again);
	opt_list_release(&o.in);
	opt_list_release(&o.replay.select.types);
	return (int)out_close(&out, status);
}
