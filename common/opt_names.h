/*
 * opt_names.h - what the names of options mean in all programs
 */
#ifndef COMMON_OPT_NAMES_H
#define COMMON_OPT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Whether this is the name of one of the programs, whose settings in the config
 * file ("evsub.lease") the others skip. */
bool opt_is_program(const char *name, size_t len);

/* Whether a letter may stand for a long name. */
bool opt_letter_means(char letter, const char *name);

/* Whether a name that means the same in all programs means something else in a
 * row, which has not its letter: a plain setting of the file is not the row's. */
bool opt_is_namesake(const char *name, char letter);

/* Whether the rows that every program has take this name or letter (0: only
 * look at the name). */
bool opt_is_taken(const char *name, char letter);

#endif
