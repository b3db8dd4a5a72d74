/*
 * evreplay - replay events and rewind groups
 */
#include <string.h>
#include <unistd.h>

#include "common/again.h"
#include "common/conn.h"
#include "common/diag.h"
#include "common/mem.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/replay.h"
#include "common/replay_tempo.h"
#include "common/stop.h"

enum { MAX_BYTES = 16 << 20 };

struct options {
	struct conn_options conn;
	struct replay_options replay;
	struct opt_list in;
	const char *speed;
	bool force;
	struct buf again;
};

static const struct opt_program program = {
	.purpose = "replay events and rewind groups",
	.usage = "[options] STREAM\n"
		 "--in FILE [options] [FILE…]\n"
		 "--rewind GROUP -S T|--by N|--to-end [-y] [options] STREAM",
};

static void
parse_options(struct options *o, int argc, char **argv)
{
	struct replay_options *r = &o->replay;
	static const char *const given[] = { "since", "until", "count", NULL };
	char **words = xcalloc((size_t)argc + 1, sizeof(*words));
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_LIST(0, "in", "FILE", &o->in,
			 "from files of records or events"),
		OPT_TEXT(0, "to", "STREAM", &r->publish.stream,
			 "publish them to this stream"),
		OPT_WHEN('S', "since", "TIME", &r->since, "from this time on"),
		OPT_WHEN('U', "until", "TIME", &r->until, "up to this time"),
		OPT_TEXT(0, "speed", "N", &o->speed, "keep the spacing"),
		OPT_DURATION(0, "max-gap", "DUR", &r->max_gap_ms, "at most"),
		OPT_U64(0, "rate", "N", &r->rate, "per second"),
		OPT_BOOL(0, "mark", &r->mark, "mark"),
		OPT_U64(0, "skip", "N", &r->skip, "lines"),
		OPT_SIZE(0, "max-bytes", "SIZE", &r->max_bytes, "lines"),
		OPT_TEXT(0, "checkpoint", "FILE", &r->checkpoint, "cp"),
		OPT_BOOL(0, "force", &o->force, "force"),
		OPT_SELECT(&r->select),
		OPT_END,
	};
	struct opt_args args;

	memcpy(words, argv, (size_t)argc * sizeof(*words));
	opt_parse(table, &program, argc, argv, &args);
	again_put(&o->again, table, words, given);
	r->again = buf_text(&o->again);
	if (o->speed != NULL && replay_tempo_parse(o->speed, &r->speed) < 0)
		opt_usage("--speed");
	if (o->in.count == 0) {
		r->stream = args.operand[0];
	} else {
		r->file = (char *const *)o->in.item;
		r->files = o->in.count;
	}
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.replay = { .select = SELECT_OPTIONS_INIT,
			    .max_gap_ms = INT64_MAX,
			    .max_bytes = MAX_BYTES },
	};
	struct out out;
	struct conn *conn = NULL;
	enum exit_status status;

	stop_init();
	parse_options(&o, argc, argv);
	out_init(&out, STDOUT_FILENO, "<stdout>");
	if (o.replay.stream != NULL || o.replay.publish.stream != NULL)
		conn = conn_open(&o.conn);
	status = replay_run(&o.replay, conn, &out);
	return (int)out_close(&out, status);
}
