/*
 * evtrim - trim streams without losing what a group needs
 *
 * Removes the oldest entries beyond limits of age, number and size, or single
 * ones; and what else outlives its use: dead letters, idle consumers, scheduled
 * events.  Nothing goes that a group has not read or not acknowledged: that is
 * looked for by the script that removes, on the server.  Without --yes it prints
 * its plan.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/acl.h"
#include "common/conn.h"
#include "common/diag.h"
#include "common/event.h"
#include "common/mem.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/policy.h"
#include "common/retain.h"
#include "common/select.h"
#include "common/stop.h"
#include "common/stream.h"
#include "common/trim.h"
#include "common/trim_delete.h"
#include "common/trim_names.h"
#include "common/trim_reap.h"
#include "common/trim_report.h"

struct options {
	struct conn_options conn;
	struct select_options select;
	struct when before, since, until;
	struct policy_rule rule;
	const char *policy, *format;
	bool remove, ids, delayed, force, yes, no_audit;
	char **stream;
	size_t streams;
};

struct run {
	const struct options *o;
	struct conn *conn, *side; /* for scripts, for reading meanwhile */
	struct policy policy;
	struct select select;
	struct retain retain;
	struct out out;
	struct buf chosen; /* JSON: what chose single entries */
	struct trim_names names;
	struct id first, last; /* of --since and --until */
	uint64_t failed; /* events that a filter failed on, refused lines */
};

static const struct opt_program program = {
	.purpose = "trim streams without losing what a group needs",
	.usage = "[-y] [options] STREAM|PATTERN…\n"
		 "--policy FILE [-y] [options] [STREAM|PATTERN…]\n"
		 "--delete [-y] [options] STREAM|PATTERN…\n"
		 "--delayed [-y] [options] STREAM…",
	.acl = acl_put,
	.config = { EVENT_PROFILE_SECTIONS },
};

static bool
selects(const struct options *o)
{
	return o->select.types.count != 0 || o->select.filter != NULL ||
	       o->select.correlation != NULL || o->since.kind != WHEN_UNSET ||
	       o->until.kind != WHEN_UNSET;
}

static bool
limits(const struct options *o)
{
	return trim_limits_any(&o->rule.limits) || o->before.kind != WHEN_UNSET;
}

static bool
has_rule(const struct options *o)
{
	return limits(o) || o->rule.dead_ms >= 0 || o->rule.consumers_ms >= 0;
}

static void
check_names(const struct options *o)
{
	size_t i;

	if (o->streams == 0 && o->policy == NULL)
		opt_usage("a STREAM is missing");
	for (i = 0; i < o->streams; i++) {
		const char *name = o->stream[i];

		if (!trim_names_is_pattern(name) &&
		    stream_name_error(name) != NULL)
			opt_usage("%s: %s", name, stream_name_error(name));
		if (trim_names_is_pattern(name) && (o->ids || o->delayed))
			opt_usage("%s: %s takes no pattern", name,
				  o->ids ? "--ids" : "--delayed");
	}
}

static void
check_options(const struct options *o)
{
	int forms = has_rule(o) + (o->policy != NULL) + o->remove + o->delayed;

	check_names(o);
	if (forms == 0)
		opt_usage("nothing to do: a limit is missing, such as --keep");
	if (forms > 1)
		opt_usage("limits, --policy, --delete and --delayed exclude "
			  "each other");
	if (o->rule.archive != NULL && !limits(o) && o->rule.dead_ms < 0)
		opt_usage("--archive is for what limits trim");
	if (o->rule.archive != NULL && strcmp(o->rule.archive, "-") == 0)
		opt_usage("--archive: standard output can't be synced; it "
			  "takes a file");
	if (o->ids && !o->remove)
		opt_usage("--ids is for --delete");
	if (o->ids && (selects(o) || o->select.count != UINT64_MAX))
		opt_usage("with --ids the ids select, and nothing else");
	if ((o->remove || o->delayed) && !o->ids && !selects(o))
		opt_usage("%s needs to know which: --filter, --type, --since, "
			  "--until%s",
			  o->remove ? "--delete" : "--delayed",
			  o->remove ? " or --ids" : "");
	if (selects(o) && !o->remove && !o->delayed)
		opt_usage("--filter, --type, --since and --until are for "
			  "--delete and --delayed");
	if (o->select.count != UINT64_MAX && !o->remove)
		opt_usage("--count is for --delete");
	if (o->delayed && o->force)
		opt_usage("--force: no group needs a scheduled event");
	if (strcmp(o->format, "text") != 0 && strcmp(o->format, "ndjson") != 0)
		opt_usage("--format is text or ndjson");
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	struct policy_rule *r = &o->rule;
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_DURATION(0, "keep", "DUR", &r->limits.keep_ms,
			     "trim what is older than this"),
		OPT_WHEN(0, "before", "ID|TIME", &o->before,
			 "trim what is before this"),
		OPT_U64(0, "maxlen", "N", &r->limits.maxlen,
			"trim to so many entries"),
		OPT_SIZE(0, "max-bytes", "SIZE", &r->limits.max_bytes,
			 "trim to about so much memory"),
		OPT_TEXT(0, "archive", "FILE", &r->archive,
			 "append to FILE what is trimmed, before it is"),
		OPT_DURATION(0, "dead", "DUR", &r->dead_ms,
			     "trim dead letters that died longer ago"),
		OPT_DURATION(0, "consumers", "DUR", &r->consumers_ms,
			     "remove consumers idle so long that hold nothing"),
		OPT_TEXT(0, "policy", "FILE", &o->policy,
			 "what to do with which streams"),
		OPT_BOOL(0, "delete", &o->remove, "remove single entries"),
		OPT_BOOL(0, "ids", &o->ids,
			 "take ids or records from stdin, for --delete"),
		OPT_BOOL(0, "delayed", &o->delayed, "cancel scheduled events"),
		OPT_LIST('t', "type", "GLOB", &o->select.types,
			 "remove events of this type (repeatable)"),
		OPT_TEXT('e', "filter", "JQ", &o->select.filter,
			 "remove events for which this jq expression is true"),
		OPT_TEXT(0, "correlation", "ID", &o->select.correlation,
			 "remove the event ID and those it correlates"),
		OPT_WHEN('S', "since", "TIME", &o->since,
			 "remove from this time on"),
		OPT_WHEN('U', "until", "TIME", &o->until,
			 "remove up to this time"),
		OPT_U64('c', "count", "N", &o->select.count,
			"remove N events at most"),
		OPT_TEXT(0, "field", "NAME", &o->select.field,
			 "the entry field that holds the event"),
		OPT_BOOL(0, "force", &o->force, "also what groups need"),
		OPT_BOOL('y', "yes", &o->yes, "do it, not only print the plan"),
		OPT_DURATION('w', "timeout", "DUR", &o->select.timeout_ms,
			     "stop after this long"),
		OPT_TEXT(0, "format", "FORMAT", &o->format,
			 "of what is printed: text or ndjson (text)"),
		OPT_BOOL(0, "no-audit", &o->no_audit, "no event in ev:audit"),
		OPT_END,
	};
	struct opt_args args;
	char error[EVENT_ERROR];

	opt_parse(table, &program, argc, argv, &args);
	if (event_profiles_load(args.config, error) < 0)
		die(EXIT_USAGE, "%s", error);
	if (args.command != NULL)
		opt_usage("it runs no command");
	o->stream = args.operand;
	o->streams = args.count;
	check_options(o);
	if (o->conn.retry_for_ms > o->select.timeout_ms)
		o->conn.retry_for_ms = o->select.timeout_ms;
}

/* Whether to go on with the next stream. */
static bool
may_go_on(struct run *run)
{
	return !conn_is_lost(run->conn) &&
	       (run->side == NULL || !conn_is_lost(run->side)) &&
	       !trim_is_over(&run->retain.trim) && run->out.error == 0;
}

static void
apply_to_all(struct run *run)
{
	const struct policy_rule *rule = &run->o->rule;
	size_t i;

	for (i = 0; i < run->names.count && may_go_on(run); i++) {
		if (run->o->policy != NULL)
			rule = policy_find(&run->policy, run->names.name[i]);
		if (rule != NULL)
			retain_apply(&run->retain, run->names.name[i], rule);
	}
}

static void
say_refusal(struct run *run)
{
	const char *why = conn_error(run->conn);

	fault("%s", why != NULL ? why : conn_error(run->side));
	run->retain.refused = true;
}

static void
delete_from_all(struct run *run)
{
	const struct options *o = run->o;
	size_t n = run->names.count, i;
	struct trim_delete *d = xcalloc(n + 1, sizeof(*d));
	int rc = 0;

	for (i = 0; i < n; i++)
		d[i] = (struct trim_delete){ .stream = run->names.name[i],
					     .conn = run->conn,
					     .force = o->force,
					     .plan = !o->yes };
	if (o->ids)
		rc = trim_delete_input(d, n, STDIN_FILENO,
				       run->retain.trim.deadline, &run->failed);
	if (rc == -2) {
		fault("<stdin>: %s", strerror(errno));
		run->retain.broken = true;
	}
	for (i = 0; i < n && rc != -2 && may_go_on(run); i++) {
		if (!o->ids)
			rc = trim_delete_scan(&d[i], run->side, &run->select,
					      run->first, run->last,
					      run->retain.trim.deadline,
					      &run->failed);
		if (rc < 0 || trim_delete_flush(&d[i]) < 0)
			say_refusal(run);
		rc = 0;
	}
	for (i = 0; i < n; i++) {
		if (trim_report_delete(&run->retain.report, &d[i]) < 0)
			run->retain.refused = true;
		run->retain.held |= d[i].holders != 0 && !o->force;
		run->failed += o->ids ? d[i].absent : 0;
		trim_delete_release(&d[i]);
	}
	free(d);
}

static void
cancel_in_all(struct run *run)
{
	struct trim_cancel c = {
		.conn = run->conn,
		.select = &run->select,
		.first = (int64_t)(run->first.ms & INT64_MAX),
		.last = run->last.ms > INT64_MAX ? INT64_MAX
						 : (int64_t)run->last.ms,
		.plan = !run->o->yes,
		.deadline = run->retain.trim.deadline,
	};
	size_t i;

	for (i = 0; i < run->names.count && may_go_on(run); i++) {
		c.stream = run->names.name[i];
		c.removed = 0;
		if (trim_cancel(&c) < 0)
			say_refusal(run);
		if (trim_report_cancel(&run->retain.report, c.stream,
				       c.removed) < 0)
			run->retain.refused = true;
	}
	run->failed += c.failed;
}

static void
resolve_times(struct run *run, struct options *o)
{
	int64_t now = conn_now(run->conn);

	if (now < 0)
		die(EXIT_SERVER, "%s", conn_error(run->conn));
	run->retain.trim.now_ms = now;
	o->rule.limits.before = when_first_id(&o->before, now);
	run->first = when_first_id(&o->since, now);
	run->last = o->until.kind == WHEN_UNSET ? ID_MAX
						: when_last_id(&o->until, now);
}

static enum exit_status
work(struct run *run)
{
	const struct options *o = run->o;
	bool missing = false;

	if (trim_names_find(&run->names, run->conn, o->stream, o->streams,
			    &missing) < 0) {
		fault("%s", conn_error(run->conn));
		return EXIT_SERVER;
	}
	trim_report_select(&run->chosen, &o->select, run->first, run->last,
			   o->ids, o->force);
	run->retain.report.select = buf_text(&run->chosen);
	if (o->remove)
		delete_from_all(run);
	else if (o->delayed)
		cancel_in_all(run);
	else
		apply_to_all(run);
	if (!o->yes)
		warn("nothing was changed: --yes does it");
	if (o->remove || o->delayed)
		trim_is_over(&run->retain.trim);
	if (run->retain.trim.over)
		fault("interrupted: there may be more to do");
	if (run->retain.broken)
		return EXIT_OUTPUT;
	if (run->retain.refused)
		return EXIT_SERVER;
	if (run->failed != 0)
		return EXIT_INPUT;
	return run->retain.held || run->retain.trim.over || missing ? EXIT_NO
								    : EXIT_OK;
}

static void
open_all(struct run *run, struct options *o)
{
	int64_t now = when_monotonic();

	if (select_open(&run->select, &o->select) < 0)
		opt_usage("%s", run->select.error);
	if (o->policy != NULL && policy_open(&run->policy, o->policy) < 0)
		die(EXIT_USAGE, "%s", run->policy.error);
	out_init(&run->out, STDOUT_FILENO, "<stdout>");
	run->conn = conn_open(&o->conn);
	if (conn_error(run->conn) != NULL)
		die(conn_is_usage(run->conn) ? EXIT_USAGE : EXIT_SERVER, "%s",
		    conn_error(run->conn));
	if (o->remove || o->policy != NULL || o->rule.archive != NULL)
		run->side = conn_again(run->conn);
	retain_init(&run->retain, run->conn, run->side);
	run->retain.trim.field = o->select.field;
	run->retain.trim.force = run->retain.report.force = o->force;
	if (o->select.timeout_ms < INT64_MAX - now)
		run->retain.trim.deadline = now + o->select.timeout_ms;
	run->retain.report.out = &run->out;
	run->retain.report.ndjson = *o->format == 'n';
	run->retain.report.plan = !o->yes;
	run->retain.report.audit = !o->no_audit;
	resolve_times(run, o);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.select = SELECT_OPTIONS_INIT,
		.rule = POLICY_RULE_INIT,
		.format = "text",
	};
	struct run run = { .o = &o };
	enum exit_status status;

	stop_init();
	parse_options(&o, argc, argv);
	open_all(&run, &o);
	status = work(&run);
	retain_release(&run.retain);
	trim_names_release(&run.names);
	policy_close(&run.policy);
	select_close(&run.select);
	buf_release(&run.chosen);
	opt_list_release(&o.select.types);
	conn_close(run.side);
	conn_close(run.conn);
	return (int)out_close(&run.out, status);
}
