/*
 * evdlq - inspect and redrive dead letters
 *
 * Lists the events that groups gave up, as records that tell why; counts them by
 * what they died of; sends them back, as they are or edited; removes them.  What
 * changes something prints its plan, and does it with --yes, in batches.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/acl.h"
#include "common/conn.h"
#include "common/diag.h"
#include "common/dlq.h"
#include "common/dlq_change.h"
#include "common/dlq_input.h"
#include "common/dlq_report.h"
#include "common/dlq_stats.h"
#include "common/failure.h"
#include "common/mem.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/select.h"
#include "common/stop.h"

/* What functions here return besides 0 and 1; the last two were said. */
enum { BAD_CONN = -1, BAD_SIDE = -2, BAD_INPUT = -3 };

struct options {
	struct conn_options conn;
	struct select_options select;
	struct dlq_options dlq;
	struct dlq_goal goal;
	const char *format;
	uint64_t check; /* UINT64_MAX: not asked for */
	bool stats, redrive, input, yes, no_audit;
	char **stream;
	size_t streams;
};

struct run {
	struct options *o;
	struct conn *conn, *side; /* for reading, for changes */
	struct select select;
	struct dlq dlq;
	struct out out;
	struct dlq_change *change; /* by stream */
	int64_t deadline;
	uint64_t taken, failed;
};

static const struct opt_program program = {
	.purpose = "inspect and redrive dead letters",
	.usage = "[options] STREAM…\n"
		 "--stats|--check N [options] STREAM…\n"
		 "--redrive|--purge [-y] [--stdin] [options] STREAM…",
	.acl = acl_put,
	.config = { EVENT_PROFILE_SECTIONS },
};

static bool
selects(const struct options *o)
{
	return o->select.types.count != 0 || o->select.filter != NULL ||
	       o->select.count != UINT64_MAX || o->dlq.group != NULL ||
	       o->dlq.reasons.count != 0 || o->dlq.since.kind != WHEN_UNSET ||
	       o->dlq.until.kind != WHEN_UNSET;
}

static void
check_names(const struct options *o, const struct opt_args *args)
{
	size_t i, k;

	if (args->count == 0)
		opt_usage("a STREAM is missing");
	for (i = 0; i < args->count; i++) {
		const char *name = args->operand[i],
			   *wrong = dlq_name_error(name);

		for (k = 0; wrong == NULL && k < i; k++)
			if (strcmp(name, args->operand[k]) == 0)
				wrong = "named twice";
		if (wrong != NULL)
			opt_usage("%s: %s", name, wrong);
	}
	for (i = 0; i < o->dlq.reasons.count; i++)
		if (!failure_is_reason(o->dlq.reasons.item[i]))
			opt_usage("--reason: \"%s\" is none, see evdlq(1)",
				  o->dlq.reasons.item[i]);
	if (o->goal.to != NULL && stream_name_error(o->goal.to) != NULL)
		opt_usage("--to: %s: %s", o->goal.to,
			  stream_name_error(o->goal.to));
}

static void
check_options(const struct options *o, const struct opt_args *args)
{
	bool change = o->redrive || o->goal.purge;

	check_names(o, args);
	if (o->stats + o->redrive + o->goal.purge + (o->check != UINT64_MAX) >
	    1)
		opt_usage("one of --stats, --check, --redrive, --purge");
	if (!o->redrive && (o->goal.to != NULL || o->goal.force))
		opt_usage("--to and --force are for --redrive");
	if (!change && (o->goal.rate != 0 || o->input))
		opt_usage("--rate and --stdin are for --redrive and --purge");
	if (strcmp(o->format, "table") != 0 && strcmp(o->format, "ndjson") != 0)
		opt_usage("--format is table or ndjson");
	if (o->select.program != NULL &&
	    (change || o->stats || o->check != UINT64_MAX))
		opt_usage("--jq is for what is listed, see --stdin");
	if (o->input && selects(o))
		opt_usage("with --stdin the records select, and nothing else");
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_TEXT('g', "group", "GROUP", &o->dlq.group,
			 "keep what this group gave up"),
		OPT_LIST(0, "reason", "REASON", &o->dlq.reasons,
			 "keep what died of this (repeatable)"),
		OPT_WHEN('S', "since", "TIME", &o->dlq.since,
			 "keep what died from this time on"),
		OPT_WHEN('U', "until", "TIME", &o->dlq.until,
			 "keep what died up to this time"),
		OPT_BOOL(0, "stats", &o->stats, "count by what they died of"),
		OPT_TEXT(0, "format", "FORMAT", &o->format,
			 "of --stats: table or ndjson (table)"),
		OPT_U64(0, "check", "N", &o->check,
			"print how many; beyond N exit 1"),
		OPT_BOOL(0, "redrive", &o->redrive, "send back to the group"),
		OPT_TEXT(0, "to", "STREAM", &o->goal.to,
			 "redrive to this stream"),
		OPT_BOOL(0, "force", &o->goal.force,
			 "redrive more than 3 times"),
		OPT_BOOL(0, "purge", &o->goal.purge, "remove"),
		OPT_U64(0, "rate", "N", &o->goal.rate,
			"at most N a second (any)"),
		OPT_BOOL(0, "stdin", &o->input, "take records from stdin"),
		OPT_BOOL('y', "yes", &o->yes, "do it, not only print the plan"),
		OPT_BOOL(0, "no-audit", &o->no_audit, "no event in ev:audit"),
		OPT_SELECT(&o->select),
		OPT_END,
	};
	struct opt_args args;
	char error[EVENT_ERROR];

	opt_parse(table, &program, argc, argv, &args);
	if (event_profiles_load(args.config, error) < 0)
		die(EXIT_USAGE, "%s", error);
	if (args.command != NULL)
		opt_usage("it runs no command");
	check_options(o, &args);
	o->select.meta = true;
	o->goal.field = o->select.field;
	o->goal.dry = !o->yes;
	o->stream = args.operand;
	o->streams = args.count;
	if (o->conn.retry_for_ms > o->select.timeout_ms)
		o->conn.retry_for_ms = o->select.timeout_ms;
}

static bool
is_interrupted(const struct run *run)
{
	return stop_requested() || when_monotonic() >= run->deadline;
}

/* Read on.  1, 0 at the end, -1. */
static int
next(struct run *run)
{
	char id[ID_TEXT];
	int rc;

	while (run->taken < run->o->select.count && !is_interrupted(run)) {
		rc = dlq_next(&run->dlq);
		run->taken += rc == 1;
		if (rc != 2)
			return rc;
		id_put(id, run->dlq.id);
		warn("%s: %s: filter: %s", run->o->stream[run->dlq.stream], id,
		     run->select.error);
		run->failed++;
	}
	return 0;
}

static int
list(struct run *run)
{
	int rc = 0;

	while (run->out.error == 0 && (rc = next(run)) == 1)
		if (select_print(&run->select, &run->out) == 0) {
			warn("%s: jq: %s", run->select.record.stream,
			     run->select.error);
			run->failed++;
		}
	return run->out.error != 0 ? 0 : rc;
}

static int
show_stats(struct run *run)
{
	struct dlq_stats stats = { 0 };
	int rc;

	while ((rc = next(run)) == 1)
		dlq_stats_add(&stats, &run->dlq);
	dlq_stats_print(&stats, &run->out, *run->o->format == 'n');
	if (stats.others != 0)
		warn("%llu more, of other kinds than these %d",
		     (unsigned long long)stats.others, DLQ_KINDS);
	dlq_stats_release(&stats);
	return rc;
}

/* Print how many there are.  1 if these are too many, 0, -1. */
static int
check(struct run *run)
{
	uint64_t n = 0;
	int64_t length;
	size_t i;
	int rc = 0;

	for (i = 0; !selects(run->o) && i < run->o->streams; i++) {
		if ((length = dlq_length(run->conn, run->o->stream[i])) < 0)
			return -1;
		n += (uint64_t)length;
	}
	while (selects(run->o) && (rc = next(run)) == 1)
		n++;
	if (rc < 0)
		return rc;
	buf_addu(&run->out.buf, n);
	out_end(&run->out);
	return n > run->o->check || is_interrupted(run);
}

static int
change_found(struct run *run)
{
	struct dlq *d = &run->dlq;
	int rc;

	while ((rc = next(run)) == 1) {
		const struct event *ev = &run->select.record.event;

		if (dlq_change_add(&run->change[d->stream], d->id, &d->dead,
				   ev->text, ev->len) < 0)
			return BAD_SIDE;
	}
	return rc;
}

static int
change_named(struct run *run)
{
	struct dlq_input in = { 0 };
	int rc = dlq_input_run(&in, STDIN_FILENO, run->change, run->o->streams,
			       run->deadline);

	if (rc == -2)
		warn("<stdin>: %s", strerror(errno));
	run->failed += in.refused;
	return rc == -2 ? BAD_INPUT : rc == -1 ? BAD_SIDE : 0;
}

/* Say and remember what was done, also if it was not all. */
static int
report(struct run *run)
{
	const struct options *o = run->o;
	struct buf select = { 0 };
	size_t i;
	int rc = 0;

	dlq_report_select(&select, &run->dlq, &o->dlq, &o->select, o->input);
	for (i = 0; i < o->streams; i++) {
		struct dlq_change *c = &run->change[i];

		run->failed += dlq_report_print(c, &run->out);
		if (o->yes && !o->no_audit && c->done != 0 &&
		    dlq_report_audit(c, buf_text(&select), o->dlq.group) < 0)
			rc = BAD_SIDE;
	}
	if (!o->yes)
		warn("nothing was changed: --yes does it");
	buf_release(&select);
	return rc;
}

static int
change(struct run *run)
{
	size_t i, n = run->o->streams;
	int rc = 0, reported;

	run->side = conn_again(run->conn);
	run->change = xcalloc(n, sizeof(*run->change));
	for (i = 0; i < n; i++)
		if (dlq_change_open(&run->change[i], run->side, &run->o->goal,
				    run->o->stream[i]) < 0)
			rc = BAD_SIDE;
	if (rc == 0)
		rc = run->o->input ? change_named(run) : change_found(run);
	for (i = 0; i < n && rc != BAD_SIDE; i++)
		if (dlq_change_flush(&run->change[i]) < 0)
			rc = BAD_SIDE;
	if (rc == BAD_SIDE)
		warn("%s", conn_error(run->side));
	reported = report(run);
	for (i = 0; i < n; i++)
		dlq_change_close(&run->change[i]);
	free(run->change);
	return rc < 0 ? rc : reported;
}

/* Say which names are neither streams nor of dead letters: typing errors. */
static int
is_missing(struct run *run)
{
	size_t i;
	int known = 1, missing = 0;

	for (i = 0; i < run->o->streams && known >= 0; i++) {
		known = dlq_is_known(run->conn, run->o->stream[i]);
		if (known == 0)
			warn("%s: no such stream", run->o->stream[i]);
		missing |= known == 0;
	}
	return known < 0 ? BAD_CONN : missing;
}

static enum exit_status
work(struct run *run)
{
	const struct options *o = run->o;
	int missing = is_missing(run), rc = missing < 0 ? BAD_CONN : 0;

	if (rc == 0 && !o->input)
		rc = dlq_open(&run->dlq, run->conn, &o->dlq, &run->select,
			      o->stream, o->streams);
	if (rc == 0 && (o->redrive || o->goal.purge))
		rc = change(run);
	else if (rc == 0 && o->check != UINT64_MAX)
		rc = check(run);
	else if (rc == 0)
		rc = o->stats ? show_stats(run) : list(run);
	if (rc == BAD_CONN)
		warn("%s", conn_error(run->conn));
	if (rc < 0)
		return rc == BAD_INPUT ? EXIT_OUTPUT : EXIT_SERVER;
	if (run->failed != 0)
		return EXIT_INPUT;
	if (is_interrupted(run) && o->select.count != UINT64_MAX &&
	    run->taken < o->select.count)
		return EXIT_NO;
	return rc == 1 || missing == 1 ? EXIT_NO : EXIT_OK;
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.select = SELECT_OPTIONS_INIT,
		.format = "table",
		.check = UINT64_MAX,
	};
	struct run run = { .o = &o };
	enum exit_status status;
	int64_t now = when_monotonic();

	stop_init();
	parse_options(&o, argc, argv);
	if (select_open(&run.select, &o.select) < 0)
		opt_usage("%s", run.select.error);
	out_init(&run.out, STDOUT_FILENO, "<stdout>");
	if (o.select.null)
		run.out.terminator = '\0';
	run.deadline = o.select.timeout_ms < INT64_MAX - now
			       ? now + o.select.timeout_ms
			       : INT64_MAX;
	run.conn = conn_open(&o.conn);
	if (conn_error(run.conn) != NULL)
		die(conn_is_usage(run.conn) ? EXIT_USAGE : EXIT_SERVER, "%s",
		    conn_error(run.conn));
	status = work(&run);
	dlq_close(&run.dlq);
	select_close(&run.select);
	opt_list_release(&o.select.types);
	opt_list_release(&o.dlq.reasons);
	conn_close(run.side);
	conn_close(run.conn);
	return (int)out_close(&run.out, status);
}
