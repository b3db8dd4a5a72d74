/*
 * evpub - append events to a stream
 *
 * Reads one JSON event per line, or per argument, checks it and appends its
 * bytes as they are.  Events are pipelined and go out as soon as input would
 * block.  With -i the id of an event is printed once the server has accepted it,
 * so the output is a resume point: whatever has an id is stored.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conn.h"
#include "common/diag.h"
#include "common/digest.h"
#include "common/intake.h"
#include "common/mem.h"
#include "common/num.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/pace.h"
#include "common/progress.h"
#include "common/publish.h"
#include "common/stop.h"

enum { KEY_MAX = 512 /* longer deduplication keys are hashed */ };

struct options {
	struct conn_options conn;
	struct publish_options publish;
	struct envelope envelope;
	struct opt_list ext;
	struct json_pointer dedup_pointer;
	struct pace pace;
	const char *profile, *dedup_key, *durability, *max_lag, *rejects;
	uint64_t atomic; /* lines per transaction; 0: none */
	uint64_t max_bytes;
	bool records, text, fill, ids, events, strict, dry_run;
	char **arg; /* events given as arguments; NULL: read standard input */
	size_t args;
};

struct run {
	const struct options *o;
	struct intake in;
	struct publish *publish;
	struct pace pace;
	struct out out;
	struct progress progress;
	struct buf key;
	uint64_t in_transaction; /* lines so far */
	uint64_t began;          /* the first of them */
	uint64_t spoilt;         /* the line that spoilt the transaction; 0 */
	uint64_t unsent;         /* the line that could not be sent on; 0 */
	bool stopped;
};

static const struct opt_program program = {
	.purpose = "append events to a stream",
	.usage = "[options] STREAM [EVENT…]",
};

static void
parse_ext(struct options *o)
{
	struct envelope_ext *ext = xcalloc(o->ext.count, sizeof(*ext));
	size_t i;

	for (i = 0; i < o->ext.count; i++) {
		const char *equals = strchr(o->ext.item[i], '=');

		if (equals == NULL || equals == o->ext.item[i])
			opt_usage("--ext: \"%s\" is not name=value",
				  o->ext.item[i]);
		ext[i].name = xmemdup0(o->ext.item[i],
				       (size_t)(equals - o->ext.item[i]));
		ext[i].value = equals + 1;
	}
	o->envelope.ext = ext;
	o->envelope.ext_count = o->ext.count;
}

static void
parse_durability(struct publish_options *p, const char *text)
{
	if (strcmp(text, "leader") == 0)
		p->durability = PUBLISH_LEADER;
	else if (strcmp(text, "none") == 0)
		p->durability = PUBLISH_NONE;
	else if (strcmp(text, "fsync") == 0)
		p->durability = PUBLISH_FSYNC;
	else if (strncmp(text, "replicas=", 9) == 0 &&
		 num_u64(text + 9, strlen(text + 9), &p->replicas) == 0 &&
		 p->replicas != 0)
		p->durability = PUBLISH_REPLICAS;
	else
		opt_usage("--durability: \"%s\" is none of none, leader, "
			  "fsync, replicas=N",
			  text);
}

/* What the table can't say: which options go together. */
static void
check_options(struct options *o)
{
	if (o->envelope.type == NULL && (o->text || o->ext.count != 0))
		opt_usage("--text and --ext need a --type to wrap with");
	if (o->envelope.type == NULL &&
	    (o->envelope.subject != NULL || o->envelope.correlation != NULL ||
	     o->envelope.causation != NULL || o->envelope.traceparent != NULL))
		opt_usage("--subject, --correlation, --causation and "
			  "--traceparent need a --type to wrap with");
	if (o->text && o->records)
		opt_usage("--text and --records exclude each other");
	if (o->dedup_key != NULL && o->publish.dedup_ms == 0)
		opt_usage("--dedup-key needs --dedup");
	if (o->dedup_key != NULL &&
	    json_pointer_parse(&o->dedup_pointer, o->dedup_key) < 0)
		opt_usage("--dedup-key: \"%s\" is not a JSON Pointer",
			  o->dedup_key);
	if (o->max_lag != NULL && pace_parse_lag(&o->pace, o->max_lag) < 0)
		opt_usage("--max-lag: \"%s\" is not N or N:GROUP", o->max_lag);
	if (o->publish.durability == PUBLISH_NONE && (o->ids || o->events))
		opt_usage("--durability none can't print what is stored");
	if (o->publish.durability != PUBLISH_LEADER && o->atomic != 0)
		opt_usage("--atomic needs --durability leader");
	if (o->max_bytes == 0)
		opt_usage("--max-bytes: at least 1");
	if (o->envelope.type != NULL && envelope_init(&o->envelope) < 0)
		opt_usage("%s", o->envelope.error);
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_TEXT('t', "type", "TYPE", &o->envelope.type,
			 "wrap each line as data of a CloudEvent of TYPE"),
		OPT_TEXT(0, "source", "URI", &o->envelope.source,
			 "source of wrapped events (urn:host:NAME)"),
		OPT_TEXT(0, "subject", "TEXT", &o->envelope.subject,
			 "subject of wrapped events"),
		OPT_TEXT(0, "correlation", "ID", &o->envelope.correlation,
			 "correlationid of wrapped events"),
		OPT_TEXT(0, "causation", "ID", &o->envelope.causation,
			 "causationid of wrapped events"),
		OPT_TEXT(0, "traceparent", "TEXT", &o->envelope.traceparent,
			 "traceparent of wrapped events"),
		OPT_LIST(0, "ext", "NAME=VALUE", &o->ext,
			 "extension of wrapped events (repeatable)"),
		OPT_BOOL(0, "text", &o->text, "wrap lines that are not JSON"),
		OPT_BOOL(0, "fill", &o->fill,
			 "insert a missing id or time into envelopes"),
		OPT_BOOL(0, "records", &o->records,
			 "take records, publish their events"),
		OPT_TEXT(0, "envelope", "auto|NAME|none", &o->profile,
			 "check what is recognised, demand one, or check none"),
		OPT_BOOL('i', "ids", &o->ids, "print the id of each event"),
		OPT_BOOL('T', "events", &o->events,
			 "print each event once it is stored"),
		OPT_TEXT(0, "rejects", "FILE", &o->rejects,
			 "write refused lines to FILE, as NDJSON"),
		OPT_BOOL(0, "strict", &o->strict, "stop at a refused line"),
		OPT_BOOL(0, "dry-run", &o->dry_run,
			 "check everything, publish nothing"),
		OPT_SIZE(0, "max-bytes", "SIZE", &o->max_bytes,
			 "refuse longer lines (1M)"),
		OPT_DURATION(0, "dedup", "TTL", &o->publish.dedup_ms,
			     "skip events whose id was seen this long ago"),
		OPT_TEXT(0, "dedup-key", "POINTER", &o->dedup_key,
			 "what to tell duplicates by (the id)"),
		OPT_U64(0, "atomic", "N", &o->atomic,
			"store N lines together or not at all"),
		OPT_U64(0, "rate", "N", &o->pace.rate,
			"at most N events per second"),
		OPT_TEXT(0, "max-lag", "N[:GROUP]", &o->max_lag,
			 "wait while a group is more than N behind"),
		OPT_U64(0, "maxlen", "N", &o->publish.maxlen,
			"trim the stream to about N entries"),
		OPT_BOOL(0, "no-create", &o->publish.no_create,
			 "fail if the stream does not exist"),
		OPT_TEXT(0, "durability", "LEVEL", &o->durability,
			 "none, leader, fsync or replicas=N"),
		OPT_DURATION('w', "timeout", "DUR", &o->publish.wait_ms,
			     "how long --durability may take (5s)"),
		OPT_END,
	};
	struct opt_args args;
	const char *wrong;

	opt_parse(table, &program, argc, argv, &args);
	if (args.count == 0)
		opt_usage("a STREAM is missing");
	o->publish.stream = args.operand[0];
	wrong = stream_name_error(o->publish.stream);
	if (wrong != NULL)
		opt_usage("%s: %s", o->publish.stream, wrong);
	if (args.count > 1) {
		o->arg = args.operand + 1;
		o->args = args.count - 1;
	}
	if (o->durability != NULL)
		parse_durability(&o->publish, o->durability);
	parse_ext(o);
	check_options(o);
}

static void
open_intake(struct intake *in, const struct options *o)
{
	line_init(&in->lines, STDIN_FILENO, "<stdin>", (size_t)o->max_bytes);
	in->arg = o->arg;
	in->args = o->args;
	in->records = o->records;
	in->text = o->text;
	in->fill = o->fill;
	in->wrap = o->envelope.type != NULL;
	in->envelope = o->envelope;
	in->check = o->profile == NULL || strcmp(o->profile, "none") != 0;
	if (o->profile != NULL && in->check &&
	    strcmp(o->profile, "auto") != 0) {
		in->required = event_profile_find(o->profile);
		if (in->required == NULL)
			opt_usage("--envelope: no profile \"%s\"", o->profile);
	}
	if (o->rejects != NULL) {
		in->rejects = fopen(o->rejects, "we");
		if (in->rejects == NULL)
			die(EXIT_OUTPUT, "%s: %s", o->rejects, strerror(errno));
	}
}

static void
on_confirmed(void *arg, const struct publish_event *e)
{
	struct run *run = arg;

	if (run->o->ids) {
		char id[ID_TEXT];

		out_write(&run->out, id, id_put(id, e->id));
		out_end(&run->out);
	}
	if (run->o->events) {
		out_json(&run->out, e->text, e->len);
		out_end(&run->out);
	}
}

static void
refuse_with_transaction(struct run *run, uint64_t line, const char *text,
			size_t len)
{
	char why[80];

	snprintf(why, sizeof(why),
		 "not stored: line %llu, of the same "
		 "transaction, was refused",
		 (unsigned long long)run->spoilt);
	intake_refuse(&run->in, why, line, text, len);
}

static void
on_undone(void *arg, const struct publish_event *e)
{
	struct run *run = arg;

	if (run->spoilt != 0)
		refuse_with_transaction(run, e->line, e->text, e->len);
}

/* What is confirmed is printed before a wait. */
static void
show_confirmed(void *arg)
{
	struct run *run = arg;

	out_flush(&run->out);
	progress_show(&run->progress, publish_confirmed(run->publish));
}

/* Input would block: keep publishing until there is more of it. */
static int
wait_for_input(void *arg, int fd)
{
	struct run *run = arg;
	int rc;

	do {
		show_confirmed(run);
		rc = publish_wait(run->publish, fd,
				  run->progress.on ? 250 : -1);
	} while (rc == 2);
	return rc < 0 ? 0 : rc;
}

/* The text that tells duplicates apart: what the pointer names, else the id,
 * else the bytes.  -1 if the pointer names nothing. */
static int
find_key(struct run *run, const char **key, size_t *len)
{
	struct event *ev = &run->in.event;
	static char digest[DIGEST_TEXT];

	if (run->o->dedup_key != NULL) {
		struct json_value v =
			json_pointer_get(&run->o->dedup_pointer, &ev->doc);

		if (v.type == JSON_NONE || v.type == JSON_NULL)
			return -1;
		json_text(&v, &run->key, key, len);
	} else {
		if (!run->in.check)
			event_recognise(ev, EVENT_ROLE(ROLE_ID));
		if (!event_role_text(ev, ROLE_ID, &run->key, key, len)) {
			*key = ev->text;
			*len = ev->len;
		}
	}
	if (*len > KEY_MAX || *key == ev->text) {
		digest_hex(digest, *key, *len);
		*key = digest;
		*len = DIGEST_TEXT - 1;
	}
	return 0;
}

/* Take the key, if one is needed; -1: without it the event was refused. */
static int
take_key(struct run *run, const char **key, size_t *len)
{
	struct intake *in = &run->in;

	if (run->o->publish.dedup_ms == 0 || find_key(run, key, len) == 0)
		return 0;
	intake_refuse(in, "no value at --dedup-key", in->number, in->event.text,
		      in->event.len);
	return -1;
}

/* Publish the current event.  1; 0 if it was refused or a stop came first; -1
 * once publishing has failed. */
static int
publish_one(struct run *run)
{
	struct intake *in = &run->in;
	const char *key = NULL;
	size_t key_len = 0;
	int rc;

	if (take_key(run, &key, &key_len) < 0)
		return 0;
	rc = pace_wait(&run->pace, run->publish);
	if (rc == -2)
		warn("%s: cannot read the lag: %s", run->o->publish.stream,
		     conn_error(run->pace.conn));
	if (rc <= 0) {
		run->stopped = true;
		return rc < 0 ? -1 : 0;
	}
	if (publish_send(run->publish, in->number, in->event.text,
			 in->event.len, key, key_len) < 0)
		return -1;
	return 1;
}

/* A line of a transaction was refused: undo what it holds so far.  Waits until
 * that is told, while it is known which line it was. */
static int
spoil(struct run *run)
{
	if (run->o->atomic == 0 || run->spoilt != 0)
		return 0;
	run->spoilt = run->in.number;
	if (publish_commit(run->publish, true) < 0)
		return -1;
	return publish_drain(run->publish);
}

static int
end_transaction(struct run *run, bool undo)
{
	run->in_transaction = 0;
	run->spoilt = 0;
	return publish_commit(run->publish, undo);
}

/* Count a line of a transaction; the last one stores it, unless spoilt. */
static int
count_line(struct run *run)
{
	if (run->o->atomic == 0 || ++run->in_transaction < run->o->atomic)
		return 0;
	return end_transaction(run, false);
}

/* The end of the input ends a transaction as well.  If the input was not read
 * to its end, what is there of the transaction is not stored. */
static int
count_end(struct run *run, bool whole)
{
	bool undo = !whole && run->spoilt == 0;

	if (run->in_transaction == 0)
		return 0;
	if (undo)
		run->unsent = run->began;
	return end_transaction(run, undo);
}

/* Take in all lines.  EXIT_OK unless reading or publishing failed. */
static enum exit_status
publish_lines(struct run *run)
{
	struct intake *in = &run->in;
	int rc;

	while (!run->stopped && (rc = intake_next(in)) != 0) {
		int sent = 0;

		if (rc == -2) {
			warn("%s: %s", in->lines.name, strerror(errno));
			return EXIT_OUTPUT;
		}
		if (run->in_transaction == 0)
			run->began = in->number;
		if (rc == 1 && run->spoilt != 0)
			refuse_with_transaction(run, in->number, in->event.text,
						in->event.len);
		else if (rc == 1)
			sent = publish_one(run);
		if (sent < 0 || run->stopped)
			run->unsent = in->number;
		if (run->stopped && sent == 0)
			break;
		if (sent < 0 || (sent == 0 && spoil(run) < 0))
			return EXIT_SERVER;
		if (in->refused != 0 && run->o->strict)
			return EXIT_INPUT;
		if (count_line(run) < 0)
			return EXIT_SERVER;
		progress_show(&run->progress, publish_confirmed(run->publish));
	}
	return EXIT_OK;
}

static void
summarise(const struct run *run, int64_t started)
{
	uint64_t ms = (uint64_t)(when_monotonic() - started) + 1;
	uint64_t n = publish_confirmed(run->publish);

	info("%s: %llu published (%llu of them known before), %llu refused, "
	     "%llu ms, %llu/s",
	     run->o->publish.stream, (unsigned long long)n,
	     (unsigned long long)publish_duplicates(run->publish),
	     (unsigned long long)run->in.refused, (unsigned long long)ms,
	     (unsigned long long)(n * 1000 / ms));
}

/* The first line that was not sent. */
static uint64_t
next_line(const struct run *run)
{
	return run->unsent != 0 ? run->unsent : run->in.number + 1;
}

/* The server has the last word: whatever went wrong before, what was sent is
 * waited for, and told. */
static enum exit_status
publish_all(struct run *run, struct conn *conn)
{
	int64_t started = when_monotonic();
	enum exit_status status;
	int rc;

	run->publish = publish_open(conn, &run->o->publish);
	if (run->publish == NULL ||
	    pace_open(&run->pace, conn, run->o->publish.stream) < 0)
		die(EXIT_SERVER, "%s: %s", run->o->publish.stream,
		    conn_error(run->publish == NULL ? conn : run->pace.conn));
	status = publish_lines(run);
	rc = count_end(run, status == EXIT_OK && !stop_requested());
	if (publish_drain(run->publish) < 0)
		rc = -1;
	progress_clear(&run->progress);
	if (rc < 0) {
		publish_report(run->publish, next_line(run));
		status = EXIT_SERVER;
	} else if (stop_requested()) {
		warn("interrupted: lines up to %llu are done, the rest is not",
		     (unsigned long long)next_line(run) - 1);
		status = EXIT_NO;
	} else if (status == EXIT_OUTPUT) {
		warn("lines up to %llu are done, the rest is not",
		     (unsigned long long)next_line(run) - 1);
	}
	summarise(run, started);
	publish_close(run->publish);
	pace_close(&run->pace);
	return status;
}

static enum exit_status
check_all(struct run *run)
{
	const char *key;
	size_t len;
	int rc;

	while ((rc = intake_next(&run->in)) != 0) {
		if (rc == -2) {
			warn("%s: %s", run->in.lines.name, strerror(errno));
			return EXIT_OUTPUT;
		}
		if (rc == 1 && take_key(run, &key, &len) == 0 &&
		    run->o->events) {
			out_json(&run->out, run->in.event.text,
				 run->in.event.len);
			out_end(&run->out);
		}
		if (run->in.refused != 0 && run->o->strict)
			break;
	}
	return stop_requested() ? EXIT_NO : EXIT_OK;
}

static enum exit_status
run(struct options *o)
{
	struct run run = { .o = o, .pace = o->pace };
	enum exit_status status;

	out_init(&run.out, STDOUT_FILENO, "<stdout>");
	open_intake(&run.in, o);
	if (o->dry_run) {
		status = check_all(&run);
	} else {
		struct conn *conn = conn_open(&o->conn);

		if (conn_error(conn) != NULL)
			die(conn_is_usage(conn) ? EXIT_USAGE : EXIT_SERVER,
			    "%s", conn_error(conn));
		o->publish.arg = &run;
		run.in.lines.wait = wait_for_input;
		run.in.lines.arg = &run;
		run.pace.pausing = show_confirmed;
		run.pace.arg = &run;
		progress_init(&run.progress);
		status = publish_all(&run, conn);
		conn_close(conn);
	}
	if (status == EXIT_OK && run.in.refused != 0)
		status = EXIT_INPUT;
	if (intake_close(&run.in) < 0) {
		warn("%s: %s", o->rejects, strerror(errno));
		status = EXIT_OUTPUT;
	}
	buf_release(&run.key);
	return out_close(&run.out, status);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.publish = { .wait_ms = 5000 },
		.max_bytes = LINE_MAX_BYTES,
	};
	enum exit_status status;

	stop_init();
	parse_options(&o, argc, argv);
	o.publish.transaction = o.atomic != 0;
	o.publish.keep = o.events || o.atomic != 0;
	if (o.ids || o.events)
		o.publish.confirmed = on_confirmed;
	o.publish.undone = on_undone;
	status = run(&o);
	free((struct envelope_ext *)o.envelope.ext);
	opt_list_release(&o.ext);
	return (int)status;
}
