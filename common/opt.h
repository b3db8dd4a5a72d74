/*
 * opt.h - the options of a program: one table, from which parsing, --help, the
 * config file and --dump-config come
 *
 * A table is an array of struct opt that ends in OPT_END; the OPT_ macros make
 * its rows.  Options and operands may be mixed; "--" ends the options, and what
 * follows it is the command, if the program's usage shows one behind " -- ",
 * else more operands.  Letters may be bundled (-vm), take their argument in the
 * same word or the next (-n5, -n 5); long names take --name=x or --name x and
 * may be shortened as long as they stay unique.  A row without an argument takes
 * --name=yes and --name=no too, to overrule the environment or the file.
 *
 * A value comes from, in this order: the command line; the first environment
 * variable that the row names and that is not empty; the profile (--profile)
 * and then the head of the config file; what the program put there before.  The
 * last one given counts; a list takes all that its one origin gives.  In the
 * file the name is the long name, for all programs or, as in "evsub.lease", for
 * one, which beats the other.  A plain name must be an option of this program or
 * one that means the same in all of them (opt_is_common).
 *
 * Every program has these rows besides its own: --profile --dump-config
 * --print-acl -q -v --log -h -V.
 */
#ifndef COMMON_OPT_H
#define COMMON_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/config.h"
#include "common/when.h"

enum opt_kind {
	OPT_KIND_END,
	OPT_KIND_BOOL,
	OPT_KIND_U64,      /* decimal digits */
	OPT_KIND_SIZE,     /* bytes: num_size() */
	OPT_KIND_DURATION, /* ms: num_duration() */
	OPT_KIND_WHEN,     /* when_parse() */
	OPT_KIND_TEXT,     /* any text but the empty one */
	OPT_KIND_URL,      /* a text whose password is kept from others */
	OPT_KIND_LIST,     /* repeatable text */
	OPT_KIND_COUNT     /* without argument; how often it was given */
};

/* The values of a repeatable option, in order.  Borrowed from argv, the
 * environment or the config; the array is freed by opt_list_release(). */
struct opt_list {
	const char **item;
	size_t count;
};

struct opt {
	enum opt_kind kind;
	char letter;      /* 0: none */
	const char *name; /* without the dashes */
	const char
		*arg; /* what stands for the argument in --help; NULL: none */
	union {
		bool *flag;
		uint64_t *number;
		int64_t *ms;
		struct when *when;
		const char **text;
		struct opt_list *list;
	} value;
	const char *help; /* one line, lower case, no full stop */
	const char *env;  /* names of variables, blank-separated; NULL: none */
};

#define OPT_BOOL(letter, name, out, help)                                   \
	{                                                                   \
		OPT_KIND_BOOL, letter, name, NULL, { .flag = (out) }, help, \
			NULL                                                \
	}
#define OPT_U64(letter, name, arg, out, help)                               \
	{                                                                   \
		OPT_KIND_U64, letter, name, arg, { .number = (out) }, help, \
			NULL                                                \
	}
#define OPT_SIZE(letter, name, arg, out, help)                               \
	{                                                                    \
		OPT_KIND_SIZE, letter, name, arg, { .number = (out) }, help, \
			NULL                                                 \
	}
#define OPT_DURATION(letter, name, arg, out, help)                           \
	{                                                                    \
		OPT_KIND_DURATION, letter, name, arg, { .ms = (out) }, help, \
			NULL                                                 \
	}
#define OPT_WHEN(letter, name, arg, out, help)                             \
	{                                                                  \
		OPT_KIND_WHEN, letter, name, arg, { .when = (out) }, help, \
			NULL                                               \
	}
#define OPT_TEXT(letter, name, arg, out, help)                             \
	{                                                                  \
		OPT_KIND_TEXT, letter, name, arg, { .text = (out) }, help, \
			NULL                                               \
	}
#define OPT_LIST(letter, name, arg, out, help)                             \
	{                                                                  \
		OPT_KIND_LIST, letter, name, arg, { .list = (out) }, help, \
			NULL                                               \
	}
/* A text that environment variables may give. */
#define OPT_TEXT_ENV(letter, name, arg, out, help, env)                        \
	{                                                                      \
		OPT_KIND_TEXT, letter, name, arg, { .text = (out) }, help, env \
	}
/* The same for a URL: --dump-config masks its password, and one that stands on
 * the command line gives a warning. */
#define OPT_URL_ENV(letter, name, arg, out, help, env)                        \
	{                                                                     \
		OPT_KIND_URL, letter, name, arg, { .text = (out) }, help, env \
	}
#define OPT_END                                                           \
	{                                                                 \
		OPT_KIND_END, 0, NULL, NULL, { .flag = NULL }, NULL, NULL \
	}

struct opt_origin;
struct opt_view;

/* What --help and --version say beyond the table. */
struct opt_program {
	const char *purpose; /* "append events to a stream" */
	const char *usage;   /* lines of what follows the name, one form each */
	const char
		*config[4]; /* sections beside profiles that it reads, if any;
			     * one that ends in a blank is a beginning */
	/* What --print-acl prints; NULL: the program has no such rule. */
	void (*acl)(struct buf *out, const struct opt_view *view);
};

/* What is left when the options are taken out.  Points into argv, which is
 * reordered. */
struct opt_args {
	char **operand;
	size_t count;
	char **command; /* what follows "--"; NULL-terminated; NULL if there is
			 * no "--" or the program takes no command */
	struct config *config; /* the config file, empty if there is none; owned
				* by opt until the program ends */
};

/*
 * Parse argv by the table and act on the common rows: set diag's level and
 * format; --help, --version, --dump-config and --print-acl print to standard
 * output and exit.  Bad usage or configuration ends the program with EXIT_USAGE and a
 * message that names the option, and for the config file its line.  argv and
 * what the values point to must stay.
 */
void opt_parse(const struct opt *table, const struct opt_program *program,
	       int argc, char **argv, struct opt_args *args);

/* All that was read, for what prints about it. */
struct opt_view {
	const struct opt_program *program;
	const struct opt_args *args;
	const struct opt *row;           /* the program's and the common ones */
	const struct opt_origin *origin; /* of each row's value */
	size_t count;
};

/* The value of an option (by its long name) that the command line, environment
 * or config file gave, as it was written, "" for one without an argument; NULL
 * if none did, if it is a switch that is off, or no option of this program. */
const char *opt_given(const struct opt_view *view, const char *name);

/* End with EXIT_USAGE: "program: message", then how to get help. */
_Noreturn void opt_usage(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

/*
 * Check a table for its author's mistakes: a name or letter used twice, or a
 * letter that means something else here than in the other programs.  Returns 0,
 * or -1 with error set.  opt_parse() ends the program over it.
 */
enum { OPT_CHECK_ERROR = 128 };
int opt_check(const struct opt *table, char error[OPT_CHECK_ERROR]);

/* Whether a long name belongs to the vocabulary of all programs. */
bool opt_is_common(const char *name);

void opt_list_release(struct opt_list *list);

#endif
