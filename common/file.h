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
 * A file to be replaced: what is written to fd goes to another one beside it,
 * which takes its place when it is synced, so that others, and a crash, see the
 * old bytes or the new ones.  What is no regular file is refused (ENOTSUP).
 */
struct file_new {
	const char *path; /* borrowed */
	int fd;
	struct buf temporary; /* private */
};

/* file_begin() and file_commit() return 0, or -1 with errno set, and the old
 * file is as it was.  After a file_begin() that succeeded one of the others is
 * called. */
int file_begin(struct file_new *f, const char *path);
int file_commit(struct file_new *f);
void file_abort(struct file_new *f);

/* All of this with these bytes.  Returns 0, or -1 with errno set. */
int file_replace(const char *path, const char *text, size_t len);

#endif
