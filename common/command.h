/*
 * command.h - commands as the Redis protocol wants them: an array of texts
 */
#ifndef COMMON_COMMAND_H
#define COMMON_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Append the start of a command of argc words, which must follow. */
void command_begin(struct buf *out, size_t argc);

/* Append a word: arbitrary bytes, a NUL-terminated text, a decimal number. */
void command_add(struct buf *out, const char *text, size_t len);
void command_adds(struct buf *out, const char *word);
void command_addu(struct buf *out, uint64_t n);

#endif
