/*
 * checkpoint.h - a file that remembers how far each stream was read
 *
 * One line a stream: {"stream":"orders","id":"1795209426824-213"}; a name that
 * is no UTF-8 is "base64" in place of "stream".  A "tag" is a text that belongs to
 * the position.  The file is replaced as a whole
 * (write, fsync, rename), so that a crash leaves the old one or the new one.
 */
#ifndef COMMON_CHECKPOINT_H
#define COMMON_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/id.h"

struct checkpoint {
	const char *path; /* borrowed */
	struct checkpoint_entry {
		char *stream, *tag; /* tag: NULL if there is none */
		struct id id;
	} * entry;
	size_t count;
	bool changed;
	char error[256];
};

/* Read the file; that there is none yet is fine.  Returns 0, or -1 with error
 * set ("path: what" or "path:line: what"). */
int checkpoint_open(struct checkpoint *c, const char *path);

/* The last id of a stream; false if the file does not name it. */
bool checkpoint_get(const struct checkpoint *c, const char *stream,
		    struct id *id);

/* Note an id; only ids that are larger than the noted one count. */
void checkpoint_set(struct checkpoint *c, const char *stream, struct id id);

/* The tag of a stream, NULL if there is none; give one to a stream that is
 * named, which is valid UTF-8. */
const char *checkpoint_tag(const struct checkpoint *c, const char *stream);
void checkpoint_set_tag(struct checkpoint *c, const char *stream,
			const char *tag);

/* Write the file if anything was noted since the last time.  0, or -1. */
int checkpoint_save(struct checkpoint *c);

void checkpoint_close(struct checkpoint *c);

#endif
