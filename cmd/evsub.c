/*
 * evsub - consume streams as a member of a group
 *
 * Prints events, runs a command for each, or hands them to one that stays; each
 * is acknowledged once that is done.  What other members died over is taken over
 * after their lease.  The loops are printer, worker, coprocess and settle.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/acl.h"
#include "common/conn.h"
#include "common/coprocess.h"
#include "common/diag.h"
#include "common/group.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/printer.h"
#include "common/select.h"
#include "common/settle.h"
#include "common/stop.h"
#include "common/worker.h"

enum {
	RETRY_MS = 30000, /* with an end in sight; else for ever */
	JOBS_MAX = 1000,
	LEASE_MS = 30000,
	LEASE_MIN_MS = 100
};

struct options {
	struct conn_options conn;
	struct select_options select;
	struct group_options group;
	struct worker_options worker;
	struct json_pointer key;
	bool until_end, settle, coprocess;
	char **stream;
	size_t streams;
};

struct run {
	const struct options *o;
	struct conn *conn;
	struct select select;
	struct group group;
	struct out out;
	int64_t deadline;
	uint64_t handled, failed;
};

static const struct opt_program program = {
	.purpose = "consume streams as a member of a group",
	.usage = "-g GROUP [options] STREAM…\n"
		 "-g GROUP [options] STREAM… -- COMMAND [ARG…]\n"
		 "-g GROUP --coprocess [options] STREAM… -- COMMAND [ARG…]\n"
		 "--settle [-g GROUP] [options]",
	.acl = acl_put,
	.config = { CATALOG_SECTION, EVENT_PROFILE_SECTIONS },
};

static void
check_coprocess(struct options *o)
{
	const struct worker_options *w = &o->worker;

	if (w->run.argv == NULL)
		opt_usage("--coprocess needs a COMMAND behind --");
	if (w->jobs != 1 || w->ordered || w->key_text != NULL ||
	    w->output != NULL || w->output_type != NULL)
		opt_usage("--jobs, --ordered, --key, --output don't go with "
			  "--coprocess");
	if (o->group.batch == 0)
		o->group.batch = COPROCESS_WINDOW;
	if (o->group.batch > COPROCESS_WINDOW_MAX)
		opt_usage("--batch: at most %d with --coprocess",
			  COPROCESS_WINDOW_MAX);
}

static void
check_worker(struct options *o, const struct opt_args *args)
{
	struct worker_options *w = &o->worker;

	if (*args->command == NULL)
		opt_usage("a COMMAND is missing behind --");
	if (o->group.manual || o->select.program != NULL)
		opt_usage("--manual and --jq don't go with a COMMAND");
	if (w->jobs == 0 || w->jobs > JOBS_MAX || w->run.attempts == 0)
		opt_usage("--jobs: 1 to %d; --attempts: at least 1", JOBS_MAX);
	if (w->max_waiting == 0)
		opt_usage("--max-waiting: at least 1");
	if (w->ordered && w->jobs != 1)
		opt_usage("--ordered runs one handler at a time");
	if (w->key_text != NULL && json_pointer_parse(&o->key, w->key_text) < 0)
		opt_usage("--key: \"%s\" is not a JSON Pointer", w->key_text);
	if (w->key_text != NULL)
		w->run.key = &o->key;
	w->run.argv = args->command;
	w->until_end = o->until_end;
}

static void
check_options(struct options *o, const struct opt_args *args)
{
	const char *wrong;
	char error[EVENT_ERROR];
	size_t i;

	if (event_profiles_load(args->config, error) < 0)
		die(EXIT_USAGE, "%s", error);
	if (o->settle) {
		if (args->count != 0)
			opt_usage("--settle reads records: no STREAM");
		return;
	}
	if (o->group.name == NULL)
		opt_usage("a --group is missing");
	if (args->count == 0)
		opt_usage("a STREAM is missing");
	if (o->group.lease_ms < LEASE_MIN_MS)
		opt_usage("--lease: at least 100ms");
	if (o->group.consumer != NULL) {
		wrong = group_consumer_error(o->group.consumer);
		if (wrong != NULL)
			opt_usage("--consumer: %s", wrong);
	}
	for (i = 0; i < args->count; i++) {
		wrong = stream_name_error(args->operand[i]);
		if (wrong != NULL)
			opt_usage("%s: %s", args->operand[i], wrong);
	}
	if (o->group.priorities && args->count != 1)
		opt_usage("--priorities reads one STREAM");
	if (args->command != NULL)
		check_worker(o, args);
	if (o->coprocess)
		check_coprocess(o);
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_TEXT('g', "group", "GROUP", &o->group.name,
			 "the consumer group, created if missing"),
		OPT_TEXT(0, "consumer", "NAME", &o->group.consumer,
			 "name within the group (HOST:PID:RANDOM)"),
		OPT_WHEN(0, "from", "TIME", &o->group.from,
			 "where a new group starts (start)"),
		OPT_U64('b', "batch", "N", &o->group.batch,
			"read at most N events at a time"),
		OPT_BOOL('E', "until-end", &o->until_end,
			 "stop once what is there now is handled"),
		OPT_DURATION(0, "lease", "DUR", &o->group.lease_ms,
			     "take over from consumers silent so long (30s)"),
		OPT_BOOL(0, "priorities", &o->group.priorities,
			 "read STREAM by priority: critical first"),
		OPT_BOOL(0, "manual", &o->group.manual,
			 "acknowledge nothing, see --settle"),
		OPT_BOOL(0, "settle", &o->settle,
			 "acknowledge the records on standard input"),
		OPT_BOOL(0, "coprocess", &o->coprocess,
			 "one COMMAND for all events: records in, verdicts "
			 "out"),
		OPT_WORKER(&o->worker),
		OPT_SELECT(&o->select),
		OPT_CATALOG(&o->select.schemas),
		OPT_END,
	};
	struct opt_args args;

	opt_parse(table, &program, argc, argv, &args);
	check_options(o, &args);
	o->select.schemas.config = args.config;
	o->stream = args.operand;
	o->streams = args.count;
	if (o->group.manual)
		o->select.meta = true; /* bare events can't be settled */
	if (o->conn.retry_for_ms < 0)
		o->conn.retry_for_ms = o->until_end ? RETRY_MS : INT64_MAX;
	if (o->conn.retry_for_ms > o->select.timeout_ms)
		o->conn.retry_for_ms = o->select.timeout_ms;
	o->group.retry_for_ms = o->conn.retry_for_ms;
}

/* A COMMAND for each event. */
static int
work(struct run *run)
{
	struct desk_counts n = { 0 };
	const struct options *o = run->o;
	int rc =
		o->coprocess
			? coprocess_run(&o->worker, o->group.batch, &run->group,
					&run->select, run->deadline, &n)
			: worker_run(&o->worker, &run->group, &run->select,
				     &run->out, run->deadline, &n);

	run->handled = n.taken;
	info("%llu started: %llu done, %llu skipped, %llu to be retried, %llu "
	     "dead, %llu lost to others",
	     (unsigned long long)n.started, (unsigned long long)n.done,
	     (unsigned long long)n.skipped, (unsigned long long)n.retried,
	     (unsigned long long)n.dead, (unsigned long long)n.lost);
	return rc;
}

static int
print(struct run *run)
{
	struct printer_counts n = { 0 };
	int rc = printer_run(&run->group, &run->select, &run->out,
			     run->deadline, run->o->until_end, &n);

	run->handled = n.printed;
	run->failed = n.failed;
	if (rc < 0)
		fault("%s", conn_error(run->conn));
	return rc;
}

static void
keep_leases(void *arg)
{
	group_renew(arg);
}

static enum exit_status
subscribe(struct run *run)
{
	const struct options *o = run->o;
	struct group *g = &run->group;
	int rc;

	if (group_open(g, run->conn, &o->group, o->stream, o->streams) < 0 ||
	    (o->until_end && group_mark(g) < 0))
		die(EXIT_SERVER, "%s", conn_error(run->conn));
	/* A reader that is slow to read must not cost us the lease. */
	run->out.interrupted = keep_leases;
	run->out.arg = g;
	stop_tick(o->group.lease_ms / 3);
	rc = o->worker.run.argv != NULL ? work(run) : print(run);
	run->out.interrupted = NULL;
	group_close(g);
	if (rc < 0 && run->out.error == 0)
		return EXIT_SERVER;
	if (run->failed != 0 || g->trimmed != 0)
		return EXIT_INPUT;
	if (run->handled < o->select.count && o->select.count != UINT64_MAX &&
	    (stop_requested() || when_monotonic() >= run->deadline))
		return EXIT_NO;
	return EXIT_OK;
}

static enum exit_status
settle(struct run *run)
{
	const struct worker_options *w = &run->o->worker;
	const struct settle_options o = {
		.group = run->o->group.name,
		.rules = {
			.attempts = w->run.attempts,
			.backoff_ms = w->backoff_ms,
			.backoff_max_ms = w->backoff_max_ms,
		},
	};
	struct settle s;
	int rc = settle_run(&s, &o, run->conn, &run->select, &run->out,
			    STDIN_FILENO);

	info("%llu settled, %llu were not pending, %llu refused",
	     (unsigned long long)s.settled, (unsigned long long)s.unknown,
	     (unsigned long long)s.refused);
	if (s.retried + s.dead != 0)
		info("%llu to be retried, %llu dead",
		     (unsigned long long)s.retried, (unsigned long long)s.dead);
	if (rc == -1) {
		fault("%s", conn_error(run->conn));
		return EXIT_SERVER;
	}
	if (rc == -2) {
		fault("<stdin>: %s", strerror(errno));
		return EXIT_OUTPUT;
	}
	return s.refused != 0 ? EXIT_INPUT : EXIT_OK;
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.select = SELECT_OPTIONS_INIT,
		.group = { .lease_ms = LEASE_MS },
		.worker = WORKER_OPTIONS_INIT,
	};
	struct run run = { .o = &o };
	enum exit_status status;
	int64_t now = when_monotonic();

	o.conn.retry_for_ms = -1;
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
	status = o.settle ? settle(&run) : subscribe(&run);
	select_close(&run.select);
	conn_close(run.conn);
	opt_list_release(&o.select.types);
	opt_list_release(&o.select.schemas.maps);
	json_pointer_release(&o.key);
	return (int)out_close(&run.out, status);
}
