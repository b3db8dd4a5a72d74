#include <stdio.h>
#include <string.h>

#include "common/opt.h"
#include "common/opt_names.h"

/* A letter means the same in all programs; so it has one long name, or a few
 * that say the same of different things. */
static const struct {
	char letter;
	const char *name[3];
} letters[] = {
	{ '0', { "null" } },
	{ 'E', { "until-end" } },
	{ 'O', { "output" } },
	{ 'P', { "jobs" } },
	{ 'S', { "since" } },
	{ 'T', { "tee", "events", "event" } },
	{ 'U', { "until" } },
	{ 'V', { "version" } },
	{ 'b', { "batch" } },
	{ 'c', { "count" } },
	{ 'e', { "filter" } },
	{ 'f', { "follow" } },
	{ 'g', { "group" } },
	{ 'h', { "help" } },
	{ 'i', { "ids" } },
	{ 'j', { "jq" } },
	{ 'm', { "meta" } },
	{ 'n', { "lines" } },
	{ 'q', { "quiet" } },
	{ 't', { "type" } },
	{ 'u', { "url" } },
	{ 'v', { "verbose" } },
	{ 'w', { "timeout", "wait" } },
	{ 'y', { "yes" } },
};

/* Settings that may stand in the file for all programs, also for those that
 * have no such option. */
static const char *const common[] = {
	"url",     "password-file", "cacert",   "cert",      "cert-key",
	"sni",     "group",         "insecure", "type",      "filter",
	"jq",      "since",         "until",    "retry-for", "count",
	"timeout", "meta",          "null",     "jobs",      "yes",
	"field",   "quiet",         "verbose",  "log",       "reply-timeout",
};

static const char *const programs[] = { "evpub",  "evsub", "evtail",  "evlag",
					"evtrim", "evdlq", "evreplay" };

static const struct {
	const char *name;
	char letter;
} taken[] = { { "quiet", 'q' },     { "verbose", 'v' }, { "log", 0 },
	      { "profile", 0 },     { "help", 'h' },    { "version", 'V' },
	      { "dump-config", 0 }, { "print-acl", 0 } };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool
opt_is_common(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(common); i++)
		if (strcmp(common[i], name) == 0)
			return true;
	return false;
}

bool
opt_is_program(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < COUNT(programs); i++)
		if (strlen(programs[i]) == len &&
		    memcmp(programs[i], name, len) == 0)
			return true;
	return false;
}

bool
opt_letter_means(char letter, const char *name)
{
	size_t i, k;

	for (i = 0; i < COUNT(letters); i++)
		for (k = 0; k < COUNT(letters[i].name); k++)
			if (letters[i].letter == letter &&
			    letters[i].name[k] != NULL &&
			    strcmp(letters[i].name[k], name) == 0)
				return true;
	return false;
}

bool
opt_is_namesake(const char *name, char letter)
{
	size_t i;

	if (letter != 0 || !opt_is_common(name))
		return false;
	for (i = 0; i < COUNT(letters); i++)
		if (opt_letter_means(letters[i].letter, name))
			return true;
	return false;
}

bool
opt_is_taken(const char *name, char letter)
{
	size_t i;

	for (i = 0; i < COUNT(taken); i++)
		if (strcmp(taken[i].name, name) == 0 ||
		    (letter != 0 && taken[i].letter == letter))
			return true;
	return false;
}

static bool
is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 1 && name[len] == '\0' && *name != '-';
}

/* What is wrong with a row, given the ones before it; NULL if nothing. */
static const char *
row_fault(const struct opt *table, const struct opt *row)
{
	bool flag = row->kind == OPT_KIND_BOOL || row->kind == OPT_KIND_COUNT;
	const struct opt *other;

	if (!is_name(row->name))
		return "a name is two or more of a-z 0-9 -";
	if (row->help == NULL || flag != (row->arg == NULL))
		return "its help or its argument's name is missing";
	if (opt_is_taken(row->name, row->letter))
		return "all programs have this name or letter";
	if (row->letter != 0 && !opt_letter_means(row->letter, row->name))
		return "the letter means something else elsewhere";
	for (other = table; other < row; other++)
		if (strcmp(other->name, row->name) == 0 ||
		    (row->letter != 0 && row->letter == other->letter))
			return "the name or letter is used twice";
	return NULL;
}

int
opt_check(const struct opt *table, char error[OPT_CHECK_ERROR])
{
	const struct opt *row;

	for (row = table; row->kind != OPT_KIND_END; row++) {
		const char *fault = row_fault(table, row);

		if (fault != NULL) {
			snprintf(error, OPT_CHECK_ERROR, "--%s: %s", row->name,
				 fault);
			return -1;
		}
	}
	return 0;
}
