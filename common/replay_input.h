/*
 * replay_input.h - events from files: the records that evtail -m, evtrim
 * --archive and evdlq write, or bare events
 *
 * A line is a record if it is an object with a string "stream", an "id" of the
 * form MS-SEQ and a body ("event", "fields", "text", "base64"), or with "dead";
 * every other object is a bare event, which has no id.  The body's bytes are
 * those of the original.  Files are read in order, "-" is standard input; lines
 * are numbered through all of them.
 *
 * A line that can't be used is refused with its file, number and reason, and
 * counted; the next one follows.
 */
#ifndef COMMON_REPLAY_INPUT_H
#define COMMON_REPLAY_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/line.h"
#include "common/progress.h"
#include "common/record.h"

struct replay_input {
	/* Set by the caller. */
	char *const *file;
	size_t files;
	uint64_t skip; /* lines to pass over first */
	size_t max_bytes;
	struct progress *progress; /* cleared before a message */
	struct record *record;     /* gets the current event */

	/* See line.h; only called for what may block, not for regular files. */
	int (*wait)(void *arg, int fd);
	void *arg;

	uint64_t line;        /* of the current event, through all files */
	uint64_t refused;     /* lines */
	uint64_t bytes, size; /* read so far; of all files, 0 if unknown */

	size_t at;       /* private from here on: the file */
	uint64_t before; /* lines of the files before it */
	int fd;
	bool open;
	struct line_reader lines;
	struct record_line parsed;
};

/* Look at all files.  Returns 0, or -1 after a message if one can't be read. */
int replay_input_open(struct replay_input *in);
void replay_input_close(struct replay_input *in);

/* Advance to the next event.  Returns 1 with *record set (stream and id only if it
 * came in a record; valid until the next call); 0 at the end or at a stop; -1
 * after a message if reading failed. */
int replay_input_next(struct replay_input *in);

/* Whether all lines were read, so that the end was no stop. */
bool replay_input_at_end(const struct replay_input *in);

/* Refuse the current line for a reason found later. */
void replay_input_refuse(struct replay_input *in, const char *why);

/* Where the current line is, as FILE:LINE, for messages; valid until the next
 * call. */
const char *replay_input_name(const struct replay_input *in);
uint64_t replay_input_number(const struct replay_input *in);

#endif
