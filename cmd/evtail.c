/*
 * evtail - look at the events of streams, and follow them
 *
 * Prints the last 10 events, or a range of them, and with -f whatever comes
 * after.  Events of several streams are merged by time.  It reads beside all
 * groups: nothing is acknowledged and nothing changes on the server.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/checkpoint.h"
#include "common/conn.h"
#include "common/diag.h"
#include "common/num.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/scan.h"
#include "common/select.h"
#include "common/stop.h"
#include "common/text.h"

enum {
	BLOCK_MS = 2000, /* one blocked read */
	RETRY_MS = 30000,
	FIND_MS = 1000,    /* how soon a pattern sees a new stream */
	SAVE_EVERY = 10000 /* events between checkpoints */
};

struct options {
	struct conn_options conn;
	struct select_options select;
	struct when since, until;
	const char *lines, *checkpoint;
	bool follow;
	enum { FROM_LAST, FROM_NTH, FROM_FIRST } from;
	uint64_t number; /* of FROM_LAST, FROM_NTH */
	char **stream;
	size_t streams;
};

struct run {
	const struct options *o;
	struct conn *conn;
	struct select select;
	struct checkpoint checkpoint;
	struct out out;
	struct scan scan;
	struct id first, last; /* of the range */
	int64_t deadline;
	uint64_t printed, failed, skip;
	bool has_pattern;
};

static const struct opt_program program = {
	.purpose = "look at the events of streams, and follow them",
	.usage = "[options] STREAM|PATTERN…",
};

/* -n N, -n +N, -n all */
static void
parse_lines(struct options *o)
{
	const char *text = o->lines;

	if (text == NULL) {
		o->number = 10;
		o->from = o->checkpoint != NULL ||
					  o->since.kind != WHEN_UNSET ||
					  o->until.kind != WHEN_UNSET
				  ? FROM_FIRST
				  : FROM_LAST;
		return;
	}
	if (strcmp(text, "all") == 0) {
		o->from = FROM_FIRST;
		return;
	}
	o->from = *text == '+' ? FROM_NTH : FROM_LAST;
	if (num_u64(text + (*text == '+'), strlen(text + (*text == '+')),
		    &o->number) < 0)
		opt_usage("--lines: \"%s\" is not N, +N or all", text);
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_TEXT('n', "lines", "N|+N|all", &o->lines,
			 "the last N, from the Nth on, or all (10)"),
		OPT_BOOL('f', "follow", &o->follow, "go on with new events"),
		OPT_WHEN('S', "since", "TIME", &o->since, "from this time on"),
		OPT_WHEN('U', "until", "TIME", &o->until, "up to this time"),
		OPT_SELECT(&o->select),
		OPT_TEXT(0, "correlation", "ID", &o->select.correlation,
			 "keep the event ID and those it correlates"),
		OPT_TEXT(0, "checkpoint", "FILE", &o->checkpoint,
			 "go on behind the last run, remembered in FILE"),
		OPT_END,
	};
	struct opt_args args;

	opt_parse(table, &program, argc, argv, &args);
	if (args.command != NULL)
		opt_usage("it runs no command");
	if (args.count == 0)
		opt_usage("a STREAM is missing");
	if (o->follow && o->until.kind != WHEN_UNSET)
		opt_usage("--follow and --until exclude each other");
	parse_lines(o);
	if (o->since.kind == WHEN_END) { /* as -n 0, for each stream */
		o->since.kind = WHEN_UNSET;
		o->from = FROM_LAST;
		o->number = 0;
	}
	o->stream = args.operand;
	o->streams = args.count;
}

/* Escaped or not: SCAN knows what an escape means. */
static bool
is_pattern(const char *name)
{
	return strpbrk(name, "*?[") != NULL;
}

/* Where to begin with a stream. */
static struct id
first_id(const struct run *run, const char *stream)
{
	struct id seen;

	if (run->o->checkpoint != NULL &&
	    checkpoint_get(&run->checkpoint, stream, &seen) &&
	    id_compare(id_next(seen), run->first) > 0)
		return id_next(seen);
	return run->first;
}

static void
add_stream(void *arg, const char *name)
{
	struct run *run = arg;

	scan_add(&run->scan, name, first_id(run, name), run->last);
}

/* Add what the operands name, or for patterns, what they match by now. */
static int
find_streams(struct run *run, bool again)
{
	size_t i;

	for (i = 0; i < run->o->streams; i++) {
		const char *name = run->o->stream[i];

		if (is_pattern(name)) {
			run->has_pattern = true;
			if (scan_find(&run->scan, name, add_stream, run) < 0)
				return -1;
		} else if (!again && !scan_has(&run->scan, name)) {
			add_stream(run, name);
		}
	}
	return 0;
}

static int
resolve_range(struct run *run)
{
	const struct options *o = run->o;
	int64_t now = 0;

	if ((when_needs_now(&o->since) || when_needs_now(&o->until)) &&
	    (now = conn_now(run->conn)) < 0)
		return -1;
	run->first = o->since.kind == WHEN_UNSET
			     ? ID_MIN
			     : when_first_id(&o->since, now);
	run->last = o->until.kind == WHEN_UNSET ? ID_MAX
						: when_last_id(&o->until, now);
	return 0;
}

static bool
is_late(const struct run *run)
{
	return run->deadline != INT64_MAX && when_monotonic() >= run->deadline;
}

static bool
is_over(const struct run *run)
{
	return run->printed >= run->o->select.count || stop_requested() ||
	       run->out.error != 0 || is_late(run);
}

/* Decide on an entry.  1, 0, or -1 if the filter fails on it. */
static int
decide(struct run *run, const struct entry *e, size_t stream)
{
	run->select.record.stream = run->scan.stream[stream].name;
	return select_entry(&run->select, e);
}

/* The same, and say so if the filter fails. */
static bool
is_wanted(struct run *run, const struct entry *e, size_t stream)
{
	char id[ID_TEXT];
	int rc = decide(run, e, stream);

	if (rc >= 0)
		return rc == 1;
	id_put(id, e->id);
	warn("%s: %s: filter: %s", run->select.record.stream, id,
	     run->select.error);
	run->failed++;
	return false;
}

/*
 * Walk back from the end over the events that are wanted, to find where the
 * last N begin in each stream: then memory does not depend on N.
 */
static int
seek_back(struct run *run)
{
	struct scan back = run->scan;
	struct entry e;
	uint64_t left = run->o->number;
	size_t i, index;
	int rc = 1;

	scan_init(&run->scan, run->conn, false);
	back.backwards = true;
	if (left < back.slice)
		back.slice = left == 0 ? 1 : (size_t)left;
	for (i = 0; i < back.count; i++) {
		struct scan_stream *st = &back.stream[i];
		struct id newest = st->stop, first = st->next, behind;
		int found = 1;

		if (id_compare(newest, ID_MAX) == 0)
			found = scan_newest(run->conn, st->name, &newest);
		if (found < 0)
			rc = -1;
		else if (found == 0)
			newest = ID_MIN; /* whatever comes is new */
		behind = id_next(newest);
		if (id_compare(behind, first) < 0)
			behind = first;
		st->next = newest;
		st->stop = first;
		/* Until found otherwise, nothing of it is wanted. */
		scan_add(&run->scan, st->name, behind, newest);
	}
	while (rc == 1 && left != 0 && !is_over(run) &&
	       (rc = scan_next(&back, &e, &index)) == 1) {
		int wanted = decide(run, &e, index);

		if (wanted != 0) /* what fails is told on the way forward */
			run->scan.stream[index].next = e.id;
		if (wanted == 1)
			left--;
	}
	if (rc >= 0)
		rc = scan_end(&back);
	scan_release(&back);
	return rc < 0 ? -1 : 0;
}

static int
save(struct run *run)
{
	if (run->o->checkpoint == NULL || out_flush(&run->out) < 0 ||
	    checkpoint_save(&run->checkpoint) == 0)
		return 0;
	fault("%s", run->checkpoint.error);
	return -1;
}

/* Print what the scan has at hand.  0 when there is no more for now, -1. */
static int
print_scan(struct run *run)
{
	uint64_t since_save = 0;
	struct entry e;
	size_t index;
	int rc;

	while (!is_over(run) && (rc = scan_next(&run->scan, &e, &index)) != 0) {
		if (rc < 0)
			return -1;
		if (!is_wanted(run, &e, index)) {
			/* it is only passed */
		} else if (run->skip != 0) {
			run->skip--;
		} else {
			run->printed++;
			if (select_print(&run->select, &run->out) == 0) {
				warn("%s: jq: %s", run->select.record.stream,
				     run->select.error);
				run->failed++;
			}
		}
		if (run->o->checkpoint == NULL || run->out.error != 0)
			continue;
		checkpoint_set(&run->checkpoint, run->select.record.stream,
			       e.id);
		if (++since_save % SAVE_EVERY == 0 && save(run) < 0)
			return -2;
	}
	return 0;
}

static int
wait_ms(const struct run *run)
{
	int64_t left = run->deadline - when_monotonic();
	int most = run->has_pattern ? FIND_MS : BLOCK_MS;

	return left < most ? (int)left : most;
}

static int
follow(struct run *run)
{
	int64_t find = when_monotonic() + FIND_MS;
	int rc = 0;

	while (!is_over(run)) {
		if (out_flush(&run->out) < 0)
			break;
		if (save(run) < 0)
			return -2;
		if (run->has_pattern && when_monotonic() >= find) {
			if (find_streams(run, true) < 0 &&
			    conn_reconnect(run->conn) < 0)
				return -1;
			find = when_monotonic() + FIND_MS;
		}
		rc = scan_follow(&run->scan, wait_ms(run),
				 out_watch_fd(&run->out));
		if (rc == 0 && out_is_abandoned(&run->out))
			break;
		if (rc < 0 || (rc = print_scan(run)) < 0)
			break;
	}
	return stop_requested() ? 0 : rc;
}

/* Whether an operand names a stream; one without entries is one too. */
static bool
is_there(struct run *run, const char *name)
{
	bool pattern = is_pattern(name);
	struct reply *r;
	int64_t keys;
	size_t i;

	for (i = 0; i < run->scan.count; i++) {
		const struct scan_stream *st = &run->scan.stream[i];

		if (pattern && text_glob(name, st->name, strlen(st->name)))
			return true;
		if (st->any && strcmp(name, st->name) == 0)
			return true;
	}
	if (pattern)
		return false;
	conn_commandv(run->conn, "EXISTS", name, NULL);
	r = conn_result(run->conn);
	return r == NULL || reply_number(r, 0, &keys) < 0 || keys != 0;
}

/* A name that is no stream yet may be a typing error: say so. */
static bool
is_missing(struct run *run)
{
	bool missing = false;
	size_t i;

	for (i = 0; i < run->o->streams; i++) {
		const char *name = run->o->stream[i];

		if (is_there(run, name))
			continue;
		fault("%s: no %s", name,
		      is_pattern(name) ? "stream matches" : "such stream");
		missing = true;
	}
	return missing;
}

static enum exit_status
tail(struct run *run)
{
	const struct options *o = run->o;
	int rc = resolve_range(run);

	if (rc == 0)
		rc = find_streams(run, false);
	if (rc == 0 && o->from == FROM_LAST)
		rc = seek_back(run);
	run->skip = o->from == FROM_NTH && o->number > 1 ? o->number - 1 : 0;
	if (rc == 0)
		rc = print_scan(run);
	if (rc == 0 && o->follow)
		rc = follow(run);
	if (rc == -1 && !stop_requested() && run->out.error == 0) {
		fault("%s", conn_error(run->conn));
		return EXIT_SERVER;
	}
	if (rc == -2 || save(run) < 0)
		return EXIT_OUTPUT;
	if (run->failed != 0)
		return EXIT_INPUT;
	if (!o->follow && stop_requested()) {
		fault("interrupted: there may be more");
		return EXIT_NO;
	}
	if (run->printed < o->select.count && o->select.count != UINT64_MAX &&
	    (stop_requested() || is_late(run)))
		return EXIT_NO;
	return !o->follow && is_missing(run) ? EXIT_NO : EXIT_OK;
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
	scan_init(&run->scan, run->conn, false);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.select = SELECT_OPTIONS_INIT,
	};
	struct run run = { 0 };
	enum exit_status status;

	o.conn.retry_for_ms = -1;
	stop_init();
	parse_options(&o, argc, argv);
	open_all(&run, &o);
	status = tail(&run);
	scan_release(&run.scan);
	select_close(&run.select);
	checkpoint_close(&run.checkpoint);
	conn_close(run.conn);
	opt_list_release(&o.select.types);
	return (int)out_close(&run.out, status);
}
