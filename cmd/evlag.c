/*
 * evlag - tell how far groups are behind
 *
 * Reads what the server knows of streams and their groups (survey), finds out
 * what it means (judge), and prints a row per group.  It changes nothing.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/conn.h"
#include "common/diag.h"
#include "common/judge.h"
#include "common/mem.h"
#include "common/opt.h"
#include "common/out.h"
#include "common/stop.h"
#include "common/survey.h"
#include "common/survey_print.h"
#include "common/table.h"
#include "common/text.h"

struct options {
	struct conn_options conn;
	struct survey_options survey;
	const char *format_name;
	const struct format *format;
	int64_t sample_ms; /* between two samples; 0: there is one */
	char **operand;    /* streams and patterns */
	size_t operands;
};

struct run {
	struct options *o;
	struct conn *conn;
	struct survey survey;
	struct judge *judge;
	struct out out;
};

/* A way to print the survey.  Returns the status to exit with. */
struct format {
	const char *name;
	enum exit_status (*print)(struct run *run);
};

static const struct opt_program program = {
	.purpose = "tell how far groups are behind",
	.usage = "[options] [STREAM|PATTERN…]",
};

/* Say what could not be read; what was asked for by its name and is not there
 * makes the answer a no. */
static enum exit_status
status_of(const struct run *run)
{
	const struct survey *s = &run->survey;
	const char *group = run->o->survey.group;
	enum exit_status status = EXIT_OK;
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->row[i].error != NULL) {
			fault("%s: %s", s->row[i].stream, s->row[i].error);
			status = EXIT_NO;
		}
	if (s->count == 0 && group != NULL && !text_is_glob(group)) {
		fault("%s: no such group", group);
		status = EXIT_NO;
	} else if (s->count == 0) {
		warn("nothing to show: no stream%s matches",
		     group != NULL ? " or group" : "");
	}
	return status;
}

static enum exit_status
print_table(struct run *run)
{
	survey_print_table(&run->survey, run->o->sample_ms != 0, table_width(),
			   table_colour(), &run->out);
	return status_of(run);
}

static enum exit_status
print_ndjson(struct run *run)
{
	survey_print_ndjson(&run->survey, &run->out);
	return status_of(run);
}

static const struct format formats[] = {
	{ "table", print_table },
	{ "ndjson", print_ndjson },
};

static void
check_options(struct options *o)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(o->format_name, formats[i].name) == 0)
			o->format = &formats[i];
	if (o->format == NULL)
		opt_usage("--format is table or ndjson");
	if (o->survey.lease_ms == 0)
		opt_usage("--lease must be longer than 0");
	for (i = 0; i < o->operands; i++)
		if (*o->operand[i] == '\0')
			opt_usage("a stream's name can't be empty");
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	const struct opt table[] = {
		OPT_CONN(&o->conn),
		OPT_TEXT('g', "group", "GLOB", &o->survey.group,
			 "show the groups that match"),
		OPT_TEXT(0, "format", "FORMAT", &o->format_name,
			 "table or ndjson (table)"),
		OPT_DURATION(0, "lease", "DUR", &o->survey.lease_ms,
			     "who is silent for longer is gone (30s)"),
		OPT_DURATION(0, "sample", "DUR", &o->sample_ms,
			     "look twice, that far apart, for rates"),
		OPT_END,
	};
	struct opt_args args;

	opt_parse(table, &program, argc, argv, &args);
	o->operand = args.operand;
	o->operands = args.count;
	check_options(o);
}

/* Look once: at the streams named, and at those that patterns find by now.
 * Returns 0, or -1 with conn_error() set. */
static int
look(struct run *run)
{
	const struct options *o = run->o;
	size_t i;

	if (o->operands == 0 && survey_find(&run->survey, run->conn, "*") < 0)
		return -1;
	for (i = 0; i < o->operands; i++)
		if (!text_is_glob(o->operand[i]))
			survey_add(&run->survey, o->operand[i]);
		else if (survey_find(&run->survey, run->conn, o->operand[i]) <
			 0)
			return -1;
	if (survey_read(&run->survey, run->conn) < 0)
		return -1;
	judge_take(run->judge, &run->survey);
	return 0;
}

/* One look, or two for rates, and the answer. */
static enum exit_status
show(struct run *run)
{
	if (look(run) < 0)
		return EXIT_SERVER;
	if (run->o->sample_ms != 0) {
		stop_sleep(run->o->sample_ms < INT_MAX ? (int)run->o->sample_ms
						       : INT_MAX);
		if (look(run) < 0)
			return EXIT_SERVER;
	}
	return run->o->format->print(run);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.conn = CONN_OPTIONS_INIT,
		.survey = { .lease_ms = 30000, .most = SURVEY_COUNT },
		.format_name = "table",
	};
	struct run run = { .o = &o };
	enum exit_status status;

	stop_init();
	parse_options(&o, argc, argv);
	out_init(&run.out, STDOUT_FILENO, "<stdout>");
	survey_init(&run.survey, &o.survey);
	run.judge = judge_open(&o.survey);
	run.conn = conn_open(&o.conn);
	if (conn_error(run.conn) != NULL)
		die(conn_is_usage(run.conn) ? EXIT_USAGE : EXIT_SERVER, "%s",
		    conn_error(run.conn));
	status = show(&run);
	if (status == EXIT_SERVER)
		fault("%s", conn_error(run.conn));
	judge_close(run.judge);
	survey_release(&run.survey);
	conn_close(run.conn);
	return (int)out_close(&run.out, status);
}
