#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/diag.h"
#include "common/opt.h"

/* Options of each kind, as a program would have them. */
struct options {
	const char *url, *field, *password_file;
	uint64_t count, max_bytes;
	int64_t lease_ms, timeout_ms;
	struct when since;
	struct opt_list types;
	bool meta, ids;
};

static struct options o;
static struct opt_args args;

static const struct opt table[] = {
	OPT_URL_ENV('u', "url", "URL", &o.url, "where the server is",
		    "EV_URL REDIS_URL"),
	OPT_TEXT(0, "field", "NAME", &o.field,
		 "the field that holds the event"),
	OPT_TEXT(0, "password-file", "FILE", &o.password_file, "read it"),
	OPT_U64('c', "count", "N", &o.count, "stop after N events"),
	OPT_SIZE(0, "max-bytes", "SIZE", &o.max_bytes, "refuse longer lines"),
	OPT_DURATION(0, "lease", "DUR", &o.lease_ms, "how long to be silent"),
	OPT_DURATION('w', "timeout", "DUR", &o.timeout_ms, "stop then"),
	OPT_WHEN('S', "since", "TIME", &o.since, "from here on"),
	OPT_LIST('t', "type", "GLOB", &o.types, "events of this type"),
	OPT_BOOL('m', "meta", &o.meta, "records instead of events"),
	OPT_BOOL('i', "ids", &o.ids, "print the id of each event"),
	OPT_BOOL(0, "interactively-ask-for-more", &o.ids, "a long name"),
	OPT_END,
};

static const struct opt_program plain = {
	.purpose = "append events to a stream",
	.usage = "[options] STREAM [EVENT\xe2\x80\xa6]\n--promote STREAM",
	.config = { "routes" },
};

static const struct opt_program runner = {
	.purpose = "consume events",
	.usage = "-g GROUP [options] STREAM\xe2\x80\xa6\n"
		 "-g GROUP [options] STREAM\xe2\x80\xa6 -- COMMAND [ARG]",
};

/* The words of the last command line; values point into them. */
static char *words[32];
static char text[1024];

/* Split a line at its blanks; "''" is an empty word. */
static int
split(const char *line)
{
	int argc = 0;
	char *word;

	snprintf(text, sizeof(text), "%s", line);
	for (word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
		words[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	words[argc] = NULL;
	return argc;
}

static void
reset(void)
{
	opt_list_release(&o.types);
	o = (struct options){ .url = "redis://127.0.0.1:6379",
			      .lease_ms = 30000,
			      .timeout_ms = INT64_MAX,
			      .max_bytes = 1 << 20 };
}

static void
parse_as(const struct opt_program *program, const char *line)
{
	int argc = split(line);

	reset();
	opt_parse(table, program, argc, words, &args);
}

static void
parse(const char *line)
{
	parse_as(&plain, line);
}

/* What a program that ended has said, and its status. */
static struct {
	int status;
	char out[8192], err[4096];
} run;

static void
read_back(FILE *f, char *to, size_t size)
{
	rewind(f);
	to[fread(to, 1, size - 1, f)] = '\0';
	fclose(f);
}

/* Parse in a child that exits with 100 if opt_parse() returns. */
static void
parse_in_child(const char *line)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int status;
	pid_t pid;

	assert_non_null(out);
	assert_non_null(err);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		parse(line);
		_exit(100);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	run.status = WEXITSTATUS(status);
	read_back(out, run.out, sizeof(run.out));
	read_back(err, run.err, sizeof(run.err));
}

static void
assert_usage(const char *line, const char *message)
{
	char want[1024];

	parse_in_child(line);
	snprintf(want, sizeof(want), "evpub: %s; try 'evpub --help'\n",
		 message);
	assert_string_equal(run.err, want);
	assert_string_equal(run.out, "");
	assert_int_equal(run.status, EXIT_USAGE);
}

static void
assert_has(const char *in, const char *what)
{
	if (strstr(in, what) == NULL)
		fail_msg("no \"%s\" in: %s", what, in);
}

/* The config file of a test. */
static char config_path[] = "/tmp/test_opt.XXXXXX";

static void
write_config(const char *content)
{
	FILE *f = fopen(config_path, "w");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
clean(void **state)
{
	FILE *f = fopen(config_path, "w");

	(void)state;
	unsetenv("EV_URL");
	unsetenv("REDIS_URL");
	unsetenv("EV_PROFILE");
	setenv("EV_CONFIG", config_path, 1);
	diag_set_level(DIAG_NORMAL);
	diag_set_json(false);
	return f == NULL ? -1 : fclose(f);
}

static void
without_options_values_stay(void **state)
{
	(void)state;
	parse("evpub");
	assert_string_equal(o.url, "redis://127.0.0.1:6379");
	assert_int_equal(o.lease_ms, 30000);
	assert_int_equal(o.max_bytes, 1 << 20);
	assert_false(o.meta);
	assert_int_equal(o.types.count, 0);
	assert_int_equal(args.count, 0);
	assert_null(args.command);
}

static void
every_kind_is_parsed(void **state)
{
	(void)state;
	parse("evpub --url redis://h --field f --count 7 --max-bytes 2k "
	      "--lease 1m30s --since 5-3 --type a --meta");
	assert_string_equal(o.url, "redis://h");
	assert_string_equal(o.field, "f");
	assert_int_equal(o.count, 7);
	assert_int_equal(o.max_bytes, 2048);
	assert_int_equal(o.lease_ms, 90000);
	assert_int_equal(o.since.kind, WHEN_ENTRY);
	assert_int_equal(o.since.id.seq, 3);
	assert_int_equal(o.types.count, 1);
	assert_true(o.meta);
}

static void
arguments_stand_in_the_word_or_the_next(void **state)
{
	(void)state;
	parse("evpub -c5 -t a -tb --type=c --type d --field==x");
	assert_int_equal(o.count, 5);
	assert_int_equal(o.types.count, 4);
	assert_string_equal(o.types.item[0], "a");
	assert_string_equal(o.types.item[1], "b");
	assert_string_equal(o.types.item[2], "c");
	assert_string_equal(o.types.item[3], "d");
	assert_string_equal(o.field, "=x");
}

static void
an_argument_may_look_like_an_option(void **state)
{
	(void)state;
	parse("evpub --field -m -t -- x");
	assert_string_equal(o.field, "-m");
	assert_string_equal(o.types.item[0], "--");
	assert_false(o.meta);
	assert_int_equal(args.count, 1);
}

static void
letters_may_be_bundled(void **state)
{
	(void)state;
	parse("evpub -imc5 x");
	assert_true(o.ids);
	assert_true(o.meta);
	assert_int_equal(o.count, 5);
	assert_int_equal(args.count, 1);
}

static void
long_names_may_be_shortened_while_unique(void **state)
{
	(void)state;
	parse("evpub --le 5s --me --ma 1k");
	assert_int_equal(o.lease_ms, 5000);
	assert_true(o.meta);
	assert_int_equal(o.max_bytes, 1024);
	assert_usage("evpub --m", "--m: could be --max-bytes or --meta");
	assert_usage("evpub --ver", "--ver: could be --verbose or --version");
}

static void
the_last_value_counts(void **state)
{
	(void)state;
	parse("evpub -c 1 --count 2 -c3");
	assert_int_equal(o.count, 3);
}

static void
flags_can_be_taken_back(void **state)
{
	(void)state;
	parse("evpub -m --meta=no --ids=on");
	assert_false(o.meta);
	assert_true(o.ids);
}

static void
options_and_operands_may_be_mixed(void **state)
{
	(void)state;
	parse("evpub a -m b - -c 3 '' c");
	assert_int_equal(args.count, 5);
	assert_string_equal(args.operand[0], "a");
	assert_string_equal(args.operand[1], "b");
	assert_string_equal(args.operand[2], "-");
	assert_string_equal(args.operand[3], "");
	assert_string_equal(args.operand[4], "c");
	assert_int_equal(o.count, 3);
}

static void
two_dashes_end_the_options(void **state)
{
	(void)state;
	parse("evpub a -- -m -- b");
	assert_false(o.meta);
	assert_null(args.command);
	assert_int_equal(args.count, 4);
	assert_string_equal(args.operand[1], "-m");
	assert_string_equal(args.operand[2], "--");
	assert_string_equal(args.operand[3], "b");
}

static void
two_dashes_start_the_command_of_a_program_that_runs_one(void **state)
{
	(void)state;
	parse_as(&runner, "evsub a -m b -- cmd -x -- y");
	assert_true(o.meta);
	assert_int_equal(args.count, 2);
	assert_string_equal(args.operand[1], "b");
	assert_non_null(args.command);
	assert_string_equal(args.command[0], "cmd");
	assert_string_equal(args.command[1], "-x");
	assert_string_equal(args.command[2], "--");
	assert_string_equal(args.command[3], "y");
	assert_null(args.command[4]);
	parse_as(&runner, "evsub a --");
	assert_non_null(args.command);
	assert_null(args.command[0]);
	parse_as(&runner, "evsub a");
	assert_null(args.command);
}

static void
bad_values_are_refused_with_an_example(void **state)
{
	(void)state;
	assert_usage("evpub --lease 5", "--lease: \"5\" is not a duration "
					"(such as 30s, 5m, 1h30m)");
	assert_usage("evpub -c x", "-c: \"x\" is not a number");
	assert_usage("evpub -c -1", "-c: \"-1\" is not a number");
	assert_usage("evpub -c 18446744073709551616",
		     "-c: \"18446744073709551616\" is too large a number");
	assert_usage("evpub --max-bytes 1x",
		     "--max-bytes: \"1x\" is not a size "
		     "(such as 4096, 512k, 10M, 2G)");
	assert_usage("evpub --meta=maybe",
		     "--meta: \"maybe\" is neither yes nor no");
	assert_usage("evpub --log xml",
		     "--log: \"xml\" is neither text nor json");
	parse_in_child("evpub -S 1795209426");
	assert_has(run.err, "-S: \"1795209426\" is not a time");
	assert_int_equal(run.status, EXIT_USAGE);
}

static void
empty_and_missing_arguments_are_refused(void **state)
{
	(void)state;
	assert_usage("evpub --url=", "--url: the value is empty");
	assert_usage("evpub -t ''", "-t: the value is empty");
	assert_usage("evpub --meta=", "--meta: the value is empty");
	assert_usage("evpub --count", "--count: needs an argument (N)");
	assert_usage("evpub -mc", "-c: needs an argument (N)");
}

static void
unknown_options_are_refused(void **state)
{
	(void)state;
	assert_usage("evpub --nope", "--nope: unknown option");
	assert_usage("evpub --nope=5", "--nope: unknown option");
	assert_usage("evpub --meta-x", "--meta-x: unknown option");
	assert_usage("evpub --=5", "--: unknown option");
	assert_usage("evpub -mx", "-x: unknown option");
	assert_usage("evpub -\xc3\xa9", "-\xc3\xa9: unknown option");
}

static void
the_environment_gives_what_options_do_not(void **state)
{
	(void)state;
	setenv("REDIS_URL", "redis://second", 1);
	parse("evpub");
	assert_string_equal(o.url, "redis://second");
	setenv("EV_URL", "", 1);
	parse("evpub");
	assert_string_equal(o.url, "redis://second");
	setenv("EV_URL", "redis://first", 1);
	parse("evpub");
	assert_string_equal(o.url, "redis://first");
	parse("evpub -u redis://option");
	assert_string_equal(o.url, "redis://option");
}

static void
the_file_gives_what_the_environment_does_not(void **state)
{
	(void)state;
	write_config("url = redis://file\ncount = 9\nmeta = yes\n");
	parse("evpub");
	assert_string_equal(o.url, "redis://file");
	assert_int_equal(o.count, 9);
	assert_true(o.meta);
	setenv("EV_URL", "redis://env", 1);
	parse("evpub -c 3 --meta=no");
	assert_string_equal(o.url, "redis://env");
	assert_int_equal(o.count, 3);
	assert_false(o.meta);
}

static void
a_profile_beats_the_head_of_the_file(void **state)
{
	(void)state;
	write_config("count = 1\nlease = 5s\n[prod]\ncount = 2\n"
		     "[test]\ncount = 3\n");
	parse("evpub");
	assert_int_equal(o.count, 1);
	parse("evpub --profile prod");
	assert_int_equal(o.count, 2);
	assert_int_equal(o.lease_ms, 5000);
	setenv("EV_PROFILE", "test", 1);
	parse("evpub");
	assert_int_equal(o.count, 3);
	parse("evpub --profile prod");
	assert_int_equal(o.count, 2);
}

static void
a_setting_for_one_program_beats_the_one_for_all(void **state)
{
	(void)state;
	write_config("evpub.count = 1\ncount = 2\nevsub.count = 3\n"
		     "evsub.anything = x\n[prod]\ncount = 4\n");
	parse("evpub");
	assert_int_equal(o.count, 1);
	parse("evtail");
	assert_int_equal(o.count, 2);
	parse("evpub --profile prod");
	assert_int_equal(o.count, 4);
}

static void
a_list_takes_all_of_one_origin(void **state)
{
	(void)state;
	write_config("type = a\ntype = b\n[prod]\ntype = c\n");
	parse("evpub");
	assert_int_equal(o.types.count, 2);
	assert_string_equal(o.types.item[0], "a");
	assert_string_equal(o.types.item[1], "b");
	parse("evpub --profile prod");
	assert_int_equal(o.types.count, 1);
	assert_string_equal(o.types.item[0], "c");
	parse("evpub -t d");
	assert_int_equal(o.types.count, 1);
	assert_string_equal(o.types.item[0], "d");
}

static void
assert_config_refused(const char *content, const char *line,
		      const char *message)
{
	char want[512];

	write_config(content);
	parse_in_child(line);
	snprintf(want, sizeof(want), "evpub: %s:%s\n", config_path, message);
	assert_string_equal(run.err, want);
	assert_int_equal(run.status, EXIT_USAGE);
}

static void
a_list_given_replaces_the_default(void **state)
{
	int argc = split("evpub -t a -t b");

	(void)state;
	reset();
	o.types.item = calloc(1, sizeof(*o.types.item));
	assert_non_null(o.types.item);
	o.types.item[0] = "default";
	o.types.count = 1;
	opt_parse(table, &plain, argc, words, &args);
	assert_int_equal(o.types.count, 2);
	assert_string_equal(o.types.item[0], "a");
}

static void
faults_of_the_file_name_their_line(void **state)
{
	(void)state;
	assert_config_refused("\nfoo = 1\n", "evpub",
			      "2: unknown setting \"foo\"");
	assert_config_refused("evpub.foo = 1\n", "evpub",
			      "1: unknown setting \"evpub.foo\"");
	assert_config_refused("evfoo.count = 1\n", "evpub",
			      "1: unknown setting \"evfoo.count\"");
	assert_config_refused("[prod]\nfoo = 1\n", "evpub --profile prod",
			      "2: unknown setting \"foo\"");
	assert_config_refused("help = yes\n", "evpub",
			      "1: unknown setting \"help\"");
	assert_config_refused("profile = prod\n", "evpub",
			      "1: unknown setting \"profile\"");
	assert_config_refused("count = x\n", "evpub",
			      "1: count: \"x\" is not a number");
	assert_config_refused("evpub.count =\n", "evpub",
			      "1: evpub.count: the value is empty");
	assert_config_refused("[\n", "evpub",
			      "1: no closing ] of a section's name");
}

static void
what_is_common_may_stand_in_the_file(void **state)
{
	(void)state;
	write_config("group = billing\nretry-for = 5s\njobs = 4\n"
		     "reply-timeout = 1s\n"
		     "[other]\nnonsense = 1\n[routes]\na* = b\n");
	parse("evpub");
	assert_string_equal(config_get(args.config, "routes", "a*"), "b");
}

static void
a_profile_must_be_there(void **state)
{
	char want[256];

	(void)state;
	write_config("[prod]\n[routes]\n");
	parse("evpub --profile prod");
	snprintf(want, sizeof(want), "--profile: no section [nope] in %s",
		 config_path);
	assert_usage("evpub --profile nope", want);
	assert_usage("evpub --profile routes",
		     "--profile: [routes] is not a profile");
	setenv("EV_PROFILE", "nope", 1);
	snprintf(want, sizeof(want), "EV_PROFILE: no section [nope] in %s",
		 config_path);
	assert_usage("evpub", want);
	unsetenv("EV_CONFIG");
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	assert_usage("evpub", "EV_PROFILE: there is no config file");
}

static void
help_has_a_row_for_each_option(void **state)
{
	(void)state;
	parse_in_child("evpub -m --help --nope");
	assert_int_equal(run.status, EXIT_OK);
	assert_string_equal(run.err, "");
	assert_string_equal(
		run.out,
		"usage: evpub [options] STREAM [EVENT\xe2\x80\xa6]\n"
		"       evpub --promote STREAM\n"
		"\n"
		"Append events to a stream.\n"
		"\n"
		"options:\n"
		"  -u, --url URL            where the server is\n"
		"      --field NAME         the field that holds the event\n"
		"      --password-file FILE\n"
		"                           read it\n"
		"  -c, --count N            stop after N events\n"
		"      --max-bytes SIZE     refuse longer lines\n"
		"      --lease DUR          how long to be silent\n"
		"  -w, --timeout DUR        stop then\n"
		"  -S, --since TIME         from here on\n"
		"  -t, --type GLOB          events of this type\n"
		"  -m, --meta               records instead of events\n"
		"  -i, --ids                print the id of each event\n"
		"      --interactively-ask-for-more\n"
		"                           a long name\n"
		"  -q, --quiet              say nothing but errors\n"
		"  -v, --verbose            say more; twice: still more\n"
		"      --log FORMAT         messages as text or json\n"
		"      --profile NAME       section of the config file to use\n"
		"      --dump-config        print all settings and where they "
		"are from\n"
		"      --print-acl          print the ACL rule of a user who "
		"may do this\n"
		"  -h, --help               print this\n"
		"  -V, --version            print the version\n"
		"\n"
		"Exit status: 0 done, 1 no, 2 usage, 3 some events refused, "
		"4 server, 5 output; see ev(7) and evpub(1).\n");
}

static void
help_needs_no_valid_config(void **state)
{
	(void)state;
	write_config("nonsense\n");
	parse_in_child("evpub -h");
	assert_int_equal(run.status, EXIT_OK);
	parse_in_child("evpub --version");
	assert_int_equal(run.status, EXIT_OK);
	assert_int_equal(strncmp(run.out, "evpub (evtools) ", 16), 0);
}

static void
a_dump_names_values_and_origins(void **state)
{
	char want[2048];

	(void)state;
	write_config("type = a\ntype = \"b #\"\n[prod]\nlease = 60s\n");
	setenv("EV_URL", "redis://me:secret@h", 1);
	parse_in_child("evpub --dump-config -c 5 -S 90m -vv -i "
		       "--profile prod x");
	assert_int_equal(run.status, EXIT_OK);
	snprintf(want, sizeof(want),
		 "# settings of evpub with the profile prod\n"
		 "url = redis://me:***@h  # environment EV_URL\n"
		 "# field is not set\n"
		 "# password-file is not set\n"
		 "count = 5  # option\n"
		 "max-bytes = 1048576  # default\n"
		 "lease = 60s  # %s:4\n"
		 "# timeout is not set\n"
		 "since = 90m  # option\n"
		 "type = a  # %s:1\n"
		 "type = \"b #\"  # %s:2\n"
		 "meta = false  # default\n"
		 "ids = true  # option\n"
		 "interactively-ask-for-more = true  # default\n"
		 "quiet = false  # default\n"
		 "verbose = 2  # option\n"
		 "log = text  # default\n",
		 config_path, config_path, config_path);
	assert_string_equal(run.out, want);
}

static void
a_dump_is_a_config_file(void **state)
{
	static char first[sizeof(run.out)];
	char *at;

	(void)state;
	parse_in_child("evpub --dump-config -c 5 -S 2026-11-20 -vv -m -t a# "
		       "--field \"f\\ -t ;b");
	assert_int_equal(run.status, EXIT_OK);
	strcpy(first, run.out);
	write_config(first);
	parse_in_child("evpub --dump-config");
	assert_int_equal(run.status, EXIT_OK);
	for (at = first; *at != '\0'; at += strcspn(at, "\n") + 1) {
		char line[256];
		size_t len = strcspn(at, "#\n");

		if (len == 0)
			continue;
		snprintf(line, sizeof(line), "\n%.*s", (int)len, at);
		assert_has(run.out, line);
	}
}

static void
passwords_on_the_command_line_give_a_warning(void **state)
{
	(void)state;
	parse_in_child("evpub -u redis://:secret@h");
	assert_int_equal(run.status, 100);
	assert_string_equal(run.err,
			    "evpub: a password on the command line can be "
			    "seen by other users; use --password-file or "
			    "EV_URL\n");
	parse_in_child("evpub -q -u redis://:secret@h");
	assert_string_equal(run.err, "");
	parse_in_child("evpub -u redis://h");
	assert_string_equal(run.err, "");
	setenv("EV_URL", "redis://:secret@h", 1);
	parse_in_child("evpub");
	assert_string_equal(run.err, "");
}

static void
messages_follow_quiet_verbose_and_log(void **state)
{
	(void)state;
	parse("evpub");
	assert_true(diag_says(DIAG_NORMAL));
	assert_false(diag_says(DIAG_INFO));
	parse("evpub -v");
	assert_true(diag_says(DIAG_INFO));
	assert_false(diag_says(DIAG_DEBUG));
	parse("evpub -v --verbose");
	assert_true(diag_says(DIAG_DEBUG));
	parse("evpub -vvvvv");
	assert_true(diag_says(DIAG_DEBUG));
	parse("evpub -q");
	assert_false(diag_says(DIAG_NORMAL));
	parse_in_child("evpub --log json --nope");
	assert_has(run.err, "\"program\":\"evpub\"");
	assert_int_equal(*run.err, '{');
}

static void
the_file_may_set_verbose_by_number(void **state)
{
	(void)state;
	write_config("verbose = 2\n");
	parse("evpub");
	assert_true(diag_says(DIAG_DEBUG));
	parse("evpub -v");
	assert_true(diag_says(DIAG_INFO));
	assert_false(diag_says(DIAG_DEBUG));
	write_config("verbose = yes\n");
	parse("evpub");
	assert_true(diag_says(DIAG_INFO));
	assert_false(diag_says(DIAG_DEBUG));
}

static void
the_name_is_the_last_part_of_a_path(void **state)
{
	(void)state;
	parse("/usr/bin/evpub");
	assert_string_equal(diag_program(), "evpub");
}

static void
assert_table_refused(const struct opt *rows, const char *want)
{
	char error[OPT_CHECK_ERROR];

	assert_int_equal(opt_check(rows, error), -1);
	assert_string_equal(error, want);
}

static void
a_letter_means_the_same_in_all_programs(void **state)
{
	char error[OPT_CHECK_ERROR];
	bool flag;
	const struct opt other[] = { OPT_BOOL('m', "merge", &flag, "x"),
				     OPT_END };
	const struct opt unknown[] = { OPT_BOOL('Z', "zap", &flag, "x"),
				       OPT_END };
	const struct opt common[] = { OPT_BOOL(0, "quiet", &flag, "x"),
				      OPT_END };

	(void)state;
	assert_int_equal(opt_check(table, error), 0);
	assert_table_refused(
		other, "--merge: the letter means something else elsewhere");
	assert_table_refused(
		unknown, "--zap: the letter means something else elsewhere");
	assert_table_refused(common,
			     "--quiet: all programs have this name or letter");
}

static void
a_name_is_used_once(void **state)
{
	bool flag;
	const struct opt twice[] = { OPT_BOOL('m', "meta", &flag, "x"),
				     OPT_BOOL(0, "meta", &flag, "x"), OPT_END };
	const struct opt bad[] = { OPT_BOOL(0, "Meta", &flag, "x"), OPT_END };
	const struct opt mute[] = { OPT_BOOL(0, "meta", &flag, NULL), OPT_END };

	(void)state;
	assert_table_refused(twice, "--meta: the name or letter is used twice");
	assert_table_refused(bad, "--Meta: a name is two or more of a-z 0-9 -");
	assert_table_refused(
		mute, "--meta: its help or its argument's name is missing");
}

static int
make_config(void **state)
{
	int fd = mkstemp(config_path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
remove_config(void **state)
{
	(void)state;
	opt_list_release(&o.types);
	return unlink(config_path);
}

#define TEST(name) cmocka_unit_test_setup(name, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_options_values_stay),
		TEST(every_kind_is_parsed),
		TEST(arguments_stand_in_the_word_or_the_next),
		TEST(an_argument_may_look_like_an_option),
		TEST(letters_may_be_bundled),
		TEST(long_names_may_be_shortened_while_unique),
		TEST(the_last_value_counts),
		TEST(flags_can_be_taken_back),
		TEST(options_and_operands_may_be_mixed),
		TEST(two_dashes_end_the_options),
		TEST(two_dashes_start_the_command_of_a_program_that_runs_one),
		TEST(bad_values_are_refused_with_an_example),
		TEST(empty_and_missing_arguments_are_refused),
		TEST(unknown_options_are_refused),
		TEST(the_environment_gives_what_options_do_not),
		TEST(the_file_gives_what_the_environment_does_not),
		TEST(a_profile_beats_the_head_of_the_file),
		TEST(a_setting_for_one_program_beats_the_one_for_all),
		TEST(a_list_takes_all_of_one_origin),
		TEST(a_list_given_replaces_the_default),
		TEST(faults_of_the_file_name_their_line),
		TEST(what_is_common_may_stand_in_the_file),
		TEST(a_profile_must_be_there),
		TEST(help_has_a_row_for_each_option),
		TEST(help_needs_no_valid_config),
		TEST(a_dump_names_values_and_origins),
		TEST(a_dump_is_a_config_file),
		TEST(passwords_on_the_command_line_give_a_warning),
		TEST(messages_follow_quiet_verbose_and_log),
		TEST(the_file_may_set_verbose_by_number),
		TEST(the_name_is_the_last_part_of_a_path),
		TEST(a_letter_means_the_same_in_all_programs),
		TEST(a_name_is_used_once),
	};

	return cmocka_run_group_tests_name("opt", tests, make_config,
					   remove_config);
}
