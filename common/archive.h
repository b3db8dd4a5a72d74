/*
 * archive.h - a file of records, to which each run appends
 *
 * One record a line, as `evtail -m` prints them, of any number of streams.  Each
 * stream's come in the order of their ids, and are on the disk after
 * archive_sync(): only then may the entries go.
 *
 * A run that ended between the two left entries that are in the archive already,
 * and perhaps half a line at its end.  The half line is cut off; archive_find()
 * tells how far the entries that are left have been archived.
 */
#ifndef COMMON_ARCHIVE_H
#define COMMON_ARCHIVE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/id.h"
#include "common/out.h"
#include "common/record.h"

struct archive {
	const char *path;    /* borrowed */
	char error[512];     /* "path: why", after a function returned -1 */
	struct out out;      /* private from here on */
	off_t synced;        /* bytes that are on the disk */
	uint64_t since_sync; /* bytes of events appended since then */
	uint64_t begun;      /* of these, the disk was told to begin with */
};

/*
 * Open the file, or make it, and lock it against other runs.  A file that is not
 * of records is refused, and one that is no regular file.  Returns 0, or -1 with
 * error set.
 */
int archive_open(struct archive *a, const char *path);

/*
 * Whether the entry `first` of a stream, its first one now, is in the file: 1 with
 * the last id that the file has of the stream set, up to which all is there; 0;
 * -1 with error set.  Reads the file backwards until it is known: in whole if the
 * stream is not in it.
 */
int archive_find(struct archive *a, const char *stream, struct id first,
		 struct id *last);

/* Append a record. */
int archive_add(struct archive *a, const struct record *r);

/* Put what was appended on the disk.  If that fails, what was is cut off again,
 * as far as the file can be. */
int archive_sync(struct archive *a);

/* Close and unlock the file; a zeroed struct is fine. */
void archive_close(struct archive *a);

#endif
