/*
 * evlag - tell how far groups are behind
 *
 * Reads what the server knows of streams and their groups (survey), finds out
 * what it means (judge), and prints a row per group; or compares it with
 * thresholds (rules), once as a Nagios plugin does (--check) or again and again,
 * for events when something begins and ends to be wrong (--alerts); or shows
 * them on a terminal (--watch), or what is in work (--jobs).  It changes nothing.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/acl.h"
#include "common/alert.h"
#include "common/conn.h"
#include "common/deadline.h"
#include "common/diag.h"
#include "common/health.h"
#include "common/joblist.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/rules.h"
#include "common/sample.h"
#include "common/stop.h"
#include "common/view.h"
#include "common/watch.h"
#include "common/when.h"

enum { REPLY_MIN_MS = 2000 /* what a server gets to answer an --interval */ };

struct options {
	struct conn_options conn;
	struct sample_options sample;
	struct rules_options rules;
	const char *format, *to; /* NULL: the mode's own; standard output */
	int64_t apart_ms;        /* of the two samples of one look; 0: one */
	int64_t interval_ms;     /* between looks; 0: there is one */
	int64_t timeout_ms;
	uint64_t count; /* of looks, with --alerts of alerts, else of jobs */
	bool check, alerts, health, watch, jobs;
};

struct run {
	const struct options *o;
	struct conn *conn;
	struct rules rules;
	struct sample sample;
	struct rules_list found;
	struct health health;
	struct joblist jobs;
	struct view view;
	struct alerts alerts;
	struct out out;
	int64_t deadline;
	uint64_t done; /* of count */
};

static const struct opt_program program = {
	.purpose = "tell how far groups are behind",
	.usage = "[options] [STREAM|PATTERN…]\n"
		 "--check|--alerts [options] [STREAM|PATTERN…]\n"
		 "--watch|--jobs [options] [STREAM|PATTERN…]\n"
		 "--health [--check] [options]",
	.config = { "rules" },
	.acl = acl_put,
};

static void
check_modes(const struct options *o, bool thresholds)
{
	if (o->alerts && (o->check || o->health))
		opt_usage("--alerts goes with neither --check nor --health");
	if (o->alerts && (o->to != NULL || o->format != NULL))
		opt_usage("--alerts prints events: no --format, no --to");
	if ((o->watch || o->jobs) && (o->check || o->alerts || o->health))
		opt_usage("--watch and --jobs go with no --check, --alerts or "
			  "--health");
	if (o->watch && (o->to != NULL || o->format != NULL))
		opt_usage("--watch paints a terminal: no --format, no --to");
	if (o->jobs && o->apart_ms != 0)
		opt_usage("--sample is for rates, which jobs have not");
	if (o->health && o->sample.operands != 0)
		opt_usage("--health is of the server, not of streams");
	if (o->interval_ms != 0 && (o->check || o->health))
		opt_usage("--interval is not for --check and --health");
	if (o->interval_ms != 0 && o->apart_ms != 0)
		opt_usage("--sample is for one look, without --interval");
	if (o->interval_ms == 0 && !o->jobs && o->count != UINT64_MAX)
		opt_usage("--count is for --alerts, --interval, --watch and "
			  "--jobs");
	if (!thresholds && (o->rules.warn != NULL || o->rules.crit != NULL ||
			    o->rules.path != NULL))
		opt_usage("thresholds are for --check, --alerts, --health "
			  "and --format nagios");
}

/* How to print; what is left open follows the mode. */
static void
choose_view(const struct options *o, struct view *v)
{
	const char *name = o->format != NULL ? o->format
			   : o->check        ? "nagios"
					     : "table";

	v->kind = o->health  ? VIEW_HEALTH
		  : o->check ? VIEW_CHECK
		  : o->jobs  ? VIEW_JOBS
			     : VIEW_SURVEY;
	v->to = o->to;
	v->rates = o->apart_ms != 0 || o->interval_ms != 0;
	v->form = view_form(name, v->kind);
	if (v->form == NULL && view_form(name, VIEW_SURVEY) != NULL)
		opt_usage("--format %s is not for this", name);
	if (v->form == NULL)
		opt_usage("--format is table, ndjson, prometheus or nagios");
}

/* Take the rules if they are wanted, and see to it that what they need is
 * looked at. */
static void
load_rules(struct options *o, struct run *run, const struct config *config)
{
	struct rules *r = &run->rules;
	uint64_t most;

	if (rules_open(r, &o->rules, config) < 0)
		die(EXIT_USAGE, "%s", r->error);
	if (!o->health && !o->alerts && o->apart_ms == 0 &&
	    rules_has(r, RULES_GROWTH))
		opt_usage("growth needs --sample: how far apart to look");
	most = rules_most_lag(r);
	if (most > o->sample.survey.most)
		o->sample.survey.most = most;
	o->sample.memory = rules_has(r, RULES_MEMORY);
}

static void
check_options(struct options *o, struct run *run, const struct config *config)
{
	bool thresholds;
	size_t i;

	if ((o->alerts || o->watch) && o->interval_ms == 0)
		o->interval_ms = o->watch ? 2000 : 10000;
	choose_view(o, &run->view);
	thresholds = o->check || o->alerts || o->health ||
		     view_is(&run->view, "nagios");
	check_modes(o, thresholds);
	if (o->sample.survey.lease_ms == 0)
		opt_usage("--lease must be longer than 0");
	for (i = 0; i < o->sample.operands; i++)
		if (*o->sample.operand[i] == '\0')
			opt_usage("a stream's name can't be empty");
	if (view_is(&run->view, "prometheus") || o->watch)
		o->sample.memory = true;
	if (thresholds) {
		load_rules(o, run, config);
		run->view.found = &run->found;
	}
}

/* Nagios takes status 2, of wrong usage, for critical. */
static void
take_nagios_statuses(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--check") == 0)
			diag_set_failure(RULES_UNKNOWN);
}

static void
parse_options(struct options *o, struct run *run, int argc, char **argv)
{
	struct survey_options *survey = &o->sample.survey;
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_TEXT('g', "group", "GLOB", &survey->group,
			 "show the groups that match"),
		OPT_TEXT(0, "format", "FORMAT", &o->format,
			 "table, ndjson, prometheus or nagios (table)"),
		OPT_TEXT(0, "to", "FILE", &o->to, "replace FILE by the output"),
		OPT_DURATION(0, "lease", "DUR", &survey->lease_ms,
			     "who is silent for longer is gone (30s)"),
		OPT_DURATION(0, "sample", "DUR", &o->apart_ms,
			     "look twice, that far apart, for rates"),
		OPT_DURATION(
			0, "interval", "DUR", &o->interval_ms,
			"look again and again (--alerts: 10s, --watch: 2s)"),
		OPT_U64('c', "count", "N", &o->count,
			"stop after N looks, alerts or jobs"),
		OPT_DURATION('w', "timeout", "DUR", &o->timeout_ms,
			     "stop after this long"),
		OPT_BOOL(0, "check", &o->check,
			 "exit as Nagios plugins do: 0 1 2 3"),
		OPT_RULES(&o->rules),
		OPT_BOOL(0, "alerts", &o->alerts,
			 "print events when rules fire and clear"),
		OPT_BOOL(0, "health", &o->health,
			 "check the server: memory, persistence, …"),
		OPT_BOOL(0, "watch", &o->watch,
			 "show it on the terminal, again and again"),
		OPT_BOOL(
			0, "jobs", &o->jobs,
			"show what runs, waits for its next attempt, is stuck"),
		OPT_END,
	};
	struct opt_args args;

	take_nagios_statuses(argc, argv);
	opt_parse(table, &program, argc, argv, &args);
	diag_set_failure(o->check ? (int)RULES_UNKNOWN : -1);
	o->sample.operand = args.operand;
	o->sample.operands = args.count;
	check_options(o, run, args.config);
}

static bool
is_over(const struct run *run)
{
	return stop_requested() || run->out.error != 0 ||
	       run->done >= run->o->count ||
	       (run->deadline != INT64_MAX &&
		when_monotonic() >= run->deadline);
}

/* Wait for the next look; less if it is over. */
static void
rest(struct run *run, int64_t until)
{
	struct pollfd pfd[2] = {
		{ .fd = stop_fd(), .events = POLLIN },
		{ .fd = out_watch_fd(&run->out) },
	};
	int64_t end = until < run->deadline ? until : run->deadline;
	int left;

	while (!is_over(run) && (left = deadline_left(end)) != 0)
		if (poll(pfd, 2, left) > 0 && out_is_abandoned(&run->out))
			return;
}

/* By default the first JOBLIST_COUNT are shown. */
static size_t
most_jobs(const struct options *o)
{
	return o->interval_ms == 0 && o->count < SIZE_MAX ? (size_t)o->count
							  : JOBLIST_COUNT;
}

/* Ask once, or twice for rates. */
static void
look(struct run *run)
{
	const struct options *o = run->o;
	int rc;

	if (o->health) {
		rc = conn_is_lost(run->conn)
			     ? -1
			     : health_read(&run->health, run->conn,
					   &run->rules);
	} else {
		rc = sample_take(&run->sample);
		if (rc == 0 && o->apart_ms != 0) {
			rest(run, deadline_in(o->apart_ms));
			rc = sample_take(&run->sample);
		}
		if (rc == 0 && run->view.found != NULL)
			rules_list_check(&run->found, &run->rules,
					 &run->sample.survey, &run->sample.past,
					 sample_memory(&run->sample));
		if (rc == 0 && o->jobs)
			rc = joblist_read(&run->jobs, run->conn,
					  &run->sample.survey, most_jobs(o));
	}
	run->view.away = rc < 0 ? conn_error(run->conn) : NULL;
}

static void
print_alert(void *arg, const struct alert *alert)
{
	struct run *run = arg;

	if (run->done >= run->o->count)
		return;
	alert_put_event(&run->out.buf, alert, run->sample.now_ms);
	out_end(&run->out);
	run->done++;
}

static int
print_alerts(struct run *run)
{
	struct alerts *a = &run->alerts;

	if (run->view.away == NULL) {
		alert_check(a, run->sample.now_ms, &run->found, print_alert,
			    run);
	} else {
		alert_begin(a, run->sample.now_ms);
		alert_end_away(a, run->sample.away_ms, run->view.away,
			       print_alert, run);
	}
	return out_flush(&run->out);
}

/* The status that Nagios wants. */
static enum rules_severity
severity_of(const struct run *run)
{
	if (run->view.away != NULL)
		return RULES_UNKNOWN;
	return run->o->health ? run->health.worst : run->found.worst;
}

static enum exit_status
answer_once(struct run *run)
{
	const struct options *o = run->o;

	look(run);
	if (run->view.away != NULL &&
	    !(o->check && view_is(&run->view, "nagios")))
		fault("%s", run->view.away);
	if (view_print(&run->view, &run->out) < 0 && run->out.error == 0)
		return EXIT_OUTPUT;
	if (o->check)
		return (enum exit_status)severity_of(run);
	if (run->view.away != NULL)
		return EXIT_SERVER;
	return o->health || sample_is_whole(&run->sample) ? EXIT_OK : EXIT_NO;
}

static enum exit_status
answer_on_and_on(struct run *run)
{
	const struct options *o = run->o;
	int64_t next = when_monotonic();
	bool was_away = false, away = false;

	while (!is_over(run)) {
		look(run);
		away = run->view.away != NULL;
		if (away && stop_requested())
			break;
		if (away && !was_away)
			warn("%s", run->view.away);
		else if (was_away && !away)
			warn("%s: connected", conn_name(run->conn));
		was_away = away;
		if ((o->alerts ? print_alerts(run)
			       : view_print(&run->view, &run->out)) < 0)
			return run->out.error != 0 ? EXIT_OK : EXIT_OUTPUT;
		run->done += !o->alerts;
		next += o->interval_ms;
		if (next < when_monotonic()) /* a look took longer */
			next = when_monotonic();
		rest(run, next);
	}
	if (o->count != UINT64_MAX && run->done < o->count &&
	    run->out.error == 0)
		return EXIT_NO;
	return away && !o->alerts ? EXIT_SERVER : EXIT_OK;
}

static enum exit_status
answer(struct run *run)
{
	const struct options *o = run->o;
	const struct watch_options watch = {
		.interval_ms = o->interval_ms,
		.count = o->count,
		.deadline = run->deadline,
		.jobs = o->jobs,
		.most = most_jobs(o),
	};

	if (o->watch)
		return watch_run(&run->sample, &watch);
	return o->interval_ms != 0 ? answer_on_and_on(run) : answer_once(run);
}

/* Looks that are repeated try once each; an answer that is waited for is tried
 * as long as was asked for, but not beyond --timeout. */
static void
open_conn(struct run *run, struct options *o)
{
	if (o->interval_ms != 0) {
		int64_t most = o->interval_ms < REPLY_MIN_MS ? REPLY_MIN_MS
							     : o->interval_ms;

		o->conn.retry_for_ms = 0;
		if (o->conn.reply_ms > most)
			o->conn.reply_ms = most;
	}
	if (o->conn.retry_for_ms > o->timeout_ms)
		o->conn.retry_for_ms = o->timeout_ms;
	if (o->conn.reply_ms > o->timeout_ms)
		o->conn.reply_ms = o->timeout_ms;
	run->conn = conn_open(&o->conn);
	if (conn_error(run->conn) != NULL && conn_is_usage(run->conn))
		die(EXIT_USAGE, "%s", conn_error(run->conn));
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.sample = { .survey = { .lease_ms = 30000,
					.most = SURVEY_COUNT } },
		.count = UINT64_MAX,
		.timeout_ms = INT64_MAX,
	};
	struct run run = { .o = &o };
	enum exit_status status;

	stop_init();
	parse_options(&o, &run, argc, argv);
	out_init(&run.out, STDOUT_FILENO, "<stdout>");
	run.deadline = deadline_in(o.timeout_ms);
	open_conn(&run, &o);
	sample_init(&run.sample, &o.sample, run.conn);
	run.view.sample = &run.sample;
	run.view.health = &run.health;
	run.view.jobs = &run.jobs;
	status = answer(&run);
	sample_release(&run.sample);
	rules_list_release(&run.found);
	rules_release(&run.rules);
	alert_release(&run.alerts);
	health_release(&run.health);
	joblist_release(&run.jobs);
	conn_close(run.conn);
	status = out_close(&run.out, status);
	return (int)(o.check && (int)status > RULES_UNKNOWN
			     ? (enum exit_status)RULES_UNKNOWN
			     : status);
}
