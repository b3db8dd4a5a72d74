/*
 * dedup.h - what duplicates are told by
 */
#ifndef COMMON_DEDUP_H
#define COMMON_DEDUP_H

#include <stddef.h>

#include "common/digest.h"
#include "common/event.h"
#include "common/json.h"

struct dedup {
	const char *text;            /* a JSON Pointer; NULL: the id */
	struct json_pointer pointer; /* private from here on */
	struct buf tmp;
	char digest[DIGEST_TEXT];
};

/* Parse text.  Returns 0, or -1 if it is not a JSON Pointer. */
int dedup_init(struct dedup *d);
void dedup_release(struct dedup *d);

/*
 * The key of an event: the value at the pointer; without one the envelope's id
 * (whose role must have been noted), else the event's bytes.  A long one is
 * given as its digest.  Valid until the next call or as long as the event.
 * Returns 0, or -1 if there is no value at the pointer.
 */
int dedup_key(struct dedup *d, const struct event *ev, const char **key,
	      size_t *len);

#endif
