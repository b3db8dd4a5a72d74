/*
 * evpub - append events to a stream
 *
 * Reads one JSON event per line, or per argument, checks it and appends its
 * bytes as they are.  Events are pipelined and go out as soon as input would
 * block.  With -i the id of an event is printed once the server has accepted it,
 * so the output is a resume point: whatever has an id is stored.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/acl.h"
#include "common/catalog.h"
#include "common/conn.h"
#include "common/delayed.h"
#include "common/diag.h"
#include "common/feed.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/schema_compat.h"
#include "common/stop.h"

struct options {
	struct conn_options conn;
	struct feed_options feed;
	struct catalog_options schemas;
	bool dry_run, promote;
	const char *compat; /* the direction asked for */
	char **stream;      /* to promote */
	size_t streams;
};

static const struct opt_program program = {
	.purpose = "append events to a stream",
	.usage = "[options] STREAM [EVENT…]\n"
		 "--route [options] [EVENT…]\n"
		 "--promote [options] STREAM…\n"
		 "--compat backward|forward|full OLD NEW",
	.acl = acl_put,
	.config = { CATALOG_SECTION, ROUTES_SECTION, EVENT_PROFILE_SECTIONS },
};

/* Of --promote all are streams, of --route none, else the first one. */
static void
take_operands(struct options *o, const struct opt_args *args)
{
	size_t named = o->feed.route ? 0 : 1, i;
	char error[EVENT_ERROR];
	const char *wrong;

	if (event_profiles_load(args->config, error) < 0)
		die(EXIT_USAGE, "%s", error);
	if (o->compat != NULL) {
		if (args->count != 2)
			opt_usage("--compat takes two schema files");
		o->stream = args->operand;
		return;
	}

	if (args->count < named)
		opt_usage("a STREAM is missing");
	if (o->feed.route && o->promote)
		opt_usage("--promote takes streams, not --route");
	if (o->feed.route && routes_init(&o->feed.routes, args->config) < 0)
		die(EXIT_USAGE, "%s", o->feed.routes.error);
	for (i = 0; i < args->count && o->promote; i++) {
		wrong = stream_name_error(args->operand[i]);
		if (wrong != NULL)
			opt_usage("%s: %s", args->operand[i], wrong);
	}
	o->stream = args->operand;
	o->streams = args->count;
	if (named != 0)
		o->feed.publish.stream = args->operand[0];
	if (args->count > named) {
		o->feed.arg = args->operand + named;
		o->feed.args = args->count - named;
	}
	if (o->schemas.required && o->schemas.file == NULL &&
	    o->schemas.dir == NULL)
		opt_usage("--schema-required needs --schema or --schema-dir");
	wrong = feed_options_check(&o->feed);
	if (wrong != NULL)
		opt_usage("%s", wrong);
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	struct feed_options *f = &o->feed;
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_INTAKE(&f->intake),
		OPT_TEXT(0, "schema", "FILE", &o->schemas.file,
			 "check events by this JSON Schema"),
		OPT_CATALOG(&o->schemas),
		OPT_BOOL(0, "schema-required", &o->schemas.required,
			 "refuse events that have no schema"),
		OPT_BOOL('i', "ids", &f->ids, "print the id of each event"),
		OPT_BOOL('T', "events", &f->events,
			 "print each event once it is stored"),
		OPT_TEXT(0, "rejects", "FILE", &f->intake.rejects,
			 "write refused lines to FILE, as NDJSON"),
		OPT_BOOL(0, "strict", &f->strict, "stop at a refused line"),
		OPT_BOOL(0, "dry-run", &o->dry_run,
			 "check everything, publish nothing"),
		OPT_SIZE(0, "max-bytes", "SIZE", &f->intake.max_bytes,
			 "refuse longer lines (1M)"),
		OPT_DURATION(0, "dedup", "TTL", &f->publish.dedup_ms,
			     "skip events whose id was seen this long ago"),
		OPT_TEXT(0, "dedup-key", "POINTER", &f->dedup.text,
			 "what to tell duplicates by (the id)"),
		OPT_U64(0, "atomic", "N", &f->atomic,
			"store N lines together or not at all"),
		OPT_DELAYED(&f->delayed),
		OPT_BOOL(0, "promote", &o->promote,
			 "publish what is scheduled and due, and exit"),
		OPT_TEXT(0, "compat", "DIRECTION", &o->compat,
			 "compare two schemas: backward, forward or full"),
		OPT_BOOL(0, "priority", &f->priority,
			 "publish to the stream of each event's priority"),
		OPT_BOOL(0, "route", &f->route,
			 "publish to the streams that [routes] says"),
		OPT_TEXT(0, "await", "STREAM", &f->await,
			 "wait for the replies on STREAM and print them"),
		OPT_PACE(&f->pace),
		OPT_PUBLISH(&f->publish),
		OPT_DURATION('w', "timeout", "DUR", &f->timeout_ms,
			     "how long --durability (5s) or --await (30s) may "
			     "take"),
		OPT_END,
	};
	struct opt_args args;

	opt_parse(table, &program, argc, argv, &args);
	o->schemas.config = args.config;
	take_operands(o, &args);
}

static struct conn *
connect_or_die(const struct options *o)
{
	struct conn *conn = conn_open(&o->conn);

	if (conn_error(conn) != NULL)
		die(conn_is_usage(conn) ? EXIT_USAGE : EXIT_SERVER, "%s",
		    conn_error(conn));
	return conn;
}

static enum exit_status
publish(struct options *o)
{
	enum exit_status status;
	struct catalog *schemas = catalog_open(&o->schemas);
	struct conn *conn = NULL;
	struct feed feed;
	struct out out;

	if (catalog_error(schemas) != NULL)
		die(EXIT_USAGE, "%s", catalog_error(schemas));
	out_init(&out, STDOUT_FILENO, "<stdout>");
	if (feed_open(&feed, &o->feed, &out) < 0)
		die(EXIT_OUTPUT, "%s: %s", o->feed.intake.rejects,
		    strerror(errno));
	feed.in.schemas = schemas;
	if (!o->dry_run)
		conn = connect_or_die(o);
	status = feed_run(&feed, conn);
	if (feed_close(&feed) < 0) {
		fault("%s: %s", o->feed.intake.rejects, strerror(errno));
		status = EXIT_OUTPUT;
	}
	if (conn != NULL)
		conn_close(conn);
	catalog_close(schemas);
	return out_close(&out, status);
}

static enum exit_status
promote(const struct options *o)
{
	struct conn *conn = connect_or_die(o);
	enum exit_status status = EXIT_OK;
	uint64_t moved;
	size_t i;

	for (i = 0; i < o->streams && status == EXIT_OK; i++) {
		if (delayed_promote_all(conn, o->stream[i], &moved) < 0) {
			fault("%s: cannot promote: %s", o->stream[i],
			      conn_error(conn));
			status = EXIT_SERVER;
		} else if (stop_requested()) {
			status = EXIT_NO;
		}
		info("%s: %llu promoted", o->stream[i],
		     (unsigned long long)moved);
	}
	conn_close(conn);
	return status;
}

/* A version of a schema; what it refers to is found as for events.  Formats are
 * annotations here.  NULL after an error, which was said. */
static struct catalog *
open_version(struct catalog_options *options, const char *path)
{
	struct catalog *c;

	options->file = path;
	options->assert_format = false;
	c = catalog_open(options);
	if (catalog_error(c) == NULL)
		return c;
	fault("%s", catalog_error(c));
	catalog_close(c);
	return NULL;
}

/* Print the answer for one direction. */
static enum exit_status
compare(struct out *out, const char *direction, const struct schema *narrower,
	const struct schema *wider)
{
	static const char *const answer[] = { "compatible", "incompatible ",
					      "undecided" };
	static const enum exit_status status[] = { EXIT_OK, EXIT_NO,
						   EXIT_INPUT };
	struct buf witness = { 0 };
	enum schema_compat is = schema_compat(narrower, wider, &witness);

	out_write(out, direction, strlen(direction));
	out_write(out, answer[is], strlen(answer[is]));
	out_write(out, witness.data, witness.len);
	out_end(out);
	buf_release(&witness);
	return status[is];
}

/* Whether what one of two schemas accepts the other one accepts too.  A no beats
 * what is undecided. */
static enum exit_status
compat(const struct options *o)
{
	bool full = strcmp(o->compat, "full") == 0;
	bool forward = full || strcmp(o->compat, "forward") == 0;
	bool backward = full || strcmp(o->compat, "backward") == 0;
	enum exit_status status = EXIT_OK, other = EXIT_OK;
	struct catalog_options before = o->schemas, after = o->schemas;
	struct catalog *old, *new = NULL;
	struct out out;

	if (!forward && !backward)
		opt_usage("--compat: \"%s\" is none of backward, forward, full",
			  o->compat);
	out_init(&out, STDOUT_FILENO, "<stdout>");
	old = open_version(&before, o->stream[0]);
	if (old != NULL)
		new = open_version(&after, o->stream[1]);
	if (new == NULL)
		status = EXIT_USAGE;
	if (new != NULL && backward)
		status = compare(&out, "backward: ", catalog_schema(old),
				 catalog_schema(new));
	if (new != NULL && forward)
		other = compare(&out, "forward: ", catalog_schema(new),
				catalog_schema(old));
	catalog_close(old);
	catalog_close(new);
	if (status == EXIT_OK || (status == EXIT_INPUT && other == EXIT_NO))
		status = other;
	return out_close(&out, status);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.feed = FEED_OPTIONS_INIT,
	};
	enum exit_status status;

	stop_init();
	parse_options(&o, argc, argv);
	status = o.compat != NULL ? compat(&o)
		 : o.promote      ? promote(&o)
				  : publish(&o);
	feed_options_release(&o.feed);
	opt_list_release(&o.schemas.maps);
	return (int)status;
}
