/*
 * opt_help.h - what --help, --version and --dump-config print
 */
#ifndef COMMON_OPT_HELP_H
#define COMMON_OPT_HELP_H

#include <stddef.h>

#include "common/buf.h"
#include "common/opt.h"

/* Where the value of a row was found. */
enum opt_from { OPT_FROM_PROGRAM, OPT_FROM_WORDS, OPT_FROM_ENV, OPT_FROM_FILE };

struct opt_origin {
	enum opt_from from;
	char letter;     /* OPT_FROM_WORDS: as given; 0: the long name */
	const char *env; /* OPT_FROM_ENV: the variable's name, of */
	size_t env_len;  /* that many bytes */
	const struct config_line *line; /* OPT_FROM_FILE */
	const char *text; /* as given; NULL if the program or no text gave it */
};

/* Append each page; rows are the program's and the common ones, count of them,
 * and origins stand beside their rows. */
void opt_help_put(struct buf *out, const struct opt_program *program,
		  const struct opt *rows, size_t count);
void opt_version_put(struct buf *out);
void opt_dump_put(struct buf *out, const struct opt *rows,
		  const struct opt_origin *origins, size_t count,
		  const struct config *config, const char *profile);

#endif
