/*
 * evtail - look at the events of streams, and follow them
 *
 * Prints the last 10 events, or a range of them, and with -f whatever comes
 * after; counts them, tells what a group has made of them, lists those that are
 * scheduled.  It reads beside all groups: nothing is acknowledged and nothing
 * changes on the server.
 */
#include <string.h>
#include <unistd.h>

#include "common/acl.h"
#include "common/checkpoint.h"
#include "common/conn.h"
#include "common/diag.h"
#include "common/num.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/select.h"
#include "common/stop.h"
#include "common/tail.h"
#include "common/tally.h"
#include "common/text.h"

enum { RETRY_MS = 30000 };

struct options {
	struct conn_options conn;
	struct select_options select;
	struct tail_options tail;
	struct opt_list statuses;
	const char *lines, *checkpoint, *format, *to;
	bool follow, stats;
};

struct run {
	const struct options *o;
	struct conn *conn;
	struct select select;
	struct checkpoint checkpoint;
	struct out out;
	struct tail tail;
	int64_t deadline;
	uint64_t failed; /* events on which -j failed */
};

static const struct opt_program program = {
	.purpose = "look at the events of streams, and follow them",
	.usage = "[options] STREAM|PATTERN…",
	.acl = acl_put,
	.config = { CATALOG_SECTION, EVENT_PROFILE_SECTIONS },
};

/* -n N, -n +N, -n all */
static void
parse_lines(struct options *o)
{
	struct tail_options *t = &o->tail;
	const char *text = o->lines;

	if (text == NULL) {
		t->number = 10;
		t->from = o->checkpoint != NULL || o->stats || t->delayed ||
					  t->status != 0 ||
					  t->since.kind != WHEN_UNSET ||
					  t->until.kind != WHEN_UNSET
				  ? TAIL_FIRST
				  : TAIL_LAST;
		return;
	}
	if (strcmp(text, "all") == 0) {
		t->from = TAIL_FIRST;
		return;
	}
	t->from = *text == '+' ? TAIL_NTH : TAIL_LAST;
	if (num_u64(text + (*text == '+'), strlen(text + (*text == '+')),
		    &t->number) < 0)
		opt_usage("--lines: \"%s\" is not N, +N or all", text);
}

/* With a group there is more to print than the event. */
static void
parse_statuses(struct options *o)
{
	size_t i;

	for (i = 0; i < o->statuses.count; i++)
		if (status_parse(o->statuses.item[i], &o->tail.status) < 0)
			opt_usage("--status: \"%s\" is no list of waiting, "
				  "pending, retrying, done, dead",
				  o->statuses.item[i]);
	if (o->tail.status != 0 && o->tail.group == NULL)
		opt_usage("--status needs --group");
	if (o->tail.status != 0 && o->follow)
		opt_usage("--status and --follow exclude each other");
	if (o->tail.group != NULL)
		o->select.meta = true;
}

/* There is nothing to follow in what has not been published yet. */
static void
check_delayed(const struct options *o)
{
	const struct tail_options *t = &o->tail;
	size_t i;

	if (o->follow || o->stats || t->group != NULL || o->checkpoint != NULL)
		opt_usage("--delayed excludes --follow, --stats, --group and "
			  "--checkpoint");
	for (i = 0; i < t->names; i++) {
		const char *wrong = stream_name_error(t->name[i]);

		if (wrong == NULL && text_is_glob(t->name[i]))
			wrong = "--delayed takes names, no patterns";
		if (wrong != NULL)
			opt_usage("%s: %s", t->name[i], wrong);
	}
}

static void
check_options(struct options *o)
{
	if (o->follow && o->tail.until.kind != WHEN_UNSET)
		opt_usage("--follow and --until exclude each other");
	if (o->stats &&
	    (o->follow || o->checkpoint != NULL || o->select.program != NULL))
		opt_usage("--stats excludes --follow, --checkpoint and --jq");
	if (convert_parse(o->to, &o->select.to) < 0)
		opt_usage("--to: \"%s\" is neither cloudevents nor domain",
			  o->to);
	if (o->stats && o->to != NULL)
		opt_usage("--stats prints no events that --to could convert");
	if (strcmp(o->format, "table") != 0 && strcmp(o->format, "ndjson") != 0)
		opt_usage("--format is table or ndjson");
	if (o->select.invalid && o->select.schemas.dir == NULL)
		opt_usage("--invalid needs --schema-dir");
	if (!o->select.invalid)
		o->select.schemas.dir = NULL;
	parse_statuses(o);
	parse_lines(o);
	if (o->tail.since.kind == WHEN_END) { /* as -n 0, for each stream */
		o->tail.since.kind = WHEN_UNSET;
		o->tail.from = TAIL_LAST;
		o->tail.number = 0;
	}
	if (o->tail.delayed)
		check_delayed(o);
	if (o->tail.status != 0 && o->tail.from == TAIL_LAST)
		opt_usage("--status keeps all, those from +N on, or a range");
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_TEXT('n', "lines", "N|+N|all", &o->lines,
			 "the last N, from the Nth on, or all (10)"),
		OPT_BOOL('f', "follow", &o->follow, "go on with new events"),
		OPT_WHEN('S', "since", "TIME", &o->tail.since,
			 "from this time on"),
		OPT_WHEN('U', "until", "TIME", &o->tail.until,
			 "up to this time"),
		OPT_SELECT(&o->select),
		OPT_TEXT(0, "correlation", "ID", &o->select.correlation,
			 "keep the event ID and those it correlates"),
		OPT_CATALOG(&o->select.schemas),
		OPT_BOOL(0, "invalid", &o->select.invalid,
			 "keep events that break their schema"),
		OPT_TEXT('g', "group", "GROUP", &o->tail.group,
			 "print records with their status in GROUP"),
		OPT_LIST(0, "status", "STATUS,…", &o->statuses,
			 "keep what is waiting, pending, retrying, done, dead"),
		OPT_BOOL(0, "delayed", &o->tail.delayed,
			 "list scheduled events, by when they are due"),
		OPT_BOOL(0, "stats", &o->stats,
			 "count by type, source, priority and status"),
		OPT_TEXT(0, "format", "FORMAT", &o->format,
			 "of --stats: table or ndjson (table)"),
		OPT_TEXT(0, "to", "ENVELOPE", &o->to,
			 "convert to cloudevents or domain"),
		OPT_TEXT(0, "checkpoint", "FILE", &o->checkpoint,
			 "go on behind the last run, remembered in FILE"),
		OPT_END,
	};
	struct opt_args args;
	char error[EVENT_ERROR];

	opt_parse(table, &program, argc, argv, &args);
	if (event_profiles_load(args.config, error) < 0)
		die(EXIT_USAGE, "%s", error);
	if (args.count == 0)
		opt_usage("a STREAM is missing");
	o->tail.name = args.operand;
	o->tail.names = args.count;
	o->select.schemas.config = args.config;
	check_options(o);
}

static void
warn_of(const struct run *run)
{
	const struct select *s = &run->select;
	char id[ID_TEXT] = "";

	if (s->convert.error[0] == '\0') {
		warn("%s: jq: %s", s->record.stream, s->error);
		return;
	}
	if (!s->record.scheduled)
		id_put(id, s->record.id);
	warn("%s: %s%s%s", s->record.stream, id, *id != '\0' ? ": " : "",
	     s->error);
}

static int
print(struct run *run)
{
	int rc;

	while ((rc = tail_next(&run->tail)) == 1)
		if (select_print(&run->select, &run->out) == 0) {
			warn_of(run);
			run->failed++;
		}
	return rc;
}

/* What was counted before an interruption is printed too. */
static int
count(struct run *run)
{
	const struct options *o = run->o;
	struct tally tally;
	int rc;

	tally_init(&tally, run->tail.scan.count > 1, o->tail.group != NULL);
	while ((rc = tail_next(&run->tail)) == 1)
		tally_add(&tally, &run->select.record);
	if (rc == 0)
		tally_print(&tally, &run->out, *o->format == 'n');
	tally_release(&tally);
	return rc;
}

static int
print_all(struct run *run)
{
	const struct options *o = run->o;
	int rc = tail_open(&run->tail, &o->tail, run->conn, &run->select,
			   o->checkpoint != NULL ? &run->checkpoint : NULL,
			   &run->out, run->deadline);

	if (rc == 0)
		rc = o->stats ? count(run) : print(run);
	while (rc == 0 && o->follow && (rc = tail_wait(&run->tail)) == 1)
		rc = print(run);
	return rc;
}

static enum exit_status
work(struct run *run)
{
	const struct options *o = run->o;
	struct tail *t = &run->tail;
	int rc = print_all(run);

	if (rc == TAIL_CONN && !stop_requested() && run->out.error == 0) {
		fault("%s", tail_error(t));
		return EXIT_SERVER;
	}
	if (rc == TAIL_FILE || tail_save(t) < 0)
		return EXIT_OUTPUT;
	if (run->failed + t->failed != 0)
		return EXIT_INPUT;
	if ((!o->follow && stop_requested()) || (o->stats && tail_is_late(t))) {
		fault("interrupted: there may be more");
		return EXIT_NO;
	}
	if (t->taken < o->select.count && o->select.count != UINT64_MAX &&
	    (stop_requested() || tail_is_late(t)))
		return EXIT_NO;
	return !o->follow && tail_is_missing(t) ? EXIT_NO : EXIT_OK;
}

static void
open_all(struct run *run, struct options *o)
{
	int64_t now = when_monotonic();

	run->o = o;
	if (o->conn.retry_for_ms < 0)
		o->conn.retry_for_ms = o->follow ? INT64_MAX : RETRY_MS;
	if (o->conn.retry_for_ms > o->select.timeout_ms)
		o->conn.retry_for_ms = o->select.timeout_ms;
	if (select_open(&run->select, &o->select) < 0)
		opt_usage("%s", run->select.error);
	if (o->checkpoint != NULL &&
	    checkpoint_open(&run->checkpoint, o->checkpoint) < 0)
		die(EXIT_USAGE, "%s", run->checkpoint.error);
	out_init(&run->out, STDOUT_FILENO, "<stdout>");
	if (o->select.null)
		run->out.terminator = '\0';
	run->deadline = o->select.timeout_ms < INT64_MAX - now
				? now + o->select.timeout_ms
				: INT64_MAX;
	run->conn = conn_open(&o->conn);
	if (conn_error(run->conn) != NULL)
		die(conn_is_usage(run->conn) ? EXIT_USAGE : EXIT_SERVER, "%s",
		    conn_error(run->conn));
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.select = SELECT_OPTIONS_INIT,
		.format = "table",
	};
	struct run run = { 0 };
	enum exit_status status;

	o.conn.retry_for_ms = -1;
	stop_init();
	parse_options(&o, argc, argv);
	open_all(&run, &o);
	status = work(&run);
	tail_close(&run.tail);
	select_close(&run.select);
	checkpoint_close(&run.checkpoint);
	conn_close(run.conn);
	opt_list_release(&o.select.types);
	opt_list_release(&o.select.schemas.maps);
	opt_list_release(&o.statuses);
	return (int)out_close(&run.out, status);
}
