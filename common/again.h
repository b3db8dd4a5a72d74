/*
 * again.h - the words of a command line, to be said again
 *
 * For messages that tell how to go on or how to undo: what the user typed, as a
 * shell takes it, less the options that the message gives anew.
 */
#ifndef COMMON_AGAIN_H
#define COMMON_AGAIN_H

#include "common/buf.h"
#include "common/opt.h"

/*
 * Append the words behind argv[0], each after a blank and quoted where a shell
 * needs it, without the options of these long names (up to NULL) and their
 * arguments.  The table is the one that the words were parsed by, argv as it was
 * before (opt_parse() reorders it).  Passwords in URLs are masked.
 */
void again_put(struct buf *b, const struct opt *table, char *const *argv,
	       const char *const *without);

/* Append one word, quoted where a shell needs it. */
void again_put_word(struct buf *b, const char *word);

#endif
