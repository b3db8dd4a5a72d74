/*
 * config.h - the config file: sections of name = value lines
 *
 *     url = redis://localhost        # before any section: always
 *     [prod]                         # taken with --profile prod
 *     url = rediss://events.example.com
 *     evsub.lease = 60s              # for evsub alone
 *     [routes]                       # a table that some program reads
 *     order.* = orders
 *     [envelope acme]                # one of a kind of tables
 *     id = /head/key
 *
 * One setting a line, blanks around names and values dropped, # or ; at the
 * start of a line or behind a blank starts a comment, a value may stand in
 * double quotes (with \" \\ and \n inside).  UTF-8, at most 1 MiB.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stddef.h>

#include "common/buf.h"

struct config_line {
	const char *section; /* "" before the first section */
	const char *name, *value;
	unsigned number; /* of the line in the file, from 1 */
};

struct config {
	const char *path; /* NULL if there is no file */
	struct config_line *line;
	size_t count;
	char error[256];
	char *text; /* private from here on: what the lines point into */
	const char **section; /* each header's name */
	size_t section_count;
	char *owned_path;
};

/*
 * Load EV_CONFIG, else $XDG_CONFIG_HOME/ev/config, else ~/.config/ev/config.
 * That the default file is missing is fine, that EV_CONFIG's is missing is not.
 * Returns 0, or -1 with error set ("path:line: what").
 */
int config_load(struct config *c);

/* Load this file, which must be there, likewise. */
int config_read(struct config *c, const char *path);

/* Parse text as load does, under the name path, which is borrowed (for tests
 * and fuzzing). */
int config_parse(struct config *c, const char *path, const char *text,
		 size_t len);

/* The last value of a name in a section; NULL if it is not there. */
const char *config_get(const struct config *c, const char *section,
		       const char *name);

/* Whether any header names this section; the head, "", is always there. */
int config_has_section(const struct config *c, const char *section);

/*
 * Append a value so that config_parse() reads the same bytes back: in quotes
 * where it needs them.  The value is UTF-8 without NUL.
 */
void config_put_value(struct buf *out, const char *value);

/* Free what it holds, also after a failure.  A zeroed config is empty and valid;
 * its error survives. */
void config_release(struct config *c);

#endif
