/*
 * file.h - files that are read and replaced as a whole
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>

#include "common/buf.h"

/* Append all that fd gives.  Returns 0, or -1 with errno set: EFBIG if that is
 * more than max_bytes, and then a little more than these were appended. */
int file_read_fd(int fd, size_t max_bytes, struct buf *text);

/*
 * Make the file hold these bytes: they are written to another one beside it,
 * synced, and renamed, so that others, and a crash, see the old bytes or the new
 * ones.  Returns 0, or -1 with errno set and the old file as it was.
 */
int file_replace(const char *path, const char *text, size_t len);

#endif
