/*
 * convert.h - CloudEvents as domain events, and back
 *
 *     cloudevents              domain
 *     id type time             event_id event_type timestamp
 *     subject sequence         aggregate_id aggregate_version
 *     data                     data
 *     source version priority  metadata/source …/version …/priority
 *     correlationid            metadata/correlation_id
 *     causationid              metadata/causation_id
 *     user                     metadata/user_id
 *     any other NAME           metadata/NAME
 *
 * Values stay byte for byte, data comes last.  What a CloudEvent has no place
 * for becomes an extension: the name in lower case without what is not of a-z
 * and 0-9, with a number behind it if there is one of that name; a value that no
 * attribute may have becomes a string, the value's JSON.  So nothing is lost,
 * and a CloudEvent that was made a domain event comes back as it was, but for
 * the order of its members.  A domain event comes back with what had no place in
 * metadata, by its extension's name.
 */
#ifndef COMMON_CONVERT_H
#define COMMON_CONVERT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/event.h"

enum convert_to { CONVERT_NOT, CONVERT_CLOUDEVENTS, CONVERT_DOMAIN };

/* Reused from one event to the next.  A zeroed struct is valid. */
struct convert {
	struct buf made; /* the event, after convert_event() returned 1 */
	char error[EVENT_ERROR];

	struct buf rest, names, name, tmp, sample; /* private */
	struct json_doc doc;
	size_t extensions;
	bool careful; /* values are looked at one by one */
	bool has_version, has_source;
};

/* "cloudevents" or "domain"; NULL: not at all.  0, or -1 for another name. */
int convert_parse(const char *name, enum convert_to *to);

/*
 * Convert an event whose envelope was recognised (event_recognise()), and which
 * stays as it is.  Returns 1 with made set; 0 if it is of that envelope already;
 * -1 with error set: it has no envelope or one of the config file, its id or
 * type is none for a CloudEvent, or it has more than 1000 extensions.
 */
int convert_event(struct convert *c, enum convert_to to,
		  const struct event *ev);

void convert_release(struct convert *c);

#endif
