#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/mem.h"
#include "common/opt.h"
#include "common/opt_help.h"
#include "common/opt_names.h"
#include "common/opt_value.h"
#include "common/text.h"

/* What the rows that all programs have point to. */
struct common {
	bool quiet, help, version, dump, acl;
	uint64_t verbose;
	const char *log, *profile;
};

/* Of the common rows the last ones are no settings: the file can't hold them,
 * and --dump-config leaves them out. */
enum { COMMON_ROWS = 8, COMMANDS = 5 };

struct parser {
	const struct opt_program *program;
	struct common common;
	struct opt *row; /* the program's, then the common ones */
	struct opt_origin *origin;
	size_t count;
	struct config *config;
};

void
opt_usage(const char *fmt, ...)
{
	char message[DIAG_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	die(EXIT_USAGE, "%s; try '%s --help'", message, diag_program());
}

/* Give up on a row's value, naming where it came from. */
_Noreturn static void __attribute__((format(printf, 3, 4)))
refuse(const struct parser *p, size_t i, const char *fmt, ...)
{
	const struct opt_origin *o = &p->origin[i];
	char message[DIAG_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	if (o->from == OPT_FROM_FILE)
		die(EXIT_USAGE, "%s:%u: %s: %s", p->config->path,
		    o->line->number, o->line->name, message);
	if (o->from == OPT_FROM_ENV)
		opt_usage("%.*s: %s", (int)o->env_len, o->env, message);
	if (o->letter != 0)
		opt_usage("-%c: %s", o->letter, message);
	opt_usage("--%s: %s", p->row[i].name, message);
}

static void
make_rows(struct parser *p, const struct opt *table)
{
	struct common *c = &p->common;
	const struct opt common[COMMON_ROWS] = {
		OPT_BOOL('q', "quiet", &c->quiet, "say nothing but errors"),
		{ OPT_KIND_COUNT,
		  'v',
		  "verbose",
		  NULL,
		  { .number = &c->verbose },
		  "say more; twice: still more",
		  NULL },
		OPT_TEXT(0, "log", "FORMAT", &c->log,
			 "messages as text or json"),
		OPT_TEXT_ENV(0, "profile", "NAME", &c->profile,
			     "section of the config file to use", "EV_PROFILE"),
		OPT_BOOL(0, "dump-config", &c->dump,
			 "print all settings and where they are from"),
		OPT_BOOL(0, "print-acl", &c->acl,
			 "print the ACL rule of a user who may do this"),
		OPT_BOOL('h', "help", &c->help, "print this"),
		OPT_BOOL('V', "version", &c->version, "print the version"),
	};
	size_t own = 0;

	while (table[own].kind != OPT_KIND_END)
		own++;
	p->count = own + COMMON_ROWS;
	p->row = xcalloc(p->count, sizeof(*p->row));
	p->origin = xcalloc(p->count, sizeof(*p->origin));
	if (own != 0)
		memcpy(p->row, table, own * sizeof(*table));
	memcpy(p->row + own, common, sizeof(common));
}

static void
free_rows(struct parser *p)
{
	free(p->row);
	free(p->origin);
}

/* Take a value for row i; what a lesser or no origin gave is forgotten. */
static void
take(struct parser *p, size_t i, struct opt_origin origin)
{
	const struct opt *row = &p->row[i];
	bool first = p->origin[i].from == OPT_FROM_PROGRAM;
	char error[OPT_VALUE_ERROR];

	p->origin[i] = origin;
	if (first && row->kind == OPT_KIND_LIST)
		row->value.list->count = 0;
	if (origin.text == NULL && row->kind == OPT_KIND_BOOL)
		*row->value.flag = true;
	else if (origin.text == NULL)
		++*row->value.number;
	else if (opt_value_set(row, origin.text, error) < 0)
		refuse(p, i, "%s", error);
}

/* Write a page to standard output, and end. */
_Noreturn static void
print(struct parser *p, struct buf *page)
{
	if (fwrite(page->data, 1, page->len, stdout) != page->len ||
	    fflush(stdout) != 0)
		die(EXIT_OUTPUT, "standard output: %s", strerror(errno));
	buf_release(page);
	free_rows(p);
	exit(EXIT_OK);
}

static void
answer_help(struct parser *p)
{
	struct buf page = { 0 };

	if (p->common.help)
		opt_help_put(&page, p->program, p->row, p->count);
	else if (p->common.version)
		opt_version_put(&page);
	else
		return;
	print(p, &page);
}

/* End with the names that a shortened one could mean. */
_Noreturn static void
refuse_ambiguous(const struct parser *p, const char *name, size_t len)
{
	struct buf names = { 0 };
	size_t i;

	for (i = 0; i < p->count; i++)
		if (strncmp(p->row[i].name, name, len) == 0)
			buf_addf(&names, "%s--%s", names.len != 0 ? " or " : "",
				 p->row[i].name);
	opt_usage("--%.*s: could be %s", (int)len, name, buf_text(&names));
}

/* The row of a long name, whole or shortened. */
static size_t
find_name(const struct parser *p, const char *name, size_t len)
{
	size_t i, found = 0, hits = 0;

	for (i = 0; i < p->count; i++) {
		if (strncmp(p->row[i].name, name, len) != 0)
			continue;
		if (p->row[i].name[len] == '\0')
			return i;
		found = i;
		hits++;
	}
	if (hits > 1 && len != 0)
		refuse_ambiguous(p, name, len);
	if (hits == 0 || len == 0)
		opt_usage("--%.*s: unknown option", (int)len, name);
	return found;
}

static size_t
find_letter(const struct parser *p, const char *letter)
{
	size_t i, len;

	for (i = 0; i < p->count; i++)
		if (p->row[i].letter == *letter)
			return i;
	len = text_utf8_len(letter, strlen(letter));
	opt_usage("-%.*s: unknown option", len != 0 ? (int)len : 1, letter);
}

/* The argument of row i that is not in the option's own word. */
static const char *
next_word(struct parser *p, size_t i, char letter, char ***at)
{
	if (**at == NULL) {
		p->origin[i].from = OPT_FROM_WORDS;
		p->origin[i].letter = letter;
		refuse(p, i, "needs an argument (%s)", p->row[i].arg);
	}
	return *(*at)++;
}

/* --name, --name=text or --name text; *at is the word behind. */
static void
take_long(struct parser *p, const char *name, char ***at)
{
	struct opt_origin origin = { .from = OPT_FROM_WORDS };
	size_t len = strcspn(name, "=");
	size_t i = find_name(p, name, len);

	if (name[len] == '=')
		origin.text = name + len + 1;
	else if (!opt_value_is_flag(&p->row[i]))
		origin.text = next_word(p, i, 0, at);
	take(p, i, origin);
}

/* -abc, -ntext or -n text; *at is the word behind. */
static void
take_letters(struct parser *p, const char *letters, char ***at)
{
	while (*letters != '\0') {
		struct opt_origin origin = { .from = OPT_FROM_WORDS,
					     .letter = *letters };
		size_t i = find_letter(p, letters++);

		if (!opt_value_is_flag(&p->row[i])) {
			origin.text =
				*letters != '\0'
					? letters
					: next_word(p, i, origin.letter, at);
			letters = "";
		}
		take(p, i, origin);
	}
}

/* Take the options out of argv and collect the operands at its start. */
static void
read_words(struct parser *p, char **argv, struct opt_args *args)
{
	bool runs = strstr(p->program->usage, " -- ") != NULL, ended = false;
	char **at = *argv != NULL ? argv + 1 : argv, *word;

	args->operand = at;
	while ((word = *at) != NULL) {
		at++;
		if (ended || *word != '-' || word[1] == '\0') {
			args->operand[args->count++] = word;
		} else if (word[1] != '-') {
			take_letters(p, word + 1, &at);
		} else if (word[2] != '\0') {
			take_long(p, word + 2, &at);
		} else if (runs) {
			args->command = at;
			break;
		} else {
			ended = true;
		}
		answer_help(p);
		diag_set_json(strcmp(p->common.log, "json") == 0);
	}
}

static void
read_environment(struct parser *p)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		const char *name = p->row[i].env;

		while (p->origin[i].from == OPT_FROM_PROGRAM && name != NULL) {
			size_t len = strcspn(name, " ");
			char *copy = xmemdup0(name, len);
			const char *text = getenv(copy);

			free(copy);
			if (text != NULL && *text != '\0')
				take(p, i,
				     (struct opt_origin){ .from = OPT_FROM_ENV,
							  .env = name,
							  .env_len = len,
							  .text = text });
			name = name[len] != '\0' ? name + len + 1 : NULL;
		}
	}
}

/*
 * Compare a name in the file with a row's.  Returns 2 if it is meant for this
 * program alone, 1 if for all, 0 if it is another one.
 */
static int
names_row(const char *name, const struct opt *row)
{
	const char *self = diag_program();
	size_t len = strlen(self);

	if (strcmp(name, row->name) == 0)
		return !opt_is_namesake(name, row->letter);
	return strncmp(name, self, len) == 0 && name[len] == '.' &&
			       strcmp(name + len + 1, row->name) == 0
		       ? 2
		       : 0;
}

static bool
is_for_another(const char *name)
{
	size_t len = strcspn(name, ".");

	return name[len] == '.' && opt_is_program(name, len) &&
	       (strlen(diag_program()) != len ||
		memcmp(name, diag_program(), len) != 0);
}

static bool
is_setting(const struct parser *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->count - COMMANDS; i++)
		if (names_row(name, &p->row[i]) != 0)
			return true;
	return opt_is_common(name) || is_for_another(name);
}

static void
check_names(const struct parser *p, const char *section)
{
	size_t i;

	for (i = 0; i < p->config->count; i++) {
		const struct config_line *line = &p->config->line[i];

		if (strcmp(line->section, section) == 0 &&
		    !is_setting(p, line->name))
			die(EXIT_USAGE, "%s:%u: unknown setting \"%s\"",
			    p->config->path, line->number, line->name);
	}
}

/* Take for row i what a section says of it, if anything: to this program
 * alone, else to all. */
static void
take_section(struct parser *p, size_t i, const char *section)
{
	int meant = 0;
	size_t k;

	for (k = 0; k < p->config->count; k++) {
		const struct config_line *line = &p->config->line[k];
		int names = strcmp(line->section, section) == 0
				    ? names_row(line->name, &p->row[i])
				    : 0;

		if (names > meant)
			meant = names;
	}
	for (k = 0; k < p->config->count; k++) {
		const struct config_line *line = &p->config->line[k];

		if (meant != 0 && strcmp(line->section, section) == 0 &&
		    names_row(line->name, &p->row[i]) == meant)
			take(p, i,
			     (struct opt_origin){ .from = OPT_FROM_FILE,
						  .line = line,
						  .text = line->value });
	}
}

/* The row of --profile: the first one that is no setting. */
static size_t
profile_row(const struct parser *p)
{
	return p->count - COMMANDS;
}

/* Whether it is a section that a program reads, or of that kind. */
static bool
is_section(const char *name, const char *read)
{
	size_t len = read != NULL ? strlen(read) : 0;

	return len != 0 && (read[len - 1] == ' ' ? strncmp(name, read, len)
						 : strcmp(name, read)) == 0;
}

static void
check_profile(const struct parser *p, const char *name)
{
	size_t i;

	for (i = 0;
	     i < sizeof(p->program->config) / sizeof(p->program->config[0]);
	     i++)
		if (is_section(name, p->program->config[i]))
			refuse(p, profile_row(p), "[%s] is not a profile",
			       name);
	if (p->config->path == NULL)
		refuse(p, profile_row(p), "there is no config file");
	if (!config_has_section(p->config, name))
		refuse(p, profile_row(p), "no section [%s] in %s", name,
		       p->config->path);
}

static void
read_config(struct parser *p)
{
	const char *profile = p->common.profile;
	size_t i;

	if (config_load(p->config) < 0)
		die(EXIT_USAGE, "%s", p->config->error);
	if (profile != NULL)
		check_profile(p, profile);
	check_names(p, "");
	if (profile != NULL)
		check_names(p, profile);
	for (i = 0; i < p->count - COMMANDS; i++) {
		if (p->origin[i].from == OPT_FROM_PROGRAM && profile != NULL)
			take_section(p, i, profile);
		if (p->origin[i].from == OPT_FROM_PROGRAM)
			take_section(p, i, "");
	}
}

/* Messages take the form asked for as soon as it is known. */
static void
apply_common(const struct parser *p)
{
	const struct common *c = &p->common;
	size_t log = profile_row(p) - 1;

	if (strcmp(c->log, "json") != 0 && strcmp(c->log, "text") != 0)
		refuse(p, log, "\"%s\" is neither text nor json", c->log);
	diag_set_json(strcmp(c->log, "json") == 0);
	if (c->quiet)
		diag_set_level(DIAG_QUIET);
	else
		diag_set_level(c->verbose > DIAG_DEBUG ? DIAG_DEBUG
						       : (int)c->verbose);
}

static void
warn_of_passwords(const struct parser *p)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		if (p->row[i].kind == OPT_KIND_URL &&
		    p->origin[i].from == OPT_FROM_WORDS &&
		    text_url_has_password(p->origin[i].text))
			warn("a password on the command line can be seen by "
			     "other users; use --password-file or EV_URL");
}

/* The values point into the file's text until the program ends. */
static struct config *
loaded_config(void)
{
	static struct config config;

	config_release(&config);
	return &config;
}

const char *
opt_given(const struct opt_view *view, const char *name)
{
	size_t i;

	for (i = 0; i < view->count; i++) {
		const struct opt *row = &view->row[i];
		const char *text = view->origin[i].text;

		if (strcmp(row->name, name) != 0)
			continue;
		if (view->origin[i].from == OPT_FROM_PROGRAM)
			return NULL;
		if (row->kind == OPT_KIND_BOOL)
			return *row->value.flag ? "" : NULL;
		return text != NULL ? text : "";
	}
	return NULL;
}

_Noreturn static void
print_acl(struct parser *p, const struct opt_args *args)
{
	const struct opt_view view = { p->program, args, p->row, p->origin,
				       p->count };
	struct buf page = { 0 };

	if (p->program->acl == NULL)
		opt_usage("--print-acl: there is no rule for %s",
			  diag_program());
	p->program->acl(&page, &view);
	print(p, &page);
}

void
opt_parse(const struct opt *table, const struct opt_program *program, int argc,
	  char **argv, struct opt_args *args)
{
	struct parser p = { .program = program,
			    .common = { .log = "text" },
			    .config = loaded_config() };
	char fault[OPT_CHECK_ERROR];

	assert(argv[argc] == NULL);
	(void)argc;
	if (argv[0] != NULL)
		diag_init(argv[0]);
	if (opt_check(table, fault) < 0)
		die(EXIT_USAGE, "table of options: %s", fault);
	*args = (struct opt_args){ .config = p.config };
	make_rows(&p, table);
	read_words(&p, argv, args);
	read_environment(&p);
	apply_common(&p);
	read_config(&p);
	apply_common(&p);
	if (p.common.dump) {
		struct buf page = { 0 };

		opt_dump_put(&page, p.row, p.origin, p.count - COMMANDS,
			     p.config, p.common.profile);
		print(&p, &page);
	}
	if (p.common.acl)
		print_acl(&p, args);
	warn_of_passwords(&p);
	free_rows(&p);
}

void
opt_list_release(struct opt_list *list)
{
	free(list->item);
	*list = (struct opt_list){ 0 };
}
